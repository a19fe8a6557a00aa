// Package fleet carries out one operation on several objects side by side, each with a session and a
// verdict of its own: on shared watches, with one order of what is told, and with what must be there
// before them (a namespace, supporting objects) and must go after them.
//
// It never judges an object itself, which the operations of package ops do, and never prints.
package fleet

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet/hub"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Member is one object's part of a command.
type Member struct {
	Namespace, Name string
	// Source is where it stands in a file, empty where it is only named.
	Source string
	// Act carries the operation out on it.
	Act func(ctx context.Context, d ops.Deps, m ops.Manner) ops.Reason
}

// Stage is what must be there before the members begin and is taken away after them.
type Stage interface {
	// up makes it. It is interrupted by the end of ctx.
	up(ctx context.Context, d ops.Deps, tell tell) ops.Reason
	// down takes away what up has made, also after an up that failed. At the end of ctx nothing is sent
	// any more; at that of patience nothing is waited for.
	down(ctx, patience context.Context, d ops.Deps, tell tell) ops.Reason
	// made returns what down would take away.
	made() []Thing
}

// tell tells an entry of the whole command.
type tell func(e journal.Entry)

// Plan is what a command does with several objects.
type Plan struct {
	// Stages come before the members, in order, and go in the opposite one.
	Stages  []Stage
	Members []Member
	// Choose finds the members, where they are not known before the cluster is asked.
	Choose func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]Member, ops.Reason)
	// Otherwise is what is done where none was chosen, which is no failure.
	Otherwise func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ops.Reason
	// Asks says that choosing may ask the user. Until that is over nothing is told, so that the question stands
	// where the user looks.
	Asks bool
	// Parallel is how many go side by side.
	Parallel int
	Manner   ops.Manner
	// Kinds are the kinds that some member will want to watch beside those that all do.
	Kinds []snapshot.Kind
	// Keep says when the stages are left standing; ID is the run's, by which they can be removed later.
	Keep ops.Keep
	ID   string
}

// fleet is a plan under way.
type fleet struct {
	ops.Deps
	Plan
	started time.Time
	sink    *serial
	relay   *relay
	hub     *hub.Hub
	begun   []Stage
	results []result
}

// result is how a member ended; its reason is empty where it was not begun.
type result struct {
	Member
	reason ops.Reason
	last   journal.Entry
}

// Go carries the plan out and returns the worst reason.
func Go(ctx context.Context, d ops.Deps, p Plan) ops.Reason {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &fleet{Deps: d, Plan: p, started: d.Now(), sink: &serial{next: d.Sink}, relay: newRelay(ctx, d.Interrupts)}
	var end func()
	f.hub, end = hub.New(ctx, d.Cluster, p.Kinds...)
	defer end()
	if p.Asks {
		f.sink.hold()
	}
	f.tell(journal.Entry{Type: journal.Opening, Phase: journal.Connect, Text: p.Manner.Where})
	f.open()
	reason := f.setUp(ctx)
	if reason == ops.Reached && p.Choose != nil {
		reason = f.choose(ctx)
	}
	f.sink.release()
	if reason == ops.Reached {
		f.sail(ctx)
	} else {
		for _, m := range f.Members {
			f.results = append(f.results, result{Member: m})
		}
	}
	for _, r := range f.results {
		reason = ops.Worst(reason, r.reason)
	}
	reason = ops.Worst(reason, f.takeDown(ctx, reason)) // what is left is graver than a timeout, not than a failure
	f.close(reason)
	return reason
}

func (f *fleet) tell(e journal.Entry) {
	e.At, e.Elapsed = f.Now(), f.Now().Sub(f.started)
	f.sink.write(e)
}

// setUp makes the stages in order until one fails.
func (f *fleet) setUp(ctx context.Context) ops.Reason {
	if len(f.Stages) == 0 {
		return ops.Reached
	}
	ctx, cancel := context.WithTimeout(ctx, f.within(cmp.Or(f.Manner.Limits.Wait, lookLimit)))
	defer cancel()
	defer f.relay.onNext(func() { time.AfterFunc(answerGrace, cancel) })()
	for _, s := range f.Stages {
		if why := f.relay.reason(); why != "" {
			return why
		}
		f.begun = append(f.begun, s)
		reason := s.up(ctx, f.Deps, f.tell)
		if why := f.relay.reason(); why != "" {
			return why
		}
		if reason != ops.Reached {
			return reason
		}
	}
	return ops.Reached
}

