package ops_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
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

// dying is a cluster with one custom resource, which is gone at its DELETE, and one pod of it, of whose end no
// watch tells.
type dying struct {
	ops.Cluster

	after   snapshot.ChangeType // what becomes of the pods' watch at the DELETE; Synced: nothing
	holds   bool                // the pod stays
	deleted chan struct{}
}

func (d *dying) root() *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	o.SetGroupVersionKind(seldon.New().Identity().GroupVersionKind())
	o.SetNamespace("ns")
	o.SetName("m")
	o.SetUID("root")
	o.SetResourceVersion("1")
	return o
}

func (d *dying) pod() *corev1.Pod {
	now, yes := metav1.Now(), true
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "p", UID: "pod", ResourceVersion: "2", DeletionTimestamp: &now,
		OwnerReferences: []metav1.OwnerReference{{Kind: "SeldonDeployment", Name: "m", UID: "root", Controller: &yes}},
	}}
}

func (d *dying) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	out <- snapshot.Change{Type: snapshot.Seen, Kind: target.Kind(), Object: d.root()}
	out <- snapshot.Change{Type: snapshot.Seen, Kind: snapshot.Pod, Object: d.pod()}
	for _, kind := range append(slices.Clone(target.Kinds), target.Kind()) {
		out <- snapshot.Change{Type: snapshot.Synced, Kind: kind}
	}
	<-d.deleted
	out <- snapshot.Change{Type: snapshot.Deleted, Kind: target.Kind(), Object: d.root(), Version: "3"}
	if d.after != snapshot.Synced {
		out <- snapshot.Change{Type: d.after, Kind: snapshot.Pod, Err: errors.New("pods is forbidden")}
	}
	<-ctx.Done()
}

func (d *dying) Read(_ context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	var objects []snapshot.Object
	if slices.Contains(kinds, target.Kind()) {
		objects = append(objects, d.root())
	}
	if slices.Contains(kinds, snapshot.Pod) && d.holds {
		objects = append(objects, d.pod())
	}
	return objects, nil
}

func (d *dying) Rules(context.Context, string) ([]authorizationv1.ResourceRule, bool, error) {
	return nil, false, nil
}

func (d *dying) Delete(context.Context, schema.GroupVersionResource, string, string, types.UID) error {
	close(d.deleted)
	return nil
}

type kept struct{ entries []journal.Entry }

func (k *kept) Write(e journal.Entry) error { k.entries = append(k.entries, e); return nil }
func (k *kept) Close() error                { return nil }

// TestWhatIsSaidToBeLeft: at the limit of a deletion what is said to be left is read once more. What the
// read lacks is gone. What may not be seen for good is not waited for, and the claim says so.
func TestWhatIsSaidToBeLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		after snapshot.ChangeType
		holds bool
		want  ops.Reason
		says  string
	}{
		"the pods may not be seen any more":          {snapshot.Denied, false, ops.Reached, "not looked at: Pods, which cannot be seen"},
		"their watch is broken, and the pod is gone": {snapshot.Lost, false, ops.Reached, "gone"},
		"their watch is broken, and the pod is left": {snapshot.Lost, true, ops.Leftover, "Pod/p: terminating"},
		"their watch is dead without anybody's word": {snapshot.Synced, false, ops.Reached, "gone"},
		"all watches are well, and the pod is left":  {snapshot.Synced, true, ops.Leftover, "Pod/p: terminating"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told, began := &kept{}, time.Now()
				got := ops.Delete(t.Context(), ops.Deps{
					Cluster: &dying{after: tc.after, holds: tc.holds, deleted: make(chan struct{})}, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.DeleteRequest{Namespace: "ns", Name: "m", Manner: ops.Manner{Limits: ops.Limits{Wait: 20 * time.Second}}})
				if got != tc.want {
					t.Errorf("ended with %s, want %s", got, tc.want)
				}
				if !slices.ContainsFunc(told.entries, func(e journal.Entry) bool {
					return (e.Type == journal.Failure || e.Type == journal.Claim) && strings.Contains(strings.Join(append(e.Details, e.Text), "\n"), tc.says)
				}) {
					t.Errorf("nothing says %q: %+v", tc.says, told.entries)
				}
				if took := time.Since(began); took > 21*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}
