package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// embeddedProgram is the binary that holds the embedded cluster.
const embeddedProgram = "seldonctl-local"

// newLocal passes everything through to the embedded cluster's own program.
func newLocal(o outside) *cobra.Command {
	return &cobra.Command{
		Use:   "local up|down|status|kubeconfig",
		Short: "Start, stop and look at the embedded cluster",
		Long: `local passes its arguments to seldonctl-local, the program that holds the embedded
cluster: a real Kubernetes control plane with simulated nodes and pods and a stand-in
for the Seldon Core operator.`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			program, err := findEmbedded()
			if err != nil {
				return err
			}
			child := exec.CommandContext(c.Context(), program, args...)
			child.Stdin, child.Stdout, child.Stderr = o.stdin, o.stdout, o.stderr
			if err := child.Start(); err != nil {
				return fmt.Errorf("start %s: %w", program, err)
			}
			go passOn(o.signals, child.Process)
			err = child.Wait()
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				return exitError{code: failed.ExitCode()}
			}
			if err != nil {
				return fmt.Errorf("run %s: %w", program, err)
			}
			return nil
		},
	}
}

func passOn(signals <-chan os.Signal, p *os.Process) {
	for s := range signals {
		_ = p.Signal(s) // the process may have ended, which Wait tells
	}
}

// findEmbedded looks beside this program and on PATH.
func findEmbedded() (string, error) {
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		beside := filepath.Join(filepath.Dir(self), embeddedProgram)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	if found, err := exec.LookPath(embeddedProgram); err == nil {
		return found, nil
	}
	hint := "it is in the release archive beside seldonctl; from the source: make local"
	if runtime.GOOS == "windows" {
		hint = "the embedded cluster runs on Linux and macOS"
	}
	return "", &ops.RefusalError{Reason: ops.Unusable, Text: embeddedProgram + " was found neither beside this program nor on PATH", Hint: hint}
}

// runningEmbedded returns the kubeconfig of the embedded cluster that is running.
func runningEmbedded(ctx context.Context, o outside) (string, error) {
	program, err := findEmbedded()
	if err != nil {
		return "", err
	}
	child := exec.CommandContext(ctx, program, "kubeconfig")
	child.Stderr = o.stderr
	path, err := child.Output()
	if err != nil {
		return "", &ops.RefusalError{Reason: ops.Unusable, Text: "no embedded cluster is running", Hint: "seldonctl local up --detach", Err: err}
	}
	return strings.TrimSpace(string(path)), nil
}

// embedded is a cluster that lives as long as this command. It ends when its standard input closes,
// so that it does not outlive a killed parent.
type embedded struct {
	kubeconfig string
	child      *exec.Cmd
	lifeline   io.Closer
}

// startEmbedded starts a cluster and waits until it is ready. Its progress goes to stderr.
func startEmbedded(ctx context.Context, o outside, pace string, interrupts <-chan ops.Reason) (*embedded, error) {
	program, err := findEmbedded()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, program, "up", "--ephemeral", "--pace="+pace)
	detachSignals(child)
	child.Stderr = o.stderr
	lifeline, err := child.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	e := &embedded{child: child, lifeline: lifeline}
	ready := make(chan string, 1)
	go func() { ready <- readKubeconfig(stdout) }()
	select {
	case e.kubeconfig = <-ready:
	case reason := <-interrupts:
		e.stop()
		return nil, exitError{code: reason.Code()}
	}
	if e.kubeconfig == "" {
		e.stop()
		return nil, &ops.RefusalError{Reason: ops.Unusable, Text: "the embedded cluster did not start; its own words are above"}
	}
	return e, nil
}

// readKubeconfig reads the one line by which the embedded cluster says that it is ready.
func readKubeconfig(stdout io.Reader) string {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if path, found := strings.CutPrefix(lines.Text(), "KUBECONFIG="); found {
			return path
		}
	}
	return ""
}

// stopLimit is how long the embedded cluster may take to end before it is killed.
const stopLimit = 30 * time.Second

// stop ends the cluster and waits until it has removed what it made.
func (e *embedded) stop() {
	_ = e.lifeline.Close() // it may have ended by itself
	kill := time.AfterFunc(stopLimit, func() { _ = e.child.Process.Kill() })
	defer kill.Stop()
	_ = e.child.Wait() // how it ended no longer matters
}
