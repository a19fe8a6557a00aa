package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// Remains is the stage that removes, after the custom resources, what else carries a run's label: its
// supporting objects and its namespace.
type Remains struct {
	Objects Objects
	// Run is the run's ID, Namespace where it made its objects unless it had a namespace of its own.
	Run, Namespace string

	things []Thing
	taken  bool
	// unlisted are the kinds whose objects the API server could not list, and causes what it said.
	unlisted, causes []string
}

// last are the resources whose objects others need, so that they go after all others, in this order. What a
// controller has made goes with its owner.
var last = []string{
	"deployments.apps", "services", "networkpolicies.networking.k8s.io", "rolebindings.rbac.authorization.k8s.io", "roles.rbac.authorization.k8s.io",
	"persistentvolumeclaims", "configmaps", "secrets", "serviceaccounts", "limitranges", "resourcequotas",
}

// derived are what the cluster itself writes about other objects, Endpoints with the labels of their Service.
var derived = []string{"events", "events.events.k8s.io", "endpoints"}

// lendable are the resources of which supporting objects can be, in the order in which these go: all that a
// namespace can hold but the custom resources themselves, and what the cluster derives.
func lendable(kinds map[schema.GroupVersionResource]string, roots schema.GroupVersionResource) []schema.GroupVersionResource {
	resources := slices.DeleteFunc(slices.Collect(maps.Keys(kinds)), func(r schema.GroupVersionResource) bool {
		return r.GroupResource() == roots.GroupResource() || slices.Contains(derived, r.GroupResource().String())
	})
	return slices.SortedFunc(slices.Values(resources), func(a, b schema.GroupVersionResource) int {
		x, y := a.GroupResource().String(), b.GroupResource().String()
		return cmp.Or(cmp.Compare(slices.Index(last, x), slices.Index(last, y)), cmp.Compare(x, y))
	})
}

// Find looks for all that carries the run's label. It returns the custom resources, and the names of the
// rest; all of it is removed only after Take.
func (r *Remains) Find(ctx context.Context, d ops.Deps, told tell) (roots []metav1.PartialObjectMetadata, rest []Thing, reason ops.Reason) {
	selector := ops.RunLabel + "=" + r.Run
	spaces, err := r.Objects.Labelled(ctx, namespaceThing("").resource, "", selector)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, nil, fail(told, journal.Connect, ops.Explain(err, d.Engine.Identity(), r.Namespace, ""))
	}
	var unseen []string
	if err != nil {
		unseen = append(unseen, "namespaces")
	}
	namespaces := []string{r.Namespace}
	for _, o := range spaces {
		if o.Name != r.Namespace { // which the user may name although it is the run's own
			namespaces = append(namespaces, o.Name)
		}
		t := namespaceThing(o.Name)
		t.uid = o.UID
		rest = append(rest, t)
	}
	for _, namespace := range namespaces {
		found, err := r.Objects.Labelled(ctx, d.Engine.Identity().Resource, namespace, selector)
		if err != nil {
			return nil, nil, fail(told, journal.Connect, ops.Explain(err, d.Engine.Identity(), namespace, ""))
		}
		roots = append(roots, found...)
	}
	things, hidden, err := r.lent(ctx, d.Engine.Identity().Resource, selector)
	if err != nil {
		return nil, nil, fail(told, journal.Connect, ops.Explain(err, d.Engine.Identity(), r.Namespace, ""))
	}
	if unseen = append(unseen, hidden...); len(unseen) > 0 {
		told(journal.Entry{
			Type: journal.Warning, Phase: journal.Connect, Reason: "Unseen",
			Text: "whether the run has left others cannot be seen: " + strings.Join(unseen, ", "), Hint: "ask for the permission to list them, or look with kubectl get -l " + selector,
		})
	}
	return roots, append(things, rest...), ops.Reached
}

