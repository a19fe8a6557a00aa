package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func model() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
		"metadata": map[string]any{"name": "m", "namespace": "ns"},
		"spec":     map[string]any{"replicas": int64(1)},
	}}
}

func TestCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, on("POST", func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.URL.Path != rootPath || q.Get("fieldManager") != "seldonctl" || q.Get("fieldValidation") != "Warn" {
				t.Errorf("unexpected address %s", r.URL)
			}
			w.Header().Add("Warning", `299 - "unknown field \"spec.a\""`)
			w.Header().Add("Warning", `299 - "unknown field \"spec.b\""`)
		}, send(thing("m", "um", 7))))
		got, err := s.connect().Create(t.Context(), target().Identity.Resource, model(), engine.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{`unknown field "spec.a"`, `unknown field "spec.b"`}, got.Warnings); d != "" {
			t.Errorf("warnings (-want +got):\n%s", d)
		}
		if got.Object.GetUID() != "um" || got.Object.GetResourceVersion() != "7" {
			t.Errorf("object %v", got.Object)
		}
		var sent map[string]any
		if err := json.Unmarshal([]byte(s.bodies[0]), &sent); err != nil || sent["kind"] != "SeldonDeployment" {
			t.Errorf("sent %s: %v", s.bodies[0], err)
		}
	})
}

func TestPatchAndDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, on("PATCH", func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != rootPath+"/m" || r.Header.Get("Content-Type") != "application/json-patch+json" {
				t.Errorf("unexpected request %s of type %s", r.URL, r.Header.Get("Content-Type"))
			}
		}, send(thing("m", "um", 8))), on("DELETE", send(thing("m", "um", 9))))
		cluster := s.connect()
		resource := target().Identity.Resource
		got, err := cluster.Patch(t.Context(), resource, "ns", "m", []engine.PatchOp{{Op: "replace", Path: "/spec/replicas", Value: 3}}, engine.WriteOptions{})
		if err != nil || got.Object.GetResourceVersion() != "8" {
			t.Errorf("got %v, %v", got.Object, err)
		}
		if err := cluster.Delete(t.Context(), resource, "ns", "m", "um"); err != nil {
			t.Error(err)
		}
		want := []string{
			`[{"op":"replace","path":"/spec/replicas","value":3}]`,
			`{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"um"},"propagationPolicy":"Foreground"}`,
		}
		if d := cmp.Diff(want, s.bodies); d != "" {
			t.Errorf("bodies (-want +got):\n%s", d)
		}
		if d := cmp.Diff(map[string]int{"PATCH": 1, "DELETE": 1}, cluster.Verbs()); d != "" {
			t.Errorf("verbs (-want +got):\n%s", d)
		}
	})
}

// starting is what an API server says that does not know all of its paths yet.
const starting = "the request has been made before all known HTTP paths have been installed, please try again"

func untouched(err error) bool {
	var e engine.UntouchedError
	return errors.As(err, &e)
}

