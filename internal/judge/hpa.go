package judge

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findHPA reads why an autoscaler does not move its Deployment. That is never a failure: the
// replicas stay as they are, within the range that the spec allows.
func findHPA(l *look, o snapshot.Object) {
	hpa, ok := o.(*autoscalingv2.HorizontalPodAutoscaler)
	if !ok {
		return
	}
	for _, c := range hpa.Status.Conditions {
		if c.Type == autoscalingv2.ScalingLimited || c.Status != corev1.ConditionFalse {
			continue
		}
		l.Problems = append(l.Problems, Problem{
			Class: AutoscalerIdle, Key: string(AutoscalerIdle) + "/" + string(hpa.UID), Since: c.LastTransitionTime.Time,
			Message: fmt.Sprintf("HorizontalPodAutoscaler %s does not act (%s): %s", hpa.Name, c.Reason, c.Message),
			Chain:   l.chain(hpa, c.Reason),
			Hint:    fmt.Sprintf("kubectl describe hpa -n %s %s", hpa.Namespace, hpa.Name),
		})
		return
	}
}
