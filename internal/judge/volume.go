package judge

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findVolumes reads why a pod that has its node cannot begin: the kubelet tells only in Events that a
// volume cannot be mounted. What holds is the pod's own state; the Event names the cause of it.
func (l *look) findVolumes(pod *corev1.Pod) {
	if pod.Spec.NodeName == "" || begun(pod) {
		return
	}
	e := l.newestEvent(pod, func(e *corev1.Event) bool {
		return slices.Contains([]string{"FailedMount", "FailedAttachVolume", "Pulling", "Pulled", "Created"}, e.Reason)
	})
	if e == nil || !strings.HasPrefix(e.Reason, "Failed") {
		return
	}
	describe := fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name)
	class, hint := referenceClass(pod.Namespace, e.Message, describe)
	if class != MissingReference {
		class = VolumeNotMounted
	}
	l.Problems = append(l.Problems, Problem{
		Class: class, Key: string(VolumeNotMounted) + "/" + string(pod.UID), Since: snapshot.EventBegan(e),
		Message: fmt.Sprintf("pod %s: %s: %s", pod.Name, e.Reason, e.Message), Chain: l.chain(pod, e.Reason+": "+e.Message), Hint: hint,
	})
}

// begun reports whether the kubelet has come past the pod's volumes.
func begun(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReadyToStartContainers && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if c.State.Running != nil || c.State.Terminated != nil || c.RestartCount > 0 {
			return true
		}
	}
	return false
}

// claimsOf names the PersistentVolumeClaims of a pod.
func claimsOf(pod *corev1.Pod) string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return strings.Join(names, " ")
}
