//go:build integration

package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// home is where a test's embedded clusters of its own live: their processes carry its path in their
// arguments, and their state is in it.
type home struct {
	dir string
	env []string
}

func newHome(t *testing.T, s shop) home {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Dir(s.local) + string(os.PathListSeparator) + os.Getenv("PATH")
	return home{dir: dir, env: environment("", "PATH="+path, "TMPDIR="+dir, "XDG_STATE_HOME="+dir, "HOME="+dir)}
}

func (h home) command(s shop, args ...string) *exec.Cmd {
	command := exec.Command(s.seldonctl, args...)
	command.Env = h.env
	return command
}

// mustBeLeft checks that a run that ends by itself has waited for the end of its cluster: of its processes only
// the last one is left, which removes the state's folder just after it.
func (h home) mustBeLeft(t *testing.T) {
	t.Helper()
	for _, process := range processesWith(t, h.dir) {
		if !strings.Contains(process, " component janitor ") {
			t.Errorf("after the end there is left the process\n%s", process)
		}
	}
	h.mustBeDeserted(t)
}

// mustBeDeserted waits until there is no process and no file left.
func (h home) mustBeDeserted(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(50 * time.Millisecond); ; <-ticks.C {
		files, err := filepath.Glob(filepath.Join(h.dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		processes := processesWith(t, h.dir)
		if len(files) == 0 && len(processes) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s after the end there are left the files %v and the processes\n%s", limit, files, strings.Join(processes, "\n"))
		}
	}
}

// processesWith returns the command lines of the processes that contain a word.
func processesWith(t *testing.T, word string) []string {
	t.Helper()
	var all []string
	if runtime.GOOS == "linux" {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, _ := os.ReadFile(file) // the process may have ended
			all = append(all, string(bytes.ReplaceAll(data, []byte{0}, []byte{' '})))
		}
	} else {
		data, err := exec.Command("ps", "-A", "-ww", "-o", "command=").Output()
		if err != nil {
			t.Fatal(err)
		}
		all = strings.Split(string(data), "\n")
	}
	var found []string
	for _, command := range all {
		if strings.Contains(command, word) {
			found = append(found, command)
		}
	}
	return found
}

func TestLocal(t *testing.T) {
	t.Parallel()
	s := open(t)
	t.Run("run", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		sit(t, clusterSeats)
		h := newHome(t, s)
		p := startCommand(t, h.command(s, "run", "--local", "--local-pace=instant", "-f", s.manifest("model.yaml"), "-r", "3"), nil)
		p.exits(0)
		h.mustBeLeft(t)
		if !strings.Contains(p.last(), "the pods were simulated") {
			t.Errorf("the last line does not say that the pods were simulated: %s", p.last())
		}
		for _, word := range []string{"OK       available:", "OK       scaled: 3 of 3", "OK       gone:"} {
			if !strings.Contains(p.text(), word) {
				t.Errorf("no line says %q", word)
			}
		}
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		sit(t, clusterSeats)
		h := newHome(t, s)
		command := h.command(s, "run", "--local", "-f", s.manifest(phases["pods"].manifest))
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		p := startCommand(t, command, nil)
		p.await(phases["pods"].begins)
		// A terminal's Ctrl-C goes to the whole process group.
		if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		p.exits(130)
		h.mustBeLeft(t)
		if !strings.Contains(p.text(), "OK       gone:") {
			t.Error("it has not waited until the object was gone")
		}
	})
	t.Run("Ctrl-C-while-it-starts", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		sit(t, clusterSeats)
		h := newHome(t, s)
		p := startCommand(t, h.command(s, "run", "--local", "-f", s.manifest(phases["pods"].manifest)), nil)
		h.mustBePeopled(t)
		p.signal(syscall.SIGINT)
		if code, err := p.end(); err != nil || code != 130 {
			t.Errorf("exit code %d (%v), want 130", code, err)
		}
		h.mustBeLeft(t)
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		sit(t, clusterSeats)
		h := newHome(t, s)
		p := startCommand(t, h.command(s, "run", "--local", "-f", s.manifest(phases["pods"].manifest)), nil)
		p.await(phases["pods"].begins)
		p.kill()
		h.mustBeDeserted(t)
	})
	t.Run("pass-through", func(t *testing.T) {
		t.Parallel()
		passThrough(t, s, newHome(t, s))
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"local", "status"}, {"run", "--local", "-f", s.manifest("model.yaml")}} {
			command := exec.Command(s.seldonctl, args...)
			command.Env = environment("", "PATH="+t.TempDir())
			p := startCommand(t, command, nil)
			if code, err := p.end(); err != nil || code != 5 {
				t.Errorf("%v: exit code %d (%v), want 5", args, code, err)
			}
			for _, word := range []string{"seldonctl-local was found neither", "next: ", "make local"} {
				if !strings.Contains(p.stderr.String(), word) {
					t.Errorf("%v does not say %q: %s", args, word, p.stderr.String())
				}
			}
		}
	})
}

// mustBePeopled waits until a process of a cluster is there.
func (h home) mustBePeopled(t *testing.T) {
	t.Helper()
	for ticks := time.NewTicker(20 * time.Millisecond); len(processesWith(t, h.dir)) == 0; <-ticks.C {
		if t.Context().Err() != nil {
			t.Fatal("no process of a cluster has come")
		}
	}
}

// passThrough checks that "seldonctl local" says and returns what seldonctl-local does.
func passThrough(t *testing.T, s shop, h home) {
	t.Helper()
	for _, args := range [][]string{{"status"}, {"status", "-o", "json"}, {"kubeconfig", "--name", "nobody"}, {"up", "--pace=never"}, {"--help"}} {
		direct := exec.Command(s.local, args...)
		direct.Env = h.env
		var words bytes.Buffer
		direct.Stderr = &words
		out, err := direct.Output()
		want, err := exitCode(err)
		if err != nil {
			t.Fatal(err)
		}
		p := startCommand(t, h.command(s, append([]string{"local"}, args...)...), nil)
		got, err := p.end()
		if err != nil {
			t.Fatal(err)
		}
		if got != want || p.text() != string(out) || p.stderr.String() != words.String() {
			t.Errorf("local %v: it ends with %d and says %q and %q; seldonctl-local ends with %d and says %q and %q",
				args, got, p.text(), p.stderr.String(), want, out, words.String())
		}
	}
}
