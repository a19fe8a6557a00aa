package simworld

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	managerName  = "kube-controller-manager"
	revision     = "deployment.kubernetes.io/revision"
	templateHash = "pod-template-hash"
)

// deploymentController rolls Deployments out.
func (w *World) deploymentController() *actor {
	return w.newActor("deployments", w.Pace.Deployments, func(c *change) []string {
		switch c.Kind {
		case "Deployment":
			return []string{c.Object.GetName()}
		case "ReplicaSet":
			for _, ref := range c.Object.GetOwnerReferences() {
				return []string{ref.Name}
			}
		}
		return nil
	}, w.syncDeployment)
}

// rollout is one look at a Deployment.
type rollout struct {
	w    *World
	d    *appsv1.Deployment
	now  *appsv1.ReplicaSet
	olds []*appsv1.ReplicaSet // oldest first
	made bool                 // now was
}

func (w *World) syncDeployment(name string) {
	d, ok := w.get("Deployment", name).(*appsv1.Deployment)
	if !ok {
		return
	}
	r := &rollout{w: w, d: d}
	r.find()
	if d.DeletionTimestamp == nil {
		if !r.ensure() {
			return
		}
		r.scale()
		r.find()
	}
	r.report()
}

// find sorts the Deployment's ReplicaSets.
func (r *rollout) find() {
	r.now, r.olds = nil, nil
	for _, rs := range all[*appsv1.ReplicaSet](r.w, "ReplicaSet") {
		switch {
		case controllerOf(rs) != string(r.d.UID):
		case r.now == nil && templateOf(r.w.templates, rs) == templateOf(r.w.templates, r.d):
			r.now = rs
		default:
			r.olds = append(r.olds, rs)
		}
	}
	slices.SortFunc(r.olds, func(a, b *appsv1.ReplicaSet) int { return revisionOf(a) - revisionOf(b) })
}

// templateOf identifies a pod template by what it says, the hash label left aside. It is remembered by
// the object and its generation, with which it changes.
func templateOf(known map[string]string, o Object) string {
	key := fmt.Sprint(o.GetUID(), "/", o.GetGeneration())
	if text, there := known[key]; there {
		return text
	}
	var template corev1.PodTemplateSpec
	switch o := o.(type) {
	case *appsv1.Deployment:
		template = o.Spec.Template
	case *appsv1.ReplicaSet:
		template = o.Spec.Template
	}
	template.Labels = maps.Clone(template.Labels)
	delete(template.Labels, templateHash)
	raw, _ := json.Marshal(template) // a template can always be written
	known[key] = string(raw)
	return string(raw)
}

// FormerSince gives since when a pod or ReplicaSet is of a template that its Deployment has no more; zero where it is of the
// present one.
func (w *World) FormerSince(uid string) time.Duration {
	set, deployment, template := uid, "", ""
	for _, c := range w.log {
		switch {
		case c.Kind == "Pod" && string(c.Object.GetUID()) == uid:
			set = controllerOf(c.Object)
		case c.Kind == "ReplicaSet" && string(c.Object.GetUID()) == set:
			deployment, template = controllerOf(c.Object), templateOf(w.templates, c.Object)
		}
	}
	since := time.Duration(0)
	for _, c := range w.log {
		switch {
		case c.Kind != "Deployment" || string(c.Object.GetUID()) != deployment:
		case templateOf(w.templates, c.Object) == template:
			since = 0
		case since == 0:
			since = c.At
		}
	}
	return since
}

func revisionOf(rs *appsv1.ReplicaSet) int {
	n, _ := strconv.Atoi(rs.Annotations[revision])
	return n
}

// ensure makes the newest ReplicaSet where it is missing, and numbers it. It returns false where a
// stranger has its name.
func (r *rollout) ensure() bool {
	last := 0
	for _, rs := range r.olds {
		last = max(last, revisionOf(rs))
	}
	switch {
	case r.now == nil:
		if !r.make(last + 1) {
			return false
		}
	case revisionOf(r.now) < last:
		r.annotate(last + 1)
	}
	if text := r.now.Annotations[revision]; r.d.Annotations[revision] != text {
		r.d, _ = r.w.mutate("Deployment", r.d.Name, managerName, "", func(o Object) {
			o.SetAnnotations(merged(o.GetAnnotations(), map[string]string{revision: text}))
		}).(*appsv1.Deployment)
	}
	return r.d != nil
}

func (r *rollout) annotate(n int) {
	r.now, _ = r.w.mutate("ReplicaSet", r.now.Name, managerName, "", func(o Object) {
		o.SetAnnotations(merged(o.GetAnnotations(), map[string]string{revision: strconv.Itoa(n)}))
	}).(*appsv1.ReplicaSet)
}

