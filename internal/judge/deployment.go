package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// strangerPatience is how long an owned Deployment that the spec does not imply is waited for; a
// changed graph's old ones go when the new ones are ready.
const strangerPatience = 30 * time.Second

// findWorkloads holds every implied workload to its Deployment and returns the matches by name.
func (l *look) findWorkloads() map[string]*appsv1.Deployment {
	if len(l.implied.Workloads) == 0 {
		l.lackf("empty", "the spec of %s implies no Deployment, so nothing can prove it", l.goal.Root)
	}
	owned := l.ownedDeployments()
	matched := map[string]*appsv1.Deployment{}
	for _, w := range l.implied.Workloads {
		d := match(w, owned, matched)
		if d == nil {
			l.lackf("absent/"+w.Name(), "Deployment %s does not exist yet", w.Name())
			continue
		}
		matched[d.Name] = d
		l.findRollout(w, d)
	}
	l.findStrangers(owned, matched)
	l.findReached(matched)
	return matched
}

// match finds the Deployment of a workload among the owned ones: by name, else the only unnamed one
// whose containers and labels are as implied.
func match(w engine.Workload, owned []*appsv1.Deployment, taken map[string]*appsv1.Deployment) *appsv1.Deployment {
	for _, name := range w.Names {
		for _, d := range owned {
			if d.Name == name && taken[d.Name] == nil {
				return d
			}
		}
	}
	var alike []*appsv1.Deployment
	for _, d := range owned {
		if taken[d.Name] == nil && d.DeletionTimestamp == nil && len(w.Containers) > 0 &&
			len(differences(w, d)) == 0 && carries(d.Spec.Template.Labels, w.Labels) {
			alike = append(alike, d)
		}
	}
	if len(alike) == 1 {
		return alike[0]
	}
	return nil
}

// findRollout demands of one Deployment that its controller has acted on its present spec and that
// every replica is of that spec, ready and available, and no other one is left.
func (l *look) findRollout(w engine.Workload, d *appsv1.Deployment) {
	key := "Deployment/" + d.Name
	wanted := replicasOf(d)
	total, ready, leaving := l.podsOf(d)
	l.Counts = append(l.Counts, Count{
		Deployment: snapshot.RefTo(d), Wanted: wanted, Ready: d.Status.ReadyReplicas, Total: d.Status.Replicas, Terminating: leaving,
	})
	before := l.firmLacks()
	if d.DeletionTimestamp != nil {
		l.lackf(key+"/deleting", "Deployment %s is being deleted", d.Name)
		return
	}
	l.findImpliedTemplate(w, d)
	l.findImpliedReplicas(w, d)
	l.findOtherWriter(d)
	l.findServing(d, ready)
	st := d.Status
	switch {
	case st.ObservedGeneration < d.Generation:
		l.lackf(key+"/observed", "Deployment %s: the deployment controller has not seen generation %d", d.Name, d.Generation)
	case st.UpdatedReplicas != wanted || st.ReadyReplicas != wanted || st.AvailableReplicas != wanted || st.Replicas != wanted || st.UnavailableReplicas != 0:
		l.lackf(key+"/rollout", "Deployment %s: %d of %d ready (%d updated, %d available, %d in all)",
			d.Name, st.ReadyReplicas, wanted, st.UpdatedReplicas, st.AvailableReplicas, st.Replicas)
	case l.seesPods() && ready < wanted:
		l.lackf(key+"/pods", "Deployment %s: %d of %d pods are ready by the pods' own word", d.Name, ready, wanted)
	case l.seesPods() && total-leaving > wanted: // which its ReplicaSets have not counted yet
		l.lackf(key+"/others", "Deployment %s: %d pods are there, %d are meant to be", d.Name, total-leaving, wanted)
	}
	if l.falls(d) && l.seesPods() {
		l.findSurplus(d, total-wanted)
	}
	switch {
	case l.firmLacks() > before:
	case l.seesPods():
		l.provef("Deployment %s: %d of %d replicas updated, ready and available", d.Name, st.AvailableReplicas, wanted)
	default:
		l.provef("Deployment %s: %d of %d replicas updated, ready and available, by its own count alone: its pods cannot be seen", d.Name, st.AvailableReplicas, wanted)
	}
}

