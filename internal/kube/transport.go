package kube

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// A connection on which nothing arrives is asked for a sign of life after pingAfter and given up
// when none comes within pingWait, so that a dead one is noticed within their sum.
const (
	pingAfter = 10 * time.Second
	pingWait  = 5 * time.Second
)

// probeHTTP2 sets the liveness check of the transport below rt, if it is one of net/http. client-go
// knows only environment variables for that.
func probeHTTP2(rt http.RoundTripper) {
	if wire := wireOf(rt); wire != nil {
		wire.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingWait}
	}
}

// wireOf returns the transport below rt, nil where it is not one of net/http.
func wireOf(rt http.RoundTripper) *http.Transport {
	for {
		switch t := rt.(type) {
		case *http.Transport:
			return t
		case utilnet.RoundTripperWrapper:
			rt = t.WrappedRoundTripper()
		default:
			return nil
		}
	}
}

// traffic counts requests and notes what the server's answers tell about it.
type traffic struct {
	mu    sync.Mutex
	verbs map[string]int
	ahead *time.Duration // how far its clock is ahead of ours, at least; nil: not known
	clock clock

	probes atomic.Int64
	http1  atomic.Bool // it does not speak HTTP/2
	// checks is set when it is new enough to refuse query parameters that it cannot serve, as every
	// server with priority and fairness is (on since Kubernetes 1.20).
	checks atomic.Bool

	told func(Exchange) // nil: nobody wants to know
}

// Exchange is one request and its answer as they may be told: nothing in it is a secret.
type Exchange struct {
	// Verb is the method, or WATCH for a watch.
	Verb string
	// Target is the path with those of the query's parameters that are known to be harmless.
	Target string
	// Status is that of the answer, 0 where there was none.
	Status int
	// Took is how long it was until the answer began.
	Took time.Duration
}

// harmless are the parameters of the API that may be told. A proxy before the API server may want others,
// which nobody but it should see.
var harmless = []string{
	"container", "dryRun", "fieldManager", "fieldSelector", "fieldValidation", "labelSelector", "limit",
	"previous", "propagationPolicy", "resourceVersion", "sendInitialEvents", "tailLines",
}

// target returns what may be told of an address.
func target(address *url.URL) string {
	told := url.Values{}
	for name, values := range address.Query() {
		if slices.Contains(harmless, name) {
			told[name] = values
		}
	}
	if len(told) == 0 {
		return address.Path
	}
	return address.Path + "?" + told.Encode()
}

// fairness is the header of every answer of a server with priority and fairness.
const fairness = "X-Kubernetes-Pf-Flowschema-Uid"

func newTraffic() *traffic { return &traffic{verbs: map[string]int{}, clock: startClock()} }

// clock tells the time as the system told it at the beginning, plus what has passed since. The system's own
// may be set in the meantime, as after a virtual machine has been resumed, and by its time all that the API
// server dates would look older or younger at once than it is.
type clock struct {
	began  time.Time
	passed func() time.Duration
}

func startClock() clock {
	began := time.Now()
	return clock{began, func() time.Duration { return time.Since(began) }} // a monotonic difference
}

func (c clock) now() time.Time { return c.began.Add(c.passed()) }

// count returns a RoundTripper that counts what goes through it on its way to next.
func (t *traffic) count(next http.RoundTripper) http.RoundTripper {
	return counted{next: next, traffic: t}
}

func (t *traffic) total() int {
	sum := 0
	for _, n := range t.byVerb() {
		sum += n
	}
	return sum
}

func (t *traffic) byVerb() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.verbs)
}

func (t *traffic) add(r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.verbs[verb(r)]++
}

func verb(r *http.Request) string {
	if r.URL.Query().Get("watch") != "" {
		return "WATCH"
	}
	return r.Method
}

// tell tells of a request whose answer, if any, has begun.
func (t *traffic) tell(r *http.Request, response *http.Response, took time.Duration) {
	if t.told == nil {
		return
	}
	told := Exchange{Verb: verb(r), Target: target(r.URL), Took: took}
	if response != nil {
		told.Status = response.StatusCode
	}
	t.told(told)
}

// date takes in when an answer was written by the server's clock, whose request was sent at a time by ours.
// It says only the second, and the answer has been on its way: the server's clock is ahead by that much at
// least, and the most of them counts, until an answer shows that the server's clock has been set back.
func (t *traffic) date(header string, sent time.Time) {
	written, err := http.ParseTime(header)
	if err != nil {
		return
	}
	least, most := written.Sub(t.clock.now()), written.Add(time.Second).Sub(sent)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ahead == nil || least > *t.ahead || most < *t.ahead {
		t.ahead = &least
	}
}

type counted struct {
	next    http.RoundTripper
	traffic *traffic
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.traffic.add(r)
	sent := c.traffic.clock.now()
	response, err := c.next.RoundTrip(r)
	c.traffic.tell(r, response, c.traffic.clock.now().Sub(sent))
	if err == nil {
		c.traffic.http1.Store(response.ProtoMajor == 1)
		c.traffic.checks.Store(response.Header.Get(fairness) != "")
		c.traffic.date(response.Header.Get("Date"), sent)
	}
	return response, err //nolint:wrapcheck // a RoundTripper passes errors on as they are
}

// WrappedRoundTripper implements utilnet.RoundTripperWrapper.
func (c counted) WrappedRoundTripper() http.RoundTripper { return c.next }
