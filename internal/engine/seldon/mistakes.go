package seldon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon/schema"
)

var _ engine.Checker = Engine{}

// Mistakes returns what of a SeldonDeployment the API server refuses or drops, and then what it says in
// vain though the API server, the webhook and the operator all accept it. Of an object whose types are
// wrong only the former can be told.
func (e Engine) Mistakes(root *unstructured.Unstructured) []engine.Mistake {
	f := findings(schema.Check(root))
	d, err := decode(root)
	if err != nil {
		return f
	}
	if v := root.GroupVersionKind().Version; v != "" && !slices.Contains(e.Identity().Versions, v) {
		f.problem("apiVersion", fmt.Sprintf("%q is no version of it", clip(v)), group+"/"+e.Identity().Versions[0])
	}
	spec, _ := root.Object["spec"].(map[string]any)
	f.annotations("metadata.annotations", root.GetAnnotations())
	f.annotations("spec.annotations", d.annotations)
	for _, key := range []string{"name", "oauth_key", "oauth_secret"} {
		if spec[key] != nil {
			f.warn("spec."+key, "is not used by any supported version", "")
		}
	}
	predictors, _ := spec["predictors"].([]any)
	for i, p := range d.predictors {
		raw, _ := predictors[i].(map[string]any)
		f.annotations(p.path+".annotations", p.annotations)
		f.graph(p.graph, p.path+".graph", raw["graph"])
		if raw["engineResources"] != nil {
			f.warn(p.path+".engineResources", "is ignored", p.path+".svcOrchSpec.resources")
		}
		if p.orchestrator != nil && !d.separate(p) {
			f.warn(p.path+".svcOrchSpec.replicas", "is ignored: the orchestrator has no pods of its own",
				`spec.annotations with `+separateEngine+`: "true"`)
		}
		if p.explainer != nil && !p.explains() {
			f.problem(p.path+".explainer", "is ignored without a type", p.path+".explainer.type")
		}
		f.components(p)
	}
	f.traffic(d)
	f.denials(d, spec)
	return f[:min(len(f), engine.MostMistakes)]
}

// findings collects mistakes.
type findings []engine.Mistake

// problem adds what makes the object do something else than it is for, warn what is only without effect.
func (f *findings) problem(path, text, meant string) { f.add(engine.Problem, path, text, meant) }

func (f *findings) warn(path, text, meant string) { f.add(engine.Warning, path, text, meant) }

func (f *findings) add(severity engine.Severity, path, text, meant string) {
	*f = append(*f, engine.Mistake{Path: path, Severity: severity, Text: text, Meant: meant})
}

// traffic looks for a share of nothing among several predictors, which otherwise share out all of it.
func (f *findings) traffic(d deployment) {
	var parked []string
	serving, sum := 0, int32(0)
	for _, p := range d.predictors {
		switch {
		case p.shadow:
			continue
		case p.traffic == nil || *p.traffic == 0:
			parked = append(parked, p.path+".traffic")
		default:
			sum += *p.traffic
		}
		serving++
	}
	if serving < 2 || sum != 100 {
		return // refused, or not shared at all
	}
	for _, path := range parked {
		f.warn(path, "is 0, which the operator leaves out of Ambassador's v1 mappings: there the predictor gets an equal share", "")
	}
}

func (f *findings) components(p predictor) {
	filled := p.filled()
	for i, c := range p.components {
		if len(filled[i].containers) == 0 {
			f.problem(c.path, "is ignored, with all that it says, because it has no containers", c.path+".spec.containers")
			continue
		}
		var by string
		switch {
		case c.keda != nil:
			by = "kedaSpec"
		case c.hpa != nil:
			by = "hpaSpec"
		default:
			continue
		}
		if c.keda != nil && c.hpa != nil {
			f.warn(c.path+".hpaSpec", "is ignored beside kedaSpec", "one of the two")
		}
		if c.replicas != nil {
			f.warn(c.path+".replicas", "is ignored beside "+by, c.path+"."+by)
		}
		if p.replicas != nil && len(p.components) == 1 {
			f.warn(p.path+".replicas", "is ignored beside "+by, c.path+"."+by)
		}
	}
}

