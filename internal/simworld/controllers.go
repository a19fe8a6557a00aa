package simworld

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// replicaSetController makes and removes pods.
func (w *World) replicaSetController() *actor {
	return w.newActor("replicasets", w.Pace.ReplicaSets, func(c *change) []string {
		switch c.Kind {
		case "ReplicaSet":
			return []string{c.Object.GetName()}
		case "Pod":
			for _, ref := range c.Object.GetOwnerReferences() {
				return []string{ref.Name}
			}
		}
		return nil
	}, w.syncReplicaSet)
}

func (w *World) syncReplicaSet(name string) {
	rs, ok := w.get("ReplicaSet", name).(*appsv1.ReplicaSet)
	if !ok {
		return
	}
	pods := w.podsOf(rs) // the status counts those from before the pass
	var denied error
	if rs.DeletionTimestamp == nil {
		denied = w.fill(rs, pods)
	}
	w.mutate("ReplicaSet", name, managerName, "status", func(o Object) {
		rs, ok := o.(*appsv1.ReplicaSet)
		if !ok {
			return
		}
		st := appsv1.ReplicaSetStatus{ObservedGeneration: rs.Generation, Replicas: int32(len(pods)), FullyLabeledReplicas: int32(len(pods))}
		for _, pod := range pods {
			if isReady(pod) {
				st.ReadyReplicas++
				st.AvailableReplicas++
			}
		}
		if denied != nil {
			st.Conditions = rs.Status.Conditions // once it is there it stays, in the words of the first refusal
			if len(st.Conditions) == 0 {
				st.Conditions = []appsv1.ReplicaSetCondition{{
					Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: denied.Error(), LastTransitionTime: w.stamp(),
				}}
			}
		}
		rs.Status = st
	})
	if denied != nil {
		w.quotas[name]++
		w.after(min(time.Second<<min(w.quotas[name], 5), 20*time.Second), func() { w.syncReplicaSet(name) })
	}
}

