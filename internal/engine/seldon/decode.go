package seldon

import (
	"errors"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// deployment is the part of a SeldonDeployment that decides over its children.
type deployment struct {
	name        string
	annotations map[string]string
	protocol    string
	replicas    *int32
	predictors  []predictor
	kedaAbsent  bool // the operator says that it made no ScaledObject
}

type predictor struct {
	path         string
	name         string
	replicas     *int32
	traffic      *int32
	shadow       bool
	annotations  map[string]string
	labels       map[string]string
	graph        unit
	components   []component
	orchestrator *int32 // svcOrchSpec.replicas
	explainer    *explainer
}

// unit is a node of the graph.
type unit struct {
	name, kind, implementation string
	children                   []unit
}

type component struct {
	path       string
	name       string // metadata.name
	replicas   *int32
	containers []engine.Container
	hpa, keda  *span
	pdb        bool
	// labels and annotations of the pods.
	labels, annotations map[string]string
}

// span is the range that an autoscaler is given.
type span struct{ min, max *int32 }

type explainer struct {
	kind      string
	replicas  *int32
	container engine.Container
}

// decode reads an object once into typed form. Absent and null values count as not set; a value of
// the wrong type is an error that names its path.
func decode(root *unstructured.Unstructured) (deployment, error) {
	if root == nil || root.Object == nil {
		return deployment{}, errors.New("the SeldonDeployment is empty")
	}
	var r reader
	spec := r.object(root.Object, "", "spec")
	meta := r.object(root.Object, "", "metadata")
	d := deployment{
		name:        r.text(meta, "metadata", "name"),
		annotations: r.texts(spec, "spec", "annotations"),
		protocol:    r.text(spec, "spec", "protocol"),
		replicas:    r.number(spec, "spec", "replicas"),
		kedaAbsent:  kedaAbsent(root),
	}
	for i, v := range r.list(spec, "spec", "predictors") {
		path := fmt.Sprintf("spec.predictors[%d]", i)
		d.predictors = append(d.predictors, r.predictor(r.item(v, path), path))
	}
	if r.err != nil {
		return deployment{}, fmt.Errorf("SeldonDeployment %q: %w", d.name, r.err)
	}
	return d, nil
}

// reader reads values out of decoded JSON and keeps the first error.
type reader struct{ err error }

func (r *reader) predictor(m map[string]any, path string) predictor {
	p := predictor{
		path:        path,
		name:        r.text(m, path, "name"),
		replicas:    r.number(m, path, "replicas"),
		traffic:     r.number(m, path, "traffic"),
		shadow:      r.flag(m, path, "shadow"),
		annotations: r.texts(m, path, "annotations"),
		labels:      r.texts(m, path, "labels"),
		graph:       r.unit(r.object(m, path, "graph"), path+".graph"),
	}
	p.orchestrator = r.number(r.object(m, path, "svcOrchSpec"), path+".svcOrchSpec", "replicas")
	for i, v := range r.list(m, path, "componentSpecs") {
		at := fmt.Sprintf("%s.componentSpecs[%d]", path, i)
		p.components = append(p.components, r.component(r.item(v, at), at))
	}
	if e := r.object(m, path, "explainer"); e != nil {
		at := path + ".explainer"
		p.explainer = &explainer{
			kind:      r.text(e, at, "type"),
			replicas:  r.number(e, at, "replicas"),
			container: r.container(r.object(e, at, "containerSpec"), at+".containerSpec"),
		}
	}
	return p
}

func (r *reader) unit(m map[string]any, path string) unit {
	u := unit{
		name:           r.text(m, path, "name"),
		kind:           r.text(m, path, "type"),
		implementation: r.text(m, path, "implementation"),
	}
	for i, v := range r.list(m, path, "children") {
		at := fmt.Sprintf("%s.children[%d]", path, i)
		u.children = append(u.children, r.unit(r.item(v, at), at))
	}
	return u
}

func (r *reader) component(m map[string]any, path string) component {
	c := component{
		path:     path,
		name:     r.text(r.object(m, path, "metadata"), path+".metadata", "name"),
		replicas: r.number(m, path, "replicas"),
		hpa:      r.span(m, path, "hpaSpec", "minReplicas", "maxReplicas"),
		keda:     r.span(m, path, "kedaSpec", "minReplicaCount", "maxReplicaCount"),
		pdb:      r.object(m, path, "pdbSpec") != nil,
	}
	meta := r.object(m, path, "metadata")
	c.labels, c.annotations = r.texts(meta, path+".metadata", "labels"), r.texts(meta, path+".metadata", "annotations")
	at := path + ".spec"
	for i, v := range r.list(r.object(m, path, "spec"), at, "containers") {
		at := fmt.Sprintf("%s.containers[%d]", at, i)
		c.containers = append(c.containers, r.container(r.item(v, at), at))
	}
	return c
}

func (r *reader) container(m map[string]any, path string) engine.Container {
	return engine.Container{Name: r.text(m, path, "name"), Image: r.text(m, path, "image")}
}

func (r *reader) span(m map[string]any, path, key, low, high string) *span {
	s := r.object(m, path, key)
	if s == nil {
		return nil
	}
	at := join(path, key)
	return &span{min: r.number(s, at, low), max: r.number(s, at, high)}
}

func (r *reader) object(m map[string]any, path, key string) map[string]any {
	if m[key] == nil {
		return nil
	}
	return r.item(m[key], join(path, key))
}

// item reads an element of a list; a null element counts as an empty object, as for the operator.
func (r *reader) item(v any, path string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		r.fail(path, v, "an object")
	}
	return m
}

