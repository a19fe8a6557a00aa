package seldon

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

const base = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - name: a
    graph: {name: one, type: MODEL, children: [{name: two, type: MODEL}]}
    svcOrchSpec: {env: [{name: LEVEL, value: info}]}
    componentSpecs:
    - spec:
        containers:
        - name: one
          image: example/one:1
          args: ["--token", secret]
          imagePullPolicy: IfNotPresent
          env: [{name: A, value: b}]
          resources: {requests: {cpu: 1000m}}
    - spec:
        terminationGracePeriodSeconds: 20
        containers: [{name: two, image: example/two:1}]
    traffic: 100
`

func TestArrived(t *testing.T) {
	at := "spec.predictors[0]"
	one := at + ".componentSpecs[0].spec.containers[0]"
	cases := map[string]struct {
		reason   string
		old, new string // the edit of base
		want     []string
		leaves   int
	}{
		"spec.replicas": {
			"shows in every Deployment's number", "  predictors:", "  replicas: 3\n  predictors:",
			[]string{"spec.replicas: m-a-0-one has 1, wants 3", "spec.replicas: m-a-1-two has 1, wants 3"},
			2,
		},
		"image": {
			"shows in the template and in the orchestrator's copy, as one leaf", "example/one:1", "example/one:2",
			[]string{one + ".image: m-a-0-one has example/one:1, wants example/one:2"},
			1,
		},
		"labels of the predictor": {
			"show on the pods of every component, and in the orchestrator's copy", "traffic: 100", "traffic: 100\n    labels: {team: risk}",
			[]string{at + ".labels.team: m-a-0-one has nothing, wants risk"},
			1,
		},
		"labels of a component": {
			"show on its pods", "    - spec:\n        terminationGracePeriodSeconds", "    - metadata: {labels: {team: risk}}\n      spec:\n        terminationGracePeriodSeconds",
			[]string{at + ".componentSpecs[1].metadata.labels.team: m-a-0-one has nothing, wants risk"},
			1,
		},
		"annotations of a component": {
			"show on its pods", "    - spec:\n        terminationGracePeriodSeconds", "    - metadata: {annotations: {team: risk}}\n      spec:\n        terminationGracePeriodSeconds",
			[]string{at + ".componentSpecs[1].metadata.annotations.team: m-a-0-one has nothing, wants risk"},
			1,
		},
		"image of a component without the orchestrator": {
			"its own template has to follow too", "example/two:1", "example/two:2",
			[]string{at + ".componentSpecs[1].spec.containers[0].image: m-a-0-one has example/two:1, wants example/two:2"},
			1,
		},
		"env value": {
			"may be a secret and is not shown", "value: b", "value: c",
			[]string{one + ".env[0].value: m-a-0-one has another value, wants the value in the spec"},
			1,
		},
		"env removed": {
			"the old value must be gone", "env: [{name: A, value: b}]", "env: []",
			[]string{one + ".env[0].name: m-a-0-one has A, wants nothing", one + ".env[0].value: m-a-0-one has another value, wants nothing"},
			2,
		},
		"args": {
			"a list without keys counts as one value", `["--token", secret]`, `["--token", other]`,
			[]string{one + ".args: m-a-0-one has another value, wants the value in the spec"},
			1,
		},
		"quantity in another form": {"1000m and 1 are the same", "cpu: 1000m", "cpu: 1", nil, 0},
		"field with a default removed": {
			"its default comes back and may be the same", "imagePullPolicy: IfNotPresent", "imagePullPolicy: null", nil, 0,
		},
		"grace period with a default removed": {"likewise", "terminationGracePeriodSeconds: 20", "nodeName: ''", nil, 0},
		"traffic":                             {"is zeroed in the orchestrator's copy and shows nowhere", "traffic: 100", "traffic: 50", nil, 0},
		"shadow": {
			"is not zeroed there", "traffic: 100", "traffic: 100\n    shadow: true",
			[]string{at + ".shadow: m-a-0-one has nothing, wants true"},
			1,
		},
		"shadow: false": {"is the same as none", "traffic: 100", "traffic: 100\n    shadow: false", nil, 0},
		"orchestrator's env": {
			"shows in the orchestrator's container and in its copy", "value: info", "value: debug",
			[]string{at + ".svcOrchSpec.env[0].value: m-a-0-one has another value, wants the value in the spec"},
			1,
		},
		"type of a unit": {
			"shows in the graph", "{name: two, type: MODEL}", "{name: two, type: TRANSFORMER}",
			[]string{at + ".graph.children[0].type: m-a-0-one has MODEL, wants TRANSFORMER"},
			1,
		},
		"type of a unit removed": {"the default comes back", "{name: two, type: MODEL}", "{name: two}", nil, 0},
		"predictor's label": {
			"shows in the copy", "traffic: 100", "traffic: 100\n    labels: {team: risk}",
			[]string{at + ".labels.team: m-a-0-one has nothing, wants risk"},
			1,
		},
		"protocol": {
			"shows in the orchestrator's arguments", "  predictors:", "  protocol: v2\n  predictors:",
			[]string{"spec.protocol: m-a-0-one has seldon, wants v2"},
			1,
		},
		"annotation of the spec": {
			"shows on the pods of every component", "  predictors:", "  annotations: {a: b}\n  predictors:",
			[]string{"spec.annotations.a: m-a-0-one has nothing, wants b"},
			1,
		},
		"annotation of the spec that a nearer one overrides": {
			"is the predictor's on the pods, whatever the spec says", "  predictors:\n  - name: a", "  annotations: {a: b}\n  predictors:\n  - name: a\n    annotations: {a: c}",
			[]string{at + ".annotations.a: m-a-0-one has nothing, wants c"},
			1,
		},
		"annotation by which the operator is told": {
			"shows on the pods like any other", "  predictors:", "  annotations: {seldon.io/rest-timeout: '9'}\n  predictors:",
			[]string{"spec.annotations.seldon.io/rest-timeout: m-a-0-one has nothing, wants 9"},
			1,
		},
		"container renamed": {
			"its Deployment has another name", "containers: [{name: two,", "containers: [{name: twin,",
			[]string{
				at + ".componentSpecs[1]: m-a-1-twin has no Deployment, wants a Deployment",
				at + ".componentSpecs[1]: m-a-1-two has a Deployment, wants no Deployment",
				at + ".componentSpecs[1].spec.containers[0].image: m-a-0-one has nothing, wants example/two:1",
				at + ".componentSpecs[1].spec.containers[0].name: m-a-0-one has nothing, wants twin",
				at + ".componentSpecs[1].spec.containers[0].image: m-a-0-one has example/two:1, wants nothing",
				at + ".componentSpecs[1].spec.containers[0].name: m-a-0-one has two, wants nothing",
			},
			6,
		},
		"orchestrator on its own": {
			"leaves the model's pods and gets a Deployment", "  predictors:", "  annotations: {seldon.io/engine-separate-pod: 'true'}\n  predictors:",
			[]string{
				at + ".componentSpecs[0]: m-a-0-one has with the container seldon-container-engine, wants without the container seldon-container-engine",
				at + ".svcOrchSpec: m-a-svc-orch has no Deployment, wants a Deployment",
				"spec.annotations.seldon.io/engine-separate-pod: m-a-0-one has nothing, wants true",
			},
			3,
		},
		"hpaSpec": {
			"takes the number away and shows in the copy", "    - spec:\n        terminationGrace", "    - hpaSpec: {maxReplicas: 3}\n      spec:\n        terminationGrace",
			[]string{at + ".componentSpecs[1].hpaSpec.maxReplicas: m-a-0-one has nothing, wants 3"},
			1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(base, c.old) {
				t.Fatalf("base has no %q", c.old)
			}
			before, now := object(t, base), object(t, strings.Replace(base, c.old, c.new, 1))
			got := New().Arrived(before, now, operated(t, before))
			var missing []string
			for _, l := range got.Missing {
				missing = append(missing, l.Path+": "+l.Child+" has "+l.Has+", wants "+l.Wants)
			}
			if diff := cmp.Diff(c.want, missing); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if got.Leaves != c.leaves {
				t.Errorf("%d leaves, want %d: %s", got.Leaves, c.leaves, c.reason)
			}
			after := New().Arrived(before, now, operated(t, now))
			if len(after.Missing) > 0 || after.Leaves != c.leaves {
				t.Errorf("after the operator has acted: %+v", after)
			}
		})
	}
}

func TestArrivedWaitsForEveryDeployment(t *testing.T) {
	before, now := object(t, base), object(t, strings.Replace(base, "example/two:1", "example/two:2", 1))
	owned := operated(t, now)
	owned[1] = operated(t, before)[1]
	want := engine.Arrival{Leaves: 1, Missing: []engine.Leaf{{
		Dated: true,
		Path:  "spec.predictors[0].componentSpecs[1].spec.containers[0].image",
		Child: "m-a-1-two", Has: "example/two:1", Wants: "example/two:2",
	}}}
	if diff := cmp.Diff(want, New().Arrived(before, now, owned)); diff != "" {
		t.Errorf("the orchestrator's copy is ahead of the component's own template (-want +got):\n%s", diff)
	}
}

func TestArrivedWithoutOrchestrator(t *testing.T) {
	text := strings.Replace(base, "    traffic: 100", "    annotations: {seldon.io/no-engine: 'true'}", 1)
	cases := map[string]struct {
		reason, old, new string
		leaves           int
	}{
		"image":                   {"is a pod's field", "example/one:1", "example/one:2", 1},
		"label":                   {"is the pods' too", "annotations:", "labels: {a: b}\n    annotations:", 1},
		"env of the orchestrator": {"is not", "value: info", "value: debug", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before, now := object(t, text), object(t, strings.Replace(text, c.old, c.new, 1))
			got := New().Arrived(before, now, operated(t, before))
			if got.Leaves != c.leaves || len(got.Missing) != c.leaves {
				t.Errorf("%+v, want %d leaves, all missing: %s", got, c.leaves, c.reason)
			}
		})
	}
}

func TestArrivedModels(t *testing.T) {
	sets := []string{
		"p.componentSpecs = null", "p.graph = {name: s, implementation: SKLEARN_SERVER, modelUri: 'gs://b/1'}",
		"p.explainer = {type: x, modelUri: 'gs://e/1', containerSpec: {image: 'i:1'}}",
	}
	const separate = "spec.annotations = {seldon.io/engine-separate-pod: 'true'}"
	cases := map[string]struct {
		reason, set, path, child string
		mode                     string
	}{
		"model":                 {"in the orchestrator's copy", "p.graph.modelUri = gs://b/2", "graph.modelUri", "m-a-0-s", "spec.protocol = seldon"},
		"model, separate":       {"the model's own pods first", "p.graph.modelUri = gs://b/2", "graph.modelUri", "m-a-0-s", separate},
		"model, without engine": {"the init container shows it", "p.graph.modelUri = gs://b/2", "graph.modelUri", "m-a-0-s", "p.annotations = {seldon.io/no-engine: 'true'}"},
		"explainer's model":     {"its own init container, too", "p.explainer.modelUri = gs://e/2", "explainer.modelUri", "m-a-explainer", "p.annotations = {seldon.io/no-engine: 'true'}"},
		"explainer's image":     {"its own container, too", "p.explainer.containerSpec.image = i:2", "explainer.containerSpec.image", "m-a-explainer", "p.annotations = {seldon.io/no-engine: 'true'}"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := with(t, plain, append(sets, c.mode)...)
			now := with(t, plain, append(sets, c.mode, c.set)...)
			got := New().Arrived(before, now, operated(t, before))
			if got.Leaves != 1 || len(got.Missing) != 1 || got.Missing[0].Path != "spec.predictors[0]."+c.path || got.Missing[0].Child != c.child {
				t.Errorf("%+v, want %s missing in %s: %s", got, c.path, c.child, c.reason)
			}
			if got := New().Arrived(before, now, operated(t, now)); got.Leaves != 1 || len(got.Missing) > 0 {
				t.Errorf("after the operator has acted: %+v", got)
			}
			half := operated(t, now)
			for i, d := range operated(t, before) {
				if d.Name == c.child {
					half[i] = d
				}
			}
			if got := New().Arrived(before, now, half); len(got.Missing) != 1 {
				t.Errorf("only %s is behind: %+v", c.child, got)
			}
		})
	}
}

func TestArrivedAfterEveryScale(t *testing.T) {
	for _, r := range recorded(t) {
		for _, n := range []int32{0, 3, 5} {
			edit, err := New().Scale(r.manifest, engine.ScaleRequest{Replicas: n})
			if err != nil {
				t.Fatal(err)
			}
			got := New().Arrived(r.manifest, edit.After, operated(t, r.manifest))
			if len(edit.Reached) > 0 && len(edit.Patch) > 0 && len(got.Missing) == 0 && changes(r.manifest, edit) {
				t.Errorf("%s to %d: nothing is missing before the operator has acted: %+v", r.name, n, got)
			}
			if got := New().Arrived(r.manifest, edit.After, operated(t, edit.After)); len(got.Missing) > 0 {
				t.Errorf("%s to %d: missing after the operator has acted: %+v", r.name, n, got.Missing)
			}
		}
	}
}

// changes reports whether an edit changes an implied number.
func changes(root *unstructured.Unstructured, edit engine.ScaleEdit) bool {
	before, err1 := New().Implied(root)
	after, err2 := New().Implied(edit.After)
	if err1 != nil || err2 != nil {
		return false
	}
	for i, w := range after.Workloads {
		if was := before.Workloads[i].Replicas; w.Replicas != nil && (was == nil && *w.Replicas != 1 || was != nil && *was != *w.Replicas) {
			return true
		}
	}
	return false
}

func TestArrivedBetweenAnyTwo(t *testing.T) {
	all := recorded(t)
	for _, a := range all {
		for _, b := range all {
			before, now := a.manifest, b.manifest.DeepCopy()
			now.SetName(before.GetName())
			if got := New().Arrived(before, now, operated(t, now)); len(got.Missing) > 0 {
				t.Errorf("%s becomes %s: missing after the operator has acted: %+v", a.name, b.name, got.Missing)
			}
		}
	}
}

// TestArrivedWithoutAnEarlierGeneration: every leaf has to show, and nothing that the spec does not say may
// be left of a former one.
func TestArrivedWithoutAnEarlierGeneration(t *testing.T) {
	const at = "spec.predictors[0]"
	cases := map[string]struct {
		reason, old, new string // the edit of base
		want             []string
	}{
		"nothing":  {"all is there", "traffic: 100", "traffic: 100", nil},
		"image":    {"of a component", "example/one:1", "example/one:2", []string{at + ".componentSpecs[0].spec.containers[0].image: m-a-0-one"}},
		"replicas": {"of a Deployment", "  predictors:", "  replicas: 3\n  predictors:", []string{"spec.replicas: m-a-0-one", "spec.replicas: m-a-1-two"}},
		"protocol": {"in the flags", "  predictors:", "  protocol: v2\n  predictors:", []string{"spec.protocol: m-a-0-one"}},
		"annotation of the spec": {
			"on the pods", "  predictors:", "  annotations: {a: b}\n  predictors:", []string{"spec.annotations.a: m-a-0-one"},
		},
		"annotation of the predictor": {
			"in the copy and on the pods", "traffic: 100", "annotations: {a: b}", []string{at + ".annotations.a: m-a-0-one"},
		},
		"orchestrator's env": {"in its container", "value: info", "value: debug", []string{at + ".svcOrchSpec.env[0].value: m-a-0-one"}},
		"model":              {"in the copy", "{name: one, type: MODEL,", "{name: one, type: MODEL, modelUri: 'gs://b/2',", []string{at + ".graph.modelUri: m-a-0-one"}},
		"hpaSpec":            {"in the copy", "    - spec:\n        terminationGrace", "    - hpaSpec: {maxReplicas: 3}\n      spec:\n        terminationGrace", []string{at + ".componentSpecs[1].hpaSpec.maxReplicas: m-a-0-one"}},
		"a component":        {"whose Deployment is not there", "containers: [{name: two,", "containers: [{name: twin,", []string{at + ".componentSpecs[1]: m-a-1-twin"}},
		"separate orchestrator": {
			"which is to leave the model's pods", "  predictors:", "  annotations: {seldon.io/engine-separate-pod: 'true'}\n  predictors:",
			[]string{at + ".componentSpecs[0]: m-a-0-one", at + ".svcOrchSpec: m-a-svc-orch"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			former, now := object(t, base), object(t, strings.Replace(base, c.old, c.new, 1))
			if got := New().Arrived(nil, now, operated(t, now)); len(got.Missing) > 0 || got.Leaves == 0 || got.Unexplained > 0 {
				t.Errorf("after the operator has acted: %+v", got)
			}
			missing := missingOf(New().Arrived(nil, now, operated(t, former)))
			for _, want := range c.want {
				if !slices.Contains(missing, want) {
					t.Errorf("%s: %s is not missing: %v", c.reason, want, missing)
				}
			}
			if c.want == nil && len(missing) > 0 {
				t.Errorf("missing: %v", missing)
			}
		})
	}
}

// TestLeftovers turns it round: what was removed may not stand in the orchestrator's copy or its flags any more.
func TestLeftovers(t *testing.T) {
	const at = "spec.predictors[0]"
	for name, c := range map[string]struct{ old, new, want string }{
		"protocol":           {"  predictors:", "  protocol: v2\n  predictors:", "spec.protocol: m-a-0-one"},
		"env":                {"env: [{name: A, value: b}]", "env: [{name: A, value: b}, {name: B, value: c}]", at + ".componentSpecs[0].spec.containers[0].env[1].value: m-a-0-one"},
		"orchestrator's env": {"[{name: LEVEL, value: info}]", "[{name: LEVEL, value: info}, {name: B, value: c}]", at + ".svcOrchSpec.env[1].value: m-a-0-one"},
		"nodeSelector":       {"        terminationGrace", "        nodeSelector: {gpu: 'true'}\n        terminationGrace", at + ".componentSpecs[1].spec.nodeSelector.gpu: m-a-0-one"},
		"label":              {"traffic: 100", "labels: {team: risk}", at + ".labels.team: m-a-0-one"},
		"shadow":             {"traffic: 100", "shadow: true", at + ".shadow: m-a-0-one"},
		"a number":           {"    - spec:\n        terminationGrace", "    - replicas: 2\n      spec:\n        terminationGrace", at + ".componentSpecs[1].replicas: m-a-0-one"},
	} {
		former := operated(t, object(t, strings.Replace(base, c.old, c.new, 1)))
		if got := missingOf(New().Arrived(nil, object(t, base), former)); !slices.Contains(got, c.want) {
			t.Errorf("%s: %s is not missing: %v", name, c.want, got)
		}
	}
	former := operated(t, object(t, strings.Replace(base, "  predictors:", "  annotations: {a: b}\n  predictors:", 1)))
	if got := New().Arrived(nil, object(t, base), former); got.Unexplained != 2 || len(got.Missing) > 0 {
		t.Errorf("an annotation that is still on the pods of two components may be anybody's: %+v", got)
	}
	former = operated(t, object(t, strings.Replace(base, "env: [{name: A, value: b}]", "env: [{name: A, value: b}, {name: B, value: c}]", 1)))
	if got := New().Arrived(nil, object(t, base), former); got.Unexplained != 1 {
		t.Errorf("an environment variable that is still in a container: %+v", got)
	}
}

// TestStrangeFieldsOfANewPart: of a predictor that was renamed all is new, but what the schema does not know the operator
// drops.
func TestStrangeFieldsOfANewPart(t *testing.T) {
	const known = "{name: one, type: MODEL,"
	rename := func(text string) string { return strings.Replace(text, "- name: a", "- name: b", 1) }
	misplaced := strings.Replace(base, known, known+" modelURI: 'gs://b/m',", 1)
	dropped := operated(t, object(t, rename(base)))
	if got := New().Arrived(object(t, misplaced), object(t, rename(misplaced)), dropped); len(got.Missing) > 0 {
		t.Errorf("after the operator has acted: %+v", got)
	}
	if got := New().Arrived(object(t, base), object(t, misplaced), operated(t, object(t, base))); got.Leaves > 0 || len(got.Missing) > 0 {
		t.Errorf("such a field alone proves nothing: %+v", got)
	}
}

// TestVariablesOfAPrepackagedServer: among those that the operator gives its server, each of the spec's own has to
// show.
func TestVariablesOfAPrepackagedServer(t *testing.T) {
	const server = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - name: a
    graph: {name: clf, implementation: SKLEARN_SERVER, modelUri: "gs://b/1"}
    componentSpecs:
    - spec: {containers: [{name: clf, env: [{name: A, value: b}]}]}
`
	former, now := object(t, server), object(t, strings.Replace(server, "{name: A, value: b}", "{name: B, value: c}", 1))
	if got := New().Arrived(nil, now, operated(t, now)); len(got.Missing) > 0 || got.Unexplained > 0 {
		t.Errorf("after the operator has acted: %+v", got)
	}
	got := New().Arrived(nil, now, operated(t, former))
	if want := "spec.predictors[0].componentSpecs[0].spec.containers[0].env[0].value: m-a-0-clf"; !slices.Contains(missingOf(got), want) || got.Unexplained != 1 {
		t.Errorf("before it: %+v, want %s missing and one variable unexplained", got, want)
	}
}

