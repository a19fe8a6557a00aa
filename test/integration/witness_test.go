//go:build integration

package integration

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// sighting is one message of one of the witness's watches.
type sighting struct {
	at time.Time
	// revision is the API server's; it orders the changes of all kinds.
	revision int64
	deleted  bool
	object   metav1.Object
}

// witness watches a namespace on its own and keeps all that it has seen. It knows nothing of how
// seldonctl decides.
type witness struct {
	cluster   *cluster
	namespace string

	mu   sync.Mutex
	seen []sighting
}

// watchNamespace begins to watch; what happens after its return is seen.
func watchNamespace(t *testing.T, c *cluster, namespace string) *witness {
	t.Helper()
	w := &witness{cluster: c, namespace: namespace}
	for _, resource := range []string{"seldondeployments", "deployments", "replicasets", "pods", "services"} {
		objects := c.dynamic.Resource(resources[resource]).Namespace(namespace)
		events, err := w.look(t.Context(), objects, map[types.UID]metav1.Object{})
		if err != nil {
			t.Fatal(err)
		}
		go w.follow(t.Context(), objects, events)
	}
	return w
}

// look lists what is there now, takes down what that tells beyond what was known, and begins to watch.
func (w *witness) look(ctx context.Context, objects dynamic.ResourceInterface, known map[types.UID]metav1.Object) (watch.Interface, error) {
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	events, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		delete(known, list.Items[i].GetUID())
		w.note(list.Items[i].GetResourceVersion(), typed(&list.Items[i]), false)
	}
	for _, o := range known {
		w.note(list.GetResourceVersion(), o, true)
	}
	return events, nil
}

// follow takes in what a watch brings. Where the API server was away, it looks again.
func (w *witness) follow(ctx context.Context, objects dynamic.ResourceInterface, events watch.Interface) {
	known := map[types.UID]metav1.Object{}
	for ctx.Err() == nil {
		w.take(events.ResultChan(), known)
		events.Stop()
		for ticks := time.NewTicker(answerTick); ctx.Err() == nil; <-ticks.C {
			again, err := w.look(ctx, objects, known)
			if err == nil {
				events = again
				break
			}
		}
	}
}

func (w *witness) note(version string, o metav1.Object, deleted bool) {
	revision, _ := strconv.ParseInt(version, 10, 64)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, sighting{at: time.Now(), revision: revision, deleted: deleted, object: o})
}

func (w *witness) take(events <-chan watch.Event, known map[types.UID]metav1.Object) {
	for event := range events {
		raw, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return // the watch has ended with an error
		}
		o := typed(raw)
		known[o.GetUID()] = o
		if event.Type == watch.Deleted {
			delete(known, o.GetUID())
		}
		w.note(raw.GetResourceVersion(), o, event.Type == watch.Deleted)
	}
}

// typed returns the object with its own type, where it is of a built-in kind that is looked into.
func typed(raw *unstructured.Unstructured) metav1.Object {
	var object metav1.Object
	switch raw.GetKind() {
	case "Deployment":
		object = &appsv1.Deployment{}
	case "ReplicaSet":
		object = &appsv1.ReplicaSet{}
	case "Pod":
		object = &corev1.Pod{}
	case "Service":
		object = &corev1.Service{}
	default:
		return raw
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, object); err != nil {
		return raw
	}
	return object
}

