package simworld

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	errChanged = errors.New("the object has been modified; please apply your changes to the latest version and try again")
	errGone    = errors.New("http2: client connection lost")
)

// ServerConfig is what kind of API server it is.
type ServerConfig struct {
	// Latency is how long a request is on its way, there and back.
	Latency time.Duration
	// WatchDelay is how late a watch delivers at most; each draws its own.
	WatchDelay time.Duration
	// WatchList: "" lists within a watch, "refuses" says that it cannot, "ignores" does not know of it.
	WatchList string
	// HTTP1 is an API server behind a proxy that speaks no HTTP/2.
	HTTP1 bool
	// Forbidden are the kinds that the client may not read.
	Forbidden []string
}

// pingTime is after what silence an HTTP/2 client gives a dead connection up.
const pingTime = 15 * time.Second

// Transport gives a client's way to the API server.
func (w *World) Transport(agent string) http.RoundTripper { return &client{w, agent} }

type client struct {
	w     *World
	agent string
}

// call is one request, taken apart.
type call struct {
	agent  string
	method string // GET, LIST, WATCH, POST, PATCH, DELETE
	kind   string
	name   string
	sub    string
	query  url.Values
	body   []byte
	meta   bool // only metadata is asked for
	ctx    context.Context
	delay  time.Duration
}

func (c *call) writes() bool {
	return c.method == "POST" || c.method == "PATCH" || c.method == "DELETE"
}

// reply is an answer: a body, or a stream.
type reply struct {
	code   int
	body   []byte
	header http.Header
	stream *stream
}

// RoundTrip implements http.RoundTripper.
func (c *client) RoundTrip(r *http.Request) (*http.Response, error) {
	w, q := c.w, c.read(r)
	w.mu.Lock()
	key := q.agent + " " + q.method + " " + q.kind + " " + q.name + " " + q.query.Encode()
	if q.meta {
		key += " metadata"
	}
	w.asked[key]++
	w.asks = append(w.asks, ask{w.now(), q.agent, q.method})
	dice := w.dice(key + strconv.Itoa(w.asked[key]))
	w.mu.Unlock()
	there, back := around(dice, w.Server.Latency), around(dice, w.Server.Latency)
	q.delay = time.Duration(dice.Float64() * float64(w.Server.WatchDelay))
	if err := wait(q.ctx, there); err != nil {
		return nil, err
	}
	w.mu.Lock()
	fate := w.faults.meet(q)
	var answer *reply
	if fate.apply {
		answer = w.serve(q)
		w.record(q, answer)
	}
	w.mu.Unlock()
	if err := wait(q.ctx, back+fate.slow); err != nil {
		return nil, err
	}
	switch {
	case fate.hang:
		return nil, w.hang(q.ctx)
	case fate.err != nil:
		return nil, fate.err
	case fate.reply != nil:
		answer = fate.reply
	}
	return c.response(r, answer), nil
}

