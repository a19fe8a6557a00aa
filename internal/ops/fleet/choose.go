package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Choice says which of a namespace's custom resources are meant.
type Choice struct {
	Namespace string
	Selector  labels.Selector
	// Await waits until there is one; Once looks only once for what is left where there is none.
	Await, Once bool
}

// choice is a choice under way.
type choice struct {
	Choice
	kind   snapshot.Kind
	known  map[types.UID]*unstructured.Unstructured
	listed bool
	err    error // why nothing is known, at present
}

// Find returns the custom resources that are meant, ordered by name. It sees them by the watch that the
// members will share.
func (c Choice) Find(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]*unstructured.Unstructured, ops.Reason) {
	ctx, cancel := context.WithCancel(ctx)
	target := engine.Target{Identity: d.Engine.Identity(), Namespace: c.Namespace, Kinds: ops.Kinds(engine.Implied{})}
	changes, ended := make(chan snapshot.Change), make(chan struct{})
	go func() {
		defer close(ended)
		d.Cluster.Watch(ctx, target, changes)
	}()
	defer func() { cancel(); <-ended }()
	state := &choice{Choice: c, kind: target.Kind(), known: map[types.UID]*unstructured.Unstructured{}}
	for waiting := false; ; {
		select {
		case change := <-changes:
			state.take(change)
			found := state.meant()
			switch {
			case change.Type == snapshot.Denied && change.Kind == state.kind:
				return nil, fail(told, journal.Connect, ops.Explain(change.Err, d.Engine.Identity(), c.Namespace, ""))
			case state.listed && (len(found) > 0 || !c.Await):
				return found, ops.Reached
			case state.listed && !waiting:
				waiting = true
				told(journal.Entry{Type: journal.Note, Phase: journal.Connect, Reason: "Absent", Text: c.none(state.kind) + " yet: waiting for one"})
			}
		case <-ctx.Done():
			if state.listed {
				return nil, fail(told, journal.Connect, c.absent(state.kind))
			}
			return nil, fail(told, journal.Connect, state.unknown(d))
		}
	}
}

// take takes in a change.
func (c *choice) take(change snapshot.Change) {
	if change.Kind != c.kind {
		return
	}
	root, _ := change.Object.(*unstructured.Unstructured)
	switch change.Type {
	case snapshot.Seen:
		c.known[root.GetUID()] = root
	case snapshot.Deleted:
		delete(c.known, root.GetUID())
	case snapshot.Synced:
		c.listed = true
	case snapshot.Lost:
		c.err = change.Err
	case snapshot.Restored:
		c.err = nil
	case snapshot.Listed, snapshot.Denied:
	}
}

// meant returns those of the known ones that are chosen.
func (c *choice) meant() []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, root := range c.known {
		if c.Selector.Matches(labels.Set(root.GetLabels())) {
			found = append(found, root)
		}
	}
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return found
}

func (c Choice) none(kind snapshot.Kind) string {
	text := fmt.Sprintf("there is no %s in namespace %s", kind, c.Namespace)
	if !c.Selector.Empty() {
		text += " with the labels " + c.Selector.String()
	}
	return text
}

func (c Choice) absent(kind snapshot.Kind) *ops.RefusalError {
	return &ops.RefusalError{Reason: ops.Vanished, Text: c.none(kind), Hint: fmt.Sprintf("kubectl get %ss -n %s --show-labels", strings.ToLower(string(kind)), c.Namespace)}
}

// Nothing refuses because nothing is meant.
func (c Choice) Nothing(d ops.Deps, told func(journal.Entry)) ops.Reason {
	return fail(told, journal.Connect, c.absent(snapshot.Kind(d.Engine.Identity().Kind)))
}

func (c *choice) unknown(d ops.Deps) *ops.RefusalError {
	if c.err != nil {
		return ops.Explain(c.err, d.Engine.Identity(), c.Namespace, "")
	}
	return &ops.RefusalError{Reason: ops.Unusable, Text: "the API server did not deliver the first lists in time"}
}
