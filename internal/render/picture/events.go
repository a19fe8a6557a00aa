package picture

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

const (
	// eventsEach is how many events are listed one by one; of more, those that say the same of different
	// objects share a row.
	eventsEach = 60
	// eventsAtMost is how many rows there are at most.
	eventsAtMost = 200
)

// told is what one row of the table of events stands for.
type told struct {
	journal.Entry

	last    time.Duration
	objects int
}

// foldEvents joins the events that say the same of different objects of a kind.
func foldEvents(events []journal.Entry) []told {
	var rows []told
	place := map[string]int{}
	for _, e := range events {
		if len(events) <= eventsEach {
			rows = append(rows, told{e, e.Elapsed, 1})
			continue
		}
		text := nameless(e)
		kind := snapshot.Kind("")
		if e.Object != nil {
			kind = e.Object.Kind
		}
		key := strings.Join([]string{string(e.Type), string(kind), e.Reason, text}, "\x00")
		i, known := place[key]
		if !known {
			place[key] = len(rows)
			rows = append(rows, told{e, e.Elapsed, 1})
			continue
		}
		rows[i].last = e.Elapsed
		rows[i].objects++
		rows[i].Text = text
	}
	return rows
}

// nameless is an event's text without the names that differ from object to object: its own, what begins
// with it, and the numbers of a scaling.
func nameless(e journal.Entry) string {
	if e.Object == nil || e.Object.Name == "" {
		return e.Text
	}
	fields := strings.Fields(e.Text)
	for i, field := range fields {
		if at := strings.Index(field, e.Object.Name); at >= 0 {
			fields[i] = field[:at] + "…"
		} else if e.Object.Kind == snapshot.Pod && strings.HasPrefix(field, "node") {
			fields[i] = "…"
		}
	}
	return strings.Join(fields, " ")
}

func (p *page) events(s *story) {
	if len(s.Events) == 0 {
		return
	}
	rows := foldEvents(s.Events)
	aside := strconv.Itoa(len(s.Events))
	if len(rows) < len(s.Events) {
		aside += ", of which those alike share a row"
	}
	p.section("Events", aside)
	t := p.table("Events", column{"At", "n"}, column{"Object", "name"}, column{"Reason", ""}, column{"Message", "long"})
	for _, e := range rows[:min(len(rows), eventsAtMost)] {
		t.row()
		moment := at(e.Elapsed)
		if e.last > e.Elapsed {
			moment += "–" + at(e.last)
		}
		t.text(moment)
		t.cell(func() { p.eventObject(e) })
		t.cell(func() {
			look := markup("reason")
			if e.Type == journal.Alarm {
				look = "reason alarm"
				p.raw(`<span class="sign doubt" aria-label="warning">▲</span> `)
			}
			p.leaf("span", e.Reason, class(look))
			if e.Count > 1 {
				p.leaf("span", " × "+strconv.Itoa(int(e.Count)), class("now"))
			}
		})
		t.text(e.Text)
	}
	t.end()
	if more := len(rows) - eventsAtMost; more > 0 {
		p.leaf("p", fmt.Sprintf("%d more rows are not listed; the journal has them.", more), class("aside"))
	}
	p.raw("</section>\n")
}

func (p *page) eventObject(e told) {
	switch {
	case e.Object == nil:
	case e.objects > 1:
		p.text(strconv.Itoa(e.objects) + " × " + string(e.Object.Kind))
	default:
		p.leaf("code", e.Object.String())
	}
}
