//go:build integration

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a seldonctl as it is released: stripped.
type program struct{ path string }

func buildProgram(ctx context.Context, b *testing.B) program {
	b.Helper()
	p := program{filepath.Join(b.TempDir(), "seldonctl")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", p.path, "../../cmd/seldonctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build seldonctl: %v\n%s", err, out)
	}
	return p
}

func (p program) size(b *testing.B) int64 {
	b.Helper()
	info, err := os.Stat(p.path)
	must(b, err)
	return info.Size()
}

// help is the median time of --help.
func (p program) help(ctx context.Context, b *testing.B) time.Duration {
	b.Helper()
	var times []time.Duration
	for range 20 {
		began := time.Now()
		must(b, exec.CommandContext(ctx, p.path, "--help").Run())
		times = append(times, time.Since(began))
	}
	return median(times)
}

// commit words the commit that is measured.
func commit(ctx context.Context, b *testing.B) string {
	b.Helper()
	out, err := exec.CommandContext(ctx, "../../hack/version.sh", "commit").Output()
	must(b, err)
	hash, _, changed := strings.Cut(strings.TrimSpace(string(out)), "-")
	words := "commit " + hash[:min(len(hash), 8)]
	if changed {
		words += " with changes"
	}
	return words
}

// turn is `seldonctl run`, the whole process, with further flags. A phase ends with the line that claims it.
func (p program) turn(kubeconfig string, w *witness, flags ...string) contender {
	return func(ctx context.Context) (turn, error) {
		var t turn
		var output bytes.Buffer
		result, err := framed(ctx, func(line string) {
			output.WriteString(line + "\n")
			if words := strings.Fields(line); len(words) > 2 && words[1] == "OK" {
				if i := slices.IndexFunc(goals[:], func(g goal) bool { return words[2] == g.phase+":" }); i >= 0 {
					t.claims = append(t.claims, w.claimed(ctx, goals[i]))
				}
			}
		}, append([]string{p.path, "run", "-f", manifest, "-n", w.namespace, "-r", strconv.Itoa(scaled), "--kubeconfig", kubeconfig}, flags...)...)
		if err == nil && (result.Code != 0 || len(t.claims) != len(goals)) {
			err = fmt.Errorf("exit code %d and %d phases after:\n%s", result.Code, len(t.claims), output.String())
		}
		t.started, t.ended, t.peak = result.Started, result.Ended, result.Peak
		return t, err
	}
}

// frameVariable makes this test binary a frame, see framed.
const frameVariable = "SELDONCTL_BENCH_FRAME"

// framing is what a frame reports of the process in it.
type framing struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Code    int       `json:"code"`
	Peak    int64     `json:"peak"` // bytes of memory
}

// framed runs a program in a small process of its own, because Linux counts the memory of the process
// that starts another as that other's: this one's would hide seldonctl's. The lines of its output are
// passed on as they come.
func framed(ctx context.Context, line func(string), args ...string) (framing, error) {
	var result framing
	self, err := os.Executable()
	if err != nil {
		return result, fmt.Errorf("find this program: %w", err)
	}
	report, reportEnd, err := os.Pipe()
	if err != nil {
		return result, fmt.Errorf("make a pipe: %w", err)
	}
	defer report.Close()
	defer reportEnd.Close()
	command := exec.CommandContext(ctx, self, args...)
	command.Env = append(os.Environ(), frameVariable+"=1")
	command.Stderr, command.ExtraFiles = os.Stderr, []*os.File{reportEnd}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return result, fmt.Errorf("make a pipe: %w", err)
	}
	if err := command.Start(); err != nil {
		return result, fmt.Errorf("start the frame: %w", err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line(lines.Text())
	}
	if err := command.Wait(); err != nil {
		return result, fmt.Errorf("run %s: %w", args[0], err)
	}
	if err := json.NewDecoder(report).Decode(&result); err != nil {
		return result, fmt.Errorf("read what the frame says: %w", err)
	}
	return result, nil
}

// frame is the other side of framed: it runs a program and reports on it. It returns its exit code.
func frame(args []string) int {
	command := exec.Command(args[0], args[1:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	result := framing{Started: time.Now()}
	err := command.Run()
	result.Ended = time.Now()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	result.Code = command.ProcessState.ExitCode()
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		result.Peak = usage.Maxrss
		if runtime.GOOS == "linux" {
			result.Peak *= 1024 // Linux counts kilobytes, macOS bytes
		}
	}
	if err := json.NewEncoder(os.NewFile(3, "report")).Encode(result); err != nil {
		return 1
	}
	return 0
}
