package fleet

import (
	"context"
	"sync"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// relay passes the user's wish to stop on to everybody under way.
type relay struct {
	mu    sync.Mutex
	first ops.Reason
	count int
	ears  map[int]func(why ops.Reason, count int)
	next  int
}

// newRelay listens to interrupts until ctx ends.
func newRelay(ctx context.Context, interrupts <-chan ops.Reason) *relay {
	r := &relay{ears: map[int]func(ops.Reason, int){}}
	go func() {
		for {
			select {
			case why := <-interrupts:
				r.pass(why)
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

func (r *relay) pass(why ops.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count++; r.count == 1 {
		r.first = why
	}
	for _, ear := range r.ears {
		ear(why, r.count)
	}
}

// reason is that of the first interrupt; empty before it.
func (r *relay) reason() ops.Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}

// times is how often the user has wished to stop.
func (r *relay) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// on has every interrupt told to an ear, and which of them it is, until it is deaf. The ear must neither wait for anything
// nor ask the relay.
func (r *relay) on(ear func(why ops.Reason, count int)) (deaf func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.next
	r.next++
	r.ears[id] = ear
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ears, id)
	}
}

// onNext calls a function at every interrupt that is still to come.
func (r *relay) onNext(call func()) (deaf func()) { return r.on(func(ops.Reason, int) { call() }) }

// onSecond calls a function when the user has wished to stop twice, at once if that is so, and at each further time.
func (r *relay) onSecond(call func()) (deaf func()) {
	deaf = r.on(func(_ ops.Reason, count int) {
		if count > 1 {
			call()
		}
	})
	if r.times() > 1 {
		call()
	}
	return deaf
}

// patient is how many interrupts wait for somebody who is about to look; more of them say nothing new.
const patient = 4

// listen returns where a session finds the interrupts from now on.
func (r *relay) listen() (heard <-chan ops.Reason, deaf func()) {
	ear := make(chan ops.Reason, patient)
	return ear, r.on(func(why ops.Reason, _ int) {
		select {
		case ear <- why:
		default:
		}
	})
}
