package ops

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
)

// conflictTries bounds how often a scaling is worked out anew because the object has changed.
const conflictTries = 10

// ScaleRequest asks to scale an object that exists.
type ScaleRequest struct {
	Namespace, Name string
	engine.ScaleRequest
	// SkipAutoscaled leaves autoscaled parts out instead of refusing.
	SkipAutoscaled bool
	Manner
}

// Scale sets the replicas that the operator really reads and waits until the object has them.
func Scale(ctx context.Context, d Deps, req ScaleRequest) Reason {
	ctx, l, end := live(ctx, d, req.Manner, named(d.Engine.Identity(), req.Namespace, req.Name), nil)
	defer end()
	reason := l.rescale(ctx, req)
	l.close(ctx, reason)
	return reason
}

// rescale scales what exists, unless that would reach nothing or what an autoscaler owns.
func (l *life) rescale(ctx context.Context, req ScaleRequest) Reason {
	root, reason := l.find(ctx)
	if reason != Reached {
		return reason
	}
	if root == nil {
		return l.absent(ctx, journal.Scale)
	}
	l.warnOfKeepers(ctx, journal.Scale)
	a, err := l.plan(req.ScaleRequest)
	if err != nil {
		return l.refuse(ctx, journal.Scale, err)
	}
	for _, out := range a.edit.LeftOut {
		auto := out.Workload.Autoscaled
		if auto == nil || req.SkipAutoscaled && len(a.edit.Reached) > 0 || req.Predictor != "" && out.Workload.Predictor != req.Predictor {
			continue
		}
		return l.refuse(ctx, journal.Scale, &RefusalError{
			Reason: Conflict,
			Text:   fmt.Sprintf("%s is autoscaled %d to %d by %s, now %d; nothing was written", out.Workload.Name(), auto.Min, auto.Max, auto.Path, a.was[out.Workload.Name()]),
			Hint:   "edit " + auto.Path + ", or use --autoscaled=pin, or skip for the other parts",
		})
	}
	if len(a.edit.Reached) == 0 {
		return l.refuse(ctx, journal.Scale, &RefusalError{Reason: Conflict, Text: "there is nothing to scale: " + l.leftOut(a.edit) + "; nothing was written"})
	}
	return l.scale(ctx, req.ScaleRequest)
}

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
	var lost *attempt // whose answer was lost
	for tries := 0; tries < conflictTries; {
		a, err := l.plan(want)
		if err != nil {
			return l.refuse(ctx, journal.Scale, err)
		}
		reason := l.notice(ctx, a, lost)
		if reason != Reached {
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
		case err == nil && why != "" && why != TimedOut: // it was written; the user wants to stop
			l.tellEdit(ctx, a.edit)
			return l.cutOff(ctx, journal.Scale, why)
		case err == nil: // at the limit too: then that is told with what is lacking
			return l.awaitScaled(ctx, a, after)
		case why != "":
			return l.cutOff(ctx, journal.Scale, why)
		case noSuchObject(err, l.target.Name):
			return l.refuse(ctx, journal.Scale, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was deleted by somebody else", Err: err})
		case ambiguous(err):
			if lost != nil {
				reason = l.pause(ctx, journal.Scale, err)
			}
			lost = &a
		case !apierrors.IsConflict(err) && !apierrors.IsInvalid(err):
			return l.refuse(ctx, journal.Scale, err)
		default:
			tries++
		}
		if reason != Reached {
			return reason
		}
		if reason := l.catchUp(ctx, a.before, err); reason != Reached {
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
	generation, last := a.before.GetGeneration(), cmp.Or(l.proven, l.known)
	if generation == last.GetGeneration() || generation == l.noticed || lost != nil && len(a.edit.Patch) == 0 {
		return Reached
	}
	l.noticed = generation
	l.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Scale, Object: &l.ref, Reason: "ForeignChange", Text: journal.ForeignChange(a.before)})
	if changes := judge.Rewritten(l.Engine, last, a.before); len(changes) > 0 {
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
// it, otherwise or if it does not a read does. An edit that the API server calls invalid may remove what somebody
// else has removed meanwhile, which it finds before it looks at the version; of a spec that is as it was it is final.
func (l *life) catchUp(ctx context.Context, stale *unstructured.Unstructured, err error) Reason {
	if apierrors.IsConflict(err) {
		how, why := l.await(ctx, watchLag, func() bool {
			root := l.state.Root(l.uid())
			return root != nil && root.GetResourceVersion() != stale.GetResourceVersion()
		})
		switch how {
		case done:
			return Reached
		case interrupted:
			return l.cutOff(ctx, journal.Scale, why)
		case outOfTime:
		}
	}
	if reason := l.refresh(ctx); reason != Reached {
		return reason
	}
	if root := l.state.Root(l.uid()); apierrors.IsInvalid(err) && root != nil && root.GetGeneration() == stale.GetGeneration() {
		return l.refuse(ctx, journal.Scale, err)
	}
	return Reached
}

// skip ends the phase where nothing would be scaled; then nothing is written.
func (l *life) skip(ctx context.Context, edit engine.ScaleEdit) bool {
	if len(edit.Reached) > 0 {
		return false
	}
	l.tell(ctx, journal.Entry{
		Type: journal.Skipped, Phase: journal.Scale, Object: &l.ref, Reason: "NotScaled",
		Text: "not scaled: " + l.leftOut(edit),
	})
	l.steps = append(l.steps, "not scaled")
	return true
}

// leftOut names what a scaling does not reach, and why.
func (l *life) leftOut(edit engine.ScaleEdit) string {
	now := l.replicasNow()
	var left []string
	for _, out := range edit.LeftOut {
		left = append(left, fmt.Sprintf("%s (%s), now %d", out.Workload.Name(), out.Reason, now[out.Workload.Name()]))
	}
	return strings.Join(left, "; ")
}

func (l *life) tellEdit(ctx context.Context, edit engine.ScaleEdit) {
	l.tell(ctx, journal.Entry{Type: journal.Note, Phase: journal.Scale, Object: &l.ref, Reason: "Scaling", Text: l.wordEdit(edit)})
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

// wordEdit says what is written, and which Deployments that governs.
func (l *life) wordEdit(edit engine.ScaleEdit) string {
	var sets, removes []string
	for _, op := range edit.Patch {
		field := fieldOf(op.Path)
		if op.Op == "remove" {
			removes = append(removes, field)
			continue
		}
		sets = append(sets, fmt.Sprintf("%s to %v", field, op.Value))
	}
	text := "has these replicas in its spec already"
	if len(sets) > 0 {
		text = "sets " + strings.Join(sets, " and ")
	}
	if len(removes) > 0 {
		text = strings.TrimPrefix(text+", and removes "+strings.Join(removes, " and ")+", which would win", "has these replicas in its spec already, and ")
	}
	return text + "; this governs " + strings.Join(l.namesOf(edit.Reached), ", ")
}

// fieldOf writes a JSON pointer as the path of a field.
func fieldOf(pointer string) string {
	var b strings.Builder
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			b.WriteString("[" + step + "]")
		case b.Len() > 0:
			b.WriteString("." + step)
		default:
			b.WriteString(step)
		}
	}
	return b.String()
}

// patch writes the edit on exactly the object that it was worked out from. An empty edit is not
// written: the object has the wanted replicas already.
func (l *life) patch(ctx context.Context, before *unstructured.Unstructured, edit []engine.PatchOp) (*unstructured.Unstructured, Reason, error) {
	if len(edit) == 0 {
		return before, "", nil
	}
	answer, why, err := l.sendPatch(ctx, before, edit, engine.WriteOptions{})
	return answer.Object, why, err
}

// refresh reads the object anew after a conflict or a lost answer, and makes sure that it still is ours.
func (l *life) refresh(ctx context.Context) Reason {
	objects, why, err := l.readRoot(ctx, l.left())
	if why != "" {
		return l.cutOff(ctx, journal.Scale, why)
	}
	if err != nil {
		return l.refuse(ctx, journal.Scale, err)
	}
	for _, o := range objects {
		if o.GetUID() == l.uid() {
			l.learn(ctx, o)
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
		Patient: !l.FailFast, RequireReady: l.RequireReady, Reached: l.namesOf(a.edit.Reached),
	}
	if a.want.Pin { // what an autoscaler is to move has no number of its own in the spec
		goal.Wanted = &a.want.Replicas
	}
	switch {
	case l.proven == nil:
		goal.Before, goal.Doubtful = a.before, true
		if after.GetGeneration() == a.before.GetGeneration() {
			goal.Was = nil // who has set the number before, and from which, nobody knows
		}
	case after.GetGeneration() == l.proven.GetGeneration():
		goal.Proven = after.GetGeneration()
	}
	return goal
}

// namesOf returns the names that the workloads' Deployments really have, or are to get.
func (l *life) namesOf(workloads []engine.Workload) []string {
	now := l.replicasNow()
	names := make([]string, 0, len(workloads))
	for _, w := range workloads {
		name := w.Name()
		for _, possible := range w.Names {
			if _, there := now[possible]; there {
				name = possible
			}
		}
		names = append(names, name)
	}
	return names
}

// replicasNow returns the wanted replicas of each Deployment of the tree.
func (l *life) replicasNow() map[string]int32 {
	return judge.Replicas(l.state.Snapshot(), l.uid())
}
