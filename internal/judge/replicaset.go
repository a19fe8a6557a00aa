package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findReplicaSet reads why pods cannot be made, or do not stay.
func findReplicaSet(l *look, o snapshot.Object) {
	if rs, ok := o.(*appsv1.ReplicaSet); ok && l.isPresentReplicaSet(o) {
		l.findRefusal(rs)
		l.findLosses(rs)
	}
}

// findRefusal reads why pods cannot be made: quota, Pod Security and webhooks that deny pods show nowhere else.
func (l *look) findRefusal(rs *appsv1.ReplicaSet) {
	for _, c := range rs.Status.Conditions {
		if c.Type != appsv1.ReplicaSetReplicaFailure || c.Status != corev1.ConditionTrue {
			continue
		}
		words, since := l.lastRefusal(rs, c)
		class, hint := refusalClass(rs, words)
		l.Problems = append(l.Problems, Problem{
			Class: class, Key: string(class) + "/" + string(rs.UID), Since: since,
			Message: words, Chain: l.chain(rs, c.Reason+": "+words), Hint: hint,
		})
	}
}

// Unmade returns the condition which says that the Deployment's ReplicaSet cannot be made; nil: none does.
func Unmade(d *appsv1.Deployment) *appsv1.DeploymentCondition {
	i := slices.IndexFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ReplicaSetCreateError"
	})
	if i < 0 {
		return nil
	}
	return &d.Status.Conditions[i]
}

// findRefusalBelow reads why pods cannot be made where their ReplicaSet, which says it, may not be seen: the Deployment repeats it.
func (l *look) findRefusalBelow(d *appsv1.Deployment) {
	for _, c := range d.Status.Conditions {
		if c.Type != appsv1.DeploymentReplicaFailure || c.Status != corev1.ConditionTrue || !l.snap.Refused(snapshot.ReplicaSet) {
			continue
		}
		class, hint := refusalClass(d, c.Message)
		since, first := c.LastTransitionTime.Time, d.Annotations[revision] == "1"
		if !l.firstLook() { // it may be of before the change
			since = time.Time{}
		}
		l.Problems = append(l.Problems, Problem{
			Class: class, Key: string(class) + "/" + string(d.UID), Since: since, Unsure: !first && d.Status.Replicas > 0, // it may be a former one's
			Message: c.Message, Chain: l.chain(d, c.Reason+": "+c.Message), Hint: hint,
		})
	}
}

// isAboutPresent reports whether words about a ReplicaSet are about that of the Deployment's present template. Those of a passed
// deadline stay after the return to a former template until that one's pods are there.
func (l *look) isAboutPresent(d *appsv1.Deployment, words string) bool {
	name := quoted.FindString(words)
	return name == "" || !strings.HasPrefix(words, "ReplicaSet ") || !l.snap.Complete(snapshot.ReplicaSet) ||
		slices.ContainsFunc(l.snap.Owned(d.UID), func(o snapshot.Object) bool { return strconv.Quote(o.GetName()) == name && isPresent(d, o) })
}

// findUnmade reads why a Deployment's ReplicaSet itself cannot be made. The condition keeps its first words and date, also
// when another generation has come or the one has come back whose ReplicaSet is there: so it counts from when we see it.
func (l *look) findUnmade(d *appsv1.Deployment) {
	c, observed, rs := Unmade(d), d.Status.ObservedGeneration >= d.Generation, l.fitting(d)
	if c == nil || observed && rs != nil && rs.Status.Replicas == d.Status.UpdatedReplicas {
		return
	}
	words, present := l.lastUnmade(d, *c)
	class, hint := refusalClass(d, words)
	doubtful := !present || observed && (rs != nil || !l.snap.Complete(snapshot.ReplicaSet))
	l.Problems = append(l.Problems, Problem{
		Class: class, Key: fmt.Sprintf("%s/%s/%d", class, d.UID, d.Generation), Unsure: doubtful, Late: doubtful,
		Message: words, Chain: l.chain(d, c.Reason), Hint: hint,
	})
}

