// Package look holds the operations that only look: status and events. They read once, consistently, and
// where they follow they watch, all objects of a namespace with one set of watches.
//
// It writes nothing to the cluster, and prints nothing: what is to be shown goes to ports.
package look

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Cluster is what looking needs of one.
type Cluster interface {
	ops.Watcher
	// Read returns the objects of the given kinds as they are now, as ops.Reader says.
	Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error)
}

// Deps is what looking needs of the outside.
type Deps struct {
	Cluster Cluster
	Engine  engine.Reader
	Now     ops.Clock
	// Ahead tells how far the API server's clock is ahead of Now, at least, and whether that is known.
	Ahead func() (time.Duration, bool)
	// Interrupts delivers the user's wish to stop.
	Interrupts <-chan ops.Reason
	// Warn takes what the user should know beside what is shown.
	Warn func(text string)
}

// Request says what to look at.
type Request struct {
	// Namespace is where; empty: in all namespaces. Name is that of one object; empty: all of them.
	Namespace, Name string
	// Selector chooses by label; nil: everything.
	Selector labels.Selector
	// Follow goes on until the user stops it.
	Follow bool
	// Limit is how long one look may take.
	Limit time.Duration
}

// observer is what one command knows.
type observer struct {
	Deps
	Request
	target engine.Target
	snap   *snapshot.Snapshot
	// parked are events about objects that are not known, or not yet.
	parked []*corev1.Event
	warned map[string]bool
	lost   map[snapshot.Kind]bool // whose watch is broken at present
	// unlinked says that ReplicaSets, which link pods to their Deployments, may not be read.
	unlinked bool
}

func newObserver(d Deps, req Request) *observer {
	return &observer{
		Deps: d, Request: req, snap: snapshot.New(), warned: map[string]bool{}, lost: map[snapshot.Kind]bool{},
		target: engine.Target{Identity: d.Engine.Identity(), Namespace: req.Namespace, Name: req.Name},
	}
}

// base are the kinds below every custom resource.
func base() []snapshot.Kind {
	return []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service}
}

// below returns the kinds that there may be below the objects of a snapshot.
func (o *observer) below(s *snapshot.Snapshot) []snapshot.Kind {
	kinds, hpa, pdb := base(), false, false
	for _, root := range o.roots(s) {
		implied, err := o.Engine.Implied(root)
		if err != nil {
			continue // what cannot be read is judged later
		}
		hpa, pdb = hpa || implied.WantsHPA, pdb || implied.WantsPDB
	}
	if hpa {
		kinds = append(kinds, snapshot.HPA)
	}
	if pdb {
		kinds = append(kinds, snapshot.PDB)
	}
	return kinds
}

// roots returns the custom resources of a snapshot that are asked for.
func (o *observer) roots(s *snapshot.Snapshot) []*unstructured.Unstructured {
	var roots []*unstructured.Unstructured
	for _, object := range s.Living(o.target.Kind()) {
		root, ok := object.(*unstructured.Unstructured)
		if ok && (o.Selector == nil || o.Selector.Matches(labels.Set(root.GetLabels()))) {
			roots = append(roots, root)
		}
	}
	return roots
}

// read reads the custom resources, and when they are known what is below them, so that nothing below is
// older than they are. It returns which kinds were read.
func (o *observer) read(ctx context.Context, s *snapshot.Snapshot) ([]snapshot.Kind, error) {
	objects, err := o.Cluster.Read(ctx, o.target, o.target.Kind())
	if err != nil {
		return nil, ops.Explain(err, o.target.Identity, o.Namespace, o.Name)
	}
	for _, object := range objects {
		s.Set(object)
	}
	if len(o.roots(s)) == 0 {
		return base(), nil
	}
	kinds := o.below(s)
	return kinds, o.readBelow(ctx, s, kinds)
}

// readBelow reads kinds side by side. One that may not be read costs a warning.
func (o *observer) readBelow(ctx context.Context, s *snapshot.Snapshot, kinds []snapshot.Kind) error {
	parts, errs := make([][]snapshot.Object, len(kinds)), make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, kind := range kinds {
		wg.Go(func() { parts[i], errs[i] = o.Cluster.Read(ctx, o.target, kind) })
	}
	wg.Wait()
	for i, kind := range kinds {
		switch {
		case refused(errs[i]):
			o.lack(s, kind, errs[i])
			continue
		case errs[i] != nil:
			return ops.Explain(errs[i], o.target.Identity, o.Namespace, o.Name)
		}
		for _, object := range parts[i] {
			s.Set(object)
		}
		s.SetComplete(kind, true)
	}
	o.unlink(s)
	return nil
}

// lack takes in that a kind may not be read.
func (o *observer) lack(s *snapshot.Snapshot, kind snapshot.Kind, err error) {
	s.SetComplete(kind, false)
	o.unlinked = o.unlinked || kind == snapshot.ReplicaSet
	o.unlink(s)
	o.warnOnce(string(kind), fmt.Sprintf("cannot read %s, going on with less: %v", kind, err))
}

// unlink drops the pods' word where nothing links them to their Deployments.
func (o *observer) unlink(s *snapshot.Snapshot) {
	if o.unlinked {
		s.SetComplete(snapshot.Pod, false)
	}
}

func (o *observer) warnOnce(key, text string) {
	if !o.warned[key] {
		o.warned[key] = true
		o.Warn(text)
	}
}

// refused reports whether an error says that the kind may not be read, or is not served here.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)
}

// beside makes requests beside the user, who may end them. They end within the limit of one look.
func (o *observer) beside(ctx context.Context, requests func(context.Context) error) (ops.Reason, error) {
	limited, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = requests(limited)
	}()
	select {
	case <-done:
		return ops.Reached, o.late(limited, err)
	case why := <-o.Interrupts:
		cancel()
		<-done
		return why, nil
	}
}

// late says of requests that were not answered in time that it was the limit that ended them.
func (o *observer) late(limited context.Context, err error) error {
	if err == nil || !errors.Is(limited.Err(), context.DeadlineExceeded) {
		return err
	}
	return &ops.RefusalError{
		Reason: ops.Unusable, Text: fmt.Sprintf("the API server has not answered within %s", o.Limit),
		Hint: "check that the cluster runs, or give it more --timeout", Err: err,
	}
}

// noClock is so far behind that no timestamp of the server makes anything look old.
const noClock = 100 * 365 * 24 * time.Hour

func (o *observer) moment() outline.Moment {
	ahead, known := o.Ahead()
	if !known {
		ahead = -noClock
	}
	return outline.Moment{Now: o.Now(), Ahead: ahead}
}
