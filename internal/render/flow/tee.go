// Package flow holds what stands between a command and the sinks that write: it passes entries on to
// several, lets only some through, or adds a sign of life.
//
// It makes no text of an entry, which is what the sinks are for, and decides nothing.
package flow

import (
	"errors"
	"sync"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
)

// Sink is what entries are written to.
type Sink interface {
	// Write takes one entry.
	Write(e journal.Entry) error
	// Close is called once, after the last entry.
	Close() error
}

// Tee is the sink that passes every entry on to several: to the one that tells the story to a person,
// and to those that make something else of it. It is safe for concurrent use, and all of them get the
// entries in the same order. None of them may keep its caller waiting; a Queue makes sure of that.
type Tee struct {
	mu     sync.Mutex
	story  Sink
	others []Sink
	closed bool
}

// NewTee returns a tee of the story's sink and others.
func NewTee(story Sink, others ...Sink) *Tee { return &Tee{story: story, others: others} }

// Write passes an entry on. What comes after Close is dropped.
func (t *Tee) Write(e journal.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	errs := []error{t.story.Write(e)}
	for _, other := range t.others {
		errs = append(errs, other.Write(e))
	}
	return errors.Join(errs...)
}

// Aside tells an entry in the story alone: it belongs to the telling, not to what happened.
func (t *Tee) Aside(e journal.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	return t.story.Write(e)
}

// Beside tells an entry to all but the story, which has it in other words.
func (t *Tee) Beside(e journal.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	errs := make([]error, 0, len(t.others))
	for _, other := range t.others {
		errs = append(errs, other.Write(e))
	}
	return errors.Join(errs...)
}

// Close closes all sinks at the same time, so that one that takes long takes nothing from the others,
// and returns what went wrong with any. A second Close does nothing.
func (t *Tee) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	sinks := append([]Sink{t.story}, t.others...)
	errs := make([]error, len(sinks))
	var all sync.WaitGroup
	for i, s := range sinks {
		all.Go(func() { errs[i] = s.Close() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Verdicts is the sink that passes on only how things ended: of each phase, of the command, and what
// it leaves behind.
type Verdicts struct{ next *render.Lines }

// NewVerdicts returns a filter before next.
func NewVerdicts(next *render.Lines) *Verdicts { return &Verdicts{next: next} }

// Write passes an entry on if it is a verdict.
func (v *Verdicts) Write(e journal.Entry) error {
	switch e.Type {
	case journal.Opening: // of several objects the first verdict must say already whose it is
		v.next.Knows(e.Root)
	case journal.Claim, journal.Skipped, journal.Failure, journal.Closing:
		return v.next.Write(e)
	case journal.Warning:
		if e.Phase == journal.Cleanup {
			return v.next.Write(e)
		}
	default:
	}
	return nil
}

// Close closes the sink behind.
func (v *Verdicts) Close() error { return v.next.Close() }
