package cli

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/render"
)

// Set by the linker; see the Makefile.
var (
	version = "dev"
	commit  = "unknown" //nolint:gochecknoglobals // the linker needs a variable
	date    = "unknown" //nolint:gochecknoglobals // the linker needs a variable
)

func buildVersion() string {
	return fmt.Sprintf("%s (commit %s, %s, %s, %s/%s)", version, commit, date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion(o outside) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show version, commit and date of this program",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := fmt.Fprintln(o.stdout, "seldonctl", buildVersion()); err != nil {
				return fmt.Errorf("write the version: %w", err)
			}
			return nil
		},
	}
}

// newExitCodes is a topic of help: a command that cannot be run.
func newExitCodes() *cobra.Command {
	var text strings.Builder
	text.WriteString("Every command ends with one of these codes. They are stable.\n\n")
	for _, e := range ops.Exits() {
		fmt.Fprintf(&text, "%5d  %-12s %s\n", e.Code, e.Reason, e.Meaning)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: text.String()}
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{err: fmt.Errorf("%s takes no arguments, but got %q", c.CommandPath(), args[0]), hint: c.CommandPath() + " --help"}
}

// say writes an error for the user, and what to do next.
func say(w io.Writer, err error, hint string) {
	_, _ = fmt.Fprintln(w, "seldonctl:", render.Clean(err.Error()))
	if hint != "" {
		_, _ = fmt.Fprintln(w, "next:", render.Clean(hint))
	}
}

// newLocal passes everything through to the embedded cluster's own program.
func newLocal(o outside) *cobra.Command {
	return &cobra.Command{
		Use:   "local up|down|status|kubeconfig",
		Short: "Start, stop and look at the embedded cluster",
		Long: `local passes its arguments to seldonctl-local, the program that holds the embedded
cluster: a real Kubernetes control plane with simulated nodes and pods and a stand-in
for the Seldon Core operator.`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			err := embedded.Pass(c.Context(), args, o.stdin, o.stdout, o.stderr, o.signals)
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				return exitError{code: failed.ExitCode()}
			}
			return err
		},
	}
}
