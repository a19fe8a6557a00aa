package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

const (
	// listSilence is how long a server that lists within the watch may pause while it does. One that
	// knows nothing of such lists (Kubernetes 1.18 and older) never says that the list is over.
	listSilence = 3 * time.Second
	// http1Silence is how long a watch over HTTP/1.1, which has no pings, may bring nothing until it
	// is begun anew, and how long the answer to a read may take to begin.
	http1Silence = 15 * time.Second
	// resumeLimit is how long a watch that has ended may take to be resumed without a word.
	resumeLimit = 3 * time.Second
	// A watch is asked to end after a random time between these, as client-go's are.
	minWatch, maxWatch = 5 * time.Minute, 10 * time.Minute
)

// open begins a watch at the follower's version, with a list first where it has none.
func (f *follower) open(ctx context.Context) (*stream, error) {
	if f.version != "" {
		return f.resume(ctx)
	}
	if f.source.kind == snapshot.Event {
		l, err := f.cluster.list(ctx, f.source, 1, "")
		if err != nil {
			return nil, err
		}
		f.version = l.Metadata.ResourceVersion
		f.arrived(ctx)
		return f.resume(ctx)
	}
	if s, err := f.openListing(ctx); !errors.Is(err, errNoListing) {
		return s, err
	}
	objects, version, err := f.cluster.listAll(ctx, f.source)
	if err != nil {
		return nil, err
	}
	if err := f.replace(ctx, objects, version); err != nil {
		return nil, err
	}
	return f.resume(ctx)
}

// errNoListing says that the server does not list within a watch.
var errNoListing = errors.New("the server does not list within a watch")

// openListing opens a watch that begins with a list (WatchList), which saves a request and tells
// when the list is over.
func (f *follower) openListing(ctx context.Context) (*stream, error) {
	if f.scout {
		f.scout = false
		defer f.lists.known()
	} else if !f.lists.able(ctx) {
		return nil, errNoListing
	}
	s, err := f.watch(ctx, map[string]string{
		"sendInitialEvents":    "true",
		"resourceVersionMatch": string(metav1.ResourceVersionMatchNotOlderThan),
	}, listSilence)
	if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
		f.lists.lacking()
		return nil, errNoListing
	}
	if err != nil {
		return nil, err
	}
	if f.cluster.traffic.checks.Load() {
		f.lists.known() // having accepted it, it will do it
	}
	if err := f.takeList(ctx, s); err != nil {
		s.close()
		if isSilent(err) {
			f.lists.lacking()
			return nil, errNoListing
		}
		return nil, err
	}
	return s, nil
}

// takeList takes in the list with which a watch begins, up to the bookmark that ends it.
func (f *follower) takeList(ctx context.Context, s *stream) error {
	objects := map[string]snapshot.Object{}
	for {
		m, err := s.next()
		if err != nil {
			return err
		}
		if m.Type == watch.Bookmark {
			b, err := m.bookmark()
			if err != nil {
				return err
			}
			if b.Metadata.Annotations[metav1.InitialEventsAnnotationKey] != "true" {
				continue
			}
			return f.replace(ctx, slices.Collect(maps.Values(objects)), b.Metadata.ResourceVersion)
		}
		o, err := f.source.read(m.Object)
		if err != nil {
			return err
		}
		objects[address(o)] = o
		if m.Type == watch.Deleted {
			delete(objects, address(o))
		}
	}
}

// replace takes in a complete list.
func (f *follower) replace(ctx context.Context, objects []snapshot.Object, version string) error {
	if seen := f.known.newest(); seen != "" && version != seen && !newer(version, seen) {
		return fmt.Errorf("%w (%s after %s)", errStale, version, seen)
	}
	f.send(ctx, f.known.replace(objects, version)...)
	there := make(map[types.UID]bool, len(objects))
	for _, o := range objects {
		there[o.GetUID()] = true
	}
	f.send(ctx, snapshot.Change{Type: snapshot.Listed, There: there, Version: version})
	f.version = version
	f.arrived(ctx)
	return nil
}

// resume opens a watch of what follows on the follower's version.
func (f *follower) resume(ctx context.Context) (*stream, error) {
	return f.watch(ctx, map[string]string{"resourceVersion": f.version}, f.cluster.silence())
}

func (f *follower) watch(ctx context.Context, params map[string]string, silence time.Duration) (*stream, error) {
	c := f.cluster
	timeout := minWatch + time.Duration(c.jitter()*float64(maxWatch-minWatch))
	request := c.client.Get().AbsPath(path(f.source.resources[0], f.source.namespace)...).
		Param("watch", "true").
		Param("allowWatchBookmarks", "true").
		Param("timeoutSeconds", strconv.Itoa(int(timeout.Seconds())))
	narrow(f.source.accept(request, metadataOfOne), f.source)
	for name, value := range params {
		request.Param(name, value)
	}
	return openStream(ctx, request, f.openLimit(), silence)
}

// openLimit is how long the server may take to begin answering a watch. The first attempt to resume
// one that has ended gets little, because it is made before the watch is said to be lost.
func (f *follower) openLimit() time.Duration {
	switch {
	case f.synced && f.lost == "":
		return min(f.cluster.limit, resumeLimit)
	case f.cluster.traffic.http1.Load():
		return min(f.cluster.limit, http1Silence)
	}
	return f.cluster.limit
}

// silence is how long a watch may bring nothing; 0 where pings find out whether it lives.
func (c *Cluster) silence() time.Duration {
	if c.traffic.http1.Load() {
		return http1Silence
	}
	return 0
}

// listing is what is known of the server's ability to list within a watch. The custom resource's watch
// tries it and the others wait for its answer, so that an old server refuses one request, not one per
// kind.
type listing struct {
	lacks atomic.Bool
	tried chan struct{}
	once  sync.Once
}

func newListing() *listing { return &listing{tried: make(chan struct{})} }

// able returns when the ability is known or ctx ends, and whether the server is taken to have it.
func (l *listing) able(ctx context.Context) bool {
	select {
	case <-l.tried:
	case <-ctx.Done():
	}
	return !l.lacks.Load()
}

// known lets the others go on. It may be called several times.
func (l *listing) known() { l.once.Do(func() { close(l.tried) }) }

// lacking notes that the server does not have the ability.
func (l *listing) lacking() { l.lacks.Store(true) }
