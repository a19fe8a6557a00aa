package simseldon

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The three states of status.state.
const (
	stateAvailable = "Available"
	stateCreating  = "Creating"
	stateFailed    = "Failed"
)

// status is the status as a pass changes it: what the object had, edited. The operator never sets observedGeneration.
type status map[string]any

func statusOf(root *unstructured.Unstructured) status {
	old, _, _ := unstructured.NestedMap(root.Object, "status") // a status that is no map is none
	if old == nil {
		old = map[string]any{}
	}
	return old
}

func (s status) copy() status { return runtime.DeepCopyJSON(s) }

// settle sets the state and its description, which only Failed has.
func (s status) settle(state, description string) {
	s["state"] = state
	s.set("description", description)
}

func (s status) set(field, value string) {
	if value == "" {
		delete(s, field)
		return
	}
	s[field] = value
}

// service enters a Service that was found.
func (s status) service(name, http, grpc, explainerFor string) {
	entry := status{"svcName": name, "httpEndpoint": http}
	entry.set("grpcEndpoint", grpc)
	entry.set("explainerFor", explainerFor)
	s.under("serviceStatus")[name] = map[string]any(entry)
}

// deployment enters a Deployment's counts. Observed: one that never had a pod has no entry.
func (s status) deployment(name string, replicas, available int32) {
	entries, _ := s["deploymentStatus"].(map[string]any)
	if _, there := entries[name]; !there && replicas == 0 && available == 0 {
		return
	}
	entry := map[string]any{}
	count(entry, "replicas", replicas)
	count(entry, "availableReplicas", available)
	s.under("deploymentStatus")[name] = entry
}

// count sets a number that is left out when it is zero.
func count(m map[string]any, field string, n int32) {
	if n == 0 {
		delete(m, field)
		return
	}
	m[field] = int64(n)
}

// under gives the map of a field, made if need be.
func (s status) under(field string) map[string]any {
	m, _ := s[field].(map[string]any)
	if m == nil {
		m = map[string]any{}
		s[field] = m
	}
	return m
}

// keep drops the entries of a map field that nobody wants any more.
func (s status) keep(field string, wanted func(string) bool) {
	entries, _ := s[field].(map[string]any)
	for name := range entries {
		if !wanted(name) {
			delete(entries, name)
		}
	}
	if entries != nil && len(entries) == 0 {
		delete(s, field)
	}
}

// mark sets a condition. Its date changes only with its status.
func (s status) mark(kind, value, reason, message string, now time.Time) {
	condition := status{"type": kind, "status": value, "lastTransitionTime": now.UTC().Format(time.RFC3339)}
	condition.set("reason", reason)
	condition.set("message", message)
	list, _ := s["conditions"].([]any)
	at := slices.IndexFunc(list, func(c any) bool { return typeOf(c) == kind })
	if at < 0 {
		list = append(list, map[string]any(condition))
		slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(typeOf(a), typeOf(b)) })
	} else {
		if old, _ := list[at].(map[string]any); old["status"] == value {
			condition["lastTransitionTime"] = old["lastTransitionTime"]
		}
		list[at] = map[string]any(condition)
	}
	s["conditions"] = list
}

// condition gives a condition's status, reason and message.
func (s status) condition(kind string) (value, reason, message string) {
	list, _ := s["conditions"].([]any)
	for _, c := range list {
		if typeOf(c) == kind {
			m, _ := c.(map[string]any)
			value, _ = m["status"].(string)
			reason, _ = m["reason"].(string)
			message, _ = m["message"].(string)
		}
	}
	return value, reason, message
}

func (s status) dropConditions() { delete(s, "conditions") }

func typeOf(condition any) string {
	m, _ := condition.(map[string]any)
	kind, _ := m["type"].(string)
	return kind
}

// changedFrom gives the status to write, or nil if nothing but conditions' dates differs from what the object has.
func (s status) changedFrom(root *unstructured.Unstructured) map[string]any {
	if equality.Semantic.DeepEqual(map[string]any(s.undated()), map[string]any(statusOf(root).undated())) {
		return nil
	}
	return s
}

func (s status) undated() status {
	out := s.copy()
	list, _ := out["conditions"].([]any)
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			delete(m, "lastTransitionTime")
		}
	}
	return out
}
