package check

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// The model asks for 500m of its own, and as much again for the orchestrator that the operator puts beside it.
func TestQuota(t *testing.T) {
	four := int32(4)
	const remedy = " -> ask for less (resources, replicas), or have the quota raised"
	for _, tc := range []struct {
		reason, quota, ranges string
		model                 func(string) string
		replicas              *int32
		exists                bool
		want                  []string
		code                  ops.Reason
	}{
		{reason: "none", want: []string{"ok no ResourceQuota limits namespace models"}},
		{reason: "room", quota: `{hard: {pods: "10", requests.cpu: "4"}, used: {pods: "3", requests.cpu: "1"}}`, want: []string{
			"ok ResourceQuota small has room: 7 of 10 pods, 3 of 4 requests.cpu left",
		}},
		{reason: "too few pods", quota: `{hard: {pods: "5"}, used: {pods: "2"}}`, replicas: &four, want: []string{
			"problem ResourceQuota small leaves 3 of 5 pods; asked for: 4" + remedy,
		}, code: ops.Invalid},
		{reason: "too little cpu for four", quota: `{hard: {cpu: "4"}, used: {cpu: 500m}}`, replicas: &four, want: []string{
			"problem ResourceQuota small leaves 3500m of 4 cpu; asked for: 4" + remedy,
		}, code: ops.Invalid},
		{reason: "what exists already is counted as used", quota: `{hard: {pods: "1"}, used: {pods: "1"}}`, exists: true, want: []string{
			"ok ResourceQuota small has room: 0 of 1 pods left",
		}},
		{reason: "a container says nothing", quota: `{hard: {requests.memory: 10Gi}, used: {requests.memory: "0"}}`, want: []string{
			"problem ResourceQuota small limits requests.memory, so that every container must say it, but clf of model-main-0-clf does not: its pods are refused -> give the container resources, or the namespace a LimitRange with defaults",
		}, code: ops.Invalid},
		{reason: "a default says it for the container", quota: `{hard: {requests.memory: 10Gi}, used: {requests.memory: "0"}}`, ranges: `[{type: Container, defaultRequest: {memory: 1Gi}}]`, want: []string{
			"ok ResourceQuota small has room: 10Gi of 10Gi requests.memory left",
		}},
		{reason: "a default is counted", quota: `{hard: {requests.memory: 1Gi}, used: {requests.memory: "0"}}`, ranges: `[{type: Container, default: {memory: 1Gi}, defaultRequest: {memory: 1Gi}}]`, want: []string{
			"problem ResourceQuota small leaves 1Gi of 1Gi requests.memory; asked for: 1536Mi" + remedy,
		}, code: ops.Invalid},
		{reason: "what limits also requests", model: func(s string) string { return strings.Replace(s, "requests: {cpu: 500m}", "limits: {cpu: 3}", 1) }, quota: `{hard: {requests.cpu: "3"}, used: {requests.cpu: "0"}}`, want: []string{
			"problem ResourceQuota small leaves 3 of 3 requests.cpu; asked for: 3500m" + remedy,
		}, code: ops.Invalid},
		{reason: "an autoscaler may need more", model: func(s string) string {
			return strings.Replace(s, "- spec:", "- hpaSpec: {minReplicas: 2, maxReplicas: 5}\n      spec:", 1)
		}, quota: `{hard: {pods: "3"}, used: {pods: "0"}}`, want: []string{
			"warning ResourceQuota small leaves 3 of 3 pods; asked for: up to 5, when autoscaled" + remedy,
		}},
		{reason: "other objects", quota: `{hard: {services: "1", count/deployments.apps: "9"}, used: {services: "0", count/deployments.apps: "0"}}`, want: []string{
			"problem ResourceQuota small leaves 1 of 1 services; asked for: 2" + remedy,
		}, code: ops.Invalid},
		{reason: "for other pods", quota: `{scopes: [BestEffort], hard: {pods: "0"}, used: {pods: "0"}}`, want: []string{"ok ResourceQuota small has room: 0 of 0 pods left"}},
		{reason: "for pods that end", quota: `{scopes: [Terminating], hard: {pods: "0"}, used: {pods: "0"}}`, want: []string{"ok ResourceQuota small has room: 0 of 0 pods left"}},
		{reason: "for these", quota: `{scopes: [NotTerminating, NotBestEffort], hard: {pods: "0"}, used: {pods: "0"}}`, want: []string{
			"problem ResourceQuota small leaves 0 of 0 pods; asked for: 1" + remedy,
		}, code: ops.Invalid},
		{reason: "for a priority", quota: `{scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [high]}]}, hard: {pods: "0"}, used: {pods: "0"}}`, want: []string{
			"warning cannot tell whether ResourceQuota small applies: its scopes depend on more than the manifest says",
		}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			f := good()
			if tc.quota != "" {
				q := corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "small"}}
				into(t, tc.quota, &q.Status)
				into(t, tc.quota, &q.Spec)
				f.quotas = []corev1.ResourceQuota{q}
			}
			if tc.ranges != "" {
				f.ranges = make([]corev1.LimitRange, 1)
				into(t, tc.ranges, &f.ranges[0].Spec.Limits)
			}
			if tc.exists {
				f.tryErr = apierrors.NewAlreadyExists(schema.GroupResource{}, "model")
			}
			text := model
			if tc.model != nil {
				text = tc.model(model)
			}
			found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models", Manifests: []Manifest{manifestOf(t, text)}, Replicas: tc.replicas})
			if diff := cmp.Diff(tc.want, told(found, Quota)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tc.code == "" {
				tc.code = ops.Reached
			}
			if reason != tc.code {
				t.Errorf("it ends with %s, want %s: %+v", reason, tc.code, found)
			}
		})
	}
}

