package judge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findRoot looks at the custom resource itself: whether it is still ours, and whether its operator
// has acted on its present spec. It returns false where nothing further can be said.
func (l *look) findRoot() bool {
	ref := l.goal.Root
	root, ok := l.snap.Get(ref.UID).(*unstructured.Unstructured)
	if !ok {
		l.lossOrLack(ref)
		return false
	}
	l.root = root
	if root.GetDeletionTimestamp() != nil {
		l.Loss = fmt.Sprintf("%s is being deleted by somebody else", ref)
		return false
	}
	if len(l.goal.Overtaken) > 0 {
		l.Loss = fmt.Sprintf("somebody else changed what the goal rests on: %s", strings.Join(l.goal.Overtaken, "; "))
		return false
	}
	if l.goal.Baseline != nil && root.GetGeneration() < l.goal.Baseline.GetGeneration() {
		l.lackf("generation", "%s: generation %d has not arrived yet", ref, l.goal.Baseline.GetGeneration())
		return false
	}
	implied, err := l.engine.Implied(root)
	if err != nil {
		l.Problems = append(l.Problems, Problem{
			Class: InvalidSpec, Key: string(InvalidSpec), Message: err.Error(), Chain: l.chain(root, "spec cannot be read"),
			Hint: "correct the manifest; " + l.describeRoot(),
		})
		l.lackf("spec", "the spec of %s cannot be read: %v", ref, err)
		return false
	}
	l.implied, l.status = implied, l.engine.Status(root)
	l.findSeen()
	return true
}

func (l *look) lossOrLack(ref snapshot.Ref) {
	switch other := l.snap.Named(ref.Kind, ref.Namespace, ref.Name); {
	case other != nil && other.GetUID() != ref.UID:
		l.Loss = fmt.Sprintf("%s was deleted and made again by somebody else", ref)
	case l.snap.Gone(ref.UID):
		l.Loss = fmt.Sprintf("%s was deleted by somebody else", ref)
	default:
		l.lackf("root", "%s has not been seen yet", ref)
	}
}

// findSeen looks for proof that the operator has acted on the present spec. Its status names no
// generation, so the proof is (1) a status written after the spec, or (2) the spec's changes in the
// children, or (3), where a part of the change reaches no child or nobody knows what was acted on before,
// that the children carry all that the spec says and nothing moves any more.
func (l *look) findSeen() {
	generation := l.root.GetGeneration()
	switch {
	case l.statusIsYounger():
		l.seen = true
		l.provef("the operator has written the status after generation %d", generation)
		return
	case l.goal.Proven == generation:
		l.seen = true
		l.provef("the operator had acted on generation %d before", generation)
		return
	case l.status.State == engine.StateNone:
		l.lackf("seen", "the operator has not written a status yet")
		l.suspectSilence("the operator has not written a status: it", "no status")
		return
	}
	arrival := l.arrival()
	byDates, patience, first := l.firstLook() && writtenAfterSpec(l.root.GetManagedFields()) && dated(arrival), time.Duration(0), len(l.Lacks)
	if byDates {
		patience = unexplainedPatience // they lie where the API server's clock was set back
	}
	l.lackLeaves(arrival, patience)
	if byDates {
		l.seen = true
		l.provef("the operator has written the status after generation %d", generation)
		return
	}
	if arrival.Unexplained > 0 {
		l.Lacks = append(l.Lacks, Lack{
			Key: "unexplained", Patience: unexplainedPatience,
			Text: fmt.Sprintf("the Deployments have annotations or environment variables that the spec does not name, %d in number: the operator has not acted, or somebody else adds them", arrival.Unexplained),
		})
	}
	switch {
	case len(arrival.Missing) > 0:
		l.suspectSilence(l.Lacks[first].Text+"; the operator", fmt.Sprintf("generation %d has not reached Deployment %s", generation, arrival.Missing[0].Child))
	case arrival.Leaves > 0 && arrival.Silent == 0 && !l.goal.Doubtful && !l.firstLook():
		l.seen = true
		l.provef("all %d changes of generation %d have reached the Deployments", arrival.Leaves, generation)
	default:
		l.seen, l.Settle = true, true
		l.Stamp = stamp(generation, l.snap.Owned(l.root.GetUID()))
		l.provef("settled: no owned object has changed for %s since generation %d", SettleTime, generation)
	}
}

