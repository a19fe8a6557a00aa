package seldon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

var _ engine.Checker = Engine{}

// Mistakes returns what a SeldonDeployment says in vain though the API server, the webhook and the
// operator all accept it. An object whose types are wrong is refused elsewhere and has none here.
func (Engine) Mistakes(root *unstructured.Unstructured) []engine.Mistake {
	d, err := decode(root)
	if err != nil {
		return nil
	}
	var f findings
	spec, _ := root.Object["spec"].(map[string]any)
	f.annotations("metadata.annotations", root.GetAnnotations())
	f.annotations("spec.annotations", d.annotations)
	for _, key := range []string{"name", "oauth_key", "oauth_secret"} {
		if spec[key] != nil {
			f.add("spec."+key, "is not used by any supported version", "")
		}
	}
	predictors, _ := spec["predictors"].([]any)
	for i, p := range d.predictors {
		raw, _ := predictors[i].(map[string]any)
		f.annotations(p.path+".annotations", p.annotations)
		f.graph(p.graph, p.path+".graph", raw["graph"])
		if raw["engineResources"] != nil {
			f.add(p.path+".engineResources", "is ignored", p.path+".svcOrchSpec.resources")
		}
		if p.orchestrator != nil && !d.separate(p) {
			f.add(p.path+".svcOrchSpec.replicas", "is ignored: the orchestrator has no pods of its own",
				`spec.annotations with `+separateEngine+`: "true"`)
		}
		if p.explainer != nil && !p.explains() {
			f.add(p.path+".explainer", "is ignored without a type", p.path+".explainer.type")
		}
		f.components(p)
	}
	return f
}

// findings collects mistakes.
type findings []engine.Mistake

func (f *findings) add(path, text, meant string) {
	*f = append(*f, engine.Mistake{Path: path, Text: text, Meant: meant})
}

func (f *findings) components(p predictor) {
	filled := p.filled()
	for i, c := range p.components {
		if len(filled[i].containers) == 0 {
			f.add(c.path, "is ignored, with all that it says, because it has no containers", c.path+".spec.containers")
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
			f.add(c.path+".hpaSpec", "is ignored beside kedaSpec", "one of the two")
		}
		if c.replicas != nil {
			f.add(c.path+".replicas", "is ignored beside "+by, c.path+"."+by)
		}
		if p.replicas != nil && len(p.components) == 1 {
			f.add(p.path+".replicas", "is ignored beside "+by, c.path+"."+by)
		}
	}
}

// graph looks at a unit and those below it.
func (f *findings) graph(u unit, path string, raw any) {
	m, _ := raw.(map[string]any)
	types := []string{"MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "UNKNOWN_TYPE"}
	switch {
	case u.kind != "" && !slices.Contains(types, u.kind):
		f.add(path+".type", fmt.Sprintf("%q is no type: the unit is never called and its input is handed on", clip(u.kind)), likely(u.kind, types))
	case u.kind == "" && u.implementation == "" && m["methods"] == nil:
		f.add(path+".type", "is missing: the unit counts as a MODEL", "MODEL")
	}
	endpoint, _ := m["endpoint"].(map[string]any)
	ends := []string{"REST", "GRPC"}
	if kind, _ := endpoint["type"].(string); kind != "" && !slices.Contains(ends, kind) {
		f.add(path+".endpoint.type", fmt.Sprintf("%q is no type of endpoint and counts as REST", clip(kind)), likely(kind, ends))
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
			f.add(at, "is not read here", "spec.annotations")
		case (key == noEngine || key == serviceName) && !predictor:
			f.add(at, "is not read here", "spec.predictors[].annotations")
		case key == noEngine && !strings.EqualFold(annotations[key], "true"):
			f.add(at, fmt.Sprintf("%q leaves the engine in; being there at all allows only one unit in the graph", clip(annotations[key])), `"true", or no such annotation`)
		case strings.HasPrefix(key, "seldon.io/") && !slices.Contains(known, key) && !slices.Contains(others, key):
			if meant := likely(key, slices.Concat(known, others)); meant != "" {
				f.add(at, "is no annotation that is read", meant)
			}
		}
	}
}

// likely returns the word that a misspelt one was meant to be: the same but for case and separators,
// or at most two letters away; "" where there is none.
func likely(word string, words []string) string {
	bare := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	}
	best, found := 3, ""
	for _, w := range words {
		if n := distance(bare(word), bare(w)); n < best {
			best, found = n, w
		}
	}
	return found
}

// distance returns how many letters must be changed, added or taken away to make one word of the
// other. Words far apart in length count as far apart.
func distance(a, b string) int {
	if max(len(a)-len(b), len(b)-len(a)) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
