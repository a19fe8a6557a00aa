// Package picture writes the report that people look at: one HTML file with a timeline of the run drawn
// to scale and, below it, the same in tables. It loads nothing from elsewhere and can be read without
// scripts; the one script it has adds a crosshair.
//
// It never decides what happened, never reads a clock, and lets no text from a cluster become markup:
// what is not a constant of this package is cleaned and escaped.
package picture

import (
	"crypto/sha256"
	_ "embed" // the style and the script lie beside the code
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

//go:embed style.css
var style markup

//go:embed script.js
var script markup

// Write writes the report of a command: its view, and the entries that the view was folded from. The same
// entries give the same bytes.
func Write(w io.Writer, v *journal.View, entries []journal.Entry) error {
	p := &page{sub: "h2"}
	c := commandOf(entries)
	several := len(v.Roots) > 1 || c.apart(v)
	p.head(v, c)
	p.raw("<body>")
	p.defs()
	p.raw("<main>")
	p.top(v)
	switch {
	case several:
		p.overview(v, c)
	case len(v.Roots) == 0:
		p.raw(`<p class="empty">This journal tells of no object.</p>`)
	}
	if several {
		p.sub = "h3"
	}
	for i, r := range v.Roots {
		s := newStory(v, r, entries)
		if s.several, s.together = several, c.apart(v); !several {
			s = s.with(c)
		}
		p.root(s, i)
	}
	p.footer()
	p.raw("</main><script>" + script + "</script></body></html>\n")
	if _, err := io.WriteString(w, p.out.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// hash is how a policy names the one style or script that it allows.
func hash(content markup) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// policy forbids everything but what this file holds itself.
func policy() string {
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

func (p *page) head(v *journal.View, c *command) {
	p.raw(`<!DOCTYPE html>` + "\n" + `<html lang="en"><head><meta charset="utf-8">`)
	p.open("meta", attr{"http-equiv", "Content-Security-Policy"}, attr{"content", policy()})
	p.raw(`<meta name="viewport" content="width=device-width, initial-scale=1">`)
	p.raw(`<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">`)
	title := "seldonctl report"
	switch {
	case c.apart(v):
		title = about(v) + ": " + outcome(c.end).word + " · " + title
	case len(v.Roots) == 1:
		title = v.Roots[0].Name + ": " + verdictOf(v.Roots[0], false).word + " · " + title
	}
	p.leaf("title", title)
	p.raw("<style>" + style + "</style></head>\n")
}

// top says what this is a report of.
func (p *page) top(v *journal.View) {
	p.raw(`<header class="top">`)
	p.raw(`<p class="brand">seldonctl <span>report</span></p><p class="where">`)
	if v.Where != "" {
		p.leaf("span", v.Where)
	}
	if !v.Began.IsZero() {
		p.leaf("time", v.Began.UTC().Format("2006-01-02 15:04:05 UTC"), attr{"datetime", v.Began.UTC().Format(time.RFC3339)})
	}
	p.raw("</p></header>\n")
}

// overview says what came of the command itself, and lists its objects.
func (p *page) overview(v *journal.View, c *command) {
	p.raw(`<section class="overview">`)
	if c.apart(v) {
		p.command(v, c)
	} else {
		p.leaf("h1", about(v), class("big"))
	}
	if len(v.Roots) > 0 {
		p.objects(v)
	}
	if c != nil {
		p.remarks(c.remarks, nil)
	}
	p.raw("</section>\n")
}

func (p *page) objects(v *journal.View) {
	t := p.table("All objects", column{"Object", "name"}, column{"Verdict", ""}, column{"Took", "n"}, column{"What was reached", "long"})
	for i, r := range v.Roots {
		verdict := verdictOf(r, true)
		t.row()
		t.cell(func() { p.leaf("a", r.Name, attr{"href", "#object-" + strconv.Itoa(i+1)}) })
		t.cell(func() { p.badge(verdict) })
		if d := lasted(r); d > 0 {
			t.text(took(d))
		} else {
			t.text("–")
		}
		t.text(reached(r))
	}
	t.end()
}

// root writes the story of one object.
func (p *page) root(s *story, i int) {
	p.open("section", class("object"), attr{"id", "object-" + strconv.Itoa(i+1)})
	p.verdict(s)
	p.timeline(s)
	p.phases(s)
	p.evidence(s)
	p.problems(s)
	p.remarks(s.Remarks, s.Object)
	p.deployments(s)
	p.pods(s)
	p.events(s)
	p.raw("</section>\n")
}

func (p *page) footer() {
	p.raw(`<footer><p>Times count in seconds from the start of the command, by the clock of the machine that ran it. `)
	p.raw(`This file loads nothing from elsewhere.</p></footer>`)
}
