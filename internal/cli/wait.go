package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/ops"
)

func newWait(o outside) *cobra.Command {
	var f waiting
	var goal string
	c := &cobra.Command{
		Use:   "wait NAME --for=available|scaled[=N]|deleted",
		Short: "Wait for what others do",
		Long: `wait waits until a SeldonDeployment is available, has its replicas, or is gone, and
proves it like every other command. The object may not exist yet; it ends at once
when the object vanishes or is replaced. It writes nothing.`,
		Example: `  seldonctl wait my-model -n models
  seldonctl wait my-model --for=scaled=3 --timeout=5m
  seldonctl wait my-model --for=deleted
  seldonctl wait my-model --timeout=0`,
		RunE: func(c *cobra.Command, args []string) error {
			kind, replicas, err := parseGoal(goal)
			if err != nil {
				return err
			}
			return f.operateNamed(c.Context(), o, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
				return ops.Wait(ctx, d, ops.WaitRequest{Namespace: namespace, Name: args[0], For: kind, Replicas: replicas, Manner: m})
			})
		},
	}
	c.Flags().StringVar(&goal, "for", "available", "what to wait for: available, scaled, scaled=N, deleted")
	f.named(c)
	return c
}

// parseGoal reads the value of --for.
func parseGoal(text string) (judge.GoalKind, *int32, error) {
	word, number, numbered := strings.Cut(text, "=")
	switch {
	case word == "available" && !numbered:
		return judge.Available, nil, nil
	case word == "deleted" && !numbered:
		return judge.Gone, nil, nil
	case word == "scaled" && !numbered:
		return judge.Scaled, nil, nil
	case word == "scaled":
		if n, err := strconv.ParseInt(number, 10, 32); err == nil && n >= 0 {
			replicas := int32(n)
			return judge.Scaled, &replicas, nil
		}
		return "", nil, usageError{err: fmt.Errorf("--for=scaled=N wants a number of replicas, but got %q", number)}
	}
	return "", nil, usageError{err: fmt.Errorf("--for must be available, scaled, scaled=N or deleted, but is %q", text)}
}
