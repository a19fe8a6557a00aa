package seldon

import (
	"slices"
	"strings"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// What KEDA assumes where a kedaSpec leaves its range open.
const (
	kedaMin = 0
	kedaMax = 100
)

// part is an implied workload with its place in the spec.
type part struct {
	engine.Workload
	predictor int // index of the predictor
	component int // index of the component, -1 for orchestrators and explainers
	path      string
	wantsHPA  bool
	wantsPDB  bool
}

// hasEngine reports whether the part's pods hold the service orchestrator.
func (p part) hasEngine() bool {
	return slices.ContainsFunc(p.Containers, func(c engine.Container) bool { return c.Name == engineContainer })
}

// parts returns the implied workloads in the spec's order; within a predictor its components, then
// its orchestrator, then its explainer.
func (d deployment) parts() []part {
	var parts []part
	for i, p := range d.predictors {
		components := p.filled()
		injected := d.injected(p, components)
		for j, c := range components {
			if len(c.containers) == 0 {
				continue // The operator skips such an item, together with its hpaSpec and pdbSpec.
			}
			made := d.componentPart(p, j, c, j == injected)
			made.predictor = i
			parts = append(parts, made)
		}
		if d.separate(p) {
			made := d.orchestratorPart(p)
			made.predictor = i
			parts = append(parts, made)
		}
		if p.explains() {
			made := d.explainerPart(p)
			made.predictor = i
			parts = append(parts, made)
		}
	}
	return parts
}

func (d deployment) componentPart(p predictor, index int, c component, withEngine bool) part {
	made := part{component: index, path: c.path, wantsPDB: c.pdb, wantsHPA: c.hpa != nil && c.keda == nil}
	made.Role = engine.Component
	made.Predictor = p.name
	made.Names = d.componentNames(p, index, c)
	made.Containers = d.containersOf(p, c)
	made.Labels = map[string]string{idLabel: short(d.name)}
	if len(made.Names) == 1 {
		made.Labels["app"] = made.Names[0]
	}
	if withEngine {
		made.Containers = append(made.Containers, engine.Container{Name: engineContainer})
	}
	if withEngine || p.engineless() {
		made.Labels[appLabel] = d.predictorService(p)
	}
	made.Replicas, made.Source = d.componentReplicas(p, c)
	made.Autoscaled = d.autoscaled(c)
	return made
}

func (d deployment) orchestratorPart(p predictor) part {
	made := part{component: -1, path: p.path + ".svcOrchSpec"}
	made.Role = engine.Orchestrator
	made.Predictor = p.name
	made.Names = []string{d.orchestratorName(p)}
	made.Containers = []engine.Container{{Name: engineContainer}}
	// Its id label carries the predictor's Service, not the SeldonDeployment's name.
	made.Labels = map[string]string{idLabel: d.predictorService(p), appLabel: d.predictorService(p)}
	made.Replicas, made.Source = firstSet(
		field{p.orchestrator, p.path + ".svcOrchSpec.replicas"},
		field{p.replicas, p.path + ".replicas"},
		field{d.replicas, "spec.replicas"},
	)
	return made
}

func (d deployment) explainerPart(p predictor) part {
	made := part{component: -1, path: p.path + ".explainer"}
	made.Role = engine.Explainer
	made.Predictor = p.name
	made.Names = []string{d.explainerName(p)}
	container := p.explainer.container
	if container.Name == "" {
		container.Name = d.explainerName(p)
	}
	made.Containers = []engine.Container{container}
	made.Labels = map[string]string{
		idLabel: short(d.name), "app": d.explainerName(p), appLabel: d.explainerName(p),
	}
	// The numbers above count only where they are 0: an explainer does not scale along.
	switch {
	case p.replicas != nil && *p.replicas == 0:
		made.Replicas, made.Source = p.replicas, p.path+".replicas"
	case p.replicas == nil && d.replicas != nil && *d.replicas == 0:
		made.Replicas, made.Source = d.replicas, "spec.replicas"
	default:
		made.Replicas, made.Source = firstSet(field{p.explainer.replicas, p.path + ".explainer.replicas"})
	}
	return made
}

// field is a number of replicas and the place where it stands.
type field struct {
	value *int32
	path  string
}

// firstSet returns the first field that is set.
func firstSet(fields ...field) (*int32, string) {
	for _, f := range fields {
		if f.value != nil {
			return f.value, f.path
		}
	}
	return nil, ""
}

// componentReplicas follows the operator's order: an autoscaler takes the number away, else the
// nearest field counts.
func (d deployment) componentReplicas(p predictor, c component) (*int32, string) {
	if c.keda != nil || c.hpa != nil {
		return nil, ""
	}
	return firstSet(
		field{c.replicas, c.path + ".replicas"},
		field{p.replicas, p.path + ".replicas"},
		field{d.replicas, "spec.replicas"},
	)
}

func (d deployment) autoscaled(c component) *engine.Autoscaled {
	switch {
	case c.keda != nil:
		return &engine.Autoscaled{
			By: "kedaSpec", Path: c.path + ".kedaSpec",
			Min: or(c.keda.min, kedaMin), Max: or(c.keda.max, kedaMax), Absent: d.kedaAbsent, Hidden: true,
		}
	case c.hpa != nil:
		return &engine.Autoscaled{
			By: "hpaSpec", Path: c.path + ".hpaSpec",
			Min: or(c.hpa.min, 1), Max: or(c.hpa.max, or(c.hpa.min, 1)),
		}
	}
	return nil
}

func or(n *int32, otherwise int32) int32 {
	if n == nil {
		return otherwise
	}
	return *n
}

// containersOf returns a component's containers as the spec prescribes them, with those that the
// operator adds for a TensorFlow server: beside its proxy in Seldon's protocol, and in v2 nobody has recorded it.
func (d deployment) containersOf(p predictor, c component) []engine.Container {
	containers := slices.Clone(c.containers)
	if d.protocol == "tensorflow" {
		return containers
	}
	for i, con := range c.containers {
		u, ok := p.graph.find(con.Name)
		if !ok || u.implementation != tensorflow {
			continue
		}
		containers[i].Image = "" // The operator puts its proxy here, whatever the spec says.
		if seldons := d.protocol == "" || d.protocol == "seldon"; seldons && !slices.Contains(containerNames(containers), tfContainer) {
			containers = append(containers, engine.Container{Name: tfContainer})
		}
	}
	return containers
}

// services returns the names of the implied Services, each once.
func (d deployment) services() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, p := range d.predictors {
		add(d.predictorService(p))
		for _, c := range p.filled() {
			for _, con := range c.containers {
				if _, ok := p.graph.find(con.Name); ok && con.Name != engineContainer && con.Name != tfContainer {
					add(d.unitService(p, con.Name))
				}
			}
		}
		if p.explains() {
			add(d.explainerName(p))
		}
	}
	return names
}

