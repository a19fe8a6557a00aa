package check

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// need is a permission and what it is for.
type need struct {
	resource schema.GroupResource
	sub      string
	verbs    []string
	// without says what cannot be done without it; optional that commands work all the same.
	without  string
	optional bool
}

func (n need) name() string {
	if n.sub == "" {
		return n.resource.String()
	}
	return n.resource.Resource + "/" + n.sub
}

// needs is the table of permissions.
func needs(req Request) []need {
	look := []string{"list", "watch"}
	root := req.Engine.Identity().Resource.GroupResource()
	all := []need{
		{root, "", []string{"get", "list", "watch"}, "no command can do anything", false},
		{root, "", []string{"create"}, "run and apply cannot create anything", false},
		{root, "", []string{"patch"}, "run, apply and scale cannot change anything", false},
		{root, "", []string{"delete"}, "run and delete cannot delete anything", false},
		{schema.GroupResource{Group: "apps", Resource: "deployments"}, "", look, "nothing can be proven", false},
		{schema.GroupResource{Group: "apps", Resource: "replicasets"}, "", look, "causes that only a ReplicaSet tells, such as a quota, stay unknown", true},
		{schema.GroupResource{Resource: "pods"}, "", look, "which pod is stuck, and why, stays unknown", true},
		{schema.GroupResource{Resource: "services"}, "", look, "whether the names of Services are free stays unknown", true},
		{schema.GroupResource{Resource: "events"}, "", look, "events are not shown", true},
		{schema.GroupResource{Resource: "pods"}, "log", []string{"get"}, "the last lines of a failing container's log are not shown", true},
	}
	var hpa, pdb bool
	for _, m := range req.Manifests {
		implied, _ := req.Engine.Implied(m.Object)
		hpa, pdb = hpa || implied.WantsHPA, pdb || implied.WantsPDB
	}
	if hpa {
		all = append(all, need{schema.GroupResource{Group: "autoscaling", Resource: "horizontalpodautoscalers"}, "", look, "what an autoscaler does is not shown", true})
	}
	if pdb {
		all = append(all, need{schema.GroupResource{Group: "policy", Resource: "poddisruptionbudgets"}, "", look, "disruption budgets are not shown", true})
	}
	return all
}

// permissions tells what the user may do in the namespace.
func permissions(req Request, a answers) []Finding {
	if a.may.err != nil {
		return []Finding{unknown(Permissions, "what you may do in namespace "+req.Namespace, a.may.err)}
	}
	var found []Finding
	var needed, optional []string
	asked := 0
	for _, n := range a.needs {
		var has, lacks []string
		for _, verb := range n.verbs {
			if asked < len(a.may.value) && a.may.value[asked] {
				has = append(has, verb)
			} else {
				lacks = append(lacks, verb)
			}
			asked++
		}
		granted := &needed
		if n.optional {
			granted = &optional
		}
		if len(lacks) == 0 {
			*granted = grant(*granted, strings.Join(has, ", "), n.name())
			continue
		}
		text := fmt.Sprintf("not allowed in namespace %s: %s %s; without it %s", req.Namespace, strings.Join(lacks, ", "), n.name(), n.without)
		remedy := "ask for a Role with it, or choose another --context"
		if n.optional {
			found = append(found, warning(Permissions, text, remedy))
		} else {
			found = append(found, problem(ops.Denied, Permissions, text, remedy))
		}
	}
	var granted []Finding
	if len(needed) > 0 {
		granted = append(granted, fine(Permissions, "needed and given: "+strings.Join(needed, "; ")))
	}
	if len(optional) > 0 {
		granted = append(granted, fine(Permissions, "optional and given: "+strings.Join(optional, "; ")))
	}
	return append(granted, found...)
}

// grant adds verbs that are allowed, to those on the same resource if they were the last.
func grant(granted []string, verbs, name string) []string {
	if last := len(granted) - 1; last >= 0 {
		if before, same := strings.CutSuffix(granted[last], " "+name); same {
			granted[last] = before + ", " + verbs + " " + name
			return granted
		}
	}
	return append(granted, verbs+" "+name)
}
