//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
)

// patience is how long a test waits for something that takes seconds on an idle machine.
const patience = 90 * time.Second

// asProgram are the commands with which the tests start this same binary as the program that it tests.
func asProgram() []string {
	return []string{"up", "down", "status", "kubeconfig", "restart", "component"}
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains(asProgram(), os.Args[1]) {
		main()
	}
	os.Exit(m.Run())
}

// program is the program that is tested, with its state in a folder of its own.
type program struct {
	t     *testing.T
	state string
}

func newProgram(t *testing.T) *program {
	t.Helper()
	return &program{t: t, state: t.TempDir()}
}

func (p *program) command(ctx context.Context, args ...string) *exec.Cmd {
	p.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.CommandContext(ctx, executable, args...)
	command.Env = append(os.Environ(), "XDG_STATE_HOME="+p.state, "TMPDIR="+p.state)
	return command
}

// run runs a command to its end and returns its exit code and output.
func (p *program) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*patience)
	defer cancel()
	command := p.command(ctx, args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// detached starts a cluster with a name, which ends with the test.
func (p *program) detached(name string, args ...string) *client {
	p.t.Helper()
	code, stdout, stderr := p.run(append([]string{"up", "--detach", "--name", name}, args...)...)
	if code != 0 {
		p.t.Fatalf("up ends with %d:\n%s", code, stderr)
	}
	p.t.Cleanup(func() { p.downAfter(name) })
	p.t.Log(lastLine(stderr, "The cluster is ready"))
	return connect(p.t, stdout)
}

// downAfter stops the cluster after the test, whose context has ended.
func (p *program) downAfter(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := p.command(ctx, "down", "--name", name).CombinedOutput(); err != nil {
		p.t.Errorf("down: %v\n%s", err, out)
	}
}

func lastLine(text, with string) string {
	found := ""
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, with) {
			found = line
		}
	}
	return found
}

// client is a connection to a cluster.
type client struct {
	kubeconfig string
	core       kubernetes.Interface
	dynamic    dynamic.Interface
	warnings   *warnings
}

// warnings keeps the Warning headers of the API server.
type warnings struct {
	mu   sync.Mutex
	text []string
}

var _ rest.WarningHandler = (*warnings)(nil)

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// connect connects to the cluster whose one line of output this is.
func connect(t *testing.T, stdout string) *client {
	t.Helper()
	path, ok := strings.CutPrefix(strings.TrimSpace(stdout), "KUBECONFIG=")
	if !ok || strings.Contains(path, "\n") {
		t.Fatalf("stdout is not one line KUBECONFIG=PATH: %q", stdout)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{kubeconfig: path, warnings: &warnings{}}
	config.WarningHandler, config.QPS, config.Timeout = c.warnings, -1, 10*time.Second
	if c.core, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// ephemeral is a cluster that ends with its parent.
type ephemeral struct {
	*client
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  *bytes.Buffer
	folder  string
}

// ephemeral starts a cluster that ends when its stdin does.
func (p *program) ephemeral() *ephemeral {
	p.t.Helper()
	e := &ephemeral{command: p.command(p.t.Context(), "up", "--ephemeral"), stderr: &bytes.Buffer{}}
	e.command.Stderr = e.stderr
	stdin, err := e.command.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	e.stdin = stdin
	stdout, err := e.command.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := e.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	line := make([]byte, 4096)
	n, err := stdout.Read(line)
	if err != nil {
		_ = e.command.Wait()
		p.t.Fatalf("the cluster does not come up: %v\n%s", err, e.stderr)
	}
	e.client = connect(p.t, string(line[:n]))
	e.folder = filepath.Dir(e.kubeconfig)
	return e
}

// processes are the processes of the cluster in a folder.
func processes(t *testing.T, folder string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-axo", "pid=,state=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); strings.Contains(line, folder) && !strings.HasPrefix(fields[1], "Z") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() error) {
	t.Helper()
	within(t, patience, what, holds)
}

// within waits until something holds, for a time.
func within(t *testing.T, long time.Duration, what string, holds func() error) {
	t.Helper()
	deadline := time.Now().Add(long)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s, not within %s: %v", what, long, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// nothingLeft waits until neither a process nor the folder of a cluster is left.
func nothingLeft(t *testing.T, folder string) {
	t.Helper()
	eventually(t, "nothing is left", func() error {
		if left := processes(t, folder); len(left) > 0 {
			return fmt.Errorf("processes: %s", strings.Join(left, "\n"))
		}
		if _, err := os.Stat(folder); err == nil {
			return fmt.Errorf("the folder %s is still there", folder)
		}
		return nil
	})
}

// status asks for the status of a named cluster.
func (p *program) status(name string) cluster.Status {
	p.t.Helper()
	code, stdout, stderr := p.run("status", "--name", name, "-o", "json")
	var status cluster.Status
	if err := json.Unmarshal([]byte(stdout), &status); err != nil || code != 0 {
		p.t.Fatalf("status ends with %d and says %q: %v\n%s", code, stdout, err, stderr)
	}
	return status
}

// kill kills the process of a component.
func kill(t *testing.T, folder, component string) {
	t.Helper()
	for _, line := range processes(t, folder) {
		if !strings.Contains(line, " component "+component+" ") {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(line, &pid); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("there is no %s", component)
}
