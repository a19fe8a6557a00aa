package judge

import (
	"regexp"
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
		class, hint := refusalClass(rs, c.Message)
		l.Problems = append(l.Problems, Problem{
			Class: class, Key: string(class) + "/" + string(rs.UID), Since: c.LastTransitionTime.Time,
			Message: c.Message, Chain: l.chain(rs, c.Reason+": "+c.Message), Hint: hint,
		})
	}
}

// refusalClass tells why the API server does not take the ReplicaSet's pods.
func refusalClass(rs *appsv1.ReplicaSet, words string) (class Class, hint string) {
	n := " -n " + rs.Namespace
	words = unnamed(words)
	switch {
	case strings.Contains(words, quotaText):
		return Quota, "kubectl describe resourcequotas" + n
	case strings.Contains(words, "because it is being terminated"):
		return NamespaceEnding, "kubectl get namespace " + rs.Namespace + " -o yaml"
	case strings.Contains(words, "violates PodSecurity"):
		return PodsDenied, "kubectl get namespace " + rs.Namespace + " --show-labels"
	case containsAny(words, []string{"denied the request", "denied request:"}): // a webhook, a ValidatingAdmissionPolicy
		return PodsDenied, "correct the manifest, or ask whoever made the policy; kubectl describe replicaset" + n + " " + rs.Name
	case limitRange.MatchString(words):
		return PodsDenied, "kubectl describe limitranges" + n
	case strings.Contains(words, "serviceaccount"):
		return MissingReference, "kubectl get serviceaccounts" + n
	case containsAny(words, transientTexts) && !containsAny(words, permanentTexts):
		return PodsDelayed, "kubectl describe replicaset" + n + " " + rs.Name
	}
	return PodsRefused, "kubectl describe replicaset" + n + " " + rs.Name
}

// limitRange matches a LimitRange's refusal.
var limitRange = regexp.MustCompile(`(minimum|maximum) \S+ usage per (Container|Pod)|limit to request ratio per`)

// isPresentReplicaSet reports whether the ReplicaSet is that of its Deployment's present template.
func (l *look) isPresentReplicaSet(rs snapshot.Object) bool {
	for _, owner := range rs.GetOwnerReferences() {
		if d, ok := l.snap.Get(owner.UID).(*appsv1.Deployment); ok {
			return isPresent(d, rs)
		}
	}
	return false
}
