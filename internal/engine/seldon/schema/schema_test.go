package schema

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// An object is written as the parts of one predictor that a case is about.
const around = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - name: a
    graph: {name: one, type: MODEL}
`

func TestCheck(t *testing.T) {
	const (
		p, c    = "spec.predictors[0]", "spec.predictors[0].componentSpecs[0]"
		unknown = " is unknown: the API server drops it, or refuses it where it is strict"
	)
	component := func(text string) string { return "    componentSpecs:\n    - " + text + "\n" }
	for _, tc := range []struct {
		reason, text string
		want         []string // path and text -> meant
	}{
		{"a plain manifest", around, nil},
		{"null counts as not there", around + "    labels: null\n    explainer: null\n", nil},
		{"case counts", strings.Replace(around, "type: MODEL", "modelURI: x", 1), []string{p + ".graph.modelURI" + unknown + " -> modelUri"}},
		{"singular for plural", around + "    componentSpec: []\n", []string{p + ".componentSpec" + unknown + " -> componentSpecs"}},
		{"a level too high", around + "    hpaSpec: {maxReplicas: 2}\n", []string{p + ".hpaSpec" + unknown + " -> " + p + ".componentSpecs[].hpaSpec"}},
		{"at the top of the spec", around + "  progressDeadlineSeconds: 3\n", []string{"spec.progressDeadlineSeconds" + unknown + " -> spec.predictors[].progressDeadlineSeconds"}},
		{"at the top of all", around + "replicas: 3\n", []string{"replicas" + unknown + " -> spec.replicas"}},
		{"a level too deep", around + component("spec: {hpaSpec: {}, containers: []}"), []string{c + ".spec.hpaSpec" + unknown + " -> " + c + ".hpaSpec"}},
		{"replicas of a pod", around + component("spec: {replicas: 2, containers: []}"), []string{c + ".spec.replicas" + unknown + " -> " + c + ".replicas"}},
		{"containers of nothing", around + component("containers: []"), []string{c + ".containers" + unknown + " -> " + c + ".spec.containers"}},
		{"no such thing", around + component("strategy: {}"), []string{c + ".strategy" + unknown + "; the operator decides how a rollout goes -> "}},
		{"nobody can know", around + "    zebra: 1\n", []string{p + ".zebra" + unknown + " -> "}},
		{"behavior", around + component("hpaSpec: {maxReplicas: 2, behavior: {}}"), []string{c + ".hpaSpec.behavior" + unknown + "; hpaSpec cannot carry it, only kedaSpec.advanced.horizontalPodAutoscalerConfig.behavior can -> "}},
		{
			"new syntax in the old field", around + component("hpaSpec: {maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {}}}]}"),
			[]string{c + ".hpaSpec.metrics[0].resource.target" + unknown + " -> the same metric in hpaSpec.metricsv2, which has the syntax of autoscaling/v2"},
		},
		{"new syntax in the new field", around + component("hpaSpec: {maxReplicas: 2, metricsv2: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 3}}}]}"), nil},
		{"KEDA's own words", around + component("kedaSpec: {minReplicas: 1, triggers: []}"), []string{c + ".kedaSpec.minReplicas" + unknown + " -> minReplicaCount"}},
		{"the samples' ports", strings.Replace(around, "type: MODEL", "endpoint: {http_port: 1, grpc_port: 2}", 1), []string{
			p + ".graph.endpoint.grpc_port" + unknown + " -> grpcPort", p + ".graph.endpoint.http_port" + unknown + " -> httpPort",
		}},
		{"replicas in the graph", strings.Replace(around, "type: MODEL", "replicas: 2", 1), []string{p + ".graph.replicas" + unknown + " -> the predictor's replicas"}},
		{"minReplicas without an autoscaler", around + "    minReplicas: 2\n", []string{p + ".minReplicas" + unknown + " -> " + p + ".componentSpecs[].hpaSpec.minReplicas"}},
		{"metadata of a component", around + component("metadata: {name: x, creator: me}"), []string{c + ".metadata.creator" + unknown + " -> "}},
		{"replicas of a container", around + component("spec: {containers: [{name: one, replicas: 2}]}"), []string{c + ".spec.containers[0].replicas" + unknown + " -> " + c + ".replicas"}},
		{"a number in quotes", around + "    traffic: \"50\"\n", []string{p + `.traffic is the string "50", but must be a whole number: the API server refuses it -> 50, without quotes`}},
		{"half a number", around + "    traffic: 0.5\n", []string{p + `.traffic is 0.5, but must be a whole number: the API server refuses it -> `}},
		{"a label without quotes", around + "    labels: {version: 1}\n", []string{p + `.labels[version] is 1, but must be a string: the API server refuses it -> "1"`}},
		{"an annotation without quotes", around + "    annotations: {seldon.io/no-engine: true}\n", []string{p + `.annotations[seldon.io/no-engine] is true, but must be a string: the API server refuses it -> "true"`}},
		{"metadata too", strings.Replace(around, "{name: m}", "{name: m, labels: {a: 1}}", 1), []string{`metadata.labels[a] is 1, but must be a string: the API server refuses it -> "1"`}},
		{"a parameter", strings.Replace(around, "type: MODEL", "parameters: [{name: a, value: 3}]", 1), []string{
			p + `.graph.parameters[0].value is 3, but must be a string: the API server refuses it -> "3"`, p + ".graph.parameters[0].type is missing: the API server refuses it -> ",
		}},
		{"an explainer's container", around + "    explainer: {type: a, containerSpec: {image: x}}\n", []string{p + ".explainer.containerSpec.name is missing: the API server refuses it -> "}},
		{"no containers", around + component("spec: {}"), []string{c + ".spec.containers is missing: the API server refuses it -> "}},
		{"no predictors", "apiVersion: v1\nkind: x\nmetadata: {}\nspec: {}", []string{"spec.predictors is missing: the API server refuses it -> "}},
		{"no spec is the webhook's business", "apiVersion: v1\nkind: x\nmetadata: {}\n", nil},
		{"a quantity", around + component(`spec: {containers: [{name: a, resources: {requests: {cpu: lots, memory: 1Gi}, limits: {cpu: 1}}}]}`), []string{
			c + `.spec.containers[0].resources.requests[cpu] is the string "lots", but must be a quantity, such as "500m" or "1Gi": the API server refuses it -> `,
		}},
		{"a list for an object", strings.Replace(around, "{name: one, type: MODEL}", "[]", 1), []string{p + ".graph is a list, but must be an object: the API server refuses it -> "}},
		{"a port of either form", around + component("spec: {containers: [{name: a, livenessProbe: {httpGet: {port: http}}}, {name: b, livenessProbe: {httpGet: {port: 80}}}]}"), nil},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var got []string
			for _, m := range Check(parsed(t, tc.text)) {
				got = append(got, m.Path+" "+m.Text+" -> "+m.Meant)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A graph that nests deeper than the API server keeps loses its end.
func TestCheckDeepGraph(t *testing.T) {
	graph := "{name: leaf}"
	for range levels + 1 {
		graph = "{name: node, children: [" + graph + "]}"
	}
	got := Check(parsed(t, strings.Replace(around, "{name: one, type: MODEL}", graph, 1)))
	want := "spec.predictors[0].graph" + strings.Repeat(".children[0]", levels) + ".children"
	if len(got) != 1 || got[0].Path != want || !strings.Contains(got[0].Text, "deeper than the 10 levels") {
		t.Errorf("got %+v, want one at %s", got, want)
	}
}

// However many mistakes there are, the list of them ends.
func TestCheckEnds(t *testing.T) {
	o := parsed(t, around)
	for i := range 500 {
		o.Object[strconv.Itoa(i)] = i
	}
	if got := Check(o); len(got) != engine.MostMistakes {
		t.Errorf("%d mistakes, want %d", len(got), engine.MostMistakes)
	}
}

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return &o
}
