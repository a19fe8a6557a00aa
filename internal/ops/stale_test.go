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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
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

// unanswered is a cluster with a custom resource that is available. Its API server does not answer the first patch as it
// is, and its clock has been set back, so that the operator's status has a later date than a spec that came after it.
type unanswered struct {
	edited

	answer error // to the first patch, which somebody has written
	anew   bool  // into another object of the name
	wrote  bool
}

func (u *unanswered) root() *unstructured.Unstructured {
	o := u.edited.root()
	status := metav1.NewTime(time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC))
	spec := metav1.NewTime(status.Add(-time.Minute))
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "somebody", Time: &spec}, {Manager: "manager", Subresource: "status", Time: &status}})
	o.Object["status"] = map[string]any{"state": "Available"}
	if u.wrote {
		o.Object["spec"].(map[string]any)["predictors"].([]any)[0].(map[string]any)["labels"] = map[string]any{"release": "two"}
		o.SetGeneration(2)
		o.SetResourceVersion("2")
		if u.anew {
			o.SetUID("another")
		}
	}
	return o
}

// deployments are what the operator has made of the first spec.
func (u *unanswered) deployments() []snapshot.Object {
	first := *u
	first.wrote = false
	read, _ := spec.Read(first.root())
	built, _ := children.Build(read)
	var objects []snapshot.Object
	for _, made := range built.Deployments {
		d := made.Deployment
		d.UID, d.ResourceVersion = "deployment", "1"
		objects = append(objects, d)
	}
	return objects
}

func (u *unanswered) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	for _, o := range u.deployments() {
		out <- snapshot.Change{Type: snapshot.Seen, Kind: snapshot.Deployment, Object: o}
	}
	u.edited.Watch(ctx, target, out)
}

func (u *unanswered) Read(_ context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	objects := []snapshot.Object{u.root()}
	if slices.Contains(kinds, snapshot.Deployment) {
		objects = append(objects, u.deployments()...)
	}
	return objects, nil
}

func (u *unanswered) Names(context.Context, string, snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	return nil, nil
}

func (u *unanswered) Patch(context.Context, schema.GroupVersionResource, string, string, []engine.PatchOp, engine.WriteOptions) (engine.Answer, error) {
	if !u.wrote && u.answer != nil {
		u.wrote = true
		return engine.Answer{}, u.answer
	}
	u.wrote = true
	return engine.Answer{Object: u.root()}, nil
}

// TestWrittenWithoutAnAnswer: a spec that has come to be as the manifest says without an answer that told so is told as a
// change, and no date proves that the operator has acted on it.
func TestWrittenWithoutAnAnswer(t *testing.T) {
	for name, answer := range map[string]error{
		"the answer is lost":        apierrors.NewInternalError(errors.New("it broke")),
		"somebody else was quicker": apierrors.NewConflict(schema.GroupResource{Resource: "seldondeployments"}, "m", nil),
		"it is answered":            nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, told := &unanswered{answer: answer}, &kept{}
				ops.Apply(t.Context(), ops.Deps{
					Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
					Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
				}, ops.ApplyRequest{Object: (&unanswered{wrote: true}).root(), ForceConflicts: true})
				says := func(reason, text string) bool {
					return slices.ContainsFunc(told.entries, func(e journal.Entry) bool {
						return e.Reason == reason && strings.Contains(e.Text+strings.Join(e.Details, " "), text)
					})
				}
				if !says("Changed", "generation 2 follows on 1") || !says(string(ops.TimedOut), "spec.predictors[0].labels.release") {
					t.Errorf("it does not tell the change, or that it has not been acted on: %+v", told.entries)
				}
			})
		})
	}
}

// TestReplacedBeforeItIsWritten: what an object of the name had been before it was deleted is nothing that another one has been changed from.
func TestReplacedBeforeItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := apierrors.NewConflict(schema.GroupResource{Resource: "seldondeployments"}, "m", nil)
		cluster, told := &unanswered{answer: answer, anew: true}, &kept{}
		ops.Apply(t.Context(), ops.Deps{
			Cluster: cluster, Engine: seldon.New(), Sink: told, Now: time.Now,
			Requests: func() int { return 0 }, Ahead: func() (time.Duration, bool) { return 0, false },
		}, ops.ApplyRequest{Object: (&unanswered{wrote: true}).root(), ForceConflicts: true})
		if !slices.ContainsFunc(told.entries, func(e journal.Entry) bool { return e.Reason == "Unchanged" }) {
			t.Errorf("it does not tell that the other object is as the manifest says: %+v", told.entries)
		}
	})
}
