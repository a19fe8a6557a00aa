package simseldon_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// available brings the plain model to Available.
func available(t *testing.T, sw simseldon.Switches) *cluster {
	t.Helper()
	c := newCluster(t, plain(t), sw)
	c.rest()
	c.roll(true)
	c.rest()
	if c.state() != "Available" {
		t.Fatalf("state: got %s, want Available", c.state())
	}
	clear(c.restarted)
	clear(c.events)
	return c
}

func plain(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(plainModel))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

func predictor(spec map[string]any) map[string]any {
	return spec["predictors"].([]any)[0].(map[string]any)
}

func component(spec map[string]any) map[string]any {
	return predictor(spec)["componentSpecs"].([]any)[0].(map[string]any)
}

func container(spec map[string]any) map[string]any {
	return component(spec)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
}

const plainModel = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: plain}
spec:
  predictors:
  - name: main
    graph: {name: clf, type: MODEL}
    componentSpecs:
    - spec:
        containers: [{name: clf, image: "example/model:1.0", env: [{name: A, value: a}]}]
`

// TestChanges: what a change of the spec does to pods, and what the pass that makes it says.
func TestChanges(t *testing.T) {
	cases := map[string]struct {
		reason   string
		change   func(spec map[string]any)
		state    string
		restarts bool
		event    string
	}{
		"SpecReplicas":      {"the engine is not told spec.replicas, and the old status reads as ready", func(s map[string]any) { s["replicas"] = int64(3) }, "Available", false, ""},
		"PredictorReplicas": {"nor predictors[].replicas", func(s map[string]any) { predictor(s)["replicas"] = int64(3) }, "Available", false, ""},
		"Traffic":           {"nor traffic", func(s map[string]any) { predictor(s)["traffic"] = int64(100) }, "Available", false, ""},
		"ComponentReplicas": {"but componentSpecs[].replicas", func(s map[string]any) { component(s)["replicas"] = int64(3) }, "Creating", true, "UpdateDeployment"},
		"EngineReplicas":    {"and svcOrchSpec.replicas, even without a separate engine", func(s map[string]any) { predictor(s)["svcOrchSpec"] = map[string]any{"replicas": int64(2)} }, "Creating", true, "UpdateDeployment"},
		"Budget":            {"and pdbSpec", func(s map[string]any) { component(s)["pdbSpec"] = map[string]any{"minAvailable": int64(1)} }, "Creating", true, "UpdateDeployment"},
		"Autoscaler":        {"and hpaSpec", func(s map[string]any) { component(s)["hpaSpec"] = map[string]any{"maxReplicas": int64(2)} }, "Creating", true, "UpdateDeployment"},
		"Image":             {"a new image restarts and is noticed", func(s map[string]any) { container(s)["image"] = "example/model:2.0" }, "Creating", true, "UpdateDeployment"},
		"PodAnnotation":     {"a pod annotation restarts and is not noticed", func(s map[string]any) { s["annotations"] = map[string]any{"note": "x"} }, "Available", true, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := available(t, simseldon.Switches{})
			c.edit(tc.change)
			c.pass()
			if got := c.state(); got != tc.state {
				t.Errorf("%s: state: got %s, want %s", tc.reason, got, tc.state)
			}
			if got := c.restarted["plain-main-0-clf"]; got != tc.restarts {
				t.Errorf("%s: restarts: got %t, want %t", tc.reason, got, tc.restarts)
			}
			seen := ""
			for e := range c.events {
				if e.Reason == "UpdateDeployment" {
					seen = e.Reason
				}
			}
			if seen != tc.event {
				t.Errorf("%s: event: got %q, want %q", tc.reason, seen, tc.event)
			}
		})
	}
}

// TestAddedFieldsAreNotNoticed: without an engine to tell it, an added field restarts the pods while the state stays Available.
func TestAddedFieldsAreNotNoticed(t *testing.T) {
	c := available(t, simseldon.Switches{})
	c.edit(func(s map[string]any) { s["annotations"] = map[string]any{"seldon.io/engine-separate-pod": "true"} })
	c.rest()
	c.roll(true)
	c.rest()
	clear(c.restarted)
	c.edit(func(s map[string]any) {
		component(s)["spec"].(map[string]any)["nodeSelector"] = map[string]any{"disk": "fast"}
	})
	c.pass()
	if !c.restarted["plain-main-0-clf"] {
		t.Errorf("the new node selector did not reach the pods")
	}
	if c.events[simseldon.Event{Type: "Normal", Reason: "UpdateDeployment", Message: `Updated Deployment "plain-main-0-clf"`}] {
		t.Errorf("the added field was noticed")
	}
}

// TestForcedNotReady: a template change makes a pass not ready although its Deployment says Available.
func TestForcedNotReady(t *testing.T) {
	c := available(t, simseldon.Switches{})
	c.edit(func(s map[string]any) { container(s)["image"] = "example/model:2.0" })
	c.pass()
	want := map[string]string{"DeploymentsReady": "True MinimumReplicasAvailable", "ServicesReady": "False Not all services created", "Ready": "False Not all services created"}
	for kind, words := range want {
		if got := c.condition(kind); got != words {
			t.Errorf("%s: got %s, want %s", kind, got, words)
		}
	}
	c.pass()
	if c.state() != "Available" {
		t.Errorf("second pass on the old Deployment status: got %s, want a false Available", c.state())
	}
}

// TestNilReplicasKeepTheCount: a hand-scaled Deployment stays where nobody says a number, and is put back where somebody does.
func TestNilReplicasKeepTheCount(t *testing.T) {
	c := available(t, simseldon.Switches{})
	five := int32(5)
	c.world.Deployments[0].Spec.Replicas = &five
	c.rest()
	if got := *c.world.Deployments[0].Spec.Replicas; got != 5 {
		t.Errorf("nobody says a number: got %d, want 5", got)
	}
	c.edit(func(s map[string]any) { s["replicas"] = int64(2) })
	c.rest()
	if got := *c.world.Deployments[0].Spec.Replicas; got != 2 {
		t.Errorf("spec.replicas 2: got %d", got)
	}
	c.edit(func(s map[string]any) { delete(s, "replicas") })
	c.rest()
	if got := *c.world.Deployments[0].Spec.Replicas; got != 2 {
		t.Errorf("field removed: got %d, want the count that was there", got)
	}
}

// TestFailed: only the first Deployment that is not ready is looked at, and only if it neither progresses nor is available.
func TestFailed(t *testing.T) {
	cases := map[string]struct {
		reason                 string
		progressing, available corev1.ConditionStatus
		sw                     simseldon.Switches
		want                   string
	}{
		"Dead":      {"no progress and nothing available", "False", "False", simseldon.Switches{}, "Failed"},
		"OldServes": {"a bad rollout over a good version", "False", "True", simseldon.Switches{}, "Creating"},
		"Slow":      {"still progressing", "True", "False", simseldon.Switches{}, "Creating"},
		"Old":       {"an operator before 1.13", "False", "False", simseldon.Switches{NeverFailed: true}, "Creating"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := available(t, tc.sw)
			d := c.world.Deployments[0].DeepCopy()
			d.Status.ReadyReplicas, d.Status.UnavailableReplicas = 0, 1
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: tc.progressing}, {Type: appsv1.DeploymentAvailable, Status: tc.available}}
			c.world.Deployments[0] = d
			c.pass()
			if got := c.state(); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// TestRemovedPredictor: what an earlier spec wanted serves on until the new is ready.
func TestRemovedPredictor(t *testing.T) {
	shape := shapes(t)[2]
	c := newCluster(t, shape.Manifest, simseldon.Switches{})
	c.rest()
	c.roll(true)
	c.rest()
	c.edit(func(s map[string]any) {
		list := s["predictors"].([]any)
		list[0].(map[string]any)["name"] = "fresh"
		list[0].(map[string]any)["traffic"] = int64(100)
		s["predictors"] = list[:1]
	})
	c.rest()
	if got := len(c.world.Deployments); got != 3 {
		t.Errorf("before the new is ready: got %d Deployments, want the two old ones and the new", got)
	}
	c.roll(true)
	c.rest()
	var names []string
	for _, d := range c.world.Deployments {
		names = append(names, d.Name)
	}
	if diff := cmp.Diff([]string{"canary-fresh-0-clf"}, names); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	status := recorded.Status(c.world.Root)
	if got := len(status["serviceStatus"].(map[string]any)); got != 2 {
		t.Errorf("serviceStatus: got %d entries, want 2", got)
	}
	for _, e := range []simseldon.Event{
		{Type: "Normal", Reason: "DeleteDeployment", Message: `Deleted Deployment "canary-stable-0-clf"`},
		{Type: "Normal", Reason: "DeleteService", Message: `Deleted Service "canary-next"`},
	} {
		if !c.events[e] {
			t.Errorf("no event %v", e)
		}
	}
}

// TestLeftAlone: passes that end before they begin.
func TestLeftAlone(t *testing.T) {
	now := metav1.Now()
	cases := map[string]struct {
		reason string
		change func(*simseldon.World)
		sw     simseldon.Switches
		acts   bool
	}{
		"Deleting":       {"a SeldonDeployment that goes is not touched", func(w *simseldon.World) { w.Root.SetDeletionTimestamp(&now) }, simseldon.Switches{}, false},
		"Recreate":       {"before 1.5.1 its children were made again", func(w *simseldon.World) { w.Root.SetDeletionTimestamp(&now) }, simseldon.Switches{RecreateDuringDelete: true}, true},
		"OtherOperator":  {"a label gives it to another operator", func(w *simseldon.World) { w.Root.SetLabels(map[string]string{"seldon.io/controller-id": "x"}) }, simseldon.Switches{}, false},
		"OtherNamespace": {"so does the namespace's", func(w *simseldon.World) { w.NamespaceLabels = map[string]string{"seldon.io/controller-id": "x"} }, simseldon.Switches{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, plain(t), tc.sw)
			tc.change(&c.world)
			outcome, err := simseldon.Reconcile(c.world, tc.sw)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(outcome.Writes)+len(outcome.Events) > 0 || outcome.Status != nil; got != tc.acts {
				t.Errorf("%s: acts: got %t, want %t", tc.reason, got, tc.acts)
			}
		})
	}
}

// TestSelectorChange: a custom Service name changes the Deployment's selector, which cannot be changed: delete and create in one pass.
func TestSelectorChange(t *testing.T) {
	c := available(t, simseldon.Switches{})
	c.edit(func(s map[string]any) {
		predictor(s)["annotations"] = map[string]any{"seldon.io/svc-name": "own"}
	})
	outcome, err := simseldon.Reconcile(c.world, simseldon.Switches{})
	if err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, write := range outcome.Writes {
		if _, ok := write.Object.(*appsv1.Deployment); ok {
			verbs = append(verbs, string(write.Verb))
		}
	}
	if diff := cmp.Diff([]string{"delete", "create"}, verbs); diff != "" {
		t.Errorf("writes of the Deployment (-want +got):\n%s", diff)
	}
}

// TestFail: an error's text becomes the description; a conflict only an event.
func TestFail(t *testing.T) {
	c := available(t, simseldon.Switches{})
	out := simseldon.Fail(c.world, nil, errors.New("disk 90% full"), simseldon.Switches{})
	if out.Status["state"] != "Failed" || out.Status["description"] != "disk 90% full" || !out.Requeue {
		t.Errorf("got %v %v, requeue %t", out.Status["state"], out.Status["description"], out.Requeue)
	}
	if got := out.Events[0].Message; got == "disk 90% full" {
		t.Errorf("the event's percent sign came through")
	}
	conflict := apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "deployments"}, "x", errors.New("modified"))
	out = simseldon.Fail(c.world, nil, conflict, simseldon.Switches{})
	if out.Status != nil || len(out.Events) != 1 || out.Events[0].Reason != "InternalError" {
		t.Errorf("conflict: got status %v, events %v", out.Status, out.Events)
	}
}

// TestOwnErrors: specs that pass the webhook and fail in the operator.
func TestOwnErrors(t *testing.T) {
	cases := map[string]struct {
		change func(spec map[string]any)
		want   string
	}{
		"NoContainer": {func(s map[string]any) {
			predictor(s)["graph"] = map[string]any{"name": "clf", "implementation": "SIMPLE_MODEL"}
			delete(predictor(s), "componentSpecs")
		}, "engine not separate and no pu with localhost service - not clear where to inject engine"},
		"UnknownServer": {func(s map[string]any) {
			predictor(s)["graph"] = map[string]any{"name": "clf", "implementation": "MAGIC_SERVER"}
		}, "Failed to get server config for MAGIC_SERVER"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, plain(t), simseldon.Switches{})
			c.edit(tc.change)
			if err := simseldon.Validate(c.world.Root); err != nil {
				t.Fatalf("the webhook refuses it: %v", err)
			}
			c.pass()
			if got := recorded.Status(c.world.Root)["description"]; got != tc.want {
				t.Errorf("description: got %v, want %s", got, tc.want)
			}
		})
	}
}

// TestNoConditions: before 1.11 the status has none.
func TestNoConditions(t *testing.T) {
	c := available(t, simseldon.Switches{NoConditions: true})
	if _, there := recorded.Status(c.world.Root)["conditions"]; there {
		t.Errorf("there are conditions")
	}
}

// TestPure: a pass changes nothing that it was given, and says the same twice.
func TestPure(t *testing.T) {
	for _, shape := range shapes(t) {
		c := newCluster(t, shape.Manifest, simseldon.Switches{})
		c.rest()
		c.roll(true)
		c.edit(func(s map[string]any) { s["replicas"] = int64(7) })
		before := deepCopy(c.world)
		first, _ := simseldon.Reconcile(c.world, simseldon.Switches{})
		if diff := cmp.Diff(before, c.world); diff != "" {
			t.Errorf("%s: the world changed:\n%s", shape.Name, diff)
		}
		second, _ := simseldon.Reconcile(c.world, simseldon.Switches{})
		if diff := cmp.Diff(first.Status, second.Status); diff != "" {
			t.Errorf("%s: two passes differ:\n%s", shape.Name, diff)
		}
	}
}

func deepCopy(w simseldon.World) simseldon.World {
	out := w
	out.Root = w.Root.DeepCopy()
	out.Deployments, out.Services = nil, nil
	for _, d := range w.Deployments {
		out.Deployments = append(out.Deployments, d.DeepCopy())
	}
	for _, s := range w.Services {
		out.Services = append(out.Services, s.DeepCopy())
	}
	return out
}