// lent finds the supporting objects, in the order in which they go, and what may not or cannot be listed. A
// kind that is not served any more has none.
func (r *Remains) lent(ctx context.Context, roots schema.GroupVersionResource, selector string) (things []Thing, unseen []string, err error) {
	kinds, unseen, err := r.Objects.Kinds(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.unlisted, r.causes = nil, nil
	for _, resource := range lendable(kinds, roots) {
		found, err := r.Objects.Labelled(ctx, resource, r.Namespace, selector)
		name := resource.GroupResource().String()
		switch {
		case apierrors.IsForbidden(err):
			unseen = append(unseen, name)
		case err != nil && added(resource) && ctx.Err() == nil && fails(err):
			unseen, r.unlisted, r.causes = append(unseen, name), append(r.unlisted, name), append(r.causes, err.Error())
		case err != nil && !apierrors.IsNotFound(err):
			return nil, nil, err
		}
		for _, o := range found {
			if metav1.GetControllerOf(&o) == nil {
				things = append(things, Thing{resource, kinds[resource], o.Namespace, o.Name, o.UID})
			}
		}
	}
	return things, unseen, nil
}

// added reports whether a kind is none of Kubernetes' own, which have a group without a dot, as no
// CustomResourceDefinition may have, or one of its domain. What lists the others may be ill alone: their conversion
// webhook, or an API server of their own.
func added(resource schema.GroupVersionResource) bool {
	return strings.Contains(resource.Group, ".") && !strings.HasSuffix(resource.Group, ".k8s.io")
}

// fails reports whether the API server has said that it cannot answer, or has not answered in a request's time.
func fails(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code >= http.StatusInternalServerError || errors.Is(err, context.DeadlineExceeded)
}

// Take says that things are to go with the rest.
func (r *Remains) Take(things []Thing) { r.things, r.taken = things, true }

// Takes reports whether any are.
func (r *Remains) Takes() bool { return len(r.things) > 0 }

// Describe names things.
func Describe(things []Thing) []string {
	names := make([]string, 0, len(things))
	for _, t := range things {
		names = append(names, t.ref().String())
	}
	return names
}

func (r *Remains) up(context.Context, ops.Deps, tell) ops.Reason { return ops.Reached }

// down begins no deletion any more once ctx has ended, as it has after an interrupt: nothing of it was made by
// this command.
func (r *Remains) down(ctx, patience context.Context, d ops.Deps, tell tell) ops.Reason {
	if errors.Is(ctx.Err(), context.Canceled) {
		text := "interrupted: nothing more of what run " + r.Run + " has left is deleted"
		if len(r.things) > 0 {
			text += "; left: " + strings.Join(Describe(r.things), ", ")
		}
		tell(journal.Entry{
			Type: journal.Warning, Phase: journal.Cleanup, Reason: string(ops.Leftover), Text: text,
			Hint: fmt.Sprintf("seldonctl delete --run %s -n %s", r.Run, r.Namespace),
		})
		return ops.Leftover
	}
	reason := takeAway(ctx, patience, d.Cluster, r.things, tell)
	if r.taken && len(r.unlisted) > 0 {
		reason = r.unknown(tell)
	}
	return reason
}

// unknown says that nobody knows whether all is gone.
func (r *Remains) unknown(told tell) ops.Reason {
	told(journal.Entry{
		Type: journal.Failure, Phase: journal.Cleanup, Reason: string(ops.Leftover),
		Text:    "whether run " + r.Run + " has left others is not known: the API server cannot list " + strings.Join(r.unlisted, ", "),
		Details: r.causes, Hint: fmt.Sprintf("when it can again: seldonctl delete --run %s -n %s", r.Run, r.Namespace),
	})
	return ops.Leftover
}

func (r *Remains) made() []Thing { return nil }

// Nothing refuses because nothing carries the run's label, as far as could be seen.
func (r *Remains) Nothing(told tell) ops.Reason {
	if len(r.unlisted) > 0 {
		return r.unknown(told)
	}
	return fail(told, journal.Connect, &ops.RefusalError{
		Reason: ops.Vanished, Text: fmt.Sprintf("nothing that run %s has made is in namespace %s, nor is there a namespace of its own", r.Run, r.Namespace),
		Hint: "name the namespace with -n; the run's first lines say which it was",
	})
}
