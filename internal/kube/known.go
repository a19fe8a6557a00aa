package kube

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// errStale is the refusal of a list that is older than what was already seen.
var errStale = errors.New("the server sent a list that is older than what it has already shown")

// known are the objects of one kind as they were last passed on, by name. It turns what the server
// sends into changes, so that a name that has passed to another object, or has vanished while nobody
// looked, yields the deletion that was missed.
type known map[string]snapshot.Object

// seen returns the changes that an object's new state brings.
func (k known) seen(o snapshot.Object) []snapshot.Change {
	old := k[o.GetName()]
	if old != nil && old.GetUID() == o.GetUID() && !newer(o.GetResourceVersion(), old.GetResourceVersion()) {
		return nil
	}
	var changes []snapshot.Change
	if old != nil && old.GetUID() != o.GetUID() {
		changes = append(changes, snapshot.Change{Type: snapshot.Deleted, Object: old})
	}
	k[o.GetName()] = o
	return append(changes, snapshot.Change{Type: snapshot.Seen, Object: o})
}

// deleted returns the changes that an object's deletion brings.
func (k known) deleted(o snapshot.Object) []snapshot.Change {
	if old := k[o.GetName()]; old != nil && old.GetUID() == o.GetUID() {
		delete(k, o.GetName())
	}
	return []snapshot.Change{{Type: snapshot.Deleted, Object: o}}
}

// replace returns the changes that a complete list brings: what it no longer holds was deleted.
func (k known) replace(objects []snapshot.Object) []snapshot.Change {
	there := make(map[string]bool, len(objects))
	for _, o := range objects {
		there[o.GetName()] = true
	}
	var changes []snapshot.Change
	for name, old := range k {
		if !there[name] {
			delete(k, name)
			changes = append(changes, snapshot.Change{Type: snapshot.Deleted, Object: old})
		}
	}
	slices.SortFunc(changes, func(a, b snapshot.Change) int { return cmp.Compare(a.Object.GetName(), b.Object.GetName()) })
	slices.SortFunc(objects, func(a, b snapshot.Object) int { return cmp.Compare(a.GetName(), b.GetName()) })
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
