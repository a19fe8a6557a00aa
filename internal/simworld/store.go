package simworld

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// namespace is where everything happens.
const namespace = "models"

// foreground is the finalizer of an object that waits for what it owns.
const foreground = metav1.FinalizerDeleteDependents

// change is one state of an object and when it came about. Old is the state before, nil at first.
type change struct {
	At       time.Duration
	RV       int64
	Kind     string
	Verb     string // ADDED, MODIFIED, DELETED
	By       string
	Object   Object
	Old      Object
	resource resource
	raw      []byte
}

func (c *change) json() []byte {
	if c.raw == nil {
		c.raw = encode(c.Object, c.resource)
	}
	return c.raw
}

// shelf holds the objects of one kind and all their states.
type shelf struct {
	resource
	names   []string // sorted
	current map[string]*change
	log     []*change
	// forgotten is the resourceVersion up to which the log cannot be watched any more.
	forgotten int64
}

func newShelf(r resource) *shelf { return &shelf{resource: r, current: map[string]*change{}} }

// get returns an object, which must not be changed, or nil.
func (w *World) get(kind, name string) Object {
	if c := w.kinds[kind].current[name]; c != nil {
		return c.Object
	}
	return nil
}

// all returns the objects of a kind by name.
func all[T Object](w *World, kind string) []T {
	s := w.kinds[kind]
	out := make([]T, 0, len(s.names))
	for _, name := range s.names {
		if o, ok := s.current[name].Object.(T); ok {
			out = append(out, o)
		}
	}
	return out
}

// uid finds an object of any kind by its UID.
func (w *World) uid(uid string) Object {
	for _, r := range resources() {
		s := w.kinds[r.kind]
		for _, name := range s.names {
			if o := s.current[name].Object; string(o.GetUID()) == uid {
				return o
			}
		}
	}
	return nil
}

// commit makes an object's new state the present one.
func (w *World) commit(o Object, verb, by string) *change {
	w.rv++
	kind := kindOf(o)
	s := w.kinds[kind]
	o.SetResourceVersion(strconv.FormatInt(w.rv, 10))
	c := &change{At: w.now(), RV: w.rv, Kind: kind, Verb: verb, By: by, Object: o, resource: s.resource}
	name := o.GetName()
	if old := s.current[name]; old != nil {
		c.Old = old.Object
	}
	at, there := slices.BinarySearch(s.names, name)
	switch verb {
	case "DELETED":
		delete(s.current, name)
		s.names = slices.Delete(s.names, at, at+1)
	default:
		s.current[name] = c
		if !there {
			s.names = slices.Insert(s.names, at, name)
		}
	}
	s.log = append(s.log, c)
	w.log = append(w.log, c)
	w.tell(c)
	return c
}

// create adds an object as the API server does.
func (w *World) create(o Object, by string) (Object, error) {
	kind := kindOf(o)
	if w.get(kind, o.GetName()) != nil {
		return nil, apierrors.NewAlreadyExists(w.kinds[kind].at.GroupResource(), o.GetName())
	}
	if w.ending && kind != "Event" {
		why := fmt.Errorf("unable to create new content in namespace %s because it is being terminated", namespace)
		return nil, apierrors.NewForbidden(w.kinds[kind].at.GroupResource(), o.GetName(), why)
	}
	o = copyOf(o)
	w.uids++
	o.SetNamespace(namespace)
	o.SetUID(types.UID(fmt.Sprintf("%s-%04d", shortKind(kind), w.uids)))
	o.SetCreationTimestamp(w.stamp())
	o.SetDeletionTimestamp(nil)
	if generational(kind) {
		o.SetGeneration(1)
	}
	if kind != "Event" && w.manages() {
		manage(w.stamp(), o, nil, by, "")
	}
	return w.commit(o, "ADDED", by).Object, nil
}

func shortKind(kind string) string {
	return map[string]string{
		Root: "sdep", "Deployment": "deploy", "ReplicaSet": "rs", "Pod": "pod", "Service": "svc",
		"HorizontalPodAutoscaler": "hpa", "PodDisruptionBudget": "pdb", "Event": "event",
	}[kind]
}

// mutate changes an object in place, or does nothing where it is not there or nothing is changed.
// sub is "status" for a write of the status, "scale" for one of the replicas by themselves.
func (w *World) mutate(kind, name, by, sub string, edit func(Object)) Object {
	old := w.get(kind, name)
	if old == nil {
		return nil
	}
	o := copyOf(old)
	edit(o)
	return w.replace(old, o, by, sub)
}

