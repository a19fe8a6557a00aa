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
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
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
		{"what an object holds that has no spec", `{kind: ConfigMap, data: {a: x}}`, `{kind: ConfigMap, data: {a: z}, immutable: true}`, []string{"changed data.a: x > z", "added immutable:  > true"}},
		{"what a Secret holds", `{kind: Secret, type: Opaque, data: {a: eA==, gone: eA==}}`, `{kind: Secret, type: Opaque, data: {a: eg==, new: eg==}}`, []string{"changed data.a: (hidden) > (hidden)", "removed data.gone: (hidden) > ", "added data.new:  > (hidden)"}},
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

// one compares a custom resource alone.
func one(ctx context.Context, f *fake, req Request) (Difference, *ops.RefusalError) {
	all, reason := Run(ctx, f, f, nil, []Request{req})
	if refusal := all[0].Refusal; refusal != nil && reason != refusal.Reason {
		return all[0], &ops.RefusalError{Text: "the reason is " + string(reason)}
	}
	return all[0], all[0].Refusal
}

func TestRun(t *testing.T) {
	manifest := object(t, model)
	req := Request{Engine: seldon.New(), Object: manifest, Lines: func(string) (string, bool) { return "m.yaml:5", true }}
	f := &fake{}
	d, refusal := one(t.Context(), f, req)
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
	d, refusal = one(t.Context(), f, req)
	want := Difference{
		Name: "SeldonDeployment/m", Namespace: "models", Exists: true,
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
	if _, refusal = one(t.Context(), f, req); refusal == nil || refusal.Reason != ops.Conflict || f.conflicts != 100-tries {
		t.Errorf("it never ends: %v", refusal)
	}
	f = &fake{err: errors.New(`failed calling webhook "x": no endpoints`)}
	if _, refusal = one(t.Context(), f, req); refusal == nil || refusal.Reason != ops.Unusable {
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
		d, refusal := one(t.Context(), c.fake, req)
		if diff := cmp.Diff(c.want, d.Warnings); diff != "" || refusal != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.reason, refusal, diff)
		}
	}
}

// Resource knows ConfigMaps and Secrets.
func (f *fake) Resource(_ context.Context, kind schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	resource := map[string]string{"ConfigMap": "configmaps", "Secret": "secrets"}[kind.Kind]
	return schema.GroupVersionResource{Version: "v1", Resource: resource}, true, nil
}

// Apply answers with what is applied, or that somebody else manages it.
func (f *fake) Apply(_ context.Context, _ schema.GroupVersionResource, o *unstructured.Unstructured, force, dryRun bool) (engine.Answer, error) {
	f.wrote = f.wrote || !dryRun
	if f.conflicts > 0 && !force {
		return engine.Answer{}, apierrors.NewApplyConflict(nil, `Apply failed with 1 conflict: conflict with "helm": .data.a`)
	}
	return engine.Answer{Object: o, Warnings: []string{"mind"}}, nil
}

func (f *fake) Labelled(context.Context, schema.GroupVersionResource, string, string) ([]metav1.PartialObjectMetadata, error) {
	return nil, nil
}

func (f *fake) Kinds(context.Context) (kinds map[schema.GroupVersionResource]string, unanswered []string, err error) {
	return nil, nil, nil
}

// What supports custom resources is told first, whatever becomes of it, and the worst answer decides.
func TestRunSupporting(t *testing.T) {
	supporting := func(kind, name, rest string) fleet.Supporting {
		o := object(t, "{apiVersion: v1, kind: "+kind+", metadata: {name: "+name+", namespace: models}"+rest+"}")
		return fleet.Supporting{Object: o, Position: "s.yaml:3"}
	}
	f := &fake{has: object(t, `{kind: ConfigMap, metadata: {name: c}, data: {a: x}}`), conflicts: 1}
	all, reason := Run(t.Context(), f, f, []fleet.Supporting{
		supporting("Thing", "t", ""), supporting("ConfigMap", "c", ", data: {a: z}"),
	}, nil)
	want := []Difference{
		{
			Name: "ConfigMap/c", Namespace: "models", Exists: true, Changes: []Change{{Changed, "data.a", "x", "z"}},
			Warnings: []string{"s.yaml:3: mind", `apply refuses without --force-conflicts: s.yaml:3: ConfigMap/c has other values from another manager, "helm": .data.a; it was not changed`},
		},
		{Name: "Thing/t", Namespace: "models", Refusal: &ops.RefusalError{
			Reason: ops.Invalid, Text: "s.yaml:3: the API server does not know the kind Thing of v1", Hint: "correct apiVersion and kind, or install what defines them",
		}},
	}
	if diff := cmp.Diff(want, all); diff != "" || reason != ops.Invalid || f.wrote {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
	if !all[0].Differs() || all[1].Differs() {
		t.Errorf("what differs is %v, %v", all[0].Differs(), all[1].Differs())
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
