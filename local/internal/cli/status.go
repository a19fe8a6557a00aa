package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

func newStatus(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show a cluster with its components, or all clusters",
		Args:  cobra.NoArgs,
	}
	named := cmd.Flags().String("name", "", "show only the cluster of this name")
	output := cmd.Flags().StringP("output", "o", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *output != "text" && *output != "json" {
			return usage(fmt.Errorf("-o is %q: use text or json", *output))
		}
		folders, err := chosen(*named)
		if err != nil {
			return usage(err)
		}
		var all []cluster.Status
		for _, folder := range folders {
			all = append(all, look(cmd.Context(), folder))
		}
		return show(streams.Out, all, *named, *output)
	}
	return cmd
}

func chosen(name string) ([]state.Folder, error) {
	if name == "" {
		return state.List()
	}
	folder, err := state.Named(name)
	return []state.Folder{folder}, err
}

// look asks a cluster how it is. One that does not answer is not running.
func look(ctx context.Context, folder state.Folder) cluster.Status {
	gone := cluster.Status{Name: folder.Name}
	if !folder.Running() {
		return gone
	}
	record, err := folder.Load()
	if err != nil {
		return gone
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var status cluster.Status
	if err := cluster.Ask(ctx, record, "GET", "/status", nil, &status); err != nil {
		return gone
	}
	return status
}

// show writes what was seen; with a name, it must be running.
func show(out io.Writer, all []cluster.Status, name, output string) error {
	running := 0
	for _, status := range all {
		if status.Running {
			running++
		}
	}
	var err error
	switch {
	case output == "json" && name != "":
		err = writeJSON(out, all[0])
	case output == "json":
		err = writeJSON(out, append([]cluster.Status{}, all...))
	case running > 0:
		err = writeText(out, all)
	}
	if err != nil {
		return err
	}
	if running > 0 {
		return nil
	}
	return notRunning(all, name)
}

// notRunning is the error when there is no cluster, or only what one has left.
func notRunning(all []cluster.Status, name string) error {
	if name == "" {
		name = "default"
	}
	for _, status := range all {
		if folder, err := state.Named(status.Name); err == nil && folder.Exists() {
			return &coded{codeNotFound, fmt.Errorf("cluster %s is not running any more; its logs are in %s, and this removes them: seldonctl-local down --name %s",
				folder.Name, folder.File("logs"), folder.Name)}
		}
	}
	return noCluster(name)
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}

func writeText(out io.Writer, all []cluster.Status) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, status := range all {
		if i > 0 {
			_, _ = fmt.Fprintln(table)
		}
		_, _ = fmt.Fprintf(table, "cluster\t%s\n", status.Name)
		if !status.Running {
			_, _ = fmt.Fprintf(table, "state\tnot running; \"seldonctl-local down --name %s\" removes what it has left\n", status.Name)
			continue
		}
		words := "starting"
		if status.Ready {
			words = "ready"
		}
		_, _ = fmt.Fprintf(table, "state\t%s\nserver\t%s\nkubeconfig\t%s\npods\t%s, %d nodes\n", words, status.Server, status.Kubeconfig, status.Pace, status.Nodes)
		for _, c := range status.Components {
			up := "down"
			if c.Up {
				up = fmt.Sprintf("up (process %d)", c.PID)
			}
			if c.Restarts > 0 {
				up += fmt.Sprintf(", restarted %d times", c.Restarts)
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\n", c.Name, up)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}
