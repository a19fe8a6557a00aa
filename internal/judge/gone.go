package judge

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findGone demands that the custom resource and every descendant ever seen are gone. A UID never
// comes back, so a deletion once seen stays true. What lost its owner before that owner was ever seen
// counts as a descendant where its label says so.
func (l *look) findGone() {
	ref := l.goal.Root
	if ref.UID == "" {
		l.findRemains()
		return
	}
	all := append([]snapshot.Tombstone{{Ref: ref, Gone: l.snap.Gone(ref.UID)}}, l.snap.Ever(ref.UID)...)
	counts := map[string]int{}
	for _, t := range all {
		if !t.Gone && l.snap.Refused(t.Kind) {
			continue // to be admitted
		}
		counts[string(t.Kind)]++
		if t.Gone {
			continue
		}
		o := l.snap.Get(t.UID)
		if o == nil {
			l.Lacks = append(l.Lacks, Lack{Key: "living/" + string(t.UID), Kind: t.Kind, Text: fmt.Sprintf("%s is not known to be gone", t.Ref)})
			continue
		}
		l.lackGone(o)
	}
	living, gone := l.snap.Severed(ref.Kind), l.snap.SeveredGone(ref.Kind)
	for _, o := range l.ownSevered(living, gone) {
		l.lackGone(o)
	}
	if len(l.Lacks) == 0 {
		l.provef("deleted: %s", countKinds(ref, counts))
		l.proveSevered(l.ownSevered(gone, nil))
		l.admitUnseen()
	}
}

// ownSevered picks from what has lost its owner that which carries a label of the custom resource's children. More is
// what else has.
func (l *look) ownSevered(severed, more []snapshot.Object) []snapshot.Object {
	values := l.labelValues()
	all := slices.Concat(severed, more)
	return slices.DeleteFunc(slices.Clone(severed), func(o snapshot.Object) bool {
		return !slices.Contains(values, o.GetLabels()[l.engine.Identity().Label]) || l.isNamesakes(o, all) || l.isStrangers(o)
	})
}

// proveSevered counts apart what went and only its label told whose it was.
func (l *look) proveSevered(gone []snapshot.Object) {
	counts := map[string]int{}
	for _, o := range gone {
		counts[string(snapshot.KindOf(o))]++
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		l.provef("%s with its label, whose owner was never seen", Plural(counts[kind], kind))
	}
}

// isStrangers reports whether a pod that has lost its ReplicaSet is of a Deployment of another custom resource, whose name may
// be what an orchestrator of this one's is labelled with.
func (l *look) isStrangers(o snapshot.Object) bool {
	maker, hash := metav1.GetControllerOfNoCopy(o), o.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
	name, hashed := strings.CutSuffix(maker.Name, "-"+hash)
	d := l.snap.Named(snapshot.Deployment, o.GetNamespace(), name)
	if !hashed || d == nil {
		return false
	}
	owner := metav1.GetControllerOfNoCopy(d)
	return owner != nil && owner.Kind == string(l.goal.Root.Kind) && owner.Name != l.goal.Root.Name
}

// isNamesakes reports whether what has lost its owner belongs to another custom resource of the same name that has been
// made since: where ReplicaSets may not be seen, nothing but the dates tell its pods from those of the former one. A
// ReplicaSet of the former one may make pods until it is collected, but it has made some before.
func (l *look) isNamesakes(o snapshot.Object, severed []snapshot.Object) bool {
	ref := l.goal.Root
	other := l.snap.Named(ref.Kind, ref.Namespace, ref.Name)
	if other == nil || other.GetUID() == ref.UID || !l.snap.Refused(snapshot.ReplicaSet) {
		return false
	}
	since, may := l.podsSince(other)
	maker := metav1.GetControllerOfNoCopy(o).UID
	return may && !slices.ContainsFunc(severed, func(beside snapshot.Object) bool {
		made := beside.GetCreationTimestamp()
		return metav1.GetControllerOfNoCopy(beside).UID == maker && made.Before(&since)
	})
}

// podsSince returns since when a custom resource may have pods: since its first Deployment is there, or, where
// Deployments may not be seen, since it is there itself. Without a Deployment it may have none.
func (l *look) podsSince(root snapshot.Object) (since metav1.Time, may bool) {
	if l.snap.Refused(snapshot.Deployment) {
		return root.GetCreationTimestamp(), true
	}
	for _, o := range l.snap.Owned(root.GetUID()) {
		made := o.GetCreationTimestamp()
		if snapshot.KindOf(o) == snapshot.Deployment && (!may || made.Before(&since)) {
			since, may = made, true
		}
	}
	return since, may
}

// findRemains looks for what is left of a custom resource that was never seen: what names it as its owner,
// and what has lost its owner and carries its name in the operator's label.
func (l *look) findRemains() {
	ref := l.goal.Root
	left := l.snap.Remains(ref.Kind, ref.Name)
	for _, o := range l.snap.Severed(ref.Kind) {
		if value := o.GetLabels()[l.engine.Identity().Label]; mayBeNamed(value, ref.Name) && !l.isOthers(value) {
			left = append(left, o)
		}
	}
	for _, o := range left {
		l.lackGone(o)
	}
	switch {
	case len(l.Lacks) > 0:
		return
	case l.snap.Named(ref.Kind, ref.Namespace, ref.Name) != nil:
		l.provef("deleted: nothing is left of the former %s %s/%s; another one has been made", ref.Kind, ref.Namespace, ref.Name)
	default:
		l.provef("deleted: %s %s/%s does not exist, and nothing is left of it", ref.Kind, ref.Namespace, ref.Name)
	}
	l.admitUnseen()
}

