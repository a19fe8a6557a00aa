package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// conflictTries bounds how often a scaling is worked out anew because the object has changed.
const conflictTries = 10

// attempt is one scaling: the object that it was worked out from, what it changes, and the
// Deployments' replicas before it.
type attempt struct {
	before *unstructured.Unstructured
	edit   engine.ScaleEdit
	was    map[string]int32
}

// scale brings the object to the wanted replicas and waits until it has them. Where no part of it
// can be scaled, the phase does not apply.
func (r *run) scale(ctx context.Context) Reason {
	r.phase(r.Limits.Wait)
	var lost *attempt // whose answer was lost
	for range conflictTries {
		a, err := r.plan()
		if err != nil {
			return r.refuse(ctx, journal.Scale, err)
		}
		if reason := r.notice(ctx, a, lost); reason != Reached {
			return reason
		}
		if lost != nil && len(a.edit.Patch) == 0 { // it had been carried out
			return r.awaitScaled(ctx, *lost, a.before)
		}
		if r.skip(ctx, a.edit) {
			return Reached
		}
		after, why, err := r.patch(ctx, a.before, a.edit.Patch)
		switch {
		case why != "":
			return why
		case err == nil:
			return r.awaitScaled(ctx, a, after)
		case noSuchObject(err, r.target.Name):
			return r.refuse(ctx, journal.Scale, &RefusalError{Reason: Vanished, Text: r.ref.String() + " was deleted by somebody else", Err: err})
		case ambiguous(err):
			lost = &a
		case !apierrors.IsConflict(err):
			return r.refuse(ctx, journal.Scale, err)
		}
		if reason := r.catchUp(ctx, a.before, apierrors.IsConflict(err)); reason != Reached {
			return reason
		}
	}
	return r.refuse(ctx, journal.Scale, &RefusalError{
		Reason: Conflict,
		Text:   fmt.Sprintf("%s changed %d times while it was to be scaled; somebody else keeps writing it", r.ref, conflictTries),
	})
}

// notice tells a change that somebody else has made since the object was proven to be as wanted, and
// gives up where that proof rests on what was changed.
func (r *run) notice(ctx context.Context, a attempt, lost *attempt) Reason {
	generation := a.before.GetGeneration()
	if generation == r.proven.GetGeneration() || generation == r.noticed || lost != nil && len(a.edit.Patch) == 0 {
		return Reached
	}
	r.noticed = generation
	r.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Scale, Object: &r.ref, Reason: "ForeignChange", Text: journal.ForeignChange(a.before)})
	if changes := judge.Rewritten(r.Engine, r.proven, a.before); len(changes) > 0 {
		return r.refuse(ctx, journal.Scale, &RefusalError{
			Reason: Vanished,
			Text:   "somebody else changed what the goal rests on: " + strings.Join(changes, "; "),
		})
	}
	return Reached
}

// plan works the scaling out from the object as it is known now.
func (r *run) plan() (attempt, error) {
	before := r.state.Root(r.uid())
	if before == nil {
		return attempt{}, &RefusalError{Reason: Vanished, Text: r.ref.String() + " was deleted by somebody else"}
	}
	edit, err := r.Engine.Scale(before, engine.ScaleRequest{Replicas: r.Replicas})
	if err != nil {
		return attempt{}, &RefusalError{Reason: Invalid, Text: err.Error(), Err: err}
	}
	return attempt{before: before, edit: edit, was: r.replicasNow()}, nil
}

func (r *run) awaitScaled(ctx context.Context, a attempt, after *unstructured.Unstructured) Reason {
	r.tellEdit(ctx, a.edit)
	return r.pursue(ctx, journal.Scale, r.scaleGoal(a, after),
		fmt.Sprintf("waiting until it is scaled to %d", r.Replicas))
}

// watchLag is how long after a conflict the watch is waited for to bring what caused it.
const watchLag = time.Second