// graph looks at a unit and those below it.
func (f *findings) graph(u unit, path string, raw any) {
	m, _ := raw.(map[string]any)
	types := []string{"MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "UNKNOWN_TYPE"}
	switch {
	case u.kind != "" && !slices.Contains(types, u.kind):
		f.problem(path+".type", fmt.Sprintf("%q is no type: the unit is never called and its input is handed on", clip(u.kind)), schema.Likely(u.kind, types))
	case m != nil && u.kind == "" && u.implementation == "" && m["methods"] == nil:
		f.warn(path+".type", "is missing: the unit counts as a MODEL", "MODEL")
	}
	endpoint, _ := m["endpoint"].(map[string]any)
	ends := []string{"REST", "GRPC"}
	if kind, _ := endpoint["type"].(string); kind != "" && !slices.Contains(ends, kind) {
		severity, meant := engine.Problem, schema.Likely(kind, ends)
		if meant == "REST" {
			severity = engine.Warning
		}
		f.add(severity, path+".endpoint.type", fmt.Sprintf("%q is no type of endpoint and counts as REST", clip(kind)), meant)
	}
	children, _ := m["children"].([]any)
	for i, child := range u.children {
		f.graph(child, fmt.Sprintf("%s.children[%d]", path, i), children[i])
	}
}

// annotations looks for those that stand where they are not read, and for misspelt ones.
func (f *findings) annotations(path string, annotations map[string]string) {
	known := []string{separateEngine, noEngine, serviceName}
	others := []string{
		"seldon.io/headless-svc", "seldon.io/rest-timeout", "seldon.io/grpc-timeout", "seldon.io/no-storage-initializer",
		"seldon.io/executor-logger-queue-size", "seldon.io/executor-logger-write-timeout-ms",
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		predictor := strings.HasPrefix(path, "spec.predictors")
		at := fmt.Sprintf("%s[%s]", path, key)
		switch {
		case key == separateEngine && path != "spec.annotations":
			f.warn(at, "is not read here", "spec.annotations")
		case (key == noEngine || key == serviceName) && !predictor:
			f.warn(at, "is not read here", "spec.predictors[].annotations")
		case key == noEngine && !strings.EqualFold(annotations[key], "true"):
			f.warn(at, fmt.Sprintf("%q leaves the engine in; being there at all allows only one unit in the graph", clip(annotations[key])), `"true", or no such annotation`)
		case strings.HasPrefix(key, "seldon.io/") && !slices.Contains(known, key) && !slices.Contains(others, key):
			if meant := schema.Likely(key, slices.Concat(known, others)); meant != "" {
				f.warn(at, "is no annotation that is read", meant)
			}
		}
	}
}

// denials are what the operator's webhook refuses in every supported version. What depends on how the
// operator is installed, such as further servers, is not among them.
func (f *findings) denials(d deployment, spec map[string]any) {
	for _, choice := range []struct {
		field string
		words []string
	}{{"protocol", []string{"seldon", "tensorflow", "kfserving", "v2"}}, {"transport", []string{"rest", "grpc"}}, {"serverType", []string{"rpc", "kafka"}}} {
		if value, _ := spec[choice.field].(string); value != "" && !slices.Contains(choice.words, value) {
			f.deny("spec."+choice.field, fmt.Sprintf("%q is none of %s", clip(value), strings.Join(choice.words, ", ")), schema.Likely(value, choice.words))
		}
	}
	if d.replicas != nil && *d.replicas < 0 {
		f.problem("spec.replicas", "is negative: the API server refuses it", "")
	}
	if predictors, ok := spec["predictors"].([]any); ok && len(predictors) == 0 {
		f.deny("spec.predictors", "is empty", "")
	}
	names, services := map[string]bool{}, map[string]bool{}
	predictors, _ := spec["predictors"].([]any)
	for i, p := range d.predictors {
		if names[p.name] {
			f.deny(p.path+".name", fmt.Sprintf("%q is the name of two predictors", clip(p.name)), "")
		}
		if own := p.annotations[serviceName]; own != "" && services[own] {
			f.deny(p.path+".annotations["+serviceName+"]", fmt.Sprintf("%q is the Service of two predictors", clip(own)), "")
		}
		names[p.name], services[p.annotations[serviceName]] = true, true
		if _, there := p.annotations[noEngine]; there && len(p.graph.children) > 0 {
			f.deny(p.path+".annotations["+noEngine+"]", "allows only one unit in the graph, whatever its value", "")
		}
		raw, _ := predictors[i].(map[string]any)
		if spec["serverType"] == "kafka" {
			f.deniedKafka(p.path+".svcOrchSpec.env", raw)
		}
		f.deniedUnit(d, p, p.graph, p.path+".graph", raw["graph"])
	}
	f.deniedShares(d)
	f.deniedTransports(spec)
}

func (f *findings) deny(path, text, meant string) {
	f.problem(path, text+": the operator's webhook refuses it", meant)
	(*f)[len(*f)-1].Denied = true
}

// deniedUnit looks at a unit and those below it.
func (f *findings) deniedUnit(d deployment, p predictor, u unit, path string, raw any) {
	m, _ := raw.(map[string]any)
	uri, _ := m["modelUri"].(string)
	servers := []string{"SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "TENSORFLOW_SERVER", "TRITON_SERVER", "TEMPO_SERVER"}
	switch {
	case m == nil:
		return
	case slices.Contains(servers, u.implementation) && uri == "":
		f.deny(path+".modelUri", "is missing, which "+u.implementation+" needs", "")
	case d.protocol == "tensorflow" && slices.Contains([]string{"SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER"}, u.implementation):
		f.deny(path+".implementation", u.implementation+" does not speak the protocol tensorflow", "")
	case u.implementation == "" && u.kind == "UNKNOWN_TYPE" && m["methods"] == nil:
		f.deny(path+".type", "UNKNOWN_TYPE needs methods", "")
	case u.implementation == "" && !p.holds(u.name):
		f.deny(path+".name", fmt.Sprintf("%q is the name of no container", clip(u.name)), p.nearest(u.name))
	}
	if logger, ok := m["logger"].(map[string]any); ok && (logger["mode"] == nil || logger["mode"] == "") {
		f.deny(path+".logger.mode", "is missing", "all")
	}
	children, _ := m["children"].([]any)
	for i, child := range u.children {
		f.deniedUnit(d, p, child, fmt.Sprintf("%s.children[%d]", path, i), children[i])
	}
}

// deniedKafka looks for the variables that tell the orchestrator where its topics are.
func (f *findings) deniedKafka(path string, predictor map[string]any) {
	orchestrator, _ := predictor["svcOrchSpec"].(map[string]any)
	env, _ := orchestrator["env"].([]any)
	for _, name := range []string{"KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC"} {
		if !slices.ContainsFunc(env, func(each any) bool { m, _ := each.(map[string]any); return m["name"] == name }) {
			f.deny(path, "lacks "+name+", which spec.serverType kafka needs", "")
		}
	}
}

// deniedTransports looks whether all units are spoken to in one way.
func (f *findings) deniedTransports(spec map[string]any) {
	kinds := map[string]bool{}
	predictors, _ := spec["predictors"].([]any)
	for _, p := range predictors {
		raw, _ := p.(map[string]any)
		endpoints(raw["graph"], kinds)
	}
	transport, _ := spec["transport"].(string)
	switch {
	case len(kinds) > 1:
		f.deny("spec.predictors", "have endpoints of both types, REST and GRPC", "spec.transport alone")
	case transport != "" && len(kinds) == 1 && !kinds[transport]:
		f.deny("spec.transport", fmt.Sprintf("%q differs from the type of the graph's endpoints", clip(transport)), "spec.transport alone, without endpoint.type")
	}
}

// endpoints notes the types of the endpoints in a graph.
func endpoints(graph any, kinds map[string]bool) {
	m, _ := graph.(map[string]any)
	endpoint, _ := m["endpoint"].(map[string]any)
	if kind, _ := endpoint["type"].(string); kind != "" {
		kinds[strings.ToLower(kind)] = true
	}
	children, _ := m["children"].([]any)
	for _, child := range children {
		endpoints(child, kinds)
	}
}

// deniedShares looks at how the predictors share the traffic.
func (f *findings) deniedShares(d deployment) {
	var serving, shadows int
	var sum int64
	for _, p := range d.predictors {
		switch {
		case p.shadow:
			shadows++
		default:
			serving++
			if p.traffic != nil {
				sum += int64(*p.traffic)
			}
		}
	}
	switch {
	case shadows > 1:
		f.deny("spec.predictors", "has more than one shadow", "")
	case shadows == 1 && len(d.predictors) == 1:
		f.deny(d.predictors[0].path+".shadow", "leaves no predictor that answers", "")
	case serving > 1 && sum != 100:
		f.deny("spec.predictors", fmt.Sprintf("share out %d of 100 by their traffic", sum), "")
	case serving == 1 && sum != 0 && sum != 100:
		f.deny("spec.predictors", fmt.Sprintf("has one predictor that answers, with a traffic of %d instead of 100", sum), "")
	}
}

// holds reports whether a component of the predictor has a container of that name.
func (p predictor) holds(name string) bool {
	return slices.ContainsFunc(p.components, func(c component) bool { return slices.Contains(containerNames(c.containers), name) })
}

// nearest returns the container that a misspelt unit was meant to be.
func (p predictor) nearest(name string) string {
	var all []string
	for _, c := range p.components {
		all = append(all, containerNames(c.containers)...)
	}
	all = slices.DeleteFunc(all, func(container string) bool {
		_, taken := p.graph.find(container)
		return taken
	})
	if len(all) == 1 {
		return all[0]
	}
	return schema.Likely(name, all)
}
