package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/cli/files"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

func newWait(o outside) *cobra.Command {
	var f waitFlags
	c := &cobra.Command{
		Use:   "wait NAME... --for=available|scaled[=N]|deleted",
		Short: "Wait for what others do",
		Long: `wait waits until a SeldonDeployment is available, has its replicas, or is gone, and
proves it like every other command. The object may not exist yet; it ends at once
when the object vanishes or is replaced. It writes nothing. Instead of names, -l takes
those with certain labels and --all those of the namespace: if there is none yet, it
waits for the first.`,
		Example: `  seldonctl wait my-model -n models
  seldonctl wait my-model --for=scaled=3 --timeout=5m
  seldonctl wait my-model --for=deleted
  seldonctl wait my-model --timeout=0
  seldonctl wait --all -n models`,
		RunE: func(c *cobra.Command, args []string) error { return f.wait(c.Context(), o, args, c.CommandPath()) },
	}
	flags := c.Flags()
	flags.StringVar(&f.goal, "for", "available", "what to wait for: available, scaled, scaled=N, deleted")
	f.choice.Declare(flags)
	f.DeclareSeveral(flags)
	f.manyNamed(c)
	return c
}

// waitFlags are the flags of wait.
type waitFlags struct {
	waiting
	files.Several

	choice files.Choice
	goal   string
}

func (f *waitFlags) wait(ctx context.Context, o outside, names []string, command string) error {
	kind, replicas, err := parseGoal(f.goal)
	if err != nil {
		return err
	}
	if err := oneWay(command, len(names) > 0, f.choice.Given()); err != nil {
		return err
	}
	if err := firstOf(namesOnly(command, names), f.choice.Check(), f.Check()); err != nil {
		return err
	}
	return f.operateNamed(ctx, o, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
		act := func(ctx context.Context, d ops.Deps, name string, m ops.Manner) ops.Reason {
			return ops.Wait(ctx, d, ops.WaitRequest{Namespace: namespace, Name: name, For: kind, Replicas: replicas, Manner: m})
		}
		p := f.Plan(m)
		switch {
		case len(names) == 1:
			return act(ctx, d, names[0], m)
		case len(names) > 1:
			p.Members = files.Named(namespace, names, act)
		default:
			choice, gone := f.choice.In(namespace), kind == judge.Gone
			choice.Once = m.Limits.Wait == 0
			choice.Await = !gone && !choice.Once
			chosen := func(ctx context.Context, d ops.Deps, name string, _ types.UID, m ops.Manner) ops.Reason {
				return act(ctx, d, name, m)
			}
			p.Choose, p.Otherwise = files.Present(choice, chosen, gone), choice.AwaitNothing
		}
		return fleet.Go(ctx, d, p)
	})
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
