package simworld

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stream is an open watch: what is offered to it arrives in order, after its own delay.
type stream struct {
	w      *World
	q      *call
	last   time.Duration // when the last message will have been delivered
	mute   bool          // nothing arrives any more, and nobody says so
	sent   int64         // resourceVersion of what was offered last
	opened time.Duration

	mu     sync.Mutex
	buffer []byte
	err    error
	wake   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Delay is how late a watch has delivered since it was opened.
type Delay struct {
	At    time.Duration
	Agent string
	Kind  string
	Delay time.Duration
}

func (w *World) openWatch(q *call) *reply {
	shelf := w.kinds[q.kind]
	s := &stream{w: w, q: q, wake: make(chan struct{}, 1), closed: make(chan struct{}), opened: w.now()}
	lists := q.query.Get("sendInitialEvents") == "true"
	version, _ := strconv.ParseInt(q.query.Get("resourceVersion"), 10, 64)
	switch {
	case lists && w.Server.WatchList == "refuses":
		return refusal(&apierrors.StatusError{ErrStatus: metav1.Status{
			Status: "Failure", Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid,
			Message: `ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled`,
		}})
	case version > 0 && version < shelf.forgotten:
		expired := apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", version, w.rv))
		if version%2 == 0 {
			return refusal(expired)
		}
		s.error(expired)
		s.finish(io.EOF)
		return &reply{code: http.StatusOK, stream: s}
	case version == 0:
		version = w.rv
		if lists && w.Server.WatchList == "" {
			version = w.faults.past(q)
		}
		s.begin(shelf, version, lists && w.Server.WatchList == "")
	}
	for _, c := range shelf.log {
		if c.RV > version {
			s.offer(c)
		}
	}
	s.sent = w.rv
	w.streams = append(w.streams, s)
	w.delays = append(w.delays, Delay{At: w.now(), Agent: q.agent, Kind: q.kind, Delay: q.delay})
	if seconds, _ := strconv.Atoi(q.query.Get("timeoutSeconds")); seconds > 0 {
		w.after(time.Duration(seconds)*time.Second, func() { s.fail(io.EOF) })
	}
	return &reply{code: http.StatusOK, stream: s}
}

// begin sends what was there at a version, and then, if so asked, that this was all.
func (s *stream) begin(shelf *shelf, version int64, lists bool) {
	there := map[string]*change{}
	for _, c := range shelf.log {
		if c.RV <= version {
			there[c.Object.GetName()] = c
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if c := there[name]; c.Verb != "DELETED" && selected(s.q.query, c.Object) {
			s.push(frame("ADDED", c.json()))
		}
	}
	if lists {
		s.push(frame("BOOKMARK", fmt.Appendf(nil,
			`{"kind":%q,"metadata":{"resourceVersion":"%d","annotations":{"k8s.io/initial-events-end":"true"}}}`, s.q.kind, version)))
	}
}

func frame(verb string, object []byte) []byte {
	return slices.Concat([]byte(`{"type":"`+verb+`","object":`), object, []byte("}\n"))
}

// offer takes in a change; it is delivered in order and late.
func (s *stream) offer(c *change) {
	if c.Kind != s.q.kind || s.mute || c.RV <= s.sent {
		return
	}
	is := selected(s.q.query, c.Object)
	was := c.Old != nil && selected(s.q.query, c.Old)
	verb := c.Verb
	switch {
	case !is && !was:
		return
	case !is:
		verb = "DELETED"
	case !was && c.Verb == "MODIFIED":
		verb = "ADDED"
	}
	s.send(func() []byte { return frame(verb, c.json()) })
}

func (s *stream) send(message func() []byte) {
	s.last = max(s.last+time.Microsecond, s.w.now()+s.q.delay)
	s.w.after(s.last-s.w.now(), func() {
		if !s.mute {
			s.push(message())
		}
	})
}

func (s *stream) bookmark() {
	if s.mute || s.q.query.Get("allowWatchBookmarks") != "true" {
		return
	}
	version := s.w.rv
	s.send(func() []byte {
		return frame("BOOKMARK", fmt.Appendf(nil, `{"kind":%q,"metadata":{"resourceVersion":"%d"}}`, s.q.kind, version))
	})
}

// error sends an ERROR message.
func (s *stream) error(err error) {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		full := status.Status()
		full.Kind, full.APIVersion = "Status", "v1"
		raw, _ := json.Marshal(full) // a Status can always be written
		s.push(frame("ERROR", raw))
	}
}

// fail ends the stream; what is still on its way is lost.
func (s *stream) fail(err error) {
	s.mute = true
	s.finish(err)
	s.w.streams = slices.DeleteFunc(s.w.streams, func(o *stream) bool { return o == s })
}

// silence lets the stream die without a word; over HTTP/2 the client finds out.
func (s *stream) silence() {
	s.mute = true
	if !s.w.Server.HTTP1 {
		s.w.after(pingTime, func() { s.fail(errGone) })
	}
}

func (s *stream) push(message []byte) {
	s.mu.Lock()
	if s.err == nil {
		s.buffer = append(s.buffer, message...)
	}
	s.mu.Unlock()
	s.stir()
}

func (s *stream) finish(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.stir()
}

func (s *stream) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for {
		s.mu.Lock()
		n := copy(p, s.buffer)
		s.buffer = s.buffer[n:]
		err := s.err
		s.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			return 0, err
		}
		select {
		case <-s.wake:
		case <-s.closed:
			return 0, http.ErrBodyReadAfterClose
		case <-s.q.ctx.Done():
			return 0, s.q.ctx.Err()
		}
	}
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.mute = true
	s.w.streams = slices.DeleteFunc(s.w.streams, func(o *stream) bool { return o == s })
	return nil
}
