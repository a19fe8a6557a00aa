package simworld

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const kubeletName = "kubelet"

// scheduler gives pods a node.
func (w *World) scheduler() *actor {
	heard := map[string]bool{}
	a := w.newActor("scheduler", w.Pace.Scheduler, func(c *change) []string {
		if c.Kind == "Pod" && c.Verb == "ADDED" {
			return []string{c.Object.GetName()}
		}
		return nil
	}, nil)
	a.look = func(name string) {
		pod, ok := asPod(w.get("Pod", name))
		if !ok || pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil {
			return
		}
		if ill := w.illFor(pod); ill != nil && ill.Kind == Unschedulable {
			const text = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
			w.podStatus(name, func(p *corev1.Pod) {
				podCondition(w.stamp(), p, corev1.PodScheduled, false, corev1.PodReasonUnschedulable, text)
			})
			w.event(pod, "Warning", "FailedScheduling", "default-scheduler", text)
			if !heard[name] {
				heard[name] = true
				w.scaleUp(name, *ill)
			}
			a.pokeIn(name, 5*time.Second)
			return
		}
		w.mutate("Pod", name, "kube-scheduler", "", func(o Object) {
			if p, ok := asPod(o); ok {
				p.Spec.NodeName = "node-1"
				podCondition(w.stamp(), p, corev1.PodScheduled, true, "", "")
			}
		})
		w.event(pod, "Normal", "Scheduled", "default-scheduler", "Successfully assigned "+namespace+"/"+name+" to node-1")
	}
	return a
}

func (w *World) illFor(pod *corev1.Pod) *Ill {
	nth, _ := strconv.Atoi(pod.Annotations[ordinal])
	return w.illOf(w.deploymentOf(pod), nth)
}

func (w *World) deploymentOf(pod *corev1.Pod) string {
	rs := w.uid(controllerOf(pod))
	if rs == nil || len(rs.GetOwnerReferences()) == 0 {
		return ""
	}
	return rs.GetOwnerReferences()[0].Name
}

// kubelet starts the pods that have a node and stops those that are to go.
func (w *World) kubelet() *actor {
	begun := map[string]bool{}
	return w.newActor("kubelet", 20*time.Millisecond, func(c *change) []string {
		pod, ok := asPod(c.Object)
		if !ok || c.Verb == "DELETED" || pod.Spec.NodeName == "" {
			return nil
		}
		return []string{pod.Name}
	}, func(name string) {
		pod, ok := asPod(w.get("Pod", name))
		if !ok {
			return
		}
		uid := string(pod.UID)
		switch {
		case pod.DeletionTimestamp != nil && !begun[uid+"-"]:
			begun[uid+"-"] = true
			w.stopPod(pod)
		case pod.DeletionTimestamp == nil && !begun[uid]:
			begun[uid] = true
			(&life{w: w, name: name, uid: uid, dice: w.dice("pod" + uid)}).begin(pod)
		}
	})
}

// deletePod is the DELETE of a pod, which leaves it its grace period if it has a node.
func (w *World) deletePod(pod *corev1.Pod, by string) {
	if pod.Spec.NodeName == "" || isFinished(pod) {
		w.remove(pod, by)
		return
	}
	grace := int64(30)
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		grace = *pod.Spec.TerminationGracePeriodSeconds
	}
	w.mutate("Pod", pod.Name, by, "", func(o Object) {
		at := metav1.NewTime(w.stamp().Add(time.Duration(grace) * time.Second))
		o.SetDeletionTimestamp(&at)
		o.SetDeletionGracePeriodSeconds(&grace)
	})
}

func (w *World) stopPod(pod *corev1.Pod) {
	dice := w.dice("stop" + string(pod.UID))
	w.event(pod, "Normal", "Killing", kubeletName, "Stopping container "+pod.Spec.Containers[0].Name)
	w.after(around(dice, w.Pace.Stop), func() {
		if now, ok := asPod(w.get("Pod", pod.Name)); ok && now.UID == pod.UID && len(now.Finalizers) == 0 {
			w.remove(now, kubeletName)
		}
	})
}

// podStatus changes a pod's status.
func (w *World) podStatus(name string, edit func(*corev1.Pod)) {
	w.mutate("Pod", name, kubeletName, "status", func(o Object) {
		if p, ok := asPod(o); ok {
			edit(p)
		}
	})
}

// life is the life of one pod on its node.
type life struct {
	w     *World
	name  string
	uid   string
	dice  *rand.Rand
	exits int32
	// tries are the exits that the back-off counts: those long ago are forgotten.
	tries int32
	init  int
}

