package check

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// fake is a cluster whose answers are given. The zero value has nothing and allows all.
type fake struct {
	version                                    string
	versionErr, servedErr, operatorsErr, nsErr error
	served                                     []string
	operators                                  []appsv1.Deployment
	namespace                                  *corev1.Namespace
	quotas                                     []corev1.ResourceQuota
	quotasErr                                  error
	ranges                                     []corev1.LimitRange
	denied                                     map[string]bool // "verb resource"
	probeErr                                   error
	tryErr                                     error
	warnings                                   []string
	asked                                      int
}

var _ Cluster = (*fake)(nil)

func (f *fake) Version(context.Context) (string, error) { return f.version, f.versionErr }

func (f *fake) Served(context.Context, schema.GroupVersionResource) ([]string, error) {
	f.asked++
	return f.served, f.servedErr
}

func (f *fake) May(_ context.Context, acts []authorizationv1.ResourceAttributes) ([]bool, error) {
	allowed := make([]bool, len(acts))
	for i, act := range acts {
		allowed[i] = !f.denied[strings.TrimSuffix(act.Verb+" "+act.Resource+"/"+act.Subresource, "/")]
	}
	return allowed, nil
}

func (f *fake) Namespace(context.Context, string) (*corev1.Namespace, error) {
	return f.namespace, f.nsErr
}

func (f *fake) Deployments(context.Context, string) ([]appsv1.Deployment, error) {
	return f.operators, f.operatorsErr
}

func (f *fake) Quotas(context.Context, string) ([]corev1.ResourceQuota, error) {
	return f.quotas, f.quotasErr
}

func (f *fake) Ranges(context.Context, string) ([]corev1.LimitRange, error) { return f.ranges, nil }

func (f *fake) Create(_ context.Context, _ schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error) {
	if !how.DryRun {
		return engine.Answer{}, errors.New("this would have been written")
	}
	if o.GetName() == "seldonctl-check" {
		return engine.Answer{}, f.probeErr
	}
	return engine.Answer{Object: o, Warnings: f.warnings}, f.tryErr
}

// good is a cluster on which nothing is wrong.
func good() *fake {
	return &fake{
		version: "v1.29.3", served: []string{"v1", "v1alpha3", "v1alpha2"},
		operators: []appsv1.Deployment{operator("seldon-system", "", "")},
		namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "models"}},
		probeErr:  errors.New(`admission webhook "v1.vseldondeployment.kb.io" denied the request: SeldonDeployment.machinelearing.seldon.io "" is invalid: spec: Invalid value: "": Graph contains no predictors`),
	}
}

func operator(namespace, only, id string) appsv1.Deployment {
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "seldon-controller-manager", Namespace: namespace}}
	d.Status.ReadyReplicas = 1
	d.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: "manager", Image: "operator:1.17.1", Args: []string{"--namespace=" + only}, Env: []corev1.EnvVar{{Name: "CONTROLLER_ID", Value: id}},
	}}
	return d
}

func forbidden(what string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden, Message: what + ` is forbidden: User "me" cannot list resource`}}
}

func manifestOf(t *testing.T, text string) Manifest {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return Manifest{Object: &o, Lines: func(path string) (string, bool) { return "model.yaml:" + "7", path != "" }}
}

const model = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: model}
spec:
  predictors:
  - name: main
    graph: {name: clf, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: clf, image: x, resources: {requests: {cpu: 500m}}}]}
