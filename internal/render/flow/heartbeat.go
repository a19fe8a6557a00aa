package flow

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
)

// Heartbeat is the sink before plain lines that shows a sign of life where nothing has changed for a
// while: CI systems end what is silent for long, and people wonder.
type Heartbeat struct {
	next  Sink
	pause time.Duration

	mu     sync.Mutex
	view   journal.View
	last   time.Duration // elapsed when something was last told
	told   time.Time     // when that was
	timer  *time.Timer
	failed error
	closed bool
}

// NewHeartbeat returns a sink before next that speaks by itself after each pause in which nothing was told.
func NewHeartbeat(next Sink, pause time.Duration) *Heartbeat {
	return &Heartbeat{next: next, pause: pause}
}

// Write passes an entry on and begins the pause anew if it shows.
func (h *Heartbeat) Write(e journal.Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Type != render.Request {
		h.view.Take(e)
	}
	if render.Shows(e.Type) {
		h.last, h.told = e.Elapsed, time.Now()
		h.rest()
	}
	return h.next.Write(e)
}

// Close ends the signs of life and closes the sink behind.
func (h *Heartbeat) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	return errors.Join(h.failed, h.next.Close())
}

// rest begins the pause anew.
func (h *Heartbeat) rest() {
	if h.timer == nil {
		h.timer = time.AfterFunc(h.pause, h.beat)
		return
	}
	h.timer.Reset(h.pause)
}

func (h *Heartbeat) beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	elapsed := h.last + time.Since(h.told)
	if time.Since(h.told) < h.pause {
		return // something was told just now, which has begun another pause
	}
	err := render.Safely(func() error {
		return h.next.Write(journal.Entry{Type: render.Still, Elapsed: elapsed, Text: h.words(elapsed)})
	})
	if h.failed == nil {
		h.failed = err
	}
	h.rest()
}

// words says what is waited for, how far it is, and how long that may still take.
func (h *Heartbeat) words(elapsed time.Duration) string {
	var parts []string
	for _, root := range h.view.Roots {
		if phase := root.Running(); phase != nil {
			parts = append(parts, standing(root, phase, elapsed, len(h.view.Roots) > 1))
		}
	}
	if len(parts) > stillLimit {
		parts = append(parts[:stillLimit], fmt.Sprintf("and %d more", len(parts)-stillLimit))
	}
	if len(parts) == 0 {
		return "nothing has changed"
	}
	return strings.Join(parts, "; ")
}

// stillLimit is how many objects one sign of life speaks of.
const stillLimit = 3

func standing(root *journal.RootView, phase *journal.PhaseView, elapsed time.Duration, named bool) string {
	var text strings.Builder
	if named {
		text.WriteString(root.Name + " ")
	}
	text.WriteString("waiting for " + string(phase.Name))
	if left := phase.Began + phase.Limit - elapsed; phase.Limit > 0 && left > 0 {
		fmt.Fprintf(&text, ", %s left", left.Round(time.Second))
	}
	if phase.Name == journal.Delete || phase.Name == journal.Cleanup {
		return text.String()
	}
	for _, d := range root.Deployments {
		now := d.Now()
		fmt.Fprintf(&text, ": %s %d of %d ready", d.Object, now.Ready, now.Wanted)
	}
	if n := len(root.Problems); n > 0 {
		text.WriteString(": " + root.Problems[n-1].Text)
	}
	return text.String()
}
