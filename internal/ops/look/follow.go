package look

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// gather is how long changes are gathered before they are shown, so that a rollout is not shown once
// for each of its messages. Where showing takes long, for there are many objects, they are gathered for
// restFactor times as long as that, so that most of the time is left to others.
const (
	gather     = 100 * time.Millisecond
	restFactor = 3
)

// shown is what showing came to: when to show again although nothing has changed (zero: never), and
// whether there is nothing to follow any more.
type shown struct {
	wake  time.Time
	ended *ops.RefusalError
}

// follow watches what was read and calls show after every change, until the user stops it or show says
// that it is over.
func (o *observer) follow(ctx context.Context, kinds []snapshot.Kind, last shown, show func(context.Context) (shown, ops.Reason, error)) (ops.Reason, error) {
	ctx, cancel := context.WithCancel(ctx)
	changes, ended := make(chan snapshot.Change, 256), make(chan struct{})
	target := o.target
	target.Kinds = slices.Concat(kinds, []snapshot.Kind{snapshot.Event})
	go func() {
		defer close(ended)
		o.Cluster.Watch(ctx, target, changes)
	}()
	defer func() { cancel(); <-ended }()
	var due <-chan time.Time // when what has been gathered is to be shown
	rest := gather
	for last.ended == nil {
		wake, stop := o.alarm(last.wake)
		select {
		case c := <-changes:
			if err := o.take(c); err != nil {
				stop()
				return "", err
			}
			if due == nil {
				due = time.After(rest)
			}
			stop()
			continue
		case <-due:
		case <-wake:
		case why := <-o.Interrupts:
			stop()
			return why, nil
		}
		stop()
		due = nil
		began := o.Now()
		o.unpark()
		var why ops.Reason
		var err error
		if last, why, err = show(ctx); err != nil || why != ops.Reached {
			return why, err
		}
		rest = max(gather, restFactor*o.Now().Sub(began))
	}
	return "", last.ended
}

func (o *observer) alarm(at time.Time) (<-chan time.Time, func()) {
	if at.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(at.Sub(o.Now()))
	return timer.C, func() { timer.Stop() }
}

// take takes in a message of a watch.
func (o *observer) take(c snapshot.Change) error {
	switch c.Type {
	case snapshot.Seen:
		if e, ok := c.Object.(*corev1.Event); ok {
			o.park(e)
			break
		}
		o.snap.Set(c.Object)
	case snapshot.Deleted:
		o.snap.Remove(c.Object, c.Version)
	case snapshot.Listed:
		o.snap.Prune(c.Kind, c.There, c.Version)
	case snapshot.Synced:
		o.snap.SetComplete(c.Kind, true)
		o.unlink(o.snap)
	case snapshot.Lost:
		if len(o.lost) == 0 { // they mostly break together
			o.Warn(fmt.Sprintf("the watch of %s broke and is being restored; what is shown may be old: %v", c.Kind, c.Err))
		}
		o.lost[c.Kind] = true
	case snapshot.Restored:
		delete(o.lost, c.Kind)
		if len(o.lost) == 0 {
			o.Warn("all watches deliver again")
		}
	case snapshot.Denied:
		if c.Kind == o.target.Kind() {
			return ops.Explain(c.Err, o.target.Identity, o.Namespace, o.Name)
		}
		delete(o.lost, c.Kind)
		o.lack(o.snap, c.Kind, c.Err)
	}
	return nil
}

// parkLimit bounds how many events about unknown objects are kept: in a busy namespace most are
// somebody else's.
const parkLimit = 1000

// park keeps an event until its object is known.
func (o *observer) park(e *corev1.Event) {
	o.parked = append(o.parked, e)
	if len(o.parked) > parkLimit {
		o.parked = append(o.parked[:0], o.parked[len(o.parked)-parkLimit:]...)
	}
}

// unpark takes in the parked events whose object is known by now.
func (o *observer) unpark() {
	waiting := o.parked[:0]
	for _, e := range o.parked {
		if uid := e.InvolvedObject.UID; o.snap.Get(uid) != nil || o.snap.Gone(uid) {
			o.snap.Set(e)
		} else {
			waiting = append(waiting, e)
		}
	}
	clear(o.parked[len(waiting):])
	o.parked = waiting
}
