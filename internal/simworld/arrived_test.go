package simworld_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// TestNothingIsMissingAtAFirstSight: what the model of the operator makes of any shape shows all that its
// spec says, and nothing that it does not say. What is looked for in vain is waited for without end.
func TestNothingIsMissingAtAFirstSight(t *testing.T) {
	for _, shape := range shapes(t) {
		root := shape.Manifest.DeepCopy()
		root.SetNamespace("default")
		d, err := spec.Read(root)
		if err != nil {
			t.Fatal(err)
		}
		built, err := children.Build(d)
		if err != nil {
			t.Fatal(err)
		}
		var owned []*appsv1.Deployment
		for _, made := range built.Deployments {
			owned = append(owned, made.Deployment)
		}
		if got := seldon.New().Arrived(nil, root, owned); len(got.Missing) > 0 || got.Unexplained > 0 || got.Leaves == 0 {
			t.Errorf("%s: %+v", shape.Name, got)
		}
	}
}