// findUnarrived demands that a change shows in the Deployments although the operator has written a status after it. What it
// read of them may have been of before its own last write, and look as the spec does when that takes back what it had said.
func (l *look) findUnarrived() {
	if !l.firstLook() && l.statusIsYounger() {
		l.lackLeaves(l.arrival(), unexplainedPatience)
	}
}

func (l *look) lackLeaves(arrival engine.Arrival, patience time.Duration) {
	for _, leaf := range arrival.Missing {
		l.lackWithinf(patience, "leaf/"+leaf.Path+"/"+leaf.Child, "Deployment %s still has %s %s, the spec says %s: the operator has not acted, or something rewrites it",
			leaf.Child, leaf.Path, leaf.Has, leaf.Wants)
	}
}

// unexplainedPatience is how long at a first look children may carry what the spec does not name. The operator
// takes it out when it acts; what it leaves there is somebody else's.
const unexplainedPatience = 30 * time.Second

// firstLook reports whether nothing is known of the spec before the present one.
func (l *look) firstLook() bool {
	return l.goal.Before == nil || l.goal.Before.GetGeneration() == l.root.GetGeneration()
}

// arrival tells what of the spec shows in the children: its last change, and all of it where nobody knows
// whether what was there before was acted on.
func (l *look) arrival() engine.Arrival {
	owned := l.ownedDeployments()
	if l.firstLook() {
		return l.engine.Arrived(nil, l.root, owned)
	}
	arrival := l.engine.Arrived(l.goal.Before, l.root, owned)
	if !l.goal.Doubtful {
		return arrival
	}
	whole := l.engine.Arrived(nil, l.root, owned)
	arrival.Unexplained = whole.Unexplained
	for _, leaf := range whole.Missing {
		known := func(has engine.Leaf) bool { return has.Path == leaf.Path && has.Child == leaf.Child }
		if !slices.ContainsFunc(arrival.Missing, known) {
			arrival.Missing = append(arrival.Missing, leaf)
		}
	}
	return arrival
}

// statusIsYounger reports whether the status must have been written after the present spec. The first
// spec has none before it: a status never comes with a creation. A status write carries the
// resourceVersion that its reconcile read and is refused when stale, so a status that differs from the
// one in the answer to the spec write comes from a reconcile that knew the spec.
func (l *look) statusIsYounger() bool {
	status := l.root.Object["status"]
	switch {
	case status == nil:
		return false
	case l.root.GetGeneration() == 1:
		return true
	}
	return l.known() && !equality.Semantic.DeepEqual(status, l.goal.Baseline.Object["status"])
}

// statusIsFormer reports whether the status is still that which the present spec found, although its changes show
// in the children: a change that only takes something back shows before anybody has acted on it.
func (l *look) statusIsFormer() bool {
	return !l.firstLook() && l.goal.Proven != l.root.GetGeneration() && !l.statusIsYounger()
}

// dated reports whether managedFields must date every change of the spec that may not have been acted on.
// They do not date one that only removes something, except from a list that counts as one field.
func dated(a engine.Arrival) bool {
	undated := func(leaf engine.Leaf) bool { return !leaf.Dated }
	return a.Unexplained == 0 && !slices.ContainsFunc(a.Missing, undated)
}

// writtenAfterSpec reports whether managedFields date the status at least 2 s after every write of
// the spec: their times have a resolution of one second.
func writtenAfterSpec(fields []metav1.ManagedFieldsEntry) bool {
	spec, status := written(fields)
	return !spec.IsZero() && status.Sub(spec) >= 2*time.Second
}

// written returns when managedFields date the last write of an object, and that of its status.
func written(fields []metav1.ManagedFieldsEntry) (spec, status time.Time) {
	for _, f := range fields {
		switch {
		case f.Time == nil:
		case f.Subresource == "status" && f.Time.After(status):
			status = f.Time.Time
		case f.Subresource != "status" && f.Time.After(spec):
			spec = f.Time.Time
		}
	}
	return spec, status
}

