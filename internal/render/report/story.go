package report

import (
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// story is a view with what it does not keep: how each problem went, and what belongs to no object.
type story struct {
	roots []root
	// end is how the whole command ended; nil while it runs.
	end *journal.Entry
	// remarks are what was told of no object in particular.
	remarks []journal.Entry
}

// root is one custom resource's part.
type root struct {
	*journal.RootView
	history []*trouble
}

// trouble is a problem, as it was last told while it was there, and what became of it.
type trouble struct {
	journal.Entry
	state string
	ended *time.Duration
}

// What becomes of a problem.
const (
	lasting  = "lasting"  // it was still there at the end
	healed   = "healed"   // it has passed
	outlived = "outlived" // the phase was reached in spite of it
	fatal    = "failed"   // it failed the phase
)

// The results of a phase.
const (
	reached    = "reached"
	failed     = "failed"
	skipped    = "skipped"
	unfinished = "unfinished"
)

func result(p *journal.PhaseView) string {
	switch {
	case p.Result == nil:
		return unfinished
	case p.Result.Type == journal.Claim:
		return reached
	case p.Result.Type == journal.Skipped:
		return skipped
	}
	return failed
}

func read(v *journal.View, entries []journal.Entry) story {
	var s story
	for _, r := range v.Roots {
		s.roots = append(s.roots, root{RootView: r, history: history(r.Name, entries)})
	}
	for i, e := range entries {
		switch {
		case e.Root != "":
		case e.Type == journal.Closing:
			s.end = &entries[i]
		case e.Type != journal.Opening:
			s.remarks = append(s.remarks, e)
		}
	}
	if s.end == nil {
		s.end = s.worst()
	}
	return s
}

// worst returns the end of the one object, or of several the one that decides the exit code; nil while
// one of them has none.
func (s story) worst() *journal.Entry {
	var found *journal.Entry
	for _, r := range s.roots {
		switch {
		case r.End == nil:
			return nil
		case found == nil || rank(r.End) < rank(found):
			found = r.End
		}
	}
	return found
}

// ranks are the exit codes in the order in which they decide that of several objects.
var ranks = []int{130, 143, 5, 4, 3, 10, 7, 6, 8, 2, 1}

func rank(end *journal.Entry) int {
	if end.End == nil {
		return len(ranks)
	}
	if i := slices.Index(ranks, end.End.Exit); i >= 0 {
		return i
	}
	return len(ranks)
}

func history(name string, entries []journal.Entry) []*trouble {
	var all []*trouble
	for _, e := range entries {
		if e.Root == name && e.Type == journal.Claim {
			outlive(all, e.Elapsed)
		}
		if e.Root != name || e.Problem == nil {
			continue
		}
		i := slices.IndexFunc(all, func(t *trouble) bool { return t.Problem.Key == e.Problem.Key && t.ended == nil })
		if i < 0 {
			i = len(all)
			all = append(all, &trouble{Entry: e, state: lasting})
		}
		switch e.Type {
		case journal.Healed:
			all[i].state, all[i].ended = healed, &e.Elapsed
		case journal.Failure:
			all[i].state, all[i].ended = fatal, &e.Elapsed
		default:
		}
	}
	return all
}

// outlive ends the problems that were there when a phase was reached.
func outlive(all []*trouble, at time.Duration) {
	for _, t := range all {
		if t.ended == nil {
			t.state, t.ended = outlived, &at
		}
	}
}

func (r root) namespace() string {
	namespace, _, _ := strings.Cut(r.Name, "/")
	return namespace
}

func (r root) name() string {
	_, name, _ := strings.Cut(r.Name, "/")
	return name
}