// separate reports whether the predictor gets an orchestrator Deployment of its own.
func (d deployment) separate(p predictor) bool {
	return strings.EqualFold(d.annotations[separateEngine], "true") && !p.engineless()
}

// injected returns the index of the component whose pods get the service orchestrator, or -1: the
// one with the first unit of the graph that lives in the first component or in a prepackaged server.
func (d deployment) injected(p predictor, components []component) int {
	if p.engineless() || d.separate(p) || len(components) == 0 {
		return -1
	}
	for _, u := range p.graph.all() {
		if !u.prepackaged() && !slices.Contains(containerNames(components[0].containers), u.name) {
			continue
		}
		for j, component := range slices.Backward(components) {
			if slices.Contains(containerNames(component.containers), u.name) {
				return j
			}
		}
	}
	return -1
}

// explains reports whether the operator makes an explainer: one without a type is ignored.
func (p predictor) explains() bool { return p.explainer != nil && p.explainer.kind != "" }

func (p predictor) engineless() bool { return strings.EqualFold(p.annotations[noEngine], "true") }

// filled returns the components with the containers that the operator adds to the first of them for
// prepackaged servers that have none; without any component it makes one.
func (p predictor) filled() []component {
	components := slices.Clone(p.components)
	for _, u := range p.graph.all() {
		if !u.prepackaged() || slices.ContainsFunc(components, func(c component) bool {
			return slices.Contains(containerNames(c.containers), u.name)
		}) {
			continue
		}
		if len(components) == 0 {
			components = []component{{path: p.path + ".componentSpecs[0]"}}
		}
		first := &components[0]
		first.containers = append(slices.Clone(first.containers), engine.Container{Name: u.name})
	}
	return components
}
