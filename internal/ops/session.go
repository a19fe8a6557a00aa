package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Deps is what every operation needs of the outside.
type Deps struct {
	Cluster Cluster
	Engine  engine.Engine
	Sink    Sink
	Now     Clock
	// Interrupts delivers the user's wish to stop; a second one ends the waiting for the cleanup.
	Interrupts <-chan Reason
	// Ahead tells how far the API server's clock is ahead of Now, at least, and whether that is known.
	Ahead func() (time.Duration, bool)
	// Requests tells how many requests the cluster has been sent, Probes how many silent watches were begun anew where
	// only that finds out whether they live; nil: none.
	Requests, Probes func() int
}

// Asked says how many requests the cluster has been sent, and counts apart what makes them grow with the time.
func (d Deps) Asked() string {
	text := fmt.Sprintf("%d API requests", d.Requests())
	if d.Probes == nil || d.Probes() == 0 {
		return text
	}
	return fmt.Sprintf("%s, with silent watches begun anew %d times", text, d.Probes())
}

// session is one command's life with one custom resource: the loop in which it waits. One goroutine
// runs it and owns all of it; watches, reads and writes run beside it and answer as inputs.
type session struct {
	Deps
	target   engine.Target
	state    *journal.State
	changes  chan snapshot.Change
	watches  chan struct{} // closed when the watches have ended
	watching bool
	reads    chan journal.Input
	deadline time.Time // of the whole command; zero: none
	since    time.Time // the first request of the present phase
	until    time.Time // its limit, for all up to its verdict
	verdict  *judge.Verdict
	asking   bool            // a confirming read is on its way
	reading  []snapshot.Kind // what of the kinds below the custom resource it is for
	silence  time.Duration   // how long the last request was waited for that a limit ended
	wake     time.Time
	pending  map[snapshot.Kind]bool // kinds whose first list has not come
	refused  map[snapshot.Kind]error
	barred   map[snapshot.Kind]time.Time // since when all reads were refused because of a kind
	sinkErr  error
}

// ending is how a piece of waiting came to an end.
type ending int

const (
	done        ending = iota // what was waited for is there
	outOfTime                 // the limit was reached
	interrupted               // the user wants to stop
)

// newSession returns a session that watches nothing yet.
func newSession(d Deps, target engine.Target) *session {
	return &session{
		Deps: d, target: target, state: journal.New(d.Engine, d.Now()),
		changes: make(chan snapshot.Change, 256), reads: make(chan journal.Input), watches: make(chan struct{}),
		pending: map[snapshot.Kind]bool{}, refused: map[snapshot.Kind]error{}, barred: map[snapshot.Kind]time.Time{},
	}
}

// watch starts the watches of the custom resource and of the kinds below it. They end with ctx, which
// closes the channel watches.
func (s *session) watch(ctx context.Context, kinds []snapshot.Kind) {
	s.target.Kinds, s.watching = kinds, true
	s.pending[s.target.Kind()] = true
	for _, kind := range kinds {
		s.pending[kind] = true
	}
	go func() {
		defer close(s.watches)
		s.Cluster.Watch(ctx, s.target, s.changes)
	}()
}

// end waits until the watches have ended, whose context must have been cancelled.
func (s *session) end() {
	if s.watching {
		<-s.watches
	}
}

// phase begins the time of a phase; left is what remains of it.
func (s *session) phase(limit time.Duration) { s.since, s.until = s.Now(), s.Now().Add(limit) }

func (s *session) left() time.Duration { return s.until.Sub(s.Now()) }

// step feeds one input to the journal and passes on what comes of it.
func (s *session) step(ctx context.Context, in journal.Input) {
	out := s.state.Step(in, s.Now())
	for _, entry := range out.Entries {
		entry.Root = s.target.Namespace + "/" + s.target.Name
		if err := s.Sink.Write(entry); err != nil && s.sinkErr == nil {
			s.sinkErr = err
		}
	}
	if out.Verdict != nil {
		s.verdict = out.Verdict
	}
	s.wake = out.Wake
	s.asking = s.asking || out.Read != journal.ReadNothing
	switch out.Read {
	case journal.ReadNothing:
	case journal.ReadRoot:
		s.reading = nil
		go s.read(ctx, []snapshot.Kind{s.target.Kind()}, nil)
	case journal.ReadBelow, journal.ReadTree, journal.ReadLeft:
		s.reading = s.readable(out.Read.Kinds())
		go s.read(ctx, s.reading, s.readable(out.Names))
	}
	if out.Log != nil {
		go s.readLog(ctx, *out.Log)
	}
}