`

// told returns what a check says about some of the parts, one line for each finding.
func told(found []Finding, about ...string) []string {
	var lines []string
	for _, f := range found {
		for _, part := range about {
			if f.About == part {
				line := string(f.Severity) + " " + strings.TrimPrefix(f.Place+": ", ": ") + f.Text
				if f.Remedy != "" {
					line += " -> " + f.Remedy
				}
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// On a good cluster nothing is wrong, with a manifest and without.
func TestNothingIsWrong(t *testing.T) {
	for _, manifests := range [][]Manifest{nil, {manifestOf(t, model)}} {
		found, reason := Run(t.Context(), good(), Request{Engine: seldon.New(), Namespace: "models", Manifests: manifests})
		for _, f := range found {
			if f.Severity != engine.Fine {
				t.Errorf("%+v", f)
			}
		}
		if reason != ops.Reached || len(found) < 8 {
			t.Errorf("%s with %d findings", reason, len(found))
		}
	}
}

func TestCluster(t *testing.T) {
	webhookDown := errors.New(`Internal error occurred: failed calling webhook "v1.vseldondeployment.kb.io": no endpoints available for service "seldon-webhook-service"`)
	for _, tc := range []struct {
		reason string
		change func(f *fake)
		about  string
		want   []string
		code   ops.Reason
	}{
		{"the API server is away", func(f *fake) { f.versionErr = context.DeadlineExceeded }, APIServer, []string{
			"problem cannot reach the API server: it did not answer in time -> check the server address of the kubeconfig, and that the cluster runs",
		}, ops.Unusable},
		{"nobody knows me", func(f *fake) { f.versionErr = apierrors.NewUnauthorized("who are you") }, APIServer, []string{
			"problem the API server does not accept the credentials: who are you -> log in again, or choose another --context",
		}, ops.Denied},
		{"the version is secret", func(f *fake) { f.versionErr = forbidden("version") }, APIServer, []string{
			`warning cannot tell its version, but it answers: version is forbidden: User "me" cannot list resource`,
		}, ops.Reached},
		{"an old one", func(f *fake) { f.version = "v1.16.2" }, APIServer, []string{"warning it answers, but Kubernetes v1.16.2 is older than 1.17.0, the oldest that seldonctl is written for"}, ops.Reached},
		{"not installed", func(f *fake) { f.served = nil }, Kind, []string{
			"problem Seldon Core is not installed here: the API server does not know seldondeployments.machinelearning.seldon.io -> install Seldon Core, or choose another --context, or try --local",
		}, ops.Unusable},
		{"an ancient kind", func(f *fake) { f.served = []string{"v1alpha2"} }, Kind, []string{
			"problem seldondeployments.machinelearning.seldon.io is served as v1alpha2, but not as v1 -> install Seldon Core, or choose another --context, or try --local",
		}, ops.Unusable},
		{"discovery is closed", func(f *fake) { f.servedErr = forbidden("apis") }, Kind, []string{
			`warning cannot tell whether seldondeployments.machinelearning.seldon.io is served: apis is forbidden: User "me" cannot list resource`,
		}, ops.Reached},
		{"the webhook is down", func(f *fake) { f.probeErr = webhookDown }, Webhook, []string{
			"problem the admission webhook cannot be reached, so nothing can be created: " + webhookDown.Error() + " -> check that the Seldon Core operator is running: kubectl get pods -A | grep seldon",
		}, ops.Unusable},
		{"no webhook", func(f *fake) { f.probeErr = nil }, Webhook, []string{
			"warning no admission webhook looks at what is created in namespace models: a manifest's mistakes show only later -> kubectl get validatingwebhookconfigurations, and look at their namespaceSelector",
		}, ops.Reached},
		{"another policy refuses first", func(f *fake) {
			f.probeErr = errors.New(`admission webhook "policy" denied the request: no`)
		}, Webhook, []string{`warning cannot tell whether the operator's admission webhook answers: admission webhook "policy" denied the request: no`}, ops.Reached},
		{"no namespace", func(f *fake) {
			f.nsErr = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "models")
		}, Namespace, []string{"problem namespace models does not exist -> kubectl create namespace models"}, ops.Invalid},
		{"no namespace, seen in the dry run", func(f *fake) {
			f.nsErr, f.probeErr = forbidden("namespaces"), apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "models")
		}, Namespace, []string{"problem namespace models does not exist -> kubectl create namespace models"}, ops.Invalid},
		{"a dying namespace", func(f *fake) { f.namespace.Status.Phase = corev1.NamespaceTerminating }, Namespace, []string{
			"problem namespace models is being deleted: nothing can be created in it -> wait until it is gone and make it anew, or choose another one with -n",
		}, ops.Unusable},
		{"an unknown namespace", func(f *fake) { f.nsErr = forbidden("namespaces") }, Namespace, []string{
			`warning cannot tell whether namespace models is as it must be: namespaces is forbidden: User "me" cannot list resource`,
		}, ops.Reached},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			f := good()
			tc.change(f)
			found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models"})
			if diff := cmp.Diff(tc.want, told(found, tc.about)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if reason != tc.code {
				t.Errorf("it ends with %s, want %s: %+v", reason, tc.code, found)
			}
		})
	}
}

