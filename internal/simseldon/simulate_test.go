package simseldon_test

import (
	"testing"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// TestSimulatePods: the annotation reaches the pods of the Deployments it is meant for.
func TestSimulatePods(t *testing.T) {
	const key = "simulate.seldonctl/pods"
	note := func(value string) map[string]any { return map[string]any{"annotations": map[string]any{key: value}} }
	cases := map[string]struct {
		reason                     string
		object, predictor, deepest string
		model, engine              string
	}{
		"Nowhere":   {reason: "the template is as recorded", object: "-", predictor: "-", deepest: "-", model: "", engine: ""},
		"Object":    {reason: "the object's reaches all", object: "crash-loop", predictor: "-", deepest: "-", model: "crash-loop", engine: "crash-loop"},
		"Predictor": {reason: "the predictor's wins over it", object: "crash-loop", predictor: "slow=10s", deepest: "-", model: "slow=10s", engine: "slow=10s"},
		"Component": {reason: "the component's wins for its own pods", object: "crash-loop", predictor: "-", deepest: "unschedulable", model: "unschedulable", engine: "crash-loop"},
		"Off":       {reason: "the empty string switches it off", object: "crash-loop", predictor: "-", deepest: "", model: "", engine: "crash-loop"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, plain(t), simseldon.Switches{})
			c.edit(func(s map[string]any) {
				s["annotations"] = map[string]any{"seldon.io/engine-separate-pod": "true"}
				if tc.predictor != "-" {
					predictor(s)["annotations"] = note(tc.predictor)["annotations"]
				}
				if tc.deepest != "-" {
					component(s)["metadata"] = note(tc.deepest)
				}
			})
			if tc.object != "-" {
				c.world.Root.SetAnnotations(map[string]string{key: tc.object})
			}
			c.rest()
			want := map[string]string{"plain-main-0-clf": tc.model, "plain-main-svc-orch": tc.engine}
			for _, d := range c.world.Deployments {
				got, there := d.Spec.Template.Annotations[key]
				if got != want[d.Name] || there != (want[d.Name] != "") {
					t.Errorf("%s: %s: got %q, want %q", tc.reason, d.Name, got, want[d.Name])
				}
				kept := d.Spec.Template.Spec.NodeSelector["simulate.seldonctl/unschedulable"] == "true"
				if kept != (want[d.Name] == "unschedulable") {
					t.Errorf("%s: %s: node selector: got %t", tc.reason, d.Name, kept)
				}
			}
		})
	}
}
