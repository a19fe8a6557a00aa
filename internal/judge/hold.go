package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Memory is what has to be remembered between two looks to know for how long things have been so.
// The zero Memory remembers nothing. Hold never changes one: it returns the next.
type Memory struct {
	problems map[string]Held
	lacks    map[string]time.Time
	stamp    string
	stampAt  time.Time
}

// Held is a problem and for how long it has been there.
type Held struct {
	Problem
	// First is when it was first found; Absent since when it has not been there, zero while it is; Again when it was last
	// found after it had not been there for a while.
	First, Absent, Again time.Time
	// Shown is when it was last seen to show itself once more; zero where it only had before it was first found.
	Shown time.Time
}

// Outcome is what a verdict says.
type Outcome string

// The outcomes.
const (
	Waiting Outcome = "waiting" // neither reached nor lost
	Reached Outcome = "reached" // the goal holds; to be confirmed by a consistent read
	Failed  Outcome = "failed"  // a problem has held for its class's time
	Lost    Outcome = "lost"    // somebody else's doing has made the goal unreachable
)

// Verdict is what is to be said about a goal now.
type Verdict struct {
	Outcome  Outcome
	Findings Findings
	// Lacks are those of the findings that still count.
	Lacks []Lack
	// Remarks are those of the findings and the lacks whose patience is over.
	Remarks []string
	// Problems are the present ones with their ages, the gravest first.
	Problems []Held
	// Cause is the problem that made it Failed.
	Cause *Held
	// Remembered are the keys of the problems that are there or were a moment ago.
	Remembered map[string]bool
}

// Tell reports whether the problem is news, and has been there for long enough to be told.
func (h Held) Tell(now time.Time) bool { return !h.Late && now.Sub(h.First) >= h.Class.Quiet() }

// lull is how long what somebody else has written must have been put right to be done with: the next time is another.
// Two who write the same field all the time leave no such pause.
const lull = 2 * time.Second

// since is from when on a problem counts. What retries on its own keeps its age over the pauses between; what somebody
// else has written into a Deployment does not.
func (h Held) since() time.Time {
	if (h.Class == ReplicasRewritten || h.Class == TemplateRewritten) && h.Again.After(h.First) {
		return h.Again
	}
	return h.First
}

// checkDates returns what is left of a problem that rests on dates of the server. They tell of what was before we looked.
// The cluster's clock may be set while we do: for what we have seen ourselves ours must agree, which nobody sets, and it is
// no older than that.
func (h Held) checkDates(p Problem, now time.Time, ahead time.Duration) Problem {
	tolerance, seen := p.Class.Tolerance(), !h.Shown.IsZero()
	old := !p.Until.IsZero() && !now.Before(p.Until.Add(coarse-ahead)) && (!seen || !now.Before(h.Shown.Add(tolerance)))
	if brief := seen && h.Shown.Sub(h.First) < tolerance-coarse; old || brief {
		p.Proven, p.Unsure, p.Late = false, true, p.Late || old
	}
	return p
}

// forgetAfter is how long a problem that has vanished is remembered, so that one which comes and
// goes while something retries keeps its age.
const forgetAfter = 30 * time.Second

// Hold weighs the findings of this moment against what is remembered. It returns the next memory,
// the verdict, and when time alone can change the verdict (zero: never).
func Hold(m Memory, f Findings, now time.Time) (Memory, Verdict, time.Time) {
	next := Memory{problems: map[string]Held{}, lacks: map[string]time.Time{}, stamp: f.Stamp, stampAt: now}
	v := Verdict{Outcome: Waiting, Findings: f, Remarks: slices.Clone(f.Remarks)}
	wake := alarm{}
	if f.Loss != "" {
		v.Outcome = Lost
		return next, v, time.Time{}
	}
	v.holdLacks(m, &next, now, &wake)
	v.holdProblems(m, &next, now, &wake)
	settled := true
	if f.Settle {
		if m.stamp == f.Stamp && !m.stampAt.IsZero() {
			next.stampAt = m.stampAt
		}
		settled = now.Sub(next.stampAt) >= SettleTime
		if !settled {
			wake.at(next.stampAt.Add(SettleTime))
		}
	}
	switch {
	case len(v.Lacks) == 0 && settled:
		v.Outcome, v.Cause = Reached, nil
	case v.Cause != nil && !f.Patient:
		v.Outcome = Failed
	}
	return next, v, wake.time
}

