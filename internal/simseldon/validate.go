package simseldon

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// deniedGroup is the group in the webhook's denials: the operator misspells its own.
const deniedGroup = "machinelearing.seldon.io"

// Validate is the validating webhook's answer to a create or an update: nil, or a StatusError of reason Invalid, worded as the real one, its misspelt group and its
// quoting of the deprecated spec.name instead of metadata.name included. It looks at what was written, before anything is filled in.
func Validate(root *unstructured.Unstructured) error {
	d, err := spec.Read(root)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	v := &validation{d: d}
	v.specFields()
	v.predictors()
	v.transports()
	v.traffic()
	if len(v.errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: deniedGroup, Kind: spec.Kind}, d.Spec.Name, v.errs)
}

// validation collects what is wrong with one SeldonDeployment.
type validation struct {
	d    *spec.SeldonDeployment
	errs field.ErrorList
}

func (v *validation) deny(path *field.Path, value, message string) {
	v.errs = append(v.errs, field.Invalid(path, value, message))
}

func root() *field.Path { return field.NewPath("spec") }

func (v *validation) specFields() {
	s := v.d.Spec
	if !slices.Contains([]string{"", "seldon", "tensorflow", "kfserving", "v2"}, s.Protocol) {
		v.deny(root(), s.Protocol, "Invalid protocol")
	}
	if !slices.Contains([]string{"", "rest", "grpc"}, s.Transport) {
		v.deny(root(), s.Transport, "Invalid transport")
	}
	if !slices.Contains([]string{"", "rpc", "kafka"}, s.ServerType) {
		v.deny(root(), s.ServerType, "Invalid serverType")
	}
	if len(s.Predictors) == 0 {
		v.deny(root(), s.Name, "Graph contains no predictors")
	}
}

func (v *validation) predictors() {
	names, services := map[string]bool{}, map[string]bool{}
	for i := range v.d.Spec.Predictors {
		p := &v.d.Spec.Predictors[i]
		at := root().Child("predictors").Index(i)
		if v.d.ServerType() == "kafka" && !hasKafka(p.SvcOrch.Env) {
			v.deny(at, p.Name, "For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC")
		}
		if p.Shadow && len(v.d.Spec.Predictors) == 1 {
			v.deny(at, p.Name, "Shadow can not exist as only predictor")
		}
		if own := p.Annotations[spec.AnnotationSvc]; own != "" {
			if services[own] {
				v.deny(at, p.Name, "Found duplicate service name in "+spec.AnnotationSvc+" with value "+own)
			}
			services[own] = true
		}
		if p.NoEngine() && len(p.Graph.Children) > 0 {
			v.deny(at, p.Name, "Running without engine only valid for single element graphs")
		}
		if names[p.Name] {
			v.deny(at, p.Name, "Duplicate predictor name")
		}
		names[p.Name] = true
		v.unit(p, &p.Graph, at.Child("graph"))
	}
}

func hasKafka(env []corev1.EnvVar) bool {
	for _, wanted := range []string{"KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC"} {
		if !slices.ContainsFunc(env, func(e corev1.EnvVar) bool { return e.Name == wanted }) {
			return false
		}
	}
	return true
}

// transports: endpoint types may only repeat what spec.transport says, and without it there may be one only.
func (v *validation) transports() {
	types := map[string]bool{}
	for i := range v.d.Spec.Predictors {
		v.d.Spec.Predictors[i].Graph.Walk(func(u *spec.Unit) {
			if u.Endpoint != nil && u.Endpoint.Type != "" {
				types[strings.ToLower(u.Endpoint.Type)] = true
			}
		})
	}
	switch transport := v.d.Spec.Transport; {
	case len(types) > 1:
		v.deny(root(), v.d.Spec.Name, "Multiple endpoint.types found - can only have 1 type in graph. Please use spec.transport")
	case transport != "" && len(types) == 1 && !types[transport]:
		v.deny(root(), v.d.Spec.Name, "Mixed transport types found. Remove graph endpoint.types if transport set at deployment level")
	}
}

// traffic: the shares of the predictors that are no shadows make 100; a single one may be silent.
func (v *validation) traffic() {
	var sum int32
	serving, shadows := 0, 0
	for i := range v.d.Spec.Predictors {
		p := &v.d.Spec.Predictors[i]
		if p.Shadow {
			shadows++
			if p.Traffic < 0 || p.Traffic > 100 {
				v.deny(root(), p.Name, "shadow traffic is illegal, the traffic number should be between [0, 100]")
			}
			continue
		}
		serving++
		sum += p.Traffic
	}
	if shadows > 1 {
		v.deny(root(), v.d.Spec.Predictors[0].Name, "Multiple shadows are not allowed")
	}
	if serving > 1 && sum != 100 {
		v.deny(root(), v.d.Spec.Predictors[0].Name, "Traffic must sum to 100 for multiple predictors")
	}
	if serving == 1 && sum != 0 && sum != 100 {
		v.deny(root(), v.d.Spec.Predictors[0].Name, "Traffic must sum be 100 for a single predictor when set")
	}
}