func TestWriteErrors(t *testing.T) {
	cases := []struct {
		name     string
		script   []step
		wants    func(error) bool
		text     string
		requests []string
	}{
		{
			name:   "a conflict is handed out",
			script: []step{on("POST", status(409, metav1.StatusReasonConflict))},
			wants:  apierrors.IsConflict, text: "create seldondeployments/m: no",
		},
		{
			name: "a request that the server did not touch is repeated when it says so",
			script: []step{
				on("POST", status(429, metav1.StatusReasonTooManyRequests, "Retry-After: 3")),
				on("POST", status(403, metav1.StatusReasonForbidden)),
			},
			wants:    apierrors.IsForbidden,
			requests: []string{"0s POST", "3s POST"},
		},
		{
			name: "and when it does not say when, after a while, and not for ever",
			script: []step{
				on("POST", status(429, metav1.StatusReasonTooManyRequests)), on("POST", status(429, metav1.StatusReasonTooManyRequests)),
				on("POST", status(429, metav1.StatusReasonTooManyRequests)), on("POST", status(429, metav1.StatusReasonTooManyRequests)),
				on("POST", status(429, metav1.StatusReasonTooManyRequests)),
			},
			wants:    func(err error) bool { return apierrors.IsTooManyRequests(err) && untouched(err) },
			requests: []string{"0s POST", "200ms POST", "600ms POST", "1.4s POST", "3s POST"},
		},
		{
			name: "a server that has just been started does not touch it either, as it says",
			script: []step{
				on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 5")),
				on("POST", status(403, metav1.StatusReasonForbidden)),
			},
			wants:    apierrors.IsForbidden,
			requests: []string{"0s POST", "4s POST"},
		},
		{
			name:   "but one that is away may have, before",
			script: []step{on("POST", status(503, metav1.StatusReasonServiceUnavailable, "Retry-After: 5"))},
			wants:  func(err error) bool { return apierrors.IsServiceUnavailable(err) && !untouched(err) },
		},
		{
			name: "and one that goes on starting is not asked for ever",
			script: []step{
				on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 1")), on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 1")),
				on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 1")), on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 1")),
				on("POST", says(starting, 503, metav1.StatusReasonServiceUnavailable, "Retry-After: 1")),
			},
			wants: untouched,
		},
		{
			name: "a request is repeated once with renewed credentials",
			script: []step{
				on("POST", status(401, metav1.StatusReasonUnauthorized)),
				on("POST", status(401, metav1.StatusReasonUnauthorized)),
			},
			wants:    apierrors.IsUnauthorized,
			requests: []string{"0s POST", "0s POST"},
		},
		{
			name:   "a request of unknown outcome is not, even if the server proposes it",
			script: []step{on("POST", status(500, metav1.StatusReasonServerTimeout, "Retry-After: 3"))},
			wants:  apierrors.IsServerTimeout,
		},
		{
			name:   "nor after a lost answer",
			script: []step{on("POST", cut)},
			wants:  func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, text: "create seldondeployments/m: unexpected EOF",
		},
		{
			name:   "a server that does not answer is given up after 30 s",
			script: []step{on("POST", hang)},
			wants:  func(err error) bool { return errors.Is(err, context.DeadlineExceeded) },
			text:   "create seldondeployments/m: no answer within 30s: context deadline exceeded",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.script...)
				_, err := s.connect().Create(t.Context(), target().Identity.Resource, model(), engine.WriteOptions{})
				if !c.wants(err) || c.text != "" && err.Error() != c.text {
					t.Errorf("got %v", err)
				}
				if d := cmp.Diff(c.requests, s.asked()); c.requests != nil && d != "" {
					t.Errorf("requests (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noObject := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"details":{"name":"m"}}`))
		}
		noResource := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "404 page not found", http.StatusNotFound) }
		b := &byPath{servers: map[string]*apiServer{
			rootPath + "/m": serve(t, on("GET", send(thing("m", "um", 4))), on("GET", noObject), on("GET", noResource)),
			podPath:         serve(t, on("LIST", send(listOf(9, thing("p", "up", 5), thing("q", "uq", 6)))), on("LIST", status(403, metav1.StatusReasonForbidden))),
			pdbPath:         serve(t, on("LIST", noResource)),
			pdbOld:          serve(t, on("LIST", send(listOf(9, thing("b", "ub", 5))))),
		}}
		cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: b}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		objects, err := cluster.Read(t.Context(), target(), target().Kind(), snapshot.Pod, snapshot.PDB)
		var got []string
		for _, o := range objects {
			got = append(got, snapshot.RefTo(o).String())
		}
		if d := cmp.Diff([]string{"SeldonDeployment/m", "Pod/p", "Pod/q", "PodDisruptionBudget/b"}, got); d != "" || err != nil {
			t.Errorf("%v; objects (-want +got):\n%s", err, d)
		}
		if objects, err := cluster.Read(t.Context(), target(), target().Kind(), snapshot.Pod); !apierrors.IsForbidden(err) {
			t.Errorf("a missing object and forbidden pods: got %v, %v", objects, err)
		}
		if objects, err := cluster.Read(t.Context(), target(), target().Kind()); !apierrors.IsNotFound(err) {
			t.Errorf("a resource that is not served: got %v, %v", objects, err)
		}
	})
}

