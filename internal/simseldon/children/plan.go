package children

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// First ports of graph units. HTTP and gRPC start again with each predictor, metrics do not.
const (
	firstHTTP    int32 = 9000
	firstGRPC    int32 = 9500
	firstMetrics int32 = 6000
	engineHTTP   int32 = 8000
	engineGRPC   int32 = 5001
)

// plan is a predictor with what the operator adds in memory: the servers it brings, the ports it gives.
type plan struct {
	p          *spec.Predictor
	components []*spec.Component
	nodes      []*node
	// entry is the component whose pods take the predictor's traffic: the one that gets the engine, or is spoken to without one. -1: none.
	entry int
}

// node is a graph unit that has a container.
type node struct {
	unit      *spec.Unit
	component int
	container int
	http      int32
	grpc      int32
	metrics   int32
	service   string
}

// plan fills a predictor in. The spec itself stays as it is.
func (b *builder) plan(p *spec.Predictor) (*plan, error) {
	out := &plan{p: p, entry: -1}
	for _, c := range p.ComponentSpecs {
		if c == nil {
			c = &spec.Component{}
		}
		own := *c
		own.Spec = *c.Spec.DeepCopy()
		out.components = append(out.components, &own)
	}
	if err := b.bringServers(out); err != nil {
		return nil, err
	}
	units := map[string]*spec.Unit{}
	p.Graph.Walk(func(u *spec.Unit) { units[u.Name] = u })
	for i, c := range out.components {
		for j := range c.Spec.Containers {
			if u := units[c.Spec.Containers[j].Name]; u != nil {
				out.nodes = append(out.nodes, b.node(out, u, i, j))
			}
		}
	}
	if len(out.nodes) > 0 && !b.d.SeparateEngine() {
		out.entry = out.nodes[0].component
	}
	return out, nil
}

// bringServers adds a container for each prepackaged server that has none: all of them in the first component, in one pod.
func (b *builder) bringServers(plan *plan) error {
	var failed error
	plan.p.Graph.Walk(func(u *spec.Unit) {
		if !u.Prepackaged() || failed != nil {
			return
		}
		if !KnownServer(u.Implementation) {
			failed = fmt.Errorf("Failed to get server config for %s", u.Implementation) //nolint:staticcheck // the operator's own words
			return
		}
		if plan.container(u.Name) != nil {
			return
		}
		if len(plan.components) == 0 {
			plan.components = append(plan.components, &spec.Component{})
		}
		pod := &plan.components[0].Spec
		pod.Containers = append(pod.Containers, corev1.Container{Name: u.Name})
	})
	return failed
}

func (b *builder) node(plan *plan, u *spec.Unit, component, container int) *node {
	n := int32(len(plan.nodes))
	out := &node{
		unit: u, component: component, container: container,
		http: firstHTTP + n, grpc: firstGRPC + n, metrics: b.metrics,
		service: b.d.UnitService(plan.p, u.Name),
	}
	b.metrics++
	for _, port := range plan.components[component].Spec.Containers[container].Ports {
		switch port.Name {
		case "http":
			out.http = port.ContainerPort
		case "grpc":
			out.grpc = port.ContainerPort
		case "metrics":
			out.metrics = port.ContainerPort
		}
	}
	return out
}

// container finds a container by name in any component.
func (plan *plan) container(name string) *corev1.Container {
	for _, c := range plan.components {
		for j := range c.Spec.Containers {
			if c.Spec.Containers[j].Name == name {
				return &c.Spec.Containers[j]
			}
		}
	}
	return nil
}

// of gives the nodes of one component.
func (plan *plan) of(component int) []*node {
	var out []*node
	for _, n := range plan.nodes {
		if n.component == component {
			out = append(out, n)
		}
	}
	return out
}

// node finds the node of a unit.
func (plan *plan) node(unit string) *node {
	for _, n := range plan.nodes {
		if n.unit.Name == unit {
			return n
		}
	}
	return nil
}
