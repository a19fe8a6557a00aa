package seldon

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

func TestStatus(t *testing.T) {
	ready := engine.Condition{Type: "Ready", Status: "False", Reason: "Why", Message: "what"}
	cases := map[string]struct {
		reason, status string
		want           engine.Status
	}{
		"none":        {"the operator has not looked", "null", engine.Status{}},
		"empty":       {"the same", "{}", engine.Status{}},
		"available":   {"as it is", "{state: Available}", engine.Status{State: engine.StateAvailable}},
		"failed":      {"with its description", "{state: Failed, description: d}", engine.Status{State: engine.StateFailed, Description: "d"}},
		"unknown":     {"counts as under way", "{state: Ruminating}", engine.Status{State: engine.StateWorking}},
		"conditions":  {"as they are", "{state: Creating, conditions: [{type: Ready, status: 'False', reason: Why, message: what}]}", engine.Status{State: engine.StateWorking, Conditions: []engine.Condition{ready}}},
		"wrong":       {"types that are wrong count as not there", "{state: 3, description: [], conditions: {}}", engine.Status{}},
		"wrong ones":  {"in conditions too", "{conditions: [3, null, {type: 4}, {status: 'True'}, {type: Ready, status: 'False', reason: Why, message: what}]}", engine.Status{Conditions: []engine.Condition{ready}}},
		"not a group": {"a text", "Available", engine.Status{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, New().Status(with(t, plain, "status = "+c.status))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestStatusOfNothing(t *testing.T) {
	for _, root := range []*unstructured.Unstructured{nil, {}} {
		if diff := cmp.Diff(engine.Status{}, New().Status(root)); diff != "" {
			t.Error(diff)
		}
	}
}
