package kubelet

import (
	"fmt"
	"strconv"
	"strings"
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
	// faulty means that the pod's fault, if it has one, may hit this container.
	faulty bool
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
		return s.due(c.Since.Add(s.times.retry)) && s.failToCreate(m)
	case Running:
		return s.running(m)
	case Exited:
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
	return m.spec.ImagePullPolicy == corev1.PullAlways || s.badImage(m) || !s.Present(m.spec.Image)
}

func (s *step) badImage(m member) bool {
	return m.faulty && !m.init && s.fault.Kind == ImageNotFound || unknownHost(m.spec.Image) != ""
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
	if s.badImage(m) {
		s.tell(corev1.EventTypeWarning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", m.spec.Image, pullError(m.spec.Image)), m.field)
		s.tell(corev1.EventTypeWarning, "Failed", "Error: ErrImagePull", m.field)
		m.state.Attempts++
		s.to(m.state, PullFailed)
		return true
	}
	s.pulled(m)
	if s.fault.Kind == BadConfig && m.faulty && !m.init {
		return s.refuse(m)
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

func (s *step) failToCreate(m member) bool {
	m.state.Asks = s.mustPull(m)
	s.pulled(m)
	return s.refuse(m)
}

func (s *step) refuse(m member) bool {
	s.tell(corev1.EventTypeWarning, "Failed", "Error: "+missingSecret(m.spec), m.field)
	s.to(m.state, ConfigError)
	return true
}

func (s *step) run(m member) bool {
	s.tell(corev1.EventTypeNormal, "Created", "Container created", m.field)
	s.tell(corev1.EventTypeNormal, "Started", "Container started", m.field)
	c := m.state
	s.to(c, Running)
	c.Last = c.Ended
	c.Ended = nil
	c.Started = m.spec.StartupProbe == nil
	c.Ready = m.spec.ReadinessProbe == nil && c.Started && s.delayOf(m) == 0 && !s.neverReady(m) && (!m.init || isSidecar(m.spec))
	c.Probed = time.Time{}
	return true
}

func (s *step) neverReady(m member) bool { return m.faulty && !m.init && s.fault.Kind == NeverReady }

// delayOf is by how much the fault delays a container's readiness.
func (s *step) delayOf(m member) time.Duration {
	if m.faulty && !m.init {
		return s.fault.Slow
	}
	return 0
}

// running lets a running container end, fail its probe or become ready.
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
	if c.Ready {
		return false
	}
	if s.neverReady(m) {
		return s.failProbe(m)
	}
	if !s.due(c.Since.Add(s.span("ready"+m.spec.Name, s.times.ready) + s.delayOf(m))) {
		return false
	}
	c.Started, c.Ready = true, true
	return true
}

// ending is how a container ends by itself, if it does.
func (s *step) ending(m member) (code int32, reason string, ends bool) {
	switch {
	case m.init && isSidecar(m.spec):
		return 0, "", false
	case m.init && m.faulty && s.fault.Kind == InitFails:
		return 1, "Error", true
	case m.init:
		return 0, "Completed", true
	case m.faulty && s.fault.Kind == CrashLoop:
		return 1, "Error", true
	case m.faulty && s.fault.Kind == OOMKilled:
		return 137, "OOMKilled", true
	default:
		return 0, "", false
	}
}

func (s *step) lifetime(m member) time.Duration {
	if m.init && (!m.faulty || s.fault.Kind != InitFails) {
		return s.span("init"+m.spec.Name, s.times.init)
	}
	return s.span("crash"+m.spec.Name, s.times.crash)
}

// failProbe tells, once in each probe period, that the readiness probe has failed.
func (s *step) failProbe(m member) bool {
	c := m.state
	last := c.Probed
	if last.IsZero() {
		last = c.Since
	}
	if !s.due(last.Add(s.times.probe)) {
		return false
	}
	c.Probed, c.Started = s.Now, true
	s.tell(corev1.EventTypeWarning, "Unhealthy", "Readiness probe failed: "+probeError(m.spec, podIP(s.Pod)), m.field)
	return true
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

func probeError(c *corev1.Container, ip string) string {
	switch probe := c.ReadinessProbe; {
	case probe != nil && probe.TCPSocket != nil:
		return fmt.Sprintf("dial tcp %s:%s: connect: connection refused", ip, portOf(c, probe.TCPSocket.Port.String()))
	case probe != nil && probe.Exec != nil:
		return "command " + fmt.Sprintf("%q", strings.Join(probe.Exec.Command, " ")) + " exited with 1"
	default:
		return "HTTP probe failed with statuscode: 503"
	}
}

// portOf is the number of a named port.
func portOf(c *corev1.Container, port string) string {
	for _, p := range c.Ports {
		if p.Name == port {
			return strconv.Itoa(int(p.ContainerPort))
		}
	}
	return port
}
