package simseldon

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Fail is what the operator does about an error: of a write of the pass, or, with no write, its own. It writes Failed with the error's text, into the status as the
// pass had it when it came to that write, and tries again. Observed: a conflict is reported as an event too, but does not make the state Failed.
func Fail(w World, at *Write, err error, sw Switches) Outcome {
	out := Outcome{Events: []Event{internalError(err)}, Requeue: true}
	if apierrors.IsConflict(err) {
		return out
	}
	s := statusOf(w.Root)
	if at != nil {
		s = at.status.copy()
	}
	if sw.NoConditions {
		s.dropConditions()
	}
	s.settle(stateFailed, err.Error())
	out.Status = s.changedFrom(w.Root)
	return out
}

// StatusRefused is the event for a status that could not be written; the pass is then repeated. It is nearly always a stale read, and means nothing.
func StatusRefused(w World, err error) Event {
	return Event{Type: "Warning", Reason: "UpdateFailed", Message: fmt.Sprintf("Failed to update status for SeldonDeployment %q: %s", w.Root.GetName(), err)}
}

// internalError repeats that the operator takes the error's text for a format: a percent sign comes out garbled.
func internalError(err error) Event {
	return Event{Type: "Warning", Reason: "InternalError", Message: fmt.Sprintf(err.Error(), []any{}...)}
}

func normal(reason, format string, args ...any) Event {
	return Event{Type: "Normal", Reason: reason, Message: fmt.Sprintf(format, args...)}
}
