package kubelet

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Recall is the life of a pod as far as its status tells it, for a kubelet that has been restarted.
func Recall(pod *corev1.Pod, now time.Time) Life {
	if pod.Status.StartTime == nil || len(pod.Status.ContainerStatuses) != len(pod.Spec.Containers) ||
		len(pod.Status.InitContainerStatuses) != len(pod.Spec.InitContainers) {
		return Life{}
	}
	life := Life{Admitted: true, Sandbox: pod.Status.PodIP != "", Since: now, Start: pod.Status.StartTime.Time}
	life.Init = recallAll(pod.Spec.InitContainers, pod.Status.InitContainerStatuses, now, true)
	life.Main = recallAll(pod.Spec.Containers, pod.Status.ContainerStatuses, now, false)
	return life
}

func recallAll(specs []corev1.Container, statuses []corev1.ContainerStatus, now time.Time, init bool) []Container {
	containers := make([]Container, len(specs))
	for i := range specs {
		containers[i].Since = now
		for _, status := range statuses {
			if status.Name == specs[i].Name {
				containers[i] = recall(status, now, init && !isSidecar(&specs[i]))
				containers[i].Why = strings.TrimPrefix(containers[i].Why, backOffText(specs[i].Image))
			}
		}
	}
	return containers
}

func recall(status corev1.ContainerStatus, now time.Time, init bool) Container {
	c := Container{Since: now, Ready: status.Ready, Started: status.Started != nil && *status.Started, Restarts: status.RestartCount, Last: status.LastTerminationState.Terminated}
	switch {
	case status.State.Running != nil:
		c.Phase, c.Since = Running, status.State.Running.StartedAt.Time
	case status.State.Terminated != nil:
		c.Phase, c.Ended = Exited, status.State.Terminated
		if init && c.Ended.ExitCode == 0 {
			c.Phase, c.Ready = Completed, false
		}
	case status.State.Waiting != nil:
		c.Phase, c.Attempts = recallWaiting(status.State.Waiting.Reason)
		c.Why = status.State.Waiting.Message
		if c.Phase == BackOff || c.Phase == StartFailed {
			c.Ended, c.Last = c.Last, nil
		}
	}
	return c
}

func recallWaiting(reason string) (Phase, int) {
	switch reason {
	case "ErrImagePull":
		return PullFailed, 1
	case "ImagePullBackOff":
		return PullBackOff, 1
	case "CreateContainerConfigError":
		return ConfigError, 0
	case "RunContainerError":
		return StartFailed, 0
	case "CrashLoopBackOff":
		return BackOff, 0
	default:
		return Waiting, 0
	}
}
