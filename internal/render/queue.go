package render

import (
	"errors"
	"fmt"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// sink is what a Queue decorates.
type sink interface {
	Write(e journal.Entry) error
	Close() error
}

// Queue is a sink that never keeps its caller waiting: a reader that has stopped reading, such as a
// pager, must not keep a run from its limits. Entries wait in order until the next sink takes them.
type Queue struct {
	in     chan journal.Entry
	ended  chan error
	linger time.Duration
}

// ErrStalled says that the reader of the output did not take all of it.
var ErrStalled = errors.New("whoever reads the output has stopped reading; its end was not written")

// NewQueue returns a queue before next. Close waits for it at most for linger.
func NewQueue(next sink, linger time.Duration) *Queue {
	q := &Queue{in: make(chan journal.Entry), ended: make(chan error, 1), linger: linger}
	out := make(chan journal.Entry)
	go pump(q.in, out)
	go func() { q.ended <- drain(out, next) }()
	return q
}

// pump moves entries from in to out and holds as many between them as come.
func pump(in <-chan journal.Entry, out chan<- journal.Entry) {
	defer close(out)
	var waiting []journal.Entry
	for in != nil || len(waiting) > 0 {
		var to chan<- journal.Entry
		var first journal.Entry
		if len(waiting) > 0 {
			to, first = out, waiting[0]
		}
		select {
		case e, open := <-in:
			if !open {
				in = nil
				continue
			}
			waiting = append(waiting, e)
		case to <- first:
			waiting = waiting[1:]
		}
	}
}

// drain writes all entries and returns the first error.
func drain(entries <-chan journal.Entry, next sink) error {
	var first error
	for e := range entries {
		if err := Safely(func() error { return next.Write(e) }); first == nil {
			first = err
		}
	}
	return errors.Join(first, Safely(next.Close))
}

// Write takes one entry; it never blocks for long and never fails.
func (q *Queue) Write(e journal.Entry) error {
	q.in <- e
	return nil
}

// Close waits until all entries are written, but not longer than the linger time, and returns the
// first error of the sink behind.
func (q *Queue) Close() error {
	close(q.in)
	timer := time.NewTimer(q.linger)
	defer timer.Stop()
	select {
	case err := <-q.ended:
		return err
	case <-timer.C:
		return ErrStalled
	}
}

// Safely calls a sink and turns its panic into an error: how something is told must never keep a command
// from removing what it made.
func Safely(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("an output failed: %v", p)
		}
	}()
	return call()
}
