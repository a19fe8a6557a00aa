package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// apiServer answers each request with the next step of its script, and fails the test for a request
// that is not in the script or a step that nobody asked for. It is an http.RoundTripper, so that it
// works on virtual time, and an http.Handler.
type apiServer struct {
	t     *testing.T
	began time.Time
	proto int

	mu       sync.Mutex
	script   []step
	requests []string
	bodies   []string
}

// step is one answer of the script, and the request that it expects: "WATCHLIST", "WATCH version",
// "LIST" or "METHOD".
type step struct {
	want string
	acts []act
}

// act is a part of an answer.
type act func(w http.ResponseWriter, r *http.Request)

func on(want string, acts ...act) step { return step{want, acts} }

func serve(t *testing.T, script ...step) *apiServer {
	t.Helper()
	s := &apiServer{t: t, script: script, began: time.Now(), proto: 2}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.script) > 0 {
			t.Errorf("the script's %q was never asked for", s.script[0].want)
		}
	})
	return s
}

// connect connects to the server with delays that do not vary.
func (s *apiServer) connect() *kube.Cluster {
	s.t.Helper()
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: s}, kube.Options{Jitter: func() float64 { return 1 }})
	if err != nil {
		s.t.Fatal(err)
	}
	return cluster
}

func nameOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Get("sendInitialEvents") != "":
		return "WATCHLIST"
	case q.Get("watch") != "":
		return "WATCH " + q.Get("resourceVersion")
	}
	_, resource, _ := strings.Cut(r.URL.Path, "/namespaces/ns/")
	if r.Method == http.MethodGet && !strings.Contains(resource, "/") {
		return "LIST"
	}
	return r.Method
}

func (s *apiServer) next(r *http.Request) []act {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := nameOf(r)
	s.requests = append(s.requests, fmt.Sprintf("%s %s", time.Since(s.began).Round(time.Millisecond), name))
	if len(s.script) == 0 || s.script[0].want != name {
		s.t.Errorf("unexpected request %s %s after %s", name, r.URL, s.requests)
		return []act{status(http.StatusForbidden, metav1.StatusReasonForbidden)}
	}
	acts := s.script[0].acts
	s.script = s.script[1:]
	return acts
}

// asked returns the requests so far, with their times.
func (s *apiServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP implements http.Handler.
func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	for _, act := range s.next(r) {
		act(w, r)
	}
}

// RoundTrip implements http.RoundTripper.
func (s *apiServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	in, out := io.Pipe()
	w := &reply{header: http.Header{}, out: out, started: make(chan int, 1)}
	stop := context.AfterFunc(r.Context(), func() { _ = out.CloseWithError(r.Context().Err()) })
	refused := make(chan error, 1)
	go func() {
		defer stop()
		defer func() {
			switch p := recover(); p {
			case nil:
				w.start(http.StatusOK)
				_ = out.Close()
			case http.ErrAbortHandler:
				refused <- io.ErrUnexpectedEOF
				_ = out.CloseWithError(io.ErrUnexpectedEOF)
			default:
				refused <- p.(error)
			}
		}()
		s.ServeHTTP(w, r)
	}()
	select {
	case code := <-w.started:
		return &http.Response{
			StatusCode: code, Status: http.StatusText(code), ProtoMajor: s.proto, Header: w.header,
			Body: in, Request: r, ContentLength: -1,
		}, nil
	case err := <-refused:
		return nil, err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// reply is the ResponseWriter of the RoundTripper.
type reply struct {
	header  http.Header
	out     *io.PipeWriter
	started chan int
	once    sync.Once
}

func (w *reply) Header() http.Header  { return w.header }
func (w *reply) start(code int)       { w.once.Do(func() { w.started <- code }) }
func (w *reply) WriteHeader(code int) { w.start(code) }
func (w *reply) Flush()               { w.start(http.StatusOK) }
func (w *reply) Write(b []byte) (int, error) {
	w.start(http.StatusOK)
	return w.out.Write(b)
}

// send sends text as it is.
func send(text ...string) act {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		for _, t := range text {
			_, _ = io.WriteString(w, t)
			w.(http.Flusher).Flush()
		}
	}
}

// status answers with an error, as the API server words it; headers come as "Name: value".
func status(code int, reason metav1.StatusReason, headers ...string) act {
	return says("no", code, reason, headers...)
}

// says is status with a message.
func says(message string, code int, reason metav1.StatusReason, headers ...string) act {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		after := "0"
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
			if name == "Retry-After" {
				after = value
			}
		}
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":%q,"reason":%q,"code":%d,"details":{"retryAfterSeconds":%s}}`, message, reason, code, after)
	}
}

// pause waits.
func pause(d time.Duration) act {
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
	}
}

// hold keeps the answer open until the client goes away.
func hold(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// hang does not even begin to answer.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// cut breaks the connection.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// reset breaks the connection by a packet that says so.
func reset(http.ResponseWriter, *http.Request) { panic(syscall.ECONNRESET) }

// unreachable refuses the connection.
func unreachable(http.ResponseWriter, *http.Request) { panic(errors.New("connection refused")) }

func added(o string) string    { return `{"type":"ADDED","object":` + o + `}` }
func modified(o string) string { return `{"type":"MODIFIED","object":` + o + `}` }
func removed(o string) string  { return `{"type":"DELETED","object":` + o + `}` }
func upTo(version int) string {
	return fmt.Sprintf(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}`, version)
}

// listed ends the list of a watch that begins with one.
func listed(version int) string {
	return fmt.Sprintf(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d","annotations":{"k8s.io/initial-events-end":"true"}}}}`, version)
}

func failure(code int, reason metav1.StatusReason) string {
	return fmt.Sprintf(`{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":%q,"code":%d}}`, reason, code)
}

// thing is any object.
func thing(name, uid string, version int) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"uid":%q,"resourceVersion":"%d","namespace":"ns"}}`, name, uid, version)
}

func listOf(version int, objects ...string) string {
	return fmt.Sprintf(`{"metadata":{"resourceVersion":"%d"},"items":[%s]}`, version, strings.Join(objects, ","))
}

func target(kinds ...snapshot.Kind) engine.Target {
	return engine.Target{
		Identity: engine.Identity{
			Kind:     "SeldonDeployment",
			Resource: schema.GroupVersionResource{Group: "machinelearning.seldon.io", Version: "v1", Resource: "seldondeployments"},
			Label:    "seldon-deployment-id",
		},
		Namespace: "ns", Name: "m", Kinds: kinds,
	}
}

// describe writes a change in one line.
func describe(c snapshot.Change) string {
	name := [...]string{"Seen", "Deleted", "Listed", "Synced", "Lost", "Restored", "Denied"}[c.Type]
	switch {
	case c.Object != nil:
		return fmt.Sprintf("%s %s/%s@%s", name, c.Object.GetName(), c.Object.GetUID(), c.Object.GetResourceVersion())
	case c.Err != nil:
		if reason := apierrors.ReasonForError(c.Err); reason != "" {
			return fmt.Sprintf("%s %s", name, reason)
		}
		return fmt.Sprintf("%s: %s", name, c.Err)
	}
	return name
}