// firmLacks counts what lacks and is not borne with time.
func (l *look) firmLacks() int {
	n := 0
	for _, lack := range l.Lacks {
		if lack.Patience == 0 {
			n++
		}
	}
	return n
}

// seesPods reports whether a Deployment's pods can be counted: it takes their ReplicaSets to know whose
// they are.
func (l *look) seesPods() bool {
	return l.snap.Complete(snapshot.Pod) && l.snap.Complete(snapshot.ReplicaSet)
}

// rewrittenPatience is how long a Deployment may differ from what is implied, once the operator has
// acted, before that is a failure.
const rewrittenPatience = 10 * time.Second

// findImpliedTemplate holds the Deployment's containers to the spec's.
func (l *look) findImpliedTemplate(w engine.Workload, d *appsv1.Deployment) {
	found := differences(w, d)
	for _, difference := range found {
		l.lackf("Deployment/"+d.Name+"/"+difference, "Deployment %s %s: the operator has not acted, or something rewrites it", d.Name, difference)
	}
	if len(found) == 0 || !l.blamesWriters() {
		return
	}
	l.Problems = append(l.Problems, Problem{
		Class: TemplateRewritten, Key: string(TemplateRewritten) + "/" + string(d.UID),
		Message: fmt.Sprintf("Deployment %s %s although the operator has acted; %s", d.Name, found[0], l.templateWriter(d)),
		Chain:   l.chain(d, strings.Join(found, "; ")),
		Hint:    fmt.Sprintf("kubectl get deployment -n %s %s --show-managed-fields -o yaml; kubectl get mutatingwebhookconfigurations", d.Namespace, d.Name),
	})
}

// findServing tells whether requests are still served while a new version does not come up.
func (l *look) findServing(d *appsv1.Deployment, ready int32) {
	former, made := int32(0), Unmade(d) == nil || d.Status.ObservedGeneration >= d.Generation && l.fitting(d) != nil
	for _, rs := range l.snap.Owned(d.UID) {
		if made && isPresent(d, rs) {
			continue
		}
		for _, o := range l.snap.Owned(rs.GetUID()) {
			if pod, ok := o.(*corev1.Pod); ok && pod.DeletionTimestamp == nil && podReady(pod) {
				former++
			}
		}
	}
	switch {
	case former > 0:
		l.Serving = append(l.Serving, fmt.Sprintf("requests are still served: %s of the former version ready on %s", Plural(int(former), "pod"), d.Name))
	case ready > 0:
		l.Serving = append(l.Serving, fmt.Sprintf("requests are served by what is ready: %s on %s", Plural(int(ready), "pod"), d.Name))
	}
}

// findImpliedReplicas holds the Deployment's number to the spec's: exactly, or within a range where
// an autoscaler owns it.
func (l *look) findImpliedReplicas(w engine.Workload, d *appsv1.Deployment) {
	has := replicasOf(d)
	switch {
	case w.Autoscaled != nil:
		l.findRange(*w.Autoscaled, d, has)
		return
	case w.Replicas == nil || *w.Replicas == has:
		return
	}
	l.lackf("Deployment/"+d.Name+"/replicas", "Deployment %s has %d replicas, %s says %d", d.Name, has, w.Source, *w.Replicas)
	if !l.blamesWriters() {
		return
	}
	l.Problems = append(l.Problems, Problem{
		Class: ReplicasRewritten, Key: string(ReplicasRewritten) + "/" + string(d.UID),
		Message: fmt.Sprintf("Deployment %s has %d replicas although %s says %d; spec.replicas was last written by %s", d.Name, has, w.Source, *w.Replicas, lastWriter(d, `"f:replicas"`)),
		Chain:   l.chain(d, fmt.Sprintf("%d replicas instead of %d", has, *w.Replicas)),
		Hint:    fmt.Sprintf("kubectl get hpa -n %s; kubectl get deployment -n %s %s --show-managed-fields -o yaml", d.Namespace, d.Namespace, d.Name),
	})
}