// read makes the confirming read of what the watches may see, and of the names of all objects of some kinds,
// and answers with it.
func (s *session) read(ctx context.Context, kinds, names []snapshot.Kind) {
	objects, err := s.Cluster.Read(ctx, s.target, kinds...)
	var named []snapshot.Object
	for _, kind := range names {
		found, namesErr := s.Cluster.Names(ctx, s.target.Namespace, kind)
		err = errors.Join(err, namesErr)
		for i := range found {
			found[i].SetGroupVersionKind(schema.GroupVersionKind{Kind: string(kind)})
			named = append(named, &found[i])
		}
	}
	s.answer(ctx, journal.ReadDone{Objects: objects, Named: named, Err: err})
}

// readable returns those of the kinds that are wanted and not refused.
func (s *session) readable(kinds []snapshot.Kind) []snapshot.Kind {
	return slices.DeleteFunc(kinds, func(kind snapshot.Kind) bool {
		return s.refused[kind] != nil || !slices.Contains(s.target.Kinds, kind)
	})
}

// logLines is how many of a log's last lines are read.
const logLines = 20

func (s *session) readLog(ctx context.Context, want journal.LogWant) {
	lines, err := s.Cluster.Log(ctx, want.Pod, want.Container, want.Previous, logLines)
	s.answer(ctx, journal.LogDone{Key: want.Key, Lines: lines, Err: err})
}

// answer hands the outcome of a read to the loop, unless the command has ended.
func (s *session) answer(ctx context.Context, in journal.Input) {
	select {
	case s.reads <- in:
	case <-ctx.Done():
	}
}

func (s *session) tell(ctx context.Context, e journal.Entry) { s.step(ctx, journal.Told{Entry: e}) }

// begin sets the goal; the verdict of a former one no longer counts.
func (s *session) begin(ctx context.Context, in journal.Began) {
	s.verdict = nil
	ahead, known := s.Ahead()
	if !known {
		ahead = -noClock
	}
	in.Goal.Ahead = ahead
	s.step(ctx, in)
}

// noClock is so far behind that no timestamp of the server makes anything look old.
const noClock = 100 * 365 * 24 * time.Hour

// await turns the loop until ready says that what is waited for is there. It returns at the limit,
// at the deadline and when the user interrupts.
func (s *session) await(ctx context.Context, limit time.Duration, ready func() bool) (ending, Reason) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !ready() {
		if how, why := s.turn(ctx, timer.C, nil); how != done {
			return how, why
		}
	}
	return done, ""
}

// turn waits for the one next thing and takes it in.
func (s *session) turn(ctx context.Context, expired <-chan time.Time, answered <-chan struct{}) (ending, Reason) {
	wake, stop := s.alarm(s.wake)
	defer stop()
	overdue, stopDeadline := s.alarm(s.deadline)
	defer stopDeadline()
	select {
	case c := <-s.changes:
		s.take(ctx, c)
	case r := <-s.reads:
		kinds := s.reading
		read, isRead := r.(journal.ReadDone)
		s.asking = s.asking && !isRead
		s.step(ctx, r)
		if isRead {
			s.noteRefusals(ctx, kinds, read.Err)
		}
	case <-wake:
		s.step(ctx, journal.Ticked{})
	case <-answered:
	case <-expired:
		return outOfTime, TimedOut
	case <-overdue:
		return outOfTime, TimedOut
	case why := <-s.Interrupts:
		return interrupted, why
	case <-ctx.Done():
		return interrupted, Interrupted
	}
	return done, ""
}

// batchLimit bounds how many messages are taken in before the loop looks at anything else.
const batchLimit = 512

// take takes in a message of a watch and whatever else the watches have brought already.
func (s *session) take(ctx context.Context, first snapshot.Change) {
	batch := []snapshot.Change{first}
	for len(batch) < batchLimit {
		select {
		case c := <-s.changes:
			batch = append(batch, c)
			continue
		default:
		}
		break
	}
	for _, c := range batch {
		s.note(c)
	}
	s.step(ctx, journal.Changed{Changes: batch})
}

