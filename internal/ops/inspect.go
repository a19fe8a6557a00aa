package ops

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// names is what a namespace already holds, and what the user may do in it.
type names struct {
	deployments, services       []metav1.PartialObjectMetadata
	deploymentsErr, servicesErr error
	rules                       []authorizationv1.ResourceRule
	rulesComplete               bool
	rulesErr                    error
}

// inspect looks before the first write whether anything is in the way: the object itself, or a
// Deployment or Service with a name that it implies. The operator does not check whose they are and
// would take them over.
func (r *run) inspect(ctx context.Context, implied engine.Implied) Reason {
	found, why, _ := beside(ctx, r.session, r.left(), func(ctx context.Context) (names, error) {
		return r.list(ctx), nil
	})
	if why != "" {
		return r.cutOff(ctx, journal.Connect, why)
	}
	if reason := r.checkNames(ctx, found); reason != Reached {
		return reason
	}
	late, reason := r.firstLists(ctx)
	if reason != Reached {
		return reason
	}
	if reason := r.checkPermissions(ctx, found); reason != Reached {
		return reason
	}
	if late {
		return r.tooLate(ctx)
	}
	if reason := r.refuseAutoscaled(ctx, implied); reason != Reached {
		return reason
	}
	if reason := r.refuseExisting(ctx); reason != Reached {
		return reason
	}
	return r.refuseTaken(ctx, implied, found)
}

// refuseExisting refuses to begin where the object is there: by the watches, whose first list may be old, and by a read.
func (r *run) refuseExisting(ctx context.Context) Reason {
	if r.present() == nil {
		return Reached
	}
	objects, why, err := r.readRoot(ctx, r.left())
	switch {
	case why != "":
		return r.cutOff(ctx, journal.Connect, why)
	case err != nil:
		return r.refuse(ctx, journal.Connect, err)
	case len(objects) == 0:
		return Reached
	}
	return r.refuse(ctx, journal.Connect, apierrors.NewAlreadyExists(r.target.Identity.Resource.GroupResource(), r.target.Name))
}

// checkNames tells where the names that exist may not be read.
func (l *life) checkNames(ctx context.Context, found names) Reason {
	for _, err := range []error{found.deploymentsErr, found.servicesErr} {
		switch {
		case err == nil:
		case apierrors.IsForbidden(err):
			l.tell(ctx, journal.Entry{
				Type: journal.Warning, Phase: journal.Connect, Reason: "NamesUnchecked",
				Text: "whether the names that the manifest implies are free cannot be checked: " + err.Error(),
			})
		default:
			return l.refuse(ctx, journal.Connect, err)
		}
	}
	return Reached
}

// firstLists waits until the kinds are known, or it is too late for that. Whoever may not see the custom
// resource or its Deployments can prove nothing.
func (l *life) firstLists(ctx context.Context) (late bool, _ Reason) {
	needed := []snapshot.Kind{l.target.Kind(), snapshot.Deployment}
	how, why := l.await(ctx, l.left(), func() bool {
		return len(l.pending) == 0 || slices.ContainsFunc(needed, func(kind snapshot.Kind) bool { return l.refused[kind] != nil })
	})
	if how == interrupted {
		return false, l.cutOff(ctx, journal.Connect, why)
	}
	for _, kind := range needed {
		if err := l.refused[kind]; err != nil {
			return false, l.refuse(ctx, journal.Connect, err)
		}
	}
	return how == outOfTime, Reached
}

func (l *life) tooLate(ctx context.Context) Reason {
	return l.refuse(ctx, journal.Connect, &RefusalError{Reason: Unusable, Text: fmt.Sprintf("the API server did not deliver the first lists within %s", l.patience())})
}

// present returns the living object of the target's name, or nil.
func (l *life) present() *unstructured.Unstructured {
	root, _ := l.state.Snapshot().Named(l.target.Kind(), l.target.Namespace, l.target.Name).(*unstructured.Unstructured)
	return root
}

func (l *life) list(ctx context.Context) names {
	var n names
	var requests sync.WaitGroup
	requests.Go(func() { n = listNames(ctx, l.Cluster, l.target.Namespace) })
	var rules names
	requests.Go(func() { rules.rules, rules.rulesComplete, rules.rulesErr = l.Cluster.Rules(ctx, l.target.Namespace) })
	requests.Wait()
	n.rules, n.rulesComplete, n.rulesErr = rules.rules, rules.rulesComplete, rules.rulesErr
	return n
}

// listNames lists what a namespace already holds.
func listNames(ctx context.Context, cluster Reader, namespace string) names {
	var n names
	var requests sync.WaitGroup
	requests.Go(func() { n.services, n.servicesErr = cluster.Names(ctx, namespace, snapshot.Service) })
	requests.Go(func() { n.deployments, n.deploymentsErr = cluster.Names(ctx, namespace, snapshot.Deployment) })
	requests.Wait()
	return n
}

// checkPermissions refuses to begin what could not be brought to its end: whoever may create but not
// delete would leave something behind.
func (r *run) checkPermissions(ctx context.Context, found names) Reason {
	if found.rulesErr != nil || !found.rulesComplete {
		return Reached // not every cluster can say; the requests themselves will tell
	}
	root := need{r.target.Identity.Resource.GroupResource(), []string{"create", "get", "list", "watch", "patch"}}
	if r.req.Keep != KeepAlways {
		root.verbs = append(root.verbs, "delete")
	}
	what, lacks := missing([]need{root, deploymentsNeed()}, found.rules, r.target.Name)
	if !lacks {
		return Reached
	}
	return r.refuse(ctx, journal.Connect, r.notAllowed(what))
}

