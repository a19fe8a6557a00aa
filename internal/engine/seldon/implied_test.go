package seldon

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
)

const plain = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - name: a
    graph: {name: one, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: one, image: x}]}
`

// with returns an object in which values are set, each written as "path = YAML"; p and c stand for
// the first predictor and its first component.
func with(tb testing.TB, text string, sets ...string) *unstructured.Unstructured {
	tb.Helper()
	root := object(tb, text)
	word := regexp.MustCompile(`[^.\[\]]+`)
	for _, set := range sets {
		path, value, _ := strings.Cut(set, " = ")
		if rest, ok := strings.CutPrefix(path, "c."); ok {
			path = "p.componentSpecs[0]." + rest
		}
		if rest, ok := strings.CutPrefix(path, "p."); ok {
			path = "spec.predictors[0]." + rest
		}
		var parsed any
		if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
			tb.Fatal(err)
		}
		var at any = root.Object
		steps := word.FindAllString(path, -1)
		for _, step := range steps[:len(steps)-1] {
			if list, ok := at.([]any); ok {
				i, err := strconv.Atoi(step)
				if err != nil {
					tb.Fatal(err)
				}
				at = list[i]
				continue
			}
			m := at.(map[string]any)
			if m[step] == nil {
				m[step] = map[string]any{}
			}
			at = m[step]
		}
		at.(map[string]any)[steps[len(steps)-1]] = parsed
	}
	data, err := root.MarshalJSON()
	if err != nil {
		tb.Fatal(err)
	}
	return object(tb, string(data))
}

func lines(workloads []engine.Workload) []string {
	var lines []string
	for _, w := range workloads {
		line := w.Name() + " -"
		if w.Replicas != nil {
			line = fmt.Sprintf("%s %d by %s", w.Name(), *w.Replicas, w.Source)
		}
		if w.Autoscaled != nil {
			line += fmt.Sprintf(" %s %d to %d", w.Autoscaled.Path, w.Autoscaled.Min, w.Autoscaled.Max)
		}
		lines = append(lines, line)
	}
	return lines
}

// TestReplicas holds every place where replicas can be said to the operator's order.
func TestReplicas(t *testing.T) {
	const separate = "spec.annotations = {seldon.io/engine-separate-pod: 'True'}"
	const component, predictor = "spec.predictors[0].componentSpecs[0]", "spec.predictors[0]"
	cases := map[string]struct {
		reason string
		sets   []string
		want   []string
	}{
		"none":      {"what is there stays", nil, []string{"m-a-0-one -"}},
		"spec":      {"the default for all", []string{"spec.replicas = 2"}, []string{"m-a-0-one 2 by spec.replicas"}},
		"predictor": {"nearer", []string{"spec.replicas = 2", "p.replicas = 3"}, []string{"m-a-0-one 3 by " + predictor + ".replicas"}},
		"component": {"nearest", []string{"spec.replicas = 2", "p.replicas = 3", "c.replicas = 4"}, []string{"m-a-0-one 4 by " + component + ".replicas"}},
		"zero":      {"is a number", []string{"spec.replicas = 2", "p.replicas = 0"}, []string{"m-a-0-one 0 by " + predictor + ".replicas"}},
		"null":      {"is none", []string{"spec.replicas = 2", "p.replicas = null"}, []string{"m-a-0-one 2 by spec.replicas"}},
		"hpaSpec": {
			"takes the number away",
			[]string{"c.replicas = 4", "c.hpaSpec = {maxReplicas: 5}"},
			[]string{"m-a-0-one - " + component + ".hpaSpec 1 to 5"},
		},
		"kedaSpec": {
			"comes before hpaSpec, with KEDA's own minimum",
			[]string{"c.hpaSpec = {maxReplicas: 5}", "c.kedaSpec = {maxReplicaCount: 7}"},
			[]string{"m-a-0-one - " + component + ".kedaSpec 0 to 7"},
		},
		"orchestrator": {
			"follows the predictor",
			[]string{separate, "p.replicas = 3", "c.replicas = 4"},
			[]string{"m-a-0-one 4 by " + component + ".replicas", "m-a-svc-orch 3 by " + predictor + ".replicas"},
		},
		"svcOrchSpec": {
			"is the orchestrator's own",
			[]string{separate, "spec.replicas = 3", "p.svcOrchSpec = {replicas: 5}"},
			[]string{"m-a-0-one 3 by spec.replicas", "m-a-svc-orch 5 by " + predictor + ".svcOrchSpec.replicas"},
		},
		"svcOrchSpec alone": {"is ignored without a separate pod", []string{"p.svcOrchSpec = {replicas: 5}"}, []string{"m-a-0-one -"}},
		"annotation in metadata": {
			"is ignored", []string{"metadata.annotations = {seldon.io/engine-separate-pod: 'true'}"}, []string{"m-a-0-one -"},
		},
		"no engine": {"nothing to separate", []string{separate, "p.annotations = {seldon.io/no-engine: 'true'}"}, []string{"m-a-0-one -"}},
		"explainer": {
			"does not scale along",
			[]string{"spec.replicas = 2", "p.explainer = {type: x}"},
			[]string{"m-a-0-one 2 by spec.replicas", "m-a-explainer -"},
		},
		"explainer's own": {
			"counts",
			[]string{"spec.replicas = 2", "p.explainer = {type: x, replicas: 3}"},
			[]string{"m-a-0-one 2 by spec.replicas", "m-a-explainer 3 by " + predictor + ".explainer.replicas"},
		},
		"explainer, spec 0": {
			"goes down with the spec",
			[]string{"spec.replicas = 0", "p.explainer = {type: x}"},
			[]string{"m-a-0-one 0 by spec.replicas", "m-a-explainer 0 by spec.replicas"},
		},
		"explainer, predictor 0": {
			"goes down with its predictor",
			[]string{"spec.replicas = 2", "p.replicas = 0", "p.explainer = {type: x, replicas: 3}"},
			[]string{"m-a-0-one 0 by " + predictor + ".replicas", "m-a-explainer 0 by " + predictor + ".replicas"},
		},
		"explainer, predictor up": {
			"the predictor's number is nearer than the spec's 0",
			[]string{"spec.replicas = 0", "p.replicas = 2", "p.explainer = {type: x}"},
			[]string{"m-a-0-one 2 by " + predictor + ".replicas", "m-a-explainer -"},
		},
		"explainer without type": {"is ignored", []string{"p.explainer = {replicas: 3}"}, []string{"m-a-0-one -"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			implied, err := New().Implied(with(t, plain, c.sets...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, lines(implied.Workloads)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestWorkloads(t *testing.T) {
	const long = "a-predictor-whose-name-is-far-too-long-for-a-deployment-of-kubernetes"
	cases := map[string]struct {
		reason string
		sets   []string
		want   []string // names: containers
	}{
		"empty component": {
			"is skipped but keeps its index",
			[]string{"p.componentSpecs = [{hpaSpec: {maxReplicas: 3}}, null, {spec: {containers: [{name: one, image: x}]}}]"},
			[]string{"m-a-2-one: one=x"}, // The operator finds no place for its engine and fails.
		},
		"server in an empty component": {
			"the operator fills the first one, and its hpaSpec counts",
			[]string{"p.componentSpecs = [{hpaSpec: {maxReplicas: 3}}]", "p.graph = {name: s, implementation: SKLEARN_SERVER}"},
			[]string{"m-a-0-s: s= seldon-container-engine="},
		},
		"two servers": {
			"share a pod, in the graph's order",
			[]string{"p.componentSpecs = null", "p.graph = {name: s, implementation: SKLEARN_SERVER, children: [{name: t, implementation: MY_SERVER}]}"},
			[]string{"m-a-0-s-t: s= t= seldon-container-engine="},
		},
		"server beside a component": {
			"joins the first pod",
			[]string{"p.graph = {name: one, type: TRANSFORMER, children: [{name: t, implementation: XGBOOST_SERVER}]}"},
			[]string{"m-a-0-one-t: one=x t= seldon-container-engine="},
		},
		"TensorFlow": {
			"the proxy's image is the operator's",
			[]string{"p.graph = {name: one, implementation: TENSORFLOW_SERVER}"},
			[]string{"m-a-0-one: one= tfserving= seldon-container-engine="},
		},
		"TensorFlow in v2": {
			"nobody knows what stands beside the proxy",
			[]string{"spec.protocol = v2", "p.graph = {name: one, implementation: TENSORFLOW_SERVER}"},
			[]string{"m-a-0-one: one= seldon-container-engine="},
		},
		"TensorFlow's protocol": {
			"needs no proxy",
			[]string{"spec.protocol = tensorflow", "p.graph = {name: one, implementation: TENSORFLOW_SERVER}"},
			[]string{"m-a-0-one: one=x seldon-container-engine="},
		},
		"built in": {"needs no container", []string{"p.graph = {name: r, implementation: RANDOM_ABTEST, children: [{name: one}]}"}, []string{"m-a-0-one: one=x seldon-container-engine="}},
		"server in the second pod": {
			"takes the engine with it, where it comes first in the graph",
			[]string{
				"p.graph = {name: s, implementation: SKLEARN_SERVER, children: [{name: one}]}",
				"p.componentSpecs = [{spec: {containers: [{name: one, image: x}]}}, {spec: {containers: [{name: s}]}}]",
			},
			[]string{"m-a-0-one: one=x", "m-a-1-s: s= seldon-container-engine="},
		},
		"explainer's container": {
			"may have a name and image of its own",
			[]string{"p.explainer = {type: x, containerSpec: {name: e, image: z}}"},
			[]string{"m-a-0-one: one=x seldon-container-engine=", "m-a-explainer: e=z"},
		},
		"long name": {
			"in both forms",
			[]string{"p.name = " + long},
			[]string{"seldon-239c89b7f40961d61abe7078c8c6def9 m-239c89b7f40961d61abe7078c8c6def9: one=x seldon-container-engine="},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			implied, err := New().Implied(with(t, plain, c.sets...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range implied.Workloads {
				var line strings.Builder
				line.WriteString(strings.Join(w.Names, " ") + ":")
				for _, con := range w.Containers {
					line.WriteString(" " + con.Name + "=" + con.Image)
				}
				got = append(got, line.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestKedaAbsent(t *testing.T) {
	const keda = "c.kedaSpec = {maxReplicaCount: 3}"
	cases := map[string]struct {
		reason, status string
		want           bool
	}{
		"no status":    {"nothing is known yet", "null", false},
		"none defined": {"KEDA is off in the operator", "{conditions: [{type: KedaReady, status: 'True', reason: No KEDA resources defined}]}", true},
		"made":         {"KEDA is at work", "{conditions: [{type: KedaReady, status: 'True', reason: All KEDA resources ready}]}", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			implied, err := New().Implied(with(t, plain, keda, "status = "+c.status))
			if err != nil {
				t.Fatal(err)
			}
			if got := implied.Workloads[0].Autoscaled.Absent; got != c.want {
				t.Errorf("Absent = %t, want %t: %s", got, c.want, c.reason)
			}
		})
	}
}

func TestWrongTypesAreNamed(t *testing.T) {
	cases := map[string]struct{ set, want string }{
		"spec":       {"spec = a", `spec is the string "a", want an object`},
		"predictors": {"spec.predictors = {}", "spec.predictors is an object, want a list"},
		"predictor":  {"spec.predictors = [3]", "spec.predictors[0] is 3, want an object"},
		"replicas":   {"p.replicas = '3'", `spec.predictors[0].replicas is the string "3", want a whole number`},
		"half":       {"p.replicas = 1.5", "spec.predictors[0].replicas is 1.5, want a whole number"},
		"huge":       {"p.replicas = 3000000000", "spec.predictors[0].replicas is 3000000000, want a number of 32 bits"},
		"container":  {"c.spec = {containers: [{name: 3}]}", "spec.predictors[0].componentSpecs[0].spec.containers[0].name is 3, want a string"},
		"graph":      {"p.graph = {children: [{children: a}]}", `spec.predictors[0].graph.children[0].children is the string "a", want a list`},
		"annotation": {"p.annotations = {seldon.io/no-engine: true}", "spec.predictors[0].annotations[seldon.io/no-engine] is true, want a string"},
		"shadow":     {"p.shadow = 'true'", `spec.predictors[0].shadow is the string "true", want true or false`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := with(t, plain, c.set)
			_, err := New().Implied(root)
			if want := `SeldonDeployment "m": ` + c.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if _, scaled := New().Scale(root, engine.ScaleRequest{Replicas: 1}); scaled == nil || scaled.Error() != err.Error() {
				t.Errorf("Scale says %v", scaled)
			}
		})
	}
}

func TestNullsCountAsAbsent(t *testing.T) {
	root := with(t, plain, "spec.annotations = null", "p.explainer = null", "p.graph = {name: one, children: null}", "p.svcOrchSpec = null", "c.hpaSpec = null", "c.metadata = null")
	implied, err := New().Implied(root)
	if err != nil || len(implied.Workloads) != 1 {
		t.Errorf("%v, %v", implied, err)
	}
}
