package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findPod reads what a pod and its containers wait for.
func findPod(l *look, o snapshot.Object) {
	pod, ok := o.(*corev1.Pod)
	if !ok || podReady(pod) || finished(pod) || !l.isOfPresentTemplate(pod) {
		return
	}
	l.findScheduling(pod)
	l.findBeginning(pod)
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
	l.findGates(pod)
}

func (l *look) isOfPresentTemplate(pod *corev1.Pod) bool {
	for _, owner := range pod.OwnerReferences {
		if rs := l.snap.Get(owner.UID); rs != nil {
			return l.isPresentReplicaSet(rs)
		}
	}
	d := l.behind(pod)
	return d != nil && d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == d.Status.Replicas && d.Status.Replicas <= replicasOf(d)
}

// findUnlinkedPods looks for causes in the pods whose ReplicaSets may not be seen.
func (l *look) findUnlinkedPods(matched map[string]*appsv1.Deployment) {
	if l.snap.Complete(snapshot.ReplicaSet) {
		return
	}
	before := len(l.Problems)
	for _, o := range l.snap.Living(snapshot.Pod) {
		if d := l.behind(o); d != nil && matched[d.Name] == d && o.GetDeletionTimestamp() == nil {
			findPod(l, o)
		}
	}
	l.doubtUnseen(snapshot.Pod, l.Problems[before:])
}

// behind returns the Deployment of a pod whose ReplicaSet may not be seen: that is named after both the
// Deployment and the hash in the pod's label. It serves to name a cause and never to prove a success. Which
// template the pod has it does not tell, unless the Deployment has pods of the present one alone.
func (l *look) behind(pod snapshot.Object) *appsv1.Deployment {
	owner, hash := metav1.GetControllerOfNoCopy(pod), pod.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
	if owner == nil || owner.Kind != string(snapshot.ReplicaSet) || hash == "" || l.snap.Complete(snapshot.ReplicaSet) || l.snap.Get(owner.UID) != nil {
		return nil
	}
	name, _ := strings.CutSuffix(owner.Name, "-"+hash)
	d, ok := l.snap.Named(snapshot.Deployment, pod.GetNamespace(), name).(*appsv1.Deployment)
	if !ok || !l.snap.Within(l.goal.Root.UID, d.UID) {
		return nil
	}
	return d
}

// begunAfter returns when the last pod of a Deployment's present template, or container of one, has begun since a time that may
// become ready yet; zero where none has. The Deployment's condition stays as it was until then.
func (l *look) begunAfter(d *appsv1.Deployment, since time.Time) (last time.Time) {
	begun := func(at time.Time) {
		if at.After(since) && at.After(last) {
			last = at
		}
	}
	for _, o := range l.snap.Living(snapshot.Pod) {
		pod, ok := o.(*corev1.Pod)
		if !ok || pod.DeletionTimestamp != nil || finished(pod) || podReady(pod) || !l.isOfPresentTemplate(pod) ||
			l.behind(pod) != d && !l.snap.Within(d.UID, pod.UID) {
			continue
		}
		begun(pod.CreationTimestamp.Time)
		if pod.Status.StartTime != nil {
			begun(pod.Status.StartTime.Time)
		}
		for _, c := range pod.Status.InitContainerStatuses {
			if c.State.Running != nil && !isSidecar(pod, c.Name) {
				begun(c.State.Running.StartedAt.Time)
			}
		}
		for _, c := range pod.Status.ContainerStatuses {
			if c.State.Running != nil && !c.Ready {
				begun(c.State.Running.StartedAt.Time)
			}
		}
	}
	return last
}

// provisioning is how long a node may take to come that an autoscaler has promised: by then the cluster autoscaler has
// given it up, by its default, and tries elsewhere.
const provisioning = 15 * time.Minute