// catchUp makes the newest version of the object known: after a conflict the watch is about to bring
// it, otherwise or if it does not a read does.
func (r *run) catchUp(ctx context.Context, stale *unstructured.Unstructured, conflict bool) Reason {
	if conflict {
		how, why := r.await(ctx, watchLag, func() bool {
			root := r.state.Root(r.uid())
			return root != nil && root.GetResourceVersion() != stale.GetResourceVersion()
		})
		switch how {
		case done:
			return Reached
		case interrupted:
			return why
		case outOfTime:
		}
	}
	return r.refresh(ctx)
}

// skip ends the phase where nothing would be scaled; then nothing is written.
func (r *run) skip(ctx context.Context, edit engine.ScaleEdit) bool {
	if len(edit.Reached) > 0 {
		return false
	}
	now := r.replicasNow()
	var left []string
	for _, l := range edit.LeftOut {
		left = append(left, fmt.Sprintf("%s (%s), now %d", l.Workload.Name(), l.Reason, now[l.Workload.Name()]))
	}
	r.tell(ctx, journal.Entry{
		Type: journal.Skipped, Phase: journal.Scale, Object: &r.ref, Reason: "NotScaled",
		Text: "not scaled: " + strings.Join(left, "; "),
	})
	r.steps = append(r.steps, "not scaled")
	return true
}

func (r *run) tellEdit(ctx context.Context, edit engine.ScaleEdit) {
	for _, note := range edit.Notes {
		r.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Scale, Object: &r.ref, Reason: "Scaling", Text: note})
	}
	for _, l := range edit.LeftOut {
		r.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Scale, Object: &r.ref, Reason: "LeftOut",
			Text: fmt.Sprintf("not scaled along: %s (%s)", l.Workload.Name(), l.Reason),
		})
	}
}

// patch writes the edit on exactly the object that it was worked out from. An empty edit is not
// written: the object has the wanted replicas already.
func (r *run) patch(ctx context.Context, before *unstructured.Unstructured, edit []engine.PatchOp) (*unstructured.Unstructured, Reason, error) {
	if len(edit) == 0 {
		return before, "", nil
	}
	ops := append([]engine.PatchOp{{Op: "replace", Path: "/metadata/resourceVersion", Value: before.GetResourceVersion()}}, edit...)
	answer, why, err := beside(ctx, r.session, r.left(), func(ctx context.Context) (engine.Answer, error) {
		return r.Cluster.Patch(ctx, r.target.Identity.Resource, r.target.Namespace, r.target.Name, ops)
	})
	return answer.Object, why, err
}

// refresh reads the object anew after a conflict or a lost answer, and makes sure that it still is ours.
func (r *run) refresh(ctx context.Context) Reason {
	objects, why, err := r.readRoot(ctx, r.left())
	if why != "" {
		return why
	}
	if err != nil {
		return r.refuse(ctx, journal.Scale, err)
	}
	for _, o := range objects {
		if o.GetUID() == r.uid() {
			r.step(ctx, journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o}}})
			return Reached
		}
	}
	return r.refuse(ctx, journal.Scale, &RefusalError{Reason: Vanished, Text: r.ref.String() + " was deleted or replaced by somebody else"})
}

// scaleGoal names what the edit governs by the names that the Deployments really have. It counts from
// the last spec on which the operator was proven to have acted: a foreign one between that and ours
// has to arrive too.
func (r *run) scaleGoal(a attempt, after *unstructured.Unstructured) judge.Goal {
	goal := judge.Goal{
		Kind: judge.Scaled, Root: r.ref, Before: r.proven, Baseline: after, Was: a.was,
		Patient: !r.FailFast, RequireReady: r.RequireReady,
	}
	if after.GetGeneration() == r.proven.GetGeneration() {
		goal.Proven = after.GetGeneration()
	}
	for _, w := range a.edit.Reached {
		name := w.Name()
		for has := range a.was {
			if slices.Contains(w.Names, has) {
				name = has
			}
		}
		goal.Reached = append(goal.Reached, name)
	}
	return goal
}

// replicasNow returns the wanted replicas of each Deployment of the tree.
func (r *run) replicasNow() map[string]int32 {
	return judge.Replicas(r.state.Snapshot(), r.uid())
}
