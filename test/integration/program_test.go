//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// line is one line of standard output with the time at which it was read.
type line struct {
	at   time.Time
	text string
}

// program is a seldonctl under way.
type program struct {
	command *exec.Cmd
	began   time.Time
	stderr  bytes.Buffer

	mu      sync.Mutex
	lines   []line
	changed chan struct{} // closed and made anew with every line and at the end
	done    bool
	code    int
	ended   time.Time
	err     error
}

// launch starts a command. onLine, if not nil, is called with each line of standard output as it comes,
// before anybody who waits for the line goes on.
func launch(command *exec.Cmd, onLine func(line)) (*program, error) {
	p := &program{command: command, changed: make(chan struct{})}
	command.Stderr = &p.stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	go p.read(stdout, onLine)
	return p, nil
}

func (p *program) read(stdout io.Reader, onLine func(line)) {
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l := line{at: time.Now(), text: scanner.Text()}
		if onLine != nil {
			onLine(l)
		}
		p.note(func() { p.lines = append(p.lines, l) })
	}
	code, err := exitCode(p.command.Wait())
	p.note(func() { p.done, p.code, p.err, p.ended = true, code, err, time.Now() })
}

func (p *program) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// until waits until something holds of what the program has said or of its end.
func (p *program) until(within time.Duration, holds func() bool) bool {
	expired := time.After(within)
	for {
		p.mu.Lock()
		held, changed := holds(), p.changed
		p.mu.Unlock()
		if held {
			return true
		}
		select {
		case <-changed:
		case <-expired:
			return false
		}
	}
}

// says waits for a line that matches the pattern. Ends are waited for too: what ended says nothing more.
func (p *program) says(pattern string) (line, error) {
	wanted := regexp.MustCompile(pattern)
	var found *line
	p.until(limit, func() bool {
		for i := range p.lines {
			if wanted.MatchString(p.lines[i].text) {
				found = &p.lines[i]
			}
		}
		return found != nil || p.done
	})
	if found == nil {
		return line{}, fmt.Errorf("no line matches %q in:\n%s", pattern, p.text())
	}
	return *found, nil
}

// end waits for the end and returns the exit code.
func (p *program) end() (int, error) {
	if !p.until(2*limit, func() bool { return p.done }) {
		p.kill()
		return 0, fmt.Errorf("it did not end in time:\n%s", p.text())
	}
	return p.code, p.err
}

func (p *program) kill() { _ = p.command.Process.Kill() }

// text returns all of standard output so far.
func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, l := range p.lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// last returns the last line of standard output.
func (p *program) last() string {
	lines := strings.Split(strings.TrimRight(p.text(), "\n"), "\n")
	return lines[len(lines)-1]
}

// environment is what programs under test are started in: nothing of the user's own cluster reaches them.
func environment(kubeconfig string, further ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "KUBECONFIG", "NO_COLOR", "CLICOLOR_FORCE", "XDG_STATE_HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT":
		default:
			env = append(env, variable)
		}
	}
	return append(append(env, "KUBECONFIG="+kubeconfig), further...)
}

// trial is a program under way in a test, which fails where the program does not do as expected.
type trial struct {
	*program
	t *testing.T
}

// start starts seldonctl on a cluster.
func start(t *testing.T, s shop, c *cluster, onLine func(line), args ...string) trial {
	t.Helper()
	command := exec.Command(s.seldonctl, args...)
	command.Env = environment(c.kubeconfig)
	return startCommand(t, command, onLine)
}

func startCommand(t *testing.T, command *exec.Cmd, onLine func(line)) trial {
	t.Helper()
	p, err := launch(command, onLine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		p.until(limit, func() bool { return p.done })
		if t.Failed() {
			t.Logf("%s:\n%s%s", strings.Join(command.Args[1:], " "), p.text(), p.stderr.String())
		}
	})
	return trial{program: p, t: t}
}

// await waits for a line that matches the pattern.
func (p trial) await(pattern string) line {
	p.t.Helper()
	l, err := p.says(pattern)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

// exits waits for the end and checks the exit code and that the last line tells it.
func (p trial) exits(want int) {
	p.t.Helper()
	got, err := p.end()
	if err != nil {
		p.t.Fatal(err)
	}
	if got != want {
		p.t.Errorf("exit code %d, want %d", got, want)
	}
	if !strings.Contains(p.last(), fmt.Sprintf("exit %d (", want)) || !strings.Contains(p.last(), "  end  ") {
		p.t.Errorf("the last line does not tell exit code %d: %s", want, p.last())
	}
}

// signal sends a signal and returns when.
func (p trial) signal(s syscall.Signal) time.Time {
	p.t.Helper()
	at := time.Now()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	return at
}