// Without a manifest nothing but the number of pods is known; without a right to look there is no answer.
func TestQuotaWithoutManifest(t *testing.T) {
	f, four := good(), int32(4)
	q := corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "small"}}
	into(t, `{hard: {pods: "3", requests.cpu: "1"}, used: {pods: "0", requests.cpu: "0"}}`, &q.Status)
	f.quotas = []corev1.ResourceQuota{q}
	found, _ := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models", Replicas: &four})
	if got := told(found, Quota); len(got) != 1 || !strings.HasPrefix(got[0], "problem ResourceQuota small leaves 3 of 3 pods; asked for: 4") {
		t.Errorf("%q", got)
	}
	f.quotasErr = forbidden("resourcequotas")
	found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models"})
	if got := told(found, Quota); len(got) != 1 || !strings.HasPrefix(got[0], "warning cannot tell whether there is room: ") || reason != ops.Reached {
		t.Errorf("%s: %q", reason, got)
	}
}

// Containers run side by side, init containers before them and one after the other, sidecars all the time.
func TestAsksOf(t *testing.T) {
	var pod corev1.PodSpec
	into(t, `{
		initContainers: [
			{name: a, resources: {requests: {cpu: 2}}},
			{name: sidecar, restartPolicy: Always, resources: {requests: {cpu: 1}}},
			{name: b, resources: {requests: {cpu: 1500m}}}],
		containers: [{name: c, resources: {requests: {cpu: 1}}}],
		overhead: {cpu: 100m}}`, &pod)
	got := asksOf(pod, corev1.ResourceRequirements{}).requests[corev1.ResourceCPU]
	if got.String() != "2600m" { // the sidecar and b, and the overhead
		t.Errorf("it asks for %s", got.String())
	}
}

