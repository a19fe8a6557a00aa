package diff

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func TestBetween(t *testing.T) {
	for _, tc := range []struct {
		reason, before, after string
		want                  []string
	}{
		{"nothing", `spec: {a: 1}`, `spec: {a: 1}`, nil},
		{"what the server alone writes", `{metadata: {generation: 1}, status: {a: 1}}`, `{metadata: {generation: 2}, status: {a: 2}}`, nil},
		{"a value", `spec: {replicas: 1}`, `spec: {replicas: 3}`, []string{"changed spec.replicas: 1 > 3"}},
		{"a text that looks like a number", `spec: {a: "1", b: x}`, `spec: {a: "2", b: ""}`, []string{`changed spec.a: "1" > "2"`, `changed spec.b: x > ""`}},
		{"something more and less", `spec: {a: {x: 1, y: 2}}`, `spec: {a: {y: 2}, b: [1, 2]}`, []string{"removed spec.a.x: 1 > ", "added spec.b[0]:  > 1", "added spec.b[1]:  > 2"}},
		{"another kind of value", `spec: {a: {x: 1}}`, `spec: {a: [1]}`, []string{`changed spec.a: {"x":1} > [1]`}},
		{"nothing left in it", `spec: {a: {x: 1}}`, `spec: {a: {}}`, []string{"removed spec.a.x: 1 > "}},
		{"an empty one more", `spec: {}`, `spec: {a: {}}`, []string{"added spec.a:  > {}"}},
		{
			"entries by name", `spec: {p: [{name: a, num: 1}, {name: b, num: 1}]}`, `spec: {p: [{name: c, num: 1}, {name: b, num: 2}]}`,
			[]string{"removed spec.p[a].name: a > ", "removed spec.p[a].num: 1 > ", "changed spec.p[b].num: 1 > 2", "added spec.p[c].name:  > c", "added spec.p[c].num:  > 1"},
		},
		{"another order", `spec: {p: [{name: a}, {name: b}]}`, `spec: {p: [{name: b}, {name: a}]}`, []string{"changed spec.p: order a, b > order b, a"}},
		{"entries without names", `spec: {p: [{num: 1}]}`, `spec: {p: [{num: 2}]}`, []string{"changed spec.p[0].num: 1 > 2"}},
		{"two of one name", `spec: {p: [{name: a, num: 1}, {name: a, num: 1}]}`, `spec: {p: [{name: a, num: 1}, {name: a, num: 2}]}`, []string{"changed spec.p[1].num: 1 > 2"}},
		{"labels", `metadata: {labels: {a: x}}`, `metadata: {labels: {a: x, b.c/d: z}}`, []string{"added metadata.labels[b.c/d]:  > z"}},
		{"another tool's notes", `metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: x}}`, `metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: y}}`, nil},
		{"a secret", `spec: {env: [{name: DB_PASSWORD, value: x}]}`, `spec: {env: [{name: DB_PASSWORD, value: y}]}`, []string{"changed spec.env[DB_PASSWORD].value: (not shown) > (not shown)"}},
		{"the name of a Secret", `spec: {envSecretRefName: x}`, `spec: {envSecretRefName: z}`, []string{"changed spec.envSecretRefName: x > z"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var got []string
			for _, c := range Between(object(t, tc.before), object(t, tc.after)) {
				got = append(got, string(c.Kind)+" "+c.Path+": "+c.Old+" > "+c.New)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// fake is a cluster that answers a dry run with what is given.
type fake struct {
	has       *unstructured.Unstructured
	after     engine.Answer
	err       error
	conflicts int
	wrote     bool
	patch     []engine.PatchOp
}

var _ Cluster = (*fake)(nil)

func (f *fake) Read(context.Context, engine.Target, ...snapshot.Kind) ([]snapshot.Object, error) {
	if f.has == nil {
		return nil, nil
	}
	return []snapshot.Object{f.has}, nil
}

func (f *fake) Create(_ context.Context, _ schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error) {
	f.wrote = f.wrote || !how.DryRun
	return engine.Answer{Object: o}, f.err
}

func (f *fake) Patch(_ context.Context, _ schema.GroupVersionResource, _, _ string, patch []engine.PatchOp, how engine.WriteOptions) (engine.Answer, error) {
	f.wrote, f.patch = f.wrote || !how.DryRun, patch
	if f.conflicts > 0 {
		f.conflicts--
		return engine.Answer{}, apierrors.NewConflict(schema.GroupResource{}, "m", errors.New("it has been modified"))
	}
	return f.after, f.err
}

const model = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m, namespace: models}
spec: {predictors: [{name: a, replicas: 2, graph: {name: one}}]}
`

func TestRun(t *testing.T) {
	manifest := object(t, model)
	req := Request{Engine: seldon.New(), Object: manifest, Lines: func(string) (string, bool) { return "m.yaml:5", true }}
	f := &fake{}
	d, refusal := Run(t.Context(), f, req)
	if refusal != nil || d.Exists || len(d.Changes) != 3 || f.wrote {
		t.Errorf("nothing is there: %v, %+v", refusal, d)
	}

	before := object(t, model)
	before.SetResourceVersion("7")
	before.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "argocd", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}})
	after := before.DeepCopy()
	after.SetGeneration(2)
	after.Object["spec"] = object(t, `spec: {predictors: [{name: a, replicas: 3, graph: {name: one}}]}`).Object["spec"]
	f = &fake{has: before, conflicts: 2, after: engine.Answer{Object: after, Warnings: []string{`unknown field "spec.predictors[0].x"`}}}
	d, refusal = Run(t.Context(), f, req)
	want := Difference{
		Name: "SeldonDeployment/m", Exists: true,
		Changes: []Change{{Changed, "spec.predictors[a].replicas", "2", "3"}},
		Warnings: []string{
			`m.yaml:5: unknown field "spec.predictors[0].x"`,
			`its spec was last written by "argocd": apply refuses without --force-conflicts`,
		},
	}
	if diff := cmp.Diff(want, d); diff != "" || refusal != nil || f.wrote {
		t.Errorf("%v (-want +got):\n%s", refusal, diff)
	}
	if f.patch[0].Path != "/metadata/resourceVersion" || f.patch[0].Value != "7" {
		t.Errorf("the dry run is not of the object that was read: %+v", f.patch)
	}

	f = &fake{has: before, conflicts: 100}
	if _, refusal = Run(t.Context(), f, req); refusal == nil || refusal.Reason != ops.Conflict || f.conflicts != 100-tries {
		t.Errorf("it never ends: %v", refusal)
	}
	f = &fake{err: errors.New(`failed calling webhook "x": no endpoints`)}
	if _, refusal = Run(t.Context(), f, req); refusal == nil || refusal.Reason != ops.Unusable {
		t.Errorf("the webhook is down: %v", refusal)
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return &o
}
