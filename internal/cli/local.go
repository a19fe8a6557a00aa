package cli

import (
	"errors"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
)

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
