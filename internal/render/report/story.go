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
	// parts are the entries of each object, by its name, and those of none in particular.
	parts map[string][]journal.Entry
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
	s := story{parts: map[string][]journal.Entry{}}
	for _, e := range entries {
		s.parts[e.Root] = append(s.parts[e.Root], e)
	}
	for _, r := range v.Roots {
		s.roots = append(s.roots, root{RootView: r, history: history(s.parts[r.Name])})
	}
	for _, e := range s.parts[""] {
		switch e.Type {
		case journal.Opening:
		case journal.Closing:
			s.end = &e
		default:
			s.remarks = append(s.remarks, e)
		}
	}
	if s.end == nil && len(s.roots) == 1 {
		s.end = s.roots[0].End // which is the command's too
	}
	return s
}

// ended reports whether the whole command has ended; else whoever told the story was stopped.
func (s story) ended() bool { return s.end != nil && s.end.End != nil }

// begun reports whether the command has come to this object, as far as its end says.
func (r root) begun() bool { return r.End == nil || r.End.End != nil }

func history(entries []journal.Entry) []*trouble {
	var all []*trouble
	for _, e := range entries {
		if e.Type == journal.Claim {
			outlive(all, e.Elapsed)
		}
		if e.Problem == nil {
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
