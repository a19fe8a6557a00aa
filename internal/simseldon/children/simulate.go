package children

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// SimulatePods is the annotation that tells the simulated nodes how a Deployment's pods behave; the real operator knows nothing of it.
const SimulatePods = "simulate.seldonctl/pods"

// Unschedulable is the node label that no simulated node has.
const Unschedulable = "simulate.seldonctl/unschedulable"

// simulate hands the annotation on to the pods: the most specific layer that has it wins, the empty string switches it off. Without it the template stays as the real operator makes it.
func simulate(template *corev1.PodTemplateSpec, layers ...map[string]string) {
	how := spec.Merged(layers...)[SimulatePods]
	delete(template.Annotations, SimulatePods)
	if how == "" {
		return
	}
	template.Annotations = spec.Merged(template.Annotations, map[string]string{SimulatePods: how})
	if how == "unschedulable" {
		template.Spec.NodeSelector = spec.Merged(template.Spec.NodeSelector, map[string]string{Unschedulable: "true"})
	}
}
