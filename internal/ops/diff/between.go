package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Change is one value that would change. Both are as JSON writes them, strings without quotes where
// nobody could mistake them.
type Change struct {
	Kind     ChangeKind
	Path     string
	Old, New string
}

// ChangeKind says what becomes of a value.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// written are annotations that tools note their own state in.
var written = []string{"kubectl.kubernetes.io/last-applied-configuration"}

// Between returns in what two states of an object differ, as far as its users write it: in its labels and
// annotations, and in all else but the status. The order is that of the paths. The entries of a list are told
// apart by their names where they have some. The values of environment variables, arguments and commands are
// compared and never shown, nor is what a Secret holds.
func Between(before, after *unstructured.Unstructured) []Change {
	var c changes
	for _, name := range []string{"labels", "annotations"} {
		path := "metadata." + name
		c.objects(path, metadata(before, name), metadata(after, name))
	}
	was, is := content(before), content(after)
	for _, name := range slices.Sorted(maps.Keys(merged(was, is))) {
		c.values(name, was[name], is[name])
	}
	return c
}

// content is what users write of an object besides its metadata, covered.
func content(o *unstructured.Unstructured) map[string]any {
	if o == nil {
		return nil
	}
	shown := map[string]any{}
	for name, value := range o.Object {
		switch name {
		case "apiVersion", "kind", "metadata", "status":
		default:
			shown[name] = cover(value)
		}
	}
	if o.GetKind() == "Secret" {
		for _, name := range []string{"data", "stringData"} {
			if values, ok := shown[name].(map[string]any); ok {
				shown[name] = coverAll(values)
			}
		}
	}
	return shown
}

func field(o *unstructured.Unstructured, name string) any {
	if o == nil {
		return nil
	}
	return o.Object[name]
}

func metadata(o *unstructured.Unstructured, name string) map[string]any {
	m, _ := field(o, "metadata").(map[string]any)
	values, _ := m[name].(map[string]any)
	values = maps.Clone(values)
	for _, key := range written {
		delete(values, key)
	}
	return values
}

type changes []Change

func (c *changes) values(path string, before, after any) {
	if equality.Semantic.DeepEqual(before, after) {
		return
	}
	oldObject, wasObject := before.(map[string]any)
	newObject, isObject := after.(map[string]any)
	oldList, wasList := before.([]any)
	newList, isList := after.([]any)
	switch {
	case wasObject && isObject, before == nil && len(newObject) > 0, after == nil && len(oldObject) > 0:
		c.objects(path, oldObject, newObject)
	case wasList && isList, before == nil && len(newList) > 0, after == nil && len(oldList) > 0:
		c.lists(path, oldList, newList)
	case before == nil:
		*c = append(*c, Change{Kind: Added, Path: path, New: show(path, after)})
	case after == nil:
		*c = append(*c, Change{Kind: Removed, Path: path, Old: show(path, before)})
	default:
		*c = append(*c, Change{Kind: Changed, Path: path, Old: show(path, before), New: show(path, after)})
	}
}

// merged holds the keys of both.
func merged(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return all
}

func (c *changes) objects(path string, before, after map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(merged(before, after))) {
		at := path + "." + key
		if strings.ContainsAny(key, "./") {
			at = path + "[" + key + "]"
		}
		c.values(at, before[key], after[key])
	}
}

// lists compares entries by name where all have one, else by place.
func (c *changes) lists(path string, before, after []any) {
	oldNames, oldNamed := namesOf(before)
	newNames, newNamed := namesOf(after)
	if !oldNamed || !newNamed {
		for i := range max(len(before), len(after)) {
			c.values(fmt.Sprintf("%s[%d]", path, i), entry(before, i), entry(after, i))
		}
		return
	}
	for i, name := range oldNames {
		c.values(path+"["+name+"]", before[i], entry(after, slices.Index(newNames, name)))
	}
	for i, name := range newNames {
		if !slices.Contains(oldNames, name) {
			c.values(path+"["+name+"]", nil, after[i])
		}
	}
	if len(oldNames) == len(newNames) && !slices.Equal(oldNames, newNames) && slices.Equal(slices.Sorted(slices.Values(oldNames)), slices.Sorted(slices.Values(newNames))) {
		*c = append(*c, Change{Kind: Changed, Path: path, Old: "order " + strings.Join(oldNames, ", "), New: "order " + strings.Join(newNames, ", ")})
	}
}

// namesOf returns the names of a list's entries, and whether each has one of its own.
func namesOf(list []any) ([]string, bool) {
	var names []string
	for _, each := range list {
		m, _ := each.(map[string]any)
		name, _ := m["name"].(string)
		if name == "" || slices.Contains(names, name) {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

func entry(list []any, i int) any {
	if i < 0 || i >= len(list) {
		return nil
	}
	return list[i]
}

// secret finds the names of values that are better not shown.
var secret = regexp.MustCompile(`(?i)pass(word|wd|phrase)?|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key`)

// reference finds the fields that only name a Secret.
var reference = regexp.MustCompile(`(?i)(secretKeyRef|secretRef|envSecretRefName|secretName|certSecretName|imagePullSecrets|configMapKeyRef)`)

// show writes a value, unless its path says that it is a secret.
func show(path string, value any) string {
	if _, ok := value.(hidden); ok || secret.MatchString(path) && !reference.MatchString(path) {
		return covered
	}
	if text, ok := value.(string); ok && plain(text) {
		return text
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(raw)
}

// plain reports whether a text can be mistaken for nothing else.
func plain(text string) bool {
	var other any
	return text != "" && strings.TrimSpace(text) == text && json.Unmarshal([]byte(text), &other) != nil
}
