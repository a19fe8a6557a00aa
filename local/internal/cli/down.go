package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// stopLimit is how long a cluster may take to end.
const stopLimit = 10 * time.Second

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
		return fmt.Sprintf("Cluster %s was not running any more; what it had left is removed.", folder.Name), clean(ctx, folder, record)
	}
	if err := stop(ctx, folder, record); err != nil {
		return "", fmt.Errorf("stop cluster %s (its supervisor is process %d): %w", folder.Name, record.Supervisor, err)
	}
	return fmt.Sprintf("Cluster %s is stopped and removed.", folder.Name), clean(ctx, folder, record)
}

// stop asks the supervisor to end, and kills it if it does not.
func stop(ctx context.Context, folder state.Folder, record state.Record) error {
	ended := func() bool { return !folder.Running() }
	askCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// What counts is not the answer but that it ends.
	_ = cluster.Ask(askCtx, record, http.MethodPost, "/stop", nil, nil)
	err := wait(ctx, ended)
	if err == nil || ctx.Err() != nil || record.Supervisor <= 0 {
		return err
	}
	_ = syscall.Kill(record.Supervisor, syscall.SIGKILL) // it holds the cluster's lock, so that it is the one
	return wait(ctx, ended)
}

// clean removes the state, unless somebody has just started a new cluster of that name.
func clean(ctx context.Context, folder state.Folder, record state.Record) error {
	if err := endLeftovers(ctx, record); err != nil {
		return err
	}
	lock, err := folder.Acquire()
	if errors.Is(err, state.ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	return folder.Remove()
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
