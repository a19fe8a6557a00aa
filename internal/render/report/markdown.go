package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

const (
	// rowLimit is how many rows a table has, eventLimit how many events are shown.
	rowLimit   = 50
	eventLimit = 20
)

// Markdown writes the report as Markdown, fit for the step summary of a CI job.
func Markdown(w io.Writer, v *journal.View, entries []journal.Entry) error {
	s := read(v, entries)
	p := &page{}
	p.heading(s)
	if v.Where != "" {
		p.linef("%s", escape(v.Where))
		p.linef("")
	}
	if len(s.roots) > 1 {
		p.overview(s)
	}
	p.remarks(s.remarks)
	p.objects(s.roots)
	if _, err := io.WriteString(w, strings.TrimRight(p.String(), "\n")+"\n"); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (p *page) heading(s story) {
	names := fmt.Sprintf("%d objects", len(s.roots))
	switch len(s.roots) {
	case 0:
		names = "seldonctl"
	case 1:
		names = escape(s.roots[0].Name)
	}
	p.linef("## %s: %s", verdict(s.end), names)
	p.linef("")
	if s.end != nil {
		p.linef("%s", escape(s.end.Text))
		p.linef("")
	}
	if s.end != nil && s.end.End != nil && s.end.End.Simulated {
		p.linef("**The pods were simulated**, on the embedded cluster.")
		p.linef("")
	}
}

func verdict(end *journal.Entry) string {
	switch {
	case end == nil:
		return "not finished"
	case end.End == nil:
		return "not begun"
	case end.End.Exit == 0:
		return "OK"
	}
	return fmt.Sprintf("FAILED (%s, exit %d)", escape(end.Reason), end.End.Exit)
}

func (p *page) overview(s story) {
	p.linef("| object | verdict | took |")
	p.linef("|---|---|---:|")
	shown := 0
	for shown < len(s.roots) && p.add(overviewLimit, func(part *page) {
		r := s.roots[shown]
		part.linef("| %s | %s | %s |", escape(r.Name), verdict(r.End), took(lasted(r)))
	}) {
		shown++
	}
	p.cut(len(s.roots), shown, "objects")
}

func (p *page) object(r root, named bool) {
	if named {
		p.linef("### %s: %s", verdict(r.End), escape(r.Name))
		p.linef("")
	}
	p.phases(r)
	for _, phase := range r.Phases {
		if result(phase) == failed {
			p.failure(*phase.Result)
		}
	}
	p.warnings(r.Remarks)
	p.problems(r.history)
	p.replicas(r)
	p.events(r.Events)
}

func (p *page) warnings(remarks []journal.Entry) {
	warnings := 0
	for _, e := range remarks {
		if e.Type != journal.Warning {
			continue
		}
		if warnings++; warnings <= rowLimit {
			p.remark(e)
		}
	}
	if warnings > rowLimit {
		p.linef("%d more warnings are left out.", warnings-rowLimit)
		p.linef("")
	}
}

// words are the results of phases as people read them, the same as in the story.
var words = map[string]string{reached: "OK", failed: "**FAILED**", skipped: "skipped", unfinished: "not finished"}

func (p *page) phases(r root) {
	if len(r.Phases) == 0 {
		return
	}
	p.linef("| phase | result | took | limit | |")
	p.linef("|---|---|---:|---:|---|")
	for _, phase := range r.Phases {
		text := phase.Text
		if phase.Result != nil {
			text = phase.Result.Text
		}
		p.linef("| %s | %s | %s | %s | %s |", escape(string(phase.Name)), words[result(phase)], took(phase.Ended-phase.Began), limit(phase.Limit), escape(text))
	}
	p.linef("")
}

// failure tells why a phase failed: the chain of causes, the last words of the container, what to do.
func (p *page) failure(e journal.Entry) {
	p.linef("**Not %s:** %s", escape(string(e.Phase)), escape(e.Text))
	p.linef("")
	p.source(e)
	chain := chainOf(e)
	for _, link := range chain {
		p.linef("1. %s", link)
	}
	if len(chain) > 0 {
		p.linef("")
	}
	p.rest(e, len(chain))
	p.hint(e.Hint)
}

// rest tells what a failure says beyond the chain of causes, which its details begin with. Of a log the
// details have the end, so that it takes their place.
func (p *page) rest(e journal.Entry, chain int) {
	details := e.Details[min(chain, len(e.Details)):]
	if len(e.Log) == 0 {
		p.details(details)
		return
	}
	title, others := "the end of its log:", []string{}
	for i, detail := range details {
		switch {
		case strings.HasPrefix(detail, " "):
		case i+1 < len(details) && strings.HasPrefix(details[i+1], " "):
			title = detail // which says also what the log comes to
		default:
			others = append(others, detail)
		}
	}
	p.linef("Of the container, %s", escape(title))
	p.linef("")
	p.code(e.Log)
	p.details(others)
}

// chainOf is the chain of causes of a failure; the object of each link stands out.
func chainOf(e journal.Entry) []string {
	if e.Problem == nil {
		return nil
	}
	var lines []string
	for _, link := range e.Problem.Chain {
		line := "**" + escape(link.String()) + "**"
		if link.Text != "" {
			line += ": " + escape(link.Text)
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *page) remark(e journal.Entry) {
	word := "Note"
	switch e.Type {
	case journal.Warning:
		word = "Warning"
	case journal.Failure:
		word = "FAILED"
	case journal.Claim:
		word = "OK"
	default:
	}
	text := escape(e.Text)
	if e.Root == "" && (e.Type == journal.Note || e.Type == journal.Progress) && e.Object != nil {
		text = name(e.Object) + ": " + text // it says only what has become of it
	}
	p.linef("**%s:** %s", word, text)
	p.linef("")
	p.source(e)
	p.details(e.Details)
	p.hint(e.Hint)
}

func (p *page) source(e journal.Entry) {
	if e.Source != "" {
		p.linef("Where: %s", span(e.Source))
		p.linef("")
	}
}

func (p *page) details(details []string) {
	for _, detail := range bounded(details) {
		p.linef("- %s", escape(detail))
	}
	if len(details) > 0 {
		p.linef("")
	}
}

func (p *page) hint(hint string) {
	if hint != "" {
		p.linef("Next: %s", span(hint))
		p.linef("")
	}
}

// code writes lines that are shown as they are.
func (p *page) code(lines []string) {
	clean := make([]string, 0, len(lines))
	for _, line := range lines {
		clean = append(clean, indented(line))
	}
	fence := strings.Repeat("`", max(3, longestRun(strings.Join(clean, "\n"))+1))
	p.linef("%stext", fence)
	for _, line := range clean {
		p.linef("%s", line)
	}
	p.linef("%s", fence)
	p.linef("")
}

func (p *page) problems(all []*trouble) {
	if len(all) == 0 {
		return
	}
	p.linef("| problem | on | from | until | |")
	p.linef("|---|---|---:|---:|---|")
	for _, t := range all[:min(len(all), rowLimit)] {
		until := t.state
		if t.ended != nil {
			until = at(*t.ended) + " (" + t.state + ")"
		}
		p.linef("| %s | %s | %s | %s | %s |", escape(string(t.Problem.Class)), name(t.Object), at(t.Elapsed), until, escape(t.Text))
	}
	p.cut(len(all), rowLimit, "problems")
}

func (p *page) replicas(r root) {
	if len(r.Deployments) == 0 {
		return
	}
	p.linef("| Deployment | last ready | last wanted | most ready | pods seen | restarts |")
	p.linef("|---|---:|---:|---:|---:|---:|")
	for _, d := range r.Deployments[:min(len(r.Deployments), rowLimit)] {
		most := slices.MaxFunc(d.Steps, func(a, b journal.ReplicasStep) int { return cmp.Compare(a.Ready, b.Ready) })
		pods, restarts := 0, int32(0)
		for _, pod := range r.Pods {
			if pod.Deployment == d.Object.Name {
				pods++
				restarts += restartsOf(pod)
			}
		}
		p.linef("| %s | %d | %d | %d | %d | %d |", escape(d.Object.Name), d.Now().Ready, d.Now().Wanted, most.Ready, pods, restarts)
	}
	p.cut(len(r.Deployments), rowLimit, "Deployments")
	p.pods(r)
}

func restartsOf(p *journal.PodView) int32 {
	most := int32(0)
	for _, s := range p.Steps {
		most = max(most, s.Restarts)
	}
	return most
}

// pods names the pods that are in trouble at the end; of the others the replicas tell enough.
func (p *page) pods(r root) {
	var bad []*journal.PodView
	for _, pod := range r.Pods {
		if pod.Now().State == judge.PodFailing {
			bad = append(bad, pod)
		}
	}
	if len(bad) == 0 {
		return
	}
	p.linef("| pod | state | why | restarts |")
	p.linef("|---|---|---|---:|")
	for _, pod := range bad[:min(len(bad), rowLimit)] {
		now := pod.Now()
		p.linef("| %s | %s | %s | %d |", escape(pod.Object.Name), escape(string(now.State)), escape(now.Why), now.Restarts)
	}
	p.cut(len(bad), rowLimit, "pods")
}

func (p *page) events(events []journal.Entry) {
	if len(events) == 0 {
		return
	}
	shown := events[max(0, len(events)-eventLimit):]
	p.linef("<details><summary>The last %d of %d events</summary>", len(shown), len(events))
	p.linef("")
	p.linef("| at | | object | reason | times | |")
	p.linef("|---:|---|---|---|---:|---|")
	for _, e := range shown {
		kind := ""
		if e.Type == journal.Alarm {
			kind = "**Warning**"
		}
		p.linef("| %s | %s | %s | %s | %d | %s |", at(e.Elapsed), kind, name(e.Object), escape(e.Reason), e.Count, escape(e.Text))
	}
	p.linef("")
	p.linef("</details>")
	p.linef("")
}

func name(ref *snapshot.Ref) string {
	if ref == nil {
		return ""
	}
	return escape(ref.String())
}

func at(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func took(d time.Duration) string { return at(d) }

func limit(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return d.String()
}