func TestManifest(t *testing.T) {
	invalid := func(text string, causes ...metav1.StatusCause) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity, Message: text, Details: &metav1.StatusDetails{Causes: causes},
		}}
	}
	refused := func(cause metav1.StatusCause) error { return invalid("it is invalid", cause) }
	misspelt := func(s string) string { return strings.Replace(s, "type: MODEL", "type: MODEL, childrn: 1", 1) }
	const misspeltLine = "problem model.yaml:7: spec.predictors[0].graph.childrn is unknown: the API server drops it, or refuses it where it is strict -> probably meant: children"
	for _, tc := range []struct {
		reason string
		model  func(string) string
		change func(f *fake)
		want   []string
		code   ops.Reason
	}{
		{"good", nil, func(*fake) {}, []string{"ok the API server and its admission webhooks would take SeldonDeployment/model"}, ops.Reached},
		{"there already", nil, func(f *fake) { f.tryErr = apierrors.NewAlreadyExists(schema.GroupResource{}, "model") }, []string{
			"ok the API server and its admission webhooks would take SeldonDeployment/model; it exists already, so that apply changes it and run refuses",
		}, ops.Reached},
		{"said once, though both find it", misspelt, func(f *fake) { f.warnings = []string{`unknown field "spec.predictors[0].graph.childrn"`} }, []string{
			misspeltLine, "ok the API server and its admission webhooks would take SeldonDeployment/model",
		}, ops.Invalid},
		{"a server that knows less", nil, func(f *fake) { f.warnings = []string{`unknown field "spec.predictors[0].ssl"`, "v1 is old"} }, []string{
			"warning the API server warns: v1 is old",
			`problem model.yaml:7: unknown field "spec.predictors[0].ssl": the API server drops it, or refuses it where it is strict`,
			"ok the API server and its admission webhooks would take SeldonDeployment/model",
		}, ops.Invalid},
		{"what works all the same", func(s string) string { return strings.Replace(s, "spec:", "spec:\n  oauth_key: x", 1) }, func(*fake) {}, []string{
			"warning model.yaml:7: spec.oauth_key is not used by any supported version",
			"ok the API server and its admission webhooks would take SeldonDeployment/model",
		}, ops.Reached},
		{"refused", nil, func(f *fake) {
			f.tryErr = refused(metav1.StatusCause{Field: "spec", Message: `Invalid value: "V2": Invalid protocol`})
		}, []string{`problem model.yaml:7: SeldonDeployment/model is refused: spec: Invalid value: "V2": Invalid protocol`}, ops.Invalid},
		{"refused for what is told already", misspelt, func(f *fake) {
			f.tryErr = refused(metav1.StatusCause{Field: "spec.predictors[0].graph.childrn", Message: "no"})
		}, []string{misspeltLine}, ops.Invalid},
		{"the webhook says it itself", func(s string) string { return strings.Replace(s, "spec:", "spec:\n  protocol: V2", 1) }, func(f *fake) {
			f.tryErr = invalid(`admission webhook "v1.vseldondeployment.kb.io" denied the request: it is invalid`, metav1.StatusCause{Field: "spec", Message: `Invalid value: "V2": Invalid protocol`})
		}, []string{`problem model.yaml:7: SeldonDeployment/model is refused: spec: Invalid value: "V2": Invalid protocol`}, ops.Invalid},
		{"the webhook was not asked", func(s string) string { return strings.Replace(s, "spec:", "spec:\n  protocol: V2", 1) }, func(f *fake) {
			f.tryErr = refused(metav1.StatusCause{Field: "metadata.labels", Message: "no"})
		}, []string{
			`problem model.yaml:7: spec.protocol "V2" is none of seldon, tensorflow, kfserving, v2: the operator's webhook refuses it -> probably meant: v2`,
			"problem model.yaml:7: SeldonDeployment/model is refused: metadata.labels: no",
		}, ops.Invalid},
		{"by no field", nil, func(f *fake) { f.tryErr = errors.New(`admission webhook "policy" denied the request: not today`) }, []string{
			"problem SeldonDeployment/model is refused: not today",
		}, ops.Invalid},
		{"not allowed to try", nil, func(f *fake) {
			f.tryErr = &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden, Message: `seldondeployments is forbidden: User "me" cannot create resource`}}
		}, []string{`warning cannot tell what the API server says to SeldonDeployment/model: seldondeployments is forbidden: User "me" cannot create resource`}, ops.Reached},
		{"an old webhook", nil, func(f *fake) {
			f.tryErr = apierrors.NewBadRequest(`admission webhook "x" does not support dry run`)
		}, []string{`warning cannot tell what the API server says to SeldonDeployment/model: admission webhook "x" does not support dry run`}, ops.Reached},
		{"nowhere to try", nil, func(f *fake) {
			f.tryErr = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "models")
		}, nil, ops.Reached},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			f := good()
			tc.change(f)
			text := model
			if tc.model != nil {
				text = tc.model(model)
			}
			found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models", Manifests: []Manifest{manifestOf(t, text)}})
			if diff := cmp.Diff(tc.want, told(found, File)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if reason != tc.code {
				t.Errorf("it ends with %s, want %s", reason, tc.code)
			}
		})
	}
}

func TestManyMistakes(t *testing.T) {
	m := manifestOf(t, model)
	for i := range 3 * engine.MostMistakes {
		m.Object.Object["x"+strings.Repeat("y", i)] = i
	}
	found, _ := Offline(Request{Engine: seldon.New(), Manifests: []Manifest{m}})
	if len(found) != engine.MostMistakes+1 || found[engine.MostMistakes].Text != "these are the first mistakes; there may be more" {
		t.Errorf("%d findings, the last one is %+v", len(found), found[len(found)-1])
	}
}

func TestOffline(t *testing.T) {
	found, reason := Offline(Request{Engine: seldon.New(), Manifests: []Manifest{manifestOf(t, model)}})
	if got := told(found, File); reason != ops.Reached || len(got) != 1 || !strings.HasPrefix(got[0], "ok nothing is wrong") {
		t.Errorf("%s: %q", reason, got)
	}
	found, reason = Offline(Request{Engine: seldon.New(), Manifests: []Manifest{manifestOf(t, strings.Replace(model, "MODEL", "model", 1))}})
	if got := told(found, File); reason != ops.Invalid || len(got) != 1 {
		t.Errorf("%s: %q", reason, got)
	}
}

func into(t *testing.T, text string, out any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "\t", " ")), out); err != nil {
		t.Fatal(err)
	}
}
