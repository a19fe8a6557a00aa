package seldon

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// step is one step of a path: a key of an object, or an element of a list. Elements of lists that
// Kubernetes keys by a field are found by that field's value, others by their index.
type step struct {
	key   string // key of an object, or the keying field of a list
	id    string // value of the keying field
	index int    // index of an element, -1 for the key of an object
}

func (s step) element() bool { return s.index >= 0 }

// leaf is a value in which two generations differ; nil stands for absent.
type leaf struct {
	path     []step
	old, new any
}

// pathText writes a path in the API server's syntax.
func pathText(path []step) string {
	var b strings.Builder
	for _, s := range path {
		switch {
		case s.element():
			fmt.Fprintf(&b, "[%d]", s.index)
		case b.Len() > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// listKey returns the field by which the elements of the list under a key are told apart; "#" where
// their index does it, and "" where the list counts as one value.
func listKey(key string) string {
	switch key {
	case "predictors", "containers", "initContainers", "volumes", "env", "imagePullSecrets", "parameters", "children":
		return "name"
	case "ports":
		return "containerPort"
	case "volumeMounts":
		return "mountPath"
	case "volumeDevices":
		return "devicePath"
	case "hostAliases":
		return "ip"
	case "componentSpecs":
		return "#"
	}
	return ""
}

// diff appends the leaves in which two values differ.
func diff(leaves []leaf, path []step, before, now any) []leaf {
	if reflect.DeepEqual(before, now) {
		return leaves
	}
	oldMap, oldIsMap := before.(map[string]any)
	newMap, newIsMap := now.(map[string]any)
	if (oldIsMap || before == nil) && (newIsMap || now == nil) {
		keys := slices.Collect(maps.Keys(oldMap))
		keys = slices.AppendSeq(keys, maps.Keys(newMap))
		slices.Sort(keys)
		for _, k := range slices.Compact(keys) {
			leaves = diff(leaves, extend(path, step{key: k, index: -1}), oldMap[k], newMap[k])
		}
		return leaves
	}
	if olds, news, ok := elements(path, before, now); ok {
		for _, n := range news {
			old := find(olds, n.at)
			leaves = diff(leaves, extend(path, n.at), old, n.value)
		}
		for _, o := range olds {
			if find(news, o.at) == nil {
				leaves = diff(leaves, extend(path, o.at), o.value, nil)
			}
		}
		return leaves
	}
	return append(leaves, leaf{path: path, old: before, new: now})
}

// element is an element of a list whose elements can be told apart.
type element struct {
	at    step
	value any
}

// elements splits two lists into elements that can be matched; ok is false where they cannot.
func elements(path []step, before, now any) (olds, news []element, ok bool) {
	if len(path) == 0 || path[len(path)-1].element() {
		return nil, nil, false
	}
	key := listKey(path[len(path)-1].key)
	olds, ok1 := split(key, before)
	news, ok2 := split(key, now)
	return olds, news, key != "" && ok1 && ok2
}

func split(key string, list any) ([]element, bool) {
	values, ok := list.([]any)
	if !ok {
		return nil, list == nil
	}
	var found []element
	for i, v := range values {
		at := step{key: key, index: i}
		if key != "#" {
			m, _ := v.(map[string]any)
			if m[key] == nil {
				return nil, false
			}
			at.id = fmt.Sprint(m[key])
		}
		if find(found, at) != nil {
			return nil, false // Two of one name: only the list as a whole can be compared.
		}
		found = append(found, element{at, v})
	}
	return found, true
}

// find returns the value of the element that a step means, or nil.
func find(list []element, at step) any {
	for _, e := range list {
		if at.key == "#" && e.at.index == at.index || at.key != "#" && e.at.id == at.id {
			return e.value
		}
	}
	return nil
}

// extend returns the path with one more step, sharing no memory with it.
func extend(path []step, s step) []step { return append(slices.Clip(path), s) }

// lookup returns the value at a path, or nil. Of several elements of one name it takes the first.
func lookup(v any, path []step) any {
	for _, s := range path {
		if !s.element() {
			m, _ := v.(map[string]any)
			v = m[s.key]
			continue
		}
		list, _ := v.([]any)
		v = nil
		for i, each := range list {
			m, _ := each.(map[string]any)
			if s.key == "#" && i == s.index || s.key != "#" && m[s.key] != nil && fmt.Sprint(m[s.key]) == s.id {
				v = each
				break
			}
		}
	}
	return v
}

// covers reports whether has carries all that want says. Objects may carry more, as defaults make
// them; lists may not. Quantities, where they may be, are compared by their amount.
func covers(has, want any, quantities bool) bool {
	switch want := want.(type) {
	case map[string]any:
		m, ok := has.(map[string]any)
		for k, v := range want {
			ok = ok && m[k] != nil && covers(m[k], v, quantities)
		}
		return ok
	case []any:
		l, ok := has.([]any)
		if !ok || len(l) != len(want) {
			return false
		}
		for i, v := range want {
			if !covers(l[i], v, quantities) {
				return false
			}
		}
		return true
	}
	if fmt.Sprint(has) == fmt.Sprint(want) {
		return true
	}
	return quantities && sameQuantity(fmt.Sprint(has), fmt.Sprint(want))
}

func sameQuantity(a, b string) bool {
	x, err1 := resource.ParseQuantity(a)
	y, err2 := resource.ParseQuantity(b)
	return err1 == nil && err2 == nil && x.Cmp(y) == 0
}

// describe writes a value short enough for a sentence; hidden stands for one that may be a secret.
func describe(path []step, v any, hidden string) string {
	if v == nil {
		return "nothing"
	}
	end := path[len(path)-1].key
	if end == "args" || end == "command" || end == "value" && within(path, "env") {
		return hidden
	}
	if s, ok := v.(string); ok {
		return clip(s)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return hidden
	}
	return clip(string(data))
}

// clip shortens a text that is quoted in a sentence.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
