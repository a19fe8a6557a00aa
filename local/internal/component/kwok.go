package component

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
)

// runKwok runs KWOK, which keeps the simulated nodes alive. Its configuration has to be read before its command is built, because that command has no
// --config of its own: log.InitFlags and config.InitFlags read it from os.Args, where Run has put it.
func runKwok(ctx context.Context, args []string) int {
	global := pflag.NewFlagSet("global", pflag.ContinueOnError)
	global.ParseErrorsAllowlist.UnknownFlags = true
	global.Usage = func() {}
	ctx, _ = log.InitFlags(ctx, global)
	ctx, err := config.InitFlags(ctx, global)
	if err != nil {
		fmt.Fprintf(os.Stderr, "read the configuration of kwok: %v\n", err)
		return 1
	}
	command := kwok.NewCommand(ctx)
	command.Version = "" // its --version clashes with the one that the parts of Kubernetes have registered for the whole process
	command.PersistentFlags().AddFlagSet(global)
	command.SetArgs(args)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "run kwok: %v\n", err)
		return 1
	}
	return 0
}
