package simworld_test

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// verbByVerb creates, waits, changes, scales, waits, deletes and waits, each with a command of its own: each
// finds an object of which it knows nothing but what it sees. It stops at the first that does not reach its
// goal. In half of the lives the change is not waited for, so that the scaling finds something on which the
// operator has not acted.
func (l *life) verbByVerb() {
	changed := l.asked.Object.DeepCopy()
	predictors, _, _ := unstructured.NestedSlice(changed.Object, "spec", "predictors")
	predictors[0].(map[string]any)["labels"] = map[string]any{"release": "two"}
	_ = unstructured.SetNestedSlice(changed.Object, predictors, "spec", "predictors")
	patient, hurried := l.asked.Manner, l.asked.Manner
	if l.asked.Replicas%2 == 0 {
		hurried.Limits.Wait = 0
	}
	commands := []command{l.apply(l.asked.Object, patient), l.wait(judge.Available, patient), l.apply(changed, hurried)}
	if edit, err := l.deps.Engine.Scale(changed, engine.ScaleRequest{Replicas: l.asked.Replicas}); err == nil && len(edit.Reached) > 0 { // not all of it is an autoscaler's
		commands = append(commands, l.scale(patient), l.wait(judge.Scaled, patient))
	}
	commands = append(commands, l.remove(patient), l.wait(judge.Gone, patient))
	for _, c := range commands {
		if reason := l.obey(c); reason != ops.Reached && (reason != ops.TimedOut || c.limits.Wait > 0) {
			return
		}
	}
}

func (l *life) apply(o *unstructured.Unstructured, manner ops.Manner) command {
	return command{"apply", manner.Limits, func(ctx context.Context, d ops.Deps) ops.Reason {
		return ops.Apply(ctx, d, ops.ApplyRequest{Object: o, Lenient: true, ForceConflicts: true, Manner: manner})
	}}
}

// wait waits for a goal; for the replicas that the life asks for where that is Scaled.
func (l *life) wait(goal judge.GoalKind, manner ops.Manner) command {
	verb := map[judge.GoalKind]string{judge.Available: "wait available", judge.Scaled: "wait scaled", judge.Gone: "wait gone"}[goal]
	r := ops.WaitRequest{Namespace: l.asked.Object.GetNamespace(), Name: l.asked.Object.GetName(), For: goal, Manner: manner}
	if goal == judge.Scaled {
		r.Replicas = &l.asked.Replicas
	}
	return command{verb, manner.Limits, func(ctx context.Context, d ops.Deps) ops.Reason { return ops.Wait(ctx, d, r) }}
}

func (l *life) scale(manner ops.Manner) command {
	return command{"scale", manner.Limits, func(ctx context.Context, d ops.Deps) ops.Reason {
		return ops.Scale(ctx, d, ops.ScaleRequest{
			Namespace: l.asked.Object.GetNamespace(), Name: l.asked.Object.GetName(),
			ScaleRequest: engine.ScaleRequest{Replicas: l.asked.Replicas}, SkipAutoscaled: true, Manner: manner,
		})
	}}
}

func (l *life) remove(manner ops.Manner) command {
	return command{"delete", manner.Limits, func(ctx context.Context, d ops.Deps) ops.Reason {
		return ops.Delete(ctx, d, ops.DeleteRequest{Namespace: l.asked.Object.GetNamespace(), Name: l.asked.Object.GetName(), Manner: manner})
	}}
}

// found is an object that somebody else has made and then changed, on which a command begins.
type found struct {
	// begins is when the command does, should that ever come; verb is what it is.
	begins simworld.When
	verb   string
	// now is what the object has become.
	now *unstructured.Unstructured
}

// find begins with what somebody else has made.
func (l *life) find() {
	ready := make(chan struct{})
	l.world.On(l.found.begins, func() { close(ready) })
	select {
	case <-ready:
	case <-time.After(3*time.Minute + l.found.begins.At): // what it is to follow does not come
	}
	once := l.asked.Manner
	once.Limits.Wait = 0
	switch l.found.verb {
	case "look":
		l.obey(l.wait(judge.Available, once))
		l.obey(l.wait(judge.Available, l.asked.Manner))
	case "apply":
		l.obey(l.apply(l.found.now, l.asked.Manner))
	case "wait scaled":
		l.obey(l.wait(judge.Scaled, l.asked.Manner))
	case "scale":
		l.obey(l.scale(l.asked.Manner))
	case "delete":
		l.obey(l.remove(l.asked.Manner))
	default:
		l.obey(l.wait(judge.Available, l.asked.Manner))
	}
}

// acceptLast takes the last write before the end of a phase for the one that it is about; without one what
// is claimed must be true while the command lives.
func (v *verdict) acceptLast(ph *phase) {
	ph.accepted = v.p.began
	for _, touch := range v.touches() {
		if touch.UID == v.uid && (ph.end == nil || touch.At <= ph.end.at) {
			ph.accepted, ph.wasAccepted = touch.At, true
		}
	}
}
