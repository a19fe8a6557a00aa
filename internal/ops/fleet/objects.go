package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Objects is what a fleet needs of a cluster for objects that are no engine's, beside what every
// operation needs.
type Objects interface {
	// Resource returns where objects of a kind are, and whether they are in namespaces; nothing where the
	// API server does not know the kind.
	Resource(ctx context.Context, kind schema.GroupVersionKind) (resource schema.GroupVersionResource, namespaced bool, err error)
	// Apply brings an object to what is given, by server-side apply; force takes over what others manage.
	Apply(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, force, dryRun bool) (engine.Answer, error)
	// Labelled returns the metadata of the objects that a selector of labels selects; an empty namespace
	// means all of the cluster.
	Labelled(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string) ([]metav1.PartialObjectMetadata, error)
	// Kinds returns what can be created, listed and deleted in namespaces, by its resources, and the API groups
	// that did not answer.
	Kinds(ctx context.Context) (kinds map[schema.GroupVersionResource]string, unanswered []string, err error)
}

// Supporting is an object of the files that is no engine's.
type Supporting struct {
	Object *unstructured.Unstructured
	// Position is where it stands, "file:line".
	Position string
}

// Thing is one object on a cluster, of whatever kind.
type Thing struct {
	resource        schema.GroupVersionResource
	kind            string
	namespace, name string
	uid             types.UID
}

func (t Thing) ref() snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.Kind(t.kind), Namespace: t.namespace, Name: t.name, UID: t.uid}
}

func (t Thing) target() engine.Target {
	return engine.Target{Identity: engine.Identity{Kind: t.kind, Resource: t.resource}, Namespace: t.namespace, Name: t.name}
}

// outside is the target of a look at whether it is there, and whose it is: of a Secret nothing else is sent.
func (t Thing) outside() engine.Target {
	target := t.target()
	target.MetadataOnly = t.kind == "Secret"
	return target
}

// reader is what it takes to read one object, see ops.Reader.
type reader interface {
	Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error)
}

// read reads it; nil where it does not exist.
func (t Thing) read(ctx context.Context, cluster reader) (*unstructured.Unstructured, error) {
	return readAs(ctx, cluster, t.target())
}

func readAs(ctx context.Context, cluster reader, target engine.Target) (*unstructured.Unstructured, error) {
	objects, err := cluster.Read(ctx, target, target.Kind())
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if found, ok := o.(*unstructured.Unstructured); ok {
			return found, nil
		}
	}
	return nil, nil //nolint:nilnil // its absence is an answer
}

// remove deletes things, all of them before it waits for any, and returns those that are gone. What is left is
// told, with what keeps it.
func remove(ctx, patience context.Context, cluster ops.Cluster, things []Thing, tell tell) (gone []Thing) {
	errs := make([]error, len(things))
	for i, t := range things {
		if t.uid == "" {
			errs[i] = errors.New("whether it was created is not known, and it cannot be read")
			continue
		}
		if ctx.Err() != nil {
			errs[i] = errors.New("no DELETE was sent for it any more")
			continue
		}
		errs[i] = t.delete(ctx, cluster)
	}
	left := make([]*unstructured.Unstructured, len(things))
	var waits sync.WaitGroup
	for i, t := range things {
		waits.Go(func() {
			if errs[i] = t.insist(ctx, patience, cluster, errs[i]); errs[i] == nil {
				left[i], errs[i] = t.leave(ctx, patience, cluster, tell)
			}
		})
	}
	waits.Wait()
	for i, t := range things {
		if errs[i] == nil && left[i] == nil {
			gone = append(gone, t)
			continue
		}
		ref := t.ref()
		e := journal.Entry{Type: journal.Failure, Phase: journal.Cleanup, Object: &ref, Reason: string(ops.Leftover), Text: ref.String() + " is not gone", Hint: t.command()}
		if errs[i] != nil {
			e.Text = ref.String() + " may not be gone: " + errs[i].Error()
		} else {
			e.Details = holds(left[i])
		}
		tell(e)
	}
	return gone
}

