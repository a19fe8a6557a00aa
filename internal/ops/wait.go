package ops

import (
	"context"
	"fmt"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// WaitRequest asks to wait for what others do.
type WaitRequest struct {
	Namespace, Name string
	For             judge.GoalKind
	// Replicas is the number to wait for with Scaled; nil: whatever the spec says.
	Replicas *int32
	Manner
}

// Wait waits for an object, which may not exist yet, and writes nothing.
func Wait(ctx context.Context, d Deps, req WaitRequest) Reason {
	ctx, l, end := live(ctx, d, req.Manner, named(d.Engine.Identity(), req.Namespace, req.Name), nil)
	defer end()
	reason := l.wait(ctx, req)
	l.close(ctx, reason)
	return reason
}

func (l *life) wait(ctx context.Context, req WaitRequest) Reason {
	root, reason := l.find(ctx)
	switch {
	case reason != Reached:
		return reason
	case req.For == judge.Gone && root == nil:
		return l.awaitRemains(ctx)
	case req.For == judge.Gone:
		return l.pursue(ctx, journal.Delete, judge.Goal{Kind: judge.Gone, Root: l.ref, Baseline: root}, "waiting until nothing is left")
	case root == nil:
		if reason := l.awaitBirth(ctx); reason != Reached {
			return reason
		}
	}
	goal := judge.Goal{
		Kind: req.For, Root: l.ref, Baseline: l.known, Watched: true, Wanted: req.Replicas,
		Patient: !l.FailFast, RequireReady: l.RequireReady,
	}
	if req.For == judge.Available {
		return l.pursue(ctx, journal.Wait, goal, "waiting until it is available")
	}
	var err error
	if goal.Reached, err = l.scalable(req.Replicas); err != nil {
		return l.refuse(ctx, journal.Scale, err)
	}
	text := "waiting until it has the replicas that its spec says"
	if req.Replicas != nil {
		text = fmt.Sprintf("waiting until it is scaled to %d", *req.Replicas)
	}
	return l.pursue(ctx, journal.Scale, goal, text)
}

// awaitBirth waits until the object exists.
func (l *life) awaitBirth(ctx context.Context) Reason {
	if l.once() {
		return l.absent(ctx, journal.Connect)
	}
	l.tell(ctx, journal.Entry{
		Type: journal.Note, Phase: journal.Connect, Reason: "Absent",
		Text: fmt.Sprintf("%s %s/%s does not exist yet: waiting for it", l.target.Identity.Kind, l.target.Namespace, l.target.Name),
	})
	how, why := l.await(ctx, l.left(), func() bool { return l.present() != nil })
	switch how {
	case interrupted:
		return l.cutOff(ctx, journal.Connect, why)
	case outOfTime:
		if l.state.Blind(l.target.Kind()) { // whether it has come to be nobody can say
			return l.tellTimeout(ctx, journal.Connect, l.Now().Sub(l.since))
		}
		return l.absent(ctx, journal.Connect)
	case done:
	}
	l.know(l.present())
	return Reached
}

// scalable names the Deployments whose replicas the spec sets, all that a scaling to a number would
// govern where one is given.
func (l *life) scalable(replicas *int32) ([]string, error) {
	var workloads []engine.Workload
	if replicas != nil {
		edit, err := l.Engine.Scale(l.known, engine.ScaleRequest{Replicas: *replicas})
		if err != nil {
			return nil, &RefusalError{Reason: Invalid, Text: err.Error(), Err: err}
		}
		workloads = edit.Reached
	} else {
		implied, err := l.Engine.Implied(l.known)
		if err != nil {
			return nil, &RefusalError{Reason: Invalid, Text: err.Error(), Err: err}
		}
		for _, w := range implied.Workloads {
			if w.Replicas != nil && w.Autoscaled == nil {
				workloads = append(workloads, w)
			}
		}
	}
	if len(workloads) == 0 {
		return nil, &RefusalError{Reason: Conflict, Text: l.ref.String() + " has no part whose replicas its spec sets: autoscalers own them", Hint: "wait for available instead"}
	}
	return l.namesOf(workloads), nil
}

// awaitRemains waits until nothing is left of an object that is not there any more, whoever deleted it and
// however.
func (l *life) awaitRemains(ctx context.Context) Reason {
	absent := snapshot.Ref{Kind: l.target.Kind(), Namespace: l.target.Namespace, Name: l.target.Name}
	return l.pursue(ctx, journal.Delete, judge.Goal{Kind: judge.Gone, Root: absent}, "it does not exist; looking for what is left of it")
}
