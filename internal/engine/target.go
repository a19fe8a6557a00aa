package engine

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Target says what to watch and read: the objects of one namespace that belong to an engine.
type Target struct {
	Identity Identity
	// Namespace is theirs; empty means all namespaces.
	Namespace string
	// Name limits the custom resource to one object; empty means all of the namespace.
	Name string
	// Kinds are the built-in kinds to watch beside the custom resource.
	Kinds []snapshot.Kind
	// MetadataOnly has the API server send nothing of the custom resource but its metadata.
	MetadataOnly bool
}

// Kind returns the custom resource's kind.
func (t Target) Kind() snapshot.Kind { return snapshot.Kind(t.Identity.Kind) }

// Answer is what the API server said to a write.
type Answer struct {
	Object *unstructured.Unstructured
	// Warnings are the texts of its Warning headers.
	Warnings []string
}

// UntouchedError is why a write was not carried out that the API server has refused before it looked at it: it is too busy,
// or only just starting.
type UntouchedError struct{ Err error }

// Error returns what the API server said.
func (e UntouchedError) Error() string { return e.Err.Error() }

// Unwrap returns the API server's own error.
func (e UntouchedError) Unwrap() error { return e.Err }

// WriteOptions are how an object is written. With the zero value the API server drops unknown fields and
// warns about them.
type WriteOptions struct {
	// Strict makes unknown and repeated fields an error.
	Strict bool
	// DryRun asks the API server, its admission webhooks included, what would become of the write.
	DryRun bool
}