// replace commits a changed copy of an object.
func (w *World) replace(old, o Object, by, sub string) Object {
	o.SetManagedFields(old.GetManagedFields())
	o.SetResourceVersion(old.GetResourceVersion())
	o.SetGeneration(old.GetGeneration())
	if unchanged(old, o, sub) {
		return old
	}
	kind := kindOf(o)
	going := o.GetDeletionTimestamp() != nil && old.GetDeletionTimestamp() == nil
	if generational(kind) && (going || sub != "status" && !same(specOf(old), specOf(o))) {
		o.SetGeneration(old.GetGeneration() + 1)
	}
	if w.manages() {
		manage(w.stamp(), o, old, by, sub)
	}
	if o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 && kind != "Pod" {
		w.remove(o, by)
		return nil
	}
	return w.commit(o, "MODIFIED", by).Object
}

// update is the write of a client that has read the object before.
func (w *World) update(o Object, by, sub string) (Object, error) {
	kind := kindOf(o)
	at := w.kinds[kind].at.GroupResource()
	old := w.get(kind, o.GetName())
	if old == nil {
		return nil, apierrors.NewNotFound(at, o.GetName())
	}
	if o.GetResourceVersion() != old.GetResourceVersion() || o.GetUID() != old.GetUID() {
		return nil, apierrors.NewConflict(at, o.GetName(), errChanged)
	}
	o = copyOf(o)
	if sub == "" {
		keepStatus(o, old)
	}
	return w.replace(old, o, by, sub), nil
}

// delete is a DELETE: of a pod with its grace period, of others in the foreground or at once.
func (w *World) delete(kind, name, policy, by string) {
	old := w.get(kind, name)
	if old == nil {
		return
	}
	if pod, ok := asPod(old); ok && pod.DeletionTimestamp == nil {
		w.deletePod(pod, by)
		return
	}
	o := copyOf(old)
	if policy == "Foreground" && !slices.Contains(o.GetFinalizers(), foreground) {
		o.SetFinalizers(append(o.GetFinalizers(), foreground))
	}
	if len(o.GetFinalizers()) == 0 {
		w.remove(o, by)
		return
	}
	if o.GetDeletionTimestamp() == nil {
		now, zero := w.stamp(), int64(0)
		o.SetDeletionTimestamp(&now)
		o.SetDeletionGracePeriodSeconds(&zero)
	}
	w.replace(old, o, by, "")
}

func (w *World) remove(o Object, by string) { w.commit(copyOf(o), "DELETED", by) }

// manages reports whether the API server keeps managedFields, which the oldest ones do not.
func (w *World) manages() bool { return w.Server.WatchList != "ignores" }

// manage keeps who wrote what, and when, as far as anyone looks at it. An entry gets a new time when its
// manager takes fields over, so not by a mere removal of some; a list of the custom resource is one field.
func manage(now metav1.Time, o, old Object, by, sub string) {
	if old != nil && kindOf(o) == Root && !takes(old, o, sub) {
		return
	}
	spec := old == nil || sub != "status" && !same(specOf(old), specOf(o))
	fields := `{"f:metadata":{}`
	if spec {
		fields += `,"f:spec":{"f:replicas":{}}`
	}
	if sub == "status" {
		fields = `{"f:status":{}`
	}
	entry := metav1.ManagedFieldsEntry{
		Manager: by, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Subresource: sub, Time: &now,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields + "}"),
	}
	entries := slices.Clone(o.GetManagedFields())
	for i := range entries {
		if entries[i].Manager == by && entries[i].Subresource == sub {
			if !spec && sub == "" {
				entry.FieldsV1 = entries[i].FieldsV1
			}
			entries[i] = entry
			o.SetManagedFields(entries)
			return
		}
	}
	o.SetManagedFields(append(entries, entry))
}

// takes reports whether a write adds or changes a field.
func takes(old, o Object, sub string) bool {
	if sub == "status" {
		return adds(statusOf(old), statusOf(o))
	}
	return adds(specOf(old), specOf(o)) || !same(metaOnly(old), metaOnly(o))
}

func adds(old, o any) bool {
	was, ok1 := old.(map[string]any)
	is, ok2 := o.(map[string]any)
	if !ok1 || !ok2 {
		return !same(old, o)
	}
	for key, value := range is {
		if before, there := was[key]; !there || adds(before, value) {
			return true
		}
	}
	return false
}

