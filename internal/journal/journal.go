// Package journal turns what comes in, from the cluster and from our own acts, into what is to be
// told and what is to be asked. Step is its one function: a state, an input and the time give the
// entries for the sinks, the wants for the outside, and the verdict.
//
// It is pure. It never talks to a cluster, reads a clock, prints, or starts a goroutine; the state is
// owned by the goroutine that steps it.
package journal

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Input is anything that can change what is known or wanted. The types of this file's inputs are
// all there are.
type Input interface{ input() }

type (
	// Changed is what the watches have brought since the last step: all of it is taken in before
	// anything is decided, so that a thousand pods do not cost a thousand decisions.
	Changed struct{ Changes []snapshot.Change }
	// Began sets a goal; the phase in which it is reached begins.
	Began struct {
		Phase Phase
		Goal  judge.Goal
		// Text says what is waited for, Limit for how long at most.
		Text  string
		Limit time.Duration
	}
	// ReadDone answers a want for a confirming read. Named are the objects of the wanted Names.
	ReadDone struct {
		Objects, Named []snapshot.Object
		Err            error
	}
	// LogDone answers a want for the log of a problem's container.
	LogDone struct {
		Key   string
		Lines []string
		Err   error
	}
	// Recalled brings the Events from before the watches, which tell what ails what was ill already.
	Recalled struct {
		Events []snapshot.Object
		Err    error
	}
	// Told is an act of our own that has no other effect than to be told.
	Told struct{ Entry Entry }
	// Ticked says that time has passed to the moment that an earlier step named.
	Ticked struct{}
	// Expired says that the limit has come: what a deletion has left is read once more, whatever the watches say.
	Expired struct{}
)

func (Changed) input()  {}
func (Began) input()    {}
func (ReadDone) input() {}
func (LogDone) input()  {}
func (Recalled) input() {}
func (Told) input()     {}
func (Ticked) input()   {}
func (Expired) input()  {}

// State is all that is known and remembered of one custom resource and what is wanted of it.
type State struct {
	snap    *snapshot.Snapshot
	engine  engine.Reader
	started time.Time

	goal   *judge.Goal
	phase  Phase
	began  time.Time
	memory judge.Memory
	ended  bool // the present goal has its verdict

	reading Reading                    // the confirming read that is on its way
	fresh   *unstructured.Unstructured // the custom resource as the first half of that read showed it
	acted   int64                      // the generation on which the operator was found to have acted
	orderly bool                       // the custom resource was seen in a foreground deletion
	hasty   bool                       // something below it was removed without waiting for what it owned
	looked  bool                       // a read has shown what a deletion left
	last    bool                       // nothing will be waited for after the read that is on its way
	asked   []snapshot.Object          // what was known below it when the read was asked for
	strays  map[types.UID]bool         // what of it no watch can see, for want of the label, or may have been so
	unread  error                      // why the last confirming read failed, which has been told
	doubts  int                        // how often a confirming read has disagreed in this phase
	doubted time.Time                  // until when the next one waits unless something changes; zero: the last one did not disagree
	soonest time.Time                  // before which it waits whatever changes

	story story
	logs  logs
	ill   []types.UID // pods that were not ready when they were first listed
	lost  map[snapshot.Kind]bool
}

// New returns the state before anything has happened.
func New(e engine.Reader, now time.Time) *State {
	return &State{
		snap: snapshot.New(), engine: e, started: now,
		story: newStory(), logs: newLogs(), lost: map[snapshot.Kind]bool{},
	}
}

// Outcome is what a step asks its caller to do.
type Outcome struct {
	// Entries are to be told, in order.
	Entries []Entry
	// Read asks for a part of the confirming read, to be answered with ReadDone.
	Read Reading
	// Names are the kinds of which the read is to tell every object, whatever its labels.
	Names []snapshot.Kind
	// Log asks for the last lines of a container's log, to be answered with LogDone.
	Log *LogWant
	// Verdict is set once, when the goal is reached, failed or lost.
	Verdict *judge.Verdict
	// Wake is when a Ticked is due if nothing else comes; zero: never.
	Wake time.Time
}

// LogWant is a want for the log of the container that a problem is about.
type LogWant struct {
	Key string
	judge.Log
}

// Snapshot returns what is known. The caller must not change it.
func (s *State) Snapshot() *snapshot.Snapshot { return s.snap }

// Blind reports whether the watch of the kind is broken at present.
func (s *State) Blind(kind snapshot.Kind) bool { return s.lost[kind] }

