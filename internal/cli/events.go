package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/look"
	"github.com/seldonctl/seldonctl/internal/render"
)

// lookTimeout is the limit of one look where no other is given.
const lookTimeout = 30 * time.Second

// look connects, and carries out a command that looks in a namespace of the connection, or in all.
func (f *looking) look(
	ctx context.Context, o outside, everywhere bool, carryOut func(ctx context.Context, d look.Deps, req look.Request) (ops.Reason, error),
) error {
	if f.limits.Wait <= 0 {
		return usageError{err: fmt.Errorf("--timeout must be positive, but is %s", f.limits.Wait)}
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	if f.local && f.connection.Kubeconfig == "" {
		var err error
		if f.connection.Kubeconfig, err = embedded.Running(ctx, o.stderr); err != nil {
			return err
		}
	}
	cluster, err := connect(f.connection, nil)
	if err != nil {
		return err
	}
	name, server, namespace := cluster.Where()
	where := "namespace " + namespace
	if everywhere {
		namespace, where = "", "all namespaces"
	}
	if f.local {
		where += " (embedded: its pods are simulated)"
	}
	fmt.Fprintf(o.stderr, "context %s, server %s, %s\n", render.Clean(orNone(name)), render.Clean(server), render.Clean(where))
	reason, err := carryOut(ctx, look.Deps{
		Cluster: cluster, Engine: all.Table()[0], Now: cluster.Now, Ahead: cluster.Ahead, Interrupts: reasons,
		Warn: func(text string) { fmt.Fprintln(o.stderr, "warning:", render.Clean(text)) },
	}, look.Request{Namespace: namespace, Follow: f.follow, Limit: f.limits.Wait})
	if err != nil {
		return err
	}
	return exitError{code: reason.Code()}
}

func newEvents(o outside) *cobra.Command {
	var f looking
	var since time.Duration
	var types []string
	c := &cobra.Command{
		Use:   "events NAME",
		Short: "Show the events of everything below one, oldest first",
		Long: `events shows the events about a SeldonDeployment and all that it owns, down to the
pods, oldest first; what has happened again is told once with its number. What the
operator says in every pass is left out, and so are events about objects that were
gone before the command began: nobody can say any more whose they were.

Exit code 0 says that they were shown, 7 that there is no such name, or that it was
deleted while it was watched.`,
		Example: `  seldonctl events my-model -n models
  seldonctl events my-model --types=Warning --since=10m
  seldonctl events my-model -w`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.checkOutput("json"); err != nil {
				return err
			}
			for _, t := range types {
				if err := oneOf("types", t, []string{"Normal", "Warning"}); err != nil {
					return err
				}
			}
			if since < 0 {
				return usageError{err: fmt.Errorf("--since must not be negative, but is %s", since)}
			}
			var screen look.EventScreen = render.NewEventList(o.stdout, output.Colours(o.stdout))
			if f.output == "json" {
				screen = render.NewDocuments[outline.Event](o.stdout, render.DocumentForm{Follow: f.follow})
			}
			return f.look(c.Context(), o, false, func(ctx context.Context, d look.Deps, r look.Request) (ops.Reason, error) {
				r.Name = args[0]
				return look.Events(ctx, d, screen, look.EventsRequest{Request: r, Within: since, Types: types})
			})
		},
	}
	c.Flags().DurationVar(&since, "since", 0, "only those of this last time, such as 10m (0: all that there are)")
	c.Flags().StringSliceVar(&types, "types", nil, "only those of these types: Normal, Warning")
	f.declare(c, "json")
	return c
}
