package seldon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// Scale works out the edit that brings the object to the wanted replicas: spec.replicas, or with a
// named predictor that predictor's replicas, is set, and the nearer fields that would override it
// are removed. svcOrchSpec.replicas is left alone.
func (e Engine) Scale(root *unstructured.Unstructured, want engine.ScaleRequest) (engine.ScaleEdit, error) {
	if want.Replicas < 0 {
		return engine.ScaleEdit{}, fmt.Errorf("replicas must not be negative, got %d", want.Replicas)
	}
	before, err := decode(root)
	if err != nil {
		return engine.ScaleEdit{}, err
	}
	if len(before.predictors) == 0 {
		return engine.ScaleEdit{}, fmt.Errorf("SeldonDeployment %q has no spec.predictors to scale", before.name)
	}
	chosen, err := before.chosen(want.Predictor)
	if err != nil {
		return engine.ScaleEdit{}, err
	}
	edit := newEdit(root)
	source := "spec.replicas"
	if want.Predictor == "" {
		edit.set(want.Replicas, "spec", "replicas")
	} else {
		source = before.predictors[chosen[0]].path + ".replicas"
		edit.set(want.Replicas, "spec", "predictors", chosen[0], "replicas")
	}
	for _, i := range chosen {
		if want.Predictor == "" {
			edit.remove("spec", "predictors", i, "replicas")
		}
		for j := range before.predictors[i].components {
			edit.remove("spec", "predictors", i, "componentSpecs", j, "replicas")
		}
	}
	pins, err := before.pin(edit, chosen, want)
	if err != nil {
		return engine.ScaleEdit{}, err
	}
	notes, err := before.wake(edit, chosen, want)
	if err != nil {
		return engine.ScaleEdit{}, err
	}
	after, err := decode(edit.after)
	if err != nil {
		return engine.ScaleEdit{}, err
	}
	result := engine.ScaleEdit{After: edit.after, Patch: edit.patch}
	for _, p := range after.parts() {
		if p.Source == source || want.Pin && p.pinned(chosen, want.Replicas) {
			result.Reached = append(result.Reached, p.Workload)
		} else {
			result.LeftOut = append(result.LeftOut, engine.LeftOut{Workload: p.Workload, Reason: after.leftOut(p, chosen, want)})
		}
	}
	result.Notes = slices.Concat(before.restarts(chosen), pins, before.along(want), notes)
	return result, edit.err
}

