package look_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/look"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// world is a cluster in memory: reads show what it holds, and watches what the test sends.
type world struct {
	mu      sync.Mutex
	holds   []snapshot.Object
	errs    map[snapshot.Kind]error
	watch   chan snapshot.Change
	answers func(ctx context.Context, kind snapshot.Kind) // before each answer, where set
}

func (w *world) Read(ctx context.Context, _ engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	var found []snapshot.Object
	for _, kind := range kinds {
		if w.answers != nil {
			w.answers(ctx, kind)
		}
		w.mu.Lock()
		holds, err := w.holds, errors.Join(w.errs[kind], ctx.Err())
		w.mu.Unlock()
		if err != nil {
			return nil, err
		}
		for _, o := range holds {
			if snapshot.KindOf(o) == kind {
				found = append(found, o)
			}
		}
	}
	return found, nil
}

// become changes what reads show.
func (w *world) become(objects []snapshot.Object, errs map[snapshot.Kind]error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds, w.errs = objects, errs
}

func (w *world) Watch(ctx context.Context, _ engine.Target, out chan<- snapshot.Change) {
	for {
		select {
		case c := <-w.watch:
			out <- c
		case <-ctx.Done():
			return
		}
	}
}

const root = "SeldonDeployment"

// model returns a SeldonDeployment that the operator calls available, and its Deployment with some
// replicas ready of some wanted.
func model(name string, version int, ready, wanted int32) []snapshot.Object {
	container := map[string]any{"name": "clf", "image": "example/model:1.0"}
	sdep := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": name, "namespace": "ns", "uid": name, "generation": int64(1), "resourceVersion": strconv.Itoa(version)},
		"spec": map[string]any{"predictors": []any{map[string]any{
			"name": "p", "graph": map[string]any{"name": "clf", "type": "MODEL"},
			"componentSpecs": []any{map[string]any{"spec": map[string]any{"containers": []any{container}}}},
		}}},
		"status": map[string]any{"state": "Available"},
	}}
	sdep.SetGroupVersionKind(seldon.New().Identity().GroupVersionKind())
	controls := true
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: name + "-p-0-clf", Namespace: "ns", UID: types.UID(name + "-d"), Generation: 1, ResourceVersion: strconv.Itoa(version),
			OwnerReferences: []metav1.OwnerReference{{Kind: root, Name: name, UID: types.UID(name), Controller: &controls}},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &wanted},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 1, Replicas: wanted, UpdatedReplicas: wanted, ReadyReplicas: ready, AvailableReplicas: ready, UnavailableReplicas: wanted - ready,
		},
	}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "clf", Image: "example/model:1.0"}, {Name: "seldon-container-engine"}}
	return []snapshot.Object{sdep, d}
}

func forbidden(kind string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", errors.New("not allowed"))
}

// told is what a command has shown and warned about, in order.
type told struct{ lines []string }

func (s *told) Show(sights []outline.Sight, _ time.Time) error {
	for _, v := range sights {
		s.lines = append(s.lines, fmt.Sprintf("%s %s %d/%d %s", v.Name, v.State, v.Ready, v.Wanted, v.Cause))
	}
	return nil
}

func deps(w *world, s *told, interrupts <-chan ops.Reason) look.Deps {
	return look.Deps{
		Cluster: w, Engine: seldon.New(), Now: time.Now, Interrupts: interrupts,
		Ahead: func() (time.Duration, bool) { return 0, true },
		Warn:  func(text string) { s.lines = append(s.lines, "warning: "+text) },
	}
}

func seen(objects []snapshot.Object) []snapshot.Change {
	var changes []snapshot.Change
	for _, o := range objects {
		changes = append(changes, snapshot.Change{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o})
	}
	return changes
}