// fitting returns a ReplicaSet that may be that of a Deployment's present template, or nil.
func (l *look) fitting(d *appsv1.Deployment) *appsv1.ReplicaSet {
	for _, o := range l.snap.Owned(d.UID) {
		if rs, ok := o.(*appsv1.ReplicaSet); ok && fits(d, rs) {
			return rs
		}
	}
	return nil
}

// lastUnmade returns the last words of why a Deployment's ReplicaSet cannot be made, and whether they are of the present
// generation. The condition keeps the first ones, also those of a generation before.
func (l *look) lastUnmade(d *appsv1.Deployment, c appsv1.DeploymentCondition) (words string, present bool) {
	spec, _ := written(d.ManagedFields)
	since := c.LastTransitionTime.Time
	words, present = c.Message, d.Generation == 1 || d.Status.ObservedGeneration >= d.Generation || !spec.IsZero() && since.After(spec)
	if l.snap.Refused(snapshot.Event) { // nothing else will tell
		return words, present || !spec.IsZero() && !since.Before(spec)
	}
	for _, e := range slices.Backward(l.snap.Events(d.UID)) {
		if e.Reason == c.Reason {
			return strings.TrimPrefix(e.Message, "(combined from similar events): "), present || !spec.IsZero() && snapshot.EventTime(e).After(spec)
		}
	}
	return words, present
}

