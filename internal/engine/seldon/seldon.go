// Package seldon is the engine for Seldon Core v1's SeldonDeployment: which Deployments and Services
// its spec implies, with how many replicas, how it is scaled, what its status says, and which of a
// spec's changes have reached the Deployments.
//
// What it knows of the operator is held to recordings of the real one (testdata/recorded). It only
// computes from the objects it is given: it never talks to a cluster, reads a clock or logs.
package seldon

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon/operator"
)

// Names that the operator fixes.
const (
	group           = "machinelearning.seldon.io"
	idLabel         = "seldon-deployment-id"
	appLabel        = "seldon-app"
	engineContainer = "seldon-container-engine"
	tfContainer     = "tfserving"

	separateEngine = "seldon.io/engine-separate-pod" // read from spec.annotations only
	noEngine       = "seldon.io/no-engine"           // read from predictors[].annotations only
	serviceName    = "seldon.io/svc-name"            // read from predictors[].annotations only
)

// Engine knows SeldonDeployments. The zero value is ready to use.
type Engine struct{}

var (
	_ engine.Engine   = Engine{}
	_ engine.Operated = Engine{}
)

// New returns the engine.
func New() Engine { return Engine{} }

// Identity names the custom resource. v1alpha2 and v1alpha3 have the same schema as v1, so that
// their manifests are taken as they are.
func (Engine) Identity() engine.Identity {
	return engine.Identity{
		Kind:     "SeldonDeployment",
		Resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: "seldondeployments"},
		Versions: []string{"v1", "v1alpha3", "v1alpha2"},
		Label:    idLabel,
		Chooses:  "seldon.io/controller-id",
		Operator: "Seldon Core operator",
		Noisy: map[string]string{
			"Updated":      "",                             // at the end of every reconcile
			"UpdateFailed": "the object has been modified", // a lost race that the operator repeats
		},
	}
}

// Implied returns the workloads and services that the spec asks the operator to make.
func (Engine) Implied(root *unstructured.Unstructured) (engine.Implied, error) {
	d, err := decode(root)
	if err != nil {
		return engine.Implied{}, err
	}
	parts := d.parts()
	implied := engine.Implied{Services: d.services()}
	for _, p := range parts {
		implied.Workloads = append(implied.Workloads, p.Workload)
		implied.WantsHPA = implied.WantsHPA || p.wantsHPA
		implied.WantsPDB = implied.WantsPDB || p.wantsPDB
	}
	return implied, nil
}

// Selector finds the operator's Deployments.
func (Engine) Selector() string { return operator.Selector }

// OperatorOf reads an operator's Deployment.
func (Engine) OperatorOf(d *appsv1.Deployment) engine.Operator { return operator.Of(d) }

// Probe returns an object that the operator's webhook must refuse, and words of the refusal.
func (e Engine) Probe(namespace string) (o *unstructured.Unstructured, refusal string) {
	id := e.Identity()
	return operator.Probe(id.Resource.GroupVersion().String(), id.Kind, namespace)
}

// Pods returns the pods that the spec asks for.
func (e Engine) Pods(root *unstructured.Unstructured) ([]engine.Pods, error) {
	implied, err := e.Implied(root)
	if err != nil {
		return nil, err
	}
	return operator.Pods(root, implied.Workloads), nil
}