// nodesUntil returns until when nodes that were promised for a Deployment's pods may come; zero where none waits for one.
func (l *look) nodesUntil(d *appsv1.Deployment) (until time.Time) {
	for _, o := range l.snap.Living(snapshot.Pod) {
		pod, ok := o.(*corev1.Pod)
		if !ok || pod.Spec.NodeName != "" || l.behind(pod) != d && !l.snap.Within(d.UID, pod.UID) || !l.nodesComing(pod) {
			continue
		}
		if at, _ := l.promised(pod); !at.IsZero() {
			until = later(until, at.Add(provisioning))
		}
	}
	return until
}

// progressDeadline returns how long a Deployment may go without progress.
func progressDeadline(d *appsv1.Deployment) time.Duration {
	if d.Spec.ProgressDeadlineSeconds == nil {
		return 10 * time.Minute // the API server's default
	}
	return time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
}

// findScheduling reads the scheduler's word: that no node fits, that it could not do what it had to, such as having a volume
// made, or that a gate keeps it from looking for a node.
func (l *look) findScheduling(pod *corev1.Pod) {
	for _, c := range pod.Status.Conditions {
		switch {
		case c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse:
			continue
		case c.Reason == corev1.PodReasonSchedulingGated:
			l.findSchedulingGates(pod, c)
			continue
		case c.Reason != corev1.PodReasonUnschedulable && c.Reason != corev1.PodReasonSchedulerError:
			continue
		}
		class, hint := l.schedulingClass(pod, c.Message)
		key, since := string(class)+"/"+string(pod.UID), c.LastTransitionTime.Time
		switch at, broken := l.promised(pod); {
		case class == MissingReference || class == VolumeUnbound: // the date is that of the first word, whatever it was
			since = time.Time{}
		case class == Unschedulable && !at.IsZero(): // until then it waited for nodes
			key, since = fmt.Sprintf("%s/%d", key, at.Unix()), broken
		}
		p := Problem{
			Class: class, Key: key, Since: since,
			Message: fmt.Sprintf("pod %s: %s", pod.Name, c.Message), Chain: l.chain(pod, c.Reason+": "+c.Message), Hint: hint,
		}
		switch node := pod.Status.NominatedNodeName; {
		case class == NodesComing && node != "":
			p.Message = fmt.Sprintf("%s (the scheduler has chosen node %s for it, which is not free or not prepared yet)", p.Message, node)
		case class == NodesComing:
			p.Message = fmt.Sprintf("%s (nodes are on their way: %s)", p.Message, l.autoscalerWord(pod).Message)
		}
		if class == Unschedulable && l.snap.Refused(snapshot.Event) {
			p.Unsure = true
			p.Message += " (whether nodes are on their way cannot be seen: no Events could be read)"
		}
		l.Problems = append(l.Problems, p)
	}
}

// findSchedulingGates reads that a pod waits for its gates to be taken away, by a queue such as Kueue's.
func (l *look) findSchedulingGates(pod *corev1.Pod, c corev1.PodCondition) {
	gates := make([]string, 0, len(pod.Spec.SchedulingGates))
	for _, gate := range pod.Spec.SchedulingGates {
		gates = append(gates, gate.Name)
	}
	held := "held by scheduling gate " + strings.Join(gates, ", ")
	l.Problems = append(l.Problems, Problem{
		Class: NotReady, Key: fmt.Sprintf("%s/%s/gated", NotReady, pod.UID), Since: c.LastTransitionTime.Time,
		Message: fmt.Sprintf("pod %s: %s; whoever set it must take it away, such as a queue of batch jobs", pod.Name, held), Chain: l.chain(pod, held),
		Hint: fmt.Sprintf("kubectl describe pod -n %s %s, and look at the controller of the gate", pod.Namespace, pod.Name),
	})
}

