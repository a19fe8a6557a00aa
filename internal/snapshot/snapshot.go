// Package snapshot holds what is known of the tracked objects: the living ones by UID, who owns
// whom, the events about them, and a tombstone for every descendant that was ever seen.
//
// It only remembers. It never judges, reads a clock, logs, or talks to a cluster.
package snapshot

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Snapshot is the state of the watched part of the cluster as far as it has arrived. It is owned by
// one goroutine; the objects in it are shared and must not be changed.
type Snapshot struct {
	living   map[types.UID]Object
	children map[types.UID]map[types.UID]bool // owner UID -> UIDs ever seen with that owner
	parents  map[types.UID]map[types.UID]bool // the same the other way round
	ever     map[types.UID]Tombstone
	lost     map[types.UID]Object // what went when a controller of it had never been seen, without spec and status
	// controllers are those of every object ever seen that has one.
	controllers map[types.UID]*metav1.OwnerReference
	events      map[types.UID]*corev1.Event
	about       map[types.UID]map[types.UID]bool // involved UID -> event UIDs
	complete    map[Kind]bool                    // kinds whose first list has arrived and that are watched
	exits       map[types.UID]map[string]series  // of the containers of every living pod
	blind       map[Kind]string                  // why what is known of a kind may be old
}

// Tombstone is what remains known of an object once seen, whether it still lives or not.
type Tombstone struct {
	Ref
	// Gone is set when the object's deletion was seen.
	Gone bool
	// Marked is set when it was seen to be marked for deletion. What went without may only have lost its label.
	Marked bool
	// gone is the version at which it was not there any more; empty where nobody knows.
	gone string
}

// New returns an empty Snapshot.
func New() *Snapshot {
	return &Snapshot{
		living:      map[types.UID]Object{},
		children:    map[types.UID]map[types.UID]bool{},
		parents:     map[types.UID]map[types.UID]bool{},
		ever:        map[types.UID]Tombstone{},
		lost:        map[types.UID]Object{},
		controllers: map[types.UID]*metav1.OwnerReference{},
		events:      map[types.UID]*corev1.Event{},
		about:       map[types.UID]map[types.UID]bool{},
		complete:    map[Kind]bool{},
		exits:       map[types.UID]map[string]series{},
		blind:       map[Kind]string{},
	}
}

// SetComplete notes whether all objects of a kind are known, which they are from the first complete
// list on, and not where the kind may not be watched.
func (s *Snapshot) SetComplete(kind Kind, complete bool) { s.complete[kind] = complete }

// Complete reports whether all objects of a kind are known. Only then does an object's absence mean
// anything.
func (s *Snapshot) Complete(kind Kind) bool { return s.complete[kind] }

// Refused reports whether a kind is known not to be seen.
func (s *Snapshot) Refused(kind Kind) bool {
	complete, known := s.complete[kind]
	return known && !complete
}

// SetBlind notes why what is known of a kind may be old: its watch is broken, or refused. An empty reason
// takes that back.
func (s *Snapshot) SetBlind(kind Kind, why string) { s.blind[kind] = why }

// Blind returns why what is known of a kind may be old; empty where it is not.
func (s *Snapshot) Blind(kind Kind) string { return s.blind[kind] }

// Set takes in an object as the cluster showed it and reports whether anything became newer by it.
// An object never goes back in time: an older resourceVersion of the same UID is dropped, and so is
// anything about a UID whose deletion was seen. What is shown at a later version than that of its deletion
// was not deleted: it had only left the selection of a watch, for want of the label.
func (s *Snapshot) Set(o Object) bool {
	if e, ok := o.(*corev1.Event); ok {
		return s.setEvent(e)
	}
	uid := o.GetUID()
	if t := s.ever[uid]; t.Gone && !outlives(o, t.gone) || !newer(o, s.living[uid]) {
		return false
	}
	if pod, ok := o.(*corev1.Pod); ok {
		s.noteExits(pod)
	}
	s.Revive(o)
	return true
}

// Revive takes in an object that a consistent read has shown to be there, whatever was known of it.
func (s *Snapshot) Revive(o Object) {
	s.living[o.GetUID()] = o
	delete(s.lost, o.GetUID())
	s.ever[o.GetUID()] = Tombstone{Ref: RefTo(o), Marked: o.GetDeletionTimestamp() != nil}
	s.linkOwners(o)
}

// outlives reports whether an object is known to have been there after a version. Of versions that are
// not known, or no numbers, nobody knows which came first.
func outlives(o Object, gone string) bool {
	_, err1 := strconv.ParseUint(gone, 10, 64)
	_, err2 := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	return err1 == nil && err2 == nil && laterThan(o.GetResourceVersion(), gone)
}

