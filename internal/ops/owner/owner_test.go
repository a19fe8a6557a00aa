package owner

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	predictors = `{"f:metadata":{"f:labels":{}},"f:spec":{"f:predictors":{}}}`
	below      = `{"f:spec":{"f:predictors":{"k:{\"name\":\"a\"}":{"f:replicas":{}}}}}`
	replicas   = `{"f:spec":{"f:replicas":{}}}`
	name       = `{"f:spec":{".":{},"f:name":{}}}`
	dotted     = `{"f:spec":{".":{},"f:a.b":{}}}`
	decoy      = `{"f:metadata":{"f:annotations":{"f:spec":{"f:predictors":{}}}},"f:status":{"f:replicas":{}}}`
)

func entry(manager, subresource string, day int, fields string) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	if day > 0 {
		at := metav1.NewTime(time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC))
		e.Time = &at
	}
	return e
}

// TestOverwritten changes the predictors and the replicas wherever a case does not say what changes.
func TestOverwritten(t *testing.T) {
	type entries = []metav1.ManagedFieldsEntry
	for _, c := range []struct {
		reason  string
		entries entries
		changes string // "" means the predictors and the replicas
		want    string
	}{
		{"nobody", nil, "", "[]"},
		{"kubectl and we", entries{entry("kubectl-client-side-apply", "", 1, predictors), entry("seldonctl", "", 2, replicas)}, "", "[]"},
		{
			"our scaling does not hide who wrote the predictors",
			entries{entry("argocd-controller", "", 1, predictors), entry("seldonctl", "", 2, replicas)},
			"",
			`[spec.predictors was last written by "argocd-controller"]`,
		},
		{"the newest counts, in whatever order", entries{entry("seldonctl", "", 3, predictors), entry("argocd-controller", "", 1, predictors)}, "", "[]"},
		{"the newest is theirs", entries{entry("seldonctl", "", 1, predictors), entry("argocd-controller", "", 3, predictors)}, "", `[spec.predictors was last written by "argocd-controller"]`},
		{"the later of one second", entries{entry("a", "", 1, predictors), entry("b", "", 1, predictors)}, "", `[spec.predictors was last written by "b"]`},
		{"a time is newer than none", entries{entry("a", "", 1, predictors), entry("b", "", 0, predictors)}, "", `[spec.predictors was last written by "a"]`},
		{"one value of one predictor", entries{entry("keda", "", 1, below)}, "", `[spec.predictors was last written by "keda"]`},
		{"by the subresource", entries{entry("hpa", "scale", 2, replicas), entry("seldonctl", "", 1, `{"f:spec":{"f:predictors":{},"f:replicas":{}}}`)}, "", `[spec.replicas was last written by "hpa"]`},
		{"kubectl scale", entries{entry("kubectl", "scale", 2, replicas)}, "", "[]"},
		{"which the write leaves as they are", entries{entry("hpa", "scale", 2, replicas)}, "predictors", "[]"},
		{"each its own", entries{entry("hpa", "scale", 2, replicas), entry("argocd", "", 1, predictors)}, "", `[spec.predictors was last written by "argocd" spec.replicas was last written by "hpa"]`},
		{"another field of the spec", entries{entry("argocd", "", 1, name)}, "", "[]"},
		{"another field, which changes", entries{entry("argocd", "", 1, name)}, "name", `[spec.name was last written by "argocd"]`},
		{"another field, which goes", entries{entry("argocd", "", 1, dotted)}, "a.b", `[spec.a.b was last written by "argocd"]`},
		{"a field that is new", entries{entry("argocd", "", 1, name)}, "protocol", "[]"},
		{"what only looks like it", entries{entry("argocd", "", 1, decoy), entry("manager", "status", 2, decoy)}, "", "[]"},
		{"what cannot be read", entries{entry("argocd", "", 1, `["f:spec"]`), {Manager: "x"}}, "", "[]"},
	} {
		spec := map[string]any{"replicas": int64(1), "predictors": []any{"a"}, "name": "a", "a.b": "a"}
		before := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
		before.SetManagedFields(c.entries)
		after := before.DeepCopy()
		spec = after.Object["spec"].(map[string]any)
		switch c.changes {
		case "":
			spec["predictors"] = []any{"b"}
			delete(spec, "replicas")
		case "a.b":
			delete(spec, c.changes)
		default:
			spec[c.changes] = "b"
		}
		if diff := cmp.Diff(c.want, fmt.Sprint(Overwritten(before, after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}
