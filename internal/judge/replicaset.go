package judge

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// findReplicaSet reads why pods cannot be made: quota, Pod Security and webhooks that deny pods show
// nowhere else.
func findReplicaSet(l *look, o snapshot.Object) {
	rs, ok := o.(*appsv1.ReplicaSet)
	if !ok || !l.isPresentReplicaSet(rs) {
		return
	}
	for _, c := range rs.Status.Conditions {
		if c.Type != appsv1.ReplicaSetReplicaFailure || c.Status != corev1.ConditionTrue {
			continue
		}
		class := PodsRefused
		switch {
		case strings.Contains(c.Message, "exceeded quota"):
			class = Quota
		case strings.Contains(c.Message, "denied the request"), strings.Contains(c.Message, "violates PodSecurity"):
			class = PodsDenied
		case strings.Contains(c.Message, "serviceaccount"):
			class = MissingReference
		case containsAny(c.Message, transientTexts):
			class = PodsDelayed
		}
		l.Problems = append(l.Problems, Problem{
			Class: class, Key: string(class) + "/" + string(rs.UID), Since: c.LastTransitionTime.Time,
			Message: c.Message, Chain: l.chain(rs, c.Reason+": "+c.Message),
			Hint: fmt.Sprintf("kubectl describe replicaset -n %s %s", rs.Namespace, rs.Name),
		})
	}
}

// isPresentReplicaSet reports whether the ReplicaSet is that of its Deployment's present template.
func (l *look) isPresentReplicaSet(rs snapshot.Object) bool {
	for _, owner := range rs.GetOwnerReferences() {
		if d, ok := l.snap.Get(owner.UID).(*appsv1.Deployment); ok {
			return isPresent(d, rs)
		}
	}
	return false
}
