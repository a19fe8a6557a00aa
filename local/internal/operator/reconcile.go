package operator

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// reconciler executes what the model says.
type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
	switches simseldon.Switches
}

var _ reconcile.Reconciler = (*reconciler)(nil)

// Reconcile is one pass: read, ask the model, write in its order, then the status. An error ends the pass and repeats it with back-off.
func (r *reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	world, err := r.read(ctx, request.NamespacedName)
	if apierrors.IsNotFound(err) {
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	outcome, err := simseldon.Reconcile(world, r.switches)
	if err != nil {
		return r.fail(ctx, world, nil, err)
	}
	for i := range outcome.Writes {
		write := &outcome.Writes[i]
		if err := r.write(ctx, write); err != nil {
			return r.fail(ctx, world, write, err)
		}
		if write.Event != nil {
			r.record(world.Root, *write.Event)
		}
	}
	return reconcile.Result{}, r.finish(ctx, world, outcome)
}

// finish writes the status and records what the model says at the end.
func (r *reconciler) finish(ctx context.Context, world simseldon.World, outcome simseldon.Outcome) error {
	if outcome.Status != nil {
		root := world.Root.DeepCopy()
		root.Object["status"] = outcome.Status
		if err := r.client.Status().Update(ctx, root); err != nil {
			if apierrors.IsNotFound(err) {
				return nil
			}
			r.record(world.Root, simseldon.StatusRefused(world, err))
			return fmt.Errorf("write the status of %s: %w", root.GetName(), err)
		}
	}
	for _, event := range outcome.Events {
		r.record(world.Root, event)
	}
	return nil
}

// fail reports an error as the model says, and returns it for the back-off.
func (r *reconciler) fail(ctx context.Context, world simseldon.World, at *simseldon.Write, failure error) (reconcile.Result, error) {
	outcome := simseldon.Fail(world, at, failure, r.switches)
	if err := r.finish(ctx, world, outcome); err != nil {
		return reconcile.Result{}, fmt.Errorf("%w (and its report: %w)", failure, err)
	}
	return reconcile.Result{}, failure
}

// write does one write. Its error stays as the API server worded it, for that is what the operator makes the status's description.
func (r *reconciler) write(ctx context.Context, write *simseldon.Write) error {
	object, ok := write.Object.(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", write.Object)
	}
	switch write.Verb {
	case simseldon.Create:
		return r.client.Create(ctx, object) //nolint:wrapcheck // see above
	case simseldon.Update:
		return r.client.Update(ctx, object) //nolint:wrapcheck // see above
	case simseldon.Delete:
		return client.IgnoreNotFound(r.client.Delete(ctx, object, client.PropagationPolicy("Foreground"))) //nolint:wrapcheck // see above
	}
	return fmt.Errorf("unknown verb %q", write.Verb)
}

func (r *reconciler) record(root *unstructured.Unstructured, event simseldon.Event) {
	r.recorder.Event(root, event.Type, event.Reason, event.Message)
}
