package simseldon

import (
	"maps"
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// pass is one reconcile under way.
type pass struct {
	w      World
	sw     Switches
	d      *spec.SeldonDeployment
	want   *children.Children
	status status
	writes []Write
	// newServices is set when a Service was missing, unready when a Deployment is not ready, stuck when the first such no longer progresses.
	newServices bool
	unready     bool
	stuck       bool
	// budgets is cleared when a PodDisruptionBudget was missing.
	budgets bool
}

// run does the steps in the operator's order: Services, autoscalers, budgets, and only then Deployments, so the first three exist even if a Deployment is refused.
// Observed: ServicesReady is False from the start of every pass, and turns True only in one whose Deployments are ready.
func (p *pass) run() {
	p.mark(condServices, false, "Not all services created", "")
	p.mark(condKeda, true, "No KEDA resources defined", "")
	p.services()
	p.hpas()
	p.pdbs()
	p.markReady()
	p.deployments()
	if !p.unready {
		p.complete()
	}
	p.markReady()
	switch {
	case !p.unready && !p.newServices && p.budgets:
		p.status.settle(stateAvailable, "")
	case p.stuck && !p.sw.NeverFailed:
		p.status.settle(stateFailed, "Deployment is no longer progressing and not available.")
	default:
		p.status.settle(stateCreating, "")
	}
}

// complete is what happens once every Deployment is ready: routing is looked at, and what an earlier spec wanted is removed.
func (p *pass) complete() {
	p.removeDeployments()
	p.removeServices()
	if !p.newServices {
		p.mark(condServices, true, "All services created", "")
	}
	p.mark(condIstio, true, "No VirtualServices defined", "")
	p.mark(condAmbassador, true, "No Ambassador Mappaings defined", "") // the operator's spelling
}

func (p *pass) write(verb Verb, object Object, event *Event) {
	p.writes = append(p.writes, Write{Verb: verb, Object: object, Event: event, status: p.status.copy()})
}

// writeEvent is a write with an event such as CreateService, Created Service "name".
func (p *pass) writeEvent(verb Verb, object Object, short, kind string) {
	words := map[Verb][2]string{Create: {"Create", "Created"}, Update: {"Update", "Updated"}, Delete: {"Delete", "Deleted"}}[verb]
	event := normal(words[0]+short, words[1]+" %s %q", kind, object.GetName())
	p.write(verb, object, &event)
}

// owned says whether an object is a child of this SeldonDeployment.
func (p *pass) owned(object metav1.Object) bool {
	for _, ref := range object.GetOwnerReferences() {
		if ref.UID == p.d.UID && ref.UID != "" {
			return true
		}
	}
	return false
}

// obsolete says whether an object is ours, unwanted, and not going already.
func (p *pass) obsolete(object metav1.Object, wanted map[string]bool) bool {
	return p.owned(object) && !wanted[object.GetName()] && object.GetDeletionTimestamp() == nil
}

// adoptLabels sets the wanted labels beside those that are there. The operator never asks whose the object is.
func adoptLabels(object metav1.Object, want map[string]string) {
	labels := maps.Clone(object.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, want)
	object.SetLabels(labels)
}

// byName finds an object by its name.
func byName[T metav1.Object](list []T, name string) (T, bool) {
	for _, object := range list {
		if object.GetName() == name {
			return object, true
		}
	}
	var none T
	return none, false
}

// equal compares as the operator does. What is the same to the letter, as nearly all is, shows much faster.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) || equality.Semantic.DeepEqual(a, b) }