// holdLacks lets the lacks whose patience is over become remarks.
func (v *Verdict) holdLacks(m Memory, next *Memory, now time.Time, wake *alarm) {
	for _, lack := range v.Findings.Lacks {
		if lack.Patience <= 0 {
			v.Lacks = append(v.Lacks, lack)
			continue
		}
		since, known := m.lacks[lack.Key]
		if !known {
			since = now
		}
		next.lacks[lack.Key] = since
		if now.Sub(since) >= lack.Patience {
			v.Remarks = append(v.Remarks, lack.Text)
			continue
		}
		v.Lacks = append(v.Lacks, lack)
		wake.at(since.Add(lack.Patience))
	}
}

// holdProblems gives each problem its age and finds the first whose class's time is over.
func (v *Verdict) holdProblems(m Memory, next *Memory, now time.Time, wake *alarm) {
	for key, held := range m.problems {
		if held.Absent.IsZero() && !v.finds(key) {
			held.Absent = now
		}
		if held.Absent.IsZero() || now.Sub(held.Absent) < forgetAfter {
			next.problems[key] = held
		}
		if !held.Absent.IsZero() && now.Sub(held.Absent) < forgetAfter { // then it is told that it has passed
			wake.at(held.Absent.Add(forgetAfter))
		}
	}
	for _, p := range v.Findings.Problems {
		held, known := next.problems[p.Key]
		switch {
		case !known:
			held.First = p.began(now, v.Findings.Ahead)
		case p.Vague:
			p = held.Problem
		case p.Times > 0 && p.Since.After(held.Since): // what was before has passed: it counts anew
			held.First, held.Shown = p.began(now, v.Findings.Ahead), time.Time{}
		case p.Times > held.Times:
			held.Shown = now
		}
		if known { // what begins later is for the class's time to bear
			p.After = held.After
		}
		p = held.checkDates(p, now, v.Findings.Ahead)
		if !held.Absent.IsZero() && now.Sub(held.Absent) >= lull {
			held.Again = now
		}
		held.Problem, held.Absent = p, time.Time{}
		next.problems[p.Key] = held
		v.Problems = append(v.Problems, held)
		v.weigh(held, next, now, wake)
	}
	v.Remembered = map[string]bool{}
	for key := range next.problems {
		v.Remembered[key] = true
	}
}

// weigh makes a problem the cause of a failure when its class's time is over, and it is the first such.
func (v *Verdict) weigh(held Held, next *Memory, now time.Time, wake *alarm) {
	if !held.Late && !held.Tell(now) {
		wake.at(held.First.Add(held.Class.Quiet()))
	}
	tolerance := held.Tolerance()
	if tolerance < 0 && !held.Proven {
		return
	}
	over := held.since().Add(tolerance)
	if !held.After.IsZero() {
		over = later(over, held.After.Add(coarse-v.Findings.Ahead))
	}
	if !held.Proven && now.Before(over) {
		wake.at(over)
		return
	}
	if cause := next.causeOf(held.Problem); cause != nil {
		if !cause.Absent.IsZero() { // while it is there, its own time counts
			wake.at(cause.Absent.Add(forgetAfter))
		}
		return
	}
	if v.Cause == nil {
		held.Problem = held.explainedBy(v.Problems)
		v.Cause = &held
	}
}