func (r *rollout) make(n int) bool {
	collisions := int32(0)
	if r.d.Status.CollisionCount != nil {
		collisions = *r.d.Status.CollisionCount
	}
	raw, _ := json.Marshal(r.d.Spec.Template) // a template can always be written
	sum := fmt.Sprintf("%08x", uint32(hash(string(raw)+strconv.Itoa(int(collisions)))))
	template := *r.d.Spec.Template.DeepCopy()
	template.Labels = merged(template.Labels, map[string]string{templateHash: sum})
	zero := int32(0)
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: r.d.Name + "-" + sum, Labels: template.Labels, Annotations: map[string]string{revision: strconv.Itoa(n)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(r.d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &zero, Template: template,
			Selector: &metav1.LabelSelector{MatchLabels: merged(r.d.Spec.Selector.MatchLabels, map[string]string{templateHash: sum})},
		},
	}
	if ill := r.w.illOf(r.d.Name, r.w.wards[r.d.Name]+1); ill != nil && (ill.Kind == SetsQuota || ill.Kind == SetsDenied) {
		r.refused(rs.Name, ill.Kind)
		return false
	}
	made, err := r.w.create(rs, managerName)
	if err != nil { // a ReplicaSet of a former Deployment of that name
		r.w.mutate("Deployment", r.d.Name, managerName, "status", func(o Object) {
			collisions++
			o.(*appsv1.Deployment).Status.CollisionCount = &collisions //nolint:forcetypeassert // of that kind
		})
		return false
	}
	r.now, _ = made.(*appsv1.ReplicaSet)
	r.made = true
	return true
}

// refused tells why the newest ReplicaSet cannot be made, in the condition for the first time only, and lets it be tried again.
func (r *rollout) refused(name string, why IllKind) {
	text := fmt.Sprintf("Failed to create new replica set %q: replicasets.apps %q is forbidden: exceeded quota: compute, requested: count/replicasets.apps=1, used: count/replicasets.apps=9, limited: count/replicasets.apps=9", name, name)
	if why == SetsDenied {
		text = fmt.Sprintf("Failed to create new replica set %q: admission webhook \"sets.policy.example\" denied the request: no owner label", name)
	}
	if c := find(r.d.Status.Conditions, appsv1.DeploymentProgressing); c == nil || c.Reason != "ReplicaSetCreateError" {
		r.w.mutate("Deployment", r.d.Name, managerName, "status", func(o Object) {
			d, _ := o.(*appsv1.Deployment)
			condition(r.w.stamp(), &d.Status, appsv1.DeploymentProgressing, false, "ReplicaSetCreateError", text)
		})
	}
	r.w.event(r.d, "Warning", "ReplicaSetCreateError", "deployment-controller", text)
	again := fmt.Sprint("again ", r.d.Name, " ", r.d.Generation)
	if tries := r.w.wards[again]; tries&1 == 0 { // the next is not on its way yet
		r.w.wards[again]++
		r.w.after(500*time.Millisecond<<min(tries/2, 6), func() {
			r.w.wards[again]++
			r.w.syncDeployment(r.d.Name)
		})
	}
}

// scale moves the replicas as a rolling update with maxSurge 25% and maxUnavailable 0 does.
func (r *rollout) scale() {
	desired := *r.d.Spec.Replicas
	surge := (desired + 3) / 4
	total, available := *r.now.Spec.Replicas, r.now.Status.AvailableReplicas
	for _, rs := range r.olds {
		total += *rs.Spec.Replicas
		available += rs.Status.AvailableReplicas
	}
	mine := *r.now.Spec.Replicas
	others := total - mine
	switch {
	case others == 0 || mine > desired:
		r.resize(r.now, desired)
	case mine < desired && total < desired+surge:
		r.resize(r.now, mine+min(desired-mine, desired+surge-total))
	}
	r.shrink(desired, total, available)
}

// shrink takes old replicas away: first those that never were available, then others as new ones come.
func (r *rollout) shrink(desired, total, available int32) {
	room := total - desired - (*r.now.Spec.Replicas - r.now.Status.AvailableReplicas)
	spare := available - desired
	for _, rs := range r.olds {
		if room <= 0 {
			return
		}
		leave := *rs.Spec.Replicas
		dead := min(leave-min(leave, rs.Status.AvailableReplicas), room)
		leave, room = leave-dead, room-dead
		if spare > 0 {
			taken := min(spare, leave)
			spare, leave = spare-taken, leave-taken
		}
		r.resize(rs, leave)
	}
}

func (r *rollout) resize(rs *appsv1.ReplicaSet, n int32) {
	was := *rs.Spec.Replicas
	if was == n {
		return
	}
	r.w.mutate("ReplicaSet", rs.Name, managerName, "", func(o Object) {
		o.(*appsv1.ReplicaSet).Spec.Replicas = &n //nolint:forcetypeassert // of that kind
	})
	word := "up"
	if n < was {
		word = "down"
	}
	r.w.event(r.d, "Normal", "ScalingReplicaSet", "deployment-controller", fmt.Sprintf("Scaled %s replica set %s from %d to %d", word, rs.Name, was, n))
}

