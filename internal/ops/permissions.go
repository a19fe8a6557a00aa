package ops

import (
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

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
