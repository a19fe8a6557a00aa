package ops

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// DeleteRequest asks to delete an object that exists.
type DeleteRequest struct {
	Namespace, Name string
	// UID, where set, is the object's that was chosen; another of that name is left alone.
	UID types.UID
	// Run, where set, is the ID of the run that must have made the object.
	Run string
	// IgnoreAbsent takes an object that is not there for deleted.
	IgnoreAbsent bool
	Manner
}

// Delete deletes an object in the foreground and waits until nothing of it is left.
func Delete(ctx context.Context, d Deps, req DeleteRequest) Reason {
	ctx, l, end := live(ctx, d, req.Manner, named(d.Engine.Identity(), req.Namespace, req.Name), nil)
	defer end()
	reason := l.deleteNamed(ctx, req)
	l.close(ctx, reason)
	return reason
}

func (l *life) deleteNamed(ctx context.Context, req DeleteRequest) Reason {
	root, reason := l.find(ctx)
	switch {
	case reason != Reached:
		return reason
	case root == nil && req.IgnoreAbsent:
		return l.awaitRemains(ctx)
	case root == nil:
		return l.absent(ctx, journal.Delete)
	case req.UID != "" && root.GetUID() != req.UID:
		return l.refuse(ctx, journal.Delete, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was replaced by somebody else since it was chosen; the new one is left alone"})
	case req.Run != "" && root.GetLabels()[RunLabel] != req.Run:
		return l.refuse(ctx, journal.Delete, &RefusalError{Reason: Vanished, Text: fmt.Sprintf("%s was not made by run %s", l.ref, req.Run)})
	case root.GetDeletionTimestamp() != nil:
		return l.pursue(ctx, journal.Delete, judge.Goal{Kind: judge.Gone, Root: l.ref, Baseline: root}, "somebody is deleting it already; waiting until nothing is left")
	}
	l.warnOfKeepers(ctx, journal.Delete)
	return l.delete(ctx, journal.Delete, l.left())
}

// delete sends one foreground DELETE for exactly the object that was created and waits until it and
// everything below it is gone.
func (l *life) delete(ctx context.Context, phase journal.Phase, limit time.Duration) Reason {
	l.phase(limit)
	if l.once() {
		limit = 0
	}
	l.begin(ctx, journal.Began{
		Phase: phase, Goal: judge.Goal{Kind: judge.Gone, Root: l.ref, Baseline: l.known},
		Text: "deleting it in the foreground and waiting until nothing is left", Limit: limit.Round(time.Second),
	})
	if reason := l.sendDelete(ctx, phase); reason != Reached {
		return reason
	}
	reason := l.awaitVerdict(ctx, phase)
	l.gone = reason == Reached
	return reason
}

// sendDelete sends the DELETE. It is repeated only after a read shows our object untouched.
func (l *life) sendDelete(ctx context.Context, phase journal.Phase) Reason {
	for {
		if l.unsure { // sent before, in a phase that has ended
			l.unsure = false
			if sent, reason := l.wasSent(ctx, phase, nil); sent || reason != Reached {
				l.deleted = sent
				return reason
			}
		}
		_, why, err := beside(ctx, l.session, l.left(), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, l.Cluster.Delete(ctx, l.target.Identity.Resource, l.target.Namespace, l.target.Name, l.uid())
		})
		if err == nil || noSuchObject(err, l.target.Name) {
			l.deleted = true
			l.noteAbsence(ctx, err)
		}
		switch {
		case l.deleted && why == "":
			return Reached
		case why != "":
			l.unsure = !l.deleted
			return l.cutOffDelete(ctx, phase, why)
		case apierrors.IsConflict(err):
			return l.refuse(ctx, phase, &RefusalError{Reason: Vanished, Text: l.ref.String() + " was replaced by somebody else; the new one is left alone", Err: err})
		case !ambiguous(err) && !apierrors.IsNotFound(err): // a 404 that is not about our object says nothing of it
			return l.refuse(ctx, phase, err)
		}
		if sent, reason := l.wasSent(ctx, phase, err); sent || reason != Reached {
			l.deleted = sent
			return reason
		}
		if reason := l.pause(ctx, phase, err); reason != Reached {
			return reason
		}
	}
}

// pause waits before a write that has failed on the way is sent again. At the limit what the API server said again and
// again is why.
func (l *life) pause(ctx context.Context, phase journal.Phase, err error) Reason {
	if how, why := l.await(ctx, min(retryPause, l.left()), func() bool { return false }); how == interrupted {
		return l.cutOff(ctx, phase, why)
	}
	if l.left() <= 0 {
		return l.refuse(ctx, phase, err)
	}
	return Reached
}

// cutOffDelete ends a DELETE whose time is over: what was accepted goes on by itself, and that is told with
// what is left.
func (l *life) cutOffDelete(ctx context.Context, phase journal.Phase, why Reason) Reason {
	if l.deleted && why == TimedOut {
		return Reached
	}
	return l.cutOff(ctx, phase, why)
}

// wasSent finds out by reading whether a DELETE whose answer was lost has arrived.
func (l *life) wasSent(ctx context.Context, phase journal.Phase, lost error) (bool, Reason) {
	objects, why, err := l.readRoot(ctx, l.left())
	switch {
	case why != "":
		return false, l.cutOff(ctx, phase, why)
	case err != nil:
		return false, l.refuse(ctx, phase, cmp.Or(lost, err))
	}
	for _, o := range objects {
		if o.GetUID() == l.uid() {
			return o.GetDeletionTimestamp() != nil, Reached
		}
	}
	l.noteAbsence(ctx, apierrors.NewNotFound(l.target.Identity.Resource.GroupResource(), l.target.Name))
	return true, Reached
}

// noteAbsence takes in that our object was not there any more when it was to be deleted.
func (l *life) noteAbsence(ctx context.Context, err error) {
	if err == nil {
		return
	}
	l.step(ctx, journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: l.ref.Kind, Object: l.known}}})
}
