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
		{"a secret", `spec: {env: [{name: DB_PASSWORD, value: x}]}`, `spec: {env: [{name: DB_PASSWORD, value: y}]}`, []string{"changed spec.env[DB_PASSWORD].value: (hidden) > (hidden)"}},
		{"a token", `spec: {token: x}`, `spec: {token: y}`, []string{"changed spec.token: (hidden) > (hidden)"}},
		{"arguments", `spec: {c: [{name: a, args: [--token, hunter2]}]}`, `spec: {c: [{name: a, args: [--token, hunter3]}]}`, []string{"changed spec.c[a].args: (hidden) > (hidden)"}},
		{"a command more", `spec: {c: [{name: a}]}`, `spec: {c: [{name: a, command: [sh, hunter2]}]}`, []string{"added spec.c[a].command:  > (hidden)"}},
		{"the same arguments", `spec: {a: 1, args: [x]}`, `spec: {a: 2, args: [x]}`, []string{"changed spec.a: 1 > 2"}},
		{
			"a variable that is there twice", `spec: {env: [{name: A, value: hunter1}, {name: A, value: hunter2}]}`, `spec: {env: [{name: A, value: hunter1}, {name: B, value: hunter3}]}`,
			[]string{"changed spec.env[1].name: A > B", "changed spec.env[1].value: (hidden) > (hidden)"},
		},
		{
			"a variable from elsewhere", `spec: {env: [{name: A, valueFrom: {configMapKeyRef: {key: x}}}]}`, `spec: {env: [{name: A, value: hunter2}]}`,
			[]string{"added spec.env[A].value:  > (hidden)", "removed spec.env[A].valueFrom.configMapKeyRef.key: x > "},
		},
		{
			"in what is shown whole", `spec: {c: 1}`, `spec: {c: [{args: [hunter2], env: [{name: A, value: hunter2}, hunter2]}], d: {env: {A: hunter2}}}`,
			[]string{`changed spec.c: 1 > [{"args":"(hidden)","env":[{"name":"A","value":"(hidden)"},"(hidden)"]}]`, "added spec.d.env:  > (hidden)"},
		},
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
	names     []metav1.PartialObjectMetadata
	namesErr  error
}

func (f *fake) Names(context.Context, string, snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	return f.names, f.namesErr
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
	before.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "argocd", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:predictors":{}}}`)}})
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
			`spec.predictors was last written by "argocd": apply refuses to change it without --force-conflicts`,
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

// TestRunNames holds diff to warning of names for which apply would refuse.
func TestRunNames(t *testing.T) {
	manifest := object(t, model)
	req := Request{Engine: seldon.New(), Object: manifest}
	there := object(t, model)
	there.SetUID("u")
	named := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "m-a", Namespace: "models"}}
	owned := named
	controls := true
	owned.OwnerReferences = []metav1.OwnerReference{{Kind: "SeldonDeployment", Name: "m", UID: "u", Controller: &controls}}
	for _, c := range []struct {
		reason string
		fake   *fake
		want   []string
	}{
		{"taken", &fake{names: []metav1.PartialObjectMetadata{named}}, []string{"apply refuses: Service models/m-a exists already and is nobody's; the operator would take it over"}},
		{"its own", &fake{has: there, after: engine.Answer{Object: there}, names: []metav1.PartialObjectMetadata{owned}}, nil},
		{"not known", &fake{namesErr: errors.New("forbidden")}, []string{"whether the names that it implies are free is not known: forbidden"}},
	} {
		d, refusal := Run(t.Context(), c.fake, req)
		if diff := cmp.Diff(c.want, d.Warnings); diff != "" || refusal != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.reason, refusal, diff)
		}
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
