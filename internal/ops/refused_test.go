package ops_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// unreadable is a cluster with a custom resource that is available and whose watches are up, but in which pods may not be read any more.
type unreadable struct {
	unanswered

	fails func() error // what a read of pods comes to
}

func (u *unreadable) tree() []snapshot.Object {
	controls := true
	owned := func(kind string, uid types.UID) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: string(uid), UID: uid, Controller: &controls}}
	}
	objects := []snapshot.Object{u.root()}
	for _, o := range u.deployments() {
		d, _ := o.(*appsv1.Deployment)
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
		d.OwnerReferences = owned("SeldonDeployment", "root")
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "rs", UID: "rs", ResourceVersion: "1", OwnerReferences: owned("Deployment", d.UID)}}
		rs.Status.Replicas = 1
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", UID: "pod", ResourceVersion: "1", OwnerReferences: owned("ReplicaSet", "rs")}}
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		objects = append(objects, d, rs, pod)
	}
	return objects
}

func (u *unreadable) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	for _, o := range u.tree() {
		out <- snapshot.Change{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o}
	}
	u.edited.Watch(ctx, target, out)
}

func (u *unreadable) Read(_ context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	if slices.Contains(kinds, snapshot.Pod) {
		if err := u.fails(); err != nil {
			return nil, errors.Join(err)
		}
	}
	return slices.DeleteFunc(u.tree(), func(o snapshot.Object) bool { return !slices.Contains(kinds, snapshot.KindOf(o)) }), nil
}

func forbidden() error {
	err := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no such right"))
	return &snapshot.RefusedError{Kind: snapshot.Pod, Err: fmt.Errorf("list pods in ns: %w", err)}
}

// TestReadsRefusedMeanwhile: a right that is taken away ends no watch, but the reads that confirm a success are refused from then on. That may
// be a mistake for as long as it may be for a watch; then the success rests on less.
func TestReadsRefusedMeanwhile(t *testing.T) {
	for name, tc := range map[string]struct {
		fails         func(after time.Duration) error
		least, most   time.Duration
		warned, rests bool
	}{
		"for ever": {func(time.Duration) error { return forbidden() }, snapshot.RefusedFor, snapshot.RefusedFor + 2*time.Second, true, true},
		"for a moment": {func(after time.Duration) error {
			if after < 3*time.Second {
				return forbidden()
			}
			return nil
		}, 3 * time.Second, 8 * time.Second, false, false},
		"for two moments": {func(after time.Duration) error {
			switch {
			case after < time.Second || after > snapshot.RefusedFor && after < snapshot.RefusedFor+2*time.Second:
				return forbidden()
			case after <= snapshot.RefusedFor:
				return errors.New("connection refused")
			}
			return nil
		}, snapshot.RefusedFor, snapshot.RefusedFor + 10*time.Second, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				cluster, told := &unreadable{fails: func() error { return tc.fails(time.Since(began)) }}, &kept{}
				reason := ops.Wait(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.WaitRequest{Namespace: "ns", Name: "m", For: "available", Manner: ops.Manner{FailFast: true, Limits: ops.Limits{Wait: time.Minute}}})
				if reason != ops.Reached {
					t.Errorf("it ended with %q: %+v", reason, told.entries)
				}
				if took := time.Since(began); took < tc.least || took > tc.most {
					t.Errorf("it took %s, want %s to %s", took, tc.least, tc.most)
				}
				warned := slices.ContainsFunc(told.entries, func(e journal.Entry) bool {
					return e.Reason == "WatchDenied" && strings.Contains(e.Text, "no such right")
				})
				rests := slices.ContainsFunc(told.entries, func(e journal.Entry) bool {
					return e.Type == journal.Claim && strings.Contains(strings.Join(e.Details, " "), "its pods cannot be seen")
				})
				if warned != tc.warned || rests != tc.rests {
					t.Errorf("warned %v, rests on less %v: %+v", warned, rests, told.entries)
				}
			})
		})
	}
}

// TestUnconfirmedAtTheLimit: a wait that ends because nothing could be confirmed says why.
func TestUnconfirmedAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &kept{}
		ops.Wait(t.Context(), ops.Deps{
			Cluster: &unreadable{fails: forbidden}, Engine: seldon.New(), Sink: told, Now: time.Now,
			Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
		}, ops.WaitRequest{Namespace: "ns", Name: "m", For: "available", Manner: ops.Manner{Limits: ops.Limits{Wait: 5 * time.Second}}})
		if !slices.ContainsFunc(told.entries, func(e journal.Entry) bool {
			return e.Reason == string(ops.TimedOut) && strings.Contains(strings.Join(e.Details, " "), "could not be confirmed: list pods in ns: ")
		}) {
			t.Errorf("it does not say what kept it: %+v", told.entries)
		}
	})
}

// TestExistsInAnOldList: what the first list of a watch shows may be gone; a run is refused for what a read shows.
func TestExistsInAnOldList(t *testing.T) {
	for name, want := range map[string]bool{"it is gone": false, "it is there": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, told := &listedLate{there: want}, &kept{}
				reason := ops.Run(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.RunRequest{Object: cluster.root(), ID: "id", Replicas: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute}}})
				if refused := reason == ops.Conflict; refused != want || cluster.created == want {
					t.Errorf("it ended with %q, created %v: %+v", reason, cluster.created, told.entries)
				}
			})
		})
	}
}