// refuseTaken refuses names that belong to somebody else: to anyone but the object itself, if it exists.
func (l *life) refuseTaken(ctx context.Context, implied engine.Implied, found names) Reason {
	if refusal := Taken(implied, found.deployments, found.services, l.known); refusal != nil {
		return l.refuse(ctx, journal.Connect, refusal)
	}
	return Reached
}

// RefuseTaken refuses what stands in the way of any of several manifests, before anything is written for
// them: names that they imply and that belong to somebody else, and, where they are to be new, the objects
// themselves. What cannot be checked is left to the operation on each.
func RefuseTaken(ctx context.Context, d Deps, manifests []*unstructured.Unstructured, toBeNew bool) error {
	held := map[string]names{}
	for _, o := range manifests {
		id, namespace, name := d.Engine.Identity(), o.GetNamespace(), o.GetName()
		implied, err := d.Engine.Implied(o)
		if err != nil {
			continue
		}
		if _, known := held[namespace]; !known {
			held[namespace] = listNames(ctx, d.Cluster, namespace)
		}
		found, err := d.Cluster.Read(ctx, engine.Target{Identity: id, Namespace: namespace, Name: name}, snapshot.Kind(id.Kind))
		var known *unstructured.Unstructured
		for _, there := range found {
			known, _ = there.(*unstructured.Unstructured)
		}
		if known != nil && toBeNew {
			err = apierrors.NewAlreadyExists(id.Resource.GroupResource(), name)
		}
		for _, err := range []error{err, held[namespace].deploymentsErr, held[namespace].servicesErr} {
			if err != nil && !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) { // not found: what defines the kind may yet be applied
				return Explain(err, id, namespace, name)
			}
		}
		if refusal := Taken(implied, held[namespace].deployments, held[namespace].services, known); refusal != nil {
			return refusal
		}
	}
	return nil
}

// Taken returns why an object may not be written: a Deployment or Service has a name that it implies, and is
// not controlled by the object as it is on the cluster, nil if it is not there.
func Taken(implied engine.Implied, deployments, services []metav1.PartialObjectMetadata, known *unstructured.Unstructured) *RefusalError {
	owns := func(o metav1.PartialObjectMetadata) bool {
		controller := metav1.GetControllerOf(&o)
		return known != nil && controller != nil && controller.UID == known.GetUID()
	}
	for _, w := range implied.Workloads {
		for _, o := range deployments {
			if slices.Contains(w.Names, o.Name) && !owns(o) {
				return taken(snapshot.Deployment, o)
			}
		}
	}
	for _, o := range services {
		if slices.Contains(implied.Services, o.Name) && !owns(o) {
			return taken(snapshot.Service, o)
		}
	}
	return nil
}

// refuseAutoscaled refuses to begin where the scaling would be refused.
func (r *run) refuseAutoscaled(ctx context.Context, implied engine.Implied) Reason {
	if !r.req.RefuseAutoscaled {
		return Reached
	}
	for _, w := range implied.Workloads {
		if w.Autoscaled != nil {
			return r.refuse(ctx, journal.Connect, &RefusalError{
				Reason: Conflict,
				Text:   fmt.Sprintf("%s is autoscaled %d to %d by %s; nothing was written", w.Name(), w.Autoscaled.Min, w.Autoscaled.Max, w.Autoscaled.Path),
				Hint:   "edit " + w.Autoscaled.Path + ", or use --autoscaled=skip",
			})
		}
	}
	return Reached
}

func taken(kind snapshot.Kind, o metav1.PartialObjectMetadata) *RefusalError {
	owner := "nobody's"
	if c := metav1.GetControllerOf(&o); c != nil {
		owner = c.Kind + "/" + c.Name + "'s"
	}
	if o.DeletionTimestamp != nil {
		owner += ", and still being deleted"
	}
	return &RefusalError{
		Reason: Conflict,
		Text:   fmt.Sprintf("%s %s/%s exists already and is %s; the operator would take it over", kind, o.Namespace, o.Name, owner),
		Hint:   "choose another name for the object or its predictor, or another namespace with -n",
	}
}

// Prepared returns a manifest's object as it is sent: in the version that the tool works in, without what
// only a server writes.
func Prepared(o *unstructured.Unstructured, id engine.Identity) *unstructured.Unstructured {
	return prepared(o, id)
}

// ChangesOf is the patch by which apply gives an object a manifest's spec, labels and annotations.
func ChangesOf(before, manifest *unstructured.Unstructured) []engine.PatchOp {
	return changesOf(before, manifest)
}

// recallLimit is how long the Events of the past are waited for.
const recallLimit = 5 * time.Second

// recall reads, once, the Events from before the watches where something was ill before they began: that a
// node is on its way, or a volume cannot be mounted, nothing else may say again.
func (l *life) recall(ctx context.Context, phase journal.Phase, root types.UID) Reason {
	if l.recalled || l.refused[snapshot.Event] != nil || !l.state.Ill(root) {
		return Reached
	}
	l.recalled = true
	events, why, err := beside(ctx, l.session, min(l.left(), recallLimit), func(ctx context.Context) ([]snapshot.Object, error) {
		return l.Cluster.Read(ctx, l.target, snapshot.Event)
	})
	if why != "" && why != TimedOut {
		return l.cutOff(ctx, phase, why)
	}
	l.step(ctx, journal.Recalled{Events: events, Err: err})
	return Reached
}
