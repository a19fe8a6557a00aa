package picture

import (
	"cmp"
	"slices"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
)

// story is all that is told of one object, ordered for drawing.
type story struct {
	*journal.RootView

	// total is how long the axis of time is; it is the same for all objects of a report.
	total    time.Duration
	troubles []*trouble
	groups   map[string][]group // by Deployment
	// several says that it is a part of a report; together that the command has counted its requests for all.
	several, together bool
	// around are the failures of what an only object needed around it.
	around []journal.Entry
}

// trouble is a problem over time.
type trouble struct {
	journal.Entry

	from, to time.Duration
	// until is when it would have become a failure; 0: never.
	until   time.Duration
	outcome string
	open    bool
}

// The ways in which a problem ends.
const (
	passed = "passed"
	ended  = "failed the goal"
	lasts  = "was still there"
)

// longest is the longest axis of time: what a journal says may be nonsense.
const longest = 10 * 365 * 24 * time.Hour

func newStory(v *journal.View, r *journal.RootView, entries []journal.Entry) *story {
	s := &story{RootView: r, total: min(max(v.Elapsed, time.Millisecond), longest), groups: map[string][]group{}}
	for _, e := range entries {
		if e.Root == r.Name {
			s.trouble(e, v.Began)
		}
	}
	s.settle(v.Elapsed)
	for _, name := range s.owners() {
		s.groups[name] = fold(s.podsOf(name), s.Phases)
	}
	return s
}

// trouble follows the problems from suspicion to their end.
func (s *story) trouble(e journal.Entry, began time.Time) {
	switch e.Type {
	case journal.Suspicion:
		s.close(e, lasts)
		s.troubles = append(s.troubles, begin(e, began))
	case journal.Healed:
		s.close(e, passed)
	case journal.Failure:
		if e.Problem != nil && !s.close(e, ended) {
			t := begin(e, began)
			t.to, t.outcome, t.open = e.Elapsed, ended, false
			s.troubles = append(s.troubles, t)
		}
	case journal.PhaseStart:
		s.settle(e.Elapsed)
	default:
	}
}

func begin(e journal.Entry, began time.Time) *trouble {
	t := &trouble{Entry: e, from: e.Elapsed, to: e.Elapsed, outcome: lasts, open: true}
	if e.Problem == nil {
		return t
	}
	if since := e.Problem.Since.Sub(began); since > 0 && since < t.from {
		t.from = since
	}
	if !e.Problem.Until.IsZero() {
		t.until = e.Problem.Until.Sub(began)
	}
	return t
}

// close ends the open problem that an entry is about, if there is one.
func (s *story) close(e journal.Entry, outcome string) bool {
	for _, t := range s.troubles {
		if t.open && t.Problem != nil && e.Problem != nil && t.Problem.Key == e.Problem.Key {
			t.to, t.outcome, t.open = e.Elapsed, outcome, false
			return true
		}
	}
	return false
}

// settle ends all problems: the goal that they endangered is over.
func (s *story) settle(now time.Duration) {
	for _, t := range s.troubles {
		if t.open {
			t.to, t.open = now, false
		}
	}
}

// owners are the Deployments, and those of pods whose Deployment told nothing, in the order in which
// they were seen. Pods without one have the empty name.
func (s *story) owners() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, d := range s.Deployments {
		add(d.Object.Name)
	}
	for _, p := range s.Pods {
		add(p.Deployment)
	}
	return names
}

func (s *story) podsOf(deployment string) []*journal.PodView {
	var pods []*journal.PodView
	for _, p := range s.Pods {
		if p.Deployment == deployment {
			pods = append(pods, p)
		}
	}
	return pods
}

// steps are a Deployment's replicas over time, also where it was replaced by another of its name.
func (s *story) steps(deployment string) []journal.ReplicasStep {
	var steps []journal.ReplicasStep
	for _, d := range s.Deployments {
		if d.Object.Name == deployment {
			steps = append(steps, d.Steps...)
		}
	}
	return steps
}

// counted is until when a Deployment's replicas are told: while it is deleted only its pods are.
func (s *story) counted() time.Duration {
	for _, ph := range s.Phases {
		if ph.Name == journal.Delete || ph.Name == journal.Cleanup {
			return ph.Began
		}
	}
	return s.total
}

// percent is where a moment lies on the axis; a little is left at its end for what happens last.
func (s *story) percent(d time.Duration) float64 {
	return min(max(float64(d)/float64(s.total), 0), 1) * 99
}

// inState are the parts of pods' lives that occur, in their usual order.
func (s *story) inState() []judge.PodState {
	var found []judge.PodState
	for _, look := range looks {
		if slices.ContainsFunc(s.Pods, func(p *journal.PodView) bool {
			return slices.ContainsFunc(p.Steps, func(step journal.PodStep) bool { return step.State == look.state })
		}) {
			found = append(found, look.state)
		}
	}
	return found
}

// looks are the parts of a pod's life that are drawn, in their usual order, and how they look.
var looks = []struct {
	state judge.PodState
	class markup
	// weight is the place in a stack, from the bottom.
	weight int
}{
	{judge.PodPending, "pending", 5},
	{judge.PodScheduled, "scheduled", 4},
	{judge.PodPulling, "pulling", 3},
	{judge.PodInitialising, "initialising", 2},
	{judge.PodStarting, "starting", 1},
	{judge.PodReady, "ready", 0},
	{judge.PodFailing, "failing", 6},
	{judge.PodTerminating, "terminating", 7},
	{judge.PodEnded, "ended", 8},
}

// lookOf returns the class of a part of life, and whether it is drawn at all: what is gone is not, and
// what is new to this package is drawn as pending.
func lookOf(state judge.PodState) (look markup, weight int, drawn bool) {
	if state == judge.PodGone || state == "" {
		return "", 0, false
	}
	for _, l := range looks {
		if l.state == state {
			return l.class, l.weight, true
		}
	}
	return "pending", 5, true
}

// lasted is how long the story took.
func lasted(r *journal.RootView) time.Duration {
	if r.End != nil && r.End.Took > 0 {
		return r.End.Took
	}
	var d time.Duration
	for _, ph := range r.Phases {
		d = max(d, ph.Ended)
	}
	return d
}

// length is how long a phase took, by its result where it has one.
func length(ph *journal.PhaseView) time.Duration {
	if ph.Result != nil && ph.Result.Took > 0 {
		return ph.Result.Took
	}
	return ph.Ended - ph.Began
}

// median is the middle one of some lengths of time.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare)
	return sorted[len(sorted)/2]
}
