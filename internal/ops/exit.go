package ops

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
