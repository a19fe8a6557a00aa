package seldon

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// comparePatch applies an edit's patch, as it goes over the wire, and wants the edit's outcome.
func comparePatch(t *testing.T, root *unstructured.Unstructured, edit engine.ScaleEdit) {
	t.Helper()
	data, err := json.Marshal(edit.Patch)
	if err != nil {
		t.Fatal(err)
	}
	var ops []map[string]any
	if err := json.Unmarshal(data, &ops); err != nil {
		t.Fatal(err)
	}
	got := asAny(root.Object)
	for _, op := range ops {
		value, carries := op["value"]
		if carries == (op["op"] == "remove") {
			t.Errorf("operation %v: only a removal is without a value", op)
		}
		applyOp(t, got, op["op"].(string), op["path"].(string), value)
	}
	if diff := cmp.Diff(asAny(edit.After.Object), asAny(got)); diff != "" {
		t.Errorf("the patch %s does not make After (-After +patched):\n%s", data, diff)
	}
}

func applyOp(t *testing.T, root any, op, path string, value any) {
	t.Helper()
	steps := strings.Split(path, "/")[1:]
	at := root
	for _, s := range steps[:len(steps)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[s]
		case []any:
			i, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			at = v[i]
		}
	}
	parent, ok := at.(map[string]any)
	if !ok {
		t.Fatalf("%s %s: no parent", op, path)
	}
	key := steps[len(steps)-1]
	_, there := parent[key]
	if there != (op != "add") {
		t.Errorf("%s %s: there %t", op, path, there)
	}
	if op == "remove" {
		delete(parent, key)
		return
	}
	parent[key] = value
}