func TestReadIsRepeatedWhileTheServerIsStrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t,
			on("GET", status(429, metav1.StatusReasonTooManyRequests)), on("GET", status(500, metav1.StatusReasonInternalError)),
			on("GET", status(503, metav1.StatusReasonServiceUnavailable)), on("GET", send(thing("m", "um", 4))))
		objects, err := s.connect().Read(t.Context(), target(), target().Kind())
		if err != nil || len(objects) != 1 {
			t.Errorf("got %v, %v", objects, err)
		}
		if d := cmp.Diff([]string{"0s GET", "200ms GET", "600ms GET", "1.4s GET"}, s.asked()); d != "" {
			t.Errorf("requests (-want +got):\n%s", d)
		}
	})
}

func TestReadIsRepeated(t *testing.T) {
	busy := func(after string) step {
		return on("GET", status(429, metav1.StatusReasonTooManyRequests, "Retry-After: "+after))
	}
	away := on("GET", status(503, metav1.StatusReasonServiceUnavailable, "Retry-After: 600"))
	found := on("GET", send(thing("m", "um", 4)))
	cases := []struct {
		name     string
		script   []step
		wants    func(error) bool // nil: the object
		requests []string
	}{
		{"when the server asks for it", []step{busy("2"), found}, nil, []string{"0s GET", "2s GET"}},
		{
			"as often as the server asks for it",
			[]step{busy("1"), busy("1"), busy("1"), busy("1"), busy("1"), busy("2"), found},
			nil,
			[]string{"0s GET", "1s GET", "2s GET", "3s GET", "4.6s GET", "7.8s GET", "11.8s GET"},
		},
		{"and one that stays busy is told as that", []step{busy("12"), busy("12"), busy("12")}, apierrors.IsTooManyRequests, []string{"0s GET", "12s GET", "24s GET"}},
		{"as is one that is busy for longer than a request may take", []step{busy("31")}, apierrors.IsTooManyRequests, []string{"0s GET"}},
		{
			"and what a proxy says of the time is taken for little",
			[]step{away, away, away, away, away, away, away, away},
			apierrors.IsServiceUnavailable,
			[]string{"0s GET", "4s GET", "8s GET", "12s GET", "16s GET", "20s GET", "24s GET", "28s GET"},
		},
		{"after a connection that broke", []step{on("GET", cut), on("GET", reset), found}, nil, []string{"0s GET", "200ms GET", "600ms GET"}},
		{
			"but not for ever",
			[]step{on("GET", reset), on("GET", reset), on("GET", reset), on("GET", reset), on("GET", reset)},
			func(err error) bool { return errors.Is(err, syscall.ECONNRESET) },
			[]string{"0s GET", "200ms GET", "600ms GET", "1.4s GET", "3s GET"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.script...)
				objects, err := s.connect().Read(t.Context(), target(), target().Kind())
				if c.wants == nil && (err != nil || len(objects) != 1) || c.wants != nil && !c.wants(err) {
					t.Errorf("got %v, %v", objects, err)
				}
				if d := cmp.Diff(c.requests, s.asked()); d != "" {
					t.Errorf("requests (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Over HTTP/1.1 nothing else finds out that a connection is dead.
func TestSilentReadIsRepeated(t *testing.T) {
	version := on("GET", send(thing("m", "um", 4)))
	for name, c := range map[string]struct {
		proto    int
		script   []step
		gives    bool
		requests []string
	}{
		"over HTTP/1.1, after 15 s":               {http1, []step{version, on("GET", hang), version}, true, []string{"0s GET", "0s GET", "15.2s GET"}},
		"and a slow server gets its time then":    {http1, []step{version, on("GET", pause(20*time.Second), send(thing("m", "um", 4))), on("GET", pause(20*time.Second), send(thing("m", "um", 4)))}, true, []string{"0s GET", "0s GET", "15.2s GET"}},
		"as much as any request":                  {http1, []step{version, on("GET", hang), on("GET", hang)}, false, []string{"0s GET", "0s GET", "15.2s GET"}},
		"over HTTP/2, which has pings, it is not": {2, []step{version, on("GET", hang)}, false, []string{"0s GET", "0s GET"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.script...)
				s.proto = c.proto
				cluster := s.connect()
				began := time.Now()
				var objects []snapshot.Object
				var err error
				for range 2 { // the first answer tells the protocol
					objects, err = cluster.Read(t.Context(), target(), target().Kind())
				}
				if c.gives && (err != nil || len(objects) != 1) || !c.gives && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, %v", objects, err)
				}
				if took := time.Since(began); took > 46*time.Second {
					t.Errorf("it took %s", took)
				}
				if d := cmp.Diff(c.requests, s.asked()); d != "" {
					t.Errorf("requests (-want +got):\n%s", d)
				}
			})
		})
	}
}

// pipes are connections within the test: what is dialled is accepted.
type pipes chan net.Conn

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p <- there
	return here, nil
}

