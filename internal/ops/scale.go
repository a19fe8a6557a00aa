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
	want   engine.ScaleRequest
	before *unstructured.Unstructured
	edit   engine.ScaleEdit
	was    map[string]int32
}

// scale brings the object to the wanted replicas and waits until it has them. Where no part of it
// can be scaled, the phase does not apply.
func (l *life) scale(ctx context.Context, want engine.ScaleRequest) Reason {
	l.phase(l.Limits.Wait)
	var lost *attempt // whose answer was lost
	for range conflictTries {
		a, err := l.plan(want)
		if err != nil {
			return l.refuse(ctx, journal.Scale, err)
		}
		if reason := l.notice(ctx, a, lost); reason != Reached {
			return reason
		}
		if lost != nil && len(a.edit.Patch) == 0 { // it had been carried out
			return l.awaitScaled(ctx, *lost, a.before)
		}
		if l.skip(ctx, a.edit) {
			return Reached
		}
		after, why, err := l.patch(ctx, a.before, a.edit.Patch)
		switch {
		case why != "":
			return why
		case err == nil:
			return l.awaitScaled(ctx, a, after)
		case noSuchObject(err, l.target.Name):
			return l.refuse(ctx, journal.Scale, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was deleted by somebody else", Err: err})
		case ambiguous(err):
			lost = &a
		case !apierrors.IsConflict(err):
			return l.refuse(ctx, journal.Scale, err)
		}
		if reason := l.catchUp(ctx, a.before, apierrors.IsConflict(err)); reason != Reached {
			return reason
		}
	}
	return l.refuse(ctx, journal.Scale, &RefusalError{
		Reason: Conflict,
		Text:   fmt.Sprintf("%s changed %d times while it was to be scaled; somebody else keeps writing it", l.ref, conflictTries),
	})
}

// notice tells a change that somebody else has made since the object was proven to be as wanted, and
// gives up where that proof rests on what was changed.
func (l *life) notice(ctx context.Context, a attempt, lost *attempt) Reason {
	generation := a.before.GetGeneration()
	if generation == l.proven.GetGeneration() || generation == l.noticed || lost != nil && len(a.edit.Patch) == 0 {
		return Reached
	}
	l.noticed = generation
	l.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Scale, Object: &l.ref, Reason: "ForeignChange", Text: journal.ForeignChange(a.before)})
	if changes := judge.Rewritten(l.Engine, l.proven, a.before); len(changes) > 0 {
		return l.refuse(ctx, journal.Scale, &RefusalError{
			Reason: Vanished,
			Text:   "somebody else changed what the goal rests on: " + strings.Join(changes, "; "),
		})
	}
	return Reached
}

// plan works the scaling out from the object as it is known now.
func (l *life) plan(want engine.ScaleRequest) (attempt, error) {
	before := l.state.Root(l.uid())
	if before == nil {
		return attempt{}, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was deleted by somebody else"}
	}
	edit, err := l.Engine.Scale(before, want)
	if err != nil {
		return attempt{}, &RefusalError{Reason: Invalid, Text: err.Error(), Err: err}
	}
	return attempt{want: want, before: before, edit: edit, was: l.replicasNow()}, nil
}

func (l *life) awaitScaled(ctx context.Context, a attempt, after *unstructured.Unstructured) Reason {
	l.tellEdit(ctx, a.edit)
	return l.pursue(ctx, journal.Scale, l.scaleGoal(a, after),
		fmt.Sprintf("waiting until it is scaled to %d", a.want.Replicas))
}

// watchLag is how long after a conflict the watch is waited for to bring what caused it.
const watchLag = time.Second

// catchUp makes the newest version of the object known: after a conflict the watch is about to bring
// it, otherwise or if it does not a read does.
func (l *life) catchUp(ctx context.Context, stale *unstructured.Unstructured, conflict bool) Reason {
	if conflict {
		how, why := l.await(ctx, watchLag, func() bool {
			root := l.state.Root(l.uid())
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
	return l.refresh(ctx)
}

// skip ends the phase where nothing would be scaled; then nothing is written.
func (l *life) skip(ctx context.Context, edit engine.ScaleEdit) bool {
	if len(edit.Reached) > 0 {
		return false
	}
	now := l.replicasNow()
	var left []string
	for _, out := range edit.LeftOut {
		left = append(left, fmt.Sprintf("%s (%s), now %d", out.Workload.Name(), out.Reason, now[out.Workload.Name()]))
	}
	l.tell(ctx, journal.Entry{
		Type: journal.Skipped, Phase: journal.Scale, Object: &l.ref, Reason: "NotScaled",
		Text: "not scaled: " + strings.Join(left, "; "),
	})
	l.steps = append(l.steps, "not scaled")
	return true
}

func (l *life) tellEdit(ctx context.Context, edit engine.ScaleEdit) {
	for _, note := range edit.Notes {
		l.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Scale, Object: &l.ref, Reason: "Scaling", Text: note})
	}
	for _, out := range edit.LeftOut {
		l.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Scale, Object: &l.ref, Reason: "LeftOut",
			Text: fmt.Sprintf("not scaled along: %s (%s)", out.Workload.Name(), out.Reason),
		})
	}
}

// patch writes the edit on exactly the object that it was worked out from. An empty edit is not
// written: the object has the wanted replicas already.
func (l *life) patch(ctx context.Context, before *unstructured.Unstructured, edit []engine.PatchOp) (*unstructured.Unstructured, Reason, error) {
	if len(edit) == 0 {
		return before, "", nil
	}
	ops := append([]engine.PatchOp{{Op: "replace", Path: "/metadata/resourceVersion", Value: before.GetResourceVersion()}}, edit...)
	answer, why, err := beside(ctx, l.session, l.left(), func(ctx context.Context) (engine.Answer, error) {
		return l.Cluster.Patch(ctx, l.target.Identity.Resource, l.target.Namespace, l.target.Name, ops)
	})
	return answer.Object, why, err
}

// refresh reads the object anew after a conflict or a lost answer, and makes sure that it still is ours.
func (l *life) refresh(ctx context.Context) Reason {
	objects, why, err := l.readRoot(ctx, l.left())
	if why != "" {
		return why
	}
	if err != nil {
		return l.refuse(ctx, journal.Scale, err)
	}
	for _, o := range objects {
		if o.GetUID() == l.uid() {
			l.step(ctx, journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o}}})
			return Reached
		}
	}
	return l.refuse(ctx, journal.Scale, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was deleted or replaced by somebody else"})
}

// scaleGoal names what the edit governs by the names that the Deployments really have. It counts from
// the last spec on which the operator was proven to have acted: a foreign one between that and ours
// has to arrive too.
func (l *life) scaleGoal(a attempt, after *unstructured.Unstructured) judge.Goal {
	goal := judge.Goal{
		Kind: judge.Scaled, Root: l.ref, Before: l.proven, Baseline: after, Was: a.was,
		Patient: !l.FailFast, RequireReady: l.RequireReady,
	}
	if after.GetGeneration() == l.proven.GetGeneration() {
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
func (l *life) replicasNow() map[string]int32 {
	return judge.Replicas(l.state.Snapshot(), l.uid())
}
