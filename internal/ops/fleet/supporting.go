package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// Applied is the stage that brings supporting objects to what the files say, and leaves them.
type Applied struct {
	Objects    Objects
	Supporting []Supporting
	// ForceConflicts takes over what other managers have written.
	ForceConflicts bool
	// DryRun only asks what would change.
	DryRun bool
}

// Lent is the stage that creates those supporting objects which are not there, for as long as a run takes.
type Lent struct {
	Objects    Objects
	Supporting []Supporting
	// ID marks what this run creates.
	ID string
	// WithNamespace says that all of it goes with the namespace that it is in.
	WithNamespace bool

	tried []Thing // what was sent; whether it was created is not known while its UID is empty
}

// placed is a supporting object whose resource is known.
type placed struct {
	Supporting
	Thing
}

// locate finds out where the objects belong. An error is about the one that stands at position.
func locate(ctx context.Context, objects Objects, all []Supporting, clusterWide bool) (found []placed, position string, err error) {
	for _, s := range inOrder(all) {
		p, err := s.locate(ctx, objects, clusterWide)
		if err != nil {
			return nil, s.Position, err
		}
		found = append(found, p)
	}
	return found, "", nil
}

func (s Supporting) locate(ctx context.Context, objects Objects, clusterWide bool) (placed, error) {
	resource, namespaced, err := objects.Resource(ctx, s.Object.GroupVersionKind())
	if err != nil {
		return placed{}, refusal(err, s.Object, s.Position)
	}
	if resource.Resource == "" {
		return placed{}, &ops.RefusalError{
			Reason: ops.Invalid, Text: fmt.Sprintf("%s: the API server does not know the kind %s of %s", s.Position, s.Object.GetKind(), s.Object.GetAPIVersion()),
			Hint: "correct apiVersion and kind, or install what defines them",
		}
	}
	o := s.Object.DeepCopy()
	if !namespaced {
		if !clusterWide {
			return placed{}, &ops.RefusalError{
				Reason: ops.Invalid, Text: fmt.Sprintf("%s: %s %s belongs to the whole cluster; run makes only what is in a namespace", s.Position, o.GetKind(), o.GetName()),
				Hint: "create it first: seldonctl apply, or kubectl apply -f",
			}
		}
		o.SetNamespace("")
	}
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	return placed{Supporting{o, s.Position}, Thing{resource: resource, kind: o.GetKind(), namespace: o.GetNamespace(), name: o.GetName()}}, nil
}

// inOrder puts first what others need to be created at all.
func inOrder(all []Supporting) []Supporting {
	first := []string{"Namespace", "CustomResourceDefinition", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap"}
	return slices.SortedStableFunc(slices.Values(all), func(a, b Supporting) int {
		rank := func(s Supporting) int {
			if at := slices.Index(first, s.Object.GetKind()); at >= 0 {
				return at
			}
			return len(first)
		}
		return cmp.Compare(rank(a), rank(b))
	})
}

func fail(tell tell, phase journal.Phase, err error) ops.Reason {
	return failAt(tell, phase, "", err)
}

// failAt tells a failure with the place in a file of what it is about.
func failAt(tell tell, phase journal.Phase, position string, err error) ops.Reason {
	r := refusal(err, &unstructured.Unstructured{}, "")
	tell(journal.Entry{Type: journal.Failure, Phase: phase, Reason: string(r.Reason), Text: r.Text, Hint: r.Hint, Facts: journal.Facts{Source: position}})
	return r.Reason
}

func (a *Applied) up(ctx context.Context, d ops.Deps, tell tell) ops.Reason {
	all, position, err := locate(ctx, a.Objects, a.Supporting, true)
	if err != nil {
		return failAt(tell, journal.Create, position, err)
	}
	for _, p := range all {
		before, err := p.read(ctx, d.Cluster)
		if err != nil {
			return failAt(tell, journal.Create, p.Position, refusal(err, p.Object, p.Position))
		}
		answer, err := a.Objects.Apply(ctx, p.resource, p.Object, a.ForceConflicts, a.DryRun)
		if err != nil {
			return failAt(tell, journal.Create, p.Position, a.conflict(err, p))
		}
		p.uid = answer.Object.GetUID()
		ref := p.ref()
		warn(tell, p, answer)
		would := ""
		if a.DryRun {
			would = "would be "
		}
		e := journal.Entry{Type: journal.Note, Phase: journal.Create, Object: &ref, Reason: "Changed", Text: would + "changed"}
		switch {
		case before == nil:
			e.Reason, e.Text = "Created", would+"created"
		case alike(before, answer.Object):
			e.Reason, e.Text = "Unchanged", "unchanged: it is as the file says already"
		}
		tell(e)
	}
	return ops.Reached
}

func (a *Applied) down(context.Context, context.Context, ops.Deps, tell) ops.Reason {
	return ops.Reached
}

func (a *Applied) made() []Thing { return nil } // what is applied is meant to stay

// conflict explains a refused server-side apply by the manager in whose way it is.
func (a *Applied) conflict(err error, p placed) *ops.RefusalError {
	if !apierrors.IsConflict(err) || a.ForceConflicts {
		return refusal(err, p.Object, p.Position)
	}
	_, what, _ := strings.Cut(err.Error(), " with ") // "failed with 1 conflict: conflict with …"
	_, what, _ = strings.Cut(what, " with ")
	return &ops.RefusalError{
		Reason: ops.Conflict, Text: fmt.Sprintf("%s: %s has other values from another manager, %s; it was not changed", p.Position, p.ref(), strings.ReplaceAll(what, "\n-", "")),
		Hint: "agree with whoever runs it, or overwrite it with --force-conflicts", Err: err,
	}
}

func warn(tell tell, p placed, answer engine.Answer) {
	ref := p.ref()
	for _, warning := range answer.Warnings {
		tell(journal.Entry{Type: journal.Warning, Phase: journal.Create, Object: &ref, Reason: "ServerWarning", Text: p.Position + ": " + ref.String() + ": " + warning, Facts: journal.Facts{Source: p.Position}})
	}
}

// up creates what is not there. What is there must be as the files say: nothing of it is changed.
func (l *Lent) up(ctx context.Context, d ops.Deps, tell tell) ops.Reason {
	all, position, err := locate(ctx, l.Objects, l.Supporting, false)
	if err != nil {
		return failAt(tell, journal.Create, position, err)
	}
	var absent []placed
	for _, p := range all {
		there, err := p.read(ctx, d.Cluster)
		switch {
		case err != nil:
			return failAt(tell, journal.Create, p.Position, refusal(err, p.Object, p.Position))
		case there == nil:
			absent = append(absent, p)
			continue
		}
		if err := l.same(ctx, p, there); err != nil {
			return failAt(tell, journal.Create, p.Position, err)
		}
		p.uid = there.GetUID()
		ref := p.ref()
		tell(journal.Entry{Type: journal.Note, Phase: journal.Create, Object: &ref, Reason: "Unchanged", Text: "exists already and is as the file says; it is left alone"})
		if other := there.GetLabels()[ops.RunLabel]; other != "" {
			tell(journal.Entry{Type: journal.Warning, Phase: journal.Create, Object: &ref, Reason: "Borrowed", Text: ref.String() + " was made by run " + other + ", which may remove it", Facts: journal.Facts{Source: p.Position}})
		}
	}
	byNamespace := map[string][]Thing{}
	for _, p := range absent {
		byNamespace[p.namespace] = append(byNamespace[p.namespace], p.Thing)
	}
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		if err := allowed(ctx, d.Cluster, namespace, byNamespace[namespace]); err != nil {
			return fail(tell, journal.Connect, err)
		}
	}
	for _, p := range absent {
		if err := l.create(ctx, d.Cluster, p, tell); err != nil {
			return failAt(tell, journal.Create, p.Position, refusal(err, p.Object, p.Position))
		}
	}
	return ops.Reached
}