// hang never answers; over HTTP/2 the client finds out.
func (w *World) hang(ctx context.Context) error {
	limit := pingTime
	if w.Server.HTTP1 {
		limit = time.Hour
	}
	if err := wait(ctx, limit); err != nil {
		return err
	}
	return errGone
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *client) read(r *http.Request) *call {
	q := &call{agent: c.agent, method: r.Method, query: r.URL.Query(), ctx: r.Context()}
	if r.Body != nil {
		q.body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i, part := range parts {
		if part != "namespaces" || i+2 >= len(parts) {
			continue
		}
		for _, res := range resources() {
			if res.at.Resource == parts[i+2] && (res.at.Version == parts[i-1]) {
				q.kind = res.kind
			}
		}
		if i+3 < len(parts) {
			q.name = parts[i+3]
		}
		if i+4 < len(parts) {
			q.sub = parts[i+4]
		}
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectrulesreviews"):
		q.method = "REVIEW"
	case q.method == http.MethodGet && q.query.Get("watch") != "":
		q.method = "WATCH"
	case q.method == http.MethodGet && q.name == "":
		q.method = "LIST"
	}
	q.meta = strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata")
	return q
}

func (c *client) response(r *http.Request, a *reply) *http.Response {
	major := 2
	if c.w.Server.HTTP1 {
		major = 1
	}
	response := &http.Response{
		StatusCode: a.code, Status: fmt.Sprintf("%d %s", a.code, http.StatusText(a.code)), ProtoMajor: major, Header: a.header,
		Request: r, ContentLength: int64(len(a.body)),
	}
	if response.Header == nil {
		response.Header = http.Header{}
	}
	response.Header.Set("Content-Type", "application/json")
	c.w.mu.Lock()
	now := c.w.clock() // which may be set
	c.w.mu.Unlock()
	response.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if c.w.Server.WatchList != "ignores" {
		response.Header.Set("X-Kubernetes-Pf-Flowschema-Uid", "service-accounts")
	}
	if a.stream != nil {
		response.Body, response.ContentLength = a.stream, -1
		return response
	}
	response.Body = io.NopCloser(bytes.NewReader(a.body))
	return response
}

// serve answers a request from the present state.
func (w *World) serve(q *call) *reply {
	if q.method == "REVIEW" {
		return &reply{code: http.StatusCreated, body: []byte(`{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","status":{"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}],"nonResourceRules":[],"incomplete":false}}`)}
	}
	if q.kind == "" {
		return refusal(&apierrors.StatusError{ErrStatus: metav1.Status{
			Status: "Failure", Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
			Message: "the server could not find the requested resource",
		}})
	}
	if contains(w.Server.Forbidden, q.kind) {
		return w.forbids(q.kind)
	}
	switch q.method {
	case "WATCH":
		return w.openWatch(q)
	case "LIST":
		return w.list(q)
	case "GET":
		return w.read(q)
	case "POST":
		return w.post(q)
	case "PATCH":
		return w.patch(q)
	case "DELETE":
		return w.erase(q)
	}
	return refusal(apierrors.NewMethodNotSupported(w.kinds[q.kind].at.GroupResource(), q.method))
}

// forbids is the answer to who may not read a kind.
func (w *World) forbids(kind string) *reply {
	at := w.kinds[kind].at
	why := fmt.Errorf("User \"someone\" cannot list resource %q in API group %q in the namespace %q", at.Resource, at.Group, namespace) //nolint:staticcheck // the API server's words
	return refusal(apierrors.NewForbidden(at.GroupResource(), "", why))
}

func (w *World) record(q *call, a *reply) {
	w.served = append(w.served, Served{At: w.now(), Agent: q.agent, Method: q.method, Kind: q.kind, Name: q.name, Code: a.code})
	if q.writes() {
		w.notef("%s %s %s/%s: %d", q.agent, q.method, q.kind, q.name, a.code)
	}
}

// refusal answers with an error, as the API server words it.
func refusal(err error) *reply {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		status = apierrors.NewInternalError(err)
	}
	s := status.Status()
	s.Kind, s.APIVersion = "Status", "v1"
	raw, _ := json.Marshal(s) // a Status can always be written
	header := http.Header{}
	if s.Details != nil && s.Details.RetryAfterSeconds > 0 {
		header.Set("Retry-After", strconv.Itoa(int(s.Details.RetryAfterSeconds)))
	}
	return &reply{code: int(s.Code), body: raw, header: header}
}

func (w *World) read(q *call) *reply {
	if q.sub == "log" {
		return &reply{code: http.StatusOK, body: []byte("a line of the log\n")}
	}
	c := w.kinds[q.kind].current[q.name]
	if c == nil {
		return refusal(apierrors.NewNotFound(w.kinds[q.kind].at.GroupResource(), q.name))
	}
	return &reply{code: http.StatusOK, body: c.json()}
}

// list answers with all objects as they are: consistent, whatever version is asked for.
func (w *World) list(q *call) *reply {
	s := w.kinds[q.kind]
	var out bytes.Buffer
	limit, _ := strconv.Atoi(q.query.Get("limit"))
	from, _ := strconv.Atoi(q.query.Get("continue"))
	next, n := "", 0
	for i, name := range s.names {
		c := s.current[name]
		if i < from || !selected(q.query, c.Object) {
			continue
		}
		if limit > 0 && n == limit {
			next = strconv.Itoa(i)
			break
		}
		if n > 0 {
			out.WriteByte(',')
		}
		n++
		if q.meta {
			out.Write(metaOf(c))
		} else {
			out.Write(c.json())
		}
	}
	head := fmt.Sprintf(`{"kind":"%sList","apiVersion":%q,"metadata":{"resourceVersion":"%d","continue":%q},"items":[`, s.kind, s.at.GroupVersion(), w.rv, next)
	return &reply{code: http.StatusOK, body: []byte(head + out.String() + "]}")}
}

func metaOf(c *change) []byte {
	m := metav1.PartialObjectMetadata{}
	m.SetName(c.Object.GetName())
	m.SetNamespace(c.Object.GetNamespace())
	m.SetUID(c.Object.GetUID())
	m.SetOwnerReferences(c.Object.GetOwnerReferences())
	m.SetDeletionTimestamp(c.Object.GetDeletionTimestamp())
	raw, _ := json.Marshal(m) // metadata can always be written
	return raw
}

// selected applies the two selectors that are used: a label's existence and an object's name.
func selected(query url.Values, o Object) bool {
	if label := query.Get("labelSelector"); label != "" {
		if _, there := o.GetLabels()[label]; !there {
			return false
		}
	}
	if field := query.Get("fieldSelector"); field != "" {
		name, _ := strings.CutPrefix(field, "metadata.name=")
		return o.GetName() == name
	}
	return true
}

// Asked gives how many requests of a method, or of all where it is empty, a client has sent in a time.
func (w *World) Asked(agent, method string, from, to time.Duration) int {
	n := 0
	for _, a := range w.asks {
		if a.agent == agent && (method == "" || a.method == method) && a.at >= from && a.at <= to {
			n++
		}
	}
	return n
}
