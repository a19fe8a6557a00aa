package picture

import (
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/render"
)

// markup is what is HTML already. Constants of this package become markup by themselves; a text never
// does, so that whatever comes from a cluster goes through text, or the value of an attribute.
type markup string

// attr is one attribute; its value is escaped when it is written.
type attr struct {
	name  markup
	value string
}

func class(names markup) attr { return attr{"class", string(names)} }

// across is a position or a length along the axis of time, in percent of its whole.
func across(name markup, percent float64) attr { return attr{name, number(percent) + "%"} }

// px is a position or a length in pixels.
func px(name markup, n float64) attr { return attr{name, number(n)} }

// number writes a number with as many digits as can be seen.
func number(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// page is a document that is being written.
type page struct {
	out strings.Builder
	// sub is the heading of the parts of an object's story.
	sub markup
}

func (p *page) raw(m markup) { p.out.WriteString(string(m)) }

func (p *page) text(s string) { p.out.WriteString(html.EscapeString(render.Clean(s))) }

// open writes an element's start.
func (p *page) open(tag markup, attrs ...attr) {
	p.raw("<" + tag)
	p.attrs(attrs)
	p.raw(">")
}

func (p *page) attrs(attrs []attr) {
	for _, a := range attrs {
		p.raw(" " + a.name + `="`)
		p.text(a.value)
		p.raw(`"`)
	}
}

func (p *page) end(tag markup) { p.raw("</" + tag + ">") }

// leaf writes an element that holds a text.
func (p *page) leaf(tag markup, text string, attrs ...attr) {
	p.open(tag, attrs...)
	p.text(text)
	p.end(tag)
}

// void writes an element that holds nothing.
func (p *page) void(tag markup, attrs ...attr) {
	p.raw("<" + tag)
	p.attrs(attrs)
	p.raw("/>")
}

// shape writes an element of a drawing with what is said when one points at it.
func (p *page) shape(tag markup, title string, attrs ...attr) {
	p.open(tag, attrs...)
	p.leaf("title", title)
	p.end(tag)
}

// took writes a length of time for people.
func took(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return whole(d.Round(time.Second))
}

// whole writes a length of time without fractions: a limit, a tick of the axis.
func whole(d time.Duration) string {
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, d%time.Minute
	var parts []string
	if h > 0 {
		parts = append(parts, strconv.Itoa(h)+" h")
	}
	if m > 0 {
		parts = append(parts, strconv.Itoa(m)+" min")
	}
	if s > 0 || len(parts) == 0 {
		parts = append(parts, number(s.Seconds())+" s")
	}
	return strings.Join(parts, " ")
}

// at writes a moment: seconds since the command began.
func at(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
