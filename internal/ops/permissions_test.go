package ops

import (
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestMissingPermission(t *testing.T) {
	rule := func(group, resource string, names []string, verbs ...string) authorizationv1.ResourceRule {
		return authorizationv1.ResourceRule{Verbs: verbs, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names}
	}
	needs := []need{{schema.GroupResource{Group: "g", Resource: "things"}, []string{"create", "delete"}}}
	for _, tc := range []struct {
		reason string
		rules  []authorizationv1.ResourceRule
		want   string
	}{
		{"all in one rule", []authorizationv1.ResourceRule{rule("g", "things", nil, "create", "delete")}, ""},
		{"in two rules", []authorizationv1.ResourceRule{rule("g", "things", nil, "create"), rule("g", "things", nil, "delete")}, ""},
		{"an administrator", []authorizationv1.ResourceRule{rule("*", "*", nil, "*")}, ""},
		{"one verb is missing", []authorizationv1.ResourceRule{rule("g", "things", nil, "create")}, "delete things.g"},
		{"another group's", []authorizationv1.ResourceRule{rule("h", "things", nil, "*")}, "create things.g"},
		{"a subresource's", []authorizationv1.ResourceRule{rule("g", "things/status", nil, "*")}, "create things.g"},
		{"for this object's name", []authorizationv1.ResourceRule{rule("g", "things", nil, "create"), rule("g", "things", []string{"x"}, "delete")}, ""},
		{"for another object's name", []authorizationv1.ResourceRule{rule("g", "things", nil, "create"), rule("g", "things", []string{"y"}, "delete")}, "delete things.g"},
		{"a name does not help a creation", []authorizationv1.ResourceRule{rule("g", "things", []string{"x"}, "*")}, "create things.g"},
		{"nothing", nil, "create things.g"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if got, _ := missing(needs, tc.rules, "x"); got != tc.want {
				t.Errorf("missing %q, want %q", got, tc.want)
			}
		})
	}
}