func (r *reader) list(m map[string]any, path, key string) []any {
	l, ok := m[key].([]any)
	if !ok && m[key] != nil {
		r.fail(join(path, key), m[key], "a list")
	}
	return l
}

func (r *reader) text(m map[string]any, path, key string) string {
	s, ok := m[key].(string)
	if !ok && m[key] != nil {
		r.fail(join(path, key), m[key], "a string")
	}
	return s
}

func (r *reader) flag(m map[string]any, path, key string) bool {
	b, ok := m[key].(bool)
	if !ok && m[key] != nil {
		r.fail(join(path, key), m[key], "true or false")
	}
	return b
}

func (r *reader) texts(m map[string]any, path, key string) map[string]string {
	texts := map[string]string{}
	at := join(path, key)
	for k, v := range r.object(m, path, key) {
		s, ok := v.(string)
		if !ok && v != nil {
			r.fail(fmt.Sprintf("%s[%s]", at, k), v, "a string")
		}
		texts[k] = s
	}
	return texts
}

// number reads a 32-bit whole number: int64 in objects from the API server, float64 in objects
// that went through plain JSON.
func (r *reader) number(m map[string]any, path, key string) *int32 {
	var n int64
	switch v := m[key].(type) {
	case nil:
		return nil
	case int64:
		n = v
	case int32:
		n = int64(v)
	case int:
		n = int64(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			r.fail(join(path, key), v, "a whole number")
			return nil
		}
		n = int64(v)
	default:
		r.fail(join(path, key), v, "a whole number")
		return nil
	}
	if n > math.MaxInt32 || n < math.MinInt32 {
		r.fail(join(path, key), n, "a number of 32 bits")
		return nil
	}
	small := int32(n)
	return &small
}

func (r *reader) fail(path string, value any, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s is %s, want %s", path, kindOf(value), want)
	}
}

// kindOf says in a word what a decoded value is.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", clip(v))
	}
	return fmt.Sprintf("%v", v)
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// tensorflow is the prepackaged server that takes two containers unless the protocol is TensorFlow's.
const tensorflow = "TENSORFLOW_SERVER"

// all returns the unit and all units below it, parents first.
func (u unit) all() []unit {
	units := []unit{u}
	for _, child := range u.children {
		units = append(units, child.all()...)
	}
	return units
}

// find returns the unit of that name.
func (u unit) find(name string) (unit, bool) {
	for _, each := range u.all() {
		if each.name == name {
			return each, true
		}
	}
	return unit{}, false
}

// prepackaged reports whether the operator supplies the unit's server: every implementation does
// that is not built into the orchestrator, those from the operator's own configuration included.
func (u unit) prepackaged() bool {
	switch u.implementation {
	case "", "UNKNOWN_IMPLEMENTATION", "SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER":
		return false
	}
	return true
}
