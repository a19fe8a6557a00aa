package seldon

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// places returns where a leaf of the spec must show in the Deployments that are there.
func (a *arrival) places(l leaf) []place {
	if len(l.path) < 2 {
		return nil
	}
	switch l.path[1].key {
	case "predictors":
	case "annotations":
		return a.markPlaces(l)
	default:
		return a.flagPlaces(l)
	}
	if len(l.path) < 4 || !l.path[2].element() {
		return nil
	}
	index := slices.IndexFunc(a.is.predictors, func(p predictor) bool { return p.name == l.path[2].id })
	if index < 0 {
		return nil // The predictor goes, and its Deployments with it.
	}
	inside := l.path[3:]
	var places []place
	for _, p := range a.newParts {
		if p.predictor != index {
			continue
		}
		d := a.deployment(p)
		if d == nil {
			continue // counted as a workload that is not there
		}
		if shown := a.copied(d); shown != nil && p.hasEngine() && a.inPredictor(index, shown, l, inside) {
			places = append(places, place{child: d.Name, value: lookup(shown, inside), wants: l.new, old: l.old})
		}
		if value, ok := a.inTemplate(p, d, l, inside); ok {
			places = append(places, place{child: d.Name, value: value, wants: l.new, old: l.old})
		}
	}
	return places
}

// inPredictor reports whether a leaf shows in the orchestrator's copy of the predictor.
func (a *arrival) inPredictor(index int, shown any, l leaf, inside []step) bool {
	p := a.is.predictors[index]
	switch inside[0].key {
	case "traffic", "replicas", "name":
		return false // zeroed there, or what the predictor is found by
	case "labels":
		return l.new != nil || last(inside).key != "version" // gets a default
	case "graph":
		return graphShows(p.graph, l, inside) && (!a.whole || !within(inside, "endpoint")) // completed by the operator
	case "componentSpecs":
		if len(inside) > 2 && inside[2].key == "spec" {
			return a.podShows(p, l, inside[3:])
		}
		return !within(inside, "creationTimestamp")
	case "explainer":
		if lookup(shown, inside[:1]) == nil && l.new != nil {
			return false // There are operators that leave it out there.
		}
		if len(inside) > 1 && inside[1].key == "containerSpec" {
			return l.new != nil || !defaulted(inside)
		}
	}
	return true
}

// graphShows leaves out what the operator writes into the graph itself.
func graphShows(g unit, l leaf, inside []step) bool {
	switch last(inside).key {
	case "service_host", "service_port", "httpPort", "grpcPort":
		return false
	case "implementation", "methods":
		return l.new != nil
	case "type":
		if within(inside, "endpoint", "parameters") {
			return true
		}
		u, ok := g.find(unitAt(g, inside))
		return l.new != nil && ok && !u.prepackaged()
	}
	return true
}

// unitAt returns the name of the unit that a path below the graph belongs to.
func unitAt(g unit, inside []step) string {
	name := g.name
	for i, s := range inside {
		if s.element() && inside[i-1].key == "children" {
			name = s.id
		}
	}
	return name
}

// inTemplate returns the value that a leaf must have in the template of a part's Deployment; ok is
// false where the template does not show it.
func (a *arrival) inTemplate(p part, d *appsv1.Deployment, l leaf, inside []step) (value any, ok bool) {
	predictor := a.is.predictors[p.predictor]
	template := func() any { return a.template(d) }
	switch inside[0].key {
	case "labels", "annotations":
		return a.podMark(p, d, l, inside)
	case "componentSpecs":
		return a.componentValue(p, d, l, inside)
	case "graph":
		if !p.hasEngine() && last(inside).key == "modelUri" {
			return a.modelURI(p, d, l, unitAt(predictor.graph, inside))
		}
	case "explainer":
		if p.explainerOnly() && len(inside) > 2 && inside[1].key == "containerSpec" {
			return explainerValue(p, template(), l, inside[2:])
		}
		if p.explainerOnly() && last(inside).key == "modelUri" {
			return a.modelURI(p, d, l, p.Containers[0].Name)
		}
	case "svcOrchSpec":
		return engineValue(p, template(), l, inside)
	}
	return nil, false
}