// Unread returns why the last confirming read failed; nil where it did not.
func (s *State) Unread() error { return s.unread }

// Root returns the living custom resource with that UID, or nil.
func (s *State) Root(uid types.UID) *unstructured.Unstructured {
	root, ok := s.snap.Get(uid).(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return root
}

// Last returns the verdict as things stand, for the moment when a limit is reached.
func (s *State) Last(now time.Time) judge.Verdict {
	if s.goal == nil {
		return judge.Verdict{Outcome: judge.Waiting}
	}
	_, verdict, _ := judge.Hold(s.memory, judge.Find(s.snap, s.engine, *s.goal), now)
	return verdict
}

// Step takes in one input.
func (s *State) Step(in Input, now time.Time) Outcome {
	out := &step{State: s, now: now}
	switch in := in.(type) {
	case Changed:
		for _, c := range in.Changes {
			out.change(c)
		}
		out.tellEvents()
	case Began:
		out.begin(in)
	case ReadDone:
		out.confirm(in)
	case LogDone:
		s.logs.answer(in)
	case Recalled:
		out.recall(in)
	case Told:
		out.tell(in.Entry)
	case Ticked: // only the time has moved
	case Expired:
		out.lookLast()
	}
	out.tellPods()
	out.decide()
	return out.Outcome
}

// step is one step under way.
type step struct {
	*State
	Outcome
	now time.Time
}

func (s *step) tell(e Entry) {
	e.At, e.Elapsed = s.now, s.now.Sub(s.started)
	if e.Phase == "" {
		e.Phase = s.phase
	}
	s.Entries = append(s.Entries, e)
}

func (s *step) begin(in Began) {
	goal := in.Goal
	s.goal, s.phase, s.began = &goal, in.Phase, s.now
	s.memory, s.ended, s.fresh, s.looked = judge.Memory{}, false, nil, false
	s.doubted, s.soonest, s.doubts, s.strays, s.last = time.Time{}, time.Time{}, 0, nil, false
	s.story.forgetProblems()
	s.logs = newLogs()
	text := in.Text
	s.tell(Entry{Type: PhaseStart, Text: text, Object: &goal.Root, Limit: in.Limit})
	if goal.Baseline != nil {
		s.snap.Set(goal.Baseline)
	}
}

// change takes in a message of a watch.
func (s *step) change(c snapshot.Change) {
	switch c.Type {
	case snapshot.Seen:
		s.takeUp(c.Object)
		s.orderly = s.orderly || s.goal != nil && c.Object.GetUID() == s.goal.Root.UID && c.Object.GetDeletionTimestamp() != nil &&
			slices.Contains(c.Object.GetFinalizers(), metav1.FinalizerDeleteDependents)
		if s.snap.Set(c.Object) {
			s.story.saw(c.Object)
			if c.Kind != snapshot.Event { // Events are no evidence
				s.hurry()
			}
		}
	case snapshot.Deleted:
		if s.snap.Remove(c.Object, c.Version) {
			s.story.saw(c.Object)
			if c.Kind != snapshot.Event {
				s.hurry()
			}
		}
		if s.goal != nil && hasty(c.Object) && s.snap.Within(s.goal.Root.UID, c.Object.GetUID()) {
			s.hasty, s.looked = true, false
		}
	case snapshot.Listed:
		if s.snap.Prune(c.Kind, c.There, c.Version) {
			s.hurry()
		}
	case snapshot.Synced:
		s.snap.SetComplete(c.Kind, true)
		s.ill = append(s.ill, s.unready(c.Kind)...)
	case snapshot.Lost:
		s.lost[c.Kind] = true
		s.snap.SetBlind(c.Kind, "its watch is broken: "+errText(c.Err))
		if !s.snap.Complete(c.Kind) {
			break // nothing has been watched yet; whoever waits for the first list tells why it does not come
		}
		s.tell(Entry{Type: Warning, Reason: "WatchLost", Text: "the watch of " + string(c.Kind) + " broke and is being restored: " + errText(c.Err)})
	case snapshot.Restored:
		delete(s.lost, c.Kind)
		if s.snap.Refused(c.Kind) {
			break // what reads are refused of is not asked for again
		}
		s.snap.SetBlind(c.Kind, "")
		s.hurry() // the way is open again
		if !s.snap.Complete(c.Kind) {
			break
		}
		s.tell(Entry{Type: Note, Reason: "WatchRestored", Text: "the watch of " + string(c.Kind) + " delivers again"})
	case snapshot.Denied:
		s.deny(c)
	}
}

// deny takes in that a kind cannot be seen, unless a read has shown that before its watch has.
func (s *step) deny(c snapshot.Change) {
	if s.snap.Refused(c.Kind) && s.snap.Blind(c.Kind) != "" {
		return
	}
	s.snap.SetComplete(c.Kind, false)
	s.snap.SetBlind(c.Kind, errText(c.Err))
	s.hurry() // the next read does not ask for it
	s.tell(Entry{Type: Warning, Reason: "WatchDenied", Text: "cannot watch " + string(c.Kind) + ", going on with less: " + errText(c.Err)})
}

// takeUp notices that somebody else has changed the spec of the object that the goal is about: the
// goal then stands for the new spec, and what was known before is no longer evidence.
func (s *step) takeUp(o snapshot.Object) {
	if s.goal == nil || s.ended || s.goal.Baseline == nil || s.goal.Kind == judge.Gone || o.GetUID() != s.goal.Root.UID {
		return
	}
	root, ok := o.(*unstructured.Unstructured)
	if !ok || root.GetGeneration() <= s.goal.Baseline.GetGeneration() {
		return
	}
	before := s.goal.Baseline // what the watches showed last may be older than our write, or younger than that
	switch {
	case s.goal.Watched:
		s.tell(Entry{Type: Note, Reason: "SpecChanged", Object: &s.goal.Root, Text: SpecChange(root)})
	case root.GetDeletionTimestamp() == nil:
		s.tell(Entry{Type: Warning, Reason: "ForeignChange", Object: &s.goal.Root, Text: ForeignChange(root)})
	}
	if !s.goal.Watched {
		s.goal.Overtaken = append(s.goal.Overtaken, judge.Rewritten(s.engine, before, root)...)
	}
	if s.goal.Before == nil || s.acted == s.goal.Baseline.GetGeneration() {
		s.goal.Before = before // else what the operator has not acted on yet has to arrive too
		s.goal.Doubtful = !s.goal.Created && s.acted != s.goal.Baseline.GetGeneration()
	}
	s.goal.Baseline, s.goal.Created = root, false
}

// decide looks at the goal and asks for a confirming read, or gives the verdict.
func (s *step) decide() {
	if s.goal == nil || s.ended {
		return
	}
	findings := judge.Find(s.snap, s.engine, *s.goal)
	memory, verdict, wake := judge.Hold(s.memory, findings, s.now)
	s.memory, s.Wake = memory, wake
	if root := s.Root(s.goal.Root.UID); root != nil && findings.Seen {
		s.acted = root.GetGeneration()
	}
	s.tellProgress(verdict)
	switch verdict.Outcome {
	case judge.Waiting:
		s.fresh = nil
		s.tellStuck(verdict)
		s.seekStrays()
	case judge.Reached:
		s.confirmReached(verdict)
	case judge.Failed:
		if wait := s.awaitLog(verdict.Cause); !wait.IsZero() {
			s.Wake = wait
			return
		}
		s.wantRead(ReadTree)
	case judge.Lost:
		s.end(verdict)
	}
}

func (s *step) end(v judge.Verdict) {
	s.ended, s.Verdict, s.Wake = true, &v, time.Time{}
	took := s.now.Sub(s.began)
	switch v.Outcome {
	case judge.Waiting:
	case judge.Reached:
		claim := Entry{Type: Claim, Object: &s.goal.Root, Text: claimText(*s.goal, v), Took: took}
		if s.goal.Kind != judge.Gone { // there the sentence is the evidence
			claim.Details = v.Findings.Evidence
		}
		s.tell(claim)
		for _, remark := range v.Remarks {
			s.tell(Entry{Type: Warning, Object: &s.goal.Root, Text: remark})
		}
	case judge.Failed:
		lines, words := s.LastWords(v.Cause.Problem)
		s.tell(Entry{
			Type: Failure, Object: &s.goal.Root, Reason: string(v.Cause.Class), Text: v.Cause.Message,
			Details: slices.Concat(chainTexts(v.Cause.Chain), words, v.Findings.Serving), Hint: v.Cause.Hint, Took: took,
			Facts: Facts{Problem: problemOf(*v.Cause), Log: lines},
		})
	case judge.Lost:
		s.tell(Entry{Type: Failure, Object: &s.goal.Root, Reason: "Vanished", Text: v.Findings.Loss, Took: took})
	}
}
