package simseldon_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// cluster is the smallest world in which passes can follow each other: it keeps what they write, and its Deployment controller makes pods ready when told.
type cluster struct {
	t      *testing.T
	sw     simseldon.Switches
	world  simseldon.World
	events map[simseldon.Event]bool
	// restarted are the Deployments whose pod template was changed.
	restarted map[string]bool
	// states are the state after each pass.
	states []string
}

func newCluster(t *testing.T, manifest *unstructured.Unstructured, sw simseldon.Switches) *cluster {
	t.Helper()
	root := manifest.DeepCopy()
	root.SetNamespace("default")
	root.SetUID("0c5f")
	return &cluster{
		t: t, sw: sw, events: map[simseldon.Event]bool{}, restarted: map[string]bool{},
		world: simseldon.World{Root: root, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
}

// pass does one reconcile and keeps what it writes. It says whether anything changed.
func (c *cluster) pass() bool {
	c.t.Helper()
	c.world.Now = c.world.Now.Add(time.Second)
	outcome, err := simseldon.Reconcile(c.world, c.sw)
	if err != nil {
		outcome = simseldon.Fail(c.world, nil, err, c.sw)
	}
	next := c.world
	for i := range outcome.Writes {
		write := &outcome.Writes[i]
		if err := apply(&next, write, c.restarted); err != nil {
			outcome = simseldon.Fail(c.world, write, err, c.sw)
			break
		}
		if write.Event != nil {
			c.events[*write.Event] = true
		}
	}
	for _, event := range outcome.Events {
		c.events[event] = true
	}
	if outcome.Status != nil {
		next.Root = next.Root.DeepCopy()
		next.Root.Object["status"] = outcome.Status
	}
	c.world = next
	c.states = append(c.states, c.state())
	return len(outcome.Writes) > 0 || outcome.Status != nil
}

// rest passes until nothing changes.
func (c *cluster) rest() {
	c.t.Helper()
	for range 10 {
		if !c.pass() {
			return
		}
	}
	c.t.Fatalf("no rest after ten passes")
}

// roll is the Deployment controller at its end: every pod is there and, if ready, ready.
func (c *cluster) roll(ready bool) {
	for i, d := range c.world.Deployments {
		d = d.DeepCopy()
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n, ObservedGeneration: d.Generation}
		available := appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability."}
		if !ready && n > 0 {
			d.Status.ReadyReplicas, d.Status.AvailableReplicas, d.Status.UnavailableReplicas = 0, 0, n
			available.Status, available.Reason, available.Message = corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
		}
		d.Status.Conditions = []appsv1.DeploymentCondition{available}
		c.world.Deployments[i] = d
	}
}

func (c *cluster) state() string {
	state, _, _ := unstructured.NestedString(c.world.Root.Object, "status", "state")
	return state
}

// condition gives a condition as status and reason.
func (c *cluster) condition(kind string) string {
	list, _, _ := unstructured.NestedSlice(c.world.Root.Object, "status", "conditions")
	for _, item := range list {
		if m, ok := item.(map[string]any); ok && m["type"] == kind {
			return fmt.Sprint(m["status"], " ", m["reason"])
		}
	}
	return "none"
}

func (c *cluster) edit(change func(spec map[string]any)) {
	c.world.Root = c.world.Root.DeepCopy()
	s, ok := c.world.Root.Object["spec"].(map[string]any)
	if !ok {
		c.t.Fatalf("no spec")
	}
	change(s)
}

func (c *cluster) children() map[string]any {
	out := map[string]any{}
	for _, d := range c.world.Deployments {
		key, description := recorded.Describe(d)
		out[key] = description
	}
	for _, s := range c.world.Services {
		key, description := recorded.Describe(s)
		out[key] = description
	}
	for _, h := range c.world.HPAs {
		key, description := recorded.Describe(h)
		out[key] = description
	}
	for _, p := range c.world.PDBs {
		key, description := recorded.Describe(p)
		out[key] = description
	}
	return out
}

// apply is the API server.
func apply(w *simseldon.World, write *simseldon.Write, restarted map[string]bool) error {
	switch o := write.Object.(type) {
	case *appsv1.Deployment:
		if err := missingVolume(o); err != nil {
			return err
		}
		if o.Spec.Replicas == nil {
			one := int32(1)
			o.Spec.Replicas = &one
		}
		for _, old := range w.Deployments {
			if write.Verb == simseldon.Update && old.Name == o.Name && !equality.Semantic.DeepEqual(old.Spec.Template, o.Spec.Template) {
				restarted[o.Name] = true
			}
		}
		w.Deployments = put(w.Deployments, o, write.Verb)
	case *corev1.Service:
		o.Spec.ClusterIP = "10.0.0.1"
		w.Services = put(w.Services, o, write.Verb)
	case *autoscalingv2.HorizontalPodAutoscaler:
		w.HPAs = put(w.HPAs, o, write.Verb)
	case *policyv1.PodDisruptionBudget:
		w.PDBs = put(w.PDBs, o, write.Verb)
	}
	return nil
}

func put[T simseldon.Object](list []T, object T, verb simseldon.Verb) []T {
	var out []T
	for _, old := range list {
		if old.GetName() != object.GetName() {
			out = append(out, old)
		}
	}
	if verb != simseldon.Delete {
		out = append(out, object)
	}
	return out
}

// missingVolume is the one check of the API server that a recording needs.
func missingVolume(d *appsv1.Deployment) error {
	volumes := map[string]bool{}
	for i := range d.Spec.Template.Spec.Volumes {
		volumes[d.Spec.Template.Spec.Volumes[i].Name] = true
	}
	at := field.NewPath("spec", "template", "spec", "containers")
	for i := range d.Spec.Template.Spec.Containers {
		for j, mount := range d.Spec.Template.Spec.Containers[i].VolumeMounts {
			if !volumes[mount.Name] {
				wrong := field.NotFound(at.Index(i).Child("volumeMounts").Index(j).Child("name"), mount.Name)
				return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, d.Name, field.ErrorList{wrong})
			}
		}
	}
	return nil
}
