package kubelet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// mostFailures is how many liveness probes may fail in a row before the kubelet ends a container: the API server's default.
const mostFailures = 3

// readyAtOnce says whether nothing delays a container's readiness: without a readiness probe it is ready as soon as it runs.
func (s *step) readyAtOnce(m member) bool {
	ill := s.illness(m, s.Now)
	return m.spec.ReadinessProbe == nil && (!m.init || isSidecar(m.spec)) && s.slowness(m) == 0 && (!ill.deaf || ill.killed)
}

// slowness is by how much the annotation delays a container's readiness.
func (s *step) slowness(m member) time.Duration {
	if m.first && !m.init {
		return s.fault.Slow
	}
	return 0
}

// delayOf is by how much later than others a container is ready. One that fills the disk is not done with loading its model before that.
func (s *step) delayOf(m member) time.Duration {
	if s.hits(m) && s.ill.evicted {
		return s.slowness(m) + s.times.evict
	}
	return s.slowness(m)
}

// probe asks, once in each probe period, a container that does not answer, until it does.
func (s *step) probe(m member) bool {
	c := m.state
	last := c.Probed
	if last.IsZero() {
		last = c.Since
	}
	if c.Ready && s.healed(s.Now) || !s.due(last.Add(s.times.probe)) {
		return false
	}
	c.Probed, c.Started = s.Now, true
	if s.healed(s.Now) {
		c.Ready = true
		return true
	}
	if !s.ill.killed || m.spec.ReadinessProbe != nil {
		s.tell(corev1.EventTypeWarning, "Unhealthy", "Readiness probe failed: "+probeError(m.spec, m.spec.ReadinessProbe, podIP(s.Pod)), m.field)
	}
	if s.ill.killed {
		s.failLiveness(m)
	}
	return true
}

// failLiveness counts the liveness probes that failed, and ends the container after the last that may.
func (s *step) failLiveness(m member) {
	s.tell(corev1.EventTypeWarning, "Unhealthy", "Liveness probe failed: "+probeError(m.spec, m.spec.LivenessProbe, podIP(s.Pod)), m.field)
	if m.state.Failures++; m.state.Failures < mostFailures {
		return
	}
	s.tell(corev1.EventTypeNormal, "Killing", fmt.Sprintf("Container %s failed liveness probe, will be restarted", m.spec.Name), m.field)
	exit(m.state, s.Now, killedCode, "Error")
}

// probeError is what a kubelet says about a probe that nobody answers.
func probeError(c *corev1.Container, probe *corev1.Probe, ip string) string {
	switch {
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
