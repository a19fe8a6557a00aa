package ops_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// edited is a cluster with one custom resource whose predictor loses its replicas by somebody else's edit as soon
// as it has been read, where there is such an edit. Its API server finds that a patch removes what is not there
// before it looks at the version.
type edited struct {
	ops.Cluster

	meanwhile bool
	reads     int
	patches   [][]engine.PatchOp
}

func (e *edited) root() *unstructured.Unstructured {
	predictor := map[string]any{"name": "main", "replicas": int64(1), "graph": map[string]any{"name": "clf", "implementation": "SKLEARN_SERVER"}}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": int64(1), "predictors": []any{predictor}}}}
	o.SetGroupVersionKind(seldon.New().Identity().GroupVersionKind())
	o.SetNamespace("ns")
	o.SetName("m")
	o.SetUID("root")
	o.SetGeneration(1)
	o.SetResourceVersion("1")
	if e.meanwhile && e.reads > 1 {
		delete(predictor, "replicas")
		o.SetGeneration(2)
		o.SetResourceVersion("2")
	}
	return o
}

func (e *edited) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	for _, kind := range append(slices.Clone(target.Kinds), target.Kind()) {
		out <- snapshot.Change{Type: snapshot.Synced, Kind: kind}
	}
	<-ctx.Done()
}

func (e *edited) Read(context.Context, engine.Target, ...snapshot.Kind) ([]snapshot.Object, error) {
	e.reads++
	return []snapshot.Object{e.root()}, nil
}

func (e *edited) Rules(context.Context, string) ([]authorizationv1.ResourceRule, bool, error) {
	return nil, false, nil
}

func (e *edited) Patch(_ context.Context, _ schema.GroupVersionResource, _, name string, patch []engine.PatchOp, _ engine.WriteOptions) (engine.Answer, error) {
	e.patches = append(e.patches, patch)
	if slices.ContainsFunc(patch, func(op engine.PatchOp) bool { return op.Op == "remove" }) {
		return engine.Answer{}, apierrors.NewInvalid(schema.GroupKind{Group: "machinelearning.seldon.io", Kind: "SeldonDeployment"}, name, nil)
	}
	return engine.Answer{Object: e.root()}, nil
}

// TestInvalidForAnOlderSpec: a scaling that the API server calls invalid is worked out anew where somebody else has
// changed the spec since, and final where nobody has.
func TestInvalidForAnOlderSpec(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile bool
		patches   int
		want      ops.Reason
	}{
		"the spec has changed since":  {true, 2, ops.TimedOut}, // no operator does what it says
		"the spec is still as it was": {false, 1, ops.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, told := &edited{meanwhile: tc.meanwhile}, &kept{}
				got := ops.Scale(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.ScaleRequest{
					Namespace: "ns", Name: "m", ScaleRequest: engine.ScaleRequest{Replicas: 2},
					Manner: ops.Manner{Limits: ops.Limits{Wait: 20 * time.Second}},
				})
				if got != tc.want || len(cluster.patches) != tc.patches {
					t.Errorf("ended with %s after %d patches, want %s after %d", got, len(cluster.patches), tc.want, tc.patches)
				}
				if !slices.ContainsFunc(told.entries, func(e journal.Entry) bool { return e.Type == journal.Failure && e.Reason == string(tc.want) }) {
					t.Errorf("nothing says why: %+v", told.entries)
				}
			})
		})
	}
}