const (
	// lookLimit is how long what precedes the members may take where they look only once.
	lookLimit = 30 * time.Second
	// answerGrace is how long an interrupted request may still take.
	answerGrace = 500 * time.Millisecond
)

// within shortens a limit to what is left of the whole command's.
func (f *fleet) within(limit time.Duration) time.Duration {
	if total := f.Manner.Limits.Total; total > 0 {
		return max(min(limit, total-f.Now().Sub(f.started)), 0)
	}
	return limit
}

// choose finds the members.
func (f *fleet) choose(ctx context.Context) ops.Reason {
	ctx, cancel := context.WithTimeout(ctx, f.within(cmp.Or(f.Manner.Limits.Wait, lookLimit)))
	defer cancel()
	defer f.relay.onNext(cancel)()
	d := f.Deps
	d.Cluster = f.hub
	members, reason := f.Choose(ctx, d, f.tell)
	if why := f.relay.reason(); why != "" {
		return why
	}
	f.Members = members
	f.open()
	if reason == ops.Reached && len(members) == 0 && f.Otherwise != nil {
		f.sink.release() // there is no question
		reason = f.Otherwise(ctx, d, f.tell)
		if why := f.relay.reason(); why != "" {
			return why
		}
	}
	return reason
}

// open opens the members' stories, so that all of them are known before the first goes on.
func (f *fleet) open() {
	for _, m := range f.Members {
		f.tell(journal.Entry{Type: journal.Opening, Phase: journal.Connect, Root: m.root(), Text: f.Manner.Where, Facts: journal.Facts{Source: m.Source}})
	}
}

// sail lets the members go, so many at a time.
func (f *fleet) sail(ctx context.Context) {
	f.results = make([]result, len(f.Members))
	turns := make(chan struct{}, max(f.Parallel, 1))
	var under sync.WaitGroup
	for i, m := range f.Members {
		f.results[i].Member = m
		turns <- struct{}{}
		under.Go(func() {
			defer func() { <-turns }()
			f.results[i].reason, f.results[i].last = f.act(ctx, m)
		})
	}
	under.Wait()
}

// act carries the operation out on one member, unless it is too late for that.
func (f *fleet) act(ctx context.Context, m Member) (ops.Reason, journal.Entry) {
	manner := f.Manner
	manner.Simulated = false // which is said once, at the end
	if total := manner.Limits.Total; total > 0 {
		manner.Limits.Total = f.within(total)
		if manner.Limits.Total <= 0 {
			return ops.TimedOut, journal.Entry{Text: "not begun: the time of the whole command was over"}
		}
	}
	ear, deaf := f.relay.listen()
	defer deaf()
	if why := f.relay.reason(); why != "" {
		return why, journal.Entry{}
	}
	voice := &voice{fleet: f}
	d := f.Deps
	d.Sink, d.Interrupts, d.Requests, d.Probes = voice, ear, func() int { return 0 }, nil // all of them are counted together
	if f.many() || f.Choose != nil {
		d.Cluster = f.hub
	}
	reason := f.guarded(m, voice, func() ops.Reason { return m.Act(ctx, d, manner) })
	return reason, voice.closing
}

// guarded keeps a mistake of the program in one member's part from taking the others' cleanup, and all reports,
// along.
func (f *fleet) guarded(m Member, voice *voice, act func() ops.Reason) (reason ops.Reason) {
	defer func() {
		mistake := recover()
		if mistake == nil {
			return
		}
		e := journal.Entry{
			Type: journal.Failure, Phase: journal.Cleanup, Root: m.root(), Reason: string(ops.Unexpected), Details: where(),
			Text: fmt.Sprintf("a mistake of this program has ended it: %v; what it made may be left", mistake), Hint: "report it with these lines",
		}
		if f.ID != "" {
			e.Hint += ", and remove what is left: " + f.removal(m.Namespace)
		}
		f.tell(e)
		reason, voice.closing = ops.Unexpected, journal.Entry{Text: "not reached: a mistake of this program has ended it"}
	}()
	return act()
}

// where returns the innermost of the program's own calls that a panic came from.
func where() []string {
	var calls [32]uintptr
	frames := runtime.CallersFrames(calls[:runtime.Callers(3, calls[:])])
	var texts []string
	for more := true; more && len(texts) < 5; {
		var frame runtime.Frame
		if frame, more = frames.Next(); !strings.HasPrefix(frame.Function, "runtime.") {
			texts = append(texts, fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File), frame.Line))
		}
	}
	return texts
}