func missingOf(a engine.Arrival) []string {
	var missing []string
	for _, l := range a.Missing {
		missing = append(missing, l.Path+": "+l.Child)
	}
	return missing
}

// TestNothingIsMissingWhereTheOperatorHasActed holds the other error off: what waits for a leaf that the
// operator or the API server writes in another way waits for ever.
func TestNothingIsMissingWhereTheOperatorHasActed(t *testing.T) {
	for _, r := range recorded(t) {
		owned := operated(t, r.manifest)
		for _, d := range owned {
			r.overlay(d)
		}
		if got := New().Arrived(nil, r.manifest, owned); len(got.Missing) > 0 || got.Unexplained > 0 || got.Leaves == 0 {
			t.Errorf("%s: %+v", r.name, got)
		}
	}
}

// overlay puts what was recorded of a Deployment in place of what this test makes of it.
func (r recording) overlay(d *appsv1.Deployment) {
	child, ok := r.Created.Children["Deployment/"+d.Name]
	if !ok {
		return // one that the API server refused
	}
	d.Spec.Replicas = child.Replicas
	d.Spec.Template.Labels, d.Spec.Template.Annotations = child.PodLabels, child.PodAnnotations
	for _, recorded := range child.Containers {
		for i := range d.Spec.Template.Spec.Containers {
			if c := &d.Spec.Template.Spec.Containers[i]; c.Name == recorded.Name {
				c.Image, c.Args = recorded.Image, recorded.Args
			}
		}
	}
}

