package outline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Event is what has happened to one object of a tree, as often as it has.
type Event struct {
	First   time.Time    `json:"first"`
	Last    time.Time    `json:"last"`
	Count   int32        `json:"count"`
	Type    string       `json:"type"`
	Reason  string       `json:"reason"`
	Object  snapshot.Ref `json:"object"`
	Message string       `json:"message"`

	// version orders what happened within a second, which is how exact most of the times are.
	version uint64
}

// EventFilter says which events are wanted.
type EventFilter struct {
	// Since is the time by the server's clock before which nothing is wanted; zero: everything.
	Since time.Time
	// Types are the wanted types; none: all.
	Types []string
}

// EventID tells what has happened from everything else that has.
type EventID struct {
	Object                types.UID
	Type, Reason, Message string
}

// ID returns what tells the event from others.
func (e Event) ID() EventID { return EventID{e.Object.UID, e.Type, e.Reason, e.Message} }

// Events returns the events about an object and everything that was ever seen below it, oldest first. The
// same thing that has happened again is one event; what the engine's operator says all the time is none.
func Events(s *snapshot.Snapshot, id engine.Identity, root types.UID, want EventFilter) []Event {
	found := map[EventID]Event{}
	for _, e := range s.AllEvents() {
		if part, noisy := id.Noisy[e.Reason]; noisy && strings.Contains(e.Message, part) {
			continue
		}
		if !want.wants(e) || !s.Within(root, e.InvolvedObject.UID) {
			continue
		}
		about := e.InvolvedObject
		one := Event{
			First: snapshot.EventBegan(e).UTC(), Last: snapshot.EventTime(e).UTC(), Count: snapshot.EventCount(e),
			Type: e.Type, Reason: e.Reason, Message: e.Message,
			Object: snapshot.Ref{Kind: snapshot.Kind(about.Kind), Namespace: about.Namespace, Name: about.Name, UID: about.UID},
		}
		one.version, _ = strconv.ParseUint(e.ResourceVersion, 10, 64)
		if same, again := found[one.ID()]; again {
			one.Count += same.Count
			one.version = min(one.version, same.version)
			if same.First.Before(one.First) {
				one.First = same.First
			}
			if same.Last.After(one.Last) {
				one.Last = same.Last
			}
		}
		found[one.ID()] = one
	}
	events := make([]Event, 0, len(found))
	for _, e := range found {
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(a.Last.Truncate(time.Second).Compare(b.Last.Truncate(time.Second)), cmp.Compare(a.version, b.version),
			cmp.Compare(a.Object.String(), b.Object.String()), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
	})
	return events
}

func (f EventFilter) wants(e *corev1.Event) bool {
	if !f.Since.IsZero() && snapshot.EventTime(e).Before(f.Since) {
		return false
	}
	return len(f.Types) == 0 || slices.Contains(f.Types, e.Type)
}
