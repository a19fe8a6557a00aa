// Package schema knows the fields of a SeldonDeployment and finds in a manifest what the API server drops
// because nobody knows it, and what it refuses because its type is wrong.
//
// It looks at the object alone and at nothing outside it. An API server may know fewer fields than this
// package, if the operator installed there is older; what it says is asked elsewhere.
package schema

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// levels is how many levels of children a graph may have.
const levels = 10

// What a value must be.
const (
	text   = "a string"
	number = "a whole number"
	truth  = "true or false"
)

// Check returns the fields that are unknown, of the wrong type, or missing.
func Check(root *unstructured.Unstructured) []engine.Mistake {
	if root == nil || root.Object == nil {
		return nil
	}
	var w walker
	w.fields(root.Object, reflect.TypeFor[object](), "", 0)
	return w.found
}

// walker goes through an object beside the type that it should have.
type walker struct{ found []engine.Mistake }

func (w *walker) add(path, text, meant string) {
	if !w.full() {
		w.found = append(w.found, engine.Mistake{Path: path, Severity: engine.Problem, Text: text, Meant: meant})
	}
}

// full reports whether enough is found, so that nothing more need be looked at.
func (w *walker) full() bool { return len(w.found) >= engine.MostMistakes }

// walk compares one value with its type; depth counts the levels of a graph.
func (w *walker) walk(value any, t reflect.Type, path string, depth int) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if value == nil || w.full() || w.special(value, t, path) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if m, ok := value.(map[string]any); ok {
			w.fields(m, t, path, depth)
			return
		}
		w.wrong(path, value, "an object")
	case reflect.Slice:
		w.items(value, t, path, depth)
	case reflect.Map:
		m, ok := value.(map[string]any)
		if !ok {
			w.wrong(path, value, "an object")
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			w.walk(m[key], t.Elem(), path+"["+key+"]", depth)
		}
	case reflect.String:
		if _, ok := value.(string); !ok {
			w.wrong(path, value, text)
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			w.wrong(path, value, truth)
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		if !whole(value) {
			w.wrong(path, value, number)
		}
	default: // any
	}
}

// special looks at values whose JSON form is not their Go form, and reports whether this was one.
func (w *walker) special(value any, t reflect.Type, path string) bool {
	written, isText := value.(string)
	switch t {
	case reflect.TypeFor[intstr.IntOrString]():
		if !isText && !whole(value) {
			w.wrong(path, value, "a whole number or a string")
		}
	case reflect.TypeFor[resource.Quantity]():
		_, isFraction := value.(float64)
		switch {
		case isText:
			if _, err := resource.ParseQuantity(written); err != nil {
				w.wrong(path, value, `a quantity, such as "500m" or "1Gi"`)
			}
		case !isFraction && !whole(value):
			w.wrong(path, value, `a quantity, such as "500m" or "1Gi"`)
		}
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		if !isText {
			w.wrong(path, value, "a time")
		}
	case reflect.TypeFor[metav1.FieldsV1]():
	default:
		return false
	}
	return true
}

func (w *walker) items(value any, t reflect.Type, path string, depth int) {
	if t.Elem().Kind() == reflect.Uint8 {
		if _, ok := value.(string); !ok {
			w.wrong(path, value, text)
		}
		return
	}
	list, ok := value.([]any)
	if !ok {
		w.wrong(path, value, "a list")
	}
	for i, item := range list {
		w.walk(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), depth)
	}
}

// fields compares an object with the fields of a struct.
func (w *walker) fields(m map[string]any, t reflect.Type, path string, depth int) {
	known := fieldsOf(t)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := join(path, name)
		f, ok := known[name]
		switch {
		case w.full():
			return
		case !ok:
			w.unknown(at, meantBy(t, name, path))
		case f.Type == reflect.TypeFor[[]graph]() && depth == levels:
			w.add(at, fmt.Sprintf("lies deeper than the %d levels that a graph may have: the API server drops it", levels), "")
		case f.Type == reflect.TypeFor[[]graph]():
			w.walk(m[name], f.Type, at, depth+1)
		default:
			w.walk(m[name], f.Type, at, depth)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if m[name] == nil && required(known[name]) {
			w.add(join(path, name), "is missing: the API server refuses it", "")
		}
	}
}

// nothing begins what is said of a field that has no place anywhere.
const nothing = "nothing: "

func (w *walker) unknown(path, meant string) {
	told := "is unknown: the API server drops it, or refuses it where it is strict"
	if why, ok := strings.CutPrefix(meant, nothing); ok {
		told, meant = told+"; "+why, ""
	}
	w.add(path, told, meant)
}

// required reports whether a field must be there.
func required(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return f.Type == reflect.TypeFor[*graph]() || !strings.Contains(options, "omit") && f.Type.Kind() != reflect.Pointer
}

// fieldsOf returns the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	known := map[string]reflect.StructField{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "":
			maps.Copy(known, fieldsOf(f.Type)) // embedded: its fields are the struct's own
		default:
			known[name] = f
		}
	}
	return known
}

func (w *walker) wrong(path string, value any, want string) {
	meant := ""
	switch v := value.(type) {
	case map[string]any, []any:
	case string:
		_, err := strconv.Atoi(v)
		if want == number && err == nil || want == truth && (v == "true" || v == "false") {
			meant = v + ", without quotes"
		}
	default:
		if want == text {
			meant = fmt.Sprintf("%q", fmt.Sprint(value))
		}
	}
	w.add(path, fmt.Sprintf("is %s, but must be %s: the API server refuses it", kindOf(value), want), meant)
}

// whole reports whether a decoded value is a whole number.
func whole(value any) bool {
	switch v := value.(type) {
	case int64, int32, int:
		return true
	case float64:
		return v == math.Trunc(v)
	}
	return false
}

func kindOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", clip(v))
	}
	return fmt.Sprint(v)
}

// clip shortens a text that is quoted in a sentence.
func clip(s string) string {
	const longest = 80
	if r := []rune(s); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return s
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
