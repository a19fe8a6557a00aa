package files

import (
	"context"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// replaced is a cluster on which an object is replaced by another of its name once it has been chosen.
type replaced struct {
	ops.Cluster

	t *testing.T
}

func living(uid types.UID) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("machinelearning.seldon.io/v1")
	o.SetKind("SeldonDeployment")
	o.SetNamespace("ns")
	o.SetName("model")
	o.SetUID(uid)
	return o
}

func (r replaced) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	changes := []snapshot.Change{{Type: snapshot.Seen, Kind: target.Kind(), Object: living("chosen")}, {Type: snapshot.Synced, Kind: target.Kind()}}
	for _, kind := range target.Kinds {
		changes = append(changes, snapshot.Change{Type: snapshot.Synced, Kind: kind})
	}
	for _, c := range changes {
		select {
		case out <- c:
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
}

func (r replaced) Read(context.Context, engine.Target, ...snapshot.Kind) ([]snapshot.Object, error) {
	return []snapshot.Object{living("another")}, nil
}

func (r replaced) Rules(context.Context, string) ([]authorizationv1.ResourceRule, bool, error) {
	return nil, false, nil
}

func (r replaced) Delete(_ context.Context, _ schema.GroupVersionResource, _, _ string, uid types.UID) error {
	r.t.Errorf("%s was deleted", uid)
	return nil
}

// told keeps what was told.
type told struct{ text strings.Builder }

func (s *told) Write(e journal.Entry) error {
	s.text.WriteString(e.Text + "\n")
	return nil
}

func (s *told) Close() error { return nil }

// TestChosen: what has replaced the object that was chosen is not deleted in its place.
func TestChosen(t *testing.T) {
	s := &told{}
	limits := ops.Limits{Wait: time.Minute}
	d := ops.Deps{Cluster: replaced{t: t}, Engine: seldon.New(), Sink: s, Now: time.Now, Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false }}
	reason := fleet.Go(t.Context(), d, fleet.Plan{
		Parallel: 1, Manner: ops.Manner{Limits: limits},
		Choose: Present((&Choice{all: true}).In("ns"), func(ctx context.Context, d ops.Deps, name string, uid types.UID, m ops.Manner) ops.Reason {
			return ops.Delete(ctx, d, ops.DeleteRequest{Namespace: "ns", Name: name, UID: uid, Manner: m})
		}, false),
	})
	if reason != ops.Vanished || !strings.Contains(s.text.String(), "was replaced by somebody else since it was chosen; the new one is left alone") {
		t.Errorf("it ended with %s: %s", reason, s.text.String())
	}
}
