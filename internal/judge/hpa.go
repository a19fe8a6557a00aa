package judge

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findHPA reads why an autoscaler does not move its Deployment. That is never a failure: the
// replicas stay as they are, within the range that the spec allows.
func findHPA(l *look, o snapshot.Object) {
	hpa, ok := o.(*autoscalingv2.HorizontalPodAutoscaler)
	if !ok {
		return
	}
	if c := idle(hpa); c != nil {
		l.Problems = append(l.Problems, Problem{
			Class: AutoscalerIdle, Key: string(AutoscalerIdle) + "/" + string(hpa.UID), Since: c.LastTransitionTime.Time,
			Message: fmt.Sprintf("HorizontalPodAutoscaler %s does not act (%s): %s", hpa.Name, c.Reason, c.Message),
			Chain:   l.chain(hpa, c.Reason),
			Hint:    fmt.Sprintf("kubectl describe hpa -n %s %s", hpa.Namespace, hpa.Name),
		})
	}
}

// idle returns the condition that says why an autoscaler does not act, or nil.
func idle(hpa *autoscalingv2.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for i, c := range hpa.Status.Conditions {
		if c.Type != autoscalingv2.ScalingLimited && c.Status == corev1.ConditionFalse {
			return &hpa.Status.Conditions[i]
		}
	}
	return nil
}

// idlePatience is how long an autoscaler that does not act, or that nobody can see, is waited for.
const idlePatience = 60 * time.Second

// findRange holds a Deployment's replicas to the range in which an autoscaler is to move them. It is born
// with one, whatever the minimum is, and the autoscaler brings it there without any metrics.
func (l *look) findRange(a engine.Autoscaled, d *appsv1.Deployment, has int32) {
	if a.Absent {
		l.findNoAutoscaler(a, d, has)
	} else {
		l.remarkf("Deployment %s is autoscaled %d to %d by %s, now %d", d.Name, a.Min, a.Max, a.By, has)
	}
	if has >= a.Min && has <= a.Max {
		return
	}
	const text = "Deployment %s has %d replicas, outside of the %d to %d of %s"
	if key := "Deployment/" + d.Name + "/range"; !a.Absent && l.mayNotAct(a, d) {
		l.lackWithinf(idlePatience, key, text+", and its autoscaler may not act", d.Name, has, a.Min, a.Max, a.Path)
	} else {
		l.lackf(key, text, d.Name, has, a.Min, a.Max, a.Path)
	}
}

// mayNotAct reports whether a Deployment's autoscaler is there and does not act, or cannot be seen.
func (l *look) mayNotAct(a engine.Autoscaled, d *appsv1.Deployment) bool {
	if a.Hidden || !l.snap.Complete(snapshot.HPA) {
		return true
	}
	for _, o := range l.snap.Owned(l.root.GetUID()) {
		if hpa, ok := o.(*autoscalingv2.HorizontalPodAutoscaler); ok && hpa.Spec.ScaleTargetRef.Name == d.Name && idle(hpa) != nil {
			return true
		}
	}
	return false
}

// findNoAutoscaler tells that nothing moves a Deployment's replicas although the spec leaves them to an
// autoscaler. An earlier spec's status tells nothing of it.
func (l *look) findNoAutoscaler(a engine.Autoscaled, d *appsv1.Deployment, has int32) {
	text := fmt.Sprintf("Deployment %s stays at %d: %s takes its replicas away, but the operator made no autoscaler from it", d.Name, has, a.Path)
	l.Remarks = append(l.Remarks, text)
	if !l.seen {
		return
	}
	l.Problems = append(l.Problems, Problem{
		Class: AutoscalerAbsent, Key: string(AutoscalerAbsent) + "/" + string(d.UID), Message: text,
		Chain: l.chain(d, "no autoscaler"),
		Hint:  "have an operator make it, or remove " + a.Path,
	})
}
