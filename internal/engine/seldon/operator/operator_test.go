package operator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/engine/seldon/operator"
)

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		reason, text string
		want         engine.Operator
	}{
		{"as installed", `{template: {spec: {containers: [{name: manager, image: "docker.io/seldonio/seldon-core-operator:1.17.1", env: [{name: CONTROLLER_ID, value: ""}, {name: WATCH_NAMESPACE, value: ""}], args: ["--enable-leader-election", ""]}]}}}`, engine.Operator{Version: "1.17.1"}},
		{"the manager beside a proxy", `{template: {spec: {containers: [{name: proxy, image: "proxy:3"}, {name: manager, image: "host:5000/operator:v1.15.0"}]}}}`, engine.Operator{Version: "1.15.0"}},
		{"by digest", `{template: {spec: {containers: [{name: manager, image: "operator@sha256:00"}]}}}`, engine.Operator{Version: "1.16.0"}},
		{"for one namespace", `{template: {spec: {containers: [{image: "o:1.17.1", args: ["--namespace=models"]}]}}}`, engine.Operator{Version: "1.17.1", Namespace: "models"}},
		{"the same in two words", `{template: {spec: {containers: [{image: "o:1.17.1", args: ["--namespace", models]}]}}}`, engine.Operator{Version: "1.17.1", Namespace: "models"}},
		{"the same by environment", `{template: {spec: {containers: [{image: "o:1.17.1", env: [{name: WATCH_NAMESPACE, value: models}]}]}}}`, engine.Operator{Version: "1.17.1", Namespace: "models"}},
		{"with an id", `{template: {spec: {containers: [{image: "o:1.17.1", env: [{name: CONTROLLER_ID, value: team}]}]}}}`, engine.Operator{Version: "1.17.1", ID: "team"}},
		{"too old", `{template: {spec: {containers: [{image: "o:1.4.0"}]}}}`, engine.Operator{Version: "1.4.0", Outdated: "before 1.5.1 the operator makes children again while they are being deleted"}},
		{"nothing in it", `{}`, engine.Operator{Version: "1.16.0"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var d appsv1.Deployment
			d.Labels = map[string]string{"app.kubernetes.io/version": "1.16.0"}
			if err := yaml.Unmarshal([]byte(tc.text), &d.Spec); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, operator.Of(&d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServes(t *testing.T) {
	for _, tc := range []struct {
		reason                     string
		operator                   engine.Operator
		namespace, choice, objects string
		want                       bool
	}{
		{"one for all", engine.Operator{}, "models", "", "", true},
		{"not a namespace that is set apart", engine.Operator{}, "models", "team", "", false},
		{"not an object that is set apart", engine.Operator{}, "models", "", "team", false},
		{"one by its id", engine.Operator{ID: "team"}, "models", "", "team", true},
		{"only by its id", engine.Operator{ID: "team"}, "models", "", "", false},
		{"one for a namespace", engine.Operator{Namespace: "models"}, "models", "models", "", true},
		{"whatever its label", engine.Operator{Namespace: "models"}, "models", "", "", true},
		{"and no other", engine.Operator{Namespace: "models"}, "others", "", "", false},
	} {
		if got := tc.operator.Serves(tc.namespace, tc.choice, tc.objects); got != tc.want {
			t.Errorf("%s: %t", tc.reason, got)
		}
	}
}

const scene = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  annotations: {seldon.io/engine-separate-pod: "true"}
  predictors:
  - name: a
    replicas: 3
    graph: {name: clf, implementation: SKLEARN_SERVER, modelUri: gs://x, children: [{name: own, type: MODEL}]}
    svcOrchSpec: {replicas: 2, resources: {requests: {cpu: 50m}}}
    explainer: {type: AnchorTabular, modelUri: gs://y, containerSpec: {name: exp, resources: {limits: {cpu: 700m}}}}
    componentSpecs:
    - spec:
        priorityClassName: high
        initContainers: [{name: warm, resources: {requests: {cpu: 2}}}]
        containers:
        - {name: own, image: x, resources: {requests: {cpu: 300m, memory: 1Gi}}}
  - name: b
    graph: {name: one, type: MODEL}
    componentSpecs:
    - hpaSpec: {minReplicas: 2, maxReplicas: 9}
      spec: {containers: [{name: one}]}
`

func TestPods(t *testing.T) {
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(scene), &o.Object); err != nil {
		t.Fatal(err)
	}
	pods, err := seldon.New().Pods(&o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range pods {
		words := []string{p.Workload, strings.Repeat("x", int(p.Fewest)) + "/" + strings.Repeat("x", int(p.Most))}
		for _, c := range p.Spec.InitContainers {
			words = append(words, "("+c.Name+says(c)+")")
		}
		for _, c := range p.Spec.Containers {
			words = append(words, c.Name+says(c))
		}
		got = append(got, strings.Join(append(words, p.Spec.PriorityClassName), " "))
	}
	want := []string{
		"m-a-0-own-clf xxx/xxx (warm 2/0) (clf-model-initializer 100m/1) own 300m/0 clf 0/0 high",
		"m-a-svc-orch xx/xx seldon-container-engine 50m/0 ",
		"m-a-explainer x/x (exp-model-initializer 100m/1) exp 0/700m ",
		"m-b-0-one xx/xxxxxxxxx one 0/0 ",
		"m-b-svc-orch x/x seldon-container-engine 500m/500m ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func says(c corev1.Container) string {
	requests, limits := c.Resources.Requests[corev1.ResourceCPU], c.Resources.Limits[corev1.ResourceCPU]
	return " " + requests.String() + "/" + limits.String()
}

func TestImageVersion(t *testing.T) {
	for image, want := range map[string]string{
		"seldonio/seldon-core-operator:1.17.1": "1.17.1", "host:5000/o": "", "host:5000/o:v2": "2", "o@sha256:aa": "", "o:1.2@sha256:aa": "1.2", "": "",
	} {
		if got := engine.ImageVersion(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}
