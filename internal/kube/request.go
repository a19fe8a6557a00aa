package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// page is how many objects one answer holds where there may be many.
const page = 500

// path returns the segments of a resource's address, down to one object and its subresource if
// they are given. No namespace stands for all of them.
func path(r schema.GroupVersionResource, namespace string, rest ...string) []string {
	segments := []string{"api", r.Version}
	if r.Group != "" {
		segments = []string{"apis", r.Group, r.Version}
	}
	if namespace != "" {
		segments = append(segments, "namespaces", namespace)
	}
	return append(append(segments, r.Resource), rest...)
}

// placed names a namespace in a sentence.
func placed(namespace string) string {
	if namespace == "" {
		return "all namespaces"
	}
	return namespace
}

// checkNames refuses names that would change the address they become a part of.
func checkNames(names ...string) error {
	for _, name := range names {
		if problems := rest.IsValidPathSegmentName(name); name == "" || len(problems) > 0 {
			return fmt.Errorf("%q cannot be the name of an object", name)
		}
	}
	return nil
}

// checkPlace refuses such names of an object, whose namespace is empty where it belongs to the whole cluster.
func checkPlace(namespace, name string) error {
	if namespace == "" {
		return checkNames(name)
	}
	return checkNames(namespace, name)
}

// answer is what came back on one request.
type answer struct {
	body     []byte
	warnings []string
}

// ask sends one request that is not a watch. It ends after limit at the latest; then, unlike when
// ctx ends, the error says so.
func ask(ctx context.Context, limit time.Duration, request *rest.Request) (answer, error) {
	late := fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
	limited, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	result := request.Do(limited)
	if apierrors.IsUnauthorized(result.Error()) {
		// client-go renews credentials on this answer, but hands it out all the same. The server has
		// done nothing, so that a write may be repeated too.
		result = request.Do(limited)
	}
	var a answer
	for _, w := range result.Warnings() {
		a.warnings = append(a.warnings, w.Text)
	}
	if err := result.Error(); err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = late
		}
		return a, shorten(err)
	}
	a.body, _ = result.Raw()
	return a, nil
}

// attempts bounds how often a request is repeated that a server under strain has refused without naming a time; with
// the delays of a watch's attempts that takes three seconds.
const attempts = 5

// read is ask for a request that changes nothing: one that the server could not serve, or whose connection broke or, at
// first, seems to be dead, is repeated as long as the next attempt begins within limit. Where the server names a time client-go would do so too,
// but at the limit it would say that there was no answer, of a server that has answered.
func (c *Cluster) read(ctx context.Context, limit time.Duration, request *rest.Request) (answer, error) {
	began := time.Now()
	for try := 1; ; try++ {
		send := ask
		if try == 1 {
			send = c.askWarily
		}
		a, err := send(ctx, limit, request.MaxRetries(0))
		wait := max(c.pause(try), retryAfter(err))
		again := (strained(err) || broken(err) || errors.Is(err, errNoAnswer)) && (try < attempts || retryAfter(err) > 0) && time.Since(began)+wait < limit
		if !again || !sleep(ctx, wait) {
			return a, err
		}
	}
}

// errNoAnswer is why a request was given up whose connection seemed to be dead.
var errNoAnswer = errors.New("no answer began")

// askWarily is ask for a first attempt. Where an answer has shown that the server speaks HTTP/1.1, which has no pings, a
// connection on which none begins for as long as a watch may bring nothing is given up, and with it the idle ones, which
// may be as dead. A server that is only slow gets its time in the next attempt, on a connection that is new.
func (c *Cluster) askWarily(ctx context.Context, limit time.Duration, request *rest.Request) (answer, error) {
	attempted, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(http1Silence, func() {
		if c.silence() > 0 {
			cancel(errNoAnswer)
		}
	})
	defer silent.Stop()
	begins := &httptrace.ClientTrace{GotFirstResponseByte: func() { silent.Stop() }}
	a, err := ask(httptrace.WithClientTrace(attempted, begins), limit, request)
	if err != nil && errors.Is(context.Cause(attempted), errNoAnswer) {
		if wire := wireOf(c.client.Client.Transport); wire != nil {
			wire.CloseIdleConnections()
		}
		err = fmt.Errorf("%w within %s: %w", errNoAnswer, http1Silence, context.DeadlineExceeded)
	}
	return a, err
}

