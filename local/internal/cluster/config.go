package cluster

import (
	"fmt"
	"io"
	"path/filepath"
)

// Pace is how fast simulated pods live.
type Pace string

// The paces.
const (
	// Instant makes a pod ready at once.
	Instant Pace = "instant"
	// Realistic lets a pod take seconds for each step, with all that can be seen between.
	Realistic Pace = "realistic"
)

// PodsPerNode is how many pods a simulated node takes.
const PodsPerNode = 256

// Config is what the user decides about a cluster.
type Config struct {
	Pace  Pace
	Nodes int
	// AuditLog is the file for the API server's audit log; empty for none.
	AuditLog string
	// Ephemeral removes the state folder however the cluster ends.
	Ephemeral bool
	// Operator holds the arguments for the operator stand-in.
	Operator []string
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.Pace != Instant && c.Pace != Realistic {
		return fmt.Errorf("--pace is %q: use %s or %s", c.Pace, Instant, Realistic)
	}
	if c.Nodes < 1 || c.Nodes > 1000 {
		return fmt.Errorf("--nodes is %d: use 1 to 1000", c.Nodes)
	}
	if c.AuditLog != "" && !filepath.IsAbs(c.AuditLog) {
		return fmt.Errorf("--audit-log %q is not an absolute path", c.AuditLog)
	}
	return nil
}

// Listener hears how the cluster comes up.
type Listener interface {
	// Progress is one line in plain words.
	Progress(line string)
	// Ready comes once, when the cluster can be used.
	Ready(summary string)
}

// WriterListener writes the progress as lines and calls a function when the cluster is ready.
type WriterListener struct {
	Out     io.Writer
	OnReady func(summary string)
}

var _ Listener = WriterListener{}

// Progress writes the line.
func (w WriterListener) Progress(line string) { _, _ = fmt.Fprintln(w.Out, line) }

// Ready calls the function.
func (w WriterListener) Ready(summary string) { w.OnReady(summary) }
