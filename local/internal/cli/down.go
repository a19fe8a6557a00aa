package cli

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// stopLimit is how long a cluster may take to end.
const stopLimit = 20 * time.Second

func newDown(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop a cluster and remove all that is left of it",
		Args:  cobra.NoArgs,
	}
	named := name(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		folder, err := state.Named(*named)
		if err != nil {
			return usage(err)
		}
		what, err := down(cmd.Context(), folder)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(streams.Err, what)
		return nil
	}
	return cmd
}

// down stops the cluster of a folder, whether it answers or not, and says what there was to do.
func down(ctx context.Context, folder state.Folder) (string, error) {
	record, err := folder.Load()
	if err != nil && !errors.Is(err, state.ErrNone) {
		return "", err
	}
	if !folder.Running() {
		if !folder.Exists() {
			return fmt.Sprintf("There is no cluster %s: nothing to do.", folder.Name), nil
		}
		if err := endLeftovers(ctx, record); err != nil {
			return "", err
		}
		return fmt.Sprintf("Cluster %s was not running any more; what it had left is removed.", folder.Name), folder.Remove()
	}
	askCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := cluster.Ask(askCtx, record, "POST", "/stop", nil, nil); err != nil && record.Supervisor > 0 {
		_ = syscall.Kill(record.Supervisor, syscall.SIGKILL) // it holds the cluster's lock, so that it is the one
	}
	if err := wait(ctx, func() bool { return !folder.Running() }); err != nil {
		return "", fmt.Errorf("stop cluster %s (its supervisor is process %d): %w", folder.Name, record.Supervisor, err)
	}
	if err := endLeftovers(ctx, record); err != nil {
		return "", err
	}
	return fmt.Sprintf("Cluster %s is stopped and removed.", folder.Name), folder.Remove()
}

// endLeftovers waits until no component is left. Each ends by itself as soon as its supervisor has.
func endLeftovers(ctx context.Context, record state.Record) error {
	for component, pid := range record.Processes {
		if err := wait(ctx, func() bool { return !errors.Is(syscall.Kill(pid, 0), nil) }); err != nil {
			return fmt.Errorf("wait for the end of %s (process %d): %w", component, pid, err)
		}
	}
	return nil
}

// wait waits until something is true, for at most the time that a cluster may take to end.
func wait(ctx context.Context, holds func() bool) error {
	deadline := time.Now().Add(stopLimit)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("it did not end within %s", stopLimit)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
