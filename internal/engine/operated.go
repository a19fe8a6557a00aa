package engine

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Operated knows the operator behind a kind and what it makes of an object's pods. Not every engine does.
type Operated interface {
	// Selector is the label selector that finds the operator's Deployments, whatever their namespace.
	Selector() string
	// OperatorOf reads what an operator's Deployment says about it.
	OperatorOf(d *appsv1.Deployment) Operator
	// Probe returns an object that the operator's admission webhook must refuse, and words of the refusal.
	Probe(namespace string) (o *unstructured.Unstructured, refusal string)
	// Pods returns the pods that the object's spec asks for, with their resources and nothing else of
	// importance: of each workload as many as it implies, one where it leaves that open.
	Pods(root *unstructured.Unstructured) ([]Pods, error)
}

// Operator is an installed operator.
type Operator struct {
	// Version is empty where nothing tells it.
	Version string
	// Outdated says why the version is too old to be relied on; empty where it is not.
	Outdated string
	// Namespace is the only one that it serves; empty: all.
	Namespace string
	// ID is the value by which an object chooses it; empty: it serves those that choose none.
	ID string
}

// Serves reports whether the operator acts on objects of a namespace, both with the value by which they
// choose an operator, empty for none. One that serves all namespaces leaves alone those that choose.
func (o Operator) Serves(namespace, namespaceChoice, objectChoice string) bool {
	if o.Namespace != "" && o.Namespace != namespace || o.Namespace == "" && namespaceChoice != "" {
		return false
	}
	return o.ID == objectChoice
}

// Pods are the equal pods of a workload.
type Pods struct {
	// Workload is the name of their Deployment.
	Workload string
	// Fewest is how many there are at least; Most differs from it where an autoscaler may add some.
	Fewest, Most int32
	Spec         corev1.PodSpec
}

// ImageVersion returns the version that an image's tag names, without a leading "v"; empty where it is
// named by digest or by no tag.
func ImageVersion(image string) string {
	image, _, _ = strings.Cut(image, "@")
	name := image[strings.LastIndexByte(image, '/')+1:]
	_, tag, _ := strings.Cut(name, ":")
	return strings.TrimPrefix(tag, "v")
}