// Served gives the requests that were answered from the world's state.
func (w *World) Served() []Served { return w.served }

// Touched gives the writes of clients that have changed something.
func (w *World) Touched() []Touch { return w.touched }

// Delays gives how late each watch delivered, in the order in which they were opened.
func (w *World) Delays() []Delay { return w.delays }

// Fired gives the faults and the doings of others that came about.
func (w *World) Fired() []Fired { return w.faults.fired }

// Found gives the UID of the custom resource that was there at a time, or else of the first that came after
// it, or else of the last that had been there before.
func (w *World) Found(at time.Duration) string {
	uid, there := "", false
	for _, c := range w.kinds[Root].log {
		if c.At > at && there {
			return uid
		}
		uid, there = string(c.Object.GetUID()), c.Verb != "DELETED" || c.At > at
	}
	return uid
}

// Latest gives the UID of the custom resource that was there last until a time; empty where there had been none.
func (w *World) Latest(at time.Duration) string {
	uid := ""
	for _, c := range w.kinds[Root].log {
		if c.At <= at {
			uid = string(c.Object.GetUID())
		}
	}
	return uid
}

// Left gives the custom resources that are there now, with their run label and deletion.
func (w *World) Left() []Object { return all[Object](w, Root) }

// Foreign reports whether somebody who is no part of the cluster changed that object or a child.
func (w *World) Foreign() bool {
	return slices.ContainsFunc(w.log, func(c *change) bool { return c.By == stranger })
}

// EventsOf gives the versions of each Event, by what it is about and says: the first, and the one with
// which it had each count.
func (w *World) EventsOf() (first map[string]int64, counted map[string]map[int32]int64) {
	first, counted = map[string]int64{}, map[string]map[int32]int64{}
	for _, c := range w.kinds["Event"].log {
		e, ok := c.Object.(*corev1.Event)
		if !ok {
			continue
		}
		key := string(e.InvolvedObject.UID) + e.Reason + e.Message
		if first[key] == 0 {
			first[key], counted[key] = c.RV, map[int32]int64{}
		}
		counted[key][e.Count] = c.RV
	}
	return first, counted
}

// Notef adds a line to the history.
func (w *World) Notef(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notef(format, args...)
}

// Print writes the history for a reader: what changed, and what else happened.
func (w *World) Print(out io.Writer) {
	notes := slices.Clone(w.notes)
	for _, c := range w.log {
		if c.Kind != "Event" {
			notes = append(notes, Note{c.At, fmt.Sprintf("  %-9s %-40s %s", c.Verb, c.Kind+"/"+c.Object.GetName(), summary(c))})
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return int(a.At - b.At) })
	for _, n := range notes {
		fmt.Fprintf(out, "%10.3fs %s\n", n.At.Seconds(), n.Text)
	}
}

// summary says what matters of a state in a few words.
func summary(c *change) string {
	text := fmt.Sprintf("@%d by %s", c.RV, c.By)
	if c.Object.GetDeletionTimestamp() != nil {
		text += fmt.Sprint(" deleting ", c.Object.GetFinalizers())
	}
	switch o := c.Object.(type) {
	case *unstructured.Unstructured:
		state, _, _ := unstructured.NestedString(o.Object, "status", "state")
		replicas, _, _ := unstructured.NestedInt64(o.Object, "status", "replicas")
		why, _, _ := unstructured.NestedString(o.Object, "status", "description")
		text += fmt.Sprintf(" %s gen=%d %s %d %s", o.GetUID(), o.GetGeneration(), state, replicas, why)
	case *appsv1.Deployment:
		s := o.Status
		text += fmt.Sprintf(" %s gen=%d/%d wants=%d updated=%d ready=%d all=%d", o.UID, s.ObservedGeneration, o.Generation, *o.Spec.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.Replicas)
	case *appsv1.ReplicaSet:
		text += fmt.Sprintf(" wants=%d has=%d ready=%d", *o.Spec.Replicas, o.Status.Replicas, o.Status.ReadyReplicas)
	}
	if pod, ok := asPod(c.Object); ok {
		text += fmt.Sprintf(" %s ready=%t node=%s", pod.Status.Phase, isReady(pod), pod.Spec.NodeName)
		var waits strings.Builder
		for _, s := range pod.Status.ContainerStatuses {
			if s.State.Waiting != nil {
				waits.WriteString(" " + s.State.Waiting.Reason)
			}
		}
		text += waits.String()
	}
	return text
}
