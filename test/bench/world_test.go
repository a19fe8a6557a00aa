//go:build integration

package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kinds are those that a SeldonDeployment brings forth, itself included.
var kinds = map[string]schema.GroupVersionResource{
	"SeldonDeployment": seldonDeployments,
	"Deployment":       {Group: "apps", Version: "v1", Resource: "deployments"},
	"ReplicaSet":       {Group: "apps", Version: "v1", Resource: "replicasets"},
	"Pod":              {Version: "v1", Resource: "pods"},
	"Service":          {Version: "v1", Resource: "services"},
}

var seldonDeployments = schema.GroupVersionResource{Group: "machinelearning.seldon.io", Version: "v1", Resource: "seldondeployments"}

// thing is what the witness knows of one object.
type thing struct {
	kind, name string
	version    uint64
	ending     bool
	ready      bool   // of a pod
	complete   bool   // of a Deployment: its status is of its present spec, and nothing is missing
	replicas   int64  // of a Deployment's spec
	state      string // of a SeldonDeployment
}

// read returns what matters of an object. Objects that nobody owns are not the SeldonDeployment's.
func read(kind string, u *unstructured.Unstructured) (thing, bool) {
	t := thing{kind: kind, name: u.GetName(), ending: u.GetDeletionTimestamp() != nil}
	t.version, _ = strconv.ParseUint(u.GetResourceVersion(), 10, 64)
	switch kind {
	case "SeldonDeployment":
		t.state, _, _ = unstructured.NestedString(u.Object, "status", "state")
		return t, true
	case "Deployment":
		number := func(fields ...string) int64 {
			n, _, _ := unstructured.NestedInt64(u.Object, fields...)
			return n
		}
		t.replicas = number("spec", "replicas")
		t.complete = number("status", "observedGeneration") >= u.GetGeneration() && number("status", "unavailableReplicas") == 0
		for _, field := range []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"} {
			t.complete = t.complete && number("status", field) == t.replicas
		}
	case "Pod":
		conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		t.ready = slices.ContainsFunc(conditions, func(c any) bool {
			condition, ok := c.(map[string]any)
			return ok && condition["type"] == "Ready" && condition["status"] == "True"
		})
	}
	return t, len(u.GetOwnerReferences()) > 0
}

// world is all there is, by kind and name.
type world map[string]thing

// change is one message of a watch.
type change struct {
	at time.Time // when it was received
	thing
	gone bool
}

// take lets the world change.
func (w world) take(c change) {
	if c.gone {
		delete(w, c.kind+"/"+c.name)
		return
	}
	w[c.kind+"/"+c.name] = c.thing
}

// history is what the watches brought, in the order in which it was received.
type history []change

// at returns the world as the witness knew it at a time.
func (h history) at(when time.Time) world {
	w := world{}
	for _, c := range h {
		if !c.at.After(when) {
			w.take(c)
		}
	}
	return w
}

// inOrder returns the history in the order in which it happened: the versions of one cluster's
// objects are numbers of one sequence.
func (h history) inOrder() history {
	return slices.SortedStableFunc(slices.Values(h), func(a, b change) int { return cmp.Compare(a.version, b.version) })
}

// goal is what a phase is to reach; with no replicas it is that nothing is left.
type goal struct {
	phase    string
	replicas int64
}

var goals = [...]goal{{"available", replicas}, {"scaled", scaled}, {"gone", 0}}

// lacks says what the world lacks of the goal; nothing if it is reached.
func (g goal) lacks(w world) string {
	if g.replicas == 0 {
		for _, key := range slices.Sorted(maps.Keys(w)) {
			return key + " is left"
		}
		return ""
	}
	deployments, pods := 0, int64(0)
	for _, t := range w {
		switch {
		case t.kind == "Deployment" && (t.replicas != g.replicas || !t.complete || t.ending):
			return fmt.Sprintf("Deployment %s does not have %d replicas updated, ready and available", t.name, g.replicas)
		case t.kind == "Deployment":
			deployments++
		case t.kind == "Pod" && t.ready && !t.ending:
			pods++
		}
	}
	switch {
	case deployments != 1:
		return fmt.Sprintf("%d Deployments, not 1", deployments)
	case pods != g.replicas:
		return fmt.Sprintf("%d ready pods, not %d", pods, g.replicas)
	}
	return ""
}

// reached reports whether the world has the goal and the operator says so too, without which nobody
// can know that it has finished.
func (g goal) reached(w world) bool {
	return g.lacks(w) == "" && (g.replicas == 0 || w["SeldonDeployment/"+name].state == "Available")
}

// A witness that cannot say no is worth nothing.
func TestWitnessSaysNo(t *testing.T) {
	root := thing{kind: "SeldonDeployment", name: name, state: "Available"}
	deployment := func(replicas int64, complete bool) thing {
		return thing{kind: "Deployment", name: "d", replicas: replicas, complete: complete}
	}
	pod := func(name string, ready, ending bool) thing {
		return thing{kind: "Pod", name: name, ready: ready, ending: ending}
	}
	for reason, test := range map[string]struct {
		things []thing
		goal   goal
		lacks  string
	}{
		"nothing there is not available": {nil, goals[0], "0 Deployments, not 1"},
		"available":                      {[]thing{root, deployment(1, true), pod("a", true, false)}, goals[0], ""},
		"the operator's word alone":      {[]thing{root}, goals[0], "0 Deployments, not 1"},
		"status of an older spec":        {[]thing{root, deployment(3, false), pod("a", true, false)}, goals[1], "Deployment d does not have 3 replicas updated, ready and available"},
		"not yet scaled":                 {[]thing{root, deployment(1, true), pod("a", true, false)}, goals[1], "Deployment d does not have 3 replicas updated, ready and available"},
		"a pod that ends does not count": {[]thing{deployment(1, true), pod("a", true, true)}, goals[0], "0 ready pods, not 1"},
		"a pod too many":                 {[]thing{deployment(1, true), pod("a", true, false), pod("b", true, false)}, goals[0], "2 ready pods, not 1"},
		"gone":                           {nil, goals[2], ""},
		"a pod is left":                  {[]thing{pod("a", false, true)}, goals[2], "Pod/a is left"},
	} {
		w := world{}
		for _, one := range test.things {
			w.take(change{thing: one})
		}
		if lacks := test.goal.lacks(w); lacks != test.lacks {
			t.Errorf("%s: the witness says %q, not %q", reason, lacks, test.lacks)
		}
	}
}
