package look

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// EventScreen takes what events shows: everything the first time, then what has happened since.
type EventScreen interface {
	Show(events []outline.Event, now time.Time) error
}

// EventsRequest asks for the events of one object's tree.
type EventsRequest struct {
	Request

	// Within is how far back to look; 0: as far as there are events.
	Within time.Duration
	// Types are the wanted types; none: all.
	Types []string
}

// Events shows the events about an object and everything below it, oldest first. It returns why it ended,
// or the error that ended it.
func Events(ctx context.Context, d Deps, screen EventScreen, req EventsRequest) (ops.Reason, error) {
	t := &teller{observer: newObserver(d, req.Request), screen: screen, want: outline.EventFilter{Types: req.Types}, told: map[outline.EventID]int32{}}
	var kinds []snapshot.Kind
	why, err := t.beside(ctx, func(ctx context.Context) (err error) {
		if kinds, err = t.read(ctx, t.snap); err != nil {
			return err
		}
		roots := t.roots(t.snap)
		if len(roots) == 0 {
			return ops.Absence(t.target.Identity, t.Namespace, t.Name)
		}
		t.root = roots[0].GetUID()
		objects, err := t.Cluster.Read(ctx, t.target, snapshot.Event)
		if err != nil {
			return ops.Explain(err, t.target.Identity, t.Namespace, t.Name)
		}
		for _, o := range objects {
			t.snap.Set(o)
		}
		return nil
	})
	if err != nil || why != ops.Reached {
		return why, err
	}
	if req.Within > 0 {
		ahead, _ := t.Ahead()
		t.want.Since = t.Now().Add(ahead - req.Within)
	}
	first, why, err := t.tell(ctx)
	if err != nil || !req.Follow {
		return why, err
	}
	return t.follow(ctx, kinds, first, t.tell)
}

// teller is a story that is being told.
type teller struct {
	*observer

	screen EventScreen
	want   outline.EventFilter
	root   types.UID
	told   map[outline.EventID]int32 // what was told, with the count that it had
	begun  bool
}

// tell shows what has happened since the last time. What was told is told again only when it has happened
// ten times as often.
func (t *teller) tell(context.Context) (shown, ops.Reason, error) {
	var news []outline.Event
	for _, e := range outline.Events(t.snap, t.target.Identity, t.root, t.want) {
		if told := t.told[e.ID()]; told > 0 && e.Count < 10*told {
			continue
		}
		t.told[e.ID()] = e.Count
		news = append(news, e)
	}
	if len(news) > 0 || !t.begun {
		t.begun = true
		if err := t.screen.Show(news, t.Now()); err != nil {
			return shown{}, "", fmt.Errorf("write the output: %w", err)
		}
	}
	if t.snap.Gone(t.root) {
		return shown{ended: &ops.RefusalError{
			Reason: ops.Vanished, Text: fmt.Sprintf("%s %s/%s was deleted", t.target.Kind(), t.Namespace, t.Name),
		}}, ops.Reached, nil
	}
	return shown{}, ops.Reached, nil
}
