package seldon

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon/schema"
)

// all returns what has to show where nothing is known of an earlier generation: the leaves of the spec that
// the operator knows, the flags that it leaves open, and the absence of what the orchestrators are told but
// the spec does not say.
func (a *arrival) all(now *unstructured.Unstructured, leaves []leaf, spec any) []leaf {
	unknown := schema.Check(now)
	leaves = slices.DeleteFunc(leaves, func(l leaf) bool { return strange(unknown, pathText(l.path)) })
	for _, flag := range []string{"protocol", "transport", "serverType"} {
		path := extend(specPath(), step{key: flag, index: -1})
		if lookup(spec, path[1:]) == nil {
			leaves = append(leaves, leaf{path: path})
		}
	}
	for _, p := range a.newParts {
		a.countUnexplained(p, spec)
	}
	return append(leaves, a.leftovers(spec)...)
}

// strange reports whether a leaf's path lies in a field that the schema does not know. An API server that prunes
// nothing keeps it, and the operator drops it.
func strange(unknown []engine.Mistake, path string) bool {
	return slices.ContainsFunc(unknown, func(m engine.Mistake) bool {
		rest, inside := strings.CutPrefix(path, m.Path)
		return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// leftovers returns what the orchestrators' copies of the predictors hold although the spec does not: what
// the operator has not taken out of them yet, where it does not put it there itself.
func (a *arrival) leftovers(spec any) []leaf {
	var left []leaf
	for _, p := range a.newParts {
		d := a.deployment(p)
		if d == nil || !p.hasEngine() {
			continue
		}
		at := extend(extend(specPath(), step{key: "predictors", index: -1}), step{key: "name", id: p.Predictor, index: p.predictor})
		shown := a.copied(d)
		if shown == nil {
			continue
		}
		for _, l := range diff(nil, at, shown, lookup(spec, at[1:])) {
			if l.new == nil && !a.completed(p, l.path[3:]) {
				left = append(left, l)
			}
		}
	}
	return left
}

// completed reports whether the operator may itself have put into the orchestrator's copy what stands there
// at a path below the predictor.
func (a *arrival) completed(p part, inside []step) bool {
	switch inside[0].key {
	case "annotations", "svcOrchSpec", "graph", "shadow", "ssl":
		return ofOperator(inside)
	case "labels":
		return last(inside).key == "version" || operatorsLabel(last(inside).key)
	case "componentSpecs":
	default:
		return true
	}
	if len(inside) < 4 || inside[2].key != "spec" {
		return len(inside) < 3 // a component that it made for a prepackaged server
	}
	pod := inside[3:]
	if len(pod) < 3 || pod[0].key != "containers" {
		return pod[0].key == "containers" || pod[0].key == "initContainers" || pod[0].key == "volumes"
	}
	u, ok := a.is.predictors[p.predictor].graph.find(pod[1].id)
	return ok && u.prepackaged() || pod[1].id == tfContainer
}

// countUnexplained counts the annotations of a component's pods, and the environment variables of its own
// containers, that neither the spec nor the operator put there: they may be what an earlier spec said, or
// anybody's.
func (a *arrival) countUnexplained(p part, spec any) {
	d := a.deployment(p)
	if d == nil || p.component < 0 {
		return
	}
	predictor := a.is.predictors[p.predictor]
	sources := []map[string]string{a.is.annotations, predictor.annotations}
	if p.component < len(predictor.components) {
		sources = append(sources, predictor.components[p.component].annotations)
	}
	for key := range d.Spec.Template.Annotations {
		explained := slices.ContainsFunc(sources, func(m map[string]string) bool { _, there := m[key]; return there })
		if !explained && !operatorsAnnotation(key) {
			a.result.Unexplained++
		}
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		i := slices.IndexFunc(p.Containers, func(own engine.Container) bool { return own.Name == c.Name })
		if i < 0 || c.Name == tfContainer || c.Name == engineContainer {
			continue
		}
		own := []step{
			{key: "predictors", index: -1},
			{key: "name", id: p.Predictor, index: p.predictor},
			{key: "componentSpecs", index: -1},
			{key: "#", index: p.component},
			{key: "spec", index: -1},
			{key: "containers", index: -1},
			{key: "name", id: c.Name, index: i},
			{key: "env", index: -1},
		}
		for _, variable := range c.Env {
			if lookup(spec, append(own, step{key: "name", id: variable.Name})) == nil && !operatorsEnv(variable.Name) {
				a.result.Unexplained++
			}
		}
	}
}

// copied returns the predictor that a Deployment's service orchestrator was started with, or nil.
func (a *arrival) copied(d *appsv1.Deployment) any {
	if _, known := a.copies[d.Name]; !known {
		if a.copies == nil {
			a.copies = map[string]any{}
		}
		a.copies[d.Name] = predictorOf(d)
	}
	return a.copies[d.Name]
}

// template returns a Deployment's pod spec as decoded JSON.
func (a *arrival) template(d *appsv1.Deployment) any {
	if _, known := a.templates[d.Name]; !known {
		if a.templates == nil {
			a.templates = map[string]any{}
		}
		a.templates[d.Name] = clean(asAny(d.Spec.Template.Spec), false)
	}
	return a.templates[d.Name]
}
