package fleet

import (
	"sync"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// serial lets one entry after the other through to a sink, and none while it holds them.
type serial struct {
	mu      sync.Mutex
	next    ops.Sink
	holds   bool
	waiting []journal.Entry
}

func (s *serial) write(e journal.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds {
		s.waiting = append(s.waiting, e)
		return
	}
	_ = s.next.Write(e) // it keeps its error for its Close, which decides
}

func (s *serial) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = true
}

// release lets through what was held, in order, and all that follows.
func (s *serial) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.waiting {
		_ = s.next.Write(e) // see write
	}
	s.holds, s.waiting = false, nil
}

// voice is the sink of one member. It keeps the member's first and last word, which the fleet says for all
// in an order of its own.
type voice struct {
	fleet   *fleet
	closing journal.Entry
}

// Write takes one entry.
func (v *voice) Write(e journal.Entry) error {
	e.Elapsed = e.At.Sub(v.fleet.started)
	switch e.Type {
	case journal.Opening:
	case journal.Closing:
		v.closing = e
	default:
		v.fleet.sink.write(e)
	}
	return nil
}

// Close has nothing to do: the fleet's sink goes on.
func (v *voice) Close() error { return nil }