// Where the API server cannot be reached it is asked nothing more, and the manifest is looked at all the same.
func TestUnreachable(t *testing.T) {
	f := good()
	f.versionErr = context.DeadlineExceeded
	m := manifestOf(t, strings.Replace(model, "MODEL", "model", 1))
	found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models", Manifests: []Manifest{m}})
	if f.asked > 0 || len(found) != 2 || found[0].About != APIServer || found[1].About != File || reason != ops.Unusable {
		t.Errorf("asked %d times more, %s: %+v", f.asked, reason, found)
	}
}

func TestOperators(t *testing.T) {
	const here = "seldon-system/seldon-controller-manager 1.17.1"
	labelled := func(f *fake) { f.namespace.Labels = map[string]string{"seldon.io/controller-id": "team"} }
	for _, tc := range []struct {
		reason string
		change func(f *fake)
		label  string // of the manifest
		want   []string
		code   ops.Reason
	}{
		{"one for all", func(*fake) {}, "", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id", "ok " + here + " serves namespace models",
		}, ops.Reached},
		{"scaled to nothing", func(f *fake) {
			none := int32(0)
			f.operators[0].Spec.Replicas, f.operators[0].Status.ReadyReplicas = &none, 0
		}, "", []string{
			"problem " + here + " is scaled to 0: nothing acts on what is created -> kubectl scale deployment seldon-controller-manager -n seldon-system --replicas=1",
			"ok " + here + " serves namespace models",
		}, ops.Unusable},
		{"crashing", func(f *fake) { f.operators[0].Status.ReadyReplicas = 0 }, "", []string{
			"problem " + here + " is not ready (0 of 1): nothing acts on what is created -> kubectl describe deployment seldon-controller-manager -n seldon-system, and look at its pods",
			"ok " + here + " serves namespace models",
		}, ops.Unusable},
		{"another one is crashing", func(f *fake) {
			f.operators = append(f.operators, operator("other", "other", ""))
			f.operators[1].Status.ReadyReplicas = 0
		}, "", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"warning other/seldon-controller-manager 1.17.1 is not ready (0 of 1): nothing acts on what is created -> kubectl describe deployment seldon-controller-manager -n other, and look at its pods",
			"ok " + here + " serves namespace models",
		}, ops.Reached},
		{"the namespace is set apart", labelled, "", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"problem no operator serves namespace models, so nothing acts on what is created there: it is labelled seldon.io/controller-id=team, and those that serve all namespaces leave such ones alone -> install an operator for it, or take the label away: kubectl label namespace models seldon.io/controller-id-",
		}, ops.Unusable},
		{"the object is set apart", func(*fake) {}, "team", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"problem no operator serves objects labelled seldon.io/controller-id=team in namespace models, so nothing acts on what is created there: none has that id -> correct the label, or leave it out",
		}, ops.Unusable},
		{"for those that choose it", func(f *fake) { f.operators[0] = operator("seldon-system", "", "team") }, "team", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id, there objects labelled seldon.io/controller-id=team",
			"ok " + here + " serves objects labelled seldon.io/controller-id=team in namespace models",
		}, ops.Reached},
		{"an operator elsewhere", func(f *fake) { f.operators = []appsv1.Deployment{operator("other", "other", "")} }, "", []string{
			"ok other/seldon-controller-manager 1.17.1 is ready (1 of 1); it serves namespace other",
			"problem no operator serves namespace models, so nothing acts on what is created there: there are only other/seldon-controller-manager 1.17.1 -> choose a namespace that one of them serves, or label the object for it with seldon.io/controller-id",
		}, ops.Unusable},
		{"two of them", func(f *fake) { f.operators = append(f.operators, operator("models", "models", "")) }, "", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"ok models/seldon-controller-manager 1.17.1 is ready (1 of 1); it serves namespace models",
			"warning 2 operators serve namespace models and will fight: " + here + ", models/seldon-controller-manager 1.17.1 -> give each another CONTROLLER_ID or namespace",
		}, ops.Reached},
		{"the namespace's labels are unknown", func(f *fake) { f.namespace, f.nsErr = nil, forbidden("namespaces") }, "", []string{
			"ok " + here + " is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"warning " + here + " serves namespace models unless the namespace is labelled seldon.io/controller-id, which cannot be told",
		}, ops.Reached},
		{"operators are unknown", func(f *fake) { f.operatorsErr = forbidden("deployments"); labelled(f) }, "", []string{
			`warning cannot tell whether the Seldon Core operator is well, its version, and whether it serves this namespace: deployments is forbidden: User "me" cannot list resource`,
			"warning namespace models is labelled seldon.io/controller-id=team: an operator that serves all namespaces leaves it alone, and whether another one serves it cannot be told -> if nothing happens there: kubectl label namespace models seldon.io/controller-id-",
		}, ops.Reached},
		{"none, but a webhook", func(f *fake) { f.operators = nil }, "", []string{
			"warning cannot tell the version of the Seldon Core operator or whether it is well: its webhook answers, but no Deployment is labelled control-plane=seldon-controller-manager",
		}, ops.Reached},
		{"none at all", func(f *fake) { f.operators, f.probeErr = nil, nil }, "", []string{
			"problem no Seldon Core operator was found: no Deployment is labelled control-plane=seldon-controller-manager -> install Seldon Core, or start its operator again",
		}, ops.Unusable},
		{"none to be seen, and no way to try", func(f *fake) { f.operators, f.probeErr = nil, forbidden("seldondeployments") }, "", []string{
			"warning cannot tell whether the Seldon Core operator is there: no Deployment is labelled control-plane=seldon-controller-manager",
		}, ops.Reached},
		{"an old one", func(f *fake) { f.operators[0].Spec.Template.Spec.Containers[0].Image = "operator:1.5.0" }, "", []string{
			"ok seldon-system/seldon-controller-manager 1.5.0 is ready (1 of 1); it serves all namespaces that are not labelled seldon.io/controller-id",
			"warning seldon-system/seldon-controller-manager 1.5.0 is outdated: before 1.5.1 the operator makes children again while they are being deleted -> upgrade Seldon Core",
			"ok seldon-system/seldon-controller-manager 1.5.0 serves namespace models",
		}, ops.Reached},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			f := good()
			tc.change(f)
			req := Request{Engine: seldon.New(), Namespace: "models"}
			if tc.label != "" {
				m := manifestOf(t, model)
				m.Object.SetLabels(map[string]string{"seldon.io/controller-id": tc.label})
				req.Manifests = []Manifest{m}
			}
			found, reason := Run(t.Context(), f, req)
			if diff := cmp.Diff(tc.want, told(found, Operator)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if reason != tc.code {
				t.Errorf("it ends with %s, want %s: %+v", reason, tc.code, found)
			}
		})
	}
	found, _ := Run(t.Context(), &fake{version: "v1.36.3", served: []string{"v1"}, namespace: good().namespace}, Request{Engine: seldon.New(), Namespace: "models", Simulated: true})
	if got := told(found, Operator); len(got) != 1 || !strings.HasPrefix(got[0], "ok the embedded cluster has a stand-in") {
		t.Errorf("on the embedded cluster: %q", got)
	}
}

