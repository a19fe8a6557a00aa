// Package spec reads a SeldonDeployment as the operator reads it: the fields that reconcile looks at, the names and labels of what they imply, and the graph's order.
//
// It knows nothing of live objects: no client, no clock, and it never changes what it was given.
package spec

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Group, Kind and Version of the objects; children always name the storage version as their owner's, whichever version was written.
const (
	Group   = "machinelearning.seldon.io"
	Version = "v1"
	Kind    = "SeldonDeployment"
)

// SeldonDeployment is the part of the object that a reconcile reads.
type SeldonDeployment struct {
	Name        string
	Namespace   string
	UID         types.UID
	Labels      map[string]string
	Annotations map[string]string
	Deleting    bool
	Spec        Spec
}

// Spec is spec.
type Spec struct {
	// Name is the deprecated spec.name, which the webhook still quotes instead of metadata.name.
	Name        string            `json:"name,omitempty"`
	Predictors  []Predictor       `json:"predictors,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Protocol    string            `json:"protocol,omitempty"`
	Transport   string            `json:"transport,omitempty"`
	ServerType  string            `json:"serverType,omitempty"`
	Replicas    *int32            `json:"replicas,omitempty"`
}

// Predictor is one of spec.predictors.
type Predictor struct {
	Name                    string            `json:"name"`
	Graph                   Unit              `json:"graph"`
	ComponentSpecs          []*Component      `json:"componentSpecs,omitempty"`
	Replicas                *int32            `json:"replicas,omitempty"`
	Annotations             map[string]string `json:"annotations,omitempty"`
	Labels                  map[string]string `json:"labels,omitempty"`
	SvcOrch                 Orchestrator      `json:"svcOrchSpec"`
	Traffic                 int32             `json:"traffic,omitempty"`
	Explainer               *Explainer        `json:"explainer,omitempty"`
	Shadow                  bool              `json:"shadow,omitempty"`
	ProgressDeadlineSeconds *int32            `json:"progressDeadlineSeconds,omitempty"`
	// Raw is the predictor with every field it has, for the engine's copy of it.
	Raw map[string]any `json:"-"`
}

// Orchestrator is predictors[].svcOrchSpec.
type Orchestrator struct {
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	Env       []corev1.EnvVar              `json:"env,omitempty"`
	Replicas  *int32                       `json:"replicas,omitempty"`
}

// Explainer is predictors[].explainer.
type Explainer struct {
	Type               string            `json:"type,omitempty"`
	ModelURI           string            `json:"modelUri,omitempty"`
	ServiceAccountName string            `json:"serviceAccountName,omitempty"`
	EnvSecretRefName   string            `json:"envSecretRefName,omitempty"`
	ContainerSpec      corev1.Container  `json:"containerSpec"`
	Config             map[string]string `json:"config,omitempty"`
	Replicas           *int32            `json:"replicas,omitempty"`
}

// Read decodes a SeldonDeployment.
func Read(u *unstructured.Unstructured) (*SeldonDeployment, error) {
	d := &SeldonDeployment{
		Name: u.GetName(), Namespace: u.GetNamespace(), UID: u.GetUID(),
		Labels: u.GetLabels(), Annotations: u.GetAnnotations(),
		Deleting: u.GetDeletionTimestamp() != nil,
	}
	raw, _, err := unstructured.NestedMap(u.Object, "spec")
	if err != nil {
		return nil, fmt.Errorf("read SeldonDeployment %s: %w", d.Name, err)
	}
	// The converter minds upper and lower case, as the API server does and encoding/json does not: graph.modelURI is not modelUri.
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &d.Spec); err != nil {
		return nil, fmt.Errorf("read SeldonDeployment %s: %w", d.Name, err)
	}
	list, _, _ := unstructured.NestedSlice(raw, "predictors")
	for i := range d.Spec.Predictors {
		d.Spec.Predictors[i].Raw, _ = list[i].(map[string]any)
	}
	return d, nil
}

// Protocol is the protocol in force; the check of its spelling is the webhook's.
func (d *SeldonDeployment) Protocol() string { return orElse(d.Spec.Protocol, "seldon") }

// Transport is the transport that the engine is told.
func (d *SeldonDeployment) Transport() string { return orElse(d.Spec.Transport, "rest") }

// ServerType is rpc or kafka.
func (d *SeldonDeployment) ServerType() string { return orElse(d.Spec.ServerType, "rpc") }

// IsV2 says whether the inference protocol V2 is spoken, under either of its names.
func (d *SeldonDeployment) IsV2() bool {
	return d.Protocol() == "v2" || d.Protocol() == "kfserving"
}

// SeparateEngine says whether the engine gets a Deployment of its own. Only spec.annotations counts: metadata.annotations, which the documentation names too, does not.
func (d *SeldonDeployment) SeparateEngine() bool {
	return d.Spec.Annotations["seldon.io/engine-separate-pod"] == "true"
}

// NoEngine says whether the predictor runs without an engine, for which the annotation's mere presence is enough.
func (p *Predictor) NoEngine() bool {
	_, there := p.Annotations["seldon.io/no-engine"]
	return there
}

// Replicas is the count for a component Deployment: nil where an autoscaler owns it (kedaSpec counts even if the operator runs without KEDA) or nobody says one.
func (d *SeldonDeployment) Replicas(p *Predictor, c *Component) *int32 {
	switch {
	case c.KEDA != nil, c.HPA != nil:
		return nil
	case c.Replicas != nil:
		return c.Replicas
	case p.Replicas != nil:
		return p.Replicas
	}
	return d.Spec.Replicas
}

// EngineReplicas is the count for a separate engine, which is never autoscaled.
func (d *SeldonDeployment) EngineReplicas(p *Predictor) *int32 {
	switch {
	case p.SvcOrch.Replicas != nil:
		return p.SvcOrch.Replicas
	case p.Replicas != nil:
		return p.Replicas
	}
	return d.Spec.Replicas
}

// ExplainerReplicas is the count for an explainer: zero with its predictor, else its own field; a count above zero elsewhere does not reach it.
func (d *SeldonDeployment) ExplainerReplicas(p *Predictor) *int32 {
	above := p.Replicas
	if above == nil {
		above = d.Spec.Replicas
	}
	if above != nil && *above == 0 {
		return above
	}
	return p.Explainer.Replicas
}

// Merged gives one map of several; a later one wins.
func Merged(layers ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, layer := range layers {
		maps.Copy(out, layer)
	}
	return out
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
