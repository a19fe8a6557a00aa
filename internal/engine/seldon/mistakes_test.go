package seldon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/engine"
)

func TestMistakes(t *testing.T) {
	const p, c = "spec.predictors[0]", "spec.predictors[0].componentSpecs[0]"
	cases := map[string]struct {
		reason string
		sets   []string
		want   []string // path, text -> meant
	}{
		"none":      {"a plain manifest", nil, nil},
		"type":      {"case counts", []string{"p.graph = {name: one, type: model}"}, []string{p + `.graph.type "model" is no type: the unit is never called and its input is handed on -> MODEL`}},
		"type far":  {"nobody can know", []string{"p.graph = {name: one, type: banana}"}, []string{p + `.graph.type "banana" is no type: the unit is never called and its input is handed on -> `}},
		"child":     {"anywhere in the graph", []string{"p.graph = {name: one, type: MODEL, children: [{name: one, type: output-transformer}]}"}, []string{p + `.graph.children[0].type "output-transformer" is no type: the unit is never called and its input is handed on -> OUTPUT_TRANSFORMER`}},
		"no type":   {"has a default", []string{"p.graph = {name: one}"}, []string{p + ".graph.type is missing: the unit counts as a MODEL -> MODEL"}},
		"server":    {"needs no type", []string{"p.graph = {name: one, implementation: SKLEARN_SERVER, modelUri: gs://x}"}, nil},
		"endpoint":  {"case counts", []string{"p.graph.endpoint = {type: grpc}"}, []string{p + `.graph.endpoint.type "grpc" is no type of endpoint and counts as REST -> GRPC`}},
		"explainer": {"needs a type", []string{"p.explainer = {replicas: 1}"}, []string{p + ".explainer is ignored without a type -> " + p + ".explainer.type"}},
		"resources": {"an old field", []string{"p.engineResources = {limits: {}}"}, []string{p + ".engineResources is ignored -> " + p + ".svcOrchSpec.resources"}},
		"oauth":     {"old fields", []string{"spec.oauth_key = x", "spec.name = x"}, []string{"spec.name is not used by any supported version -> ", "spec.oauth_key is not used by any supported version -> "}},
		"svcOrchSpec.replicas": {
			"needs a pod of its own",
			[]string{"p.svcOrchSpec = {replicas: 2}"},
			[]string{p + `.svcOrchSpec.replicas is ignored: the orchestrator has no pods of its own -> spec.annotations with seldon.io/engine-separate-pod: "true"`},
		},
		"replicas under hpaSpec": {
			"on both levels",
			[]string{"p.replicas = 2", "c.replicas = 3", "c.hpaSpec = {maxReplicas: 3}"},
			[]string{c + ".replicas is ignored beside hpaSpec -> " + c + ".hpaSpec", p + ".replicas is ignored beside hpaSpec -> " + c + ".hpaSpec"},
		},
		"both autoscalers": {"KEDA wins", []string{"c.hpaSpec = {maxReplicas: 3}", "c.kedaSpec = {triggers: []}"}, []string{c + ".hpaSpec is ignored beside kedaSpec -> one of the two"}},
		"item without containers": {
			"its hpaSpec is lost",
			[]string{"p.componentSpecs = [{spec: {containers: [{name: one}]}}, {hpaSpec: {maxReplicas: 3}}]"},
			[]string{p + ".componentSpecs[1] is ignored, with all that it says, because it has no containers -> " + p + ".componentSpecs[1].spec.containers"},
		},
		"annotations in the wrong place": {
			"each is read in one place",
			[]string{"metadata.annotations = {seldon.io/engine-separate-pod: 'true', x: b}", "spec.annotations = {seldon.io/no-engine: 'true'}"},
			[]string{
				"metadata.annotations[seldon.io/engine-separate-pod] is not read here -> spec.annotations",
				"spec.annotations[seldon.io/no-engine] is not read here -> spec.predictors[].annotations",
			},
		},
		"annotations": {
			"misspelt, unknown and known",
			[]string{"p.annotations = {seldon.io/svc_name: x, seldon.io/rest-timeout: '1', seldon.io/whatever: x}"},
			[]string{p + ".annotations[seldon.io/svc_name] is no annotation that is read -> seldon.io/svc-name"},
		},
		"no-engine: false": {
			"is half a no",
			[]string{"p.annotations = {seldon.io/no-engine: 'false'}"},
			[]string{p + `.annotations[seldon.io/no-engine] "false" leaves the engine in; being there at all allows only one unit in the graph -> "true", or no such annotation`},
		},
		"wrong types": {
			"nothing more can be told",
			[]string{"p.replicas = x", "p.graph = {name: one, type: model}"},
			[]string{p + `.replicas is the string "x", but must be a whole number: the API server refuses it -> `},
		},
		"version":  {"there are three", []string{"apiVersion = machinelearning.seldon.io/v2"}, []string{`apiVersion "v2" is no version of it -> machinelearning.seldon.io/v1`}},
		"no graph": {"is one mistake, not two", []string{"p.graph = null"}, []string{p + ".graph is missing: the API server refuses it -> "}},
		"parked": {
			"an ingress may give it traffic",
			[]string{"spec.predictors = [{name: a, traffic: 100, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}, {name: b, componentSpecs: [{spec: {containers: [{name: one}]}}], graph: {name: one, type: MODEL}}]"},
			[]string{"spec.predictors[1].traffic is 0, which the operator leaves out of Ambassador's v1 mappings: there the predictor gets an equal share -> "},
		},
		"two shadows": {
			"one is the most",
			[]string{"spec.predictors = [{name: a, traffic: 100, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}, {name: b, shadow: true, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}, {name: c, shadow: true, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}]"},
			[]string{"spec.predictors has more than one shadow: the operator's webhook refuses it -> "},
		},
		"one Service": {
			"for two predictors",
			[]string{"spec.predictors = [{name: a, traffic: 50, annotations: {seldon.io/svc-name: x}, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}, {name: b, traffic: 50, annotations: {seldon.io/svc-name: x}, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}]"},
			[]string{`spec.predictors[1].annotations[seldon.io/svc-name] "x" is the Service of two predictors: the operator's webhook refuses it -> `},
		},
		"half the traffic": {
			"of one predictor",
			[]string{"p.traffic = 50"},
			[]string{"spec.predictors has one predictor that answers, with a traffic of 50 instead of 100: the operator's webhook refuses it -> "},
		},
		"both transports": {
			"in one graph",
			[]string{"p.graph = {name: one, type: MODEL, endpoint: {type: REST}, children: [{name: one, type: MODEL, endpoint: {type: GRPC}}]}"},
			[]string{"spec.predictors have endpoints of both types, REST and GRPC: the operator's webhook refuses it -> spec.transport alone"},
		},
		"tensorflow": {
			"is not every server's protocol",
			[]string{"spec.protocol = tensorflow", "p.graph = {name: one, implementation: SKLEARN_SERVER, modelUri: x}"},
			[]string{p + ".graph.implementation SKLEARN_SERVER does not speak the protocol tensorflow: the operator's webhook refuses it -> "},
		},
		"logger":       {"needs a mode", []string{"p.graph.logger = {url: x}"}, []string{p + ".graph.logger.mode is missing: the operator's webhook refuses it -> all"}},
		"unknown type": {"needs methods", []string{"p.graph = {name: one, type: UNKNOWN_TYPE}"}, []string{p + ".graph.type UNKNOWN_TYPE needs methods: the operator's webhook refuses it -> "}},
		"kafka": {
			"needs its topics",
			[]string{"spec.serverType = kafka", "p.svcOrchSpec = {env: [{name: KAFKA_BROKER, value: x}, {name: KAFKA_INPUT_TOPIC, value: x}]}"},
			[]string{p + ".svcOrchSpec.env lacks KAFKA_OUTPUT_TOPIC, which spec.serverType kafka needs: the operator's webhook refuses it -> "},
		},
		"a shadow": {
			"has no share",
			[]string{"spec.predictors = [{name: a, traffic: 100, graph: {name: one, type: MODEL}, componentSpecs: [{spec: {containers: [{name: one}]}}]}, {name: b, componentSpecs: [{spec: {containers: [{name: one}]}}], shadow: true, graph: {name: one, type: MODEL}}]"},
			nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range New().Mistakes(with(t, plain, c.sets...)) {
				got = append(got, m.Path+" "+m.Text+" -> "+m.Meant)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// Of what the API server and the operator's webhook refuse, all is found beforehand but what depends on
// how the operator is installed; where the webhook is asked it says so itself.
func TestRefusedManifestsAreFound(t *testing.T) {
	want := map[string]string{
		"bad-protocol":        `denied spec.protocol "V2" is none of seldon, tensorflow, kfserving, v2: the operator's webhook refuses it -> v2`,
		"container-missing":   `denied spec.predictors[0].graph.name "other" is the name of no container: the operator's webhook refuses it -> clf`,
		"duplicate-predictor": `denied spec.predictors[1].name "main" is the name of two predictors: the operator's webhook refuses it -> `,
		"mixed-transport":     `denied spec.transport "rest" differs from the type of the graph's endpoints: the operator's webhook refuses it -> spec.transport alone, without endpoint.type`,
		"negative-replicas":   `spec.replicas is negative: the API server refuses it -> `,
		"no-engine-two-nodes": `denied spec.predictors[0].annotations[seldon.io/no-engine] allows only one unit in the graph, whatever its value: the operator's webhook refuses it -> `,
		"no-model-uri":        `denied spec.predictors[0].graph.modelUri is missing, which SKLEARN_SERVER needs: the operator's webhook refuses it -> `,
		"no-predictors":       `denied spec.predictors is empty: the operator's webhook refuses it -> `,
		"only-shadow":         `denied spec.predictors[0].shadow leaves no predictor that answers: the operator's webhook refuses it -> `,
		"traffic-90":          `denied spec.predictors share out 90 of 100 by their traffic: the operator's webhook refuses it -> `,
		"traffic-as-string":   `spec.predictors[0].traffic is the string "100", but must be a whole number: the API server refuses it -> 100, without quotes`,
		"unknown-server":      "",
	}
	files, err := filepath.Glob(filepath.Join(recordings, "refused", "*.yaml"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d refused manifests, want %d (%v)", len(files), len(want), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range New().Mistakes(object(t, string(text))) {
			if m.Severity != engine.Problem {
				continue
			}
			line := m.Path + " " + m.Text + " -> " + m.Meant
			if m.Denied {
				line = "denied " + line
			}
			got = append(got, line)
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); strings.Join(got, "; ") != want[name] {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
	}
}

// What works all the same is a warning, what does not is a problem.
func TestMistakesAreWeighed(t *testing.T) {
	for sets, want := range map[string]engine.Severity{
		"p.graph = {name: one, type: model}":                           engine.Problem,
		"p.graph = {name: one}":                                        engine.Warning,
		"p.graph.endpoint = {type: rest}":                              engine.Warning,
		"p.graph.endpoint = {type: grpc}":                              engine.Problem,
		"p.explainer = {replicas: 1}":                                  engine.Problem,
		"p.engineResources = {limits: {}}":                             engine.Warning,
		"p.svcOrchSpec = {replicas: 2}":                                engine.Warning,
		"spec.oauth_key = x":                                           engine.Warning,
		"p.componentSpecs = [{spec: {containers: [{name: one}]}}, {}]": engine.Problem,
		"p.unheardOf = 1":                                              engine.Problem,
		"p.traffic = half":                                             engine.Problem,
		"p.annotations = {seldon.io/no-engine: 'false'}":               engine.Warning,
	} {
		got := New().Mistakes(with(t, plain, sets))
		if len(got) != 1 || got[0].Severity != want {
			t.Errorf("%s: %+v, want one %s", sets, got, want)
		}
	}
}

func TestRecordedManifestsAreWithoutMistakes(t *testing.T) {
	want := map[string]int{
		"24-misplaced-fields":     5,                            // what its name says
		"26-one-predictor-parked": 1,                            // traffic 0
		"15-hpa":                  1, "29-keda-without-keda": 1, // predictors[].replicas beside an autoscaler
		"25-graph-without-type": 1,
	}
	for _, r := range recorded(t) {
		if got := New().Mistakes(r.manifest); len(got) != want[r.name] {
			t.Errorf("%s: %v", r.name, got)
		}
	}
}
