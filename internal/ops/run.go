package ops

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
)

// RunLabel is the label that run puts on what it creates; its value is the run's ID.
const RunLabel = "seldonctl/run"

// RunRequest asks for a rehearsal of one custom resource.
type RunRequest struct {
	// Object is the manifest's object with its namespace set; Lines finds its fields in the file.
	Object *unstructured.Unstructured
	Lines  Lines
	// ID marks what this run creates.
	ID string
	// Replicas is the number to scale to.
	Replicas int32
	Keep     Keep
	// RefuseAutoscaled makes autoscaled parts a conflict instead of leaving them out.
	RefuseAutoscaled bool
	// PinAutoscaled narrows the range of autoscaled parts to Replicas.
	PinAutoscaled bool
	Manner
}

// Keep says when a run leaves behind what it created.
type Keep string

// The values of Keep.
const (
	KeepNever   Keep = "never"
	KeepFailure Keep = "failure"
	KeepAlways  Keep = "always"
)

// run is one rehearsal under way.
type run struct {
	*life
	req RunRequest
}

// Run creates the object, waits until it is available, scales it and waits, deletes it and waits
// until nothing is left. What it created it removes on every way out, unless told to keep it.
func Run(ctx context.Context, d Deps, req RunRequest) Reason {
	implied, err := d.Engine.Implied(req.Object)
	ctx, l, end := live(ctx, d, req.Manner, req.Object, req.Lines)
	defer end()
	l.watch(ctx, kindsOf(implied))
	r := &run{life: l, req: req}
	reason := r.rehearse(ctx, implied, err)
	reason = r.cleanUp(ctx, reason)
	r.close(ctx, reason)
	return reason
}

// rehearse takes the phases in order until one is not reached.
func (r *run) rehearse(ctx context.Context, implied engine.Implied, impliedErr error) Reason {
	if impliedErr != nil {
		return r.refuse(ctx, journal.Connect, &RefusalError{Reason: Invalid, Text: place(impliedErr.Error(), r.lines), Err: impliedErr})
	}
	r.phase(r.Limits.Wait)
	for _, phase := range []func(context.Context) Reason{
		func(ctx context.Context) Reason { return r.inspect(ctx, implied) },
		r.create, r.awaitAvailable,
		func(ctx context.Context) Reason {
			r.phase(r.Limits.Wait)
			return r.scale(ctx, engine.ScaleRequest{Replicas: r.req.Replicas, Pin: r.req.PinAutoscaled})
		},
		r.remove,
	} {
		if reason := phase(ctx); reason != Reached {
			return reason
		}
	}
	return Reached
}

// create creates the object and tells what the API server warned about.
func (r *run) create(ctx context.Context) Reason {
	object := prepared(r.object, r.target.Identity)
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[RunLabel] = r.req.ID
	object.SetLabels(labels)
	answer, why, err := r.sendCreate(ctx, object, engine.WriteOptions{})
	if err != nil && ambiguous(err) && !untouched(err) {
		answer.Object, err = r.findOurs(ctx, err)
	}
	if err != nil && why == "" {
		return r.refuse(ctx, journal.Create, err)
	}
	if err != nil {
		return r.cutOff(ctx, journal.Create, why)
	}
	r.know(answer.Object)
	r.tell(ctx, journal.Entry{
		Type: journal.Note, Phase: journal.Create, Object: &r.ref, Reason: "Created",
		Text: fmt.Sprintf("created, labelled %s=%s", RunLabel, r.req.ID),
	})
	r.tellWarnings(ctx, journal.Create, answer)
	return r.written(ctx, why, nil)
}

// findOurs resolves a creation whose outcome is not known: it reads, and takes the object for ours
// only if it carries this run's label. It never creates again. Where it cannot tell, it says how to
// look and remove.
func (r *run) findOurs(ctx context.Context, lost error) (*unstructured.Unstructured, error) {
	objects, _, err := r.readRoot(ctx, lostAnswerLimit)
	for _, o := range objects {
		if root, ok := o.(*unstructured.Unstructured); ok && root.GetLabels()[RunLabel] == r.req.ID {
			return root, nil
		}
	}
	text := "whether it was created is not certain: its answer was lost and a read does not show it"
	if err != nil {
		text = "whether it was created is not known: its answer was lost and it cannot be read: " + err.Error()
	}
	r.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Create, Reason: string(Leftover), Text: text, Hint: r.cleanupCommand()})
	return nil, lost
}

// lostAnswerLimit bounds the reading that looks for what a lost answer was about.
const lostAnswerLimit = 10 * time.Second

// awaitAvailable waits until it is available. What was read after a lost answer may have been edited
// already: then it is not as it was created.
func (r *run) awaitAvailable(ctx context.Context) Reason {
	return r.pursue(ctx, journal.Wait, judge.Goal{
		Kind: judge.Available, Root: r.ref, Baseline: r.known, Created: r.known.GetGeneration() == 1,
		Patient: !r.FailFast, RequireReady: r.RequireReady,
	}, "waiting until it is available")
}

// remove deletes the object in the foreground and waits until nothing is left.
func (r *run) remove(ctx context.Context) Reason {
	if r.req.Keep == KeepAlways {
		r.tell(ctx, journal.Entry{Type: journal.Skipped, Phase: journal.Delete, Object: &r.ref, Text: "kept; to remove it: " + r.cleanupCommand()})
		return Reached
	}
	return r.delete(ctx, journal.Delete, r.Limits.Wait)
}

func (r *run) cleanupCommand() string {
	return fmt.Sprintf("seldonctl delete %s -n %s --run %s", r.target.Name, r.target.Namespace, r.req.ID)
}

// prepared returns the object as it is sent: in the version that the tool works in, and without what
// only the API server sets, so that an exported object can be used as a manifest.
func prepared(o *unstructured.Unstructured, id engine.Identity) *unstructured.Unstructured {
	object := o.DeepCopy()
	object.SetGroupVersionKind(id.GroupVersionKind())
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	delete(object.Object, "status")
	return object
}

// cleanUp removes what a failed or interrupted run created. It returns the reason that the run ended
// with; what could not be removed is told with the command that does it.
func (r *run) cleanUp(ctx context.Context, reason Reason) Reason {
	if r.known == nil || r.gone || reason == Reached {
		return reason
	}
	if r.req.Keep != KeepNever {
		r.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Cleanup, Object: &r.ref, Reason: "Kept",
			Text: "kept for you to look at", Hint: r.cleanupCommand(),
		})
		return reason
	}
	if reason == Failed || reason == TimedOut {
		r.tell(ctx, journal.Entry{
			Type: journal.Note, Phase: journal.Cleanup, Object: &r.ref, Reason: "CleaningUp",
			Text: "is removed now; to look at what failed, run again with --keep=failure",
		})
	}
	switch {
	case reason == Leftover || reason == TimedOut && r.deleted: // its waiting is over
	case r.deleted || r.state.Snapshot().Gone(r.uid()):
		r.phase(r.Limits.Cleanup)
		r.gone = r.pursue(ctx, journal.Cleanup, judge.Goal{Kind: judge.Gone, Root: r.ref, Baseline: r.known}, "waiting until nothing is left") == Reached
	default:
		r.delete(ctx, journal.Cleanup, r.Limits.Cleanup)
	}
	if !r.gone {
		r.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Cleanup, Object: &r.ref, Reason: string(Leftover),
			Text: "what this run created may not be gone", Hint: r.cleanupCommand(),
		})
	}
	return reason
}
