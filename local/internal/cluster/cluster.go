// Package cluster is the supervisor of one embedded cluster: it starts the components as its children, brings the cluster to the point where it can be
// used, watches over it, and ends it without leaving a process or a file. It must never decide anything about pods or SeldonDeployments.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// DiedError is the error of a cluster one of whose components ended by itself.
type DiedError struct {
	Component string
	Err       error
	// Tail is the end of the component's log.
	Tail string
	// Log is the log's path, if it is still there.
	Log string
}

func (d *DiedError) Error() string {
	cause := "without an error"
	if d.Err != nil {
		cause = d.Err.Error()
	}
	text := fmt.Sprintf("%s ended unexpectedly (%s)", d.Component, cause)
	if d.Tail != "" {
		text += "; the end of its log:\n    " + strings.ReplaceAll(d.Tail, "\n", "\n    ")
	}
	if d.Log != "" {
		text += "\nthe whole log: " + d.Log
	}
	return text
}

func (d *DiedError) Unwrap() error { return d.Err }

// startLimit is how long a cluster may take until it can be used, on a busy machine.
const startLimit = 3 * time.Minute

// Run starts a cluster and supervises it until the context ends, somebody asks it to stop or a component dies. Then nothing of it is left, except the
// logs of a named cluster that has failed.
func Run(ctx context.Context, folder state.Folder, config Config, listener Listener) error {
	if err := config.Validate(); err != nil {
		return err
	}
	if !config.Ephemeral {
		lock, err := folder.Acquire()
		if errors.Is(err, state.ErrRunning) {
			return fmt.Errorf("cluster %s: %w: see seldonctl-local status, stop it with seldonctl-local down --name %s, or choose another --name", folder.Name, err, folder.Name)
		}
		if err != nil {
			return err
		}
		defer lock.Release()
	}
	err := run(ctx, folder, config, listener)
	if _, died := errors.AsType[*DiedError](err); died && !config.Ephemeral {
		return err // its logs are worth more than a clean folder; the next up or down removes it
	}
	if removeErr := folder.Remove(); removeErr != nil {
		err = errors.Join(err, removeErr)
	}
	return err
}

// run tries again with other ports when another program has taken one in between.
func run(ctx context.Context, folder state.Folder, config Config, listener Listener) error {
	const attempts = 4
	for attempt := 1; ; attempt++ {
		err := runOnce(ctx, folder, config, listener)
		died, ok := errors.AsType[*DiedError](err)
		if attempt == attempts || !ok || !portTaken(died.Tail) {
			return err
		}
		listener.Progress(died.Component + " found its port taken; starting again with other ports")
	}
}

func portTaken(tail string) bool { return strings.Contains(tail, "address already in use") }

func runOnce(ctx context.Context, folder state.Folder, config Config, listener Listener) error {
	if err := folder.Prepare(); err != nil {
		return err
	}
	if config.AuditLog != "" {
		// A new cluster has a new log; the API server itself would go on with an old one.
		if err := os.WriteFile(config.AuditLog, nil, 0o600); err != nil {
			return fmt.Errorf("make the audit log: %w", err)
		}
	}
	p, err := freePorts()
	if err != nil {
		return err
	}
	ca, err := writeMaterial(folder, p, time.Now())
	if err != nil {
		return err
	}
	children, err := newProcesses(folder)
	if err != nil {
		return err
	}
	s := &session{folder: folder, config: config, ports: p, ca: ca, launches: plan(folder, config, p), children: children, listener: listener, begun: time.Now()}
	err = s.supervise(ctx)
	if died, ok := errors.AsType[*DiedError](err); ok {
		died.Tail = folder.Tail(died.Component, 8)
		if !config.Ephemeral {
			died.Log = folder.Log(died.Component)
		}
	}
	children.close()
	return err
}

// session is one life of a cluster.
type session struct {
	folder   state.Folder
	config   Config
	ports    ports
	ca       []byte
	launches map[string]launch
	children *processes
	listener Listener
	begun    time.Time
	// socket is where the control listens.
	socket string
}

// supervise starts everything and stays until the end.
func (s *session) supervise(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.config.Ephemeral {
		if err := s.children.startJanitor(); err != nil {
			return err
		}
	}
	control, err := s.listenForControl(ctx, cancel)
	if err != nil {
		return err
	}
	defer control.close() //nolint:contextcheck // it works when the context has ended

	started := make(chan error, 1)
	go func() { started <- s.start(ctx) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-s.children.exits:
			if !s.revive(ctx, e) {
				return &DiedError{Component: e.Name, Err: e.Err}
			}
		case err := <-started:
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			control.ready.Store(true)
			s.listener.Ready(s.summary())
		}
	}
}

// settling is for how long after a requested restart, counted from when the API server answers again, a component that ends is started again, as every cluster
// does whose API server was away.
const settling = time.Minute

// revive starts a component again that could not live with what a requested restart has taken away: the API server, or its port.
func (s *session) revive(ctx context.Context, e exit) bool {
	if !s.children.settling(settling) {
		return false
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
			s.children.countRestart(e.Name)
			if err := s.children.start(s.launches[e.Name]); err == nil {
				_ = s.record()
			}
		}
	}()
	return true
}

// record writes down what those outside need.
func (s *session) record() error {
	return s.folder.Save(state.Record{
		Name: s.folder.Name, Supervisor: os.Getpid(), Socket: s.socket, Server: s.ports.server(), Kubeconfig: s.folder.Kubeconfig(),
		Processes: s.children.pids(),
	})
}

func (s *session) summary() string {
	pods := "ready at once"
	if s.config.Pace == Realistic {
		pods = "ready after some seconds"
	}
	return fmt.Sprintf("The cluster is ready after %s: %d simulated nodes for %d pods (%s), and a stand-in for the Seldon operator.",
		seconds(time.Since(s.begun)), s.config.Nodes, s.config.Nodes*PodsPerNode, pods)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// order is the order in which the components are shown.
func order() []string {
	return []string{component.Etcd, component.APIServer, component.Controller, component.Scheduler, component.Kwok, component.Kubelet, component.Operator}
}
