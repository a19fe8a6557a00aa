// Command seldonctl-local is a whole Kubernetes control plane with simulated nodes in one binary: it starts it, supervises it and stops it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/seldonctl/seldonctl/local/internal/cli"
)

// Set by the linker (-X main.version=…), never written by the program.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Build{Version: version, Commit: commit, Date: date}, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