// lackGone lacks that an object goes, which may have come to pass where its kind cannot be seen at present. What
// may not be seen for good is not waited for, but admitted.
func (l *look) lackGone(o snapshot.Object) {
	if l.snap.Refused(snapshot.KindOf(o)) {
		return
	}
	lack := Lack{Key: "living/" + string(o.GetUID()), Kind: snapshot.KindOf(o), Text: remains(o)}
	if why := l.snap.Blind(snapshot.KindOf(o)); why != "" {
		lack.Text, lack.Unknown = fmt.Sprintf("%s is not known to be gone: %s", snapshot.RefTo(o), why), true
	}
	l.Lacks = append(l.Lacks, lack)
}

// longestLabel is how long a label's value may be; longer names are hashed.
const longestLabel = 63

// mayBeNamed reports whether a label's value may stand for a custom resource of that name: the name itself,
// with something behind it as a separate orchestrator has, or a hash of a name that is too long.
func mayBeNamed(value, name string) bool {
	return value != "" && (value == name || strings.HasPrefix(value, name+"-") || len(name) > longestLabel)
}

// isOthers reports whether a label's value is known to stand for another custom resource: what is there with
// that value names one as its owner. The name itself stands for none but this.
func (l *look) isOthers(value string) bool {
	ref := l.goal.Root
	return value != ref.Name && slices.ContainsFunc(l.snap.Living(snapshot.Deployment), func(o snapshot.Object) bool {
		owner := metav1.GetControllerOfNoCopy(o)
		return o.GetLabels()[l.engine.Identity().Label] == value &&
			owner != nil && owner.Kind == string(ref.Kind) && owner.Name != ref.Name
	})
}

// admitUnseen says of which kinds nothing can be said, because they may not be watched.
func (l *look) admitUnseen() {
	var unseen []string
	if l.snap.Refused(snapshot.Deployment) { // without which nothing begins, so that the right was taken away meanwhile
		unseen = append(unseen, string(snapshot.Deployment)+"s")
	}
	for _, kind := range []snapshot.Kind{snapshot.ReplicaSet, snapshot.Pod, snapshot.Service} {
		if !l.snap.Complete(kind) {
			unseen = append(unseen, string(kind)+"s")
		}
	}
	for _, kind := range []snapshot.Kind{snapshot.HPA, snapshot.PDB} { // not watched at all where the spec has none
		if !l.snap.Complete(kind) && l.snap.Blind(kind) != "" {
			unseen = append(unseen, string(kind)+"s")
		}
	}
	if len(unseen) > 0 {
		l.provef("not looked at: %s, which cannot be seen", strings.Join(unseen, ", "))
	}
}

// labelValues are those that the label of the custom resource's children has.
func (l *look) labelValues() []string {
	if l.goal.Baseline == nil {
		return nil
	}
	implied, err := l.engine.Implied(l.goal.Baseline)
	if err != nil {
		return nil
	}
	values := make([]string, 0, len(implied.Workloads))
	for _, w := range implied.Workloads {
		values = append(values, w.Labels[l.engine.Identity().Label])
	}
	return values
}

// remains says in what state an object that ought to go still is, and what holds it.
func remains(o snapshot.Object) string {
	var parts []string
	switch {
	case o.GetDeletionTimestamp() == nil:
		parts = append(parts, "not being deleted yet")
	case len(o.GetFinalizers()) > 0:
		parts = append(parts, "held by finalizer "+strings.Join(o.GetFinalizers(), ", "))
	default:
		parts = append(parts, "terminating")
	}
	if pod, ok := o.(*corev1.Pod); ok && pod.DeletionTimestamp != nil && pod.DeletionGracePeriodSeconds != nil {
		parts = append(parts, fmt.Sprintf("grace period %d s on node %s", *pod.DeletionGracePeriodSeconds, pod.Spec.NodeName))
	}
	if _, bare := o.(*metav1.PartialObjectMetadata); bare { // no watch has shown it
		parts = append(parts, "without the label by which it was watched")
	}
	return fmt.Sprintf("%s: %s", snapshot.RefTo(o), strings.Join(parts, ", "))
}

// countKinds writes how many objects of each kind there were, the custom resource first.
func countKinds(root snapshot.Ref, counts map[string]int) string {
	kinds := make([]string, 0, len(counts))
	for kind := range counts {
		if kind != string(root.Kind) {
			kinds = append(kinds, kind)
		}
	}
	sort.Strings(kinds)
	parts := []string{string(root.Kind)}
	for _, kind := range kinds {
		parts = append(parts, Plural(counts[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// Plural writes a number of objects of a kind.
func Plural(n int, kind string) string {
	switch {
	case n == 1:
		return "1 " + kind
	case strings.HasSuffix(kind, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(kind, "y"))
	}
	return fmt.Sprintf("%d %ss", n, kind)
}