// explainedBy returns a symptom with what is known to be wrong below it and is never a failure by itself, such as a probe
// that does not pass. Anything else is returned as it is.
func (p Problem) explainedBy(problems []Held) Problem {
	for _, held := range problems {
		if held.isBelow(p) && held.Class != PodsEvicted { // of which another pod has come since
			p.Message = strings.TrimSuffix(p.Message, ".") + ": " + held.Message
			p.Chain, p.Hint, p.Log = held.Chain, held.Hint, held.Log
			break
		}
	}
	return p
}

// isBelow reports whether the problem names what a rollout that has taken too long comes from.
func (p Problem) isBelow(symptom Problem) bool {
	if symptom.Class != NoProgress || len(symptom.Chain) == 0 || p.Class.symptom() > 0 {
		return false
	}
	late := symptom.Chain[len(symptom.Chain)-1].Ref.UID
	return slices.ContainsFunc(p.Chain, func(l Link) bool { return l.Ref.UID == late })
}

// causeOf returns what a symptom comes from: a problem below it that may be a failure itself, and is there or
// was a moment ago. The one decides then, and where it has gone the symptom may be healing.
func (m *Memory) causeOf(p Problem) *Held {
	var cause *Held
	for _, held := range m.problems {
		if !held.isBelow(p) || held.Tolerance() < 0 {
			continue
		}
		if cause == nil || held.Absent.IsZero() || !cause.Absent.IsZero() && held.Absent.After(cause.Absent) {
			cause = &held
		}
	}
	return cause
}

// coarse is the resolution of the API server's timestamps.
const coarse = time.Second

// began is since when, by our clock, a problem that is seen for the first time has surely been there.
// The server's timestamp counts, cut off as it is to a second, or the present, whichever is earlier.
func (p Problem) began(now time.Time, ahead time.Duration) time.Time {
	if p.Since.IsZero() {
		return now
	}
	if since := p.Since.Add(coarse - ahead); since.Before(now) {
		return since
	}
	return now
}

func (v *Verdict) finds(key string) bool {
	return slices.ContainsFunc(v.Findings.Problems, func(p Problem) bool { return p.Key == key })
}

// alarm keeps the earliest of the times that it is given.
type alarm struct{ time time.Time }

func (a *alarm) at(t time.Time) {
	if a.time.IsZero() || t.Before(a.time) {
		a.time = t
	}
}

// Recall is the memory of somebody who looks for the first time, at objects whose own dates tell that
// nothing of them has changed since a time by our clock: so long has been there what shows in them alone.
// A zero time recalls nothing.
func Recall(f Findings, since time.Time) Memory {
	if since.IsZero() {
		return Memory{}
	}
	m := Memory{problems: map[string]Held{}, lacks: map[string]time.Time{}, stamp: f.Stamp, stampAt: since}
	for _, lack := range f.Lacks {
		m.lacks[lack.Key] = since
	}
	for _, p := range f.Problems {
		if p.Since.IsZero() && p.Class.Quiet() > 0 { // these show in the root and what it owns, the others in pods
			m.problems[p.Key] = Held{Problem: p, First: since}
		}
	}
	return m
}

// Rested returns since when, by our clock, neither the custom resource's spec nor anything that it owns
// has changed, as the dates of their writes tell; zero where a date is lacking.
func Rested(s *snapshot.Snapshot, root snapshot.Object, ahead time.Duration) time.Time {
	last := root.GetCreationTimestamp().Time
	for _, o := range append(s.Owned(root.GetUID()), root) {
		fields := o.GetManagedFields()
		if len(fields) == 0 {
			return time.Time{}
		}
		for _, f := range fields {
			switch {
			case f.Time == nil:
				return time.Time{}
			case o == root && f.Subresource == "status":
			case f.Time.After(last):
				last = f.Time.Time
			}
		}
	}
	return last.Add(coarse - ahead)
}

// stamp identifies the present state of some objects.
func stamp(generation int64, objects []snapshot.Object) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", generation)
	for _, o := range objects {
		fmt.Fprintf(&b, " %s@%s", o.GetUID(), o.GetResourceVersion())
	}
	return b.String()
}
