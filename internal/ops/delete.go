package ops

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// delete sends one foreground DELETE for exactly the object that was created and waits until it and
// everything below it is gone.
func (r *run) delete(ctx context.Context, phase journal.Phase, limit time.Duration) Reason {
	r.phase(limit)
	r.begin(ctx, journal.Began{
		Phase: phase, Goal: judge.Goal{Kind: judge.Gone, Root: r.ref, Baseline: r.created},
		Text: "deleting it in the foreground and waiting until nothing is left", Limit: limit,
	})
	if reason := r.sendDelete(ctx, phase); reason != Reached {
		return reason
	}
	reason := r.awaitVerdict(ctx, phase)
	r.gone = reason == Reached
	return reason
}

// sendDelete sends the DELETE. It is repeated only after a read shows our object untouched.
func (r *run) sendDelete(ctx context.Context, phase journal.Phase) Reason {
	for {
		_, why, err := beside(ctx, r.session, r.left(), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, r.Cluster.Delete(ctx, r.target.Identity.Resource, r.target.Namespace, r.target.Name, r.uid())
		})
		if err == nil || apierrors.IsNotFound(err) {
			r.deleted = true
			r.noteAbsence(ctx, err)
		}
		switch {
		case why != "":
			return why
		case r.deleted:
			return Reached
		case apierrors.IsConflict(err):
			return r.refuse(ctx, phase, &RefusalError{Reason: Vanished, Text: r.ref.String() + " was replaced by somebody else; the new one is left alone", Err: err})
		case !ambiguous(err):
			return r.refuse(ctx, phase, err)
		}
		if sent, reason := r.wasSent(ctx, phase, err); sent || reason != Reached {
			r.deleted = sent
			return reason
		}
	}
}

// wasSent finds out by reading whether a DELETE whose answer was lost has arrived.
func (r *run) wasSent(ctx context.Context, phase journal.Phase, lost error) (bool, Reason) {
	objects, why, err := r.readRoot(ctx, r.left())
	switch {
	case why != "":
		return false, why
	case err != nil:
		return false, r.refuse(ctx, phase, lost)
	}
	for _, o := range objects {
		if o.GetUID() == r.uid() {
			return o.GetDeletionTimestamp() != nil, Reached
		}
	}
	r.noteAbsence(ctx, apierrors.NewNotFound(r.target.Identity.Resource.GroupResource(), r.target.Name))
	return true, Reached
}

// noteAbsence takes in that our object was not there any more when it was to be deleted.
func (r *run) noteAbsence(ctx context.Context, err error) {
	if err == nil {
		return
	}
	r.step(ctx, journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: r.ref.Kind, Object: r.created}}})
}

// cleanUp removes what a failed or interrupted run created. It returns the reason that the run ended
// with; what could not be removed is told with the command that does it.
func (r *run) cleanUp(ctx context.Context, reason Reason) Reason {
	if r.created == nil || r.gone || reason == Reached {
		return reason
	}
	if r.Keep != KeepNever {
		r.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Cleanup, Object: &r.ref, Reason: "Kept",
			Text: "kept for you to look at", Hint: r.cleanupCommand(),
		})
		return reason
	}
	if reason == Failed || reason == TimedOut {
		r.tell(ctx, journal.Entry{
			Type: journal.Note, Phase: journal.Cleanup, Object: &r.ref, Reason: "CleaningUp",
			Text: "is removed now; to look at what failed, run again with --keep=failure",
		})
	}
	switch {
	case reason == Leftover: // its waiting is over
	case r.deleted || r.state.Snapshot().Gone(r.uid()):
		r.phase(r.Limits.Cleanup)
		r.gone = r.pursue(ctx, journal.Cleanup, judge.Goal{Kind: judge.Gone, Root: r.ref, Baseline: r.created}, "waiting until nothing is left") == Reached
	default:
		r.delete(ctx, journal.Cleanup, r.Limits.Cleanup)
	}
	if !r.gone {
		r.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Cleanup, Object: &r.ref, Reason: string(Leftover),
			Text: "what this run created may not be gone", Hint: r.cleanupCommand(),
		})
	}
	return reason
}
