package picture

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// command is what is told of no object: of what had to be there before the objects and must go after them,
// and how all of it ended.
type command struct {
	// end is the last word; nil while the command runs, and where its only object has that word.
	end      *journal.Entry
	failures []journal.Entry
	// remarks are warnings, notes, and what was reached.
	remarks []journal.Entry
}

// commandOf finds what is told of no object; nil where nothing is.
func commandOf(entries []journal.Entry) *command {
	var c *command
	for i, e := range entries {
		if e.Root != "" {
			continue
		}
		c = cmp.Or(c, &command{})
		switch e.Type {
		case journal.Closing:
			c.end = &entries[i]
		case journal.Failure:
			c.failures = append(c.failures, e)
		case journal.Warning, journal.Note, journal.Claim:
			c.remarks = append(c.remarks, e)
		default:
		}
	}
	return c
}

// apart reports whether the command has a verdict of its own. What is told around an only object is told with
// it, since its last word is the command's.
func (c *command) apart(v *journal.View) bool {
	return c != nil && (c.end != nil || len(v.Roots) != 1)
}

// about names what a command was about.
func about(v *journal.View) string {
	if len(v.Roots) == 0 {
		return "The command"
	}
	return count(len(v.Roots), "object")
}

// command writes what came of the command, before its objects.
func (p *page) command(v *journal.View, c *command) {
	verdict := outcome(c.end)
	p.open("header", class("verdict "+verdict.class))
	p.raw(`<div class="title">`)
	p.leaf("h1", about(v), class("big"))
	p.badge(verdict)
	p.raw(`</div>`)
	alone := len(v.Roots) == 0 && len(c.failures) > 0 // there is nothing else to tell
	switch {
	case alone:
		p.leaf("p", brief(&c.failures[0]), class("said"))
	case c.end != nil:
		p.leaf("p", ending(c.end.Text), class("said"))
	}
	p.raw(`<dl class="figures">`)
	lasted := v.Elapsed
	if c.end != nil && c.end.Took > 0 {
		lasted = c.end.Took
	}
	p.figure("in all", took(lasted), "")
	if c.end != nil && c.end.End != nil {
		p.figure("API requests", strconv.Itoa(c.end.End.Requests), "")
		p.figure("exit code", strconv.Itoa(c.end.End.Exit), "")
	}
	p.raw(`</dl>`)
	p.simulated(c.end)
	p.failures(c.failures, alone)
	p.toDo(c.remarks)
	p.end("header")
	p.raw("\n")
}

// failures writes what failed around the objects, and what to do about it. The text of the first may have been
// said already.
func (p *page) failures(failures []journal.Entry, said bool) {
	for i, f := range failures {
		p.raw(`<div class="cause">`)
		if known := said && i == 0; !known || len(f.Details) > 0 {
			p.open(p.sub, class("sub"))
			p.raw(`Failed `)
			p.leaf("span", string(f.Phase)+", at "+at(f.Elapsed)+" s", class("count"))
			p.end(p.sub)
			if !known {
				p.leaf("p", f.Text, class("wrong"))
			}
		}
		if len(f.Details) > 0 {
			p.list(f.Details)
		}
		p.next(&f)
		p.raw(`</div>`)
	}
}

// with returns the story of an only object with what is told around it.
func (s *story) with(c *command) *story {
	if c == nil {
		return s
	}
	root := *s.RootView
	root.Remarks = slices.Concat(root.Remarks, c.remarks)
	slices.SortStableFunc(root.Remarks, func(a, b journal.Entry) int { return cmp.Compare(a.Elapsed, b.Elapsed) })
	s.RootView, s.around = &root, c.failures
	return s
}