func TestPermissions(t *testing.T) {
	f := good()
	f.denied = map[string]bool{"delete seldondeployments": true, "list pods": true, "get pods/log": true}
	found, reason := Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models"})
	want := []string{
		"ok needed and given: get, list, watch, create, patch seldondeployments.machinelearning.seldon.io; list, watch deployments.apps",
		"ok optional and given: list, watch replicasets.apps; list, watch services; list, watch events",
		"problem not allowed in namespace models: delete seldondeployments.machinelearning.seldon.io; without it run and delete cannot delete anything -> ask for a Role with it, or choose another --context",
		"warning not allowed in namespace models: list pods; without it which pod is stuck, and why, stays unknown -> ask for a Role with it, or choose another --context",
		"warning not allowed in namespace models: get pods/log; without it the last lines of a failing container's log are not shown -> ask for a Role with it, or choose another --context",
	}
	if diff := cmp.Diff(want, told(found, Permissions)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if reason != ops.Denied {
		t.Errorf("it ends with %s", reason)
	}
	autoscaled := manifestOf(t, strings.Replace(model, "- spec:", "- hpaSpec: {maxReplicas: 2}\n      pdbSpec: {minAvailable: 1}\n      spec:", 1))
	f.denied = map[string]bool{"list horizontalpodautoscalers": true, "watch poddisruptionbudgets": true}
	found, reason = Run(t.Context(), f, Request{Engine: seldon.New(), Namespace: "models", Manifests: []Manifest{autoscaled}})
	if got := told(found, Permissions); len(got) != 4 || reason != ops.Reached {
		t.Errorf("autoscalers and budgets matter where there are some: %s, %q", reason, got)
	}
}