// TestSilent: a change that shows in no child is counted apart, because nothing tells when it was acted
// upon; numbers of replicas and what comes and goes are accounted for otherwise.
func TestSilent(t *testing.T) {
	direct := strings.Replace(base, "    traffic: 100", "    annotations: {seldon.io/no-engine: 'true'}", 1)
	for reason, c := range map[string]struct {
		text, old, new string
		silent         int
	}{
		"traffic":                         {base, "traffic: 100", "traffic: 50", 1},
		"labels without an orchestrator":  {direct, "  - name: a\n", "  - name: a\n    labels: {team: risk}\n", 0},
		"what only an orchestrator knows": {direct, "value: info", "value: debug", 1},
		"labels with one":                 {base, "traffic: 100", "traffic: 100\n    labels: {team: risk}", 0},
		"an image":                        {base, "example/one:1", "example/one:2", 0},
		"a number of replicas":            {base, "  predictors:", "  replicas: 3\n  predictors:", 0},
		"a number of a predictor's":       {base, "traffic: 100", "traffic: 100\n    replicas: 3", 0},
		"a predictor under another name":  {base, "  - name: a\n", "  - name: b\n", 0},
		"both a silent one and a replica": {direct, "  - name: a\n", "  - name: a\n    replicas: 2\n    shadow: true\n", 1},
	} {
		before, now := object(t, c.text), object(t, strings.Replace(c.text, c.old, c.new, 1))
		if got := New().Arrived(before, now, operated(t, before)); got.Silent != c.silent {
			t.Errorf("%s: %d are silent, want %d: %+v", reason, got.Silent, c.silent, got)
		}
	}
}
