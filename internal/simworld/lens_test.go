package simworld_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// lens is a cluster that shows things otherwise than they are, as a program with a bug would see them.
type lens struct {
	ops.Cluster

	wire     http.RoundTripper
	each     func(snapshot.Object)                 // changes what is shown
	former   func(snapshot.Object) snapshot.Object // what is shown before an object's first state; nil: nothing
	drop     func(l *lens, o snapshot.Object) bool
	hide     snapshot.Kind          // a kind that cannot be watched
	hidden   func(name string) bool // Deployments that are not shown
	remember bool                   // reads are answered from what the watches have shown
	oneRoot  bool                   // all custom resources of a name are one
	anyUID   bool                   // DELETE means whoever has the name
	again    bool                   // a create without an answer is repeated
	missing  bool                   // deletions that only a list shows are missed
	endless  bool                   // no limit ends a request
	invent   bool                   // there is a Deployment that nobody has made
	force    bool                   // a patch is written over whatever is there

	mu    sync.Mutex
	name  string
	root  types.UID
	seen  map[types.UID]snapshot.Object
	order []types.UID
	// unsure is set while a write has failed in a way that only a read can explain.
	unsure bool
}

var _ ops.Cluster = (*lens)(nil)

// Implied implements engine.Reader.
func (g glasses) Implied(root *unstructured.Unstructured) (engine.Implied, error) {
	i, err := g.Engine.Implied(root)
	if err != nil {
		return i, err
	}
	return g.read(i), nil
}

// Watch implements ops.Watcher.
func (l *lens) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	l.mu.Lock()
	l.name, l.seen = target.Name, map[types.UID]snapshot.Object{}
	l.mu.Unlock()
	in := make(chan snapshot.Change)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case c := <-in:
				for _, shown := range l.shown(c, in) {
					select {
					case out <- shown:
					case <-ctx.Done():
						return
					}
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	if l.hide != "" {
		var kinds []snapshot.Kind
		for _, k := range target.Kinds {
			if k != l.hide {
				kinds = append(kinds, k)
			}
		}
		target.Kinds = kinds
		in <- snapshot.Change{Type: snapshot.Denied, Kind: l.hide, Err: errors.New("forbidden")}
	}
	l.Cluster.Watch(ctx, target, in)
	<-done
}

// shown turns a change into what the program gets to see.
func (l *lens) shown(c snapshot.Change, in <-chan snapshot.Change) []snapshot.Change {
	if l.missing && c.Type == snapshot.Listed {
		return nil
	}
	if c.Object == nil {
		return []snapshot.Change{c}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o, keep := l.through(c.Object)
	switch {
	case !keep && c.Type == snapshot.Seen && l.seen[o.GetUID()] != nil:
		c.Type = snapshot.Deleted
	case !keep:
		return nil
	case l.missing && c.Type == snapshot.Deleted && l.seen[o.GetUID()] != nil && l.seen[o.GetUID()].GetResourceVersion() == o.GetResourceVersion():
		return nil
	}
	c.Object = o
	changes := []snapshot.Change{c}
	if l.former != nil && c.Type == snapshot.Seen && l.seen[o.GetUID()] == nil {
		if was := l.former(o); was != nil {
			changes = []snapshot.Change{{Type: snapshot.Seen, Kind: c.Kind, Object: was}, c}
		}
	}
	if c.Kind == "SeldonDeployment" {
		if l.oneRoot && c.Type == snapshot.Deleted {
			return l.replaced(c, in)
		}
		if fake := l.invented(); fake != nil {
			changes = append(changes, snapshot.Change{Type: snapshot.Seen, Kind: snapshot.Deployment, Object: fake})
		}
	}
	if c.Type == snapshot.Deleted {
		delete(l.seen, o.GetUID())
	} else {
		if l.seen[o.GetUID()] == nil {
			l.order = append(l.order, o.GetUID())
		}
		l.seen[o.GetUID()] = o
	}
	return changes
}

// replaced keeps a deletion back for a second: where another object follows it was none.
func (l *lens) replaced(c snapshot.Change, in <-chan snapshot.Change) []snapshot.Change {
	l.mu.Unlock()
	defer l.mu.Lock()
	var later []snapshot.Change
	for end := time.After(time.Second); ; {
		select {
		case next := <-in:
			if next.Object != nil {
				l.mu.Lock()
				next.Object, _ = l.through(next.Object)
				l.mu.Unlock()
			}
			later = append(later, next)
			if next.Kind == c.Kind && next.Type == snapshot.Seen {
				return later
			}
		case <-end:
			return append(later, c)
		}
	}
}

// through gives an object as it is shown, and whether it is.
func (l *lens) through(o snapshot.Object) (snapshot.Object, bool) {
	changed, ok := o.DeepCopyObject().(snapshot.Object)
	if !ok {
		return o, true
	}
	if _, isRoot := o.(*unstructured.Unstructured); isRoot && l.root == "" {
		l.root = o.GetUID()
	}
	if l.oneRoot {
		l.unite(changed)
	}
	if l.each != nil {
		l.each(changed)
	}
	if l.drop != nil && l.drop(l, changed) {
		return changed, false
	}
	if _, is := o.(*appsv1.Deployment); is && l.hidden != nil && l.hidden(o.GetName()) {
		return changed, false
	}
	return changed, true
}

// unite makes every custom resource of the name the first one.
func (l *lens) unite(o snapshot.Object) {
	if _, isRoot := o.(*unstructured.Unstructured); isRoot {
		o.SetUID(l.root)
		return
	}
	owners := o.GetOwnerReferences()
	for i := range owners {
		if owners[i].Kind == "SeldonDeployment" && owners[i].Name == l.name {
			owners[i].UID = l.root
		}
	}
	o.SetOwnerReferences(owners)
}

func (l *lens) invented() snapshot.Object {
	if !l.invent || l.root == "" {
		return nil
	}
	yes, zero, one := true, int32(0), intstr.FromInt32(1)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: nobody, Namespace: "models", UID: "nobody", ResourceVersion: "1", Generation: 1,
			OwnerReferences: []metav1.OwnerReference{{Kind: "SeldonDeployment", Name: l.name, UID: l.root, Controller: &yes}},
		},
		Spec:   appsv1.DeploymentSpec{Replicas: &zero, Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &one}}},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 1},
	}
}

