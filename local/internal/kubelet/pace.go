package kubelet

import (
	"fmt"
	"time"
)

// Pace is how fast pods live.
type Pace string

// The paces, and the pod annotation that sets another one for a single pod.
const (
	Instant        Pace = "instant"
	Realistic      Pace = "realistic"
	PaceAnnotation      = "simulate.seldonctl/pace"
)

// ParsePace reads a pace.
func ParsePace(text string) (Pace, error) {
	switch pace := Pace(text); pace {
	case Instant, Realistic:
		return pace, nil
	default:
		return "", fmt.Errorf("the pace %q is not known: use %s or %s", text, Instant, Realistic)
	}
}

// span is a time between two limits.
type span struct{ least, most time.Duration }

// times are how long each step takes.
type times struct {
	sandbox, pull, create, init, ready, crash, stop span
	// sync is until a kubelet looks at a container again that has just failed, retry between attempts without back-off, probe between probes.
	sync, retry, probe time.Duration
	// evict is until a kubelet sees that a container uses too much of the disk.
	evict time.Duration
	// first is the first back-off; each further one is twice as long, to five minutes.
	first time.Duration
}

func timesOf(pace Pace) times {
	const ms = time.Millisecond
	if pace == Realistic {
		return times{
			sandbox: span{200 * ms, 500 * ms}, pull: span{600 * ms, 1400 * ms}, create: span{100 * ms, 300 * ms}, init: span{1000 * ms, 2000 * ms},
			ready: span{500 * ms, 1500 * ms}, crash: span{1000 * ms, 2000 * ms}, stop: span{1000 * ms, 3000 * ms},
			sync: time.Second, retry: 10 * time.Second, probe: 5 * time.Second, evict: 10 * time.Second, first: 10 * time.Second,
		}
	}
	return times{
		crash: span{300 * ms, 300 * ms},
		sync:  200 * ms, retry: 2 * time.Second, probe: time.Second, evict: time.Second, first: 2 * time.Second,
	}
}

// backOff is how long the kubelet waits after so many failures.
func (t times) backOff(failures int) time.Duration {
	return doubled(t.first, failures, 5*time.Minute)
}

// mountBackOff is how long a kubelet waits before it tries again to mount a volume.
func mountBackOff(failures int) time.Duration {
	return doubled(500*time.Millisecond, failures, 2*time.Minute+2*time.Second)
}

// doubled is a time that is twice as long after each further failure.
func doubled(first time.Duration, failures int, longest time.Duration) time.Duration {
	for range failures - 1 {
		if first *= 2; first >= longest {
			return longest
		}
	}
	return first
}

// span is a time within the limits that differs from pod to pod and from step to step, and is always the same for one.
func (s *step) span(name string, limits span) time.Duration {
	width := limits.most - limits.least
	if width <= 0 {
		return limits.least
	}
	return limits.least + time.Duration(hash(string(s.Pod.UID), name)%uint64(width))
}