// suspectSilence tells why the operator may not have acted. It is no failure of the workload and never
// becomes a verdict before the deadline.
func (l *look) suspectSilence(what, link string) {
	if text := l.status.Description; l.status.State == engine.StateFailed && text != "" && !strings.Contains(text, progressText) {
		if !l.firstLook() { // then the error is told as such
			l.suspectSameWord(text)
		}
		return
	}
	message, hint := what+" may not be running, or not watch this namespace", "seldonctl check -n "+l.root.GetNamespace()
	if label := l.engine.Identity().Chooses; l.root.GetLabels()[label] != "" {
		message = fmt.Sprintf("%s may be another one: label %s=%s leaves the object to an operator of that id alone", what, label, l.root.GetLabels()[label])
		hint = "take the label off, or see that an operator of that id runs: " + hint + " -f FILE"
	}
	l.Problems = append(l.Problems, Problem{
		Class: OperatorSilent, Key: string(OperatorSilent), Message: message, Chain: l.chain(l.root, link), Hint: hint,
	})
}

// suspectSameWord tells what the operator said before the present spec and says still. Where a change leads to the same
// error it writes no status, so that nothing tells whether it has acted: what it says is the cause as far as known.
func (l *look) suspectSameWord(text string) {
	if l.saidOfThis() || l.saidSince() {
		return
	}
	l.Problems = append(l.Problems, Problem{
		Class: OperatorSilent, Key: string(OperatorSilent),
		Message: fmt.Sprintf("the operator still says: %s; it wrote that before this change, and writes nothing new where it would say the same", text),
		Chain:   l.chain(l.root, "Failed: "+text),
		Hint:    l.describeRoot() + ", where its Events tell whether it goes on saying so; seldonctl check -n " + l.root.GetNamespace(),
	})
}

func (l *look) describeRoot() string {
	return fmt.Sprintf("kubectl describe %s -n %s %s", strings.ToLower(l.root.GetKind()), l.root.GetNamespace(), l.root.GetName())
}

// findState demands the operator's own word, which is a hint, and reads its errors. While anything
// is parked at zero its state stays Creating for ever although nothing is wrong.
func (l *look) findState(matched map[string]*appsv1.Deployment) {
	zero := slices.ContainsFunc(l.implied.Workloads, func(w engine.Workload) bool { return parked(w, matched) })
	switch {
	case l.status.State == engine.StateAvailable:
		l.provef("the operator reports Available")
		l.remarkConditions()
	case zero && len(matched) > 0 && l.status.State != engine.StateFailed:
		l.remarkf("a part is at 0 replicas: the operator goes on showing %q and does not finish routing", l.status.State)
	default:
		l.lackf("state", "the operator reports %q", orNone(string(l.status.State)))
	}
	if l.status.State != engine.StateFailed {
		return
	}
	switch {
	case l.seen && !l.Settle && !l.statusIsFormer() || l.saidOfThis():
		l.findOperatorError()
	case l.seen || l.firstLook() || l.saidSince():
		before := len(l.Problems)
		l.findOperatorError()
		l.doubtError(l.Problems[before:])
	}
}

// doubtError bears an error longer that may be said of an earlier spec. Where the spec has changed since and nothing shows
// that the operator has said it again, it is the cause as far as known, and no failure.
func (l *look) doubtError(found []Problem) {
	for i := range found {
		if found[i].Class == Refused {
			found[i].Class = OperatorError
		}
		found[i].Unsure = found[i].Unsure || !l.firstLook() && !l.saidSince()
	}
}

// saidOfThis reports whether the operator has said its present error of the present spec: each pass that fails ends
// with an Event, which names the version of the object that the pass had read. A repetition keeps that of the
// first, so that this proves nothing of an error that was told already before.
func (l *look) saidOfThis() bool {
	return l.known() && slices.ContainsFunc(l.errorEvents(), func(e *corev1.Event) bool {
		read, err1 := strconv.ParseUint(e.InvolvedObject.ResourceVersion, 10, 64)
		ours, err2 := strconv.ParseUint(l.goal.Baseline.GetResourceVersion(), 10, 64)
		return err1 == nil && err2 == nil && read >= ours
	})
}

