//go:build integration

package integration

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// rogue is a proxy before the real API server that misbehaves as a test says.
type rogue struct {
	upstream  *url.URL
	transport http.RoundTripper
	server    *httptest.Server
	lines     *lines
	// arrives, if not nil, is called with each request before anything becomes of it.
	arrives func(passage)
	// edit changes a request before it is passed on, or answers it; nil: neither.
	edit func(*http.Request) *http.Response
	// hides are headers of answers that do not come through.
	hides []string

	mu       sync.Mutex
	passed   []passage
	rules    []*rule
	streams  map[*stream]bool
	messages map[string]int // that the first watch of each resource has brought
	breach   breach
}

// passage is one request on its way: what it wants of what, and the how manyeth of all it is.
type passage struct {
	verb, resource string
	nth            int
}

func (p passage) String() string { return fmt.Sprintf("%d %s", p.nth, p.what()) }

func (p passage) what() string { return p.verb + " " + p.resource }

// mischief is what becomes of a request.
type mischief string

// The mischiefs. A status code is one too.
const (
	reset mischief = "connection reset"
	lost  mischief = "answer lost"
	slow  mischief = "slow"
	gone  mischief = "410"
	torn  mischief = "cut in the middle"
	stall mischief = "stalled"
)

// rule is a mischief for the requests that it is about, as often as times says.
type rule struct {
	about func(passage) bool
	what  mischief
	times int
	// after is a Retry-After header for a status.
	after string
}

// passBy starts a proxy before a cluster and returns the kubeconfig that leads through it.
func passBy(t *testing.T, c *cluster, http2 bool, rules ...*rule) (*rogue, string) {
	t.Helper()
	upstream, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	plain := rest.AnonymousClientConfig(c.config)
	plain.QPS = -1
	transport, err := rest.TransportFor(plain)
	if err != nil {
		t.Fatal(err)
	}
	r := &rogue{upstream: upstream, transport: transport, rules: rules, streams: map[*stream]bool{}, messages: map[string]int{}}
	r.server = httptest.NewUnstartedServer(r)
	r.lines = &lines{Listener: r.server.Listener}
	r.server.Listener = r.lines
	r.server.EnableHTTP2 = http2
	r.server.Config.ErrorLog = quiet()
	r.server.StartTLS()
	t.Cleanup(func() {
		r.lines.cut()
		r.server.CloseClientConnections()
	})
	kubeconfig := r.kubeconfig(t, c)
	return r, kubeconfig
}

func (r *rogue) kubeconfig(t *testing.T, c *cluster) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range config.Clusters {
		one.Server = r.server.URL
		one.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
		one.CertificateAuthority = ""
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// note counts a request and finds the rule that it falls under.
func (r *rogue) note(q *http.Request) (passage, *rule) {
	parts := strings.Split(strings.Trim(q.URL.Path, "/"), "/")
	p := passage{verb: q.Method, resource: parts[len(parts)-1]}
	for i, part := range parts {
		if part == "namespaces" && i+2 < len(parts) {
			p.resource = parts[i+2]
		}
	}
	switch {
	case q.URL.Query().Get("watch") != "":
		p.verb = "WATCH"
	case q.Method == http.MethodGet && p.resource == parts[len(parts)-1]:
		p.verb = "LIST"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.nth = len(r.passed) + 1
	r.passed = append(r.passed, p)
	for _, rule := range r.rules {
		if rule.times > 0 && rule.about(p) {
			rule.times--
			return p, rule
		}
	}
	return p, nil
}

// passages are the requests so far.
func (r *rogue) passages() []passage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]passage(nil), r.passed...)
}

// ServeHTTP implements http.Handler.
func (r *rogue) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	p, rule := r.note(q)
	if r.arrives != nil {
		r.arrives(p)
	}
	if rule != nil {
		switch rule.what {
		case reset:
			panic(http.ErrAbortHandler)
		case slow:
			select {
			case <-time.After(2 * time.Second):
			case <-q.Context().Done():
			}
		case lost, torn, stall:
		default:
			refuse(w, rule)
			return
		}
	}
	response, err := r.forward(q)
	if err != nil || rule != nil && rule.what == lost {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = response.Body.Close() }()
	if rule != nil && rule.what == stall {
		r.lines.freeze()
		<-q.Context().Done()
		return
	}
	maps.Copy(w.Header(), response.Header)
	for _, name := range r.hides {
		w.Header().Del(name)
	}
	w.WriteHeader(response.StatusCode)
	if rule != nil && rule.what == torn {
		tear(w, p, response.Body)
	}
	if p.verb != "WATCH" {
		_, _ = io.Copy(w, response.Body)
		return
	}
	r.pump(q.Context(), w, p, response.Body)
}

// tear passes half of an answer on, or of the first message of a watch, and then cuts the connection.
func tear(w http.ResponseWriter, p passage, body io.Reader) {
	var whole []byte
	if p.verb == "WATCH" {
		whole, _ = bufio.NewReader(body).ReadBytes('\n')
	} else {
		whole, _ = io.ReadAll(body)
	}
	_, _ = w.Write(whole[:len(whole)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (r *rogue) forward(q *http.Request) (*http.Response, error) {
	out := q.Clone(q.Context())
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = r.upstream.Scheme, r.upstream.Host, "", ""
	out.Header.Del("Accept-Encoding")
	if r.edit != nil {
		if answer := r.edit(out); answer != nil {
			return answer, nil
		}
	}
	return r.transport.RoundTrip(out)
}

// refuse answers with a status as the API server words it.
func refuse(w http.ResponseWriter, rule *rule) {
	reasons := map[mischief]string{"401": "Unauthorized", gone: "Expired", "429": "TooManyRequests", "500": "InternalError", "503": "ServiceUnavailable"}
	w.Header().Set("Content-Type", "application/json")
	if rule.after != "" {
		w.Header().Set("Retry-After", rule.after)
	}
	var code int
	_, _ = fmt.Sscanf(string(rule.what), "%d", &code)
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the proxy's doing","reason":%q,"code":%d}`, reasons[rule.what], code)
}

// lines are the proxy's connections, which can be frozen: they stay open, and nothing passes any more.
type lines struct {
	net.Listener

	mu  sync.Mutex
	all []*frozen
}

// Accept implements net.Listener.
func (l *lines) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f := &frozen{Conn: connection, ice: make(chan struct{}), done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, f)
	return f, nil
}

// freeze freezes every connection that there is now; new ones are as they should be.
func (l *lines) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		f.once.Do(func() { close(f.ice) })
	}
}

// cut ends all connections.
func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		_ = f.Close()
	}
}

// frozen is a connection that can be frozen.
type frozen struct {
	net.Conn

	ice, done  chan struct{}
	once, ends sync.Once
}

// Read implements net.Conn.
func (f *frozen) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	select {
	case <-f.ice:
		<-f.done
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

// Write implements net.Conn.
func (f *frozen) Write(b []byte) (int, error) {
	select {
	case <-f.ice:
		<-f.done
		return 0, net.ErrClosed
	default:
		return f.Conn.Write(b)
	}
}

// Close implements net.Conn.
func (f *frozen) Close() error {
	f.ends.Do(func() { close(f.done) })
	return f.Conn.Close()
}