// delete sends one DELETE. A conflict means that the name has passed to another object.
func (t Thing) delete(ctx context.Context, cluster ops.Cluster) error {
	err := cluster.Delete(ctx, t.resource, t.namespace, t.name, t.uid)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// retryPause is how long a request that failed on the way is not repeated.
const retryPause = time.Second

// insist finds out by reading whether a DELETE whose answer was lost has arrived, and repeats it where our
// object is untouched, as long as there is patience.
func (t Thing) insist(ctx, patience context.Context, cluster ops.Cluster, err error) error {
	for err != nil && t.uid != "" && ops.Ambiguous(err) {
		select {
		case <-time.After(retryPause):
		case <-patience.Done():
			return err
		}
		found, readErr := readAs(ctx, cluster, t.outside())
		switch {
		case readErr != nil && !ops.Ambiguous(readErr):
			return err
		case readErr != nil:
		case found == nil, found.GetUID() != t.uid, found.GetDeletionTimestamp() != nil:
			return nil
		default:
			err = t.delete(ctx, cluster)
		}
	}
	return err
}

// command is how the user removes it by hand.
func (t Thing) command() string {
	words := []string{"kubectl delete", t.resource.GroupResource().String(), t.name}
	if t.namespace != "" {
		words = append(words, "-n", t.namespace)
	}
	return strings.Join(words, " ")
}

// leave waits until what is being deleted is gone. It returns what is left of it, nil where that is nothing. The
// first read may fail like any of the later ones, so it is repeated too, as long as there is patience.
func (t Thing) leave(ctx, patience context.Context, cluster ops.Cluster, tell tell) (*unstructured.Unstructured, error) {
	for {
		left, err := readAs(ctx, cluster, t.outside())
		switch {
		case err == nil && (left == nil || left.GetUID() != t.uid):
			return nil, nil //nolint:nilnil // its absence is an answer
		case err == nil:
			return t.awaitGone(patience, cluster, left, tell), nil
		case !ops.Ambiguous(err):
			return nil, err
		}
		select {
		case <-time.After(retryPause):
		case <-patience.Done():
			return nil, err
		}
	}
}

// allowed refuses to make what could not be taken away again. Where the cluster cannot say what the user may do,
// the requests themselves will tell.
func allowed(ctx context.Context, cluster ops.Cluster, namespace string, things []Thing) error {
	rules, complete, err := cluster.Rules(ctx, namespace)
	if err != nil || !complete {
		return nil //nolint:nilerr // see above
	}
	for _, t := range things {
		if what := ops.Lacks(rules, t.resource.GroupResource(), "create", "get", "delete"); what != "" {
			return &ops.RefusalError{
				Reason: ops.Denied, Text: fmt.Sprintf("not allowed in namespace %s: %s; nothing was written", namespace, what),
				Hint: "ask for a Role with it, or choose another --context",
			}
		}
	}
	return nil
}

// awaitGone watches it until it is gone or ctx ends and returns what was seen of it last.
func (t Thing) awaitGone(ctx context.Context, cluster ops.Cluster, last *unstructured.Unstructured, tell tell) *unstructured.Unstructured {
	ctx, cancel := context.WithCancel(ctx)
	changes, ended := make(chan snapshot.Change), make(chan struct{})
	go func() {
		defer close(ended)
		cluster.Watch(ctx, t.outside(), changes)
	}()
	defer func() { cancel(); <-ended }()
	for {
		select {
		case c := <-changes:
			switch {
			case c.Type == snapshot.Denied:
				ref := t.ref()
				tell(journal.Entry{
					Type: journal.Warning, Phase: journal.Cleanup, Object: &ref, Reason: "Unwatched",
					Text: t.resource.Resource + " may not be watched: " + ref.String() + " is read every second until it is gone",
				})
				return t.readUntilGone(ctx, cluster, last)
			case c.Type == snapshot.Listed && !c.There[t.uid], c.Type == snapshot.Deleted && c.Object.GetUID() == t.uid:
				return nil
			}
			if o, ok := c.Object.(*unstructured.Unstructured); ok && o.GetUID() == t.uid {
				last = o
			}
		case <-ctx.Done():
			return last
		}
	}
}

// readUntilGone reads it again and again until it is gone or ctx ends and returns what was seen of it last.
func (t Thing) readUntilGone(ctx context.Context, cluster ops.Cluster, last *unstructured.Unstructured) *unstructured.Unstructured {
	for {
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return last
		}
		found, err := readAs(ctx, cluster, t.outside())
		switch {
		case err != nil && !ops.Ambiguous(err):
			return last
		case err != nil:
		case found == nil, found.GetUID() != t.uid:
			return nil
		default:
			last = found
		}
	}
}

// holds says what keeps an object that is being deleted.
func holds(o *unstructured.Unstructured) []string {
	var texts []string
	if finalizers := o.GetFinalizers(); len(finalizers) > 0 {
		texts = append(texts, "held by finalizer "+strings.Join(finalizers, ", "))
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["status"] == "True" {
			texts = append(texts, fmt.Sprintf("%v: %v", condition["reason"], condition["message"]))
		}
	}
	return texts
}

// refusal explains the error of a request about an object.
func refusal(err error, o *unstructured.Unstructured, position string) *ops.RefusalError {
	if known, ok := errors.AsType[*ops.RefusalError](err); ok {
		return known
	}
	r := *ops.Explain(err, engine.Identity{Kind: o.GetKind(), Operator: "controller of that webhook"}, o.GetNamespace(), o.GetName())
	if r.Reason == ops.Invalid && position != "" {
		r.Text = position + ": " + r.Text
	}
	return &r
}
