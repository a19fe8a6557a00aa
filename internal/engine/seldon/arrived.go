package seldon

import (
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon/schema"
)

// Arrived tells which changes of the spec have reached the Deployments: numbers of replicas, pod
// specs in the templates, and nearly everything else of a predictor in the environment of its
// service orchestrator. What can show nowhere (traffic, annotations of the spec, without an
// orchestrator all but the pod specs) is silent. Without an earlier generation every leaf of the spec has to show.
func (Engine) Arrived(before, now *unstructured.Unstructured, owned []*appsv1.Deployment) engine.Arrival {
	is, err := decode(now)
	if err != nil {
		return engine.Arrival{}
	}
	a := arrival{is: is, newParts: is.parts(), owned: owned, whole: before == nil}
	var old any
	if before != nil {
		if a.was, err = decode(before); err != nil {
			return engine.Arrival{}
		}
		a.oldParts = a.was.parts()
		old = canonicalSpec(before.Object["spec"])
	}
	a.workloads()
	a.replicas()
	spec := canonicalSpec(now.Object["spec"])
	leaves := diff(nil, specPath(), old, spec)
	if a.whole {
		leaves = a.all(now, leaves, spec)
	}
	for _, l := range leaves {
		places := a.places(l)
		if len(places) == 0 && a.silent(l) {
			a.result.Silent++
		}
		a.check(l, places)
	}
	a.dropStrange(now)
	return a.result
}

// dropStrange leaves out what is missing because the schema does not know its field: it shows nowhere, and proves nothing.
// Of a whole spec it was not asked for.
func (a *arrival) dropStrange(now *unstructured.Unstructured) {
	if a.whole || len(a.result.Missing) == 0 {
		return
	}
	unknown, all := schema.Check(now), len(a.result.Missing)
	a.result.Missing = slices.DeleteFunc(a.result.Missing, func(m engine.Leaf) bool { return strange(unknown, m.Path) })
	a.result.Leaves -= all - len(a.result.Missing)
}

// silent reports whether a leaf that shows in no place is not accounted for otherwise either, as
// numbers of replicas and predictors that come and go are.
func (a *arrival) silent(l leaf) bool {
	if last(l.path).key == "replicas" {
		return false
	}
	if len(l.path) < 2 || l.path[1].key != "predictors" {
		return true
	}
	same := func(p predictor) bool { return p.name == l.path[2].id }
	return len(l.path) >= 4 && slices.ContainsFunc(a.was.predictors, same) && slices.ContainsFunc(a.is.predictors, same)
}

// arrival is the comparison as it grows.
type arrival struct {
	was, is            deployment
	oldParts, newParts []part
	owned              []*appsv1.Deployment
	// whole says that nothing is known of an earlier generation.
	whole  bool
	result engine.Arrival
	// copies and templates are the orchestrators' predictors and the pod specs, each decoded once.
	copies, templates map[string]any
}

func specPath() []step { return []step{{key: "spec", index: -1}} }

// place is where a leaf must show: a value in a child.
type place struct {
	child string
	value any
	// wants is what must be there; nil for absent, with old being what must be gone.
	wants, old any
}

// count counts one leaf, missing where it is not nil.
func (a *arrival) count(missing *engine.Leaf) {
	a.result.Leaves++
	if missing != nil {
		a.result.Missing = append(a.result.Missing, *missing)
	}
}

// check counts a leaf that shows in at least one place, as missing where one place lacks it.
func (a *arrival) check(l leaf, places []place) {
	if len(places) == 0 {
		return
	}
	var missing *engine.Leaf
	for _, p := range places {
		if p.shows(l) {
			continue
		}
		missing = &engine.Leaf{
			Path: pathText(l.path), Child: p.child, Dated: len(l.path) > 1 && l.path[1].key == "predictors",
			Has:   describe(l.path, p.value, "another value"),
			Wants: describe(l.path, p.wants, "the value in the spec"),
		}
		break
	}
	a.count(missing)
}

func (p place) shows(l leaf) bool {
	quantities := within(l.path, "resources", "hpaSpec")
	if p.wants == nil {
		return p.value == nil || !covers(p.value, p.old, quantities)
	}
	return covers(p.value, p.wants, quantities)
}

// workloads counts Deployments that are to come, to go, or not there, and service orchestrators
// that are to be put into one or taken out.
func (a *arrival) workloads() {
	for _, p := range a.newParts {
		old := partNamed(a.oldParts, p.Names)
		d := a.deployment(p)
		if d == nil {
			a.count(&engine.Leaf{Path: p.path, Child: p.Name(), Has: "no Deployment", Wants: "a Deployment"})
			continue
		}
		if old == nil && !a.whole {
			a.count(nil)
			continue
		}
		if a.whole || old.hasEngine() != p.hasEngine() {
			l := leaf{path: []step{{key: p.path, index: -1}}, new: p.hasEngine()}
			has := slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool { return c.Name == engineContainer })
			a.check(l, []place{{child: d.Name, value: orchestrated(has), wants: orchestrated(p.hasEngine())}})
		}
	}
	for _, p := range a.oldParts {
		if partNamed(a.newParts, p.Names) != nil {
			continue
		}
		var missing *engine.Leaf
		if d := a.named(p.Names); d != nil {
			missing = &engine.Leaf{Path: p.path, Child: d.Name, Has: "a Deployment", Wants: "no Deployment"}
		}
		a.count(missing)
	}
}

func orchestrated(yes bool) string {
	if yes {
		return "with the container " + engineContainer
	}
	return "without the container " + engineContainer
}

// replicas counts the Deployments whose implied number has changed.
func (a *arrival) replicas() {
	for _, p := range a.newParts {
		old := partNamed(a.oldParts, p.Names)
		d := a.deployment(p)
		if p.Replicas == nil || d == nil || old != nil && old.Replicas != nil && *old.Replicas == *p.Replicas {
			continue
		}
		has := or(d.Spec.Replicas, 1)
		var missing *engine.Leaf
		if has != *p.Replicas {
			missing = &engine.Leaf{Path: p.Source, Child: d.Name, Has: strconv.Itoa(int(has)), Wants: strconv.Itoa(int(*p.Replicas))}
		}
		a.count(missing)
	}
}

// deployment returns the living Deployment of a part: by one of its names, else the only one that
// carries its labels and containers.
func (a *arrival) deployment(p part) *appsv1.Deployment {
	if d := a.named(p.Names); d != nil {
		return d
	}
	var found *appsv1.Deployment
	for _, d := range a.owned {
		if d == nil || d.DeletionTimestamp != nil || !fits(p, d) {
			continue
		}
		if found != nil {
			return nil
		}
		found = d
	}
	return found
}

func (a *arrival) named(names []string) *appsv1.Deployment {
	for _, d := range a.owned {
		if d != nil && d.DeletionTimestamp == nil && slices.Contains(names, d.Name) {
			return d
		}
	}
	return nil
}

func fits(p part, d *appsv1.Deployment) bool {
	if len(p.Names) < 2 {
		return false // Only hashed names leave a doubt.
	}
	for k, v := range p.Labels {
		if d.Spec.Template.Labels[k] != v {
			return false
		}
	}
	for _, c := range p.Containers {
		if !slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(is corev1.Container) bool { return is.Name == c.Name }) {
			return false
		}
	}
	return len(p.Containers) > 0
}

func partNamed(parts []part, names []string) *part {
	for i, p := range parts {
		if slices.Equal(p.Names, names) {
			return &parts[i]
		}
	}
	return nil
}