// findStrangers looks at owned Deployments that the spec does not imply.
func (l *look) findStrangers(owned []*appsv1.Deployment, matched map[string]*appsv1.Deployment) {
	for _, d := range owned {
		switch {
		case matched[d.Name] == d:
		case d.DeletionTimestamp != nil:
			l.lackf("stranger/"+d.Name, "Deployment %s of the former spec is still being deleted", d.Name)
		default:
			l.lackWithinf(strangerPatience, "stranger/"+d.Name, "Deployment %s belongs to %s, but its spec does not ask for it", d.Name, l.goal.Root)
		}
	}
}

// findReached demands for a scaling that each Deployment that it governs is there.
func (l *look) findReached(matched map[string]*appsv1.Deployment) {
	if l.goal.Kind != Scaled {
		return
	}
	names := l.scaledParts(matched)
	if len(names) == 0 {
		l.lackf("reached", "the change of replicas reaches no Deployment")
	}
	for _, name := range names {
		switch d := matched[name]; {
		case d == nil:
			l.lackf("reached/"+name, "Deployment %s, which is to be scaled, is not there", name)
		case l.goal.Wanted != nil && replicasOf(d) != *l.goal.Wanted:
			l.lackf("reached/"+name, "Deployment %s is set to %d replicas, not %d", name, replicasOf(d), *l.goal.Wanted)
		}
	}
}

// scaledParts names the Deployments that the scaling reaches. Where others scale they may rename parts meanwhile:
// then those of all components count.
func (l *look) scaledParts(matched map[string]*appsv1.Deployment) []string {
	there := func(name string) bool { return matched[name] != nil }
	if !l.goal.Watched || !slices.ContainsFunc(l.goal.Reached, func(name string) bool { return !l.asksFor(name) && !there(name) }) {
		return l.goal.Reached
	}
	var names []string
	for _, w := range l.implied.Workloads {
		if w.Role != engine.Component || w.Autoscaled != nil {
			continue
		}
		i := max(slices.IndexFunc(w.Names, there), 0)
		names = append(names, w.Names[i])
	}
	return names
}

// asksFor reports whether the spec asks for a Deployment of that name.
func (l *look) asksFor(name string) bool {
	return slices.ContainsFunc(l.implied.Workloads, func(w engine.Workload) bool { return slices.Contains(w.Names, name) })
}

// falls reports whether the goal lowers the Deployment's replicas, or nobody knows whether it does, so that
// pods must go. At 0 none may be there, whoever made it.
func (l *look) falls(d *appsv1.Deployment) bool {
	return l.goal.Kind == Scaled && (l.goal.Was == nil || l.goal.Was[d.Name] > replicasOf(d) || replicasOf(d) == 0)
}

// findSurplus demands that no more pods are there than are meant to be. Those count whose ReplicaSet is not seen any
// more too, as it was deleted before them or has lost the label by which it is watched: its name tells whose it was.
func (l *look) findSurplus(d *appsv1.Deployment, surplus int32) {
	for _, o := range l.snap.Living(snapshot.Pod) {
		owner := metav1.GetControllerOfNoCopy(o)
		pod, ok := o.(*corev1.Pod)
		if !ok || owner == nil || owner.Kind != string(snapshot.ReplicaSet) || l.snap.Get(owner.UID) != nil || pod.Namespace != d.Namespace || pod.DeletionTimestamp == nil && finished(pod) {
			continue
		}
		if pod.CreationTimestamp.Before(&d.CreationTimestamp) {
			continue // of a Deployment that had the name before
		}
		if hash, ours := strings.CutPrefix(owner.Name, d.Name+"-"); ours && !strings.Contains(hash, "-") {
			surplus++
		}
	}
	if surplus > 0 {
		l.lackf("Deployment/"+d.Name+"/surplus", "Deployment %s: %d surplus pods are not gone yet", d.Name, surplus)
	}
}