// TestOnce holds one look to saying what may not be read once, and to ending where nothing can be said.
func TestOnce(t *testing.T) {
	// With the pods refused, the Deployments' own word is all there is.
	pods := map[snapshot.Kind]error{snapshot.Pod: forbidden("pods")}
	for reason, tc := range map[string]struct {
		name  string
		errs  map[snapshot.Kind]error
		hang  bool
		want  []string
		ended ops.Reason
	}{
		"all are shown": {errs: pods, want: []string{"warning: cannot read Pod", "a Available 1/1", "b Progressing 0/1"}, ended: ops.Reached},
		"without ReplicasSets the pods have no word either": {
			errs: map[snapshot.Kind]error{snapshot.ReplicaSet: forbidden("replicasets")},
			want: []string{"warning: cannot read ReplicaSet", "a Available 1/1", "b Progressing 0/1"}, ended: ops.Reached,
		},
		"without events what is wrong is shown all the same": {
			errs: map[snapshot.Kind]error{snapshot.Pod: forbidden("pods"), snapshot.Event: forbidden("events")},
			want: []string{"warning: cannot read Pod", "warning: cannot read Event", "a Available 1/1", "b Progressing 0/1"}, ended: ops.Reached,
		},
		"without Deployments nothing is known": {
			errs: map[snapshot.Kind]error{snapshot.Deployment: forbidden("deployments"), snapshot.Pod: forbidden("pods")},
			want: []string{"warning: cannot read Deployment", "warning: cannot read Pod", "a Unknown 0/0", "b Unknown 0/0"}, ended: ops.Reached,
		},
		"without the objects themselves there is nothing to show": {
			errs: map[snapshot.Kind]error{root: apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("User cannot list"))}, ended: ops.Denied,
		},
		"a kind that fails otherwise fails the look": {errs: map[snapshot.Kind]error{snapshot.Pod: context.DeadlineExceeded}, ended: ops.Unusable},
		"an API server that hangs ends it":           {hang: true, ended: ops.Unusable},
		"a name that is not there":                   {name: "c", ended: ops.Vanished},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{holds: append(model("a", 1, 1, 1), model("b", 1, 0, 1)...), errs: tc.errs}
				if tc.name != "" {
					w.holds = nil
				}
				if tc.hang {
					w.answers = func(ctx context.Context, _ snapshot.Kind) { <-ctx.Done() }
				}
				s, began := &told{}, time.Now()
				why, err := look.Status(t.Context(), deps(w, s, nil), s, look.StatusRequest{Request: look.Request{Namespace: "ns", Name: tc.name, Limit: 10 * time.Second}})
				if ended := endOf(why, err); ended != tc.ended {
					t.Errorf("it ended with %s (%v), want %s", ended, err, tc.ended)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
				s.check(t, tc.want)
			})
		})
	}
}

// TestInterruptedLook: whoever does not want to wait for an API server that hangs need not.
func TestInterruptedLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{answers: func(ctx context.Context, _ snapshot.Kind) { <-ctx.Done() }}
		s, interrupts := &told{}, make(chan ops.Reason, 1)
		interrupts <- ops.Terminated
		why, err := look.Status(t.Context(), deps(w, s, interrupts), s, look.StatusRequest{Request: look.Request{Namespace: "ns", Limit: time.Minute}})
		if ended := endOf(why, err); ended != ops.Terminated {
			t.Errorf("it ended with %s (%v), want %s", ended, err, ops.Terminated)
		}
	})
}

func endOf(why ops.Reason, err error) ops.Reason {
	if refusal, ok := errors.AsType[*ops.RefusalError](err); ok {
		return refusal.Reason
	}
	return why
}