// same refuses an object that is not as the file says, which the API server itself is asked to compare.
func (l *Lent) same(ctx context.Context, p placed, there *unstructured.Unstructured) error {
	answer, err := l.Objects.Apply(ctx, p.resource, p.Object, true, true)
	if err != nil {
		return refusal(err, p.Object, p.Position)
	}
	if alike(there, answer.Object) {
		return nil
	}
	return &ops.RefusalError{
		Reason: ops.Conflict, Text: fmt.Sprintf("%s: %s exists already in namespace %s and differs from the file; run changes nothing that it has not made", p.Position, p.ref(), p.namespace),
		Hint: "give it another name, or bring it to what the file says first: seldonctl apply, or kubectl apply -f",
	}
}

// alike compares two states of an object in all but what the API server notes about the writing.
func alike(a, b *unstructured.Unstructured) bool {
	bare := func(o *unstructured.Unstructured) map[string]any {
		o = o.DeepCopy()
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(o.Object, "metadata", field)
		}
		annotations := o.GetAnnotations()
		delete(annotations, corev1.LastAppliedConfigAnnotation) // which is not kept of what is read
		o.SetAnnotations(annotations)
		return o.Object
	}
	return reflect.DeepEqual(bare(a), bare(b))
}

func (l *Lent) create(ctx context.Context, cluster ops.Cluster, p placed, tell tell) error {
	labels := maps.Clone(p.Object.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[ops.RunLabel] = l.ID
	p.Object.SetLabels(labels)
	l.tried = append(l.tried, p.Thing)
	last := &l.tried[len(l.tried)-1]
	answer, err := cluster.Create(ctx, p.resource, p.Object, engine.WriteOptions{})
	if err != nil {
		if !ops.Ambiguous(err) {
			l.tried = l.tried[:len(l.tried)-1]
		}
		return err
	}
	p.uid = answer.Object.GetUID()
	last.uid = p.uid
	warn(tell, p, answer)
	ref := p.ref()
	tell(journal.Entry{
		Type: journal.Note, Phase: journal.Create, Object: &ref, Reason: "Created", Text: fmt.Sprintf("created, labelled %s=%s", ops.RunLabel, l.ID),
	})
	return nil
}

func (l *Lent) made() []Thing { return l.tried }

// down deletes what up has created, the last first.
func (l *Lent) down(ctx, patience context.Context, d ops.Deps, tell tell) ops.Reason {
	if l.WithNamespace {
		return ops.Reached
	}
	var things []Thing
	for _, t := range slices.Backward(l.tried) {
		if t.uid == "" { // its answer was lost: only our label shows whether it came about
			o, err := readAs(ctx, d.Cluster, t.outside())
			if err == nil && (o == nil || o.GetLabels()[ops.RunLabel] != l.ID) {
				continue
			}
			if o != nil {
				t.uid = o.GetUID()
			}
		}
		things = append(things, t)
	}
	return takeAway(ctx, patience, d.Cluster, things, tell)
}

// takeAway removes things and tells which are gone.
func takeAway(ctx, patience context.Context, cluster ops.Cluster, things []Thing, tell tell) ops.Reason {
	gone := remove(ctx, patience, cluster, things, tell)
	if len(gone) > 0 {
		tell(journal.Entry{Type: journal.Claim, Phase: journal.Cleanup, Reason: "Gone", Text: "gone: " + strings.Join(Describe(gone), ", ")})
	}
	if len(gone) < len(things) {
		return ops.Leftover
	}
	return ops.Reached
}
