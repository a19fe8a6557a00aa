// Package simseldon is one pure model of the Seldon Core v1 operator (1.17.1): what one reconcile, reading this world, writes and says. The stand-in in the embedded
// cluster runs it against a real API server, the simulation on virtual time.
//
// It repeats the operator's lies exactly: Available judged by the old status of Deployments that the same pass has just changed, Creating for ever at zero replicas,
// Failed for errors that pass. It has no client, no clock, no context and no goroutines, and never imports internal/engine or internal/judge: those decide, this is
// what they decide about, and only the recordings in testdata/recorded keep both honest.
package simseldon

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// World is what one reconcile reads, stale or not: the SeldonDeployment and every object of its namespace that carries a name the operator wants or is owned by it.
type World struct {
	Root        *unstructured.Unstructured
	Deployments []*appsv1.Deployment
	Services    []*corev1.Service
	HPAs        []*autoscalingv2.HorizontalPodAutoscaler
	PDBs        []*policyv1.PodDisruptionBudget
	// NamespaceLabels are the namespace's: an operator leaves alone a namespace that is labelled for another one.
	NamespaceLabels map[string]string
	// Now only dates conditions that change.
	Now time.Time
}

// Switches make the operator an older one.
type Switches struct {
	NoConditions         bool // before 1.11: the status has no conditions
	NeverFailed          bool // before 1.13: a rollout that no longer progresses is Creating for ever
	RecreateDuringDelete bool // before 1.5.1: children are made again while the SeldonDeployment waits for them to go
}

// Verb is what a write does.
type Verb string

// The verbs. Delete is foreground, and an object that is gone already is a success.
const (
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
)

// Object is a Kubernetes object with its metadata.
type Object interface {
	metav1.Object
	runtime.Object
}

// Write is one write of a pass. If it fails the pass ends there, and Fail says what the operator then does.
type Write struct {
	Verb   Verb
	Object Object
	// Event is recorded once the write has succeeded; some writes have none.
	Event *Event
	// status is the status as the pass had it when it came to this write, which is what Failed is written into.
	status status
}

// Event is an event on the SeldonDeployment, of component seldon-controller-manager.
type Event struct {
	Type    string
	Reason  string
	Message string
}

// Outcome is what a pass does, in order: writes, status, events.
type Outcome struct {
	Writes []Write
	// Status is the whole new status, nil if it stays. It is written with the resourceVersion that the pass read, so a pass on a stale read is refused, and reports that by StatusRefused.
	Status map[string]any
	Events []Event
	// Requeue asks for another pass, with the back-off of errors.
	Requeue bool
}

// Names are the names that a reconcile looks up.
type Names struct {
	Deployments []string
	Services    []string
	HPAs        []string
	PDBs        []string
}

// Wanted gives the names that a reconcile of this object looks up, in addition to what the object owns. A spec that cannot be read wants nothing.
func Wanted(root *unstructured.Unstructured) Names {
	d, err := spec.Read(root)
	if err != nil {
		return Names{}
	}
	want, err := children.Build(d)
	if err != nil {
		return Names{}
	}
	var names Names
	for _, child := range want.Deployments {
		// Autoscalers and budgets share the Deployment's name, and are looked up even if none is wanted: one may be left from before.
		names.Deployments = append(names.Deployments, child.Name)
		names.HPAs = append(names.HPAs, child.Name)
		names.PDBs = append(names.PDBs, child.Name)
	}
	for _, child := range want.Services {
		names.Services = append(names.Services, child.Name)
	}
	return names
}

// Reconcile is one pass. Its error is one of the operator's own, such as a graph that it cannot place; Fail says what then happens.
func Reconcile(w World, sw Switches) (Outcome, error) {
	d, err := spec.Read(w.Root)
	if err != nil {
		return Outcome{}, err
	}
	if leftAlone(d, w, sw) {
		return Outcome{}, nil
	}
	want, err := children.Build(d)
	if err != nil {
		return Outcome{}, err
	}
	p := &pass{w: w, sw: sw, d: d, want: want, status: statusOf(w.Root)}
	p.run()
	return Outcome{
		Writes: p.writes,
		Status: p.status.changedFrom(w.Root),
		Events: []Event{normal("Updated", "Updated SeldonDeployment %q", d.Name)},
	}, nil
}

// leftAlone says whether a pass ends before it begins: observed, a SeldonDeployment that is being deleted keeps its last status, and one that is labelled for another operator has none at all.
func leftAlone(d *spec.SeldonDeployment, w World, sw Switches) bool {
	if d.Deleting && !sw.RecreateDuringDelete {
		return true
	}
	return d.Labels[spec.LabelSkip] != "" || w.NamespaceLabels[spec.LabelSkip] != ""
}
