package kubelet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status is what a kubelet says about a pod that has lived this life. Conditions that are not the kubelet's stay as they are.
func Status(pod *corev1.Pod, life Life, pace Pace, ip string, now time.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.ObservedGeneration = pod.Generation
	status.HostIP, status.HostIPs = "127.0.0.1", []corev1.HostIP{{IP: "127.0.0.1"}}
	start := metav1.NewTime(life.Start)
	status.StartTime = &start
	if life.Sandbox {
		status.PodIP, status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	}
	times := timesOf(pace)
	waiting := "ContainerCreating"
	if len(pod.Spec.InitContainers) > 0 {
		waiting = "PodInitializing"
	}
	status.InitContainerStatuses = containerStatuses(pod, times, pod.Spec.InitContainers, life.Init, waiting, true)
	status.ContainerStatuses = containerStatuses(pod, times, pod.Spec.Containers, life.Main, waiting, false)
	status.Phase = phaseOf(pod, life)
	if life.Evicted != "" {
		status.Reason, status.Message = "Evicted", life.Evicted
	}
	setConditions(pod, life, &status, now)
	return status
}

func containerStatuses(pod *corev1.Pod, times times, specs []corev1.Container, states []Container, waiting string, init bool) []corev1.ContainerStatus {
	var statuses []corev1.ContainerStatus
	for i := range states {
		spec, c := &specs[i], states[i]
		started := c.Started
		status := corev1.ContainerStatus{
			Name: spec.Name, Image: spec.Image, Ready: c.Ready || init && c.Phase == Completed, Started: &started, RestartCount: c.Restarts,
			State: stateOf(pod, times, spec, c, waiting),
		}
		if c.Phase >= Running {
			status.ImageID = fmt.Sprintf("%s@sha256:%016x", strings.SplitN(fullName(spec.Image), "@", 2)[0], hash(spec.Image))
			status.ContainerID = fmt.Sprintf("simulated://%016x", hash(string(pod.UID), spec.Name, strconv.Itoa(int(c.Restarts))))
		}
		switch {
		case c.Phase == BackOff, c.Phase == StartFailed:
			status.LastTerminationState.Terminated = c.Ended
		case c.Last != nil:
			status.LastTerminationState.Terminated = c.Last
		}
		statuses = append(statuses, status)
	}
	return statuses
}

func stateOf(pod *corev1.Pod, times times, spec *corev1.Container, c Container, waiting string) corev1.ContainerState {
	wait := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	backOff := backOffText(spec.Image) + c.Why
	switch c.Phase {
	case PullFailed:
		return wait("ErrImagePull", c.Why)
	case PullBackOff:
		return wait("ImagePullBackOff", backOff)
	case Pulling:
		if c.Attempts > 0 { // what was seen last stays until the pull has ended
			return wait("ImagePullBackOff", backOff)
		}
		return wait(waiting, "")
	case ConfigError:
		return wait("CreateContainerConfigError", c.Why)
	case StartFailed:
		return wait("RunContainerError", c.Ended.Message)
	case Running:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.Since)}}
	case Exited, Completed:
		return corev1.ContainerState{Terminated: c.Ended}
	case BackOff:
		return wait("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", times.backOff(int(c.Restarts)), spec.Name, podText(pod)))
	case Waiting, Creating:
		return wait(waiting, "")
	default:
		return wait(waiting, "")
	}
}

// backOffText is what comes before the reason when a kubelet backs off from pulling an image.
func backOffText(image string) string {
	return fmt.Sprintf("Back-off pulling image %q: ErrImagePull: failed to pull image %q: ", image, image)
}

// phaseOf is the pod's phase by a kubelet's rules: Pending as long as a container has never run.
func phaseOf(pod *corev1.Pod, life Life) corev1.PodPhase {
	never := pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	for i, c := range life.Init {
		if !initDone(&pod.Spec.InitContainers[i], &c) && !life.Stopped {
			if never && c.Phase == Exited {
				return corev1.PodFailed
			}
			return corev1.PodPending
		}
	}
	running, ended, failed := 0, 0, 0
	for _, c := range life.Main {
		switch {
		case c.Phase == Running:
			running++
		case c.Phase == Exited, c.Phase == StartFailed, c.Phase == BackOff, c.Phase == Completed:
			ended++
			if c.Ended != nil && c.Ended.ExitCode != 0 {
				failed++
			}
		case !life.Stopped:
			return corev1.PodPending
		}
	}
	switch {
	case !never && !life.Stopped || running > 0:
		return corev1.PodRunning
	case failed > 0 || ended == 0:
		return corev1.PodFailed
	default:
		return corev1.PodSucceeded
	}
}

func setConditions(pod *corev1.Pod, life Life, status *corev1.PodStatus, now time.Time) {
	set := func(kind corev1.PodConditionType, ok bool, reason, message string) {
		setCondition(status, pod.Generation, kind, ok, reason, message, now)
	}
	set(corev1.PodReadyToStartContainers, life.Sandbox && !life.Stopped, "", "")
	incomplete := names(pod.Spec.InitContainers, func(i int) bool { return !initDone(&pod.Spec.InitContainers[i], &life.Init[i]) })
	unready := names(pod.Spec.Containers, func(i int) bool { return !life.Main[i].Ready })
	set(corev1.PodInitialized, incomplete == "" || life.Stopped, "ContainersNotInitialized", "containers with incomplete status: ["+incomplete+"]")
	if over := map[corev1.PodPhase]string{corev1.PodSucceeded: "PodCompleted", corev1.PodFailed: "PodFailed"}[status.Phase]; over != "" {
		set(corev1.PodReady, false, over, "")
		set(corev1.ContainersReady, false, over, "")
		return
	}
	missing := missingGates(pod)
	switch {
	case unready != "" || missing == "":
		set(corev1.PodReady, unready == "", "ContainersNotReady", "containers with unready status: ["+unready+"]")
	default:
		set(corev1.PodReady, false, "ReadinessGatesNotReady", "corresponding condition of pod readiness gate \""+missing+"\" does not exist.")
	}
	set(corev1.ContainersReady, unready == "", "ContainersNotReady", "containers with unready status: ["+unready+"]")
}

// missingGates is the first readiness gate that is not open.
func missingGates(pod *corev1.Pod) string {
	for _, gate := range pod.Spec.ReadinessGates {
		open := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		})
		if !open {
			return string(gate.ConditionType)
		}
	}
	return ""
}

func names(specs []corev1.Container, chosen func(int) bool) string {
	var list []string
	for i := range specs {
		if chosen(i) {
			list = append(list, specs[i].Name)
		}
	}
	return strings.Join(list, " ")
}

// setCondition sets one condition; its time changes only with its status, and a good one needs no reason.
func setCondition(status *corev1.PodStatus, generation int64, kind corev1.PodConditionType, ok bool, reason, message string, now time.Time) {
	condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now)}
	if ok {
		condition.Status, condition.Reason, condition.Message = corev1.ConditionTrue, "", ""
	}
	i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		status.Conditions = append(status.Conditions, condition)
		return
	}
	if status.Conditions[i].Status == condition.Status {
		condition.LastTransitionTime = status.Conditions[i].LastTransitionTime
	}
	status.Conditions[i] = condition
}

func podIP(pod *corev1.Pod) string {
	if pod.Status.PodIP != "" {
		return pod.Status.PodIP
	}
	return "10.244.0.1"
}
