package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// The heights of the rows, in pixels.
const (
	axisHeight  = 18.0
	phaseHeight = 20.0
	marksHeight = 16.0
	chartHeight = 52.0
	podHeight   = 14.0
	groupHeight = 84.0 // at most
)

// defs are the patterns that tell the parts of life apart where colours cannot.
func (p *page) defs() {
	p.raw(`<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>` +
		`<pattern id="is-pulling" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="back pulling" width="6" height="6"/><path class="ink" d="M-1.5,1.5 l3,-3 M0,6 l6,-6 M4.5,7.5 l3,-3"/></pattern>` +
		`<pattern id="is-initialising" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="back initialising" width="5" height="5"/><circle class="dot" cx="2.5" cy="2.5" r="1"/></pattern>` +
		`<pattern id="is-failing" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="back failing" width="6" height="6"/><path class="ink" d="M0,0 l6,6 M0,6 l6,-6"/></pattern>` +
		`<pattern id="is-terminating" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="back terminating" width="4" height="4"/><path class="ink" d="M0,2 h4"/></pattern>` +
		`</defs></svg>`)
}

// timeline draws the story to scale.
func (p *page) timeline(s *story) {
	waited := slices.ContainsFunc(s.Phases, func(ph *journal.PhaseView) bool { return ph.Limit > 0 })
	if !waited && len(s.Pods) == 0 && len(s.Events) == 0 {
		return // what was refused at once has no course
	}
	p.raw(`<figure class="timeline"><figcaption>`)
	p.heading("Timeline")
	p.legend(s)
	p.raw(`</figcaption>`)
	p.open("div", class("plot"), attr{"data-total", number(s.total.Seconds())})
	p.backdrop(s)
	p.axis(s)
	for _, ph := range s.Phases {
		p.phaseRow(s, ph)
	}
	p.eventRow(s)
	p.problemRows(s)
	for _, name := range s.owners() {
		p.deploymentRow(s, name)
		for _, g := range s.groups[name] {
			p.podRow(s, name, g)
		}
	}
	p.raw(`<div class="cross" hidden><span></span></div></div>`)
	if slices.ContainsFunc(s.owners(), func(name string) bool { return len(s.groups[name]) < len(s.podsOf(name)) }) {
		p.raw(`<p class="aside">Pods with the same course share a row, which shows how many of them are in which part of their lives.</p>`)
	}
	p.raw("</figure>\n")
}

// legend explains the looks that occur.
func (p *page) legend(s *story) {
	p.raw(`<ul class="legend">`)
	swatch := func(name string, draw markup) {
		p.raw(`<li><svg width="18" height="12" aria-hidden="true" focusable="false">` + draw + `</svg>`)
		p.text(name)
		p.raw(`</li>`)
	}
	for _, state := range s.inState() {
		look, _, _ := lookOf(state)
		swatch(string(state), `<rect class="bar `+look+`" width="18" height="12" rx="2"/>`)
	}
	if len(s.Deployments) > 0 {
		swatch("replicas wanted", `<line class="wanted" x1="0" y1="6" x2="18" y2="6"/>`)
		swatch("replicas ready", `<rect class="replicas" width="18" height="12"/>`)
		swatch("not ready yet", `<rect class="total" width="18" height="12"/>`)
	}
	if slices.ContainsFunc(s.Phases, func(ph *journal.PhaseView) bool { return ph.Limit > 0 }) {
		swatch("time limit", `<line class="limit" x1="0" y1="6" x2="18" y2="6"/>`)
	}
	if len(s.Events) > 0 {
		swatch("event", `<line class="tick" x1="9" y1="2" x2="9" y2="11"/>`)
	}
	if slices.ContainsFunc(s.Events, func(e journal.Entry) bool { return e.Type == journal.Alarm }) {
		swatch("warning event", `<path class="alarm" d="M9,1 l5,10 h-10z"/>`)
	}
	if len(s.troubles) > 0 {
		swatch("problem", `<rect class="trouble" y="3" width="18" height="6"/>`)
	}
	p.raw(`</ul>`)
}

// row writes one row: what it is about, and its track along the axis of time.
func (p *page) row(kind markup, height float64, title string, label, track func()) {
	p.open("div", class("row "+kind))
	p.raw(`<div class="label">`)
	label()
	p.raw(`</div>`)
	if title == "" {
		p.open("svg", class("track"), attr{"width", "100%"}, px("height", height), attr{"aria-hidden", "true"})
	} else {
		p.open("svg", class("track"), attr{"width", "100%"}, px("height", height), attr{"role", "img"})
		p.leaf("title", title)
	}
	track()
	p.raw("</svg></div>\n")
}

// backdrop draws behind all rows the lines of the axis and the phases as bands.
func (p *page) backdrop(s *story) {
	p.raw(`<svg class="backdrop" aria-hidden="true" focusable="false">`)
	shaded := false
	for _, ph := range s.Phases {
		from, to := s.percent(ph.Began), s.percent(ph.Ended)
		if to <= from {
			continue
		}
		if shaded = !shaded; shaded {
			p.void("rect", class("band"), across("x", from), across("width", to-from), attr{"height", "100%"})
		}
	}
	for _, t := range ticks(s.total) {
		x := s.percent(t)
		p.void("line", class("grid"), across("x1", x), across("x2", x), attr{"y1", "0"}, attr{"y2", "100%"})
	}
	p.raw("</svg>\n")
}

