package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/files"
	"github.com/seldonctl/seldonctl/internal/kube/objects"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	waiting
	files.Several

	files    files.Flags
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
server does not know are refused with their line; --validate=warn drops them. A field of
the spec that another manager than kubectl or seldonctl has written last is not changed
without --force-conflicts. Several SeldonDeployments go side by side. What else the
files hold (Secrets, ConfigMaps, …) is applied first, by server-side apply.`,
		Example: `  seldonctl apply -f model.yaml -n models
  seldonctl apply -f models/ -R --create-namespace
  seldonctl apply -f model.yaml --dry-run=server
  seldonctl apply -f model.yaml --validate=warn --force-conflicts`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), o, c.Flags().Changed("namespace")) },
	}
	flags := c.Flags()
	f.files.Declare(flags)
	f.DeclareSeveral(flags)
	f.DeclareNamespace(flags)
	flags.StringVar(&f.validate, "validate", "strict", "fields that the API server does not know: strict refuses, warn drops them")
	flags.StringVar(&f.dryRun, "dry-run", "none", "server: only ask the API server what would change")
	flags.BoolVar(&f.force, "force-conflicts", false, "overwrite what another manager has written last")
	f.declare(flags, waitingTimeout, "how long to wait; 0 looks once")
	flags.Lookup("namespace").Usage = "the namespace (default: the manifest's, else the context's)"
	return c
}

func (f *applyFlags) run(ctx context.Context, o outside, namespaceGiven bool) error {
	if len(f.files.Paths) == 0 {
		return usageError{err: errors.New("-f is missing: which manifest?"), hint: "seldonctl apply -f FILE"}
	}
	if err := oneOf("validate", f.validate, []string{"strict", "warn"}); err != nil {
		return err
	}
	if err := oneOf("dry-run", f.dryRun, []string{"none", "server"}); err != nil {
		return err
	}
	if err := firstOf(f.check(), f.Check()); err != nil {
		return err
	}
	if f.CreateNamespace && f.dryRun == "server" {
		return usageError{err: errors.New("--create-namespace and --dry-run=server exclude each other: what is to be in a namespace cannot be tried before it exists")}
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	set, err := open(&f.files, o.stdin, reasons)
	if err != nil {
		return err
	}
	if given := f.connection.Namespace(); namespaceGiven && given != "" {
		err = set.Put(given)
	}
	if err := firstOf(err, set.Check()); err != nil {
		return err
	}
	return f.operate(ctx, o, reasons, at(set), func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
		set.PutRest(namespace)
		if root, single := set.Single(); single && !f.CreateNamespace {
			return f.apply(ctx, d, root, m)
		}
		return fleet.Go(ctx, d, f.plan(set, m))
	})
}

func (f *applyFlags) apply(ctx context.Context, d ops.Deps, root files.Root, m ops.Manner) ops.Reason {
	return ops.Apply(ctx, d, ops.ApplyRequest{
		Object: root.Object, Lines: root.Lines, Lenient: f.validate == "warn", ForceConflicts: f.force, DryRun: f.dryRun == "server", Manner: m,
	})
}

// plan is the application of several objects, or of one with what it needs.
func (f *applyFlags) plan(set files.Set, m ops.Manner) fleet.Plan {
	p := f.Plan(m)
	if f.CreateNamespace || len(set.Supporting) > 0 {
		p.Stages = append(p.Stages, &fleet.Unclaimed{Manifests: set.Manifests()})
	}
	if f.CreateNamespace {
		p.Stages = append(p.Stages, &fleet.Namespaces{Names: set.Namespaces()})
	}
	if len(set.Supporting) > 0 {
		p.Stages = append(p.Stages, &fleet.Applied{
			Objects: objects.New(f.cluster), Supporting: set.Supporting, ForceConflicts: f.force, DryRun: f.dryRun == "server",
		})
	}
	return set.Join(p, f.apply)
}
