package simworld_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
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

// program is one command of the whole program in a history, and what it told.
type program struct {
	agent string
	// verb is the command.
	verb    string
	id      string
	began   time.Duration
	entries []told
	closed  bool
	reason  ops.Reason
	ended   time.Duration // zero: never
	stuck   bool
	request ops.RunRequest
	// stopped are the times at which the user wanted to stop.
	stopped []time.Duration
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
	mu       sync.Mutex // of programs, and of which of them a life is at
	programs []*program
	truths   map[string][]simworld.Moment
	// interrupted are the phases in which the user wanted to stop.
	interrupted []string
}

// truthOf remembers what was true of a custom resource, which its commands share, once all is over.
func (h *history) truthOf(uid string) []simworld.Moment {
	truth, known := h.truths[uid]
	if !known {
		truth = h.world.Truth(uid)
		if h.truths == nil {
			h.truths = map[string][]simworld.Moment{}
		}
		h.truths[uid] = truth
	}
	return truth
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
		lives := 1
		done := make(chan struct{}, 2)
		h.start(t, done, "seldonctl", phase, m)
		if s.rival > 0 {
			time.Sleep(s.rival)
			lives++
			h.start(t, done, "rival", &atomic.Value{}, m)
		}
		for range lives {
			<-done
		}
		time.Sleep(2 * time.Minute) // what is left settles
		h.world.Stop()
	})
	return h
}

// start sets one life going: of one run, or of one command after the other.
func (h *history) start(t *testing.T, done chan<- struct{}, agent string, phase *atomic.Value, m *mutant) {
	jitter := float64(h.seed%97) / 97
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: h.world.Transport(agent)}, kube.Options{Jitter: func() float64 { return jitter }})
	if err != nil {
		t.Fatal(err)
	}
	deps := ops.Deps{Cluster: cluster, Engine: seldon.New(), Now: cluster.Now, Ahead: cluster.Ahead, Requests: cluster.Requests}
	request := h.request
	request.ID += agent[:1]
	if m != nil {
		m.spoil(&deps, &request, h.world.Transport(agent))
	}
	l := &life{history: h, agent: agent, deps: deps, asked: request, phase: phase}
	if agent == "seldonctl" {
		for _, at := range h.interrupts {
			h.world.On(at, l.interrupt)
		}
	}
	go func() {
		defer func() { done <- struct{}{} }()
		if h.shared {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			shared, end := hub.New(ctx, deps.Cluster)
			defer end()
			l.deps.Cluster = shared
		}
		switch {
		case h.found != nil:
			l.find()
		case h.verbs:
			l.verbByVerb()
		default:
			l.obey(command{"run", request.Limits, func(ctx context.Context, d ops.Deps) ops.Reason { return ops.Run(ctx, d, request) }})
		}
	}()
}

// life is the commands of one user, one after the other.
type life struct {
	*history

	agent string
	deps  ops.Deps
	// asked is what the user asks for, as the program understands it.
	asked ops.RunRequest
	phase *atomic.Value
	// at is the command that is under way, and stop is where it hears of interrupts.
	at   *program
	stop chan ops.Reason
}

// interrupt tells the command under way that the user wants to stop.
func (l *life) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at != nil {
		l.at.stopped = append(l.at.stopped, l.world.Elapsed())
		l.interrupted = append(l.interrupted, fmt.Sprint(l.phase.Load()))
		l.stop <- ops.Interrupted
	}
}

// command is one of them.
type command struct {
	verb   string
	limits ops.Limits
	do     func(context.Context, ops.Deps) ops.Reason
}

// obey carries one command out; it is given up long after it should have ended.
func (l *life) obey(c command) ops.Reason {
	p := &program{agent: l.agent, verb: c.verb, id: l.asked.ID, began: l.world.Elapsed(), request: l.request}
	p.request.ID, p.request.Limits = l.asked.ID, c.limits
	stop := make(chan ops.Reason, len(l.interrupts))
	l.mu.Lock()
	l.programs = append(l.programs, p)
	l.at, l.stop = p, stop
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	giveUp := time.AfterFunc(p.bound()+10*time.Minute, func() { p.stuck = true; cancel() })
	defer giveUp.Stop()
	d := l.deps
	d.Sink, d.Interrupts = &recorder{p, l.world, l.phase}, stop
	p.reason = c.do(ctx, d)
	l.mu.Lock()
	p.ended, l.at = l.world.Elapsed(), nil
	l.mu.Unlock()
	return p.reason
}

// bound is how long a command may take in all: a run for its waits; another for its first look and its
// wait. One that only looks waits for its requests alone.
func (p *program) bound() time.Duration {
	l := p.request.Limits
	all := l.Wait
	switch {
	case p.verb == "run":
		all = 3*l.Wait + l.Cleanup
	case l.Wait == 0:
		all = 30 * time.Second
	}
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
		fmt.Fprintf(&b, "%s %s ended at %s with %s after %d requests\n", p.agent, p.verb, p.ended, p.reason, h.world.Asked(p.agent, "", p.began, p.ended))
	}
	return b.String()
}
