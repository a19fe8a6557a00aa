package snapshot

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// steadyRun is the run of a container after which the kubelet forgets its back-off: an exit that ends such a
// run is the first of a new series.
const steadyRun = 10 * time.Minute

// series tells which of a container's exits belong together.
type series struct {
	before int32 // how many exits lie before the series
	// steady says that a steady run divides them from it, and not only that nobody saw them.
	steady bool
}

// Exits returns how often a container has ended, and its last end; nil where it never has. The kubelet
// counts the starts after the first.
func Exits(c corev1.ContainerStatus) (int32, *corev1.ContainerStateTerminated) {
	switch {
	case c.State.Terminated != nil:
		return c.RestartCount + 1, c.State.Terminated
	case c.State.Running != nil:
		return c.RestartCount, c.LastTerminationState.Terminated
	}
	return c.RestartCount + 1, c.LastTerminationState.Terminated
}

// Looping reports whether the kubelet holds a container back because it has ended soon after an earlier end.
func Looping(c corev1.ContainerStatus) bool {
	return c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
}

// ExitsBefore returns how many exits of a container lie before its present series: before a steady run, or
// before it was first seen, as long as nothing shows that those were part of a loop.
func (s *Snapshot) ExitsBefore(pod types.UID, container string) int32 {
	return s.exits[pod][container].before
}

func (s *Snapshot) noteExits(pod *corev1.Pod) {
	known, seen := s.exits[pod.UID]
	noted := maps.Clone(known) // a snapshot that was made from this one goes on with the old one
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range list {
			now := noted[c.Name]
			exits, last := Exits(c)
			switch {
			case last != nil && !last.StartedAt.IsZero() && last.FinishedAt.Sub(last.StartedAt.Time) >= steadyRun:
				now = series{before: exits - 1, steady: true}
			case Looping(c) && !now.steady:
				now.before = 0
			case !seen && !Looping(c):
				now.before = c.RestartCount
			}
			if now != noted[c.Name] {
				if noted == nil {
					noted = map[string]series{}
				}
				noted[c.Name] = now
			}
		}
	}
	s.exits[pod.UID] = noted
}

// Fresh returns an empty Snapshot for what is read anew. It remembers of this one which exits of containers
// belong together, which no single look shows.
func (s *Snapshot) Fresh() *Snapshot {
	fresh := New()
	fresh.exits = maps.Clone(s.exits)
	return fresh
}
