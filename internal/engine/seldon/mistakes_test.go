package seldon

import (
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
		"child":     {"anywhere in the graph", []string{"p.graph = {name: one, type: MODEL, children: [{name: b, type: output-transformer}]}"}, []string{p + `.graph.children[0].type "output-transformer" is no type: the unit is never called and its input is handed on -> OUTPUT_TRANSFORMER`}},
		"no type":   {"has a default", []string{"p.graph = {name: one}"}, []string{p + ".graph.type is missing: the unit counts as a MODEL -> MODEL"}},
		"server":    {"needs no type", []string{"p.graph = {name: one, implementation: SKLEARN_SERVER}"}, nil},
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
			[]string{"spec.predictors = [{name: a, traffic: 100, graph: {name: one, type: MODEL}}, {name: b, graph: {name: one, type: MODEL}}]"},
			[]string{"spec.predictors[1].traffic is 0, which the operator leaves out of Ambassador's v1 mappings: there the predictor gets an equal share -> "},
		},
		"a shadow": {
			"has no share",
			[]string{"spec.predictors = [{name: a, traffic: 100, graph: {name: one, type: MODEL}}, {name: b, shadow: true, graph: {name: one, type: MODEL}}]"},
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
