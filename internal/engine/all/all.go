// Package all holds the table of engines. A new engine is one line in it.
//
// It only lists them; it never looks into an object beyond its group and kind.
package all

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
)

// Table returns the engines, the first one being what is meant where nothing else is said.
func Table() []engine.Engine {
	return []engine.Engine{
		seldon.New(),
	}
}

// For returns the engine for a group and kind, in whatever version.
func For(kind schema.GroupKind) (engine.Engine, bool) {
	for _, e := range Table() {
		if e.Identity().GroupVersionKind().GroupKind() == kind {
			return e, true
		}
	}
	return nil, false
}
