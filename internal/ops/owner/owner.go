// Package owner tells from an object's managedFields who wrote which part of its spec last.
//
// It never asks the cluster and never decides what follows from it.
package owner

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Ours is the name under which the API server notes this program's writes.
const Ours = "seldonctl"

// Foreign is a field of the spec that somebody else wrote last.
type Foreign struct {
	// Field is its path, Manager who wrote it.
	Field, Manager string
}

func (f Foreign) String() string { return fmt.Sprintf("%s was last written by %q", f.Field, f.Manager) }

// Overwritten returns what a write would change of that which somebody else wrote last: neither kubectl,
// behind which stands a person with the file, nor this program. Of the object after the write only the spec is
// looked at.
func Overwritten(before, after *unstructured.Unstructured) []Foreign {
	was, _ := before.Object["spec"].(map[string]any)
	is, _ := after.Object["spec"].(map[string]any)
	var changed []Foreign
	for _, f := range Of(before) {
		if name := strings.TrimPrefix(f.Field, "spec."); !reflect.DeepEqual(was[name], is[name]) {
			changed = append(changed, f)
		}
	}
	return changed
}

// Of returns the fields right below the spec of which somebody else wrote anything last.
func Of(o *unstructured.Unstructured) []Foreign {
	writes := map[string]*metav1.ManagedFieldsEntry{}
	entries := o.GetManagedFields()
	for i := range entries {
		for _, field := range written(entries[i]) {
			if newest := writes[field]; newest == nil || later(entries[i].Time, newest.Time) {
				writes[field] = &entries[i]
			}
		}
	}
	var foreign []Foreign
	for _, field := range slices.Sorted(maps.Keys(writes)) {
		if manager := writes[field].Manager; manager != "" && manager != Ours && !strings.HasPrefix(manager, "kubectl") {
			foreign = append(foreign, Foreign{Field: "spec." + field, Manager: manager})
		}
	}
	return foreign
}

// later reports whether one time is not before another, so that of two writes of the same second it is the later one in
// the list; none is before any.
func later(is, was *metav1.Time) bool { return was == nil || is != nil && !is.Before(was) }

// written returns the fields of the spec that an entry is about, itself or by anything below them.
func written(e metav1.ManagedFieldsEntry) []string {
	var fields struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return nil
	}
	var names []string
	for key := range fields.Spec {
		if name, ok := strings.CutPrefix(key, "f:"); ok { // "." is the spec itself
			names = append(names, name)
		}
	}
	return names
}
