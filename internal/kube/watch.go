package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

const (
	// healthyAfter is how long a watch must live to count as one that works, if it brings nothing.
	healthyAfter = time.Second
	// The delay between attempts doubles from the first to the last.
	firstDelay, lastDelay = 200 * time.Millisecond, 4 * time.Second
)

// Watch sends every change of the target's custom resource and kinds to out until ctx ends; then it
// returns, and nothing of it is left running. One watch per kind is kept, and restored by itself.
//
// Of each kind come: the objects that are there (Seen), Synced, then what happens. Events are not
// listed: those before the Synced are not sent. A watch that cannot be resumed at once is Lost, with
// the reason, and Lost again when the reason changes; Restored follows when all that was missed has
// been sent. After Denied nothing more comes of the kind.
func (c *Cluster) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	var wg sync.WaitGroup
	lists := newListing()
	start := func(s source, err error) {
		f := &follower{cluster: c, source: s, out: out, known: known{}, lists: lists, scout: s.kind == snapshot.Kind(target.Identity.Kind)}
		if err != nil {
			f.send(ctx, snapshot.Change{Type: snapshot.Denied, Err: err})
			return
		}
		wg.Go(func() { f.follow(ctx) })
	}
	start(rootOf(target), nil)
	for _, kind := range target.Kinds {
		s, err := sourceOf(target, kind)
		s.kind = kind
		start(s, err)
	}
	wg.Wait()
	<-ctx.Done()
}

// follower keeps one kind in view. One goroutine owns it.
type follower struct {
	cluster *Cluster
	source  source
	out     chan<- snapshot.Change
	known   known
	lists   *listing
	scout   bool // it has still to find out for all whether the server lists within a watch

	version      string // where to resume; empty means with a list
	synced       bool
	lost         string // the reason of the last Lost; empty while the watch is well
	tries        int    // attempts in a row that came to nothing
	relisted     bool   // an expired version has been answered with a list already
	refusedSince time.Time
}

// follow watches until ctx ends or the kind is refused.
func (f *follower) follow(ctx context.Context) {
	for ctx.Err() == nil {
		healthy, err := f.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if healthy {
			f.tries, f.relisted, f.refusedSince = 0, false, time.Time{}
		}
		wait, goOn := f.recover(ctx, err)
		if !goOn || !sleep(ctx, wait) {
			return
		}
	}
}

