package ops

import (
	"context"
	"fmt"
	"slices"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// deploymentsNeed is what every claim but that of absence rests on: the Deployments as they change, and the
// list that confirms it.
func deploymentsNeed() need {
	return need{schema.GroupResource{Group: "apps", Resource: "deployments"}, []string{"list", "watch"}}
}

// rulesLimit is how long the answer to what is allowed is waited for, which not every cluster can give.
const rulesLimit = 5 * time.Second

// mayConfirm refuses to begin what could never be confirmed. Where the cluster does not say what is allowed,
// the requests themselves will tell.
func (l *life) mayConfirm(ctx context.Context) Reason {
	found, why, _ := beside(ctx, l.session, min(rulesLimit, l.left()), func(ctx context.Context) (names, error) {
		var n names
		n.rules, n.rulesComplete, n.rulesErr = l.Cluster.Rules(ctx, l.target.Namespace)
		return n, nil
	})
	if why != "" && why != TimedOut {
		return l.cutOff(ctx, journal.Connect, why)
	}
	if found.rulesErr != nil || !found.rulesComplete {
		return Reached
	}
	what, lacks := missing([]need{deploymentsNeed()}, found.rules, l.target.Name)
	if !lacks {
		return Reached
	}
	return l.refuse(ctx, journal.Connect, l.notAllowed(what))
}

func (l *life) notAllowed(what string) *RefusalError {
	return &RefusalError{
		Reason: Denied,
		Text:   fmt.Sprintf("not allowed in namespace %s: %s; nothing was written", l.target.Namespace, what),
		Hint:   "ask for a Role with it, or choose another --context",
	}
}

// need is a permission without which an operation must not begin: it would leave something half done.
type need struct {
	resource schema.GroupResource
	verbs    []string
}

// missing returns the first verb that the rules do not allow on the named object, as "verb resource".
func missing(needs []need, rules []authorizationv1.ResourceRule, name string) (string, bool) {
	for _, n := range needs {
		for _, verb := range n.verbs {
			if !slices.ContainsFunc(rules, func(r authorizationv1.ResourceRule) bool { return allows(r, n.resource, verb, name) }) {
				return fmt.Sprintf("%s %s", verb, n.resource), true
			}
		}
	}
	return "", false
}

// Lacks returns the first of the verbs that the rules do not allow on the resource, as "verb resource", or
// nothing.
func Lacks(rules []authorizationv1.ResourceRule, resource schema.GroupResource, verbs ...string) string {
	what, _ := missing([]need{{resource, verbs}}, rules, "")
	return what
}

// allows reports whether one rule allows a verb on a resource. A rule for single names helps only
// where the verb is about one object: not for create, whose object has no name yet for RBAC, nor
// for the listing of all.
func allows(r authorizationv1.ResourceRule, resource schema.GroupResource, verb, name string) bool {
	return has(r.Verbs, verb) && has(r.APIGroups, resource.Group) && has(r.Resources, resource.Resource) &&
		(len(r.ResourceNames) == 0 || verb != "create" && slices.Contains(r.ResourceNames, name))
}

func has(words []string, word string) bool {
	return slices.Contains(words, "*") || slices.Contains(words, word)
}
