package children

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// hpa makes a component's HorizontalPodAutoscaler.
func (b *builder) hpa(deployment string, want *spec.HPA) *autoscalingv2.HorizontalPodAutoscaler {
	metrics := append([]autoscalingv2.MetricSpec{}, want.MetricsV2...)
	if len(metrics) == 0 {
		for _, old := range want.Metrics {
			metrics = append(metrics, metricOf(old))
		}
	}
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: b.meta(deployment, map[string]string{spec.LabelID: b.d.ID()}),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment", Name: deployment},
			MinReplicas:    want.MinReplicas,
			MaxReplicas:    want.MaxReplicas,
			Metrics:        metrics,
		},
	}
}

// metricOf says a metric of autoscaling/v2beta1 in today's words. One that has today's fields in the old place was pruned to nothing, and gets a target without a value, which the API server refuses.
func metricOf(old spec.OldMetric) autoscalingv2.MetricSpec {
	out := autoscalingv2.MetricSpec{Type: autoscalingv2.MetricSourceType(old.Type)}
	switch {
	case old.Resource != nil:
		target := autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: old.Resource.TargetAverageUtilization}
		if old.Resource.TargetAverageValue != nil {
			target = autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: old.Resource.TargetAverageValue}
		}
		out.Resource = &autoscalingv2.ResourceMetricSource{Name: old.Resource.Name, Target: target}
	case old.Pods != nil:
		value := old.Pods.TargetAverageValue.DeepCopy()
		out.Pods = &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: old.Pods.MetricName, Selector: old.Pods.Selector},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &value},
		}
	}
	return out
}

// pdb makes a component's PodDisruptionBudget. Observed: it selects every pod of the SeldonDeployment, so two budgets over one of them block evictions.
func (b *builder) pdb(deployment string, want *spec.PDB) *policyv1.PodDisruptionBudget {
	id := map[string]string{spec.LabelID: b.d.ID()}
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: b.meta(deployment, id),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable:   want.MinAvailable,
			MaxUnavailable: want.MaxUnavailable,
			Selector:       &metav1.LabelSelector{MatchLabels: id},
		},
	}
}
