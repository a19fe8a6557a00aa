package fleet

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// looks is a cluster with one object, that notes whether more than its metadata was asked for.
type looks struct {
	ops.Cluster

	whole []bool
}

func (l *looks) Read(_ context.Context, target engine.Target, _ ...snapshot.Kind) ([]snapshot.Object, error) {
	l.whole = append(l.whole, !target.MetadataOnly)
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetUID("u")
	return []snapshot.Object{o}, nil
}

func (l *looks) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	l.whole = append(l.whole, !target.MetadataOnly)
	select {
	case out <- snapshot.Change{Type: snapshot.Listed}:
	case <-ctx.Done():
	}
}

// TestLeave holds it to read nothing that a Secret holds while it waits for its end.
func TestLeave(t *testing.T) {
	for kind, whole := range map[string]bool{"Secret": false, "PersistentVolumeClaim": true} {
		cluster := &looks{}
		if left, err := (Thing{kind: kind, uid: "u"}).leave(t.Context(), t.Context(), cluster, nil); left != nil || err != nil {
			t.Errorf("%s: got %v, %v", kind, left, err)
		}
		if len(cluster.whole) != 2 || cluster.whole[0] != whole || cluster.whole[1] != whole {
			t.Errorf("%s: whether it asked for the whole: %v, want %v", kind, cluster.whole, whole)
		}
	}
}