func (p *page) axis(s *story) {
	p.row("axis", axisHeight, "", func() {}, func() {
		for i, t := range ticks(s.total) {
			name, look := whole(t), markup("tick-name")
			if i%2 == 1 {
				look += " odd"
			}
			if t == 0 {
				name, look = "0", look+" first"
			} else if s.percent(t) > 96 {
				look += " last"
			}
			p.leaf("text", name, class(look), across("x", s.percent(t)), px("y", 13))
		}
	})
}

// ticks are round moments, at most nine of them.
func ticks(total time.Duration) []time.Duration {
	step := time.Millisecond
	for i := 0; total/step > 8; i++ {
		steps := []time.Duration{
			10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
			time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
			time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		}
		if i < len(steps) {
			step = steps[i]
		} else {
			step = time.Hour << (i - len(steps))
		}
	}
	var all []time.Duration
	for t := time.Duration(0); t <= total; t += step {
		all = append(all, t)
	}
	return all
}

// phaseRow draws how long a phase took, and how long it might have taken.
func (p *page) phaseRow(s *story, ph *journal.PhaseView) {
	text, limit := took(length(ph)), ""
	if ph.Limit > 0 {
		limit = " of " + whole(ph.Limit)
	}
	look := markup("running")
	if ph.Result != nil {
		switch ph.Result.Type {
		case journal.Failure:
			look = "bad"
		case journal.Skipped:
			look, text, limit = "skipped", "not applicable", ""
		default:
			look = "good"
		}
	}
	title := fmt.Sprintf("%s: %s, from %s s to %s s", ph.Name, text+limit, at(ph.Began), at(ph.Ended))
	p.row("phase", phaseHeight, title, func() { p.leaf("span", string(ph.Name), class("name")) }, func() {
		from, to := s.percent(ph.Began), s.percent(ph.Ended)
		if limit := ph.Began + ph.Limit; ph.Limit > 0 {
			p.void("line", class("limit"), across("x1", to), across("x2", min(s.percent(limit)+beyond(limit, s.total), 100)), px("y1", 10), px("y2", 10))
			if limit <= s.total {
				p.void("line", class("limit"), across("x1", s.percent(limit)), across("x2", s.percent(limit)), px("y1", 5), px("y2", 15))
			}
		}
		p.shape("rect", title, class("phase "+look), across("x", from), across("width", max(to-from, 0.3)), px("y", 4), px("height", 12), px("rx", 2))
		p.beside(text, limit, from, to)
	})
}

// beyond lets a line that leaves the drawing reach its very edge.
func beyond(t, total time.Duration) float64 {
	if t > total {
		return 1
	}
	return 0
}

// beside writes how long a phase took, and of how much, wherever there is room: after its bar, in it, or
// before it. On narrow screens the limit is left out.
func (p *page) beside(text, limit string, from, to float64) {
	look, x, dx := markup("phase-text"), to, 6.0
	switch {
	case to <= 66:
	case to-from >= 33:
		look, x = "phase-text inside", from
	default:
		look, x, dx = "phase-text before", from, -6
	}
	p.open("text", class(look), across("x", x), px("y", 14), px("dx", dx))
	p.text(text)
	if limit != "" {
		p.raw(`<tspan class="of"> `)
		p.text(limit)
		p.raw(`</tspan>`)
	}
	p.end("text")
}

// eventRow marks when events came; what comes at the same moment shares a mark.
func (p *page) eventRow(s *story) {
	if len(s.Events) == 0 {
		return
	}
	const places = 400
	var order []int
	marks := map[int][]journal.Entry{}
	for _, e := range s.Events {
		place := int(s.percent(e.Elapsed) * places / 100)
		if marks[place] == nil {
			order = append(order, place)
		}
		marks[place] = append(marks[place], e)
	}
	title := count(len(s.Events), "event")
	p.row("events", marksHeight, title, func() {
		p.raw(`<span class="name">events</span><span class="now">`)
		p.text(strconv.Itoa(len(s.Events)))
		p.raw(`</span>`)
	}, func() {
		for _, place := range order {
			p.mark(s, marks[place])
		}
	})
}

func (p *page) mark(s *story, events []journal.Entry) {
	x := s.percent(events[0].Elapsed)
	var said []string
	alarm := false
	for _, e := range events {
		alarm = alarm || e.Type == journal.Alarm
		if len(said) < 3 {
			said = append(said, eventWords(e))
		}
	}
	if more := len(events) - len(said); more > 0 {
		said = append(said, fmt.Sprintf("and %d more", more))
	}
	title := at(events[0].Elapsed) + " s: " + strings.Join(said, "; ")
	if !alarm {
		p.shape("line", title, class("tick"), across("x1", x), across("x2", x), px("y1", 3), px("y2", 13))
		return
	}
	p.open("svg", across("x", x), attr{"overflow", "visible"})
	p.shape("path", title, class("alarm"), attr{"d", "M0,2 l5.5,11 h-11z"})
	p.end("svg")
}

func eventWords(e journal.Entry) string {
	words := e.Reason
	if e.Object != nil {
		words = e.Object.String() + " " + words
	}
	return words
}
