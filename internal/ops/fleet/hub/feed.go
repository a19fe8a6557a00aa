package hub

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// feed is what one set of watches has shown so far, and who wants to see it.
type feed struct {
	root snapshot.Kind

	mu      sync.Mutex
	kinds   map[snapshot.Kind]*shown
	gone    []snapshot.Object // custom resources that were deleted
	members map[*member]bool
}

// shown is what a watch has shown of its kind.
type shown struct {
	objects      map[types.UID]snapshot.Object
	version      string // of the last complete list
	synced       bool
	lost, denied error
}

func newFeed(root snapshot.Kind) *feed {
	return &feed{root: root, kinds: map[snapshot.Kind]*shown{}, members: map[*member]bool{}}
}

// watches notes that kinds are watched and returns those of which it is news.
func (f *feed) watches(kinds ...snapshot.Kind) []snapshot.Kind {
	f.mu.Lock()
	defer f.mu.Unlock()
	var late []snapshot.Kind
	for _, kind := range kinds {
		if f.kinds[kind] == nil {
			f.kinds[kind] = &shown{objects: map[types.UID]snapshot.Object{}}
			late = append(late, kind)
		}
	}
	return late
}

// take takes in a change and hands it on.
func (f *feed) take(c snapshot.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.kinds[c.Kind]
	if s == nil {
		return
	}
	switch c.Type {
	case snapshot.Seen:
		if c.Kind != snapshot.Event { // a story, which is not told again to those who come late
			s.objects[c.Object.GetUID()] = c.Object
		}
	case snapshot.Deleted:
		delete(s.objects, c.Object.GetUID())
		if c.Kind == f.root {
			f.gone = append(f.gone, c.Object)
		}
	case snapshot.Listed:
		s.version = c.Version
	case snapshot.Synced:
		s.synced = true
	case snapshot.Lost:
		s.lost = c.Err
	case snapshot.Restored:
		s.lost = nil
	case snapshot.Denied:
		s.denied = c.Err
	}
	for m := range f.members {
		m.put(c)
	}
}

// join adds a member, which gets first what is known already.
func (f *feed) join(target engine.Target) *member {
	m := &member{root: target.Kind(), name: target.Name, news: make(chan struct{}, 1), kinds: map[snapshot.Kind]bool{target.Kind(): true}}
	for _, kind := range target.Kinds {
		m.kinds[kind] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.gone { // it may have been read, before its deletion, by whoever comes now
		m.put(snapshot.Change{Type: snapshot.Deleted, Kind: f.root, Object: o})
	}
	for _, kind := range slices.Sorted(maps.Keys(f.kinds)) {
		f.kinds[kind].replay(kind, m)
	}
	f.members[m] = true
	return m
}

func (f *feed) leave(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.members, m)
}

// replay tells a member what the watch of a kind has come to. Its Listed is true although it joins the
// version of the last list with what is known now: what was there at that version and is not there any
// more has been deleted.
func (s *shown) replay(kind snapshot.Kind, m *member) {
	objects := slices.SortedFunc(maps.Values(s.objects), func(a, b snapshot.Object) int { return cmp.Compare(a.GetName(), b.GetName()) })
	for _, o := range objects {
		m.put(snapshot.Change{Type: snapshot.Seen, Kind: kind, Object: o})
	}
	if s.version != "" {
		there := make(map[types.UID]bool, len(objects))
		for _, o := range objects {
			there[o.GetUID()] = true
		}
		m.put(snapshot.Change{Type: snapshot.Listed, Kind: kind, There: there, Version: s.version})
	}
	if s.synced {
		m.put(snapshot.Change{Type: snapshot.Synced, Kind: kind})
	}
	if s.lost != nil {
		m.put(snapshot.Change{Type: snapshot.Lost, Kind: kind, Err: s.lost})
	}
	if s.denied != nil {
		m.put(snapshot.Change{Type: snapshot.Denied, Kind: kind, Err: s.denied})
	}
}

// member is one session's place at a feed. What it has not taken yet waits for it, so that a slow one
// keeps nobody waiting.
type member struct {
	root  snapshot.Kind
	name  string // of the custom resource; empty: all
	kinds map[snapshot.Kind]bool
	news  chan struct{} // holds a token when something waits

	mu      sync.Mutex
	waiting []snapshot.Change
}

func (m *member) put(c snapshot.Change) {
	if !m.kinds[c.Kind] || c.Kind == m.root && c.Object != nil && m.name != "" && c.Object.GetName() != m.name {
		return
	}
	m.mu.Lock()
	m.waiting = append(m.waiting, c)
	m.mu.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

func (m *member) take() []snapshot.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := m.waiting
	m.waiting = nil
	return waiting
}
