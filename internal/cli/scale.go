package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

func newScale(o outside) *cobra.Command {
	var f waiting
	var want engine.ScaleRequest
	var autoscaled string
	c := &cobra.Command{
		Use:   "scale NAME -r N",
		Short: "Set the replicas that the operator really reads, and wait until they are there",
		Long: `scale sets spec.replicas and removes the nearer fields that would win over it, or with
--predictor sets that predictor's replicas alone. It says which Deployments that
reaches and which not, warns where pods restart, and waits until every pod is there,
or going down until the surplus ones are gone. Parts that an autoscaler owns are
refused before anything is written; --autoscaled=pin narrows their range to N.`,
		Example: `  seldonctl scale my-model -r 3 -n models
  seldonctl scale my-model -r 0
  seldonctl scale my-model -r 2 --predictor canary`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case !c.Flags().Changed("replicas"):
				return usageError{err: errors.New("--replicas is missing: to how many?"), hint: c.CommandPath() + " NAME -r N"}
			case want.Replicas < 0:
				return usageError{err: fmt.Errorf("--replicas must not be negative, but is %d", want.Replicas)}
			}
			if err := oneOf("autoscaled", autoscaled, []string{"skip", "pin", "fail"}); err != nil {
				return err
			}
			want.Pin = autoscaled == "pin"
			return f.operateNamed(c.Context(), o, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
				return ops.Scale(ctx, d, ops.ScaleRequest{
					Namespace: namespace, Name: args[0], ScaleRequest: want, SkipAutoscaled: autoscaled == "skip", Manner: m,
				})
			})
		},
	}
	flags := c.Flags()
	flags.Int32VarP(&want.Replicas, "replicas", "r", 0, "the replicas to scale to")
	flags.StringVar(&want.Predictor, "predictor", "", "scale this predictor alone")
	flags.StringVar(&autoscaled, "autoscaled", "fail", "parts that an autoscaler owns: fail refuses, pin narrows their range to N, skip leaves them out")
	f.named(c)
	return c
}
