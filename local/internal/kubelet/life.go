// Package kubelet is the simulated kubelet: it lets the pods on simulated nodes live as a real kubelet would show them, with conditions, container states,
// restarts and Events, and misbehave as their annotation asks. The life of a pod is a pure function (Advance) of what the pod is, what it has lived so far
// and the time; it must never run a container, and never touch a pod on a real node.
package kubelet

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Phase is where a container is in its life.
type Phase int

// The phases. A container that does well goes Waiting, Pulling, Creating, Running; an init container ends as Completed.
const (
	Waiting Phase = iota
	Pulling
	PullFailed
	PullBackOff
	Creating
	ConfigError
	Running
	StartFailed
	Exited
	BackOff
	Completed
)

// Container is what one container has lived so far.
type Container struct {
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// Started and Ready are what the probes have found.
	Started, Ready bool
	Restarts       int32
	// Asks means that the registry is asked for the image, and it does not lie on the node already.
	Asks bool
	// Attempts counts the pulls that failed.
	Attempts int
	// Why is the reason of the last pull or configuration that failed.
	Why string
	// Probed is when a probe last failed, Failures how many liveness probes have.
	Probed   time.Time
	Failures int
	// Ended is the last end of the container, Last the one before it as long as the container has not started again.
	Ended, Last *corev1.ContainerStateTerminated
}

// Life is what a pod has lived so far.
type Life struct {
	Admitted, Sandbox bool
	// Since is when the pod's current step began, Start when the kubelet first saw it.
	Since, Start time.Time
	// Tries counts the mounts or sandboxes that failed.
	Tries      int
	Init, Main []Container
	// Ending is when the pod began to end; zero as long as it does not.
	Ending time.Time
	// Stopped means that all containers have been ended, so that the pod can be removed.
	Stopped bool
	// Evicted is why the kubelet has ended the pod by itself; empty if it has not.
	Evicted string
}

// Event is something that a kubelet tells about a pod or one of its containers.
type Event struct {
	Type, Reason, Message string
	// Field is the part of the pod's spec that it is about; empty for the pod itself.
	Field string
}

// Input is all that a pod's next step depends on.
type Input struct {
	Pod  *corev1.Pod
	Life Life
	Pace Pace
	// Present says whether the node has an image already.
	Present func(image string) bool
	// Lost is when the first of those pods started that have failed and that this one was made in the place of; zero for none.
	Lost time.Time
	Now  time.Time
}

// Output is what the step leads to.
type Output struct {
	Life   Life
	Events []Event
	// Next is when time alone changes something; zero for never.
	Next time.Time
	// Remove means that the pod is over and its object can go.
	Remove bool
}

// Advance lets a pod live until now: everything that is due happens, however much it is.
func Advance(in Input) Output {
	s := &step{Input: in, fault: parseFault(in.Pod.Annotations[Annotation]), times: timesOf(in.Pace)}
	s.ill = kinds[s.fault.Kind]
	s.life = in.Life
	s.life.Init, s.life.Main = slices.Clone(in.Life.Init), slices.Clone(in.Life.Main)
	if in.Pod.DeletionTimestamp != nil {
		return s.end()
	}
	for s.pod() {
		s.next = time.Time{}
	}
	return Output{Life: s.life, Events: s.events, Next: s.next}
}

// step is one call of Advance.
type step struct {
	Input
	life   Life
	fault  Fault
	ill    ill
	times  times
	events []Event
	next   time.Time
}

// due says whether it is time, and remembers the earliest time that is not there yet.
func (s *step) due(at time.Time) bool {
	if !s.Now.Before(at) {
		return true
	}
	if s.next.IsZero() || at.Before(s.next) {
		s.next = at
	}
	return false
}

// pod takes every step that is due once, and says whether there was one.
func (s *step) pod() bool {
	spec := &s.Pod.Spec
	if !s.life.Admitted {
		s.life.Admitted, s.life.Since, s.life.Start = true, s.Now, s.Now
		s.life.Init, s.life.Main = make([]Container, len(spec.InitContainers)), make([]Container, len(spec.Containers))
		if s.fault.Unknown != "" {
			s.tell(corev1.EventTypeWarning, "UnknownSimulation", "The annotation "+Annotation+" says \""+s.fault.Unknown+"\", which is not known: the pod behaves well", "")
		}
		return true
	}
	if !s.life.Sandbox {
		return s.prepare()
	}
	if s.life.Stopped {
		return false
	}
	if s.evict() {
		return true
	}
	moved := false
	for i := range s.life.Init {
		m := member{spec: &spec.InitContainers[i], state: &s.life.Init[i], field: field("initContainers", spec.InitContainers[i].Name), init: true, first: i == firstInit(spec)}
		moved = s.container(m) || moved
		if !initDone(m.spec, m.state) {
			return moved
		}
	}
	for i := range s.life.Main {
		m := member{spec: &spec.Containers[i], state: &s.life.Main[i], field: field("containers", spec.Containers[i].Name), first: i == 0}
		moved = s.container(m) || moved
		// Containers are started one after the other: while one is being started for the first time, those behind it wait.
		if m.state.Restarts == 0 && m.state.Attempts == 0 && m.state.Phase < Running && m.state.Phase != ConfigError {
			return moved
		}
	}
	return moved
}

