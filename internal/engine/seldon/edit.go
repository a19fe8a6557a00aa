package seldon

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// edit changes a copy of an object and writes down what it does as a JSON patch.
type edit struct {
	after *unstructured.Unstructured
	patch []engine.PatchOp
	err   error
}

func newEdit(root *unstructured.Unstructured) *edit { return &edit{after: root.DeepCopy()} }

// set puts a number at the path; the path's parents must exist.
func (e *edit) set(n int32, path ...any) {
	parent, key := e.parent(path)
	if parent == nil {
		e.err = errors.Join(e.err, fmt.Errorf("%s cannot be set: its parent is not there", pointer(path)))
		return
	}
	old, there := parent[key]
	if same, ok := old.(int64); ok && same == int64(n) {
		return
	}
	parent[key] = int64(n)
	op := "add"
	if there {
		op = "replace"
	}
	e.patch = append(e.patch, engine.PatchOp{Op: op, Path: pointer(path), Value: int64(n)})
}

// remove takes the value at the path away, if it is there.
func (e *edit) remove(path ...any) {
	parent, key := e.parent(path)
	if _, there := parent[key]; !there {
		return
	}
	delete(parent, key)
	e.patch = append(e.patch, engine.PatchOp{Op: "remove", Path: pointer(path)})
}

// parent returns the object that holds the last key of the path, or nil.
func (e *edit) parent(path []any) (map[string]any, string) {
	var at any = e.after.Object
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			m, _ := at.(map[string]any)
			at = m[step]
		case int:
			l, _ := at.([]any)
			if step >= len(l) {
				return nil, ""
			}
			at = l[step]
		}
	}
	m, _ := at.(map[string]any)
	key, _ := path[len(path)-1].(string)
	return m, key
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []any) string {
	var b strings.Builder
	for _, step := range path {
		text := fmt.Sprint(step)
		text = strings.ReplaceAll(text, "~", "~0")
		text = strings.ReplaceAll(text, "/", "~1")
		b.WriteString("/" + text)
	}
	return b.String()
}
