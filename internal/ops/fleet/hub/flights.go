package hub

import (
	"context"
	"fmt"
	"sync"
)

// flights share reads: who wants the same as others at the same time gets one answer with them. A read that
// is on its way already is not shared, for it may not show what was written since it began; whoever comes
// meanwhile waits for the next.
type flights struct {
	beside func(func(context.Context))

	mu     sync.Mutex
	routes map[string]*route
}

// route is the reads of one thing.
type route struct {
	flying bool
	next   *flight // the one that has not begun
}

type flight struct {
	read   func(context.Context) (any, error)
	landed chan struct{}
	answer any
	err    error
}

func newFlights(beside func(func(context.Context))) *flights {
	return &flights{beside: beside, routes: map[string]*route{}}
}

// shared reads, together with all who want the same.
func shared[T any](ctx context.Context, f *flights, key string, read func(context.Context) (T, error)) (T, error) {
	flight := f.board(key, func(ctx context.Context) (any, error) { return read(ctx) })
	var none T
	select {
	case <-flight.landed:
		if answer, ok := flight.answer.(T); ok {
			return answer, flight.err
		}
		return none, flight.err
	case <-ctx.Done():
		return none, fmt.Errorf("%s: %w", key, ctx.Err())
	}
}

func (f *flights) board(key string, read func(context.Context) (any, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.routes[key]
	if r == nil {
		r = &route{}
		f.routes[key] = r
	}
	if r.next == nil {
		r.next = &flight{read: read, landed: make(chan struct{})}
		if !r.flying {
			r.flying = true
			f.beside(func(ctx context.Context) { f.fly(ctx, r) })
		}
	}
	return r.next
}

// fly makes the reads of a route one after the other until nobody wants another.
func (f *flights) fly(ctx context.Context, r *route) {
	for {
		f.mu.Lock()
		flight := r.next
		r.next, r.flying = nil, flight != nil
		f.mu.Unlock()
		if flight == nil {
			return
		}
		flight.answer, flight.err = flight.read(ctx)
		close(flight.landed)
	}
}