// revision returns the API server's present revision.
func (w *witness) revision(ctx context.Context) (int64, error) {
	list, err := w.cluster.kube.CoreV1().ConfigMaps(w.namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(list.ResourceVersion, 10, 64)
}

// history returns all sightings in the order in which the API server made the changes. It waits until
// whatever was seen has been seen to go, so that nothing of it is still on its way.
func (w *witness) history(t *testing.T) []sighting {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for ticks := time.NewTicker(20 * time.Millisecond); ; <-ticks.C {
		w.mu.Lock()
		all := slices.Clone(w.seen)
		w.mu.Unlock()
		left := map[types.UID]string{}
		for _, s := range all {
			left[s.object.GetUID()] = s.object.GetName()
		}
		for _, s := range all {
			if s.deleted {
				delete(left, s.object.GetUID())
			}
		}
		if len(left) == 0 && len(all) > 0 {
			slices.SortStableFunc(all, func(a, b sighting) int { return cmp.Compare(a.revision, b.revision) })
			return all
		}
		if time.Now().After(deadline) {
			t.Errorf("the witness has not seen these go: %v", slices.Sorted(maps.Values(left)))
			return all
		}
	}
}

// generationSince returns the revision at which the SeldonDeployment first had a generation.
func generationSince(history []sighting, generation int64) int64 {
	for _, s := range history {
		if o, ok := s.object.(*unstructured.Unstructured); ok && !s.deleted && o.GetGeneration() == generation {
			return s.revision
		}
	}
	return 0
}

// scene is what there was at one revision.
type scene struct {
	deployments map[string]*appsv1.Deployment
	services    map[string]bool
	replicaSets map[types.UID]*appsv1.ReplicaSet
	pods        map[types.UID]*corev1.Pod
}

// when returns the first moment from one revision to another at which the namespace was as recorded; or,
// where there was none, in what the last moment differed.
func when(history []sighting, from, to int64, want shape) (*sighting, string) {
	now := scene{map[string]*appsv1.Deployment{}, map[string]bool{}, map[types.UID]*appsv1.ReplicaSet{}, map[types.UID]*corev1.Pod{}}
	differs := "nothing happened"
	for _, s := range history {
		if s.revision > to {
			break
		}
		now.take(s)
		if s.revision < from {
			continue
		}
		if differs = now.differs(want); differs == "" {
			return &s, ""
		}
	}
	return nil, differs
}

func (n scene) take(s sighting) {
	switch o := s.object.(type) {
	case *appsv1.Deployment:
		n.deployments[o.Name] = o
		if s.deleted {
			delete(n.deployments, o.Name)
		}
	case *appsv1.ReplicaSet:
		n.replicaSets[o.UID] = o
		if s.deleted {
			delete(n.replicaSets, o.UID)
		}
	case *corev1.Pod:
		n.pods[o.UID] = o
		if s.deleted {
			delete(n.pods, o.UID)
		}
	case *corev1.Service:
		n.services[o.Name] = true
		if s.deleted {
			delete(n.services, o.Name)
		}
	}
}

// differs says in what the scene is not as recorded, or "".
func (n scene) differs(want shape) string {
	var lacks []string
	for name := range want.deployments {
		if n.deployments[name] == nil {
			lacks = append(lacks, "there is no Deployment "+name)
		}
	}
	for name := range want.services {
		if !n.services[name] {
			lacks = append(lacks, "there is no Service "+name)
		}
	}
	for name, d := range n.deployments {
		replicas, known := want.deployments[name]
		st := d.Status
		switch {
		case !known:
			lacks = append(lacks, "there is a Deployment "+name+", which the recording does not have")
		case d.Spec.Replicas == nil || *d.Spec.Replicas != replicas:
			lacks = append(lacks, fmt.Sprintf("%s does not want %d replicas", name, replicas))
		case st.ObservedGeneration < d.Generation:
			lacks = append(lacks, name+" has a generation that its controller has not observed")
		case st.Replicas != replicas || st.UpdatedReplicas != replicas || st.ReadyReplicas != replicas || st.AvailableReplicas != replicas:
			lacks = append(lacks, fmt.Sprintf("%s wants %d replicas but has %d, %d updated, %d ready, %d available",
				name, replicas, st.Replicas, st.UpdatedReplicas, st.ReadyReplicas, st.AvailableReplicas))
		case n.readyPods(d) != replicas:
			lacks = append(lacks, fmt.Sprintf("%s wants %d replicas but has %d ready pods", name, replicas, n.readyPods(d)))
		}
	}
	return strings.Join(lacks, "; ")
}

// readyPods counts the ready pods of a Deployment that are there to stay.
func (n scene) readyPods(d *appsv1.Deployment) int32 {
	var count int32
	for _, pod := range n.pods {
		owner := metav1.GetControllerOf(pod)
		if owner == nil || pod.DeletionTimestamp != nil || n.replicaSets[owner.UID] == nil || !metav1.IsControlledBy(n.replicaSets[owner.UID], d) {
			continue
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				count++
			}
		}
	}
	return count
}
