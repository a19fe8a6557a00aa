// Package hub shares what several sessions ask of one cluster: its watches, and the reads that they want
// at the same time.
//
// It passes on what the cluster says and decides nothing; writes go through it untouched.
package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Hub is a cluster whose watches are shared: however many sessions watch a namespace, the API server is
// asked once for each kind. Reads that several sessions want at the same time are shared too; writes pass
// through.
type Hub struct {
	ops.Cluster

	// beside starts what lives as long as the hub.
	beside func(func(context.Context))
	extra  []snapshot.Kind
	reads  *flights

	mu    sync.Mutex
	feeds map[place]*feed
}

// place is what one set of watches covers.
type place struct {
	resource  schema.GroupVersionResource
	namespace string
}

// New returns a hub before a cluster and what ends it and waits until nothing of it is left. Extra
// are kinds that some session will want later than the first.
func New(ctx context.Context, cluster ops.Cluster, extra ...snapshot.Kind) (hub *Hub, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	beside := func(work func(context.Context)) { running.Go(func() { work(ctx) }) }
	h := &Hub{Cluster: cluster, beside: beside, extra: extra, reads: newFlights(beside), feeds: map[place]*feed{}}
	return h, func() { cancel(); running.Wait() }
}

// Watch sends every change of the target to out until ctx ends, as the cluster's own would: what is known
// already comes first, each kind's with its Listed and Synced.
func (h *Hub) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	f := h.feed(target)
	m := f.join(target)
	defer f.leave(m)
	for {
		for _, c := range m.take() {
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-m.news:
		case <-ctx.Done():
			return
		}
	}
}

// feed returns the feed of the target's namespace, which watches all kinds of the target.
func (h *Hub) feed(target engine.Target) *feed {
	at := place{target.Identity.Resource, target.Namespace}
	h.mu.Lock()
	defer h.mu.Unlock()
	f, wanted := h.feeds[at], target.Kinds
	if f == nil {
		f = newFeed(target.Kind())
		h.feeds[at] = f
		for _, kind := range h.extra {
			if !slices.Contains(wanted, kind) {
				wanted = append(slices.Clip(wanted), kind)
			}
		}
		f.watches(target.Kind())
		f.watches(wanted...)
		h.open(f, target, wanted, true)
		return f
	}
	if late := f.watches(wanted...); len(late) > 0 {
		h.open(f, target, late, false)
	}
	return f
}

// open starts watches. Those that come later than the first have one of the custom resource with them, which
// shows nothing new.
func (h *Hub) open(f *feed, target engine.Target, kinds []snapshot.Kind, first bool) {
	all := engine.Target{Identity: target.Identity, Namespace: target.Namespace, Kinds: kinds}
	changes := make(chan snapshot.Change, buffer)
	h.beside(func(ctx context.Context) { h.Cluster.Watch(ctx, all, changes) })
	h.beside(func(ctx context.Context) {
		for {
			select {
			case c := <-changes:
				if first || c.Kind != all.Kind() {
					f.take(c)
				}
			case <-ctx.Done():
				return
			}
		}
	})
}

// buffer is how many changes may wait for the feed.
const buffer = 256

// Read reads the target's custom resource for its session alone, and what is below it, which is the whole
// namespace's, for all who want it at present.
func (h *Hub) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	below := slices.DeleteFunc(slices.Clone(kinds), func(kind snapshot.Kind) bool { return kind == target.Kind() })
	if len(below) == 0 {
		return h.Cluster.Read(ctx, target, kinds...)
	}
	var objects []snapshot.Object
	var err error
	var own sync.WaitGroup
	if len(below) < len(kinds) {
		own.Go(func() { objects, err = h.Cluster.Read(ctx, target, target.Kind()) })
	}
	whole := engine.Target{Identity: target.Identity, Namespace: target.Namespace}
	rest, restErr := shared(ctx, h.reads, fmt.Sprint("read ", target.Identity.Resource, target.Namespace, below), func(ctx context.Context) ([]snapshot.Object, error) {
		return h.Cluster.Read(ctx, whole, below...)
	})
	own.Wait()
	if err := errors.Join(err, restErr); err != nil {
		return nil, err
	}
	return slices.Concat(objects, rest), nil
}

// Names returns the metadata of all objects of a built-in kind in a namespace.
func (h *Hub) Names(ctx context.Context, namespace string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	return shared(ctx, h.reads, fmt.Sprint("names ", namespace, " ", kind), func(ctx context.Context) ([]metav1.PartialObjectMetadata, error) {
		return h.Cluster.Names(ctx, namespace, kind)
	})
}

// Rules returns what the user may do in a namespace, and whether that is all.
func (h *Hub) Rules(ctx context.Context, namespace string) ([]authorizationv1.ResourceRule, bool, error) {
	type rules struct {
		list     []authorizationv1.ResourceRule
		complete bool
	}
	found, err := shared(ctx, h.reads, "rules "+namespace, func(ctx context.Context) (rules, error) {
		list, complete, err := h.Cluster.Rules(ctx, namespace)
		return rules{list, complete}, err
	})
	return found.list, found.complete, err
}
