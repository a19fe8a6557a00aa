package component

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The file descriptors that a component inherits from the supervisor.
const (
	// LifelineFD is the reading end of a pipe whose other end only the supervisor holds.
	LifelineFD = 3
	// PresenceFD is the writing end of a pipe on which the janitor sees that every component is gone. For the janitor it is the reading end.
	PresenceFD = 4
)

// holdLifeline ends this process as soon as the supervisor is gone.
func holdLifeline() {
	lifeline := os.NewFile(LifelineFD, "lifeline")
	if lifeline == nil {
		return
	}
	_, _ = io.Copy(io.Discard, lifeline)
	os.Exit(0) // not a decision: whatever this component was doing, its cluster no longer exists
}

// runJanitor waits until the supervisor and every component have ended, however they ended, and removes the state folder given as the argument.
// It outlives them all, which is why it hears no signal.
func runJanitor(_ context.Context, args []string) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	presence := os.NewFile(PresenceFD, "presence")
	if presence == nil || len(args) != 1 {
		return 2
	}
	_, _ = io.Copy(io.Discard, presence)
	if err := os.RemoveAll(args[0]); err != nil {
		return 1
	}
	return 0
}
