package simworld_test

import (
	"context"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// TestVerbs lives through histories in which the life is lived by one command after the other: each finds
// an object of which it knows nothing but what it sees.
func TestVerbs(t *testing.T) {
	shapes := shapes(t)
	draw := func(seed uint64) scenario {
		s := draw(seed, shapes)
		s.verbs, s.rival, s.interrupts = true, 0, nil
		return s
	}
	if seed := option("seed"); seed != 0 {
		h := play(t, draw(seed), nil)
		t.Log("\n" + h.String())
		for _, wrong := range judgedVerbs(h) {
			t.Error(wrong)
		}
		return
	}
	bad := 0
	for seed := option("first"); seed < option("first")+histories(); seed++ {
		for _, wrong := range judgedVerbs(play(t, draw(seed), nil)) {
			if bad++; bad <= 20 {
				t.Errorf("seed %d: %s\n\tgo test ./internal/simworld -run TestVerbs -seed=%d", seed, wrong, seed)
			}
		}
	}
}

// verbByVerb creates, waits, changes, scales, waits, deletes and waits, each with a command of its own.
// It stops at the first that does not reach its goal. In half of the lives the change is not waited for, so
// that the scaling finds something on which the operator has not acted.
func verbByVerb(ctx context.Context, d ops.Deps, r ops.RunRequest) ops.Reason {
	namespace, name := r.Object.GetNamespace(), r.Object.GetName()
	changed := r.Object.DeepCopy()
	predictors, _, _ := unstructured.NestedSlice(changed.Object, "spec", "predictors")
	predictors[0].(map[string]any)["labels"] = map[string]any{"release": "two"}
	_ = unstructured.SetNestedSlice(changed.Object, predictors, "spec", "predictors")
	hurried := r.Manner
	if r.Replicas%2 == 0 {
		hurried.Limits.Wait = 0
	}
	commands := []func() ops.Reason{
		func() ops.Reason {
			return ops.Apply(ctx, d, ops.ApplyRequest{Object: r.Object, Lenient: true, Manner: r.Manner})
		},
		func() ops.Reason {
			return ops.Wait(ctx, d, ops.WaitRequest{Namespace: namespace, Name: name, For: judge.Available, Manner: r.Manner})
		},
		func() ops.Reason {
			reason := ops.Apply(ctx, d, ops.ApplyRequest{Object: changed, Lenient: true, ForceConflicts: true, Manner: hurried})
			if hurried.Limits.Wait == 0 && reason == ops.TimedOut {
				return ops.Reached
			}
			return reason
		},
		func() ops.Reason {
			return ops.Scale(ctx, d, ops.ScaleRequest{
				Namespace: namespace, Name: name, ScaleRequest: engine.ScaleRequest{Replicas: r.Replicas}, SkipAutoscaled: true, Manner: r.Manner,
			})
		},
		func() ops.Reason {
			return ops.Wait(ctx, d, ops.WaitRequest{Namespace: namespace, Name: name, For: judge.Scaled, Replicas: &r.Replicas, Manner: r.Manner})
		},
		func() ops.Reason {
			return ops.Delete(ctx, d, ops.DeleteRequest{Namespace: namespace, Name: name, Manner: r.Manner})
		},
		func() ops.Reason {
			return ops.Wait(ctx, d, ops.WaitRequest{Namespace: namespace, Name: name, For: judge.Gone, Manner: r.Manner})
		},
	}
	if edit, err := d.Engine.Scale(changed, engine.ScaleRequest{Replicas: r.Replicas}); err != nil || len(edit.Reached) == 0 {
		commands = slices.Delete(commands, 3, 5) // an autoscaler owns all of it
	}
	for _, command := range commands {
		if reason := command(); reason != ops.Reached {
			return reason
		}
	}
	return ops.Reached
}

// judgedVerbs holds what the commands said against what was true.
func judgedVerbs(h *history) []violation {
	var wrong []violation
	for _, p := range h.programs {
		v := &verdict{history: h, p: p}
		v.learn()
		if p.stuck {
			v.failf("exit", "a command never ended")
		}
		v.claims()
		v.failures()
		v.speed()
		wrong = append(wrong, v.wrong...)
	}
	return wrong
}

// acceptLast takes the last write before the end of a phase for the one that it is about.
func (v *verdict) acceptLast(ph *phase) {
	for _, touch := range v.world.Touched() {
		if touch.Agent == v.p.agent && touch.UID == v.uid && (ph.end == nil || touch.At <= ph.end.at) {
			ph.accepted, ph.wasAccepted = touch.At, true
		}
	}
}
