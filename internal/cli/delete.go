package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/ops"
)

func newDelete(o outside) *cobra.Command {
	var f waiting
	var run string
	var ignore bool
	c := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete in the foreground and wait until nothing is left",
		Long: `delete deletes exactly the SeldonDeployment that it has seen (by UID), in the
foreground, and waits until it and everything below it is gone. What takes long is
named with what holds it. No finalizer is ever removed.`,
		Example: `  seldonctl delete my-model -n models
  seldonctl delete my-model --ignore-not-found`,
		RunE: func(c *cobra.Command, args []string) error {
			return f.operateNamed(c.Context(), o, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
				return ops.Delete(ctx, d, ops.DeleteRequest{Namespace: namespace, Name: args[0], Run: run, IgnoreAbsent: ignore, Manner: m})
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&run, "run", "", "delete it only if the run with this ID has made it")
	flags.BoolVar(&ignore, "ignore-not-found", false, "what is not there counts as deleted")
	f.named(c)
	return c
}
