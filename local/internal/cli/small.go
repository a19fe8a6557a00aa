package cli

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

func newKubeconfig(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of a running cluster's kubeconfig",
		Args:  cobra.NoArgs,
	}
	named := name(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		folder, err := state.Named(*named)
		if err != nil {
			return usage(err)
		}
		if !folder.Running() {
			return noCluster(folder.Name)
		}
		_, _ = fmt.Fprintln(streams.Out, folder.Kubeconfig())
		return nil
	}
	return cmd
}

func newRestart(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restart COMPONENT",
		Short: "Kill a component of a running cluster and start it again, to see what its loss does",
		Long: `Kill a component of a running cluster and start it again. The components are etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, kubelet
and seldon-operator.`,
		Args: cobra.ExactArgs(1),
	}
	named := name(cmd)
	away := cmd.Flags().Duration("down-for", 0, "how long it stays away")
	graceful := cmd.Flags().Bool("graceful", false, "ask it to end and give it 10 s, instead of killing it at once")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		folder, err := state.Named(*named)
		if err != nil {
			return usage(err)
		}
		record, err := folder.Load()
		if err != nil || !folder.Running() {
			return noCluster(folder.Name)
		}
		request := cluster.Restart{Component: args[0], DownFor: *away}
		if *graceful {
			request.Grace = 10 * time.Second
		}
		if err := cluster.Ask(cmd.Context(), record, "POST", "/restart", request, nil); err != nil {
			return fmt.Errorf("restart %s: %w", args[0], err)
		}
		_, _ = fmt.Fprintf(streams.Err, "%s was away for %s and is started again.\n", args[0], *away)
		return nil
	}
	return cmd
}

func newVersion(build Build, streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of what it contains",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version := build.Version
			if version == "" {
				version = "development"
			}
			_, _ = fmt.Fprintf(streams.Out, "seldonctl-local %s\n", version)
			for _, line := range [][2]string{{"commit", build.Commit}, {"built", build.Date}} {
				if line[1] != "" {
					_, _ = fmt.Fprintf(streams.Out, "%s %s\n", line[0], line[1])
				}
			}
			_, _ = fmt.Fprintf(streams.Out, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			for _, part := range component.Versions() {
				_, _ = fmt.Fprintf(streams.Out, "%s %s\n", part.Name, part.Version)
			}
			return nil
		},
	}
}

// newComponent is what the supervisor starts; users never do.
func newComponent() *cobra.Command {
	return &cobra.Command{
		Use: "component NAME [ARGUMENT…]", Short: "Run one component in this process (for the supervisor)", Hidden: true,
		DisableFlagParsing: true, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := component.Run(cmd.Context(), args[0], args[1:])
			if err != nil {
				return usage(err)
			}
			if code != 0 {
				return &coded{code: code}
			}
			return nil
		},
	}
}
