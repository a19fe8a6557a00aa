package fleet

import (
	"slices"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// gravity is the order in which reasons decide over several objects, the gravest first.
var gravity = []ops.Reason{
	ops.Interrupted, ops.Terminated, ops.Unusable, ops.Denied, ops.Failed, ops.Leftover,
	ops.Vanished, ops.TimedOut, ops.Conflict, ops.Invalid, ops.Unexpected,
}

// Rank tells how grave a reason is: 0 for a goal that was reached, or that nobody pursued.
func Rank(r ops.Reason) int {
	if r == ops.Reached || r == "" {
		return 0
	}
	if at := slices.Index(gravity, r); at >= 0 {
		return len(gravity) - at
	}
	return 1
}

// Worst returns the reason that decides over several objects; the first of two that are alike.
func Worst(reasons ...ops.Reason) ops.Reason {
	worst := ops.Reached
	for _, r := range reasons {
		if Rank(r) > Rank(worst) {
			worst = r
		}
	}
	return worst
}