// Read implements ops.Reader.
func (l *lens) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	if l.remember && l.answered() {
		return l.remembered(kinds), nil
	}
	objects, err := l.Cluster.Read(l.context(ctx), target, kinds...)
	l.mu.Lock()
	defer l.mu.Unlock()
	var shown []snapshot.Object
	for _, o := range objects {
		if o, keep := l.through(o); keep {
			shown = append(shown, o)
		}
	}
	if fake := l.invented(); fake != nil && slices.Contains(kinds, snapshot.Deployment) {
		shown = append(shown, fake)
	}
	return shown, err
}

func (l *lens) remembered(kinds []snapshot.Kind) []snapshot.Object {
	l.mu.Lock()
	defer l.mu.Unlock()
	var objects []snapshot.Object
	for _, uid := range l.order {
		o := l.seen[uid]
		if o == nil {
			continue
		}
		for _, k := range kinds {
			if snapshot.KindOf(o) == k {
				objects = append(objects, o)
			}
		}
	}
	return objects
}

// answered reports whether the last write got its answer, so that no read has to find out about it.
func (l *lens) answered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.unsure
}

func (l *lens) wrote(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsure = err != nil
}

func (l *lens) context(ctx context.Context) context.Context {
	if l.endless {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// Create implements ops.Writer.
func (l *lens) Create(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error) {
	answer, err := l.Cluster.Create(l.context(ctx), resource, o, how)
	l.wrote(err)
	var status apierrors.APIStatus
	if l.again && err != nil && !errors.As(err, &status) {
		return l.Cluster.Create(ctx, resource, o, how)
	}
	return answer, err
}

// Patch implements ops.Writer.
func (l *lens) Patch(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, patch []engine.PatchOp, how engine.WriteOptions) (engine.Answer, error) {
	if l.force {
		patch = slices.DeleteFunc(slices.Clone(patch), func(op engine.PatchOp) bool { return op.Path == "/metadata/resourceVersion" })
	}
	answer, err := l.Cluster.Patch(l.context(ctx), resource, namespace, name, patch, how)
	l.wrote(err)
	return answer, err
}

// Delete implements ops.Writer.
func (l *lens) Delete(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	if l.anyUID || l.oneRoot {
		return l.deleteByName(ctx, resource, namespace, name)
	}
	return l.Cluster.Delete(l.context(ctx), resource, namespace, name, uid)
}

// deleteByName sends a DELETE without a precondition.
func (l *lens) deleteByName(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) error {
	url := "http://api.test/apis/" + resource.Group + "/" + resource.Version + "/namespaces/" + namespace + "/" + resource.Resource + "/" + name
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, url, strings.NewReader(`{"propagationPolicy":"Foreground"}`))
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: l.wire}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return apierrors.NewNotFound(resource.GroupResource(), name)
	}
	if response.StatusCode != http.StatusOK {
		return apierrors.NewServiceUnavailable("")
	}
	return nil
}

// rolledOut makes every Deployment look rolled out.
func rolledOut(o snapshot.Object) {
	d, ok := o.(*appsv1.Deployment)
	if !ok {
		return
	}
	n := int32(1)
	if d.Spec.Replicas != nil {
		n = *d.Spec.Replicas
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
}

func observed(o snapshot.Object) {
	if d, ok := o.(*appsv1.Deployment); ok {
		d.Status.ObservedGeneration = d.Generation
	}
}

// dateStatus makes every status look written long after the spec.
func dateStatus(o snapshot.Object) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return
	}
	spec, status := metav1.NewTime(o.GetCreationTimestamp().Time), metav1.NewTime(o.GetCreationTimestamp().Add(time.Hour))
	u.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: "a", Operation: "Update", Time: &spec}, {Manager: "b", Operation: "Update", Subresource: "status", Time: &status},
	})
}

func leavingPod(_ *lens, o snapshot.Object) bool {
	_, ok := o.(*corev1.Pod)
	return ok && o.GetDeletionTimestamp() != nil
}

// otherLabel drops what does not carry the custom resource's name in the operator's label.
func otherLabel(l *lens, o snapshot.Object) bool {
	_, ok := o.(*appsv1.Deployment)
	return ok && o.GetLabels()["seldon-deployment-id"] != l.name
}

// hopeless makes every problem look as if it could not pass.
func hopeless(o snapshot.Object) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			list[i].RestartCount += 3
			if w := list[i].State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" && w.Reason != "CrashLoopBackOff" {
				w.Reason = "InvalidImageName"
			}
		}
	}
}
