package picture

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// verdict is how it ended, as a word and a look.
type verdict struct {
	word  string
	class markup
	sign  markup
}

// outcome is the verdict of a last word.
func outcome(end *journal.Entry) verdict {
	switch {
	case end == nil:
		return verdict{"unfinished", "doubt", "…"}
	case end.End != nil && end.End.Exit == 0:
		return verdict{"reached", "good", "✓"}
	case end.Reason == "":
		return verdict{"not reached", "bad", "✗"}
	}
	return verdict{words(end.Reason), "bad", "✗"}
}

// verdictOf is the verdict on an object. Of several, those whose turn never came have no other; where one is
// alone, its last word says why.
func verdictOf(r *journal.RootView, several bool) verdict {
	v := outcome(r.End)
	if r.End != nil && v.class == "bad" && (r.End.End == nil || several && len(r.Phases) == 0) {
		v.word = "not begun"
	}
	return v
}

// words splits a word for machines: TimedOut is "timed out".
func words(reason string) string {
	var b strings.Builder
	for i, r := range reason {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// goalWords names a phase by what it does.
func goalWords(name journal.Phase) string {
	switch name {
	case journal.Wait:
		return "becoming available"
	case journal.Scale:
		return "scaling"
	case journal.Delete:
		return "deleting"
	case journal.Cleanup:
		return "cleaning up"
	case journal.Connect, journal.Create:
	}
	return string(name)
}

// reached says in a line what a story came to: the failure, or else its last word.
func reached(r *journal.RootView) string {
	if f := failure(r); f != nil {
		return brief(f)
	}
	if r.End != nil {
		return ending(r.End.Text)
	}
	return ""
}

// brief is what a failure says without the long words of its cause, which the chain of causes has too.
func brief(f *journal.Entry) string {
	if f.Problem == nil || len(f.Problem.Chain) == 0 {
		return f.Text
	}
	last := f.Problem.Chain[len(f.Problem.Chain)-1].Text
	if what, long := strings.CutSuffix(f.Text, ": "+last); long && len(last) > 100 {
		return what + ": " + string(f.Problem.Class)
	}
	return f.Text
}

// ending leaves out of a closing sentence what is told beside it in numbers.
func ending(text string) string {
	words, _, _ := strings.Cut(text, "; ")
	return words
}

// failure is the result that decided the story.
func failure(r *journal.RootView) *journal.Entry {
	for _, ph := range r.Phases {
		if ph.Result != nil && ph.Result.Type == journal.Failure {
			return ph.Result
		}
	}
	return nil
}

func (p *page) badge(v verdict) {
	p.open("span", class("badge "+v.class))
	p.raw(`<span aria-hidden="true">` + v.sign + `</span> `)
	p.text(v.word)
	p.end("span")
}

// verdict writes what came of it, before everything else.
func (p *page) verdict(s *story) {
	v := verdictOf(s.RootView, s.several)
	p.open("header", class("verdict "+v.class))
	p.raw(`<div class="title">`)
	heading := markup("h1")
	if s.several {
		heading = "h2"
	}
	p.leaf(heading, s.Name, class("big"))
	p.badge(v)
	p.raw(`</div>`)
	f, said := failure(s.RootView), reached(s.RootView)
	outer := f == nil && len(s.around) > 0
	if outer {
		said = brief(&s.around[0])
	}
	if said != v.word {
		p.leaf("p", said, class("said"))
	}
	p.figures(s)
	if f != nil && len(f.Details)+len(f.Hint)+len(f.Source) > 0 {
		p.cause(f)
	}
	p.failures(s.around, outer)
	p.toDo(s.Remarks)
	p.end("header")
	p.raw("\n")
}

// figures are the few numbers that one looks for first.
func (p *page) figures(s *story) {
	p.raw(`<dl class="figures">`)
	for _, ph := range s.Phases {
		name, value, look := string(ph.Name), took(length(ph)), markup("good")
		switch {
		case ph.Result == nil:
			look, value = "doubt", "unfinished"
		case ph.Result.Type == journal.Failure:
			look, value = "bad", value+" ✗"
		case ph.Result.Type == journal.Skipped:
			look, value = "doubt", "not applicable"
		}
		p.figure(name, value, look)
	}
	if d := lasted(s.RootView); d > 0 {
		p.figure("in all", took(d), "")
	}
	if len(s.Pods) > 0 {
		p.figure("pods seen", strconv.Itoa(len(s.Pods)), "")
	}
	if s.End != nil && s.End.End != nil {
		if !s.together {
			p.figure("API requests", strconv.Itoa(s.End.End.Requests), "")
		}
		p.figure("exit code", strconv.Itoa(s.End.End.Exit), "")
	}
	p.raw(`</dl>`)
	p.simulated(s.End)
	if s.Source != "" {
		p.raw(`<p class="aside">Manifest: `)
		p.leaf("code", s.Source)
		p.raw(`</p>`)
	}
}

func (p *page) figure(name, value string, look markup) {
	p.open("div", class("figure "+look))
	p.leaf("dt", name)
	p.leaf("dd", value)
	p.end("div")
}

func (p *page) simulated(end *journal.Entry) {
	if end != nil && end.End != nil && end.End.Simulated {
		p.raw(`<p class="aside">On the embedded cluster: the pods were simulated.</p>`)
	}
}

// cause shows the way from the custom resource down to what is wrong, the last words of the container,
// and what to do next.
func (p *page) cause(f *journal.Entry) {
	p.raw(`<div class="cause">`)
	rest := f.Details
	if f.Problem != nil && len(f.Problem.Chain) > 0 {
		rest = rest[min(len(f.Problem.Chain), len(rest)):]
		p.heading("Cause")
		p.raw(`<ol class="chain">`)
		for _, link := range f.Problem.Chain {
			p.raw(`<li>`)
			p.leaf("span", string(link.Kind), class("kind"))
			p.raw(" ")
			p.leaf("code", link.Name)
			if link.Text != "" {
				p.raw(" ")
				p.leaf("span", link.Text, class("wrong"))
			}
			p.raw(`</li>`)
		}
		p.raw(`</ol>`)
	}
	p.lastWords(f, rest)
	p.next(f)
	p.raw(`</div>`)
}

// next says where in the manifest a failure lies, and what to do.
func (p *page) next(f *journal.Entry) {
	if f.Source != "" {
		p.raw(`<p class="aside">In the manifest: `)
		p.leaf("code", f.Source)
		p.raw(`</p>`)
	}
	if f.Hint != "" {
		p.heading("Next")
		p.hint("p", f.Hint)
	}
}

// toDo repeats the warnings that end with something to do, such as what was left.
func (p *page) toDo(remarks []journal.Entry) {
	for _, e := range remarks {
		if e.Type != journal.Warning || e.Hint == "" {
			continue
		}
		p.raw(`<div class="cause">`)
		p.heading("Warning")
		p.leaf("p", e.Text)
		p.hint("p", e.Hint)
		p.raw(`</div>`)
	}
}

// lastWords writes the remaining details of a failure: sentences, and the log of the container, which
// follows its heading there in indented lines and stands apart here.
func (p *page) lastWords(f *journal.Entry, details []string) {
	var plain []string
	logged := len(f.Log) == 0
	for _, d := range details {
		switch {
		case len(f.Log) > 0 && strings.HasPrefix(d, "  "):
		case !logged && strings.HasSuffix(d, ":"):
			logged = true
			p.heading(capital(strings.TrimSuffix(d, ":")))
			p.log(f.Log)
		default:
			plain = append(plain, d)
		}
	}
	if len(plain) == 0 {
		return
	}
	if f.Problem == nil {
		p.heading("Still lacking")
	}
	p.list(plain)
}

// log writes lines with their indentation, which means something in a traceback.
func (p *page) log(lines []string) {
	p.raw(`<pre class="log" tabindex="0">`)
	for _, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		p.raw(markup(strings.Repeat(" ", min(indent, 40))))
		p.text(line)
		p.raw("\n")
	}
	p.raw(`</pre>`)
}

// heading names a part of a story.
func (p *page) heading(text string) { p.leaf(p.sub, text, class("sub")) }

// hint writes what to do next: a sentence, a command, or a sentence that ends with one.
func (p *page) hint(tag markup, text string) {
	p.open(tag, class("hint"))
	start := len(text)
	for _, program := range []string{"kubectl ", "seldonctl "} {
		if i := strings.Index(text, program); i >= 0 && (i == 0 || text[i-1] == ' ') {
			start = min(start, i)
		}
	}
	p.text(text[:start])
	if start < len(text) {
		p.raw(" ")
		p.leaf("code", text[start:])
	}
	p.end(tag)
}

func (p *page) list(lines []string) {
	p.raw(`<ul class="lines">`)
	for _, line := range lines {
		p.leaf("li", line)
	}
	p.raw(`</ul>`)
}

func capital(text string) string {
	for i, r := range text {
		return string(unicode.ToUpper(r)) + text[i+len(string(r)):]
	}
	return text
}
