// Package engine says what the specification of a custom resource means: which workloads it
// implies, with how many replicas, how it is scaled, and how its operator's status reads. Each
// engine has a folder of its own below this one; nothing outside that folder knows its field names.
//
// An engine computes from objects it is given. It never talks to a cluster, reads a clock or logs.
package engine

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Engine is everything the tool needs to know about one kind of custom resource.
type Engine interface {
	Reader
	Editor
}

// Reader tells what an object means.
type Reader interface {
	// Identity names the custom resource.
	Identity() Identity
	// Implied returns the workloads and services that the object's spec implies, computed from the
	// object as the API server returned it. The error says what in the spec cannot be read.
	Implied(root *unstructured.Unstructured) (Implied, error)
	// Status returns the operator's status, which is a hint and never a proof.
	Status(root *unstructured.Unstructured) Status
	// Arrived compares two generations of the object with the Deployments it owns and tells which
	// leaves of the difference have reached them. Where nothing is known of an earlier one (nil), it
	// tells it of every leaf of the spec.
	Arrived(before, now *unstructured.Unstructured, owned []*appsv1.Deployment) Arrival
}

// Editor changes an object's spec.
type Editor interface {
	// Scale returns the edit that brings the object to the wanted replicas.
	Scale(root *unstructured.Unstructured, want ScaleRequest) (ScaleEdit, error)
	// Rename returns the object under its name with the suffix, so that nothing that it implies meets what
	// the object of the old name implies. The error says why that cannot be.
	Rename(root *unstructured.Unstructured, suffix string) (*unstructured.Unstructured, error)
}

// Identity names a custom resource and how its children are found.
type Identity struct {
	Kind     string
	Resource schema.GroupVersionResource
	// Versions are the API versions whose manifests are accepted, the version of Resource first.
	Versions []string
	// Label is the label key that every object made by the operator carries, whatever its value.
	Label string
	// Chooses is the label by which an object chooses one of several operators.
	Chooses string
	// Operator is what users call the operator.
	Operator string
	// Noisy are the reasons of Events that tell nothing, each with the part of the message that
	// makes it so ("" for any message).
	Noisy map[string]string
}

// GroupVersionKind returns the kind in the version that the tool works in.
func (i Identity) GroupVersionKind() schema.GroupVersionKind {
	return i.Resource.GroupVersion().WithKind(i.Kind)
}

// Implied is what a spec asks the operator to make.
type Implied struct {
	// Workloads are the Deployments, in the spec's order.
	Workloads []Workload
	// Services are the names of the Services that the spec implies.
	Services []string
	// WantsHPA and WantsPDB say that the spec asks for such objects.
	WantsHPA, WantsPDB bool
}

// Role is the part that a workload plays.
type Role string

// The roles of workloads.
const (
	Component    Role = "component"
	Orchestrator Role = "orchestrator"
	Explainer    Role = "explainer"
)

// Workload is one implied Deployment.
type Workload struct {
	Role Role
	// Names are the names that its Deployment may have, the likeliest first: a long name is hashed,
	// in a form that depends on the operator's settings.
	Names []string
	// Predictor is the part of the spec that the workload belongs to.
	Predictor string
	// Containers are the names and images that the spec itself prescribes for the workload's pods;
	// an empty image is chosen by the operator.
	Containers []Container
	// Labels are labels that the pod template must carry.
	Labels map[string]string
	// Replicas is the implied number; nil where the spec leaves it to what is there.
	Replicas *int32
	// Source is the field that sets Replicas, as a path ("spec.replicas").
	Source string
	// Autoscaled is set where an autoscaler owns the replicas.
	Autoscaled *Autoscaled
}

// Name returns the likeliest name of the workload's Deployment.
func (w Workload) Name() string { return w.Names[0] }

// Container is a container that the spec prescribes.
type Container struct{ Name, Image string }

// Autoscaled is the range in which an autoscaler moves a workload's replicas.
type Autoscaled struct {
	// By is the field that asks for it ("hpaSpec", "kedaSpec"); Path is its full path.
	By, Path string
	Min, Max int32
	// Absent says that the operator's own status shows that the autoscaler was not made, so that
	// nothing moves the replicas.
	Absent bool
	// Hidden says that the autoscaler is no object of the kinds that are watched.
	Hidden bool
}

// State is the operator's opinion of an object.
type State string

// The states that an operator reports.
const (
	StateNone      State = "" // no status yet: the operator has not looked at the object
	StateWorking   State = "Creating"
	StateAvailable State = "Available"
	StateFailed    State = "Failed"
)

// Status is an operator's status, normalised.
type Status struct {
	State       State
	Description string
	Conditions  []Condition
}

// Condition is one condition of an operator's status.
type Condition struct{ Type, Status, Reason, Message string }

// Arrival tells how far a change of the spec has come.
type Arrival struct {
	// Leaves is how many changed leaves must show in the children.
	Leaves int
	// Silent is how many can show in no child, so that nothing tells whether they were acted upon.
	Silent int
	// Missing are those that do not show yet.
	Missing []Leaf
	// Unexplained is how many values of the children neither the spec nor the operator accounts for,
	// told only where nothing is known of an earlier generation: they may be what one said.
	Unexplained int
}

// Leaf is one changed value of a spec that a child does not carry yet.
type Leaf struct {
	// Path is the place in the spec.
	Path string
	// Child is the Deployment that should carry it; Has and Wants are the two values, as text.
	Child, Has, Wants string
	// Dated says that managedFields date a change of it even where it only removes something, as in a list
	// that counts as one field.
	Dated bool
}

// ScaleRequest says how to scale.
type ScaleRequest struct {
	Replicas int32
	// Predictor limits the change to one predictor; empty means all.
	Predictor string
	// Pin narrows the range of what is autoscaled to the wanted number instead of leaving it out.
	Pin bool
}

// ScaleEdit is a change of the spec's replicas, worked out but not written.
type ScaleEdit struct {
	// After is the object as it will be; Patch is the JSON patch that makes it so, empty where the
	// object has the wanted replicas already.
	After *unstructured.Unstructured
	Patch []PatchOp
	// Reached are the workloads that the change governs, as implied by After.
	Reached []Workload
	// LeftOut are the workloads that it does not govern, each with the reason.
	LeftOut []LeftOut
	// Notes are sentences that the user should read: restarts, parts that scale along.
	Notes []string
}

// LeftOut is a workload that a scaling does not reach.
type LeftOut struct {
	Workload Workload
	Reason   string
}

// PatchOp is one operation of a JSON patch (RFC 6902).
type PatchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}
