package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	waiting

	file     string
	validate string
	dryRun   string
	force    bool
}

func newApply(o outside) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create or update, and wait until it is available",
		Long: `apply creates a SeldonDeployment, or replaces its spec by the file's and merges labels
and annotations, and waits until the new state is available. Fields that the API
server does not know are refused with their line; --validate=warn drops them. What
another manager than kubectl or seldonctl has written last is not overwritten
without --force-conflicts.`,
		Example: `  seldonctl apply -f model.yaml -n models
  seldonctl apply -f model.yaml --dry-run=server
  seldonctl apply -f model.yaml --validate=warn --force-conflicts`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), o, c.Flags().Changed("namespace")) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.file, "filename", "f", "", `the manifest; "-" reads standard input`)
	flags.StringVar(&f.validate, "validate", "strict", "fields that the API server does not know: strict refuses, warn drops them")
	flags.StringVar(&f.dryRun, "dry-run", "none", "server: only ask the API server what would change")
	flags.BoolVar(&f.force, "force-conflicts", false, "overwrite what another manager has written last")
	f.declare(flags, waitingTimeout, "how long to wait; 0 looks once")
	flags.Lookup("namespace").Usage = "the namespace (default: the manifest's, else the context's)"
	return c
}

func (f *applyFlags) run(ctx context.Context, o outside, namespaceGiven bool) error {
	if f.file == "" {
		return usageError{err: errors.New("-f is missing: which manifest?"), hint: "seldonctl apply -f FILE"}
	}
	if err := oneOf("validate", f.validate, []string{"strict", "warn"}); err != nil {
		return err
	}
	if err := oneOf("dry-run", f.dryRun, []string{"none", "server"}); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	from, err := f.read(f.file, o.stdin, namespaceGiven, "", reasons)
	if err != nil {
		return err
	}
	return f.operate(ctx, o, reasons, place{from.engine, from.object.GetNamespace()}, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
		from.object.SetNamespace(namespace)
		return ops.Apply(ctx, d, ops.ApplyRequest{
			Object: from.object, Lines: from.lines, Lenient: f.validate == "warn", ForceConflicts: f.force, DryRun: f.dryRun == "server", Manner: m,
		})
	})
}
