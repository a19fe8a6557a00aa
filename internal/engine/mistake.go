package engine

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// MostMistakes is how many mistakes are told of one object; where there are as many, there may be more.
const MostMistakes = 100

// Checker finds mistakes in a manifest. Not every engine is one.
type Checker interface {
	// Mistakes returns what is wrong with an object as far as that can be told without a cluster: what the
	// API server refuses or drops, and what is accepted without a word but said in vain.
	Mistakes(root *unstructured.Unstructured) []Mistake
}

// Severity says how bad a finding is.
type Severity string

// The severities, the harmless one first.
const (
	Fine    Severity = "ok"
	Warning Severity = "warning" // it works, but not all that is said has an effect
	Problem Severity = "problem" // it is refused, or does not do what it is for
)

// Mistake is a value of a manifest that does not do what it seems to.
type Mistake struct {
	// Path is its place in the manifest.
	Path     string
	Severity Severity
	// Text says what becomes of it.
	Text string
	// Meant is what was probably meant, as a phrase; empty where nobody can know.
	Meant string
	// Denied says that the operator's admission webhook refuses it, and says so itself where it is asked.
	Denied bool
}