// Remove takes in that an object was deleted, and was not there any more at a version, which is empty where
// nobody knows. It reports whether that was news.
func (s *Snapshot) Remove(o Object, version string) bool {
	if e, ok := o.(*corev1.Event); ok {
		return s.events[e.UID] != nil // Events expire; what they told stays told.
	}
	uid := o.GetUID()
	before := s.ever[uid]
	switch known := s.living[uid]; {
	case known != nil && outlives(known, version):
		return false
	case before.Gone && (version == "" || before.gone != "" && laterThan(before.gone, version)):
		return false
	}
	s.linkOwners(o)
	if s.firstUnseen(o).UID != "" {
		s.lost[uid] = bare(o)
	}
	delete(s.living, uid)
	delete(s.exits, uid)
	s.ever[uid] = Tombstone{Ref: RefTo(o), Gone: true, Marked: before.Marked || o.GetDeletionTimestamp() != nil, gone: version}
	return !before.Gone
}

func (s *Snapshot) setEvent(e *corev1.Event) bool {
	if old := s.events[e.UID]; old != nil && !newer(e, old) {
		return false
	}
	s.events[e.UID] = e
	link(s.about, e.InvolvedObject.UID, e.UID)
	return true
}

// Get returns the living object with that UID, or nil.
func (s *Snapshot) Get(uid types.UID) Object { return s.living[uid] }

// Gone reports whether the deletion of that UID was seen.
func (s *Snapshot) Gone(uid types.UID) bool { return s.ever[uid].Gone }

// Named returns the living object of that kind and name, or nil. Of two that share the name, as
// after a deletion and creation whose messages crossed, it returns the younger.
func (s *Snapshot) Named(kind Kind, namespace, name string) Object {
	var found Object
	for _, o := range s.living {
		if KindOf(o) != kind || o.GetNamespace() != namespace || o.GetName() != name {
			continue
		}
		if found == nil || found.GetCreationTimestamp().Time.Before(o.GetCreationTimestamp().Time) {
			found = o
		}
	}
	return found
}

// Living returns the living objects of a kind, ordered by namespace and name.
func (s *Snapshot) Living(kind Kind) []Object {
	var living []Object
	for _, o := range s.living {
		if KindOf(o) == kind {
			living = append(living, o)
		}
	}
	slices.SortFunc(living, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), compareRefs(RefTo(a), RefTo(b)))
	})
	return living
}

// Owned returns the living objects whose controller is the given UID, ordered by kind and name.
func (s *Snapshot) Owned(uid types.UID) []Object {
	var owned []Object
	for child := range s.children[uid] {
		o := s.living[child]
		if o != nil && metav1.GetControllerOfNoCopy(o) != nil && metav1.GetControllerOfNoCopy(o).UID == uid {
			owned = append(owned, o)
		}
	}
	sortObjects(owned)
	return owned
}

// Below returns every living descendant of the given UID by any owner reference, ordered by kind
// and name.
func (s *Snapshot) Below(uid types.UID) []Object {
	var below []Object
	for _, t := range s.Ever(uid) {
		if o := s.living[t.UID]; o != nil {
			below = append(below, o)
		}
	}
	sortObjects(below)
	return below
}

// Ever returns every descendant of the given UID that was ever seen, living or gone, ordered by
// kind and name.
func (s *Snapshot) Ever(uid types.UID) []Tombstone {
	seen := map[types.UID]bool{uid: true}
	var found []Tombstone
	for next := []types.UID{uid}; len(next) > 0; next = next[1:] {
		for child := range s.children[next[0]] {
			if seen[child] {
				continue
			}
			seen[child] = true
			found = append(found, s.ever[child])
			next = append(next, child)
		}
	}
	slices.SortFunc(found, func(a, b Tombstone) int { return compareRefs(a.Ref, b.Ref) })
	return found
}

// Within reports whether the object with that UID is the root or was ever seen below it.
func (s *Snapshot) Within(root, uid types.UID) bool {
	seen := map[types.UID]bool{}
	for next := []types.UID{uid}; len(next) > 0; next = next[1:] {
		if next[0] == root {
			return true
		}
		for owner := range s.parents[next[0]] {
			if !seen[owner] {
				seen[owner] = true
				next = append(next, owner)
			}
		}
	}
	return false
}

