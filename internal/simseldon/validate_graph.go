package simseldon

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// unit checks one node of a graph and what is below it.
func (v *validation) unit(p *spec.Predictor, u *spec.Unit, at *field.Path) {
	switch {
	case u.Builtin():
	case u.Prepackaged():
		v.prepackaged(p, u, at)
	default:
		if hasContainer, _ := containerOf(p, u.Name); !hasContainer {
			v.deny(at, u.Name, "Can't find container for Predictive Unit")
		}
		if u.Kind() == "UNKNOWN_TYPE" && len(u.Methods) == 0 {
			v.deny(at, u.Name, "Predictive Unit has no implementation methods defined. Change to a known type or add what methods it defines")
		}
	}
	if u.Logger != nil && u.Logger.Mode == "" {
		v.deny(at, u.Name, "No logger mode specified")
	}
	for i := range u.Children {
		v.unit(p, &u.Children[i], at.Child(strconv.Itoa(i)))
	}
}

// prepackaged checks a unit that names a server. One that the operator does not know passes if a container of the unit has an image, and fails later.
func (v *validation) prepackaged(p *spec.Predictor, u *spec.Unit, at *field.Path) {
	if !children.KnownServer(u.Implementation) {
		if _, image := containerOf(p, u.Name); image == "" {
			v.deny(at, u.Name, "No entry in predictors map for "+u.Implementation)
		}
		return
	}
	if u.ModelURI == "" && u.Implementation != "HUGGINGFACE_SERVER" {
		v.deny(at, u.Name, "Predictive unit modelUri required when using standalone servers")
	}
	noTensorflow := []string{"SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER"}
	if v.d.Protocol() == "tensorflow" && slices.Contains(noTensorflow, u.Implementation) {
		v.deny(at, u.Name, "Prepackaged server does not handle tensorflow protocol "+u.Implementation)
	}
}

// containerOf looks for a unit's container in any component.
func containerOf(p *spec.Predictor, name string) (there bool, image string) {
	for _, c := range p.ComponentSpecs {
		if c == nil {
			continue
		}
		for i := range c.Spec.Containers {
			if c.Spec.Containers[i].Name == name {
				return true, c.Spec.Containers[i].Image
			}
		}
	}
	return false, ""
}
