package look

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// SightScreen takes what status shows: everything the first time, then what has changed.
type SightScreen interface {
	Show(sights []outline.Sight, now time.Time) error
}

// StatusRequest asks for the state of one object or of all.
type StatusRequest struct {
	Request

	// Simulated says that the cluster's pods are simulated.
	Simulated bool
}

// Status shows the state of what there is, as it is judged. Of a name that is not there it says so with
// the reason Vanished. It returns why it ended, or the error that ended it.
func Status(ctx context.Context, d Deps, screen SightScreen, req StatusRequest) (ops.Reason, error) {
	v := &viewer{observer: newObserver(d, req.Request), screen: screen, simulated: req.Simulated, memory: map[types.UID]outline.Memory{}}
	var kinds []snapshot.Kind
	var first shown
	why, err := v.beside(ctx, func(ctx context.Context) (err error) {
		kinds, err = v.read(ctx, v.snap)
		if err != nil {
			return err
		}
		first, err = v.begin(ctx)
		return err
	})
	if err != nil || why != ops.Reached {
		return why, err
	}
	if !req.Follow {
		return ops.Reached, nil
	}
	return v.follow(ctx, kinds, first, v.change)
}

// viewer is a status that is being shown.
type viewer struct {
	*observer

	screen    SightScreen
	simulated bool
	memory    map[types.UID]outline.Memory
	last      map[types.UID]outline.Sight
}

// begin shows the first look. Events are read only where something is not right, whose cause they may tell.
func (v *viewer) begin(ctx context.Context) (shown, error) {
	roots := v.roots(v.snap)
	if v.Name != "" && len(roots) == 0 {
		return shown{}, ops.Absence(v.target.Identity, v.Namespace, v.Name)
	}
	if len(roots) == 0 {
		v.Warn(fmt.Sprintf("there is no %s here", v.target.Identity.Kind))
	}
	sights, memory, wake := v.judge(v.snap, nil)
	if slices.ContainsFunc(sights, func(s outline.Sight) bool { return !well(s) && s.State != outline.Settling }) {
		if err := v.readBelow(ctx, v.snap, []snapshot.Kind{snapshot.Event}); err != nil {
			return shown{}, err
		}
		sights, memory, wake = v.judge(v.snap, nil)
	}
	v.memory, v.last = memory, byUID(sights)
	if err := v.screen.Show(sights, v.Now()); err != nil {
		return shown{}, fmt.Errorf("write the output: %w", err)
	}
	return shown{wake: wake}, nil
}

// judge looks at every object of a snapshot, each with what is remembered of it.
func (v *viewer) judge(s *snapshot.Snapshot, memory map[types.UID]outline.Memory) ([]outline.Sight, map[types.UID]outline.Memory, time.Time) {
	sights, next, wake := []outline.Sight{}, map[types.UID]outline.Memory{}, time.Time{}
	for _, root := range v.roots(s) {
		sight, remembered, at := outline.Look(s, v.Engine, root, memory[root.GetUID()], v.moment())
		sight.Simulated = v.simulated
		sights = append(sights, sight)
		next[root.GetUID()] = remembered
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	return sights, next, wake
}

// change shows what has changed since the last time. What has become available is shown when a consistent
// read has confirmed it.
func (v *viewer) change(ctx context.Context) (shown, ops.Reason, error) {
	sights, memory, wake := v.judge(v.snap, v.memory)
	if slices.ContainsFunc(sights, v.news) {
		confirmed, why := v.confirm(ctx)
		if why != ops.Reached {
			return shown{}, why, nil
		}
		for i, s := range sights {
			if v.news(s) && !well(confirmed[types.UID(s.UID)]) {
				sights[i].State, sights[i].Cause = outline.Settling, "a consistent read has not confirmed it yet"
				wake = v.Now().Add(doubtTime)
			}
		}
	}
	v.memory = memory
	var changed []outline.Sight
	now := byUID(sights)
	for _, s := range sights {
		if !reflect.DeepEqual(v.last[types.UID(s.UID)], s) {
			changed = append(changed, s)
		}
	}
	gone := v.vanished(now)
	if changed = append(changed, gone...); len(changed) > 0 {
		if err := v.screen.Show(changed, v.Now()); err != nil {
			return shown{}, "", fmt.Errorf("write the output: %w", err)
		}
	}
	v.last = now
	next := shown{wake: wake}
	if v.Name != "" && len(gone) > 0 {
		next.ended = &ops.RefusalError{Reason: ops.Vanished, Text: fmt.Sprintf("%s %s/%s was deleted", gone[0].Kind, gone[0].Namespace, gone[0].Name)}
	}
	return next, ops.Reached, nil
}

// vanished returns what was shown and is not there any more.
func (v *viewer) vanished(now map[types.UID]outline.Sight) []outline.Sight {
	var gone []outline.Sight
	for _, uid := range slices.Sorted(maps.Keys(v.last)) {
		if _, there := now[uid]; !there {
			gone = append(gone, outline.Vanished(v.last[uid]))
		}
	}
	slices.SortStableFunc(gone, func(a, b outline.Sight) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return gone
}

// doubtTime is how long after a confirming read that disagreed the next one is made.
const doubtTime = time.Second

// confirm reads everything once more, consistently, and judges nothing but that. Where the read fails
// nothing is confirmed.
func (v *viewer) confirm(ctx context.Context) (map[types.UID]outline.Sight, ops.Reason) {
	fresh := snapshot.New()
	why, err := v.beside(ctx, func(ctx context.Context) error {
		_, err := v.read(ctx, fresh)
		return err
	})
	if err != nil {
		v.warnOnce("confirm", "a confirming read failed and will be repeated: "+err.Error())
		return nil, ops.Reached
	}
	delete(v.warned, "confirm")
	sights, _, _ := v.judge(fresh, v.memory)
	return byUID(sights), why
}

// news reports whether an object has become available since it was last shown.
func (v *viewer) news(s outline.Sight) bool { return well(s) && !well(v.last[types.UID(s.UID)]) }

// well reports whether an object is proven to be as its spec says.
func well(s outline.Sight) bool { return s.State == outline.Available || s.State == outline.AtZero }

func byUID(sights []outline.Sight) map[types.UID]outline.Sight {
	found := map[types.UID]outline.Sight{}
	for _, s := range sights {
		found[types.UID(s.UID)] = s
	}
	return found
}
