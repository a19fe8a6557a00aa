package fleet

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// Collide refuses objects of which two imply the same Deployment or Service: one would take it from the
// other. What cannot be read is left to the operation on it.
func Collide(e engine.Engine, roots []*unstructured.Unstructured) error {
	owners := map[string]*unstructured.Unstructured{}
	for _, root := range roots {
		implied, err := e.Implied(root)
		if err != nil {
			continue
		}
		for _, name := range childNames(implied) {
			key := root.GetNamespace() + "/" + name
			if other := owners[key]; other != nil && other != root {
				return &ops.RefusalError{
					Reason: ops.Invalid, Text: fmt.Sprintf("%s %s and %s in namespace %s both imply a %s", root.GetKind(), other.GetName(), root.GetName(), root.GetNamespace(), name),
					Hint: "rename one of them or its predictor",
				}
			}
			owners[key] = root
		}
	}
	return nil
}

// Unclaimed is the stage that writes nothing: it refuses what stands in the members' way before the stages
// after it write anything.
type Unclaimed struct {
	// Manifests are the members'; ToBeNew says that none of them may exist.
	Manifests []*unstructured.Unstructured
	ToBeNew   bool
}

func (u *Unclaimed) up(ctx context.Context, d ops.Deps, tell tell) ops.Reason {
	if err := ops.RefuseTaken(ctx, d, u.Manifests, u.ToBeNew); err != nil {
		return fail(tell, journal.Connect, err)
	}
	return ops.Reached
}

func (u *Unclaimed) down(context.Context, context.Context, ops.Deps, tell) ops.Reason {
	return ops.Reached
}

func (u *Unclaimed) made() []Thing { return nil }

// childNames are the likeliest names of the implied children, with their kinds.
func childNames(implied engine.Implied) []string {
	var names []string
	for _, w := range implied.Workloads {
		names = append(names, "Deployment "+w.Name())
	}
	for _, name := range implied.Services {
		names = append(names, "Service "+name)
	}
	return names
}
