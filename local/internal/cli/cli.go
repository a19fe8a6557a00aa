// Package cli is the command line of seldonctl-local: flags become a request, the request goes to one room, its answer becomes an exit code. It must never
// start a process or read the state by itself where a room does that.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Streams are what the program reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Build is what the linker knows about this program.
type Build struct {
	Version, Commit, Date string
}

// The exit codes, the same as seldonctl's.
const (
	codeError    = 1
	codeUsage    = 2
	codeNotFound = 7
)

// coded is an error with its exit code; one without text has been told already.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

// Run runs the command of these arguments and returns the exit code.
func Run(ctx context.Context, args []string, build Build, streams Streams) int {
	root := &cobra.Command{
		Use:   "seldonctl-local",
		Short: "A Kubernetes control plane with simulated nodes and a stand-in for the Seldon operator",
		Long: `seldonctl-local runs a Kubernetes control plane on this machine: a real etcd, API server, controller manager and scheduler. The nodes and their pods are
simulated, and the Seldon operator is a stand-in for the real one. Nothing leaves the machine: everything listens on 127.0.0.1.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &coded{codeUsage, err} })
	commands := []*cobra.Command{newUp(streams), newDown(streams), newStatus(streams), newKubeconfig(streams), newRestart(streams), newVersion(build, streams), newComponent()} //nolint:contextcheck // the context comes with the command when it runs
	root.AddCommand(commands...)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := codeError
	if c, ok := errors.AsType[*coded](err); ok {
		code = c.code
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(streams.Err, "seldonctl-local: "+text)
	}
	return code
}

// name adds the flag that says which cluster is meant.
func name(cmd *cobra.Command) *string {
	return cmd.Flags().String("name", "default", "the cluster's name")
}

// usage marks an error as the user's.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &coded{codeUsage, err}
}

func noCluster(name string) error {
	return &coded{codeNotFound, fmt.Errorf("there is no cluster %s; start it with: seldonctl-local up --name %s", name, name)}
}
