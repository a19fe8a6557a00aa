//go:build integration

package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
)

// stream is one watch that goes through.
type stream struct {
	passage
	// again tells that there was one of the same resource before.
	again bool
	end   chan ending
}

// ending is how a test ends watches.
type ending string

// The ways in which watches end.
const (
	closed   ending = "closed"
	midFrame ending = "cut in the middle of a message"
	expired  ending = "410 as a message"
	silent   ending = "silent, with all connections"
)

// breach ends the first watch of a resource after so many of its messages.
type breach struct {
	resource string
	after    int
	how      ending
	// made tells whether the watch has come so far, and was ended.
	made bool
}

func (b breach) String() string { return fmt.Sprintf("%s %d %s", b.resource, b.after, b.how) }

// passes counts a message of a watch, or its opening, and ends it where that is wanted.
func (r *rogue) passes(s *stream, messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.again {
		return
	}
	r.messages[s.resource] = messages
	if b := r.breach; b.resource == s.resource && b.after == messages {
		s.end <- b.how
	}
}

// brought is how many messages the first watch of each resource has brought so far.
func (r *rogue) brought() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.messages)
}

// breached tells whether the watch that was to be broken has come so far.
func (r *rogue) breached() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.breach.made
}

// pump passes a watch on, message by message, until it ends or is ended.
func (r *rogue) pump(ctx context.Context, w http.ResponseWriter, p passage, body io.Reader) {
	s := &stream{passage: p, end: make(chan ending, 1)}
	r.mu.Lock()
	_, s.again = r.messages[p.resource]
	r.streams[s] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.streams, s)
		r.mu.Unlock()
	}()
	messages := make(chan []byte)
	go func() {
		defer close(messages)
		for all := bufio.NewReader(body); ; {
			message, err := all.ReadBytes('\n')
			if err != nil {
				return
			}
			select {
			case messages <- message:
			case <-ctx.Done():
				return
			}
		}
	}()
	_ = http.NewResponseController(w).Flush()
	r.passes(s, 0)
	for n := 1; ; n++ {
		select {
		case how := <-s.end:
			r.conclude(ctx, w, how)
			return
		default:
		}
		select {
		case message, more := <-messages:
			if !more {
				return
			}
			_, _ = w.Write(message)
			_ = http.NewResponseController(w).Flush()
			r.passes(s, n)
		case how := <-s.end:
			r.conclude(ctx, w, how)
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *rogue) conclude(ctx context.Context, w http.ResponseWriter, how ending) {
	r.mu.Lock()
	r.breach.made = true
	r.mu.Unlock()
	switch how {
	case silent:
		r.lines.freeze()
		<-ctx.Done()
	case midFrame:
		_, _ = io.WriteString(w, `{"type":"MODIFIED","object":{"kind":"Po`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case expired:
		_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}}`+"\n")
	case closed:
	}
}

// endWatches ends the watches of a resource, or of all.
func (r *rogue) endWatches(resource string, how ending) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for s := range r.streams {
		if resource == "" || s.resource == resource {
			select {
			case s.end <- how:
				n++
			default:
			}
		}
	}
	return n
}