func (p pipes) Accept() (net.Conn, error) {
	if c, more := <-p; more {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// An answer that has begun is on its way, however slowly it comes.
func TestSlowReadIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, connections := 0, make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Content-Type", "application/json")
			text := thing("m", "um", 4)
			_, _ = io.WriteString(w, text[:9])
			_ = http.NewResponseController(w).Flush()
			pause(20*time.Second)(w, r)
			_, _ = io.WriteString(w, text[9:])
		})}
		go func() { _ = server.Serve(connections) }()
		wire := &http.Transport{DialContext: connections.dial}
		cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: wire}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		objects, err := cluster.Read(t.Context(), target(), target().Kind())
		if err != nil || len(objects) != 1 || asked != 1 {
			t.Errorf("got %v, %v after %d requests", objects, err, asked)
		}
		wire.CloseIdleConnections()
		close(connections)
		_ = server.Close()
	})
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t,
			on("LIST", func(_ http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.Header.Get("Accept"), "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1") {
					t.Errorf("asked for %s", r.Header.Get("Accept"))
				}
			}, send(`{"metadata":{"continue":"more"},"items":[`+thing("a", "ua", 1)+`]}`)),
			on("LIST", send(listOf(2, thing("b", "ub", 2)))),
		)
		names, err := s.connect().Names(t.Context(), "ns", snapshot.Service)
		if err != nil || len(names) != 2 || names[0].Name != "a" || names[1].UID != "ub" {
			t.Errorf("got %v, %v", names, err)
		}
	})
}

// TestNamesBeginAgain: the names that are taken are looked at before anything is written, and a token that has expired
// between two pages is no reason not to write.
func TestNamesBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t,
			on("LIST", send(`{"metadata":{"continue":"more"},"items":[`+thing("a", "ua", 1)+`]}`)),
			on("LIST", status(410, metav1.StatusReasonExpired)),
			on("LIST", func(_ http.ResponseWriter, r *http.Request) {
				if q := r.URL.Query(); q.Has("continue") || q.Has("limit") {
					t.Errorf("asked for %s", r.URL)
				}
			}, send(listOf(2, thing("a", "ua", 1), thing("b", "ub", 2)))),
		)
		names, err := s.connect().Names(t.Context(), "ns", snapshot.Service)
		if err != nil || len(names) != 2 || names[0].Name != "a" || names[1].Name != "b" {
			t.Errorf("got %v, %v", names, err)
		}
	})
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, on("GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			if got, want := r.URL.Path+"?"+r.URL.RawQuery, podPath+"/p/log?container=c&limitBytes=65536&previous=true&tailLines=20"; got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
			_, _ = w.Write([]byte("one\ntwo\n"))
		}), on("GET", hang))
		cluster := s.connect()
		pod := snapshot.Ref{Kind: snapshot.Pod, Namespace: "ns", Name: "p"}
		lines, err := cluster.Log(t.Context(), pod, "c", true, 20)
		if d := cmp.Diff([]string{"one", "two"}, lines); d != "" || err != nil {
			t.Errorf("%v; lines (-want +got):\n%s", err, d)
		}
		began := time.Now()
		if _, err := cluster.Log(t.Context(), pod, "c", false, 20); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("a log that does not come: %v after %s", err, time.Since(began))
		}
	})
}

func TestNamesThatWouldChangeTheAddress(t *testing.T) {
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: serve(t)}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "..", "a/b", "a%2fb"} {
		if err := cluster.Delete(t.Context(), target().Identity.Resource, "ns", name, "u"); err == nil {
			t.Errorf("deleting %q was tried", name)
		}
	}
}
