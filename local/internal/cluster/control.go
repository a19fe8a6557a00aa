package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seldonctl/seldonctl/local/internal/bootstrap"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// Status is what a cluster says about itself.
type Status struct {
	Name       string            `json:"name"`
	Running    bool              `json:"running"`
	Ready      bool              `json:"ready"`
	Server     string            `json:"server,omitempty"`
	Kubeconfig string            `json:"kubeconfig,omitempty"`
	Pace       Pace              `json:"pace,omitempty"`
	Nodes      int               `json:"nodes,omitempty"`
	Supervisor int               `json:"supervisorPid,omitempty"`
	Components []ComponentStatus `json:"components,omitempty"`
}

// ComponentStatus is the state of one component.
type ComponentStatus struct {
	Name     string `json:"name"`
	Up       bool   `json:"up"`
	PID      int    `json:"pid,omitempty"`
	Restarts int    `json:"restarts"`
}

// Restart asks for a component to be killed and started again.
type Restart struct {
	Component string `json:"component"`
	// DownFor is how long it stays away.
	DownFor time.Duration `json:"downFor"`
	// Grace is how long it may take to end by itself before it is killed; zero kills it at once.
	Grace time.Duration `json:"grace"`
}

// control is the supervisor's ear: HTTP on a Unix socket in a private folder.
type control struct {
	session *session
	server  *http.Server
	ready   atomic.Bool
	remove  func()
	stop    context.CancelFunc
}

func (s *session) listenForControl(ctx context.Context, stop context.CancelFunc) (*control, error) {
	socket, remove, err := socketPath(s.folder)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		remove()
		return nil, fmt.Errorf("listen on the control socket: %w", err)
	}
	c := &control{session: s, remove: remove, stop: stop}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", c.status)
	mux.HandleFunc("POST /stop", c.stopAll)
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, r *http.Request) { c.restart(ctx, w, r) })
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(listener) }()
	s.socket = socket
	return c, s.record()
}

// socketPath is in the state folder, unless that path is longer than a Unix socket's may be.
func socketPath(folder state.Folder) (string, func(), error) {
	const longest = 100
	if path := folder.File("control.sock"); len(path) <= longest {
		return path, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "seldonctl-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the control socket: %w", err)
	}
	return filepath.Join(dir, "control.sock"), func() { _ = os.RemoveAll(dir) }, nil
}

// close lets whoever has asked for something have the answer.
func (c *control) close() {
	const patience = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.server.Shutdown(ctx); err != nil {
		_ = c.server.Close()
	}
	c.remove()
}

func (c *control) status(w http.ResponseWriter, _ *http.Request) {
	s := c.session
	status := Status{
		Name: s.folder.Name, Running: true, Ready: c.ready.Load(), Server: s.ports.server(), Kubeconfig: s.folder.Kubeconfig(),
		Pace: s.config.Pace, Nodes: s.config.Nodes, Supervisor: os.Getpid(),
	}
	pids := s.children.pids()
	for _, name := range order() {
		status.Components = append(status.Components, ComponentStatus{Name: name, PID: pids[name], Up: pids[name] != 0, Restarts: s.children.restarted(name)})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(status) //nolint:errchkjson // whoever asked has gone
}

func (c *control) stopAll(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusAccepted)
	c.stop()
}

// restart answers when the component has been started again; ctx is the session's.
func (c *control) restart(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	var request Restart
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !slices.Contains(order(), request.Component) {
		http.Error(w, fmt.Sprintf("there is no component %q; there are %v", request.Component, order()), http.StatusBadRequest)
		return
	}
	s := c.session
	settled := s.children.disturb()
	defer func() { go s.settle(ctx, settled) }()
	s.children.kill(request.Component, request.Grace)
	select {
	case <-r.Context().Done(): // whoever asked has gone: it comes back now
	case <-time.After(request.DownFor):
	}
	s.children.countRestart(request.Component)
	if err := s.children.start(s.launches[request.Component]); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	_ = s.record()
}

// settle says that a restart is over when the API server is ready again, or when it has had time enough to be.
func (s *session) settle(ctx context.Context, settled func()) {
	defer settled()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	kubeconfig, err := os.ReadFile(s.folder.Kubeconfig())
	if err != nil {
		return
	}
	if boot, err := bootstrap.New(kubeconfig); err == nil {
		_ = boot.WaitForServer(ctx) // where it does not answer, nothing else will tell
	}
}

// ErrNoAnswer means that a supervisor does not answer on its control socket.
var ErrNoAnswer = errors.New("the cluster's supervisor does not answer")

// Ask sends a request to the supervisor of a running cluster and reads the answer into out, if that is not nil.
func Ask(ctx context.Context, record state.Record, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", record.Socket)
	}}}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("the supervisor refused: %s", bytes.TrimSpace(text))
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("read the supervisor's answer: %w", err)
	}
	return nil
}