// componentValue returns what a leaf of a component must be in its Deployment's template.
func (a *arrival) componentValue(p part, d *appsv1.Deployment, l leaf, inside []step) (value any, ok bool) {
	if len(inside) < 4 || inside[1].index != p.component {
		return nil, false
	}
	switch inside[2].key {
	case "metadata":
		return a.podMark(p, d, l, inside[3:])
	case "spec":
		if !a.podShows(a.is.predictors[p.predictor], l, inside[3:]) || inside[3].key == "securityContext" {
			return nil, false // The operator's own securityContext wins.
		}
		if a.whole && (inside[3].key == "serviceAccountName" || inside[3].key == "serviceAccount") {
			return nil, false // A unit's own account wins.
		}
		return lookup(a.template(d), inside[3:]), true
	}
	return nil, false
}

// engineValue returns what a leaf of svcOrchSpec must be in the template that holds the engine.
func engineValue(p part, template any, l leaf, inside []step) (value any, ok bool) {
	if !p.hasEngine() || len(inside) < 2 || appended(l, inside) {
		return nil, false
	}
	switch {
	case inside[1].key == "env", inside[1].key == "resources" && l.new != nil: // removed resources get a default
		return lookup(template, append(containerPath(engineContainer), inside[1:]...)), true
	}
	return nil, false
}

// markPlaces returns the pods' annotations that show one of the spec's: those of every component.
func (a *arrival) markPlaces(l leaf) []place {
	var places []place
	for _, p := range a.newParts {
		d := a.deployment(p)
		if d == nil {
			continue // counted as a workload that is not there
		}
		if value, ok := a.podMark(p, d, l, l.path[1:]); ok {
			places = append(places, place{child: d.Name, value: value, wants: l.new, old: l.old})
		}
	}
	return places
}

// podMark returns the label or annotation of a component's pods that a leaf of the spec, the predictor or
// the component sets. The component's wins over the predictor's, that over the spec's, and the operator's
// own over all.
func (a *arrival) podMark(p part, d *appsv1.Deployment, l leaf, inside []step) (any, bool) {
	if p.component < 0 || len(inside) < 2 {
		return nil, false
	}
	key, marks := inside[1].key, d.Spec.Template.Labels
	predictor := a.is.predictors[p.predictor]
	var c component // a prepackaged server may have none
	if p.component < len(predictor.components) {
		c = predictor.components[p.component]
	}
	further, nearer, own := predictor.labels, c.labels, operatorsLabel
	if inside[0].key == "annotations" {
		marks, further, nearer, own = d.Spec.Template.Annotations, predictor.annotations, c.annotations, operatorsAnnotation
	}
	_, byPredictor := further[key]
	_, byComponent := nearer[key]
	ofPredictor, ofComponent := within(l.path, "predictors"), within(l.path, "componentSpecs")
	switch {
	case own(key), inside[0].key == "labels" && key == "version" && (ofComponent || l.new == nil):
		return nil, false
	case byComponent && !ofComponent, byPredictor && !ofPredictor:
		return nil, false
	}
	if value, there := marks[key]; there {
		return value, true
	}
	return nil, true
}

// operatorsLabel reports whether the operator itself sets a label of pods.
func operatorsLabel(key string) bool {
	switch key {
	case "app", "fluentd", "app.kubernetes.io/managed-by":
		return true
	}
	return strings.HasPrefix(key, "seldon-") || strings.HasPrefix(key, "seldon.io/")
}

// operatorsAnnotation reports whether the operator itself sets an annotation of pods. Those by which it is
// told what to do it copies like all others.
func operatorsAnnotation(key string) bool { return strings.HasPrefix(key, "prometheus.io/") }

// modelURI returns what the init container that loads a container's model was told to load. From a
// volume it loads in another way.
func (a *arrival) modelURI(p part, d *appsv1.Deployment, l leaf, container string) (any, bool) {
	uri, _ := l.new.(string)
	if uri == "" || strings.HasPrefix(uri, "pvc://") || !slices.Contains(containerNames(p.Containers), container) {
		return nil, false
	}
	for _, c := range d.Spec.Template.Spec.InitContainers {
		if c.Name == container+"-model-initializer" && len(c.Args) > 0 {
			return c.Args[0], true
		}
	}
	return nil, false
}

