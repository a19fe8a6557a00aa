package engine

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// Checker finds mistakes in a manifest. Not every engine is one.
type Checker interface {
	// Mistakes returns what the object's spec says in vain, or otherwise than was probably meant,
	// though the API server and the operator accept it without a word, in the spec's order.
	Mistakes(root *unstructured.Unstructured) []Mistake
}

// Mistake is a value of a manifest that is accepted silently and does not do what it seems to.
type Mistake struct {
	// Path is its place in the manifest.
	Path string
	// Text says what becomes of it.
	Text string
	// Meant is what was probably meant, as a phrase; empty where nobody can know.
	Meant string
}
