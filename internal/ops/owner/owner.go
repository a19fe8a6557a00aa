// Package owner tells from an object's managedFields who wrote which part of its spec last.
//
// It never asks the cluster and never decides what follows from it.
package owner

import (
	"encoding/json"
	"fmt"
	"reflect"
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
	var changed []Foreign
	for _, f := range Of(before) {
		path := strings.Split(f.Field, ".")
		was, _, _ := unstructured.NestedFieldNoCopy(before.Object, path...)
		is, _, _ := unstructured.NestedFieldNoCopy(after.Object, path...)
		if !reflect.DeepEqual(was, is) {
			changed = append(changed, f)
		}
	}
	return changed
}

// Of returns what somebody else wrote last of the fields that decide what runs.
func Of(o *unstructured.Unstructured) []Foreign {
	var foreign []Foreign
	for _, field := range []string{"predictors", "replicas"} {
		if manager := last(o.GetManagedFields(), field); manager != "" && manager != Ours && !strings.HasPrefix(manager, "kubectl") {
			foreign = append(foreign, Foreign{Field: "spec." + field, Manager: manager})
		}
	}
	return foreign
}

// last returns the newest manager of a field of the spec, by whichever subresource it wrote it. Of two of the
// same second it is the later one in the list.
func last(entries []metav1.ManagedFieldsEntry, field string) string {
	var newest *metav1.ManagedFieldsEntry
	for i := range entries {
		if e := &entries[i]; owns(*e, field) && (newest == nil || later(e.Time, newest.Time)) {
			newest = e
		}
	}
	if newest == nil {
		return ""
	}
	return newest.Manager
}

// later reports whether one time is not before another; none is before any.
func later(is, was *metav1.Time) bool { return was == nil || is != nil && !is.Before(was) }

// owns reports whether an entry is about a field of the spec, or about anything below it.
func owns(e metav1.ManagedFieldsEntry, field string) bool {
	var written struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &written) != nil {
		return false
	}
	_, there := written.Spec["f:"+field]
	return there
}