// findGates reads why a pod is not ready although its containers are: a condition that the pod names in its readiness
// gates must be set by somebody else, or the node has not been heard of. Nobody knows how long that takes, so it is a cause
// to name and never a failure by itself.
func (l *look) findGates(pod *corev1.Pod) {
	begun, isTrue := time.Time{}, map[corev1.PodConditionType]bool{}
	words := map[corev1.PodConditionType]string{}
	for _, c := range pod.Status.Conditions {
		isTrue[c.Type] = c.Status == corev1.ConditionTrue
		words[c.Type] = "is " + withReason(strings.TrimSpace(string(c.Status)+" "+c.Reason), c.Message)
		if c.Type == corev1.ContainersReady {
			begun = c.LastTransitionTime.Time
		}
	}
	if !isTrue[corev1.ContainersReady] {
		return
	}
	open := 0
	for _, gate := range pod.Spec.ReadinessGates {
		if isTrue[gate.ConditionType] {
			continue
		}
		open++
		has := cmp.Or(words[gate.ConditionType], "is not set")
		l.Problems = append(l.Problems, Problem{
			Class: NotReady, Key: fmt.Sprintf("%s/%s/%s", NotReady, pod.UID, gate.ConditionType), Since: begun,
			Message: fmt.Sprintf("pod %s: its containers are ready, but its readiness gate %s %s; a controller outside of the pod must set it, such as a load balancer's or a service mesh's",
				pod.Name, gate.ConditionType, has),
			Chain: l.chain(pod, fmt.Sprintf("readiness gate %s %s", gate.ConditionType, has)),
			Hint:  fmt.Sprintf("kubectl describe pod -n %s %s, and look at the controller that sets %s", pod.Namespace, pod.Name, gate.ConditionType),
		})
	}
	if open == 0 {
		l.findLostNode(pod)
	}
}

// findLostNode reads a pod that the node controller took for not ready, since its node was not heard of: the kubelet's last
// word of the containers stands. Some minutes later the pod is evicted.
func (l *look) findLostNode(pod *corev1.Pod) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			text := fmt.Sprintf("its containers were ready, but its node %s is not heard of", pod.Spec.NodeName)
			l.Problems = append(l.Problems, Problem{
				Class: NotReady, Key: fmt.Sprintf("%s/%s/node", NotReady, pod.UID), Since: c.LastTransitionTime.Time,
				Message: fmt.Sprintf("pod %s: %s", pod.Name, text), Chain: l.chain(pod, text), Hint: "kubectl describe node " + pod.Spec.NodeName,
			})
		}
	}
}

// lacksResource finds the resource that nodes have too little of in the scheduler's words.
var lacksResource = regexp.MustCompile(`Insufficient ([A-Za-z0-9./_-]*[A-Za-z0-9])`)

// schedulingClass tells what the scheduler's words mean. A pod that waits for a node may be waiting
// for an autoscaler, which says in an Event whether it adds one.
func (l *look) schedulingClass(pod *corev1.Pod, words string) (class Class, hint string) {
	hint = fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name)
	if resource := lacksResource.FindStringSubmatch(words); resource != nil {
		hint = fmt.Sprintf("kubectl get nodes -o custom-columns='NODE:.metadata.name,ALLOCATABLE:.status.allocatable.%s'", strings.ReplaceAll(resource[1], ".", `\.`))
	}
	switch {
	case strings.Contains(words, "persistentvolumeclaim") && strings.Contains(words, "not found"):
		return MissingReference, fmt.Sprintf("kubectl get persistentvolumeclaims -n %s; the pod wants %s", pod.Namespace, claimsOf(pod))
	case containsAny(words, []string{"PersistentVolumeClaim", "binding volumes", " PVC "}):
		return VolumeUnbound, fmt.Sprintf("kubectl describe persistentvolumeclaims -n %s %s", pod.Namespace, claimsOf(pod))
	case l.nodesComing(pod):
		return NodesComing, hint
	}
	return Unschedulable, hint
}

// nodesComing reports whether a pod without a node may get one soon: an autoscaler adds some, or the scheduler has chosen one, where it
// ends others or has something prepared first, such as a volume.
func (l *look) nodesComing(pod *corev1.Pod) bool {
	if pod.Status.NominatedNodeName != "" {
		return true
	}
	e := l.autoscalerWord(pod)
	return e != nil && (e.Reason == "TriggeredScaleUp" || e.Reason == "Nominated")
}

// autoscalerWord returns the last word of an autoscaler of nodes about the pod.
func (l *look) autoscalerWord(pod *corev1.Pod) *corev1.Event {
	return l.newestEvent(pod, isAutoscalerWord)
}

