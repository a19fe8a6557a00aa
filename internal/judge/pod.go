package judge

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findPod reads what a pod and its containers wait for.
func findPod(l *look, o snapshot.Object) {
	pod, ok := o.(*corev1.Pod)
	if !ok || podReady(pod) || finished(pod) || !l.isOfPresentTemplate(pod) {
		return
	}
	l.findScheduling(pod)
	for _, c := range pod.Status.InitContainerStatuses {
		if isSidecar(pod, c.Name) {
			l.findContainer(pod, c, "init container ")
		} else {
			l.findInitContainer(pod, c)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		l.findContainer(pod, c, "container ")
	}
}

func (l *look) isOfPresentTemplate(pod *corev1.Pod) bool {
	for _, owner := range pod.OwnerReferences {
		if rs := l.snap.Get(owner.UID); rs != nil {
			return l.isPresentReplicaSet(rs)
		}
	}
	return false
}

// findScheduling reads the scheduler's word. A pod that waits for a node may be waiting for an
// autoscaler, which says so in an Event.
func (l *look) findScheduling(pod *corev1.Pod) {
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse || c.Reason != corev1.PodReasonUnschedulable {
			continue
		}
		class := Unschedulable
		for _, e := range l.snap.Events(pod.UID) {
			if e.Reason == "TriggeredScaleUp" {
				class = NodesComing
			}
		}
		l.Problems = append(l.Problems, Problem{
			Class: class, Key: string(class) + "/" + string(pod.UID), Since: c.LastTransitionTime.Time,
			Message: c.Message, Chain: l.chain(pod, c.Reason+": "+c.Message),
			Hint: fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name),
		})
	}
}

// waitingClasses tells what a container's waiting reason means. Reasons that are not here are
// stages of a normal start.
var waitingClasses = map[string]Class{
	"InvalidImageName":           InvalidImage,
	"ErrImageNeverPull":          ImagePull,
	"ErrImagePull":               ImagePull,
	"ImagePullBackOff":           ImagePull,
	"ImageInspectError":          ImagePull,
	"RegistryUnavailable":        ImagePull,
	"CreateContainerConfigError": MissingReference,
	"CreateContainerError":       ContainerStart,
	"RunContainerError":          ContainerStart,
	"CrashLoopBackOff":           CrashLoop,
}

// findContainer reads one container's state. Waiting reasons alternate while the kubelet retries, so
// a problem is identified by its class, pod and container, never by the reason of the moment.
func (l *look) findContainer(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	if c.Ready {
		return
	}
	if w := c.State.Waiting; w != nil {
		if class, known := waitingClasses[w.Reason]; known && class != CrashLoop {
			l.containerProblem(pod, c, what, class, w.Reason, w.Message)
			return
		}
	}
	l.findExits(pod, c, what)
	if c.State.Running != nil && c.RestartCount == 0 {
		l.findProbe(pod, c, what)
	}
}

// findInitContainer reads an init container that ought to end well: a model's download, mostly.
func (l *look) findInitContainer(pod *corev1.Pod, c corev1.ContainerStatus) {
	if t := c.State.Terminated; t != nil && t.ExitCode == 0 {
		return
	}
	if w := c.State.Waiting; w != nil {
		if class, known := waitingClasses[w.Reason]; known && class != CrashLoop {
			l.containerProblem(pod, c, "init container ", class, w.Reason, w.Message)
			return
		}
	}
	l.findExits(pod, c, "init container ")
}

// exitsThatProve is how many exits of one container prove a crash loop without any waiting.
const exitsThatProve = 3

// findExits reads how a container has ended. While it runs again it may be healing, so only a
// container that is down counts.
func (l *look) findExits(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	last, exits := c.LastTerminationState.Terminated, c.RestartCount
	if t := c.State.Terminated; t != nil {
		last, exits = t, exits+1
	}
	down := c.State.Terminated != nil || c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
	if last == nil || !down {
		return
	}
	class := CrashLoop
	if last.Reason == "OOMKilled" {
		class = OutOfMemory
	}
	text := fmt.Sprintf("exited %d times, last with code %d", exits, last.ExitCode)
	if exits == 1 {
		text = fmt.Sprintf("exited with code %d", last.ExitCode)
	}
	if last.Reason != "" && last.Reason != "Error" {
		text += " (" + last.Reason + ")"
	}
	if last.Message != "" {
		text += ": " + strings.TrimSpace(last.Message)
	}
	l.containerProblem(pod, c, what, class, "", text)
	p := &l.Problems[len(l.Problems)-1]
	p.Since = last.FinishedAt.Time
	p.Proven = exits >= exitsThatProve
	p.Log = &Log{Pod: snapshot.RefTo(pod), Container: c.Name, Previous: c.State.Terminated == nil}
	p.Hint = fmt.Sprintf("kubectl logs -n %s %s -c %s --previous", pod.Namespace, pod.Name, c.Name)
}

// findProbe reads a container that runs but is not ready. It may yet be, so this is a cause to name
// and never a failure by itself; the kubelet's Event tells what the probe saw.
func (l *look) findProbe(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	for _, e := range l.snap.Events(pod.UID) {
		if e.Reason == "Unhealthy" && strings.Contains(e.InvolvedObject.FieldPath, "{"+c.Name+"}") {
			l.containerProblem(pod, c, what, NotReady, "Unhealthy", e.Message)
			return
		}
	}
}

func (l *look) containerProblem(pod *corev1.Pod, c corev1.ContainerStatus, what string, class Class, reason, message string) {
	text := strings.TrimSpace(strings.TrimSuffix(reason+": "+message, ": "))
	if reason == "" {
		text = message
	}
	chain := append(l.chain(pod, "not ready"), Link{Ref: snapshot.Ref{Kind: "container", Name: c.Name}, Text: text})
	if strings.HasPrefix(what, "init") {
		chain[len(chain)-1].Ref.Kind = "init container"
	}
	l.Problems = append(l.Problems, Problem{
		Class: class, Key: fmt.Sprintf("%s/%s/%s", class, pod.UID, c.Name),
		Message: fmt.Sprintf("%s%s of pod %s: %s", what, c.Name, pod.Name, imageIn(class, c, text)), Chain: chain,
		Hint: fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name),
	})
}

// imageIn puts the image's name before a text about it that does not name it.
func imageIn(class Class, c corev1.ContainerStatus, text string) string {
	if (class == ImagePull || class == InvalidImage) && !strings.Contains(text, c.Image) {
		return "image " + c.Image + ": " + text
	}
	return text
}

// isSidecar reports whether an init container is restartable: running is its good state.
func isSidecar(pod *corev1.Pod, name string) bool {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == name {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

func podReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// finished reports whether a pod has ended, as an evicted one has; its ReplicaSet replaces it.
func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}
