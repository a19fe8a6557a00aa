// Command seldonctl takes a SeldonDeployment through its life on a Kubernetes cluster and proves
// every step.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/seldonctl/seldonctl/internal/cli"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // a reader that went away must not stop the cleanup
	os.Exit(cli.Run(os.Args, os.Stdin, os.Stdout, os.Stderr, signals))
}
