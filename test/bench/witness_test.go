//go:build integration

package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// witness watches the namespace for itself and says of each claim whether it was true.
type witness struct {
	client    dynamic.Interface
	namespace string
	// absent is a witness who costs nothing and knows nothing, where only the time counts.
	absent bool

	mu      sync.Mutex
	history history
	news    chan struct{} // closed when there is more history
	lost    error
}

// watch begins to watch all kinds; the witness ends with ctx.
func watch(ctx context.Context, config *rest.Config, namespace string) (*witness, error) {
	w, err := newWitness(config, namespace)
	if err != nil {
		return nil, err
	}
	for kind, resource := range kinds {
		objects := w.client.Resource(resource).Namespace(namespace)
		list, err := objects.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("the witness cannot list: %w", err)
		}
		for i := range list.Items {
			w.note(kind, apiwatch.Event{Type: apiwatch.Added, Object: &list.Items[i]})
		}
		events, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		if err != nil {
			return nil, fmt.Errorf("the witness cannot watch: %w", err)
		}
		go func() {
			for event := range events.ResultChan() {
				w.note(kind, event)
			}
			w.note(kind, apiwatch.Event{Type: apiwatch.Error})
		}()
	}
	return w, nil
}

func newWitness(config *rest.Config, namespace string) (*witness, error) {
	client, err := dynamic.NewForConfig(as(config, "bench-witness"))
	if err != nil {
		return nil, fmt.Errorf("make the witness: %w", err)
	}
	return &witness{client: client, namespace: namespace, news: make(chan struct{})}, nil
}

// note takes in one message of a watch, with the time at which it came.
func (w *witness) note(kind string, event apiwatch.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now()
	u, ok := event.Object.(*unstructured.Unstructured)
	if event.Type == apiwatch.Error || !ok {
		w.lost = fmt.Errorf("the witness lost its watch of %s: %v", kind, event.Object)
	} else if t, ours := read(kind, u); ours {
		w.history = append(w.history, change{at: at, thing: t, gone: event.Type == apiwatch.Deleted})
	}
	close(w.news)
	w.news = make(chan struct{})
}

func (w *witness) at(when time.Time) world {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history.at(when)
}

// nobody is the witness of turns in which only the time counts.
func nobody(_ context.Context, config *rest.Config, namespace string) (*witness, error) {
	w, err := newWitness(config, namespace)
	if err != nil {
		return nil, err
	}
	w.absent = true
	return w, nil
}

// look makes an absent witness know what is there.
func (w *witness) look(ctx context.Context) error {
	now, err := w.read(ctx)
	w.history = nil
	for _, t := range now {
		w.history = append(w.history, change{thing: t})
	}
	return err
}

// clear waits until the world is empty, forgets what was and returns it.
func (w *witness) clear(ctx context.Context) (history, error) {
	for {
		if w.absent {
			if err := w.look(ctx); err != nil {
				return nil, err
			}
		}
		w.mu.Lock()
		news, lost, left := w.news, w.lost, w.history.at(time.Now())
		if lost == nil && len(left) == 0 {
			was := w.history
			w.history = nil
			w.mu.Unlock()
			return was, nil
		}
		w.mu.Unlock()
		if lost != nil {
			return nil, lost
		}
		select {
		case <-news:
		case <-w.again():
		case <-time.After(limit):
			return nil, fmt.Errorf("what one turn made is not gone after %s: %v", limit, left)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// again is when an absent witness looks once more.
func (w *witness) again() <-chan time.Time {
	if !w.absent {
		return nil
	}
	return time.After(100 * time.Millisecond)
}

// claim is a phase end that a contender has claimed.
type claim struct {
	goal   goal
	at     time.Time
	lacks  string // what the world lacked; nothing if the claim was true
	judged chan struct{}
}

// claimed takes down a claim at the moment that it is made. It does not hold up the contender. True
// is what the watches have shown by then; in doubt, what they may not have delivered yet, a read that
// is begun at once decides.
func (w *witness) claimed(ctx context.Context, g goal) *claim {
	c := &claim{goal: g, at: time.Now(), judged: make(chan struct{})}
	if w.absent {
		close(c.judged)
		return c
	}
	go func() {
		defer close(c.judged)
		if g.lacks(w.at(c.at)) == "" {
			return
		}
		now, err := w.read(ctx)
		if c.lacks = g.lacks(now); err != nil {
			c.lacks = err.Error()
		}
	}()
	return c
}

func (c *claim) settle() { <-c.judged }

// read returns the world as it is now.
func (w *witness) read(ctx context.Context) (world, error) {
	var reads sync.WaitGroup
	var mu sync.Mutex
	now := world{}
	var failures []error
	for kind, resource := range kinds {
		reads.Go(func() {
			list, err := w.client.Resource(resource).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
				return
			}
			for i := range list.Items {
				if t, ours := read(kind, &list.Items[i]); ours {
					now.take(change{thing: t})
				}
			}
		})
	}
	reads.Wait()
	if len(failures) > 0 {
		return nil, fmt.Errorf("the witness cannot read: %w", failures[0])
	}
	return now, nil
}

// falseClaims counts the claims that were not true.
func falseClaims(turns []turn) int {
	n := 0
	for _, t := range turns {
		n += len(slices.DeleteFunc(slices.Clone(t.claims), func(c *claim) bool { return c.lacks == "" }))
	}
	return n
}
