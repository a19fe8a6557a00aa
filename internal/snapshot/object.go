package snapshot

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Object is any tracked Kubernetes object: typed for built-in kinds, *unstructured.Unstructured for
// an engine's custom resource.
type Object interface {
	metav1.Object
	runtime.Object
}

// Kind is the name of a Kubernetes kind, without group and version.
type Kind string

// The built-in kinds that are tracked.
const (
	Deployment Kind = "Deployment"
	ReplicaSet Kind = "ReplicaSet"
	Pod        Kind = "Pod"
	Service    Kind = "Service"
	HPA        Kind = "HorizontalPodAutoscaler"
	PDB        Kind = "PodDisruptionBudget"
	Event      Kind = "Event"
)

// Ref names one object exactly.
type Ref struct {
	Kind      Kind      `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid,omitempty"`
}

// String returns "Kind/name".
func (r Ref) String() string { return string(r.Kind) + "/" + r.Name }

// RefTo returns the reference to an object.
func RefTo(o Object) Ref {
	return Ref{Kind: KindOf(o), Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID()}
}

// KindOf returns the object's kind. Built-in objects are told by their Go type, since watches
// deliver them without it.
func KindOf(o Object) Kind {
	switch o.(type) {
	case *appsv1.Deployment:
		return Deployment
	case *appsv1.ReplicaSet:
		return ReplicaSet
	case *corev1.Pod:
		return Pod
	case *corev1.Service:
		return Service
	case *autoscalingv2.HorizontalPodAutoscaler:
		return HPA
	case *policyv1.PodDisruptionBudget:
		return PDB
	case *corev1.Event:
		return Event
	}
	return Kind(o.GetObjectKind().GroupVersionKind().Kind)
}

// bare returns what tells an object from others and whose it is. Where owners may not be seen, many such are kept.
func bare(o Object) *metav1.PartialObjectMetadata {
	meta := metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Labels: o.GetLabels(), CreationTimestamp: o.GetCreationTimestamp(), OwnerReferences: o.GetOwnerReferences()}
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: string(KindOf(o))}, ObjectMeta: meta}
}

// EventTime returns when an event last happened by the server's clock: the four places where
// clients of different ages write it, in order of precision.
func EventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// EventBegan returns when an event first happened by the server's clock.
func EventBegan(e *corev1.Event) time.Time {
	switch {
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// EventCount returns how often an event has happened, at least 1.
func EventCount(e *corev1.Event) int32 {
	if e.Series != nil {
		return max(e.Series.Count, 1)
	}
	return max(e.Count, 1)
}
