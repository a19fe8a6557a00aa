package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// member is one container of a pod that takes a step.
type member struct {
	spec  *corev1.Container
	state *Container
	field string
	init  bool
	// first means that it is the first of the containers, or of the init containers that are to end.
	first bool
}

// container lets one container take the step that is due, if there is one.
func (s *step) container(m member) bool {
	c := m.state
	switch c.Phase {
	case Waiting:
		s.startPull(m)
		return true
	case Pulling:
		return s.due(c.Since.Add(s.pullTime(m))) && s.endPull(m)
	case PullFailed:
		return s.due(c.Since.Add(s.times.sync)) && s.backOffPull(m)
	case PullBackOff:
		return s.due(c.Since.Add(s.times.backOff(c.Attempts))) && s.pullAgain(m)
	case Creating:
		return s.due(c.Since.Add(s.span("create"+m.spec.Name, s.times.create))) && s.run(m)
	case ConfigError:
		return s.due(c.Since.Add(s.times.retry)) && s.configureAgain(m)
	case Running:
		return s.running(m)
	case Exited, StartFailed:
		return !s.stays(m) && s.due(c.Since.Add(s.times.sync)) && s.afterExit(m)
	case BackOff:
		return s.due(c.Since.Add(s.times.backOff(int(c.Restarts)))) && s.startAgain(m)
	case Completed:
		return false
	default:
		return false
	}
}

func (s *step) to(c *Container, phase Phase) { c.Phase, c.Since = phase, s.Now }

// stays says whether a container that has ended is left alone.
func (s *step) stays(m member) bool {
	return s.Pod.Spec.RestartPolicy == corev1.RestartPolicyNever && !isSidecar(m.spec)
}

func (s *step) startPull(m member) {
	if m.state.Asks = s.mustPull(m); m.state.Asks {
		s.tell(corev1.EventTypeNormal, "Pulling", fmt.Sprintf("Pulling image %q", m.spec.Image), m.field)
	}
	s.to(m.state, Pulling)
}

func (s *step) pullAgain(m member) bool { s.startPull(m); return true }

// mustPull says whether the kubelet asks the registry.
func (s *step) mustPull(m member) bool {
	return m.spec.ImagePullPolicy == corev1.PullAlways || s.pullError(m) != "" || !s.Present(m.spec.Image)
}

// pullError is why an image cannot be pulled now, or nothing.
func (s *step) pullError(m member) string {
	if unknownHost(m.spec.Image) != "" {
		return noSuchHost(m.spec.Image)
	}
	if pull := s.illness(m, s.Now).pull; pull != nil {
		return pull(m.spec.Image)
	}
	return ""
}

func (s *step) pullTime(m member) time.Duration {
	switch {
	case !m.state.Asks:
		return 0
	case s.Present(m.spec.Image):
		return s.span("pull"+m.spec.Name, s.times.pull) / 4
	default:
		return s.span("pull"+m.spec.Name, s.times.pull)
	}
}

