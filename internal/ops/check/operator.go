package check

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// installed is an operator and its Deployment.
type installed struct {
	engine.Operator
	d *appsv1.Deployment
}

func (i installed) String() string {
	text := i.d.Namespace + "/" + i.d.Name
	if i.Version != "" {
		text += " " + i.Version
	}
	return text
}

// scope says which objects an operator serves.
func (i installed) scope(chooses string) string {
	text := "all namespaces that are not labelled " + chooses
	if i.Namespace != "" {
		text = "namespace " + i.Namespace
	}
	if i.ID != "" {
		text += ", there objects labelled " + chooses + "=" + i.ID
	}
	return text
}

// operators tells of the operators that are installed, and which of them serves the namespace.
func operators(req Request, a answers) []Finding {
	operated, ok := req.Engine.(engine.Operated)
	if !ok {
		return nil
	}
	id := req.Engine.Identity()
	switch {
	case a.deployment.err != nil:
		return append([]Finding{unknown(Operator, "whether the "+id.Operator+" is well, its version, and whether it serves this namespace", a.deployment.err)}, labelled(req, a)...)
	case len(a.deployment.value) == 0 && req.Simulated:
		return []Finding{fine(Operator, "the embedded cluster has a stand-in for the "+id.Operator+", outside of itself")}
	case len(a.deployment.value) == 0:
		return append(notFound(id, operated, a), labelled(req, a)...)
	}
	var all []installed
	for i := range a.deployment.value {
		d := &a.deployment.value[i]
		all = append(all, installed{operated.OperatorOf(d), d})
	}
	var found []Finding
	serving := map[string]bool{}
	for _, choice := range choices(req) {
		who := slices.DeleteFunc(slices.Clone(all), func(i installed) bool { return !i.Serves(req.Namespace, namespaceChoice(req, a), choice) })
		found = append(found, serves(req, a, all, who, choice))
		for _, i := range who {
			serving[i.String()] = true
		}
	}
	var healthy []Finding
	for _, i := range all {
		healthy = append(healthy, health(i, id.Chooses, serving[i.String()])...)
	}
	return append(healthy, found...)
}

// notFound tells what follows from the dry run where no Deployment looks like the operator's.
func notFound(id engine.Identity, operated engine.Operated, a answers) []Finding {
	_, refusal := operated.Probe("")
	none := "no Deployment is labelled " + operated.Selector()
	switch err := a.probe.err; {
	case err == nil || strings.Contains(err.Error(), "failed calling webhook"):
		return []Finding{problem(ops.Unusable, Operator, "no "+id.Operator+" was found: "+none, "install Seldon Core, or start its operator again")}
	case strings.Contains(err.Error(), refusal):
		return []Finding{warning(Operator, "cannot tell the version of the "+id.Operator+" or whether it is well: its webhook answers, but "+none, "")}
	}
	return []Finding{warning(Operator, "cannot tell whether the "+id.Operator+" is there: "+none, "")}
}

// health tells whether an operator runs. Only one that serves the namespace is needed.
func health(i installed, chooses string, needed bool) []Finding {
	wanted := int32(1)
	if i.d.Spec.Replicas != nil {
		wanted = *i.d.Spec.Replicas
	}
	ready := i.d.Status.ReadyReplicas
	var found []Finding
	switch {
	case ready > 0:
		found = append(found, fine(Operator, fmt.Sprintf("%s is ready (%d of %d); it serves %s", i, ready, wanted, i.scope(chooses))))
	case wanted == 0:
		found = append(found, problem(ops.Unusable, Operator, i.String()+" is scaled to 0: nothing acts on what is created",
			fmt.Sprintf("kubectl scale deployment %s -n %s --replicas=1", i.d.Name, i.d.Namespace)))
	default:
		found = append(found, problem(ops.Unusable, Operator, fmt.Sprintf("%s is not ready (0 of %d): nothing acts on what is created", i, wanted),
			fmt.Sprintf("kubectl describe deployment %s -n %s, and look at its pods", i.d.Name, i.d.Namespace)))
	}
	if !needed && found[0].Severity == engine.Problem {
		found[0].Severity, found[0].Reason = engine.Warning, ""
	}
	if i.Outdated != "" {
		found = append(found, warning(Operator, i.String()+" is outdated: "+i.Outdated, "upgrade Seldon Core"))
	}
	return found
}

// serves tells which of the operators serve objects that choose one by a value.
func serves(req Request, a answers, all, who []installed, choice string) Finding {
	chooses, namespace := req.Engine.Identity().Chooses, "namespace "+req.Namespace
	what := namespace
	if choice != "" {
		what = fmt.Sprintf("objects labelled %s=%s in %s", chooses, choice, namespace)
	}
	switch {
	case len(who) == 1 && who[0].Namespace == "" && a.namespace.value == nil:
		return warning(Operator, fmt.Sprintf("%s serves %s unless the namespace is labelled %s, which cannot be told", who[0], what, chooses), "")
	case len(who) == 1:
		return fine(Operator, fmt.Sprintf("%s serves %s", who[0], what))
	case len(who) > 1:
		return warning(Operator, fmt.Sprintf("%d operators serve %s and will fight: %s", len(who), what, listed(who)), "give each another CONTROLLER_ID or namespace")
	}
	text := "no operator serves " + what + ", so nothing acts on what is created there"
	switch own := namespaceChoice(req, a); {
	case choice != "" && !slices.ContainsFunc(all, func(i installed) bool { return i.ID == choice }):
		return problem(ops.Unusable, Operator, text+": none has that id", "correct the label, or leave it out")
	case own != "" && slices.ContainsFunc(all, func(i installed) bool { return i.Namespace == "" }):
		return problem(ops.Unusable, Operator, fmt.Sprintf("%s: it is labelled %s=%s, and those that serve all namespaces leave such ones alone", text, chooses, own),
			fmt.Sprintf("install an operator for it, or take the label away: kubectl label namespace %s %s-", req.Namespace, chooses))
	}
	return problem(ops.Unusable, Operator, text+": there are only "+listed(all), "choose a namespace that one of them serves, or label the object for it with "+chooses)
}

// labelled warns that a namespace is set apart for an operator of which nothing is known.
func labelled(req Request, a answers) []Finding {
	own := namespaceChoice(req, a)
	if own == "" {
		return nil
	}
	chooses := req.Engine.Identity().Chooses
	return []Finding{warning(Operator, fmt.Sprintf("namespace %s is labelled %s=%s: an operator that serves all namespaces leaves it alone, and whether another one serves it cannot be told", req.Namespace, chooses, own),
		fmt.Sprintf("if nothing happens there: kubectl label namespace %s %s-", req.Namespace, chooses))}
}

// namespaceChoice is the value by which the namespace chooses an operator, as far as it may be read.
func namespaceChoice(req Request, a answers) string {
	if a.namespace.value == nil {
		return ""
	}
	return a.namespace.value.Labels[req.Engine.Identity().Chooses]
}

func listed(all []installed) string {
	names := make([]string, 0, len(all))
	for _, i := range all {
		names = append(names, i.String())
	}
	return strings.Join(names, ", ")
}

// subject is what the words of a refusal are about where there is no manifest.
func subject(req Request) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetNamespace(req.Namespace)
	o.SetName("any")
	return o
}