// report writes the Deployment's status.
func (r *rollout) report() {
	r.w.mutate("Deployment", r.d.Name, managerName, "status", func(o Object) {
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			return
		}
		old := d.Status
		st := appsv1.DeploymentStatus{ObservedGeneration: d.Generation, CollisionCount: old.CollisionCount, Conditions: slices.Clone(old.Conditions)}
		var asked int32
		if r.now != nil {
			st.UpdatedReplicas = r.now.Status.Replicas
		}
		for _, rs := range append(slices.Clone(r.olds), r.now) {
			if rs != nil {
				asked += *rs.Spec.Replicas
				st.Replicas += rs.Status.Replicas
				st.ReadyReplicas += rs.Status.ReadyReplicas
				st.AvailableReplicas += rs.Status.AvailableReplicas
			}
		}
		st.UnavailableReplicas = max(0, asked-st.AvailableReplicas)
		d.Status = st
		r.conditions(d, old)
	})
}

// conditions sets Available, Progressing and ReplicaFailure.
func (r *rollout) conditions(d *appsv1.Deployment, old appsv1.DeploymentStatus) {
	st := &d.Status
	if st.AvailableReplicas >= *d.Spec.Replicas {
		condition(r.w.stamp(), st, appsv1.DeploymentAvailable, true, "MinimumReplicasAvailable", "Deployment has minimum availability.")
	} else {
		condition(r.w.stamp(), st, appsv1.DeploymentAvailable, false, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
	}
	r.failure(st)
	limit := time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
	complete := st.UpdatedReplicas == *d.Spec.Replicas && st.Replicas == *d.Spec.Replicas && st.AvailableReplicas == *d.Spec.Replicas
	moved := st.UpdatedReplicas > old.UpdatedReplicas || st.ReadyReplicas > old.ReadyReplicas || st.AvailableReplicas > old.AvailableReplicas || st.Replicas < old.Replicas
	was := find(st.Conditions, appsv1.DeploymentProgressing)
	name := ""
	if r.now != nil {
		name = r.now.Name
	}
	switch {
	case complete:
		condition(r.w.stamp(), st, appsv1.DeploymentProgressing, true, "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", name))
	case was == nil || r.made:
		condition(r.w.stamp(), st, appsv1.DeploymentProgressing, true, "NewReplicaSetCreated", fmt.Sprintf("Created new replica set %q", name))
	case moved || was.Reason == "NewReplicaSetAvailable" && d.Generation != old.ObservedGeneration:
		condition(r.w.stamp(), st, appsv1.DeploymentProgressing, true, "ReplicaSetUpdated", fmt.Sprintf("ReplicaSet %q is progressing.", name))
	case was.Reason != "NewReplicaSetAvailable" && r.w.clock().Sub(was.LastUpdateTime.Time) >= limit:
		condition(r.w.stamp(), st, appsv1.DeploymentProgressing, false, "ProgressDeadlineExceeded", fmt.Sprintf("ReplicaSet %q has timed out progressing.", name))
		return
	}
	if !complete {
		r.w.after(limit+time.Second, func() { r.w.syncDeployment(d.Name) })
	}
}

func (r *rollout) failure(st *appsv1.DeploymentStatus) {
	if r.now != nil {
		for _, c := range r.now.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				condition(r.w.stamp(), st, appsv1.DeploymentReplicaFailure, true, c.Reason, c.Message)
				return
			}
		}
	}
	st.Conditions = slices.DeleteFunc(st.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentReplicaFailure })
}

func find(list []appsv1.DeploymentCondition, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range list {
		if list[i].Type == kind {
			return &list[i]
		}
	}
	return nil
}

func condition(now metav1.Time, st *appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType, is bool, reason, message string) {
	value := corev1.ConditionFalse
	if is {
		value = corev1.ConditionTrue
	}
	c := appsv1.DeploymentCondition{Type: kind, Status: value, Reason: reason, Message: message, LastTransitionTime: now, LastUpdateTime: now}
	old := find(st.Conditions, kind)
	if old == nil {
		st.Conditions = append(st.Conditions, c)
		return
	}
	if old.Status == value {
		c.LastTransitionTime = old.LastTransitionTime
		if old.Reason == reason && reason != "ReplicaSetUpdated" {
			c.LastUpdateTime = old.LastUpdateTime
		}
	}
	*old = c
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}

func podCondition(now metav1.Time, p *corev1.Pod, kind corev1.PodConditionType, is bool, reason, message string) {
	value := corev1.ConditionFalse
	if is {
		value = corev1.ConditionTrue
	}
	c := corev1.PodCondition{Type: kind, Status: value, Reason: reason, Message: message, LastTransitionTime: now}
	for i := range p.Status.Conditions {
		if old := &p.Status.Conditions[i]; old.Type == kind {
			if old.Status == value {
				c.LastTransitionTime = old.LastTransitionTime
			}
			*old = c
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, c)
}
