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
	return f
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