// lastRefusal returns the words of the last refusal, and since when it is that one. The condition keeps those of the first until
// a pod can be made; where another one has come after it, only Events tell.
func (l *look) lastRefusal(rs *appsv1.ReplicaSet, c appsv1.ReplicaSetCondition) (words string, since time.Time) {
	words, since = c.Message, c.LastTransitionTime.Time
	first, _ := refusalClass(rs, words)
	var last Class
	for _, e := range slices.Backward(l.snap.Events(rs.UID)) {
		if e.Reason != c.Reason || !snapshot.EventTime(e).After(c.LastTransitionTime.Time) {
			continue
		}
		text, combined := strings.CutPrefix(e.Message, "(combined from similar events): ")
		text, began := strings.TrimPrefix(text, "Error creating: "), snapshot.EventBegan(e)
		if combined {
			began = snapshot.EventTime(e) // it began with the first of whatever was combined, in other words
		}
		switch said, _ := refusalClass(rs, text); {
		case last == "" && said == first:
			last = first
		case last == "":
			last, words, since = said, text, began
		case said != last:
			return words, later(since, snapshot.EventTime(e))
		default:
			since = earlier(since, began)
		}
	}
	return words, later(since, c.LastTransitionTime.Time)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// refusalClass tells why the API server does not take what is to be made of an object.
func refusalClass(o snapshot.Object, words string) (class Class, hint string) {
	n := " -n " + o.GetNamespace()
	describe := "kubectl describe " + strings.ToLower(string(snapshot.KindOf(o))) + n + " " + o.GetName()
	words = unnamed(words)
	switch {
	case strings.Contains(words, quotaText):
		return Quota, "kubectl describe resourcequotas" + n
	case strings.Contains(words, "violates PodSecurity"):
		return PodsDenied, "kubectl get namespace " + o.GetNamespace() + " --show-labels"
	case containsAny(words, deniedTexts):
		return PodsDenied, deniedHint + "; " + describe
	case limitRange.MatchString(words):
		return PodsDenied, "kubectl describe limitranges" + n
	case strings.Contains(words, "serviceaccount"):
		return MissingReference, "kubectl get serviceaccounts" + n
	case containsAny(words, transientTexts) && !containsAny(words, permanentTexts):
		return PodsDelayed, describe
	}
	return PodsRefused, describe
}

// limitRange matches a LimitRange's refusal.
var limitRange = regexp.MustCompile(`(minimum|maximum) \S+ usage per (Container|Pod)|limit to request ratio per`)

// isPresentReplicaSet reports whether the ReplicaSet is that of its Deployment's present template. Before the deployment
// controller has seen that one, its newest ReplicaSet is of a former one, and what is wrong there may be so for long. So may
// what is wrong with pods that are too many as long as the ReplicaSet has not seen its number.
func (l *look) isPresentReplicaSet(o snapshot.Object) bool {
	rs, ok := o.(*appsv1.ReplicaSet)
	if !ok {
		return false
	}
	for _, owner := range rs.OwnerReferences {
		if d, ok := l.snap.Get(owner.UID).(*appsv1.Deployment); ok {
			return d.Status.ObservedGeneration >= d.Generation && isPresent(d, rs) && sized(d, rs)
		}
	}
	return false
}

// sized reports whether the ReplicaSet has seen a number that is none of before its Deployment was scaled down. The news of
// the two come by different watches.
func sized(d *appsv1.Deployment, rs *appsv1.ReplicaSet) bool {
	return rs.Status.ObservedGeneration >= rs.Generation && (rs.Spec.Replicas == nil || *rs.Spec.Replicas <= replicasOf(d))
}

// countsItsPods reports whether a Deployment's status counts what its ReplicaSet has made of its present number. The
// one that scales leaves the conditions as they were; only the one that comes after it with the new count rates them anew.
func (l *look) countsItsPods(d *appsv1.Deployment) bool {
	for _, o := range l.snap.Owned(d.UID) {
		if rs, ok := o.(*appsv1.ReplicaSet); ok && isPresent(d, rs) && !l.snap.Refused(snapshot.ReplicaSet) {
			return sized(d, rs) && rs.Status.Replicas == d.Status.UpdatedReplicas && rs.Status.Replicas <= replicasOf(d)
		}
	}
	return d.Status.UpdatedReplicas <= replicasOf(d)
}

// steadyLife is the life of a pod after which its loss is the first of a new series, as with a container's exits; and so is
// the time without a loss, in which one may have lived that is not there any more.
const steadyLife = 10 * time.Minute

// lossesThatProve is how many pods must have been lost one after the other, within no less than the time of the
// class, to prove that the next will be lost too.
const lossesThatProve = 3

// loss is a pod that was taken away, and when.
type loss struct {
	pod *corev1.Pod
	why string
	at  time.Time
}

// losses are the pods of a ReplicaSet that were taken away one after the other, without one that is there being ready since.
type losses struct {
	list []loss
	// rounds are when the first was lost, the first of those that were made after it, the first of those that were made
	// after that one, and so on.
	rounds []time.Time
	// proven says that one was lost which was the third at least in such a row, in no less than the time of the class.
	proven bool
}

// findLosses reads whether pods are taken away: evicted, preempted, ended with their node, or not admitted by the
// kubelet. The ReplicaSet makes another one at once and leaves those that have failed lying, so a loss alone
// tells nothing. Only where what was made for it is lost too, and so on for a while, will the next not stay
// either, unless a node is on its way for it.
func (l *look) findLosses(rs *appsv1.ReplicaSet) {
	found, ready, mayFit := l.lossesOf(rs)
	if wanted := rs.Spec.Replicas; len(found.list) == 0 || wanted != nil && ready >= *wanted {
		return
	}
	first, last := found.list[0], found.list[len(found.list)-1]
	proven := found.proven && !mayFit
	text := fmt.Sprintf("pod %s was lost", last.pod.Name)
	if len(found.rounds) > 1 {
		text = fmt.Sprintf("%d pods were lost one after the other, the last %s", len(found.list), last.pod.Name)
	}
	if node := last.pod.Spec.NodeName; node != "" {
		text += " on node " + node
	}
	l.Problems = append(l.Problems, Problem{
		Class: PodsEvicted, Key: string(PodsEvicted) + "/" + string(rs.UID), Since: first.at,
		Message: text + ": " + last.why, Chain: l.chain(last.pod, last.why), Hint: lossHint(last),
		Unsure: !proven, Proven: proven, Until: last.at.Add(PodsEvicted.Tolerance()), Times: len(found.list),
	})
}

// lossesOf returns the losses of a ReplicaSet that count, how many of its pods are ready, and whether one of them
// waits for a node that is on its way, or may be where nobody can see what is said of that.
func (l *look) lossesOf(rs *appsv1.ReplicaSet) (found losses, ready int32, mayFit bool) {
	var all []loss
	var fine time.Time // when a pod that is there was last seen to become ready, or to cease to be
	for _, o := range l.snap.Owned(rs.UID) {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			continue
		}
		if why := lossOf(pod); why != "" {
			all = append(all, loss{pod, why, lastDated(pod)})
		} else if pod.DeletionTimestamp == nil {
			if at := readyAt(pod); at.After(fine) {
				fine = at
			}
			if podReady(pod) {
				ready++
			}
			mayFit = mayFit || pod.Spec.NodeName == "" && (l.nodesComing(pod) || l.snap.Refused(snapshot.Event))
		}
	}
	slices.SortFunc(all, func(a, b loss) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.pod.Name, b.pod.Name)) })
	for _, x := range all {
		if x.at.After(fine) {
			found.add(x)
		}
	}
	return found, ready, mayFit
}