// Prune takes in that of a kind there were, at a version of the API server's, no others than these, and
// reports whether that was news.
func (s *Snapshot) Prune(kind Kind, there map[types.UID]bool, version string) bool {
	news := false
	for uid, o := range s.living {
		if KindOf(o) == kind && !there[uid] && !laterThan(o.GetResourceVersion(), version) {
			news = s.Remove(o, "") || news
		}
	}
	return news
}

// laterThan compares resourceVersions of one kind; those that are not numbers cannot be compared.
func laterThan(is, was string) bool {
	a, err1 := strconv.ParseUint(is, 10, 64)
	b, err2 := strconv.ParseUint(was, 10, 64)
	return err1 != nil || err2 != nil || a > b
}

// Severed returns the living objects whose line of controllers ends at one that was never seen and is
// not of the given kind, ordered by kind and name. Whose they are, nobody can say.
func (s *Snapshot) Severed(root Kind) []Object { return s.severed(s.living, root) }

// SeveredGone returns what Severed would, had it not gone, with nothing but its kind and metadata.
func (s *Snapshot) SeveredGone(root Kind) []Object { return s.severed(s.lost, root) }

func (s *Snapshot) severed(objects map[types.UID]Object, root Kind) []Object {
	var severed []Object
	for _, o := range objects {
		if end := s.firstUnseen(o); end.UID != "" && end.Kind != root {
			severed = append(severed, o)
		}
	}
	sortObjects(severed)
	return severed
}

// Remains returns the living objects whose line of controllers leads to one of that kind and name that was never
// seen or is gone, ordered by kind and name.
func (s *Snapshot) Remains(root Kind, name string) []Object {
	var objects []Object
	for _, o := range s.living {
		if s.outlivesOwner(o, root, name) {
			objects = append(objects, o)
		}
	}
	sortObjects(objects)
	return objects
}

func (s *Snapshot) outlivesOwner(o Object, root Kind, name string) bool {
	for owner := range s.controllersOf(o) {
		if t, seen := s.ever[owner.UID]; Kind(owner.Kind) == root && owner.Name == name && (!seen || t.Gone) {
			return true
		}
	}
	return false
}

// firstUnseen climbs from an object to the first of its controllers that was never seen, if any.
func (s *Snapshot) firstUnseen(o Object) Ref {
	for owner := range s.controllersOf(o) {
		if _, seen := s.ever[owner.UID]; !seen {
			return Ref{Kind: Kind(owner.Kind), Namespace: o.GetNamespace(), Name: owner.Name, UID: owner.UID}
		}
	}
	return Ref{}
}

// controllersOf climbs from an object along its controllers, whether they were seen or not. The API server takes references
// that lead in a circle; each is come by once.
func (s *Snapshot) controllersOf(o Object) iter.Seq[*metav1.OwnerReference] {
	return func(yield func(*metav1.OwnerReference) bool) {
		passed := map[types.UID]bool{}
		for owner := metav1.GetControllerOfNoCopy(o); owner != nil && !passed[owner.UID]; owner = s.controllers[owner.UID] {
			passed[owner.UID] = true
			if !yield(owner) {
				return
			}
		}
	}
}

// Events returns the events about the given UID, oldest first.
func (s *Snapshot) Events(uid types.UID) []*corev1.Event {
	var events []*corev1.Event
	for id := range s.about[uid] {
		events = append(events, s.events[id])
	}
	slices.SortFunc(events, func(a, b *corev1.Event) int {
		return cmp.Or(EventTime(a).Compare(EventTime(b)), cmp.Compare(a.Name, b.Name))
	})
	return events
}

// AllEvents returns every event, in no particular order.
func (s *Snapshot) AllEvents() []*corev1.Event { return slices.Collect(maps.Values(s.events)) }

// newer reports whether o may replace old: resourceVersions of one object grow, so a smaller one is
// an older state that a lagging cache served. Versions that are not numbers cannot be compared and pass.
func newer(o, old Object) bool {
	if old == nil {
		return true
	}
	return laterThan(o.GetResourceVersion(), old.GetResourceVersion())
}

func (s *Snapshot) linkOwners(o Object) {
	if owner := metav1.GetControllerOf(o); owner != nil {
		s.controllers[o.GetUID()] = owner
	}
	for _, owner := range o.GetOwnerReferences() {
		link(s.children, owner.UID, o.GetUID())
		link(s.parents, o.GetUID(), owner.UID)
	}
}

func link(m map[types.UID]map[types.UID]bool, from, to types.UID) {
	if m[from] == nil {
		m[from] = map[types.UID]bool{}
	}
	m[from][to] = true
}

func sortObjects(objects []Object) {
	slices.SortFunc(objects, func(a, b Object) int { return compareRefs(RefTo(a), RefTo(b)) })
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}