// note keeps which kinds the cluster has not listed yet and which it refuses: before the first
// complete lists nothing can be said.
func (s *session) note(c snapshot.Change) {
	switch c.Type {
	case snapshot.Synced:
		delete(s.pending, c.Kind)
	case snapshot.Denied:
		delete(s.pending, c.Kind)
		s.refused[c.Kind] = c.Err
	case snapshot.Seen, snapshot.Deleted, snapshot.Listed, snapshot.Lost, snapshot.Restored:
	}
}

// noteRefusals gives up a kind of which reads are refused for so long that it is no mistake: a right that is taken away
// ends no watch, but a verdict must not wait for what cannot be read.
func (s *session) noteRefusals(ctx context.Context, read []snapshot.Kind, err error) {
	refusals := refusalsIn(err)
	for _, kind := range read {
		if !slices.ContainsFunc(refusals, func(r *snapshot.RefusedError) bool { return r.Kind == kind }) {
			delete(s.barred, kind)
		}
	}
	for _, refusal := range refusals {
		since, known := s.barred[refusal.Kind]
		if !known {
			since = s.Now()
			s.barred[refusal.Kind] = since
		}
		if s.Now().Sub(since) >= snapshot.RefusedFor && s.refused[refusal.Kind] == nil {
			denied := snapshot.Change{Type: snapshot.Denied, Kind: refusal.Kind, Err: refusal.Err}
			s.note(denied)
			s.step(ctx, journal.Changed{Changes: []snapshot.Change{denied}})
		}
	}
}

// refusalsIn finds the refusals among the errors of a read's parts.
func refusalsIn(err error) []*snapshot.RefusedError {
	if parts, ok := err.(interface{ Unwrap() []error }); ok {
		var found []*snapshot.RefusedError
		for _, part := range parts.Unwrap() {
			found = append(found, refusalsIn(part)...)
		}
		return found
	}
	if refusal, ok := errors.AsType[*snapshot.RefusedError](err); ok {
		return []*snapshot.RefusedError{refusal}
	}
	return nil
}

func (s *session) alarm(at time.Time) (<-chan time.Time, func()) {
	if at.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(at.Sub(s.Now()))
	return timer.C, func() { timer.Stop() }
}

// beside runs a request beside the loop, which goes on taking things in. An interrupt or the limit
// ends the request soon but not at once, so that an answer on its way still arrives.
func beside[T any](ctx context.Context, s *session, limit time.Duration, request func(context.Context) (T, error)) (T, Reason, error) {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	var answer T
	var err error
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		answer, err = request(limited)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	began := s.Now()
	for {
		how, why := s.turn(ctx, timer.C, answered)
		if how != done {
			s.silence = s.Now().Sub(began)
			grace := time.AfterFunc(answerGrace, cancel)
			<-answered
			grace.Stop()
			return answer, why, err
		}
		select {
		case <-answered:
			return answer, "", err
		default:
		}
	}
}

// answerGrace is how long an interrupted request may still take.
const answerGrace = 500 * time.Millisecond

// retryPause is how long a read that failed on the way is not repeated.
const retryPause = time.Second

// readRoot reads the custom resource, again and again while the API server cannot be reached, until
// the limit.
func (s *session) readRoot(ctx context.Context, limit time.Duration) ([]snapshot.Object, Reason, error) {
	until := s.Now().Add(min(limit, s.left()))
	for {
		objects, why, err := beside(ctx, s, until.Sub(s.Now()), func(ctx context.Context) ([]snapshot.Object, error) {
			return s.Cluster.Read(ctx, s.target, s.target.Kind())
		})
		if err == nil || why != "" || !ambiguous(err) || lasting(err) || !s.Now().Add(retryPause).Before(until) {
			return objects, why, err
		}
		if how, why := s.await(ctx, retryPause, func() bool { return false }); how == interrupted {
			return nil, why, err
		}
		if !s.deadline.IsZero() && !s.Now().Before(s.deadline) {
			return nil, TimedOut, err
		}
	}
}