// check holds what was told to the beginnings of the lines that were to be told.
func (s *told) check(t *testing.T, want []string) {
	t.Helper()
	var got []string
	for i, line := range s.lines {
		if i < len(want) && strings.HasPrefix(line, want[i]) {
			line = want[i]
		}
		got = append(got, line)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// TestFollow holds following to telling changes alone, and to claiming nothing that a read does not confirm.
func TestFollow(t *testing.T) {
	pods := map[snapshot.Kind]error{snapshot.Pod: forbidden("pods")}
	lost := errors.New("connection reset")
	for reason, tc := range map[string]struct {
		name  string
		holds []snapshot.Object       // nil: one that is not available
		errs  map[snapshot.Kind]error // nil: pods may not be read
		live  func(w *world, send func(...snapshot.Change))
		want  []string
		ended ops.Reason
	}{
		"what is the same is not told again": {
			live: func(_ *world, send func(...snapshot.Change)) {
				send(seen(model("a", 2, 0, 1))...)
				send(seen(model("a", 3, 0, 2))...)
			},
			want: []string{"a Progressing 0/1", "a Progressing 0/2"},
		},
		"available is told when a read confirms it": {
			live: func(w *world, send func(...snapshot.Change)) {
				w.become(model("a", 2, 1, 1), pods)
				send(seen(model("a", 2, 1, 1))...)
			},
			want: []string{"a Progressing 0/1", "a Available 1/1"},
		},
		"what a read does not confirm is asked again": {
			live: func(w *world, send func(...snapshot.Change)) {
				send(seen(model("a", 2, 1, 1))...)
				time.Sleep(3 * time.Second)
				w.become(model("a", 2, 1, 1), pods)
			},
			want: []string{"a Progressing 0/1", "a Settling 1/1", "a Available 1/1"},
		},
		"a read that fails confirms nothing, and is made again": {
			live: func(w *world, send func(...snapshot.Change)) {
				w.become(model("a", 2, 1, 1), map[snapshot.Kind]error{root: context.DeadlineExceeded, snapshot.Pod: forbidden("pods")})
				send(seen(model("a", 2, 1, 1))...)
				time.Sleep(3 * time.Second)
				w.become(model("a", 2, 1, 1), pods)
			},
			want: []string{"a Progressing 0/1", "warning: a confirming read failed", "a Settling 1/1", "a Available 1/1"},
		},
		"what comes where there was nothing is held to its pods": {
			holds: []snapshot.Object{}, errs: map[snapshot.Kind]error{},
			live: func(_ *world, send func(...snapshot.Change)) {
				for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.Pod, snapshot.ReplicaSet} {
					send(snapshot.Change{Type: snapshot.Synced, Kind: kind})
				}
				send(seen(model("b", 2, 1, 1))...)
			},
			want: []string{"warning: there is no SeldonDeployment here", "b Progressing 1/1 Deployment b-p-0-clf: 0 of 1 pods are ready"},
		},
		"what comes and goes": {
			live: func(w *world, send func(...snapshot.Change)) {
				w.become(append(model("a", 1, 0, 1), model("b", 2, 1, 1)...), pods)
				send(seen(model("b", 2, 1, 1))...)
				send(snapshot.Change{Type: snapshot.Deleted, Kind: root, Object: model("a", 3, 0, 1)[0]})
				send(snapshot.Change{Type: snapshot.Listed, Kind: root, There: map[types.UID]bool{}, Version: "9"})
			},
			want: []string{"a Progressing 0/1", "b Available 1/1", "a Gone 0/0", "b Gone 0/0"},
		},
		"the one that was asked for goes": {
			name: "a",
			live: func(_ *world, send func(...snapshot.Change)) {
				send(snapshot.Change{Type: snapshot.Deleted, Kind: root, Object: model("a", 3, 0, 1)[0]})
			},
			want: []string{"a Progressing 0/1", "a Gone 0/0"}, ended: ops.Vanished,
		},
		"lost watches are told once, and that they are back": {
			live: func(_ *world, send func(...snapshot.Change)) {
				for _, kind := range []snapshot.Kind{snapshot.Pod, root} {
					send(snapshot.Change{Type: snapshot.Lost, Kind: kind, Err: lost})
				}
				for _, kind := range []snapshot.Kind{snapshot.Pod, root} {
					send(snapshot.Change{Type: snapshot.Restored, Kind: kind})
				}
			},
			want: []string{"a Progressing 0/1", "warning: the watch of Pod broke", "warning: all watches deliver again"},
		},
		"a kind that may be read and not watched is not taken for known": {
			live: func(_ *world, send func(...snapshot.Change)) {
				send(snapshot.Change{Type: snapshot.Denied, Kind: snapshot.Deployment, Err: lost})
			},
			want: []string{"a Progressing 0/1", "warning: cannot read Deployment", "a Unknown 0/1"},
		},
		"the objects themselves may not be watched": {
			live: func(_ *world, send func(...snapshot.Change)) {
				send(snapshot.Change{Type: snapshot.Denied, Kind: root, Err: apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("User cannot watch"))})
			},
			want: []string{"a Progressing 0/1"}, ended: ops.Denied,
		},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{holds: tc.holds, errs: tc.errs, watch: make(chan snapshot.Change)}
				if w.holds == nil {
					w.holds, w.errs = model("a", 1, 0, 1), pods
					tc.want = append([]string{"warning: cannot read Pod"}, tc.want...)
				}
				s, interrupts, ended := &told{}, make(chan ops.Reason, 1), make(chan struct{})
				go func() {
					defer close(ended)
					synctest.Wait()
					tc.live(w, func(changes ...snapshot.Change) {
						for _, c := range changes {
							w.watch <- c
						}
						time.Sleep(time.Second)
					})
					time.Sleep(5 * time.Second)
					interrupts <- ops.Interrupted
				}()
				why, err := look.Status(t.Context(), deps(w, s, interrupts), s, look.StatusRequest{
					Request: look.Request{Namespace: "ns", Name: tc.name, Follow: true, Limit: 10 * time.Second},
				})
				<-ended
				want := tc.ended
				if want == "" {
					want = ops.Interrupted
				}
				if ended := endOf(why, err); ended != want {
					t.Errorf("it ended with %s (%v), want %s", ended, err, want)
				}
				s.check(t, tc.want)
			})
		})
	}
}
