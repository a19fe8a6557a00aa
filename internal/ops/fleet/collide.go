package fleet

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
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
