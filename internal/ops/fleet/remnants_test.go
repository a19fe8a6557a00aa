package fleet

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// space is a cluster with one namespace, in which things go at their time.
type space struct {
	ops.Cluster

	mu      sync.Mutex
	objects []snapshot.Object
	denied  map[snapshot.Kind]bool
	bare    []snapshot.Object // those that have lost their labels
	outs    []chan<- snapshot.Change
	ends    []context.Context
}

func (s *space) Read(_ context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []snapshot.Object
	for _, kind := range kinds {
		if s.denied[kind] {
			return nil, apierrors.NewForbidden(schema.GroupResource{Resource: string(kind)}, "", nil)
		}
		for _, o := range s.objects {
			if snapshot.KindOf(o) == kind {
				found = append(found, o)
			}
		}
	}
	return found, nil
}

func (s *space) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	s.mu.Lock()
	s.outs, s.ends = append(s.outs, out), append(s.ends, ctx)
	objects := slices.Clone(s.objects)
	s.mu.Unlock()
	send := func(c snapshot.Change) {
		select {
		case out <- c:
		case <-ctx.Done():
		}
	}
	for _, kind := range append(slices.Clone(target.Kinds), target.Kind()) {
		for _, o := range objects {
			if snapshot.KindOf(o) == kind {
				send(snapshot.Change{Type: snapshot.Seen, Kind: kind, Object: o})
			}
		}
		send(snapshot.Change{Type: snapshot.Synced, Kind: kind})
	}
	<-ctx.Done()
}

func (s *space) Names(_ context.Context, _ string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []metav1.PartialObjectMetadata
	for _, o := range slices.Concat(s.objects, s.bare) {
		if snapshot.KindOf(o) == kind {
			names = append(names, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID()}})
		}
	}
	return names, nil
}

// drop makes an object go, or only lose its labels: to whoever asks by label that is the same.
func (s *space) drop(uid types.UID, stays bool) {
	s.mu.Lock()
	var gone snapshot.Object
	s.objects = slices.DeleteFunc(s.objects, func(o snapshot.Object) bool {
		if o.GetUID() == uid {
			gone = o
		}
		return o.GetUID() == uid
	})
	if stays {
		s.bare = append(s.bare, gone)
	}
	outs, ends := slices.Clone(s.outs), slices.Clone(s.ends)
	s.mu.Unlock()
	for i, out := range outs {
		select {
		case out <- snapshot.Change{Type: snapshot.Deleted, Kind: snapshot.KindOf(gone), Object: gone}:
		case <-ends[i].Done():
		}
	}
}

func meta(name, ownerKind, owner string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(name)}
	if owner != "" {
		yes := true
		m.OwnerReferences = []metav1.OwnerReference{{Kind: ownerKind, Name: owner, UID: types.UID(owner), Controller: &yes}}
	}
	return m
}

func pod(name, owner string) snapshot.Object {
	return &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: meta(name, "ReplicaSet", owner)}
}

func replicaSet(name, owner string) snapshot.Object {
	return &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}, ObjectMeta: meta(name, "Deployment", owner)}
}

func deployment(name, owner string) snapshot.Object {
	return &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta(name, "SeldonDeployment", owner)}
}

func root(name string) snapshot.Object {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("machinelearning.seldon.io/v1")
	o.SetKind("SeldonDeployment")
	o.SetNamespace("ns")
	o.SetName(name)
	o.SetUID(types.UID(name))
	return o
}

// TestAwaitNothing holds the claim that all are gone to what is left of them.
func TestAwaitNothing(t *testing.T) {
	living := []snapshot.Object{root("sdep"), deployment("d", "sdep"), replicaSet("rs", "d"), pod("p", "rs")}
	none := "there is no SeldonDeployment in namespace ns with the labels team=red"
	for name, c := range map[string]struct {
		objects []snapshot.Object
		denied  map[snapshot.Kind]bool
		goes    types.UID
		stays   bool
		once    bool
		reason  ops.Reason
		took    time.Duration
		told    string
	}{
		"nothing there":                     {reason: ops.Reached, told: "claim  " + none + ", and nothing is left of any that was"},
		"others live":                       {objects: living, reason: ops.Reached, told: "claim  " + none + ", and nothing is left of any that was"},
		"a pod outlives its ReplicaSet":     {objects: []snapshot.Object{pod("p", "rs")}, goes: "p", reason: ops.Reached, took: 3 * time.Second, told: "claim  " + none + ", and nothing is left of any that was"},
		"a pod loses its labels":            {objects: []snapshot.Object{pod("p", "rs")}, goes: "p", stays: true, reason: ops.Leftover, took: time.Minute, told: "failure  " + none + ", but of those that were there is left: Pod/p"},
		"a pod stays":                       {objects: append([]snapshot.Object{pod("q", "other")}, living...), reason: ops.Leftover, took: time.Minute, told: "failure  " + none + ", but of those that were there is left: Pod/q"},
		"a Deployment of one that is gone":  {objects: []snapshot.Object{deployment("d", "sdep"), replicaSet("rs", "d"), pod("p", "rs")}, reason: ops.Leftover, took: time.Minute, told: "failure  " + none + ", but of those that were there is left: Deployment/d, Pod/p, ReplicaSet/rs"},
		"looking once":                      {objects: []snapshot.Object{pod("p", "rs")}, once: true, reason: ops.Leftover, told: "failure  " + none + ", but of those that were there is left: Pod/p"},
		"somebody's own":                    {objects: []snapshot.Object{&corev1.Pod{TypeMeta: metav1.TypeMeta{Kind: "Pod"}, ObjectMeta: meta("p", "StatefulSet", "s")}, &corev1.Pod{TypeMeta: metav1.TypeMeta{Kind: "Pod"}, ObjectMeta: meta("q", "", "")}}, reason: ops.Reached, told: "claim  " + none + ", and nothing is left of any that was"},
		"ReplicaSets unseen, others living": {objects: living, denied: map[snapshot.Kind]bool{snapshot.ReplicaSet: true}, reason: ops.Reached, told: "claim  " + none + ", and nothing is left of any that was"},
		"ReplicaSets unseen, nobody there":  {objects: []snapshot.Object{pod("p", "rs")}, denied: map[snapshot.Kind]bool{snapshot.ReplicaSet: true}, goes: "p", reason: ops.Reached, took: 3 * time.Second, told: "claim  " + none + ", and nothing is left of any that was"},
		"Deployments unseen":                {denied: map[snapshot.Kind]bool{snapshot.Deployment: true}, reason: ops.Invalid, told: ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cluster, began := &tale{}, &space{objects: c.objects, denied: c.denied}, time.Now()
				if c.goes != "" {
					go func() {
						time.Sleep(3 * time.Second)
						cluster.drop(c.goes, c.stays)
					}()
				}
				selector, _ := labels.Parse("team=red")
				choice := Choice{Namespace: "ns", Selector: selector, Once: c.once}
				reason := Go(t.Context(), deps(s, cluster, nil), Plan{
					Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute}}, Otherwise: choice.AwaitNothing,
					Choose: func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]Member, ops.Reason) {
						_, reason := choice.Find(ctx, d, told)
						return nil, reason
					},
				})
				if reason != c.reason || time.Since(began) != c.took {
					t.Errorf("it ended with %s after %s, want %s after %s", reason, time.Since(began), c.reason, c.took)
				}
				if c.told != "" && !slices.Contains(s.lines, c.told) {
					t.Errorf("it told\n%s\nwant among it\n%s", strings.Join(s.lines, "\n"), c.told)
				}
			})
		})
	}
}
