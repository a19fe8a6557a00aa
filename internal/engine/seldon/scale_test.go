package seldon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/engine"
)

const two = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - name: a
    traffic: 80
    graph: {name: one, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: one, image: x}]}
  - name: b
    traffic: 20
    replicas: 0
    graph: {name: one, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: one, image: x}]}
`

func TestScale(t *testing.T) {
	const separate = "spec.annotations = {seldon.io/engine-separate-pod: 'true'}"
	cases := map[string]struct {
		reason  string
		text    string
		sets    []string
		want    engine.ScaleRequest
		patch   string
		reached []string
		left    []string
		notes   []string
	}{
		"spec": {
			"the default is set", plain, nil,
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			nil, nil,
		},
		"to zero": {
			"zero goes over the wire", plain,
			[]string{"spec.replicas = 2"},
			engine.ScaleRequest{},
			`[{"op":"replace","path":"/spec/replicas","value":0}]`,
			[]string{"m-a-0-one 0 by spec.replicas"},
			nil, nil,
		},
		"nothing to do": {
			"no patch, but reached", plain,
			[]string{"spec.replicas = 2"},
			engine.ScaleRequest{Replicas: 2},
			`null`,
			[]string{"m-a-0-one 2 by spec.replicas"},
			nil, nil,
		},
		"nearer fields": {
			"are removed; that of a component restarts pods", plain,
			[]string{"spec.replicas = 1", "p.replicas = 1", "c.replicas = 1"},
			engine.ScaleRequest{Replicas: 2},
			`[{"op":"replace","path":"/spec/replicas","value":2},{"op":"remove","path":"/spec/predictors/0/replicas"},{"op":"remove","path":"/spec/predictors/0/componentSpecs/0/replicas"}]`,
			[]string{"m-a-0-one 2 by spec.replicas"},
			nil,
			[]string{"removing spec.predictors[0].componentSpecs[0].replicas restarts the pods of Deployment m-a-0-one"},
		},
		"without engine": {
			"nothing restarts", plain,
			[]string{"c.replicas = 1", "p.annotations = {seldon.io/no-engine: 'true'}"},
			engine.ScaleRequest{Replicas: 2},
			`[{"op":"add","path":"/spec/replicas","value":2},{"op":"remove","path":"/spec/predictors/0/componentSpecs/0/replicas"}]`,
			[]string{"m-a-0-one 2 by spec.replicas"},
			nil, nil,
		},
		"autoscaled": {
			"is left out", plain,
			[]string{"c.hpaSpec = {minReplicas: 2, maxReplicas: 3}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`, nil,
			[]string{"m-a-0-one: autoscaled 2 to 3 by hpaSpec"},
			nil,
		},
		"pinned hpa": {
			"its range becomes the number, which restarts the pods with the orchestrator", plain,
			[]string{"c.hpaSpec = {minReplicas: 2, maxReplicas: 3}"},
			engine.ScaleRequest{Replicas: 4, Pin: true},
			`[{"op":"add","path":"/spec/replicas","value":4},{"op":"replace","path":"/spec/predictors/0/componentSpecs/0/hpaSpec/minReplicas","value":4},{"op":"replace","path":"/spec/predictors/0/componentSpecs/0/hpaSpec/maxReplicas","value":4}]`,
			[]string{"m-a-0-one - spec.predictors[0].componentSpecs[0].hpaSpec 4 to 4"},
			nil,
			[]string{"spec.predictors[0].componentSpecs[0].hpaSpec pins m-a-0-one, which was 2 to 3; that restarts its pods"},
		},
		"pinned keda": {
			"its bounds have other names", plain,
			[]string{"c.kedaSpec = {maxReplicaCount: 3}", "p.annotations = {seldon.io/no-engine: 'true'}"},
			engine.ScaleRequest{Replicas: 4, Pin: true},
			`[{"op":"add","path":"/spec/replicas","value":4},{"op":"add","path":"/spec/predictors/0/componentSpecs/0/kedaSpec/minReplicaCount","value":4},{"op":"replace","path":"/spec/predictors/0/componentSpecs/0/kedaSpec/maxReplicaCount","value":4}]`,
			[]string{"m-a-0-one - spec.predictors[0].componentSpecs[0].kedaSpec 4 to 4"},
			nil,
			[]string{"spec.predictors[0].componentSpecs[0].kedaSpec pins m-a-0-one, which was 0 to 3"},
		},
		"keda absent, to be pinned": {
			"there is nothing that could move it", plain,
			[]string{"c.kedaSpec = {}", "status = {conditions: [{type: KedaReady, reason: No KEDA resources defined}]}"},
			engine.ScaleRequest{Replicas: 3, Pin: true},
			`[{"op":"add","path":"/spec/replicas","value":3}]`,
			nil,
			[]string{"m-a-0-one: kedaSpec takes its replicas away but KEDA made no ScaledObject: it stays at what is there"},
			nil,
		},
		"keda absent": {
			"is left out with what that means", plain,
			[]string{"c.kedaSpec = {}", "status = {conditions: [{type: KedaReady, reason: No KEDA resources defined}]}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`, nil,
			[]string{"m-a-0-one: kedaSpec takes its replicas away but KEDA made no ScaledObject: it stays at what is there"},
			nil,
		},
		"orchestrator's own number": {
			"is left alone", plain,
			[]string{separate, "p.svcOrchSpec = {replicas: 2}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			[]string{"m-a-svc-orch: svcOrchSpec.replicas sets it to 2"},
			nil,
		},
		"orchestrator": {
			"scales along", plain,
			[]string{separate},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas", "m-a-svc-orch 3 by spec.replicas"},
			nil, nil,
		},
		"explainer": {
			"does not", plain,
			[]string{"p.explainer = {type: x, replicas: 2}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			[]string{"m-a-explainer: explainers do not scale with spec.replicas"},
			nil,
		},
		"explainer to zero": {
			"goes down along", plain,
			[]string{"p.explainer = {type: x}"},
			engine.ScaleRequest{},
			`[{"op":"add","path":"/spec/replicas","value":0}]`,
			[]string{"m-a-0-one 0 by spec.replicas", "m-a-explainer 0 by spec.replicas"},
			nil, nil,
		},
		"explainer from zero": {
			"is woken", plain,
			[]string{"spec.replicas = 0", "p.explainer = {type: x}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"replace","path":"/spec/replicas","value":3},{"op":"add","path":"/spec/predictors/0/explainer/replicas","value":1}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			[]string{"m-a-explainer: explainers do not scale with spec.replicas"},
			[]string{"spec.predictors[0].explainer.replicas is set to 1: Deployment m-a-explainer would stay at 0"},
		},
		"explainer with a number from zero": {
			"comes up by itself", plain,
			[]string{"spec.replicas = 0", "p.explainer = {type: x, replicas: 2}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"replace","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			[]string{"m-a-explainer: explainers do not scale with spec.replicas"},
			nil,
		},
		"explainer parked by itself": {
			"stays so where the model was up", plain,
			[]string{"spec.replicas = 1", "p.explainer = {type: x, replicas: 0}"},
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"replace","path":"/spec/replicas","value":3}]`,
			[]string{"m-a-0-one 3 by spec.replicas"},
			[]string{"m-a-explainer: explainers do not scale with spec.replicas"},
			nil,
		},
		"canary": {
			"scales along", two, nil,
			engine.ScaleRequest{Replicas: 3},
			`[{"op":"add","path":"/spec/replicas","value":3},{"op":"remove","path":"/spec/predictors/1/replicas"}]`,
			[]string{"m-a-0-one 3 by spec.replicas", "m-b-0-one 3 by spec.replicas"},
			nil,
			[]string{"predictors scale along to 3: b (20% of the traffic, was parked at 0); a single predictor can be named instead"},
		},
		"one predictor": {
			"only it changes", two,
			[]string{"c.replicas = 4"},
			engine.ScaleRequest{Replicas: 3, Predictor: "b"},
			`[{"op":"replace","path":"/spec/predictors/1/replicas","value":3}]`,
			[]string{"m-b-0-one 3 by spec.predictors[1].replicas"},
			[]string{"m-a-0-one: belongs to predictor a, only b is scaled"},
			nil,
		},
		"one predictor with a nearer field": {
			"which is removed", two,
			[]string{"c.replicas = 4"},
			engine.ScaleRequest{Replicas: 3, Predictor: "a"},
			`[{"op":"add","path":"/spec/predictors/0/replicas","value":3},{"op":"remove","path":"/spec/predictors/0/componentSpecs/0/replicas"}]`,
			[]string{"m-a-0-one 3 by spec.predictors[0].replicas"},
			[]string{"m-b-0-one: belongs to predictor b, only a is scaled"},
			[]string{"removing spec.predictors[0].componentSpecs[0].replicas restarts the pods of Deployment m-a-0-one"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := with(t, c.text, c.sets...)
			untouched := root.DeepCopy()
			edit, err := New().Scale(root, c.want)
			if err != nil {
				t.Fatal(err)
			}
			patch, err := json.Marshal(edit.Patch)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, l := range edit.LeftOut {
				left = append(left, l.Workload.Name()+": "+l.Reason)
			}
			got := []any{string(patch), lines(edit.Reached), left, edit.Notes}
			if diff := cmp.Diff([]any{c.patch, c.reached, c.left, c.notes}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			comparePatch(t, root, edit)
			if diff := cmp.Diff(untouched.Object, root.Object); diff != "" {
				t.Errorf("the object itself was changed:\n%s", diff)
			}
		})
	}
}

func TestScaleRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		set    string
		want   engine.ScaleRequest
		err    string
	}{
		"negative":          {"no such number", "p.name = a", engine.ScaleRequest{Replicas: -1}, "replicas must not be negative, got -1"},
		"unknown predictor": {"with those there are", "p.name = a", engine.ScaleRequest{Predictor: "c"}, `SeldonDeployment "m" has no predictor "c"; it has a, b`},
		"pinned to 0":       {"no autoscaler goes there", "c.hpaSpec = {maxReplicas: 3}", engine.ScaleRequest{Pin: true}, "m-a-0-one cannot be pinned to 0: an autoscaler keeps at least one replica; remove spec.predictors[0].componentSpecs[0].hpaSpec, or scale the other parts alone"},
		"no predictors":     {"nothing to scale", "spec.predictors = []", engine.ScaleRequest{Replicas: 1}, `SeldonDeployment "m" has no spec.predictors to scale`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := New().Scale(with(t, two, c.set), c.want)
			if err == nil || err.Error() != c.err {
				t.Errorf("got %v, want %s: %s", err, c.err, c.reason)
			}
		})
	}
}

// TestPatchOpKeepsZero guards the wire form: omitempty must drop the absent value only.
func TestPatchOpKeepsZero(t *testing.T) {
	for value, want := range map[any]string{int64(0): `"value":0`, false: `"value":false`, "": `"value":""`} {
		data, err := json.Marshal(engine.PatchOp{Op: "add", Path: "/a", Value: value})
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%v becomes %s, want %s (%v)", value, data, want, err)
		}
	}
}

func TestPointerEscapes(t *testing.T) {
	if got := pointer([]any{"metadata", "annotations", "a/b~c", 0}); got != "/metadata/annotations/a~1b~0c/0" {
		t.Error(got)
	}
}