// pod gives the pod if it is still there and not to go.
func (l *life) pod() *corev1.Pod {
	pod, ok := asPod(l.w.get("Pod", l.name))
	if !ok || string(pod.UID) != l.uid || pod.DeletionTimestamp != nil || isFinished(pod) {
		return nil
	}
	return pod
}

// after goes on with the pod later, if it is still there.
func (l *life) after(d time.Duration, do func(*corev1.Pod)) {
	l.w.after(d, func() {
		if pod := l.pod(); pod != nil {
			do(pod)
		}
	})
}

func (l *life) begin(pod *corev1.Pod) {
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		p.Status.StartTime = new(l.w.stamp())
		p.Status.ContainerStatuses, p.Status.InitContainerStatuses = nil, nil
		reason := "ContainerCreating"
		if len(p.Spec.InitContainers) > 0 {
			reason = "PodInitializing"
		}
		for _, c := range p.Spec.InitContainers {
			p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, waiting(c, reason, ""))
		}
		for _, c := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, waiting(c, reason, ""))
		}
		podCondition(l.w.stamp(), p, corev1.PodReady, false, "ContainersNotReady", "containers with unready status")
	})
	pull := around(l.dice, l.w.Pace.Pull)
	if ill := l.w.illFor(pod); ill != nil && ill.Kind == SlowPull {
		pull += 40 * time.Second
	}
	l.w.event(pod, "Normal", "Pulling", kubeletName, fmt.Sprintf("Pulling image %q", pod.Spec.Containers[0].Image))
	l.after(pull, l.initialize)
}

func waiting(c corev1.Container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// initialize runs the init containers one after the other.
func (l *life) initialize(pod *corev1.Pod) {
	if l.init >= len(pod.Spec.InitContainers) {
		l.start(pod)
		return
	}
	i := l.init
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		p.Status.InitContainerStatuses[i].State = running(l.w.stamp())
	})
	l.after(around(l.dice, l.w.Pace.Init), func(pod *corev1.Pod) {
		if ill := l.w.illFor(pod); ill != nil && ill.Kind == InitFails {
			l.exit(pod, true, 1, "Error", l.initialize)
			return
		}
		l.w.podStatus(l.name, func(p *corev1.Pod) {
			s := &p.Status.InitContainerStatuses[i]
			s.Ready, s.State = true, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: l.w.stamp()}}
		})
		l.init++
		l.exits, l.tries = 0, 0
		l.initialize(pod)
	})
}

func running(now metav1.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
}

// start starts the containers, unless something keeps them from it.
func (l *life) start(pod *corev1.Pod) {
	ill := l.w.illFor(pod)
	kind := IllKind("")
	if ill != nil {
		kind = ill.Kind
	}
	image := pod.Spec.Containers[0].Image
	switch kind {
	case ImageMissing:
		l.pull(pod, 0)
	case BadImageName:
		l.waits("InvalidImageName", fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format", image, image))
		l.after(5*time.Second, l.start)
	case ConfigMissing:
		l.waits("CreateContainerConfigError", `configmap "settings" not found`)
		l.w.event(pod, "Warning", "Failed", kubeletName, `Error: configmap "settings" not found`)
		l.after(around(l.dice, 10*time.Second), l.start)
	default:
		l.w.event(pod, "Normal", "Started", kubeletName, "Started container "+pod.Spec.Containers[0].Name)
		l.w.podStatus(l.name, func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodRunning
			for i := range p.Status.ContainerStatuses {
				p.Status.ContainerStatuses[i].State = running(l.w.stamp())
			}
			if kind == Relapse && l.exits == 0 {
				l.exits = oldRestarts
				p.Status.ContainerStatuses[0].RestartCount = oldRestarts
			}
		})
		l.run(pod, kind)
	}
}

// pull fails to pull the image, at ever longer intervals.
func (l *life) pull(pod *corev1.Pod, tries int) {
	if ill := l.w.illFor(pod); ill == nil || ill.Kind != ImageMissing {
		l.start(pod)
		return
	}
	image := pod.Spec.Containers[0].Image
	text := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", image, image, image)
	l.waits("ErrImagePull", "rpc error: code = NotFound desc = "+text)
	l.w.event(pod, "Warning", "Failed", kubeletName, fmt.Sprintf("Failed to pull image %q: %s", image, text))
	l.after(around(l.dice, 2*time.Second), func(*corev1.Pod) {
		l.waits("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, text))
		l.after(min(10*time.Second<<min(tries, 5), 5*time.Minute), func(pod *corev1.Pod) { l.pull(pod, tries+1) })
	})
}

// waits lets the first container wait for a reason.
func (l *life) waits(reason, message string) {
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		s := &p.Status.ContainerStatuses[0]
		s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	})
}

