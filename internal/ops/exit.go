package ops

import "slices"

// Reason says why a command ended, in one word for machines.
type Reason string

// The reasons, in the order of their exit codes.
const (
	Reached     Reason = "Reached"
	Unexpected  Reason = "Unexpected"
	Invalid     Reason = "Invalid"
	Failed      Reason = "Failed"
	Denied      Reason = "Denied"
	Unusable    Reason = "Unusable"
	TimedOut    Reason = "TimedOut"
	Vanished    Reason = "Vanished"
	Conflict    Reason = "Conflict"
	Leftover    Reason = "Leftover"
	Interrupted Reason = "Interrupted"
	Terminated  Reason = "Terminated"
)

// Exit is one line of the table of exit codes.
type Exit struct {
	Code    int
	Reason  Reason
	Meaning string
}

// Exits returns the table of exit codes, which is stable.
func Exits() []Exit {
	return []Exit{
		{0, Reached, "the goal was reached, evidence printed"},
		{1, Unexpected, "unexpected error"},
		{2, Invalid, "usage or manifest wrong, or denied by admission"},
		{3, Failed, "the workload failed (cause named)"},
		{4, Denied, "not authenticated or forbidden"},
		{5, Unusable, "cannot work here: API server or admission webhook unreachable, or Seldon Core not installed"},
		{6, TimedOut, "timeout"},
		{7, Vanished, "the object does not exist, vanished, was replaced, or what the goal rests on was changed by someone else"},
		{8, Conflict, "conflict: exists already, or a name it implies belongs to another owner, or fields last written by another manager, or autoscaled"},
		{10, Leftover, "something is left after deletion"},
		{130, Interrupted, "interrupted (Ctrl-C)"},
		{143, Terminated, "terminated (SIGTERM)"},
	}
}

// Code returns the exit code of a reason.
func (r Reason) Code() int {
	for _, e := range Exits() {
		if e.Reason == r {
			return e.Code
		}
	}
	return 1
}

// gravity is the order in which reasons decide where there are several, the gravest first.
var gravity = []Reason{
	Interrupted, Terminated, Unusable, Denied, Failed, Leftover,
	Vanished, TimedOut, Conflict, Invalid, Unexpected,
}

// Rank tells how grave a reason is: 0 for a goal that was reached, or that nobody pursued.
func Rank(r Reason) int {
	if r == Reached || r == "" {
		return 0
	}
	if at := slices.Index(gravity, r); at >= 0 {
		return len(gravity) - at
	}
	return 1
}

// Worst returns the reason that decides over several; the first of two that are alike.
func Worst(reasons ...Reason) Reason {
	worst := Reached
	for _, r := range reasons {
		if Rank(r) > Rank(worst) {
			worst = r
		}
	}
	return worst
}
