package report

import (
	"fmt"
	"strings"

	"github.com/seldonctl/seldonctl/internal/journal"
)

const (
	// How many bytes the page has at most when its parts are written; GitHub refuses a summary of more than
	// 1 MiB. A part for which there is no room is told shortly or counted.
	overviewLimit = 200 << 10
	remarksLimit  = 400 << 10
	fullLimit     = 900 << 10
	shortLimit    = 950 << 10
)

// page is a Markdown document that grows.
type page struct{ strings.Builder }

// linef writes a line. What comes from the cluster must have been escaped.
func (p *page) linef(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// add writes a part unless the page grows beyond a limit by it.
func (p *page) add(limit int, write func(part *page)) bool {
	part := &page{}
	write(part)
	if p.Len()+part.Len() > limit {
		return false
	}
	fmt.Fprint(p, part)
	return true
}

// cut writes that rows of a table were left out, if they were.
func (p *page) cut(all, shown int, what string) {
	if all > shown {
		p.linef("")
		p.linef("%d more %s are left out.", all-shown, what)
	}
	p.linef("")
}

// remarks tells what is of no object in particular.
func (p *page) remarks(all []journal.Entry) {
	for i, e := range all {
		if !p.add(remarksLimit, func(part *page) { part.remark(e) }) {
			p.linef("%d more notes and warnings are left out.", len(all)-i)
			p.linef("")
			return
		}
	}
}

// objects tells the objects in full as long as there is room, then in one line each, then how many there
// are besides.
func (p *page) objects(roots []root) {
	told := 0
	for told < len(roots) && p.add(fullLimit, func(part *page) { part.object(roots[told], len(roots) > 1) }) {
		told++
	}
	if told == len(roots) {
		return
	}
	p.linef("This page would become too long: the other objects are told in one line each. A report in another form has all of them.")
	p.linef("")
	for told < len(roots) && p.add(shortLimit, func(part *page) { part.short(roots[told]) }) {
		told++
	}
	if told < len(roots) {
		p.linef("")
		p.linef("… and %d more.", len(roots)-told)
	}
}

// short tells an object in one line: how it ended, and why.
func (p *page) short(r root) {
	var text string
	if r.End != nil {
		text = ": " + escape(r.End.Text)
	}
	for _, phase := range r.Phases {
		if result(phase) == failed {
			text = fmt.Sprintf(": not %s: %s", escape(string(phase.Name)), escape(phase.Result.Text))
			break
		}
	}
	p.linef("- %s: %s%s", verdict(r.End), escape(r.Name), text)
}