// podsOf gives the ReplicaSet's active pods.
func (w *World) podsOf(rs *appsv1.ReplicaSet) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range all[*corev1.Pod](w, "Pod") {
		if controllerOf(pod) == string(rs.UID) && pod.DeletionTimestamp == nil && !isFinished(pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// fill brings the number of pods to what is wanted.
func (w *World) fill(rs *appsv1.ReplicaSet, pods []*corev1.Pod) error {
	n := int(*rs.Spec.Replicas)
	for range n - len(pods) {
		if err := w.makePod(rs); err != nil {
			return err
		}
	}
	if len(pods) <= n {
		return nil
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { // the first are the first to go
		return cmp.Or(rankOf(a)-rankOf(b), -a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	for _, pod := range pods[:len(pods)-n] {
		w.delete("Pod", pod.Name, "Background", managerName)
		w.event(rs, "Normal", "SuccessfulDelete", "replicaset-controller", "Deleted pod: "+pod.Name)
	}
	return nil
}

func rankOf(pod *corev1.Pod) int {
	switch {
	case pod.Spec.NodeName == "":
		return 0
	case !isReady(pod):
		return 1
	}
	return 2
}

func (w *World) makePod(rs *appsv1.ReplicaSet) error {
	owner := rs.OwnerReferences[0].Name
	w.wards[owner]++
	nth := w.wards[owner]
	name := fmt.Sprintf("%s-%05x", rs.Name, uint32(hash(fmt.Sprint(w.Seed, rs.UID, nth)))&0xfffff)
	if ill := w.illOf(owner, nth); ill != nil && (ill.Kind == Quota || ill.Kind == PodsDenied) {
		w.wards[owner]--
		err := fmt.Errorf(`pods %q is forbidden: exceeded quota: compute, requested: cpu=1, used: cpu=4, limited: cpu=4`, name)
		if ill.Kind == PodsDenied {
			err = errors.New(`admission webhook "pods.policy.example" denied the request: images must come from registry.example`)
		}
		w.event(rs, "Warning", "FailedCreate", "replicaset-controller", "Error creating: "+err.Error())
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: rs.Spec.Template.Labels, Annotations: rs.Spec.Template.Annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		},
		Spec:   *rs.Spec.Template.Spec.DeepCopy(),
		Status: corev1.PodStatus{Phase: corev1.PodPending, QOSClass: corev1.PodQOSBurstable},
	}
	pod.Annotations = merged(pod.Annotations, map[string]string{ordinal: strconv.Itoa(nth)})
	if _, err := w.create(pod, managerName); err != nil {
		return err
	}
	w.event(rs, "Normal", "SuccessfulCreate", "replicaset-controller", "Created pod: "+name)
	return nil
}

// ordinal says the how manyeth pod of its Deployment it is.
const ordinal = "simworld/ordinal"

func asPod(o Object) (*corev1.Pod, bool) {
	pod, ok := o.(*corev1.Pod)
	return pod, ok
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// collector is the garbage collector: it lets go what waits for nothing any more, and removes what
// is owned by nobody or by something that waits for it.
func (w *World) collector() *actor {
	return w.newActor("collector", w.Pace.Collector, func(c *change) []string {
		if c.Kind == "Event" {
			return nil
		}
		var keys []string
		for _, ref := range c.Object.GetOwnerReferences() {
			keys = append(keys, string(ref.UID))
		}
		if c.Verb == "DELETED" || c.Object.GetDeletionTimestamp() != nil {
			keys = append(keys, string(c.Object.GetUID()))
		}
		return keys
	}, w.collect)
}

// collect looks at one owner, there or not.
func (w *World) collect(uid string) {
	owner := w.uid(uid)
	waits := owner != nil && owner.GetDeletionTimestamp() != nil && slices.Contains(owner.GetFinalizers(), foreground)
	if owner != nil && !waits {
		return
	}
	blocking := false
	for _, o := range w.dependents(uid) {
		for _, ref := range o.GetOwnerReferences() {
			if string(ref.UID) == uid && ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion {
				blocking = true
			}
		}
		if o.GetDeletionTimestamp() != nil {
			continue
		}
		policy := "Background"
		if waits && len(w.dependents(string(o.GetUID()))) > 0 {
			policy = "Foreground"
		}
		w.delete(kindOf(o), o.GetName(), policy, "generic-garbage-collector")
	}
	if waits && !blocking {
		w.mutate(kindOf(owner), owner.GetName(), "generic-garbage-collector", "", func(o Object) {
			o.SetFinalizers(slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(f string) bool { return f == foreground }))
		})
	}
}

func (w *World) dependents(uid string) []Object {
	var found []Object
	for _, r := range resources() {
		for _, o := range all[Object](w, r.kind) {
			if ownedBy(o, uid) {
				found = append(found, o)
			}
		}
	}
	return found
}

// autoscaler is the controller of HorizontalPodAutoscalers: every 15 s it keeps the replicas in range.
func (w *World) autoscaler() *actor {
	a := w.newActor("autoscaler", 15*time.Second, func(c *change) []string {
		if c.Kind == "HorizontalPodAutoscaler" && c.Verb != "DELETED" {
			return []string{c.Object.GetName()}
		}
		return nil
	}, nil)
	a.look = func(name string) {
		hpa, ok := w.get("HorizontalPodAutoscaler", name).(*autoscalingv2.HorizontalPodAutoscaler)
		if !ok {
			return
		}
		a.poke(name)
		d, ok := w.get("Deployment", name).(*appsv1.Deployment)
		if !ok || d.DeletionTimestamp != nil {
			return
		}
		least := int32(1)
		if hpa.Spec.MinReplicas != nil {
			least = *hpa.Spec.MinReplicas
		}
		if n := min(max(*d.Spec.Replicas, least), hpa.Spec.MaxReplicas); n != *d.Spec.Replicas {
			w.mutate("Deployment", name, managerName, "scale", func(o Object) {
				o.(*appsv1.Deployment).Spec.Replicas = &n //nolint:forcetypeassert // of that kind
			})
		}
	}
	return a
}

// IllKind is what is wrong with the pods of a Deployment.
type IllKind string

// The kinds of illness.
const (
	ImageMissing  IllKind = "image not found"
	BadImageName  IllKind = "invalid image name"
	CrashLoop     IllKind = "crash loop"
	OutOfMemory   IllKind = "out of memory"
	ConfigMissing IllKind = "missing configmap"
	InitFails     IllKind = "init fails"
	Unschedulable IllKind = "unschedulable"
	NeverReady    IllKind = "never ready"
	Quota         IllKind = "quota"
	PodsDenied    IllKind = "pods denied"
	SetsQuota     IllKind = "quota of replicasets"
	SetsDenied    IllKind = "replicasets denied"
	SlowPull      IllKind = "slow pull"
	Evicted       IllKind = "evicted"
	Ousted        IllKind = "evicted before it is ready"
	Flaps         IllKind = "readiness flaps"
	Relapse       IllKind = "exits once after a long run" // whose containers were restarted long ago
)

// Ill is an illness of the pods of one Deployment.
type Ill struct {
	Kind IllKind
	// Which is the number of the Deployment, in the order in which they were made.
	Which int
	// First and Last are the ordinals of the pods that it meets.
	First, Last int
	// ScaleUp and NoScaleUp are how long after the scheduler has found no node an autoscaler of nodes says that it adds
	// one, and that it adds none; zero: never.
	ScaleUp, NoScaleUp time.Duration
	// Later is how long after it became ready a relapse comes.
	Later time.Duration
	// From and Until are when it can be seen; a zero Until never comes.
	From, Until time.Duration
}

// Sick is a time in which an illness was visible on an object.
type Sick struct {
	Ill      Ill
	At       time.Duration
	Kind     string
	UID, Pod string
	// Text is what is visible.
	Text string
}

// illOf gives the illness that the nth pod of a Deployment has now.
func (w *World) illOf(deployment string, nth int) *Ill {
	which := w.numberOf(deployment)
	for i := range w.Ills {
		ill := &w.Ills[i]
		if ill.Which == which && nth >= ill.First && nth <= ill.Last && w.now() >= ill.From && (ill.Until == 0 || w.now() < ill.Until) {
			w.happens("ill: " + string(ill.Kind))
			return ill
		}
	}
	return nil
}

// numberOf numbers the Deployments by name as they come up.
func (w *World) numberOf(deployment string) int {
	key := "deployment " + deployment
	if _, known := w.wards[key]; !known {
		w.wards["deployments"]++
		w.wards[key] = w.wards["deployments"]
	}
	return w.wards[key] - 1
}

// Series are the pods of one ReplicaSet that were lost while none was ready.
type Series struct {
	Set  string
	Lost []Loss
	// Until is when a pod of the ReplicaSet was ready again, or none was wanted; the world's end if never.
	Until time.Duration
}

// Loss is when a pod that was lost had been made, and when it was lost.
type Loss struct{ Made, At time.Duration }

// Losses gives the series of losses of the ReplicaSets below the custom resource with that UID.
func (w *World) Losses(uid string) []Series {
	ours, ready, lost := map[string]bool{uid: true}, map[string]bool{}, map[string]bool{}
	made, open := map[string]time.Duration{}, map[string]*Series{}
	var found []*Series
	end := func(set string, at time.Duration) {
		if s := open[set]; s != nil {
			s.Until = at
			delete(open, set)
		}
	}
	for _, c := range w.log {
		id, set := string(c.Object.GetUID()), controllerOf(c.Object)
		ours[id] = ours[id] || ours[set]
		pod, isPod := asPod(c.Object)
		switch {
		case !ours[id]:
		case c.Kind == "ReplicaSet" && (c.Verb == "DELETED" || wantsNone(c.Object)):
			end(id, c.At)
		case !isPod:
		case c.Verb == "ADDED":
			made[id] = c.At
		case pod.Status.Phase == corev1.PodFailed && !lost[id]:
			lost[id], ready[id] = true, false
			if open[set] == nil {
				open[set] = &Series{Set: set, Until: w.now()}
				found = append(found, open[set])
			}
			open[set].Lost = append(open[set].Lost, Loss{made[id], c.At})
		case ready[id] != isReady(pod):
			ready[id] = isReady(pod)
			end(set, c.At)
		}
	}
	out := make([]Series, 0, len(found))
	for _, s := range found {
		out = append(out, *s)
	}
	return out
}

func wantsNone(o Object) bool {
	rs, ok := o.(*appsv1.ReplicaSet)
	return ok && *rs.Spec.Replicas == 0
}
