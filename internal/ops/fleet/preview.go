package fleet

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Preview is what Applied would make of one supporting object.
type Preview struct {
	Ref snapshot.Ref
	// Before is what is there, nil where nothing is; After what would be.
	Before, After *unstructured.Unstructured
	// Warnings are the API server's, with the object's place in its file.
	Warnings []string
	// Conflict says which managers' values are in the way, for which Applied would refuse; nil where none are.
	Conflict *ops.RefusalError
	// Refusal is why nothing can be said.
	Refusal *ops.RefusalError
}

// Previews asks the API server what would become of each supporting object, in the order in which they
// would be applied, and writes nothing.
func Previews(ctx context.Context, cluster reader, objects Objects, all []Supporting) []Preview {
	var previews []Preview
	for _, s := range inOrder(all) {
		previews = append(previews, preview(ctx, cluster, objects, s))
	}
	return previews
}

func preview(ctx context.Context, cluster reader, objects Objects, s Supporting) Preview {
	view := Preview{Ref: snapshot.RefTo(s.Object)}
	p, err := s.locate(ctx, objects, true)
	if err == nil {
		view.Before, err = p.read(ctx, cluster)
	}
	if err != nil {
		view.Refusal = refusal(err, s.Object, s.Position)
		return view
	}
	a := Applied{Objects: objects, DryRun: true}
	answer, err := objects.Apply(ctx, p.resource, p.Object, false, true)
	if apierrors.IsConflict(err) {
		view.Conflict = a.conflict(err, p)
		answer, err = objects.Apply(ctx, p.resource, p.Object, true, true)
	}
	if err != nil {
		view.Refusal = refusal(err, p.Object, p.Position)
		return view
	}
	view.After = answer.Object
	for _, warning := range answer.Warnings {
		view.Warnings = append(view.Warnings, p.Position+": "+warning)
	}
	return view
}
