package seldon

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// Status returns the operator's status, normalised. Whatever in it has the wrong type counts as
// not there; a state that is not known counts as work under way.
func (Engine) Status(root *unstructured.Unstructured) engine.Status {
	if root == nil || root.Object == nil {
		return engine.Status{}
	}
	raw, _ := root.Object["status"].(map[string]any)
	state, _ := raw["state"].(string)
	description, _ := raw["description"].(string)
	return engine.Status{State: stateOf(state), Description: description, Conditions: conditions(raw)}
}

func stateOf(s string) engine.State {
	switch state := engine.State(s); state {
	case engine.StateNone, engine.StateAvailable, engine.StateFailed, engine.StateWorking:
		return state
	}
	return engine.StateWorking
}

func conditions(status map[string]any) []engine.Condition {
	list, _ := status["conditions"].([]any)
	var conditions []engine.Condition
	for _, v := range list {
		m, _ := v.(map[string]any)
		var c engine.Condition
		c.Type, _ = m["type"].(string)
		c.Status, _ = m["status"].(string)
		c.Reason, _ = m["reason"].(string)
		c.Message, _ = m["message"].(string)
		if c.Type != "" {
			conditions = append(conditions, c)
		}
	}
	return conditions
}

// kedaAbsent reports whether the operator says that it made no ScaledObject, as one does that runs
// without KEDA: it then ignores the replicas fields all the same.
func kedaAbsent(root *unstructured.Unstructured) bool {
	for _, c := range (Engine{}).Status(root).Conditions {
		if c.Type == "KedaReady" {
			return c.Reason == "No KEDA resources defined"
		}
	}
	return false
}
