package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// exit says that a component's process has ended.
type exit struct {
	Name string
	Err  error
	// Lived is how long the process was there.
	Lived time.Duration
}

// process is one running component.
type process struct {
	command *exec.Cmd
	started time.Time
	done    chan struct{}
	// wanted means that we end it ourselves.
	wanted bool
}

// processes are the components of one cluster as children of this process.
type processes struct {
	folder     state.Folder
	executable string
	exits      chan exit
	spawn      chan func()

	lifelineRead, lifelineWrite *os.File
	presenceRead, presenceWrite *os.File

	mu       sync.Mutex
	running  map[string]*process
	restarts map[string]int
	closed   bool
	// disturbances counts the requested restarts that are under way or have left the API server unready, disturbed is when the last one was over.
	disturbances int
	disturbed    time.Time
}

func newProcesses(folder state.Folder) (*processes, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	p := &processes{
		folder: folder, executable: executable, running: map[string]*process{}, restarts: map[string]int{},
		exits: make(chan exit, 32), spawn: make(chan func()),
	}
	if p.lifelineRead, p.lifelineWrite, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("make the lifeline of the components: %w", err)
	}
	if p.presenceRead, p.presenceWrite, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("make the presence pipe of the components: %w", err)
	}
	// On Linux a child is killed when the thread that started it ends, so that one thread starts them all and stays.
	go func() {
		runtime.LockOSThread()
		for start := range p.spawn {
			start()
		}
	}()
	return p, nil
}

// start starts a component.
func (p *processes) start(l launch) error {
	log, err := os.OpenFile(p.folder.Log(l.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", l.Name, err)
	}
	defer func() { _ = log.Close() }()
	command := p.command(l, log)
	command.ExtraFiles = []*os.File{p.lifelineRead, p.presenceWrite}
	command.SysProcAttr = childAttributes()

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("start %s: the cluster is being stopped", l.Name)
	}
	if err := p.launch(command); err != nil {
		return fmt.Errorf("start %s: %w", l.Name, err)
	}
	child := &process{command: command, started: time.Now(), done: make(chan struct{})}
	p.running[l.Name] = child
	go p.wait(l.Name, child)
	return nil
}

// startJanitor starts the process that removes the state folder when all others are gone, even if this one is killed.
func (p *processes) startJanitor() error {
	command := p.command(launch{Name: component.Janitor, Args: []string{p.folder.Path}}, nil)
	command.Dir = "/"
	command.ExtraFiles = []*os.File{p.lifelineRead, p.presenceRead}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.launch(command); err != nil {
		return fmt.Errorf("start the janitor: %w", err)
	}
	go func() { _ = command.Wait() }()
	return nil
}

func (p *processes) launch(command *exec.Cmd) error {
	result := make(chan error, 1)
	p.spawn <- func() { result <- command.Start() }
	return <-result
}

func (p *processes) command(l launch, log *os.File) *exec.Cmd {
	command := exec.Command(p.executable, append([]string{"component", l.Name}, l.Args...)...) //nolint:noctx // close ends all of them
	command.Dir = p.folder.Path
	command.Env = environment(p.folder)
	if log != nil {
		command.Stdout, command.Stderr = log, log
	}
	return command
}

// environment is what a component sees: nothing of the user's settings (kubeconfigs, proxies, configuration in the home folder) can change what it does.
func environment(folder state.Folder) []string {
	env := []string{"HOME=" + folder.Path, "KWOK_WORKDIR=" + folder.Path}
	for _, name := range []string{"PATH", "TMPDIR", "TZ", "GOMAXPROCS", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (p *processes) wait(name string, child *process) {
	err := child.command.Wait()
	p.mu.Lock()
	wanted := child.wanted
	if p.running[name] == child {
		delete(p.running, name)
	}
	p.mu.Unlock()
	close(child.done)
	if !wanted {
		p.exits <- exit{Name: name, Err: err, Lived: time.Since(child.started)}
	}
}

// kill ends one component and waits until it is gone. With grace it is asked first.
func (p *processes) kill(name string, grace time.Duration) {
	p.mu.Lock()
	child := p.running[name]
	if child != nil {
		child.wanted = true
	}
	p.mu.Unlock()
	if child == nil {
		return
	}
	if grace > 0 {
		_ = child.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-child.done:
			return
		case <-time.After(grace):
		}
	}
	_ = child.command.Process.Kill()
	<-child.done
}

// close ends every component at once. Nothing has to be shut down in order, because the state is thrown away.
func (p *processes) close() {
	p.mu.Lock()
	p.closed = true
	var children []*process
	for _, child := range p.running {
		child.wanted = true
		children = append(children, child)
	}
	p.mu.Unlock()
	for _, child := range children {
		_ = child.command.Process.Kill()
	}
	for _, child := range children {
		<-child.done
	}
	close(p.spawn)
	for _, f := range []*os.File{p.lifelineRead, p.lifelineWrite, p.presenceRead, p.presenceWrite} {
		_ = f.Close()
	}
}

// pids are the process ids of the running components.
func (p *processes) pids() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pids := make(map[string]int, len(p.running))
	for name, child := range p.running {
		pids[name] = child.command.Process.Pid
	}
	return pids
}

// disturb says that a restart has been requested; the function that it returns, that what it disturbed has settled.
func (p *processes) disturb() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disturbances++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.disturbances--
		p.disturbed = time.Now()
	}
}

// settling says whether a requested restart is under way or has been over for less than this time.
func (p *processes) settling(after time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disturbances > 0 || !p.disturbed.IsZero() && time.Since(p.disturbed) < after
}

func (p *processes) countRestart(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restarts[name]++
}

func (p *processes) restarted(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restarts[name]
}
