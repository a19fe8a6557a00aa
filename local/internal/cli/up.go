package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// upRequest is what `up` is asked for.
type upRequest struct {
	name, pace     string
	config         cluster.Config
	detach, notify bool
	seldonVersion  string
	switches       *simseldon.Switches
	streams        Streams
}

func newUp(streams Streams) *cobra.Command {
	r := upRequest{streams: streams}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster and keep it until it is interrupted",
		Long: `Start a cluster. When it is ready, its kubeconfig is printed on stdout as KUBECONFIG=PATH; what happens until then is told on stderr.
It runs until it is interrupted or stopped by "seldonctl-local down"; then nothing of it is left.`,
		Example: `  eval "$(seldonctl-local up --detach)" && export KUBECONFIG
  seldonctl-local up --pace realistic --audit-log audit.jsonl`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	named := name(cmd)
	flags.StringVar(&r.pace, "pace", string(cluster.Instant), "how fast pods live: instant or realistic")
	flags.IntVar(&r.config.Nodes, "nodes", 8, fmt.Sprintf("the number of simulated nodes, each for %d pods", cluster.PodsPerNode))
	flags.StringVar(&r.config.AuditLog, "audit-log", "", "write the API server's audit log to this `file`, as JSON lines")
	flags.BoolVar(&r.detach, "detach", false, "return when the cluster is ready and leave it running")
	flags.BoolVar(&r.config.Ephemeral, "ephemeral", false, "take no name, keep the state in a temporary folder, and end when stdin ends")
	flags.StringVar(&r.seldonVersion, "seldon-version", "", "let the operator stand-in behave as this `version` of Seldon Core did")
	r.switches = component.OperatorFlags(flags)
	flags.BoolVar(&r.notify, "notify", false, "tell the progress on file descriptor 3 (used by --detach)")
	_ = flags.MarkHidden("notify")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r.name = *named
		if r.config.Ephemeral && (r.detach || flags.Changed("name")) {
			return usage(errors.New("--ephemeral goes with neither --name nor --detach: such a cluster ends with whoever started it"))
		}
		if err := r.complete(); err != nil {
			return usage(err)
		}
		if r.detach {
			return r.startDetached(cmd.Context())
		}
		return r.up(cmd.Context())
	}
	return cmd
}

// complete turns the words of the flags into what they mean.
func (r *upRequest) complete() error {
	r.config.Pace = cluster.Pace(r.pace)
	if r.config.AuditLog != "" {
		path, err := filepath.Abs(r.config.AuditLog)
		if err != nil {
			return fmt.Errorf("--audit-log: %w", err)
		}
		r.config.AuditLog = path
	}
	if r.seldonVersion != "" {
		older, err := switchesOf(r.seldonVersion)
		if err != nil {
			return err
		}
		r.switches.NoConditions = r.switches.NoConditions || older.NoConditions
		r.switches.NeverFailed = r.switches.NeverFailed || older.NeverFailed
		r.switches.RecreateDuringDelete = r.switches.RecreateDuringDelete || older.RecreateDuringDelete
	}
	r.config.Operator = component.OperatorArgs(*r.switches)
	if !r.config.Ephemeral {
		if _, err := state.Named(r.name); err != nil {
			return err
		}
	}
	return r.config.Validate()
}

// switchesOf is how a version of Seldon Core differs from the newest that the stand-in knows.
func switchesOf(version string) (simseldon.Switches, error) {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n < 2 || major != 1 {
		return simseldon.Switches{}, fmt.Errorf("--seldon-version %q: use a version of Seldon Core 1, such as 1.17.1", version)
	}
	return simseldon.Switches{NoConditions: minor < 11, NeverFailed: minor < 13, RecreateDuringDelete: minor < 5 || minor == 5 && patch < 1}, nil
}

// up runs the cluster until its end.
func (r *upRequest) up(ctx context.Context) error {
	folder, err := r.folder()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.config.Ephemeral {
		go func() {
			_, _ = io.Copy(io.Discard, r.streams.In)
			cancel()
		}()
	}
	if r.notify {
		return runNotifying(ctx, folder, r.config)
	}
	return cluster.Run(ctx, folder, r.config, r.listener(folder))
}

func (r *upRequest) folder() (state.Folder, error) {
	if r.config.Ephemeral {
		return state.Ephemeral()
	}
	return state.Named(r.name)
}

// listener tells the user how the cluster comes up.
func (r *upRequest) listener(folder state.Folder) cluster.Listener {
	ready := func(summary string) {
		_, _ = fmt.Fprintln(r.streams.Err, summary)
		_, _ = fmt.Fprintf(r.streams.Out, "KUBECONFIG=%s\n", folder.Kubeconfig())
		if r.config.Ephemeral {
			return
		}
		_, _ = fmt.Fprintf(r.streams.Err, "Use it in another terminal, for example:\n  export KUBECONFIG=%s\n  seldonctl run -f test-resource.yaml\nCtrl-C ends it.\n", folder.Kubeconfig())
	}
	return cluster.WriterListener{Out: r.streams.Err, OnReady: ready}
}