func (s *step) endPull(m member) bool {
	if why := s.pullError(m); why != "" {
		s.tell(corev1.EventTypeWarning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", m.spec.Image, why), m.field)
		s.tell(corev1.EventTypeWarning, "Failed", "Error: ErrImagePull", m.field)
		m.state.Attempts++
		m.state.Why = why
		s.to(m.state, PullFailed)
		return true
	}
	return s.configure(m)
}

// configure makes a container's configuration from what it names, when its image is there.
func (s *step) configure(m member) bool {
	s.pulled(m)
	if config := s.illness(m, s.Now).config; config != nil {
		m.state.Why = config(s.Pod, m.spec)
		s.tell(corev1.EventTypeWarning, "Failed", "Error: "+m.state.Why, m.field)
		s.to(m.state, ConfigError)
		return true
	}
	s.to(m.state, Creating)
	return true
}

// pulled tells how the image came here.
func (s *step) pulled(m member) {
	if !m.state.Asks {
		s.tell(corev1.EventTypeNormal, "Pulled", fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", m.spec.Image), m.field)
		return
	}
	took := s.pullTime(m).Round(time.Millisecond)
	s.tell(corev1.EventTypeNormal, "Pulled", fmt.Sprintf("Successfully pulled image %q in %s (%s including waiting). Image size: %d bytes.",
		m.spec.Image, took, took, imageSize(m.spec.Image)), m.field)
}

func (s *step) backOffPull(m member) bool {
	s.tell(corev1.EventTypeNormal, "BackOff", fmt.Sprintf("Back-off pulling image %q", m.spec.Image), m.field)
	s.tell(corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff", m.field)
	s.to(m.state, PullBackOff)
	return true
}

func (s *step) configureAgain(m member) bool {
	m.state.Asks = s.mustPull(m)
	return s.configure(m)
}

func (s *step) run(m member) bool {
	s.tell(corev1.EventTypeNormal, "Created", "Container created", m.field)
	c := m.state
	c.Last = c.Ended
	if start := s.illness(m, s.Now).start; start != nil {
		return s.failToStart(m, start(m.spec))
	}
	s.tell(corev1.EventTypeNormal, "Started", "Container started", m.field)
	s.to(c, Running)
	c.Ended = nil
	c.Started = m.spec.StartupProbe == nil
	c.Ready = c.Started && s.readyAtOnce(m)
	c.Probed, c.Failures = time.Time{}, 0
	return true
}

// failToStart ends a container that has never run. The runtime does not say when it should have begun.
func (s *step) failToStart(m member, why string) bool {
	s.tell(corev1.EventTypeWarning, "Failed", "Error: "+why, m.field)
	exit(m.state, s.Now, 128, "StartError")
	m.state.Phase, m.state.Ended.Message, m.state.Ended.StartedAt = StartFailed, why, metav1.Unix(0, 0)
	return true
}

// running lets a running container end, be probed or become ready.
func (s *step) running(m member) bool {
	c := m.state
	if code, reason, ends := s.ending(m); ends {
		if !s.due(c.Since.Add(s.lifetime(m))) {
			return false
		}
		exit(c, s.Now, code, reason)
		if code == 0 {
			c.Phase = Completed
		}
		return true
	}
	if s.ill.deaf && s.hits(m) {
		return s.probe(m)
	}
	if c.Ready || !s.due(c.Since.Add(s.span("ready"+m.spec.Name, s.times.ready)+s.delayOf(m))) {
		return false
	}
	c.Started, c.Ready = true, true
	return true
}

// ending is how a container ends by itself, if it does: one that is ill when it starts, and an init container that has done its work.
func (s *step) ending(m member) (code int32, reason string, ends bool) {
	ill := s.illness(m, m.state.Since)
	switch {
	case m.init && isSidecar(m.spec):
		return 0, "", false
	case ill.reason != "":
		return ill.code, ill.reason, true
	case m.init:
		return 0, "Completed", true
	default:
		return 0, "", false
	}
}

func (s *step) lifetime(m member) time.Duration {
	if m.init && s.illness(m, m.state.Since).reason == "" {
		return s.span("init"+m.spec.Name, s.times.init)
	}
	return s.span("crash"+m.spec.Name, s.times.crash)
}

// exit ends a running container.
func exit(c *Container, now time.Time, code int32, reason string) {
	c.Ended = &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, StartedAt: metav1.NewTime(c.Since), FinishedAt: metav1.NewTime(now)}
	c.Phase, c.Since, c.Ready, c.Started = Exited, now, false, false
}

// afterExit restarts a container at once after its first end, and later only after a back-off.
func (s *step) afterExit(m member) bool {
	if m.state.Restarts == 0 {
		return s.startAgain(m)
	}
	s.tell(corev1.EventTypeWarning, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", m.spec.Name, podText(s.Pod)), m.field)
	s.to(m.state, BackOff)
	return true
}

func (s *step) startAgain(m member) bool {
	m.state.Restarts++
	m.state.Asks = s.mustPull(m)
	s.pulled(m)
	return s.run(m)
}

// podText is how a kubelet writes a pod.
func podText(pod *corev1.Pod) string {
	return fmt.Sprintf("%s_%s(%s)", pod.Name, pod.Namespace, pod.UID)
}