// many reports whether each line must say whose it is.
func (f *fleet) many() bool { return len(f.Members) > 1 }

// takeDown takes the stages away in the opposite order, unless what failed is to be kept.
func (f *fleet) takeDown(ctx context.Context, reason ops.Reason) ops.Reason {
	if f.Keep == ops.KeepAlways || f.Keep == ops.KeepFailure && reason != ops.Reached {
		f.tellKept()
		return ops.Reached
	}
	limit := f.within(cmp.Or(f.Manner.Limits.Cleanup, f.Manner.Limits.Wait, lookLimit))
	ctx, cancel := context.WithTimeout(ctx, max(limit, answerGrace)) // so that a DELETE is sent when the time is over
	defer cancel()
	patience, enough := context.WithTimeout(ctx, limit)
	defer enough()
	defer f.relay.onSecond(func() { // the first asks for what is done here
		enough()
		time.AfterFunc(answerGrace, cancel) // for a request to a server that is silent takes as long as a wait
	})()
	wanted, unwanted := context.WithCancel(ctx)
	defer unwanted()
	if f.relay.times() > 0 {
		unwanted()
	}
	defer f.relay.onNext(unwanted)()
	worst := ops.Reached
	for _, s := range slices.Backward(f.begun) {
		until := ctx
		if _, others := s.(*Remains); others { // which an interrupt ends too, for it is what was asked for, not a cleanup
			until = wanted
			context.AfterFunc(wanted, enough)
		}
		worst = ops.Worst(worst, s.down(until, patience, f.Deps, f.tell))
	}
	if worst != ops.Reached {
		worst = ops.Worst(worst, f.relay.reason()) // an interrupt has kept it from going on
	}
	return worst
}

// tellKept tells what the stages have made and how to remove it.
func (f *fleet) tellKept() {
	var kept []Thing
	for _, s := range f.begun {
		kept = append(kept, s.made()...)
	}
	if len(kept) == 0 {
		return
	}
	f.tell(journal.Entry{
		Type: journal.Warning, Phase: journal.Cleanup, Reason: "Kept", Text: "kept too: " + strings.Join(Describe(kept), ", "), Hint: f.removal(kept[0].namespace),
	})
}

// removal is the command that removes what the run has left.
func (f *fleet) removal(namespace string) string {
	command := "seldonctl delete --run " + f.ID
	if namespace != "" {
		command += " -n " + namespace
	}
	return command
}

// close says how each member ended, failures last, and then the last word.
func (f *fleet) close(reason ops.Reason) {
	text, done := "not reached", 0
	if reason == ops.Reached {
		text = "done"
	}
	slices.SortStableFunc(f.results, func(a, b result) int {
		return cmp.Compare(min(ops.Rank(a.reason), 1), min(ops.Rank(b.reason), 1))
	})
	last := journal.Entry{Type: journal.Closing}
	for _, r := range f.results {
		if r.reason == ops.Reached {
			done++
		}
		if !f.many() {
			_, steps, _ := strings.Cut(r.words(), ": ")
			text, last.Root = strings.TrimSuffix(text+": "+steps, ": "), r.root()
			continue
		}
		e := journal.Entry{Type: journal.Closing, Root: r.root(), Reason: string(r.reason), Text: r.words(), Took: r.last.Took}
		if r.reason != "" {
			e.Text += fmt.Sprintf("; exit %d", r.reason.Code())
			e.End = &journal.End{Exit: r.reason.Code(), Requests: f.Requests(), Simulated: f.Manner.Simulated}
		}
		f.tell(e)
	}
	if f.many() {
		text += fmt.Sprintf(": %d of %d reached their goal", done, len(f.results))
	}
	if f.Manner.Simulated {
		text += " (on the embedded cluster: the pods were simulated)"
	}
	last.Text = text + fmt.Sprintf("; %s; exit %d", f.Asked(), reason.Code())
	last.Reason, last.Took = string(reason), f.Now().Sub(f.started)
	last.End = &journal.End{Exit: reason.Code(), Requests: f.Requests(), Simulated: f.Manner.Simulated}
	f.tell(last)
}

// words say how a member ended.
func (r result) words() string {
	text, _, _ := strings.Cut(r.last.Text, "; 0 API requests; exit ")
	return cmp.Or(text, "not begun")
}

// root is the name by which entries are its.
func (m Member) root() string { return m.Namespace + "/" + m.Name }
