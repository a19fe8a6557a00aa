package simworld_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet/hub"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// program is one run of the whole program in a history, and what it told.
type program struct {
	agent   string
	id      string
	began   time.Duration
	entries []told
	closed  bool
	reason  ops.Reason
	ended   time.Duration // zero: never
	stuck   bool
	request ops.RunRequest
}

// told is an entry with the world's time.
type told struct {
	journal.Entry
	at time.Duration
}

// history is what came of a scenario.
type history struct {
	scenario
	world    *simworld.World
	programs []*program
	// stopped are the times at which the user wanted to stop.
	stopped []time.Duration
}

// recorder is the sink that keeps everything.
type recorder struct {
	p     *program
	w     *simworld.World
	phase *atomic.Value
}

// Write implements ops.Sink.
func (s *recorder) Write(e journal.Entry) error {
	if e.Type == journal.PhaseStart {
		s.phase.Store(string(e.Phase))
	}
	s.p.entries = append(s.p.entries, told{e, s.w.Elapsed()})
	s.w.Notef("%s SAYS %s/%s %s %s", s.p.agent, e.Phase, e.Type, e.Reason, strings.Join(append([]string{e.Text}, e.Details...), " | "))
	return nil
}

// Close implements ops.Sink.
func (s *recorder) Close() error { s.p.closed = true; return nil }

// play lives through a scenario, in a bubble of virtual time.
func play(t *testing.T, s scenario, m *mutant) *history {
	h := &history{scenario: s}
	synctest.Test(t, func(t *testing.T) {
		phase := &atomic.Value{}
		phase.Store("connect")
		s.config.Phase = func() string { return fmt.Sprint(phase.Load()) }
		h.world = simworld.New(s.config)
		done := make(chan *program, 2)
		h.start(t, done, "seldonctl", phase, s.interrupts, m)
		if s.rival > 0 {
			time.Sleep(s.rival)
			h.start(t, done, "rival", &atomic.Value{}, nil, m)
		}
		for range h.programs {
			<-done
		}
		time.Sleep(2 * time.Minute) // what is left settles
		h.world.Stop()
	})
	return h
}

// start sets one run going; it is given up long after it should have ended.
func (h *history) start(t *testing.T, done chan<- *program, agent string, phase *atomic.Value, interrupts []simworld.When, m *mutant) {
	p := &program{agent: agent, began: h.world.Elapsed(), request: h.request}
	h.programs = append(h.programs, p)
	p.request.ID += agent[:1]
	p.id = p.request.ID
	jitter := float64(h.seed%97) / 97
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: h.world.Transport(agent)}, kube.Options{Jitter: func() float64 { return jitter }})
	if err != nil {
		t.Fatal(err)
	}
	deps := ops.Deps{Cluster: cluster, Engine: seldon.New(), Sink: &recorder{p, h.world, phase}, Now: cluster.Now, Ahead: cluster.Ahead, Requests: cluster.Requests}
	request := p.request
	if m != nil {
		m.spoil(&deps, &request, h.world.Transport(agent))
	}
	stops := make(chan ops.Reason, 2)
	deps.Interrupts = stops
	ctx, cancel := context.WithCancel(context.Background())
	for _, at := range interrupts {
		h.world.On(at, func() {
			h.stopped = append(h.stopped, h.world.Elapsed())
			stops <- ops.Interrupted
		})
	}
	limit := bound(p.request.Limits) + 10*time.Minute
	giveUp := time.AfterFunc(limit, func() { p.stuck = true; cancel() })
	go func() {
		defer cancel()
		if h.shared {
			shared, end := hub.New(ctx, deps.Cluster)
			defer end()
			deps.Cluster = shared
		}
		if h.verbs {
			p.reason = verbByVerb(ctx, deps, request)
		} else {
			p.reason = ops.Run(ctx, deps, request)
		}
		p.ended = h.world.Elapsed()
		giveUp.Stop()
		done <- p
	}()
}

// bound is how long a run may take in all.
func bound(l ops.Limits) time.Duration {
	all := 3*l.Wait + l.Cleanup
	if l.Total > 0 {
		all = min(all, l.Total)
	}
	return all + time.Second
}

// String writes the history for a reader.
func (h *history) String() string {
	var b strings.Builder
	b.WriteString(h.scenario.String())
	h.world.Print(&b)
	for _, p := range h.programs {
		fmt.Fprintf(&b, "%s ended at %s with %s after %d requests\n", p.agent, p.ended, p.reason, h.world.Asked(p.agent))
	}
	return b.String()
}
