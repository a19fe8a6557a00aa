// Package embedded finds, starts and stops the embedded cluster, which is a program of its own.
//
// It knows no flags and no Kubernetes: it hands out the path of a kubeconfig.
package embedded

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

	"github.com/seldonctl/seldonctl/internal/ops"
)

// program is the binary that holds the embedded cluster.
const program = "seldonctl-local"

// Find looks for the embedded cluster's program, beside this one and on PATH.
func Find() (string, error) {
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		beside := filepath.Join(filepath.Dir(self), program)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	if found, err := exec.LookPath(program); err == nil {
		return found, nil
	}
	hint := "it is in the release archive beside seldonctl; from the source: make local"
	if runtime.GOOS == "windows" {
		hint = "the embedded cluster runs on Linux and macOS"
	}
	return "", &ops.RefusalError{Reason: ops.Unusable, Text: program + " was found neither beside this program nor on PATH", Hint: hint}
}

// Running returns the kubeconfig of the cluster that is running.
func Running(ctx context.Context, stderr io.Writer) (string, error) {
	path, err := Find()
	if err != nil {
		return "", err
	}
	child := exec.CommandContext(ctx, path, "kubeconfig")
	child.Stderr = stderr
	kubeconfig, err := child.Output()
	if err != nil {
		return "", &ops.RefusalError{Reason: ops.Unusable, Text: "no embedded cluster is running", Hint: "seldonctl local up --detach", Err: err}
	}
	return strings.TrimSpace(string(kubeconfig)), nil
}

// Pass carries the arguments out by the embedded cluster's own program. An *exec.ExitError tells its exit code.
func Pass(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, signals <-chan os.Signal) error {
	path, err := Find()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, path, args...)
	child.Stdin, child.Stdout, child.Stderr = stdin, stdout, stderr
	if err := child.Start(); err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		for s := range signals {
			_ = child.Process.Signal(s) // the process may have ended, which Wait tells
		}
	}()
	if err := child.Wait(); err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}

// Cluster is a cluster that lives as long as this command. It ends when its standard input closes,
// so that it does not outlive a killed parent.
type Cluster struct {
	// Kubeconfig is the path of its kubeconfig.
	Kubeconfig string

	child    *exec.Cmd
	lifeline io.Closer
}

// Start starts a cluster and waits until it is ready. Its progress goes to stderr. An interrupt ends the
// waiting and is the reason of the refusal.
func Start(ctx context.Context, pace string, interrupts <-chan ops.Reason, stderr io.Writer) (*Cluster, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, path, "up", "--ephemeral", "--pace="+pace)
	detachSignals(child)
	child.Stderr = stderr
	lifeline, stdinErr := child.StdinPipe()
	stdout, stdoutErr := child.StdoutPipe()
	if err := errors.Join(stdinErr, stdoutErr); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	c := &Cluster{child: child, lifeline: lifeline}
	ready := make(chan string, 1)
	go func() { ready <- readKubeconfig(stdout) }()
	select {
	case c.Kubeconfig = <-ready:
	case reason := <-interrupts:
		c.Stop()
		return nil, &ops.RefusalError{Reason: reason, Text: "interrupted while the embedded cluster started; nothing was sent to it"}
	}
	if c.Kubeconfig == "" {
		c.Stop()
		return nil, &ops.RefusalError{Reason: ops.Unusable, Text: "the embedded cluster did not start; its own words are above"}
	}
	return c, nil
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

// stopLimit is how long the cluster may take to end before it is killed.
const stopLimit = 30 * time.Second

// Stop ends the cluster and waits until it has removed what it made.
func (c *Cluster) Stop() {
	_ = c.lifeline.Close() // it may have ended by itself
	kill := time.AfterFunc(stopLimit, func() { _ = c.child.Process.Kill() })
	defer kill.Stop()
	_ = c.child.Wait() // how it ended no longer matters
}