// prepare mounts the pod's volumes and makes its sandbox, as often as it takes.
func (s *step) prepare() bool {
	wait := s.span("sandbox", s.times.sandbox)
	switch {
	case s.life.Tries > 0 && s.ill.mount != nil:
		wait = mountBackOff(s.life.Tries)
	case s.life.Tries > 0:
		wait = s.times.retry
	}
	if !s.due(s.life.Since.Add(wait)) {
		return false
	}
	s.life.Since = s.Now
	switch healed := s.healed(s.Now); {
	case s.ill.mount != nil && !healed:
		s.tell(corev1.EventTypeWarning, "FailedMount", s.ill.mount(s.Pod), "")
	case s.ill.sandbox != nil && !healed:
		s.tell(corev1.EventTypeWarning, "FailedCreatePodSandBox", s.ill.sandbox(s.Pod, s.life.Tries), "")
	default:
		s.life.Sandbox = true
		return true
	}
	s.life.Tries++
	return true
}

// evict ends a pod that uses up the node's disk. Its object stays; it is for its ReplicaSet to make another one.
func (s *step) evict() bool {
	first := s.life.Main[0]
	if !s.ill.evicted || first.Phase != Running || s.healed(s.Now) || !s.due(first.Since.Add(s.times.evict)) {
		return false
	}
	s.life.Evicted = diskUsed(s.Pod)
	s.tell(corev1.EventTypeWarning, "Evicted", s.life.Evicted, "")
	s.stopAll()
	s.exitAll(killedCode, "Error")
	s.life.Stopped = true
	return true
}

// killedCode is the exit code of a container that the kubelet has killed.
const killedCode = 137

// firstInit is the index of the first init container that is not a sidecar, or -1.
func firstInit(spec *corev1.PodSpec) int {
	return slices.IndexFunc(spec.InitContainers, func(c corev1.Container) bool { return !isSidecar(&c) })
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// initDone says whether the next init container may start.
func initDone(spec *corev1.Container, c *Container) bool {
	if isSidecar(spec) {
		return c.Phase == Running && c.Started
	}
	return c.Phase == Completed
}

func field(list, name string) string { return "spec." + list + "{" + name + "}" }

// end lets a pod that is being deleted end: its containers are told to stop, take a moment of their grace period, and are gone.
func (s *step) end() Output {
	if s.life.Stopped {
		return Output{Life: s.life, Remove: true}
	}
	if s.life.Ending.IsZero() {
		s.life.Ending = s.Now
		s.stopAll()
	}
	grace := s.span("stop", s.times.stop)
	if seconds := s.Pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = min(grace, time.Duration(*seconds)*time.Second)
	}
	if !s.due(s.life.Ending.Add(grace)) {
		return Output{Life: s.life, Events: s.events, Next: s.next}
	}
	s.exitAll(0, "Completed")
	s.life.Stopped = true
	return Output{Life: s.life, Events: s.events, Remove: true}
}

// stopAll tells that all containers that run are told to stop, and exitAll lets them.
func (s *step) stopAll() {
	s.stopping("initContainers", s.Pod.Spec.InitContainers, s.life.Init)
	s.stopping("containers", s.Pod.Spec.Containers, s.life.Main)
}

func (s *step) exitAll(code int32, reason string) {
	for _, list := range [][]Container{s.life.Init, s.life.Main} {
		for i := range list {
			if list[i].Phase == Running {
				exit(&list[i], s.Now, code, reason)
			}
		}
	}
}

func (s *step) stopping(list string, specs []corev1.Container, states []Container) {
	for i := range states {
		if states[i].Phase == Running {
			s.tell(corev1.EventTypeNormal, "Killing", "Stopping container "+specs[i].Name, field(list, specs[i].Name))
		}
	}
}

func (s *step) tell(kind, reason, message, field string) {
	s.events = append(s.events, Event{Type: kind, Reason: reason, Message: message, Field: field})
}
