package schema

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// home is where a field belongs that people write elsewhere: from the place where it was written, "../"
// leading to the object around it.
type home struct {
	in    reflect.Type
	field string
	meant string
}

// homes are the fields that no rule finds.
var homes = []home{
	{reflect.TypeFor[spec](), "progressDeadlineSeconds", "predictors[].progressDeadlineSeconds"},
	{reflect.TypeFor[spec](), "containers", "predictors[].componentSpecs[].spec.containers"},
	{reflect.TypeFor[predictor](), "minReplicas", "componentSpecs[].hpaSpec.minReplicas"},
	{reflect.TypeFor[predictor](), "maxReplicas", "componentSpecs[].hpaSpec.maxReplicas"},
	{reflect.TypeFor[predictor](), "containers", "componentSpecs[].spec.containers"},
	{reflect.TypeFor[predictor](), "resources", "componentSpecs[].spec.containers[].resources"},
	{reflect.TypeFor[graph](), "replicas", "the predictor's replicas"},
	{reflect.TypeFor[graph](), "env", "env of the container of this name in componentSpecs[].spec"},
	{reflect.TypeFor[graph](), "image", "image of the container of this name in componentSpecs[].spec"},
	{reflect.TypeFor[graph](), "resources", "resources of the container of this name in componentSpecs[].spec"},
	{reflect.TypeFor[graph](), "protocol", "spec.protocol"},
	{reflect.TypeFor[component](), "strategy", nothing + "the operator decides how a rollout goes"},
	{reflect.TypeFor[component](), "minReplicas", "hpaSpec.minReplicas"},
	{reflect.TypeFor[component](), "maxReplicas", "hpaSpec.maxReplicas"},
	{reflect.TypeFor[component](), "labels", "metadata.labels"},
	{reflect.TypeFor[component](), "annotations", "metadata.annotations"},
	{reflect.TypeFor[autoscaler](), "behavior", nothing + "hpaSpec cannot carry it, only kedaSpec.advanced.horizontalPodAutoscalerConfig.behavior can"},
	{reflect.TypeFor[resourceMetric](), "target", "the same metric in hpaSpec.metricsv2, which has the syntax of autoscaling/v2"},
	{reflect.TypeFor[keda](), "minReplicas", "minReplicaCount"},
	{reflect.TypeFor[keda](), "maxReplicas", "maxReplicaCount"},
	{reflect.TypeFor[corev1.PodSpec](), "metadata", "../metadata"},
	{reflect.TypeFor[corev1.PodSpec](), "labels", "../metadata.labels"},
	{reflect.TypeFor[corev1.PodSpec](), "annotations", "../metadata.annotations"},
	{reflect.TypeFor[explainer](), "image", "containerSpec.image"},
	{reflect.TypeFor[explainer](), "env", "containerSpec.env"},
	{reflect.TypeFor[explainer](), "resources", "containerSpec.resources"},
}

// neighbour says that the fields of one object are often written in another.
type neighbour struct {
	in, of reflect.Type
	at     string
}

var neighbours = []neighbour{
	{reflect.TypeFor[object](), reflect.TypeFor[spec](), "spec."},
	{reflect.TypeFor[spec](), reflect.TypeFor[predictor](), "predictors[]."},
	{reflect.TypeFor[predictor](), reflect.TypeFor[component](), "componentSpecs[]."},
	{reflect.TypeFor[predictor](), reflect.TypeFor[graph](), "graph."},
	{reflect.TypeFor[component](), reflect.TypeFor[corev1.PodSpec](), "spec."},
	{reflect.TypeFor[corev1.PodSpec](), reflect.TypeFor[component](), "../"},
	{reflect.TypeFor[corev1.Container](), reflect.TypeFor[component](), "../../"},
}

// meantBy returns what an unknown field of an object was probably meant to be; empty where nobody knows.
func meantBy(in reflect.Type, field, path string) string {
	for _, h := range homes {
		if h.in == in && h.field == field {
			return place(path, h.meant)
		}
	}
	if meant := Likely(field, slices.Sorted(maps.Keys(fieldsOf(in)))); meant != "" {
		return meant
	}
	for _, n := range neighbours {
		if _, known := fieldsOf(n.of)[field]; n.in == in && known {
			return place(path, n.at+field)
		}
	}
	return ""
}

// place writes a place that is told from another one as a path; what is a phrase or a name stays so.
func place(path, meant string) string {
	up, found := meant, false
	for {
		rest, cut := strings.CutPrefix(up, "../")
		if !cut {
			break
		}
		up, found = rest, true
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	if strings.Contains(up, " ") || !found && !strings.ContainsAny(up, ".[") || strings.HasPrefix(up, "spec.protocol") {
		return up
	}
	return join(path, up)
}

// Likely returns the word that a misspelt one was meant to be: the same but for case and separators,
// or at most two letters away, and fewer in a short word; "" where there is none.
func Likely(word string, words []string) string {
	bare := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	}
	best, found := min(3, len(bare(word))/2), ""
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
