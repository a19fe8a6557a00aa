package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findBeginning reads why a pod that has its node cannot begin: the kubelet tells only in Events that a volume
// cannot be mounted, or that the pod cannot be given its network. What holds is the pod's own state; the Event names
// the cause of it.
func (l *look) findBeginning(pod *corev1.Pod) {
	if pod.Spec.NodeName == "" || begun(pod) {
		return
	}
	e, since := l.lastObstacle(pod)
	if e == nil {
		return
	}
	describe := fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name)
	class, hint := referenceClass(pod.Namespace, e.Message, describe)
	key := VolumeNotMounted
	switch {
	case beginnings[e.Reason] == SandboxFailed:
		key, class, hint = SandboxFailed, SandboxFailed, sandboxHint(pod, e.Message, describe)
	case class != MissingReference:
		class = VolumeNotMounted
	}
	l.Problems = append(l.Problems, Problem{
		Class: class, Key: string(key) + "/" + string(pod.UID), Since: since,
		Message: fmt.Sprintf("pod %s: %s: %s", pod.Name, e.Reason, e.Message), Chain: l.chain(pod, e.Reason+": "+e.Message), Hint: hint,
	})
}

// beginnings are the Events about what comes before a pod's first container, with the class of those that tell
// of an obstacle.
var beginnings = map[string]Class{
	"FailedMount": VolumeNotMounted, "FailedAttachVolume": VolumeNotMounted,
	"FailedCreatePodSandBox": SandboxFailed, "NetworkNotReady": SandboxFailed,
	"Pulling": "", "Pulled": "", "Created": "", // then it is past all that
}

// lastObstacle returns the Event about what keeps a pod from beginning, and since when it does: the sandbox has
// another name in every try, so that each tells of itself in an Event of its own.
func (l *look) lastObstacle(pod *corev1.Pod) (last *corev1.Event, since time.Time) {
	for _, e := range slices.Backward(l.snap.Events(pod.UID)) {
		class, known := beginnings[e.Reason]
		switch {
		case !known:
		case class == "" || last != nil && class != beginnings[last.Reason]:
			return last, since
		case last == nil:
			last, since = e, snapshot.EventBegan(e)
		default:
			since = earlier(since, snapshot.EventBegan(e))
		}
	}
	return last, since
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// sandboxHint tells who is to give a pod its sandbox: the node's network plugin, or its container runtime.
func sandboxHint(pod *corev1.Pod, words, describe string) string {
	const plugin = "look at the network plugin's pods on the node: kubectl get pods -A --field-selector spec.nodeName=%s"
	switch {
	case containsAny(words, []string{"no IP addresses available", "failed to assign an IP address", "no available IP"}):
		return "the node has no pod address left: let fewer pods run on it, or ask whoever runs the network; " + describe
	case containsAny(words, []string{"runtime handler", "no runtime for"}) && pod.Spec.RuntimeClassName != nil:
		return "the node's container runtime does not know the pod's RuntimeClass: kubectl get runtimeclass " + *pod.Spec.RuntimeClassName
	case containsAny(words, []string{"sandbox image"}):
		return "the node cannot pull the pause image of its container runtime; " + describe
	case containsAny(words, []string{"network", "cni", "CNI"}):
		return fmt.Sprintf(plugin, pod.Spec.NodeName)
	}
	return "kubectl describe node " + pod.Spec.NodeName
}

// begun reports whether the kubelet has come past the pod's volumes and its sandbox.
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
