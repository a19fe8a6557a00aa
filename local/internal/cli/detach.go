package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/seldonctl/seldonctl/local/internal/cluster"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// notifyFD is where a detached cluster tells its progress until it is ready.
const notifyFD = 3

// The first characters of a line that says more than progress.
const (
	readyMark = "\x01ready "
	errorMark = "\x01error "
)

// startDetached starts this program once more, in a session of its own, waits until its cluster is ready and leaves it alone.
func (r *upRequest) startDetached(ctx context.Context) error {
	folder, err := state.Named(r.name)
	if err != nil {
		return usage(err)
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe to the cluster: %w", err)
	}
	defer func() { _ = reader.Close() }()
	args := append([]string{"up", "--notify", "--name=" + r.name, "--pace=" + r.pace, fmt.Sprintf("--nodes=%d", r.config.Nodes), "--audit-log=" + r.config.AuditLog}, r.config.Operator...)
	command := exec.Command(executable, args...) //nolint:noctx // it outlives this process
	command.ExtraFiles = []*os.File{writer}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the cluster: %w", err)
	}
	_ = writer.Close()
	// Whoever gives up waiting does not want the cluster.
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Signal(syscall.SIGTERM) })
	defer stop()
	return r.follow(reader, folder)
}

// follow tells the progress of the detached cluster until it is ready or has failed.
func (r *upRequest) follow(reader *os.File, folder state.Folder) error {
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if summary, ok := strings.CutPrefix(line, readyMark); ok {
			_, _ = fmt.Fprintln(r.streams.Err, summary)
			_, _ = fmt.Fprintf(r.streams.Out, "KUBECONFIG=%s\n", folder.Kubeconfig())
			_, _ = fmt.Fprintf(r.streams.Err, "Try: KUBECONFIG=%s seldonctl run -f test-resource.yaml\nStop it with: seldonctl-local down --name %s\n", folder.Kubeconfig(), folder.Name)
			return nil
		}
		if failure, ok := strings.CutPrefix(line, errorMark); ok {
			return fmt.Errorf("%s", strings.ReplaceAll(failure, "\x02", "\n"))
		}
		_, _ = fmt.Fprintln(r.streams.Err, line)
	}
	return fmt.Errorf("the cluster ended before it was ready; its log: %s", folder.Log("supervisor"))
}

// notifier tells the progress on the inherited pipe, and everything in the supervisor's log.
type notifier struct {
	pipe   *os.File
	folder state.Folder
}

var _ cluster.Listener = (*notifier)(nil)

// runNotifying runs a cluster and tells its progress, and its failure, to the process that has started this one.
func runNotifying(ctx context.Context, folder state.Folder, config cluster.Config) error {
	n := &notifier{pipe: os.NewFile(notifyFD, "notify"), folder: folder}
	err := cluster.Run(ctx, folder, config, n)
	if err != nil {
		n.failed(err)
	}
	_ = n.pipe.Close()
	return err
}

// Progress tells a line.
func (n *notifier) Progress(line string) {
	_, _ = fmt.Fprintln(n.pipe, line)
	n.log(line)
}

// Ready tells that the cluster can be used, and nothing after that.
func (n *notifier) Ready(summary string) {
	_, _ = fmt.Fprintln(n.pipe, readyMark+summary)
	_ = n.pipe.Close()
	n.log(summary)
}

// failed tells why there is no cluster.
func (n *notifier) failed(err error) {
	_, _ = fmt.Fprintln(n.pipe, errorMark+strings.ReplaceAll(err.Error(), "\n", "\x02"))
	n.log(err.Error())
}

// log writes to the supervisor's log, if the state folder is there.
func (n *notifier) log(line string) {
	file, err := os.OpenFile(n.folder.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	_, _ = fmt.Fprintln(file, line)
}