// lateWord is how long after the spec a repetition must have been written to be no pass's that had read the spec
// before: a pass takes milliseconds, and so does its Event, but a busy operator may keep Events back for a while.
const lateWord = 10 * time.Second

// saidSince reports whether the operator has repeated its present error so long after the spec that it is most likely
// said of it, by the API server's dates of both writes: the operator retries what fails, one pass of an
// object after the other. An operator whose cache is old may be mistaken, so what follows from it is borne longer.
func (l *look) saidSince() bool {
	spec, _ := written(l.root.GetManagedFields())
	return l.known() && !spec.IsZero() && slices.ContainsFunc(l.errorEvents(), func(e *corev1.Event) bool {
		repeated, _ := written(e.ManagedFields)
		return repeated.Sub(spec) >= lateWord
	})
}

// known reports whether the Baseline is of the present spec.
func (l *look) known() bool {
	return l.goal.Baseline != nil && l.goal.Baseline.GetGeneration() == l.root.GetGeneration()
}

// errorEvents returns the Events that tell the operator's present error.
func (l *look) errorEvents() []*corev1.Event {
	text := l.status.Description
	return slices.DeleteFunc(l.snap.Events(l.root.GetUID()), func(e *corev1.Event) bool {
		return text == "" || e.Type != corev1.EventTypeWarning || strings.TrimSpace(e.Message) != strings.TrimSpace(text)
	})
}

// remarkConditions reads the conditions that do not gate the state. ServicesReady is set False in
// every pass whose Deployments are not ready, so it and what aggregates it tell nothing.
func (l *look) remarkConditions() {
	for _, c := range l.status.Conditions {
		if c.Status != string(metav1.ConditionFalse) || c.Type == "ServicesReady" {
			continue
		}
		text := strings.TrimSpace(c.Reason + " " + c.Message)
		if l.goal.RequireReady {
			l.lackf("condition/"+c.Type, "condition %s is False: %s", c.Type, text)
			continue
		}
		if c.Type != "Ready" && c.Type != "DeploymentsReady" { // the one sums up the others, of the other the Deployments tell themselves
			l.remarkf("not routed: condition %s is False: %s", c.Type, text)
		}
	}
}

// endingText is the API server's word for what cannot be made in a namespace that is being deleted.
const endingText = "because it is being terminated"

// unentitledText is in the API server's words for what somebody has no right to do.
const unentitledText = `is forbidden: User ""`

func endingHint(namespace string) string { return "kubectl get namespace " + namespace + " -o yaml" }

// progressText is in the operator's word for a Deployment past its progress deadline, whose own condition tells
// it too, and when it has passed.
const progressText = "is no longer progressing"

func (l *look) findOperatorError() {
	text := l.status.Description
	if strings.Contains(text, progressText) {
		return
	}
	problem := Problem{Key: "operator", Class: OperatorError, Message: text, Chain: l.chain(l.root, "Failed: "+text), Hint: l.describeRoot()}
	switch words := unnamed(text); {
	case strings.Contains(words, quotaText):
		problem.Class, problem.Hint = Quota, "kubectl describe resourcequotas -n "+l.root.GetNamespace()
	case strings.Contains(words, endingText):
		problem.Class, problem.Hint = NamespaceEnding, endingHint(l.root.GetNamespace())
	case containsAny(words, deniedTexts):
		problem.Class, problem.Hint = Refused, deniedHint+"; "+problem.Hint
	case strings.Contains(words, unentitledText):
		problem.Class, problem.Hint = Refused, "the operator's ServiceAccount lacks that right, as its Roles tell; "+problem.Hint
	case containsAny(words, permanentTexts):
		problem.Class = Refused
		problem.Hint = "correct the manifest: the API server refuses what the operator makes of it; " + problem.Hint
	case containsAny(words, transientTexts):
		problem.Class = OperatorRetries
	}
	l.Problems = append(l.Problems, problem)
}

func orNone(s string) string {
	if s == "" {
		return "nothing yet"
	}
	return s
}