// TestCreationNotAnswered: after an error that leaves open whether it was created, what to look for is told; after one by which
// the server has not looked at the request, nothing is open.
func TestCreationNotAnswered(t *testing.T) {
	away := apierrors.NewServiceUnavailable("no")
	for name, tc := range map[string]struct {
		err  error
		open bool
	}{
		"the server may have begun": {away, true},
		"it has not looked at it":   {engine.UntouchedError{Err: away}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, told := &listedLate{err: tc.err}, &kept{}
				reason := ops.Run(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.RunRequest{Object: cluster.root(), ID: "id", Replicas: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute}}})
				open := slices.ContainsFunc(told.entries, func(e journal.Entry) bool { return strings.Contains(e.Text, "whether it was created is not certain") })
				if reason != ops.Unusable || open != tc.open {
					t.Errorf("it ended with %q, and says that it may be there: %v", reason, open)
				}
			})
		})
	}
}

// listedLate is a cluster whose first list shows a custom resource, which may be gone. It takes none.
type listedLate struct {
	unreadable

	there, created bool
	err            error // what a creation comes to; nil: it is refused
}

func (l *listedLate) Read(_ context.Context, _ engine.Target, _ ...snapshot.Kind) ([]snapshot.Object, error) {
	if !l.there {
		return nil, nil
	}
	return []snapshot.Object{l.root()}, nil
}

func (l *listedLate) Create(context.Context, schema.GroupVersionResource, *unstructured.Unstructured, engine.WriteOptions) (engine.Answer, error) {
	l.created = true
	if l.err != nil {
		return engine.Answer{}, l.err
	}
	return engine.Answer{}, apierrors.NewBadRequest("no")
}

// writeless is a cluster whose API server reads and does not write: every change comes to the same error, as when etcd has no space left.
type writeless struct {
	unreadable

	err     error
	patches []time.Time
}

func (w *writeless) Read(_ context.Context, _ engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	return slices.DeleteFunc(w.tree(), func(o snapshot.Object) bool { return !slices.Contains(kinds, snapshot.KindOf(o)) }), nil
}

func (w *writeless) Patch(context.Context, schema.GroupVersionResource, string, string, []engine.PatchOp, engine.WriteOptions) (engine.Answer, error) {
	w.patches = append(w.patches, time.Now())
	return engine.Answer{}, w.err
}

// TestWritesThatFailOnTheWay are repeated, with pauses, until the limit; then the API server's own words are why, and not that
// somebody else keeps writing.
func TestWritesThatFailOnTheWay(t *testing.T) {
	manner := ops.Manner{Limits: ops.Limits{Wait: 10 * time.Second}}
	for name, act := range map[string]func(context.Context, ops.Deps) ops.Reason{
		"apply": func(ctx context.Context, d ops.Deps) ops.Reason {
			return ops.Apply(ctx, d, ops.ApplyRequest{Object: (&unanswered{wrote: true}).root(), ForceConflicts: true, Manner: manner})
		},
		"scale": func(ctx context.Context, d ops.Deps) ops.Reason {
			return ops.Scale(ctx, d, ops.ScaleRequest{Namespace: "ns", Name: "m", ScaleRequest: engine.ScaleRequest{Replicas: 3}, Manner: manner})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, told := &writeless{err: apierrors.NewInternalError(errors.New("database space exceeded"))}, &kept{}
				reason := act(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				})
				if reason != ops.Unusable {
					t.Errorf("it ended with %q", reason)
				}
				if !slices.ContainsFunc(told.entries, func(e journal.Entry) bool { return strings.Contains(e.Text, "database space exceeded") }) {
					t.Errorf("it does not say why: %+v", told.entries)
				}
				if n := len(cluster.patches); n < 5 || n > 12 {
					t.Errorf("%d writes within 10 s: %v", n, cluster.patches)
				}
			})
		})
	}
}

// locked is a cluster for which the kubeconfig's credential plugin gives no credentials.
type locked struct {
	edited

	asked int
}

func (l *locked) Watch(ctx context.Context, _ engine.Target, _ chan<- snapshot.Change) { <-ctx.Done() }

func (l *locked) Read(context.Context, engine.Target, ...snapshot.Kind) ([]snapshot.Object, error) {
	l.asked++
	return nil, errors.New("getting credentials: exec: executable sso failed with exit code 1")
}

// TestNoCredentials: a plugin that fails is not started again every second, as it may ask somebody to log in each time.
func TestNoCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster, told := &locked{}, &kept{}
		reason := ops.Wait(t.Context(), ops.Deps{
			Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
			Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
		}, ops.WaitRequest{Namespace: "ns", Name: "m", For: "available", Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute}}})
		if reason != ops.Denied || cluster.asked != 1 {
			t.Errorf("it ended with %q after %d reads: %+v", reason, cluster.asked, told.entries)
		}
	})
}
