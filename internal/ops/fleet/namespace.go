package fleet

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Namespaces is the stage that creates those namespaces which do not exist yet, and leaves them.
type Namespaces struct{ Names []string }

// Throwaway is the stage of a namespace that lives as long as a run.
type Throwaway struct {
	Name string
	// ID marks it as this run's.
	ID string

	tried bool
	thing Thing
}

// ThrowawayName is the name of a run's own namespace.
func ThrowawayName(id string) string { return "seldonctl-run-" + id }

func namespaceThing(name string) Thing {
	return Thing{resource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, kind: "Namespace", name: name}
}

func namespaceObject(name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind("Namespace")
	o.SetName(name)
	return o
}

func (n *Namespaces) up(ctx context.Context, d ops.Deps, tell tell) ops.Reason {
	for _, name := range n.Names {
		t, o := namespaceThing(name), namespaceObject(name)
		_, err := d.Cluster.Create(ctx, t.resource, o, engine.WriteOptions{})
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		if apierrors.IsForbidden(err) {
			if there, readErr := t.read(ctx, d.Cluster); readErr == nil && there != nil {
				continue
			}
		}
		if err != nil {
			return fail(tell, journal.Create, refusal(err, o, ""))
		}
		ref := t.ref()
		tell(journal.Entry{Type: journal.Note, Phase: journal.Create, Object: &ref, Reason: "Created", Text: "created; it stays when the rest has gone"})
		awaitAccount(ctx, d.Cluster, name)
	}
	return ops.Reached
}

func (n *Namespaces) down(context.Context, context.Context, ops.Deps, tell) ops.Reason {
	return ops.Reached
}

func (n *Namespaces) made() []Thing { return nil } // which has been told when it was created

func (w *Throwaway) made() []Thing {
	if !w.tried {
		return nil
	}
	return []Thing{w.thing}
}

func (w *Throwaway) up(ctx context.Context, d ops.Deps, tell tell) ops.Reason {
	t, o := namespaceThing(w.Name), namespaceObject(w.Name)
	if err := allowed(ctx, d.Cluster, w.Name, []Thing{t}); err != nil {
		return fail(tell, journal.Connect, err)
	}
	o.SetLabels(map[string]string{ops.RunLabel: w.ID})
	answer, err := d.Cluster.Create(ctx, t.resource, o, engine.WriteOptions{})
	w.thing, w.tried = t, err == nil || ops.Ambiguous(err)
	if err != nil {
		return fail(tell, journal.Create, refusal(err, o, ""))
	}
	w.thing.uid = answer.Object.GetUID()
	ref := w.thing.ref()
	tell(journal.Entry{
		Type: journal.Note, Phase: journal.Create, Object: &ref, Reason: "Created", Text: fmt.Sprintf("created, labelled %s=%s", ops.RunLabel, w.ID),
	})
	awaitAccount(ctx, d.Cluster, w.Name)
	return ops.Reached
}

// accountLimit is how long a new namespace is given to get the account that its pods run as. Without it
// the first pods are refused, which heals by itself, but looks like a failure.
const accountLimit = 10 * time.Second

func awaitAccount(ctx context.Context, cluster ops.Cluster, namespace string) {
	ctx, cancel := context.WithTimeout(ctx, accountLimit)
	account := Thing{resource: schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, kind: "ServiceAccount", namespace: namespace, name: "default"}
	changes, ended := make(chan snapshot.Change), make(chan struct{})
	go func() {
		defer close(ended)
		cluster.Watch(ctx, account.target(), changes)
	}()
	defer func() { cancel(); <-ended }()
	for {
		select {
		case c := <-changes:
			if c.Type == snapshot.Seen || c.Type == snapshot.Denied {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (w *Throwaway) down(ctx, patience context.Context, d ops.Deps, tell tell) ops.Reason {
	if !w.tried {
		return ops.Reached
	}
	if w.thing.uid == "" { // the answer to its creation was lost
		o, err := w.thing.read(ctx, d.Cluster)
		if err == nil && (o == nil || o.GetLabels()[ops.RunLabel] != w.ID) {
			return ops.Reached
		}
		if o != nil {
			w.thing.uid = o.GetUID()
		}
	}
	ref, began := w.thing.ref(), d.Now()
	tell(journal.Entry{Type: journal.Progress, Phase: journal.Cleanup, Object: &ref, Text: "is deleted with all that is in it; waiting until it is gone"})
	if len(remove(ctx, patience, d.Cluster, []Thing{w.thing}, tell)) == 0 {
		return ops.Leftover
	}
	tell(journal.Entry{Type: journal.Claim, Phase: journal.Cleanup, Object: &ref, Reason: "Gone", Text: "gone: " + ref.String() + " and all that was in it", Took: d.Now().Sub(began)})
	return ops.Reached
}
