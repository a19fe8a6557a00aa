package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// remnants looks for what is left in a namespace of custom resources that do not exist any more. Whose
// labels they carried nobody can say, so that every choice waits for all of it.
type remnants struct {
	ops.Deps

	target engine.Target
	unseen []snapshot.Kind // kinds that may not be listed
	blind  bool            // some kind may not be watched, so that only another look tells
	bare   bool            // something has lost its label, with the same effect
}

// blindPause is how long it is not looked again where no watch tells.
const blindPause = 5 * time.Second

// AwaitNothing waits, where no custom resource is meant, until nothing is left of those that are gone: in
// the background their pods outlive them.
func (c Choice) AwaitNothing(ctx context.Context, d ops.Deps, told func(journal.Entry)) ops.Reason {
	r := &remnants{Deps: d, target: engine.Target{
		Identity: d.Engine.Identity(), Namespace: c.Namespace,
		Kinds: []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service},
	}}
	began := d.Now()
	left, err := r.look(ctx)
	if err == nil && len(left) > 0 && !c.Once {
		told(journal.Entry{
			Type: journal.Progress, Phase: journal.Delete,
			Text: fmt.Sprintf("%s any more; waiting until nothing is left of those that were: %s", c.none(r.target.Kind()), listed(left)),
		})
		left, err = r.await(ctx, left)
	}
	switch {
	case err != nil:
		return fail(told, journal.Delete, ops.Explain(err, r.target.Identity, c.Namespace, ""))
	case len(left) > 0:
		told(journal.Entry{
			Type: journal.Failure, Phase: journal.Delete, Reason: string(ops.Leftover), Took: d.Now().Sub(began),
			Text: fmt.Sprintf("%s, but of those that were there is left: %s", c.none(r.target.Kind()), listed(left)),
			Hint: "kubectl get deployments,replicasets,pods,services -n " + c.Namespace,
		})
		return ops.Leftover
	}
	e := journal.Entry{
		Type: journal.Claim, Phase: journal.Delete, Reason: "Absent", Took: d.Now().Sub(began),
		Text:    c.none(r.target.Kind()) + ", and nothing is left of any that was",
		Details: []string{"a consistent read did not find it"},
	}
	for _, kind := range r.unseen {
		e.Details = append(e.Details, fmt.Sprintf("%ss may not be listed: whether any is left cannot be seen", kind))
	}
	told(e)
	return ops.Reached
}

// listed names objects, as many as fit a line.
func listed(left []snapshot.Ref) string {
	const most = 10
	var names []string
	for _, ref := range left[:min(len(left), most)] {
		names = append(names, ref.String())
	}
	if more := len(left) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// look reads what is left. The custom resources are read last, so that one that was created meanwhile
// keeps what is below it from being taken for a remnant.
func (r *remnants) look(ctx context.Context) ([]snapshot.Ref, error) {
	objects := map[types.UID]snapshot.Object{}
	seen, alone := map[snapshot.Kind]bool{}, false
	for _, kind := range append(slices.Clone(r.target.Kinds), r.target.Kind()) {
		if slices.Contains(r.unseen, kind) {
			continue
		}
		found, err := r.Cluster.Read(ctx, r.target, kind)
		if apierrors.IsForbidden(err) && kind != snapshot.Deployment && kind != r.target.Kind() {
			r.unseen = append(r.unseen, kind)
			continue
		}
		if err != nil {
			return nil, err
		}
		seen[kind], alone = true, len(found) == 0 // the last are the custom resources
		for _, o := range found {
			objects[o.GetUID()] = o
		}
	}
	var left []snapshot.Ref
	for _, o := range objects {
		end := lastOwner(o, objects)
		if end == nil || objects[end.UID] != nil {
			continue
		}
		kind := snapshot.Kind(end.Kind)
		if seen[kind] || alone && slices.Contains(r.unseen, kind) { // below what cannot be seen only where nobody lives to whom it may belong
			left = append(left, snapshot.RefTo(o))
		}
	}
	slices.SortFunc(left, func(a, b snapshot.Ref) int { return strings.Compare(a.String(), b.String()) })
	return left, nil
}

// lastOwner climbs from an object to the last of its controllers that is named.
func lastOwner(o snapshot.Object, objects map[types.UID]snapshot.Object) *metav1.OwnerReference {
	var last *metav1.OwnerReference
	for range 10 { // no line is as long, unless it goes in a circle
		owner := metav1.GetControllerOfNoCopy(o)
		if owner == nil {
			return last
		}
		last = owner
		if o = objects[owner.UID]; o == nil {
			return last
		}
	}
	return last
}

// await waits until nothing is left or ctx ends and returns what is left then. That nothing is left is
// said by reads, which the watches only call for: they, and a read by label, do not show either what has only
// lost its label.
func (r *remnants) await(ctx context.Context, left []snapshot.Ref) ([]snapshot.Ref, error) {
	watching, cancel := context.WithCancel(ctx)
	changes, ended := make(chan snapshot.Change), make(chan struct{})
	go func() {
		defer close(ended)
		r.Cluster.Watch(watching, r.target, changes)
	}()
	defer func() { cancel(); <-ended }()
	ever := map[snapshot.Ref]bool{}
	for {
		for _, ref := range left {
			ever[ref] = true
		}
		if done := r.shrink(ctx, changes, left); done != nil {
			return done, nil
		}
		again, err := r.look(ctx)
		if err == nil && len(again) == 0 {
			again, err = r.unlabelled(ctx, ever)
			r.bare = len(again) > 0
		}
		switch {
		case ctx.Err() != nil:
			return left, nil // what was seen last, as far as is known
		case err != nil && !ops.Ambiguous(err):
			return nil, err
		case err != nil:
			r.blind = true
		case len(again) == 0:
			return nil, nil
		default:
			left = again
		}
	}
}

// unlabelled returns which of the objects are still there, with a label or without.
func (r *remnants) unlabelled(ctx context.Context, objects map[snapshot.Ref]bool) ([]snapshot.Ref, error) {
	var left []snapshot.Ref
	for _, kind := range r.target.Kinds {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(objects)), func(ref snapshot.Ref) bool { return ref.Kind == kind }) {
			continue
		}
		there, err := r.Cluster.Names(ctx, r.target.Namespace, kind)
		if err != nil {
			return nil, err
		}
		for _, o := range there {
			ref := snapshot.Ref{Kind: kind, Namespace: o.Namespace, Name: o.Name, UID: o.UID}
			if objects[ref] {
				left = append(left, ref)
			}
		}
	}
	return left, nil
}

// shrink waits until the watches show that nothing of what was left is there any more, and returns nothing
// then, or at the end of ctx what still is.
func (r *remnants) shrink(ctx context.Context, changes <-chan snapshot.Change, left []snapshot.Ref) []snapshot.Ref {
	left = slices.Clone(left)
	for len(left) > 0 {
		var again <-chan time.Time
		if r.blind || r.bare {
			again = time.After(blindPause)
		}
		select {
		case c := <-changes:
			r.blind = r.blind || c.Type == snapshot.Denied
			left = slices.DeleteFunc(left, func(ref snapshot.Ref) bool {
				return c.Type == snapshot.Deleted && c.Object.GetUID() == ref.UID || c.Type == snapshot.Listed && c.Kind == ref.Kind && !c.There[ref.UID]
			})
		case <-again:
			return nil
		case <-ctx.Done():
			return left
		}
	}
	return nil
}