// promised returns when an autoscaler of nodes last said that it adds some for a pod, zero where none has, and since when they
// say afterwards that they add none; zero where they do not, or said so before, too.
func (l *look) promised(pod *corev1.Pod) (at, broken time.Time) {
	for _, e := range slices.Backward(l.snap.Events(pod.UID)) {
		switch {
		case !isAutoscalerWord(e):
		case e.Reason == "TriggeredScaleUp" || e.Reason == "Nominated":
			if at = snapshot.EventTime(e); broken.Before(at) {
				broken = time.Time{}
			}
			return at, broken
		case broken.IsZero():
			broken = snapshot.EventBegan(e)
		default:
			broken = earlier(broken, snapshot.EventBegan(e))
		}
	}
	return time.Time{}, time.Time{}
}

// isAutoscalerWord reports whether an Event is an autoscaler's word about a pod without a node: the cluster autoscaler says whether it
// adds some, Karpenter for which of its nodes it has nominated the pod or, as the scheduler does, that it fits none.
func isAutoscalerWord(e *corev1.Event) bool {
	return slices.Contains([]string{"TriggeredScaleUp", "NotTriggerScaleUp", "Nominated"}, e.Reason) ||
		e.Reason == "FailedScheduling" && (e.Source.Component == "karpenter" || e.ReportingController == "karpenter")
}

func (l *look) newestEvent(pod *corev1.Pod, is func(*corev1.Event) bool) *corev1.Event {
	for _, e := range slices.Backward(l.snap.Events(pod.UID)) {
		if is(e) {
			return e
		}
	}
	return nil
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

// PodState is a part of a pod's life.
type PodState string

// The parts of a pod's life, in their usual order.
const (
	PodPending      PodState = "pending"      // no node yet
	PodScheduled    PodState = "scheduled"    // has a node, nothing runs yet
	PodPulling      PodState = "pulling"      // an image is being pulled
	PodInitialising PodState = "initialising" // init containers run, such as a model's download
	PodStarting     PodState = "starting"     // its containers run but are not ready
	PodReady        PodState = "ready"
	PodFailing      PodState = "failing" // a container cannot start, or has ended
	PodTerminating  PodState = "terminating"
	PodEnded        PodState = "ended" // has failed or finished for good
	PodGone         PodState = "gone"
)

// StateOf tells in which part of its life a pod is, and where it does not get on the reason.
func StateOf(s *snapshot.Snapshot, pod *corev1.Pod) (state PodState, why string) {
	switch {
	case pod.DeletionTimestamp != nil:
		why, _, _ = strings.Cut(lossOf(pod), ":") // such as a pod of a higher priority
		return PodTerminating, why
	case finished(pod):
		return PodEnded, pod.Status.Reason
	case podReady(pod):
		return PodReady, ""
	case pod.Spec.NodeName == "":
		return PodPending, ""
	}
	if why := failing(pod); why != "" {
		return PodFailing, why
	}
	switch {
	case pulling(s, pod):
		return PodPulling, ""
	case slices.ContainsFunc(pod.Status.InitContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Running != nil && !isSidecar(pod, c.Name) }):
		return PodInitialising, ""
	case slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Running != nil }):
		return PodStarting, ""
	}
	return PodScheduled, ""
}

// failing returns why a container cannot start or has ended, or nothing.
func failing(pod *corev1.Pod) string {
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && waitingClasses[w.Reason] != "" {
			return w.Reason
		}
		if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
			return t.Reason
		}
	}
	return ""
}

// pulling reports whether the youngest Event about a pod's images is that one is being pulled. Only the
// Events tell; where they cannot be read a pull looks like waiting.
func pulling(s *snapshot.Snapshot, pod *corev1.Pod) bool {
	for _, e := range slices.Backward(s.Events(pod.UID)) {
		switch e.Reason {
		case "Pulling":
			return true
		case "Pulled", "Created", "Started":
			return false
		}
	}
	return false
}
