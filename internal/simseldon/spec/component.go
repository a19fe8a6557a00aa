package spec

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Component is one of predictors[].componentSpecs: one Deployment, unless it has no containers.
type Component struct {
	Metadata Metadata       `json:"metadata"`
	Spec     corev1.PodSpec `json:"spec"`
	Replicas *int32         `json:"replicas,omitempty"`
	HPA      *HPA           `json:"hpaSpec,omitempty"`
	PDB      *PDB           `json:"pdbSpec,omitempty"`
	KEDA     map[string]any `json:"kedaSpec,omitempty"`
}

// Metadata is the part of componentSpecs[].metadata that reaches the pods.
type Metadata struct {
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// HPA is componentSpecs[].hpaSpec; metrics are in the old form of v2beta1, metricsv2 in today's.
type HPA struct {
	MinReplicas *int32                     `json:"minReplicas,omitempty"`
	MaxReplicas int32                      `json:"maxReplicas"`
	Metrics     []OldMetric                `json:"metrics,omitempty"`
	MetricsV2   []autoscalingv2.MetricSpec `json:"metricsv2,omitempty"`
}

// OldMetric is a metric of autoscaling/v2beta1.
type OldMetric struct {
	Type     string `json:"type"`
	Resource *struct {
		Name                     corev1.ResourceName `json:"name"`
		TargetAverageUtilization *int32              `json:"targetAverageUtilization,omitempty"`
		TargetAverageValue       *resource.Quantity  `json:"targetAverageValue,omitempty"`
	} `json:"resource,omitempty"`
	Pods *struct {
		MetricName         string                `json:"metricName"`
		TargetAverageValue resource.Quantity     `json:"targetAverageValue"`
		Selector           *metav1.LabelSelector `json:"selector,omitempty"`
	} `json:"pods,omitempty"`
}

// PDB is componentSpecs[].pdbSpec.
type PDB struct {
	MinAvailable   *intstr.IntOrString `json:"minAvailable,omitempty"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
}