// strained reports whether the server was reached and could not serve just then.
func strained(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && (status.Status().Code == http.StatusTooManyRequests || status.Status().Code >= http.StatusInternalServerError)
}

// broken reports whether the connection ended under the request. utilnet does not know of a stream of HTTP/2.
func broken(err error) bool {
	return err != nil && (utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		strings.Contains(err.Error(), "stream error: "))
}

// pause is the delay after attempts that came to nothing: it grows with them, and the jitter keeps
// clients apart.
func (c *Cluster) pause(tries int) time.Duration {
	d := lastDelay
	if tries < 6 {
		d = min(lastDelay, firstDelay<<(tries-1))
	}
	return d/2 + time.Duration(c.jitter()*float64(d/2))
}

// transportError is a *url.Error without its address, which is long and is named by whoever wraps it.
type transportError struct{ err *url.Error }

func (e transportError) Error() string { return e.err.Err.Error() }
func (e transportError) Unwrap() error { return e.err }

func shorten(err error) error {
	if long := (*url.Error)(nil); errors.As(err, &long) {
		return transportError{long}
	}
	return err
}

// list is a list of any kind, not yet decoded.
type list struct {
	Metadata metav1.ListMeta   `json:"metadata"`
	Items    []json.RawMessage `json:"items"`
}

// list reads one page of a source's objects: all of them where limit is 0, and those after next.
func (c *Cluster) list(ctx context.Context, s source, limit int64, next string) (list, error) {
	request := c.client.Get().AbsPath(path(s.resources[0], s.namespace)...)
	narrow(s.accept(request, metadataOfMany), s)
	if limit > 0 {
		request.Param("limit", strconv.FormatInt(limit, 10))
	}
	if next != "" {
		request.Param("continue", next)
	}
	var l list
	a, err := c.read(ctx, c.limit, request)
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(a.body, &l); err != nil {
		return l, fmt.Errorf("decode list: %w", err)
	}
	return l, nil
}

// listAll reads all of a source's objects, in pages where it may have many.
func (c *Cluster) listAll(ctx context.Context, s source) ([]snapshot.Object, string, error) {
	var limit int64
	if s.kind == snapshot.Event {
		limit = page
	}
	return inPages(ctx, c, s, limit, s.read)
}

// inPages reads all of a source's objects in pages of at most limit, and all at once where the server has forgotten
// between two pages what it was listing.
func inPages[T any](ctx context.Context, c *Cluster, s source, limit int64, read func(raw []byte) (T, error)) ([]T, string, error) {
	var objects []T
	for next := ""; ; {
		l, err := c.list(ctx, s, limit, next)
		if expired(err) && next != "" {
			objects, next, limit = nil, "", 0
			continue
		}
		if err != nil {
			return nil, "", err
		}
		for _, raw := range l.Items {
			o, err := read(raw)
			if err != nil {
				return nil, "", err
			}
			objects = append(objects, o)
		}
		if next = l.Metadata.Continue; next == "" {
			return objects, l.Metadata.ResourceVersion, nil
		}
	}
}

func narrow(request *rest.Request, s source) {
	if s.labels != "" {
		request.Param("labelSelector", s.labels)
	}
	if s.fields != "" {
		request.Param("fieldSelector", s.fields)
	}
}

// expired reports whether the server no longer has the version that was asked for.
func expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// refused reports whether the server will not show the kind at all: it is forbidden or not served.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)
}

// busyDelay is the longest rest that the API server asks for in a 429, when its priority and fairness has turned
// away ever more requests.
const busyDelay = 32 * time.Second

// retryAfter returns how long the server asks to be left alone, as far as that is granted. A 429 is the word of one
// that is there. In other errors the API server asks for a second or so; more than that is a proxy's word, which cannot
// know when the server behind it returns, and after the server's return it must be found again within 5 s.
func retryAfter(err error) time.Duration {
	most := lastDelay
	if apierrors.IsTooManyRequests(err) {
		most = busyDelay
	}
	seconds, _ := apierrors.SuggestsClientDelay(err)
	return min(time.Duration(seconds)*time.Second, most)
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