// attempt opens a watch and passes on what it brings until it ends. It reports whether the watch
// worked, however it ended.
func (f *follower) attempt(ctx context.Context) (healthy bool, err error) {
	s, err := f.open(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	f.arrived(ctx)
	s.allow(f.cluster.silence())
	began, news := time.Now(), 0
	for {
		m, err := s.next()
		if err != nil {
			return news > 0 || time.Since(began) >= healthyAfter, err
		}
		if err := f.take(ctx, m); err != nil {
			return news > 0 || time.Since(began) >= healthyAfter, err
		}
		if m.Type != watch.Bookmark {
			news++
		}
	}
}

// take takes in one message of a watch that is past its list.
func (f *follower) take(ctx context.Context, m message) error {
	if m.Type == watch.Bookmark {
		b, err := m.bookmark()
		f.version = b.Metadata.ResourceVersion
		return err
	}
	o, err := f.source.read(m.Object)
	if err != nil {
		return err
	}
	f.version = o.GetResourceVersion()
	switch {
	case f.source.kind == snapshot.Event && m.Type == watch.Deleted:
		// Events expire; what they told stays told.
	case f.source.kind == snapshot.Event:
		if f.source.wants(o) {
			f.send(ctx, snapshot.Change{Type: snapshot.Seen, Object: o})
		}
	case m.Type == watch.Deleted:
		f.send(ctx, f.known.deleted(o)...)
	default:
		f.send(ctx, f.known.seen(o)...)
	}
	return nil
}

// recover decides what follows on a watch that has ended: how long to wait before the next attempt,
// and whether there is to be one.
func (f *follower) recover(ctx context.Context, err error) (wait time.Duration, goOn bool) {
	f.tries++
	if !refused(err) {
		f.refusedSince = time.Time{}
	}
	switch {
	case isSilent(err):
		f.cluster.traffic.probes.Add(1)
		if f.source.kind != snapshot.Event {
			f.version = ""
		}
		return 0, true
	case expired(err) && f.version != "" && !f.relisted:
		f.version, f.relisted = "", true
		return 0, true
	case refused(err) && !f.synced && f.lost == "":
		if apierrors.IsNotFound(err) && len(f.source.resources) > 1 {
			f.source.resources = f.source.resources[1:]
			return 0, true
		}
		return 0, f.deny(ctx, err)
	case refused(err) && f.refusedSince.IsZero():
		f.refusedSince = time.Now()
	case refused(err) && time.Since(f.refusedSince) >= snapshot.RefusedFor:
		return 0, f.deny(ctx, err)
	case f.tries == 1 && retryAfter(err) == 0 && (f.synced || apierrors.IsUnauthorized(err)):
		// The ordinary end of a watch, or credentials that the failure has renewed.
		return 0, true
	}
	f.lose(ctx, err)
	return max(f.cluster.pause(f.tries), retryAfter(err)), true
}

// deny says that the kind cannot be watched, and ends following it.
func (f *follower) deny(ctx context.Context, err error) (goOn bool) {
	err = fmt.Errorf("watch %s in %s: %w", f.source.resources[0].Resource, placed(f.source.namespace), err)
	f.send(ctx, snapshot.Change{Type: snapshot.Denied, Err: err})
	return false
}

// lose says that the watch is lost, unless it has been said. The way back is then by a list, because
// only a list tells when everything missed has arrived; Events are resumed, being a story.
func (f *follower) lose(ctx context.Context, err error) {
	if expired(err) || f.source.kind != snapshot.Event {
		f.version = ""
	}
	if reason := "since " + string(apierrors.ReasonForError(err)); f.lost != reason {
		f.lost = reason
		err = fmt.Errorf("watch %s in %s: %w", f.source.resources[0].Resource, placed(f.source.namespace), err)
		f.send(ctx, snapshot.Change{Type: snapshot.Lost, Err: err})
	}
}

// arrived says that everything there is has been sent, where that is news.
func (f *follower) arrived(ctx context.Context) {
	if !f.synced {
		f.synced = true
		f.send(ctx, snapshot.Change{Type: snapshot.Synced})
	}
	if f.lost != "" {
		f.lost = ""
		f.send(ctx, snapshot.Change{Type: snapshot.Restored})
	}
}

func (f *follower) send(ctx context.Context, changes ...snapshot.Change) {
	for _, c := range changes {
		c.Kind = f.source.kind
		select {
		case f.out <- c:
		case <-ctx.Done():
			return
		}
	}
}

// errStale is the refusal of a list that is older than what was already seen.
var errStale = errors.New("the server sent a list that is older than what it has already shown")

// known are the objects of one kind as they were last passed on, by namespace and name. It turns what the server
// sends into changes, so that a name that has passed to another object, or has vanished while nobody
// looked, yields the deletion that was missed.
type known map[string]snapshot.Object

// address tells an object from all others of its kind.
func address(o snapshot.Object) string { return o.GetNamespace() + "/" + o.GetName() }

// seen returns the changes that an object's new state brings.
func (k known) seen(o snapshot.Object) []snapshot.Change {
	old := k[address(o)]
	if old != nil && old.GetUID() == o.GetUID() && !newer(o.GetResourceVersion(), old.GetResourceVersion()) {
		return nil
	}
	var changes []snapshot.Change
	if old != nil && old.GetUID() != o.GetUID() {
		changes = append(changes, snapshot.Change{Type: snapshot.Deleted, Object: old, Version: o.GetResourceVersion()})
	}
	k[address(o)] = o
	return append(changes, snapshot.Change{Type: snapshot.Seen, Object: o})
}

// deleted returns the changes that an object's deletion brings.
func (k known) deleted(o snapshot.Object) []snapshot.Change {
	if old := k[address(o)]; old != nil && old.GetUID() == o.GetUID() {
		delete(k, address(o))
	}
	return []snapshot.Change{{Type: snapshot.Deleted, Object: o, Version: o.GetResourceVersion()}}
}

// replace returns the changes that a complete list brings: what it no longer holds at its version was deleted.
func (k known) replace(objects []snapshot.Object, version string) []snapshot.Change {
	there := make(map[string]bool, len(objects))
	for _, o := range objects {
		there[address(o)] = true
	}
	var changes []snapshot.Change
	for name, old := range k {
		if !there[name] {
			delete(k, name)
			changes = append(changes, snapshot.Change{Type: snapshot.Deleted, Object: old, Version: version})
		}
	}
	slices.SortFunc(changes, func(a, b snapshot.Change) int { return cmp.Compare(address(a.Object), address(b.Object)) })
	slices.SortFunc(objects, func(a, b snapshot.Object) int { return cmp.Compare(address(a), address(b)) })
	for _, o := range objects {
		changes = append(changes, k.seen(o)...)
	}
	return changes
}

// newest returns the highest resourceVersion among the known objects.
func (k known) newest() string {
	var highest string
	for _, o := range k {
		if v := o.GetResourceVersion(); highest == "" || newer(v, highest) {
			highest = v
		}
	}
	return highest
}

// newer compares two resourceVersions of one kind. Those that are not numbers cannot be compared and
// count as newer.
func newer(is, was string) bool {
	a, err1 := strconv.ParseUint(is, 10, 64)
	b, err2 := strconv.ParseUint(was, 10, 64)
	return err1 != nil || err2 != nil || a > b
}