// add takes in the next loss. Several pods may go at once, with their node: only what was made since is another round.
// Where several rows of pods go side by side, each row counts, as a loss of any of them comes after as many as were
// over when that pod was made.
func (s *losses) add(x loss) {
	made := x.pod.CreationTimestamp.Time
	if n := len(s.list); x.at.Sub(made) >= steadyLife || n > 0 && x.at.Sub(s.list[n-1].at) >= steadyLife {
		*s = losses{}
	}
	before := 0
	for before < len(s.rounds) && !made.Before(s.rounds[before]) && x.at.After(s.rounds[before]) {
		before++
	}
	if before == len(s.rounds) {
		s.rounds = append(s.rounds, x.at)
	}
	s.list = append(s.list, x)
	s.proven = s.proven || before+1 >= lossesThatProve && x.at.Sub(s.list[0].at) >= PodsEvicted.Tolerance()
}

// lossOf tells why a pod was taken away, or is being; empty where it is not.
func lossOf(pod *corev1.Pod) string {
	reason, message := pod.Status.Reason, pod.Status.Message
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			reason, message = cmp.Or(reason, c.Reason), cmp.Or(message, c.Message)
			if pod.DeletionTimestamp != nil {
				return withReason(reason, message)
			}
		}
	}
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodFailed {
		return ""
	}
	return withReason(cmp.Or(reason, "Failed"), message)
}

func withReason(reason, message string) string {
	return strings.TrimSuffix(reason+": "+strings.TrimSpace(message), ": ")
}

// lastDated returns the last time that a pod's status tells, which of one that has ended is its end.
func lastDated(pod *corev1.Pod) time.Time {
	last := pod.CreationTimestamp.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	if pod.Status.StartTime != nil {
		later(pod.Status.StartTime.Time)
	}
	for _, c := range pod.Status.Conditions {
		later(c.LastTransitionTime.Time)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			later(c.State.Terminated.FinishedAt.Time)
		}
	}
	return last
}

// readyAt returns when a pod was last known to be ready: since when it is, or until when it was. The kubelet dates
// the condition of one that never was with the pod's start.
func readyAt(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodReady {
			continue
		}
		start := pod.CreationTimestamp.Time
		if pod.Status.StartTime != nil {
			start = pod.Status.StartTime.Time
		}
		if c.Status == corev1.ConditionTrue || c.LastTransitionTime.After(start.Add(2*coarse)) {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// lossHint tells where to look for what takes pods away.
func lossHint(x loss) string {
	describe, node := fmt.Sprintf("kubectl describe pod -n %s %s", x.pod.Namespace, x.pod.Name), x.pod.Spec.NodeName
	reason, _, _ := strings.Cut(x.why, ":")
	switch {
	case containsAny(x.why, []string{"ephemeral local storage usage exceeds", "exceeded its local ephemeral storage limit", "Usage of EmptyDir volume"}):
		return "raise what the pod may write (resources.limits.ephemeral-storage, or the volume's sizeLimit); " + describe
	case reason == "PreemptionByScheduler" || reason == "Preempting":
		return "pods of a higher priority take its place: kubectl get priorityclasses; " + describe
	case node == "":
		return describe
	case reason == "NodeAffinity":
		return "the node's labels are not what the pod asks for: kubectl get node " + node + " --show-labels"
	case reason == "UnexpectedAdmissionError":
		return "the kubelet cannot give the pod its devices or CPUs: look at the device plugin on the node; kubectl describe node " + node
	}
	return "kubectl describe node " + node
}