// oldRestarts is how often the container of a pod that relapses had been restarted when all was new.
const oldRestarts = 4

// run is what running containers do next.
func (l *life) run(pod *corev1.Pod, kind IllKind) {
	switch kind {
	case CrashLoop:
		l.after(around(l.dice, 2*time.Second), func(pod *corev1.Pod) { l.exit(pod, false, 1, "Error", l.start) })
	case OutOfMemory:
		l.after(around(l.dice, 4*time.Second), func(pod *corev1.Pod) { l.exit(pod, false, 137, "OOMKilled", l.start) })
	case Ousted:
		l.after(around(l.dice, 10*time.Second), l.evict)
	case NeverReady:
		l.w.event(pod, "Warning", "Unhealthy", kubeletName, "Readiness probe failed: connection refused")
		l.after(5*time.Second, func(pod *corev1.Pod) {
			kind := IllKind("")
			if ill := l.w.illFor(pod); ill != nil {
				kind = ill.Kind
			}
			l.run(pod, kind)
		})
	default:
		l.after(around(l.dice, l.w.Pace.Ready), func(pod *corev1.Pod) { l.ready(pod, kind) })
	}
}

// ready makes the pod ready, and what comes after that.
func (l *life) ready(pod *corev1.Pod, kind IllKind) {
	l.setReady(true)
	switch kind {
	case Flaps:
		l.after(around(l.dice, 3*time.Second), func(*corev1.Pod) {
			l.setReady(false)
			l.after(around(l.dice, 2*time.Second), func(pod *corev1.Pod) {
				kind := IllKind("")
				if ill := l.w.illFor(pod); ill != nil {
					kind = ill.Kind
				}
				l.ready(pod, kind)
			})
		})
	case Relapse:
		if l.tries == 0 {
			l.after(l.w.illFor(pod).Later, func(pod *corev1.Pod) {
				l.setReady(false)
				l.exit(pod, false, 1, "Error", l.start)
			})
		}
	case Evicted:
		l.after(around(l.dice, 5*time.Second), l.evict)
	}
}

// evict takes the pod away, which its ReplicaSet replaces.
func (l *life) evict(pod *corev1.Pod) {
	l.w.event(pod, "Warning", "Evicted", kubeletName, "The node was low on resource: memory.")
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory."
		podCondition(l.w.stamp(), p, corev1.PodReady, false, "PodFailed", "")
		podCondition(l.w.stamp(), p, corev1.DisruptionTarget, true, "TerminationByKubelet", "The node was low on resource: memory.")
	})
}

func (l *life) setReady(is bool) {
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			p.Status.ContainerStatuses[i].Ready = is
		}
		reason := "ContainersNotReady"
		if is {
			reason = ""
		}
		podCondition(l.w.stamp(), p, corev1.ContainersReady, is, reason, "")
		podCondition(l.w.stamp(), p, corev1.PodReady, is, reason, "")
	})
}

// exit lets a container end and starts it again: the first time at once, then at ever longer intervals.
func (l *life) exit(pod *corev1.Pod, init bool, code int32, reason string, again func(*corev1.Pod)) {
	end := &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: l.w.stamp()}
	status := func(p *corev1.Pod) *corev1.ContainerStatus {
		if init {
			return &p.Status.InitContainerStatuses[l.init]
		}
		return &p.Status.ContainerStatuses[0]
	}
	l.exits++
	l.tries++
	exits, tries := l.exits, l.tries
	l.w.podStatus(l.name, func(p *corev1.Pod) {
		s := status(p)
		s.State, s.Ready = corev1.ContainerState{Terminated: end}, false
	})
	restart := func(pod *corev1.Pod) {
		l.w.podStatus(l.name, func(p *corev1.Pod) {
			s := status(p)
			s.RestartCount, s.State = exits, running(l.w.stamp())
			s.LastTerminationState = corev1.ContainerState{Terminated: end}
		})
		again(pod)
	}
	if tries == 1 {
		l.after(around(l.dice, time.Second), restart)
		return
	}
	l.w.event(pod, "Warning", "BackOff", kubeletName, "Back-off restarting failed container")
	l.after(around(l.dice, 500*time.Millisecond), func(*corev1.Pod) {
		wait := min(10*time.Second<<min(tries-2, 5), 5*time.Minute)
		l.w.podStatus(l.name, func(p *corev1.Pod) {
			s := status(p)
			s.RestartCount = exits - 1
			s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: fmt.Sprintf("back-off %s restarting failed container", wait)}}
			s.LastTerminationState = corev1.ContainerState{Terminated: end}
		})
		l.after(wait, restart)
	})
}