func (p part) explainerOnly() bool { return p.component < 0 && !p.hasEngine() }

func explainerValue(p part, template any, l leaf, inside []step) (any, bool) {
	switch inside[0].key {
	case "args", "name":
		return nil, false // The operator writes the arguments; a name finds the container.
	}
	if l.new == nil && (defaulted(inside) || inside[0].key == "image") || appended(l, inside) {
		return nil, false
	}
	return lookup(template, append(containerPath(p.Containers[0].Name), inside...)), true
}

func containerPath(name string) []step {
	return []step{{key: "containers", index: -1}, {key: "name", id: name, index: 0}}
}

// podShows reports whether a leaf of a component's pod spec shows as it is, here by the path below
// the pod spec. It leaves out what the operator or the API server puts there by themselves.
func (a *arrival) podShows(p predictor, l leaf, pod []step) bool {
	if len(pod) == 0 || l.new == nil && defaulted(pod) || appended(l, pod) || a.whole && ofOperator(pod) {
		return false
	}
	if pod[0].key != "containers" || len(pod) < 3 {
		return true
	}
	u, ok := p.graph.find(pod[1].id)
	if !ok || !u.prepackaged() {
		return true
	}
	switch pod[2].key {
	case "args":
		return false
	case "env":
		return !a.whole || len(pod) > 3 && pod[3].element() // of the whole list not the order: its server's own are put between them
	case "image":
		return l.new != nil && u.implementation != tensorflow
	case "name":
		return l.new != nil
	}
	return true
}

// appended reports whether a leaf is a whole list, as one with an entry twice is, to which the operator
// appends: that can never be what the spec says.
func appended(l leaf, path []step) bool {
	_, isList := l.new.([]any)
	switch last(path).key {
	case "ports", "env", "volumeMounts", "volumes", "containers", "initContainers":
		return isList
	}
	return false
}

// ofOperator reports whether a leaf belongs to an environment variable that the operator sets too.
func ofOperator(path []step) bool {
	for i, s := range path {
		if s.element() && i > 0 && path[i-1].key == "env" && operatorsEnv(s.id) {
			return true
		}
	}
	return false
}

// defaulted reports whether a field comes back with a default after it was removed, so that its
// absence proves nothing.
func defaulted(path []step) bool {
	for _, s := range path {
		switch s.key {
		case "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports", "volumeMounts", "imagePullPolicy",
			"terminationMessagePath", "terminationMessagePolicy", "terminationGracePeriodSeconds", "restartPolicy",
			"dnsPolicy", "schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "defaultMode",
			"protocol", "apiVersion":
			return true
		}
	}
	return ofOperator(path)
}

// operatorsEnv reports whether the operator itself sets an environment variable of that name.
func operatorsEnv(name string) bool {
	switch name {
	case "ENGINE_PREDICTOR", "REQUEST_LOGGER_DEFAULT_ENDPOINT":
		return true
	}
	for _, prefix := range []string{"PREDICTIVE_UNIT_", "PREDICTOR_", "MLSERVER_", "SELDON_", "TEMPO_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// flagPlaces returns the arguments of the service orchestrators that show a setting of the spec.
func (a *arrival) flagPlaces(l leaf) []place {
	var name, otherwise string
	switch l.path[1].key {
	case "protocol":
		name, otherwise = "--protocol", "seldon"
	case "transport":
		name, otherwise = "--transport", "rest"
	case "serverType":
		name, otherwise = "--server_type", "rpc"
	default:
		return nil
	}
	wants := l.new
	if wants == nil {
		wants = otherwise
	}
	var places []place
	for _, p := range a.newParts {
		d := a.deployment(p)
		if d == nil || !p.hasEngine() {
			continue
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			i := slices.Index(c.Args, name)
			if c.Name == engineContainer && i >= 0 && i+1 < len(c.Args) {
				places = append(places, place{child: d.Name, value: c.Args[i+1], wants: wants})
			}
		}
	}
	return places
}

func last(path []step) step { return path[len(path)-1] }

// within reports whether a path passes one of the keys.
func within(path []step, keys ...string) bool {
	return slices.ContainsFunc(path, func(s step) bool { return !s.element() && slices.Contains(keys, s.key) })
}