// podsOf counts the Deployment's pods that are not finished: all of them, the ready ones of its
// present template that stay, and those on their way out.
func (l *look) podsOf(d *appsv1.Deployment) (total, ready, leaving int32) {
	for _, rs := range l.snap.Owned(d.UID) {
		for _, o := range l.snap.Owned(rs.GetUID()) {
			pod, ok := o.(*corev1.Pod)
			if !ok || pod.DeletionTimestamp == nil && finished(pod) {
				continue
			}
			total++
			switch {
			case pod.DeletionTimestamp != nil:
				leaving++
			case podReady(pod) && isPresent(d, rs):
				ready++
			}
		}
	}
	return total, ready, leaving
}

// isPresent reports whether a ReplicaSet is that of the Deployment's present template. One that has pods where the Deployment
// counts none of its template is a former one: where template and number change at once it is scaled before the other is made.
func isPresent(d *appsv1.Deployment, o snapshot.Object) bool {
	rs, ok := o.(*appsv1.ReplicaSet)
	return fits(d, o) && (!ok || rs.Status.Replicas == 0 || d.Status.UpdatedReplicas > 0)
}

// revision is the annotation by which the deployment controller numbers a Deployment's templates.
const revision = "deployment.kubernetes.io/revision"

// fits reports whether a ReplicaSet may be that of the Deployment's present template: it has its images, as far as they are
// known, and its revision. While an annotation does not tell that, no ReplicaSet is ruled out.
func fits(d *appsv1.Deployment, o snapshot.Object) bool {
	if rs, ok := o.(*appsv1.ReplicaSet); ok {
		for _, c := range rs.Spec.Template.Spec.Containers {
			if !slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(is corev1.Container) bool { return is.Name == c.Name && is.Image == c.Image }) {
				return false
			}
		}
	}
	has, wants := o.GetAnnotations()[revision], d.Annotations[revision]
	return has == "" || wants == "" || has == wants
}

// differences tells where a Deployment's template is not what the spec prescribes.
func differences(w engine.Workload, d *appsv1.Deployment) []string {
	var found []string
	for _, c := range w.Containers {
		i := slices.IndexFunc(d.Spec.Template.Spec.Containers, func(has corev1.Container) bool { return has.Name == c.Name })
		switch {
		case i < 0:
			found = append(found, fmt.Sprintf("has no container %s", c.Name))
		case c.Image != "" && d.Spec.Template.Spec.Containers[i].Image != c.Image:
			found = append(found, fmt.Sprintf("still has image %s in container %s, the spec says %s", d.Spec.Template.Spec.Containers[i].Image, c.Name, c.Image))
		}
	}
	return found
}

func carries(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// findDeployment reads the Deployment's own conditions.
func findDeployment(l *look, o snapshot.Object) {
	d, ok := o.(*appsv1.Deployment)
	if !ok {
		return
	}
	l.findUnmade(d)
	if d.Status.ObservedGeneration < d.Generation || !l.countsItsPods(d) {
		return
	}
	l.findRefusalBelow(d)
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded" && l.isAboutPresent(d, c.Message) {
			since := c.LastTransitionTime.Time
			after, key := l.begunAfter(d, since), fmt.Sprintf("%s/%s/%d", NoProgress, d.UID, since.Unix())
			if !after.IsZero() { // that gets as long as the rollout did
				after = after.Add(progressDeadline(d))
			}
			after = later(after, l.nodesUntil(d))
			if !l.firstLook() { // it may be of before the change
				since = time.Time{}
			}
			l.Problems = append(l.Problems, Problem{
				Class: NoProgress, Key: key, Since: since,
				Message: c.Message, Chain: l.chain(d, c.Reason),
				Hint:  fmt.Sprintf("kubectl describe deployment -n %s %s", d.Namespace, d.Name),
				After: after,
			})
		}
	}
}

// parked reports whether a workload has no replicas, by the spec or, where that says nothing or lets an autoscaler go
// down to none, by what is there.
func parked(w engine.Workload, matched map[string]*appsv1.Deployment) bool {
	switch {
	case w.Replicas != nil:
		return *w.Replicas == 0
	case w.Autoscaled != nil && w.Autoscaled.Min > 0:
		return false
	}
	return slices.ContainsFunc(w.Names, func(name string) bool { return matched[name] != nil && replicasOf(matched[name]) == 0 })
}