// chosen returns the indexes of the predictors that a request means.
func (d deployment) chosen(name string) ([]int, error) {
	var chosen []int
	var names []string
	for i, p := range d.predictors {
		names = append(names, p.name)
		if name == "" || p.name == name {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("SeldonDeployment %q has no predictor %q; it has %s", d.name, name, strings.Join(names, ", "))
	}
	if name != "" {
		chosen = chosen[:1]
	}
	return chosen, nil
}

// pin narrows the range of the chosen predictors' autoscalers to the wanted number. The service
// orchestrator is told of it, so that its pods restart.
func (d deployment) pin(edit *edit, chosen []int, want engine.ScaleRequest) ([]string, error) {
	if !want.Pin {
		return nil, nil
	}
	var notes []string
	for _, p := range d.parts() {
		if p.Autoscaled == nil || p.Autoscaled.Absent || !slices.Contains(chosen, p.predictor) {
			continue
		}
		if want.Replicas == 0 {
			return nil, fmt.Errorf("%s cannot be pinned to 0: an autoscaler keeps at least one replica; remove %s, or scale the other parts alone", p.Name(), p.Autoscaled.Path)
		}
		low, high := "minReplicas", "maxReplicas"
		if p.Autoscaled.By == "kedaSpec" {
			low, high = "minReplicaCount", "maxReplicaCount"
		}
		before := len(edit.patch)
		for _, bound := range []string{low, high} {
			edit.set(want.Replicas, "spec", "predictors", p.predictor, "componentSpecs", p.component, p.Autoscaled.By, bound)
		}
		note := fmt.Sprintf("%s pins %s, which was %d to %d", p.Autoscaled.Path, p.Name(), p.Autoscaled.Min, p.Autoscaled.Max)
		if len(edit.patch) > before && p.hasEngine() {
			note += "; that restarts its pods"
		}
		notes = append(notes, note)
	}
	return notes, nil
}

// pinned reports whether an autoscaler that works may move the part to one number only.
func (p part) pinned(chosen []int, replicas int32) bool {
	a := p.Autoscaled
	return a != nil && !a.Absent && a.Min == replicas && a.Max == replicas && slices.Contains(chosen, p.predictor)
}

// wake sets explainer.replicas to 1 where the model comes up from 0 and its explainer would not: the
// operator leaves an explainer without a number at what is there, and shows Creating for ever.
func (d deployment) wake(edit *edit, chosen []int, want engine.ScaleRequest) ([]string, error) {
	if want.Replicas == 0 {
		return nil, nil
	}
	after, err := decode(edit.after)
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, i := range chosen {
		if !d.predictors[i].explains() {
			continue
		}
		was := d.explainerPart(d.predictors[i])
		is := after.explainerPart(after.predictors[i])
		asleep := was.Replicas != nil && *was.Replicas == 0 && was.Source != is.path+".replicas"
		if !asleep || or(is.Replicas, 0) != 0 {
			continue
		}
		edit.set(1, "spec", "predictors", i, "explainer", "replicas")
		notes = append(notes, fmt.Sprintf("%s.replicas is set to 1: Deployment %s would stay at 0", is.path, is.Name()))
	}
	return notes, nil
}

// leftOut says why a workload is not governed by the change.
func (d deployment) leftOut(p part, chosen []int, want engine.ScaleRequest) string {
	switch {
	case !slices.Contains(chosen, p.predictor):
		return fmt.Sprintf("belongs to predictor %s, only %s is scaled", p.Predictor, want.Predictor)
	case p.Autoscaled != nil && p.Autoscaled.Absent:
		return p.Autoscaled.By + " takes its replicas away but KEDA made no ScaledObject: it stays at what is there"
	case p.Autoscaled != nil:
		return fmt.Sprintf("autoscaled %d to %d by %s", p.Autoscaled.Min, p.Autoscaled.Max, p.Autoscaled.By)
	case p.Role == engine.Explainer && want.Predictor == "":
		return "explainers do not scale with spec.replicas"
	case p.Role == engine.Explainer:
		return "explainers do not scale with their predictor's replicas"
	case p.Source != "":
		return fmt.Sprintf("%s sets it to %d", strings.TrimPrefix(p.Source, d.predictors[p.predictor].path+"."), *p.Replicas)
	}
	return "nothing in the spec sets its replicas"
}

// restarts names the Deployments whose pods restart because fields are removed that the service
// orchestrator is told about.
func (d deployment) restarts(chosen []int) []string {
	parts := d.parts()
	var notes []string
	for _, i := range chosen {
		var fields []string
		for _, c := range d.predictors[i].components {
			if c.replicas != nil {
				fields = append(fields, c.path+".replicas")
			}
		}
		if len(fields) == 0 {
			continue
		}
		for _, p := range parts {
			if p.predictor == i && p.hasEngine() {
				notes = append(notes, fmt.Sprintf("removing %s restarts the pods of Deployment %s", strings.Join(fields, " and "), p.Name()))
			}
		}
	}
	return notes
}

// along names the canaries and shadows that scale with the predictor that most requests go to.
func (d deployment) along(want engine.ScaleRequest) []string {
	if want.Predictor != "" || len(d.predictors) < 2 {
		return nil
	}
	first := 0
	for i, p := range d.predictors {
		main := d.predictors[first]
		if !p.shadow && (main.shadow || or(p.traffic, 0) > or(main.traffic, 0)) {
			first = i
		}
	}
	var names []string
	for i, p := range d.predictors {
		if i == first {
			continue
		}
		what := fmt.Sprintf("%d%% of the traffic", or(p.traffic, 0))
		if p.shadow {
			what = "shadow"
		}
		if p.replicas != nil && *p.replicas == 0 {
			what += ", was parked at 0"
		}
		names = append(names, fmt.Sprintf("%s (%s)", p.name, what))
	}
	return []string{fmt.Sprintf("predictors scale along to %d: %s; a single predictor can be named instead", want.Replicas, strings.Join(names, ", "))}
}

// edit changes a copy of an object and writes down what it does as a JSON patch.
type edit struct {
	after *unstructured.Unstructured
	patch []engine.PatchOp
	err   error
}

func newEdit(root *unstructured.Unstructured) *edit { return &edit{after: root.DeepCopy()} }

// set puts a number at the path; the path's parents must exist.
func (e *edit) set(n int32, path ...any) {
	parent, key := e.parent(path)
	if parent == nil {
		e.err = errors.Join(e.err, fmt.Errorf("%s cannot be set: its parent is not there", pointer(path)))
		return
	}
	old, there := parent[key]
	if same, ok := old.(int64); ok && same == int64(n) {
		return
	}
	parent[key] = int64(n)
	op := "add"
	if there {
		op = "replace"
	}
	e.patch = append(e.patch, engine.PatchOp{Op: op, Path: pointer(path), Value: int64(n)})
}

// remove takes the value at the path away, if it is there.
func (e *edit) remove(path ...any) {
	parent, key := e.parent(path)
	if _, there := parent[key]; !there {
		return
	}
	delete(parent, key)
	e.patch = append(e.patch, engine.PatchOp{Op: "remove", Path: pointer(path)})
}

// parent returns the object that holds the last key of the path, or nil.
func (e *edit) parent(path []any) (map[string]any, string) {
	var at any = e.after.Object
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			m, _ := at.(map[string]any)
			at = m[step]
		case int:
			l, _ := at.([]any)
			if step >= len(l) {
				return nil, ""
			}
			at = l[step]
		}
	}
	m, _ := at.(map[string]any)
	key, _ := path[len(path)-1].(string)
	return m, key
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []any) string {
	var b strings.Builder
	for _, step := range path {
		text := fmt.Sprint(step)
		text = strings.ReplaceAll(text, "~", "~0")
		text = strings.ReplaceAll(text, "/", "~1")
		b.WriteString("/" + text)
	}
	return b.String()
}
