// Package operator knows the Seldon Core operator itself: how its Deployment is found and read, what its
// webhook refuses, and which resources it gives to the containers that it adds to a model's pods.
//
// It computes from the objects it is given; it never talks to a cluster.
package operator

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// Selector finds the operator's Deployments; every way to install it sets this label.
const Selector = "control-plane=seldon-controller-manager"

// versionLabel is where a Deployment tells its version if its image does not.
const versionLabel = "app.kubernetes.io/version"

// oldest is the first version on which the tool's rules rest: older ones make children again while their
// object waits in the foreground for them to go.
const oldest = "1.5.1"

// Of reads the operator's Deployment.
func Of(d *appsv1.Deployment) engine.Operator {
	o := engine.Operator{Version: d.Labels[versionLabel]}
	container, ok := manager(d)
	if !ok {
		return o
	}
	if tag := engine.ImageVersion(container.Image); tag != "" && !strings.HasPrefix(tag, "latest") {
		o.Version = tag
	}
	if v, err := version.ParseGeneric(o.Version); err == nil && v.LessThan(version.MustParseGeneric(oldest)) {
		o.Outdated = "before " + oldest + " the operator makes children again while they are being deleted"
	}
	for _, variable := range container.Env {
		switch variable.Name {
		case "CONTROLLER_ID":
			o.ID = variable.Value
		case "WATCH_NAMESPACE":
			o.Namespace = variable.Value
		}
	}
	for i, argument := range container.Args {
		argument = strings.TrimLeft(strings.TrimSpace(argument), "-")
		if value, ok := strings.CutPrefix(argument, "namespace="); ok {
			o.Namespace = value
		} else if argument == "namespace" && i+1 < len(container.Args) {
			o.Namespace = strings.TrimSpace(container.Args[i+1])
		}
	}
	return o
}

// manager returns the container that runs the operator: the one of that name, else the first.
func manager(d *appsv1.Deployment) (corev1.Container, bool) {
	containers := d.Spec.Template.Spec.Containers
	for _, c := range containers {
		if c.Name == "manager" {
			return c, true
		}
	}
	if len(containers) == 0 {
		return corev1.Container{}, false
	}
	return containers[0], true
}

// Probe returns a SeldonDeployment that fits the schema and that the webhook refuses, and how it does so.
func Probe(apiVersion, kind, namespace string) (o *unstructured.Unstructured, refusal string) {
	o = &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"predictors": []any{}}}}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName("seldonctl-check")
	return o, "Graph contains no predictors"
}
