package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func (p *page) phases(s *story) {
	if len(s.Phases) == 0 {
		return
	}
	p.section("Phases", "")
	t := p.table("Phases", column{"Phase", ""}, column{"From", "n"}, column{"Took", "n"}, column{"Limit", "n"}, column{"Result", "long"})
	for _, ph := range s.Phases {
		t.row()
		t.text(string(ph.Name))
		t.text(at(ph.Began))
		t.text(took(length(ph)))
		limit := "–"
		if ph.Limit > 0 {
			limit = whole(ph.Limit)
		}
		t.text(limit)
		t.cell(func() { p.result(ph) })
	}
	t.end()
	p.raw("</section>\n")
}

func (p *page) result(ph *journal.PhaseView) {
	if ph.Result == nil {
		p.text("no result: " + ph.Text)
		return
	}
	var sign string
	var look markup
	switch ph.Result.Type {
	case journal.Failure:
		sign, look = "✗", "bad"
	case journal.Skipped:
		sign, look = "–", "doubt"
	default:
		sign, look = "✓", "good"
	}
	p.leaf("span", sign, class("sign "+look), attr{"aria-hidden", "true"})
	p.raw(" ")
	p.text(brief(ph.Result))
}

// evidence is what the claims rest on.
func (p *page) evidence(s *story) {
	claimed := slices.ContainsFunc(s.Phases, func(ph *journal.PhaseView) bool {
		return ph.Result != nil && ph.Result.Type == journal.Claim && len(ph.Result.Details) > 0
	})
	if !claimed {
		return
	}
	p.section("Evidence", "")
	p.raw(`<dl class="evidence">`)
	for _, ph := range s.Phases {
		if ph.Result == nil || ph.Result.Type != journal.Claim || len(ph.Result.Details) == 0 {
			continue
		}
		p.leaf("dt", string(ph.Name))
		for _, d := range ph.Result.Details {
			p.leaf("dd", d)
		}
	}
	p.raw("</dl></section>\n")
}

// problemsAtMost is how many problems are listed one by one.
const problemsAtMost = 100

func (p *page) problems(s *story) {
	if len(s.troubles) == 0 {
		return
	}
	p.section("Problems", strconv.Itoa(len(s.troubles)))
	t := p.table("Problems", column{"Class", ""}, column{"From", "n"}, column{"Lasted", "n"}, column{"Outcome", ""}, column{"What", "long"})
	for _, problem := range s.troubles[:min(len(s.troubles), problemsAtMost)] {
		t.row()
		t.text(string(classIn(problem)))
		t.text(at(problem.from))
		t.text(took(problem.to - problem.from))
		t.text(problem.outcome)
		t.cell(func() {
			p.text(problem.Text)
			if problem.Hint != "" {
				p.hint("div", problem.Hint)
			}
		})
	}
	t.end()
	if more := len(s.troubles) - problemsAtMost; more > 0 {
		p.leaf("p", fmt.Sprintf("%d more are not listed; the journal has them.", more), class("aside"))
	}
	p.raw("</section>\n")
}

// remarks are the warnings and notes. They name their objects unless that is the one of the story.
func (p *page) remarks(remarks []journal.Entry, object *snapshot.Ref) {
	if len(remarks) == 0 {
		return
	}
	p.section("Remarks", "")
	t := p.table("Warnings and notes", column{"At", "n"}, column{"Kind", ""}, column{"What", "long"})
	for _, e := range remarks {
		t.row()
		t.text(at(e.Elapsed))
		t.cell(func() {
			switch e.Type {
			case journal.Warning:
				p.raw(`<span class="sign doubt" aria-hidden="true">▲</span> `)
			case journal.Claim:
				p.raw(`<span class="sign good" aria-hidden="true">✓</span> `)
			default:
			}
			p.text(string(e.Type))
		})
		t.cell(func() {
			if e.Object != nil && (object == nil || e.Object.Kind != object.Kind || e.Object.Name != object.Name) {
				p.leaf("code", e.Object.String())
				p.raw(" ")
			}
			p.text(e.Text)
			if len(e.Details) > 0 {
				p.list(e.Details)
			}
			if e.Hint != "" {
				p.hint("div", e.Hint)
			}
		})
	}
	t.end()
	p.raw("</section>\n")
}

func (p *page) deployments(s *story) {
	if len(s.Deployments) == 0 {
		return
	}
	p.section("Deployments", strconv.Itoa(len(s.Deployments)))
	t := p.table("Deployments", column{"Deployment", "name"}, column{"Wanted", "n"}, column{"Ready at last", "n"}, column{"Most ready", "n"},
		column{"All ready after", "n"}, column{"Pods seen", "n"})
	for _, d := range s.Deployments {
		most, wanted := int32(0), ""
		for i, step := range d.Steps {
			most = max(most, step.Ready)
			if i == 0 || d.Steps[i-1].Wanted != step.Wanted {
				if wanted != "" {
					wanted += " → "
				}
				wanted += strconv.Itoa(int(step.Wanted))
			}
		}
		t.row()
		t.code(d.Object.Name)
		t.text(wanted)
		t.text(strconv.Itoa(int(d.Now().Ready)))
		t.text(strconv.Itoa(int(most)))
		t.text(allReady(d))
		t.text(strconv.Itoa(len(s.podsOf(d.Object.Name))))
	}
	t.end()
	p.raw("</section>\n")
}

// allReady says for each wanted number how long it took until as many were ready.
func allReady(d *journal.DeploymentView) string {
	text := ""
	add := func(word string) {
		if text != "" {
			text += " → "
		}
		text += word
	}
	var since time.Duration
	wanted, done := int32(-1), true
	for _, step := range d.Steps {
		if step.Wanted != wanted {
			if !done {
				add("never")
			}
			since, wanted, done = step.At, step.Wanted, false
		}
		if !done && step.Ready == step.Wanted && step.Total == step.Wanted {
			add(took(step.At - since))
			done = true
		}
	}
	if !done {
		add("never")
	}
	return text
}

func (p *page) pods(s *story) {
	if len(s.Pods) == 0 {
		return
	}
	p.section("Pods", strconv.Itoa(len(s.Pods)))
	t := p.table("Pods", column{"Pod", "name"}, column{"First seen", "n"}, column{"Ready after", "n"}, column{"Restarts", "n"}, column{"Node", ""}, column{"Course", "long"})
	for _, name := range s.owners() {
		for _, g := range s.groups[name] {
			t.row()
			if len(g.pods) == 1 {
				t.code(g.pods[0].Object.Name)
			} else {
				t.text(count(len(g.pods), "pod") + " of " + name)
			}
			t.text(at(g.pods[0].Steps[0].At))
			t.text(readyWords(g.pods))
			t.text(strconv.Itoa(restarts(g.pods)))
			t.text(nodes(g.pods))
			if len(g.pods) == 1 {
				t.text(life(g.pods[0], s.total))
			} else {
				t.text(g.course)
			}
		}
	}
	t.end()
	p.raw("</section>\n")
}

// life tells the parts of a pod's life in order.
func life(pod *journal.PodView, end time.Duration) string {
	const atMost = 12
	text := ""
	all := spans(pod, end)
	for _, sp := range all[:min(len(all), atMost)] {
		if text != "" {
			text += " → "
		}
		text += string(sp.State)
		if sp.Why != "" {
			text += " (" + sp.Why + ")"
		}
		text += " " + took(sp.to-sp.from)
	}
	if more := len(all) - atMost; more > 0 {
		text += fmt.Sprintf(" → and %d more", more)
	}
	return text
}

// readyWords says how long pods took until they were ready.
func readyWords(pods []*journal.PodView) string {
	var all []time.Duration
	never, already := 0, 0
	for _, p := range pods {
		switch after, ready := readyAfter(p); {
		case !ready:
			never++
		case after == 0:
			already++
		default:
			all = append(all, after)
		}
	}
	if len(pods) == 1 && len(all) == 1 {
		return took(all[0])
	}
	var words []string
	if len(all) > 0 {
		words = append(words, fmt.Sprintf("median %s, at most %s", took(median(all)), took(slices.Max(all))))
	}
	for _, rest := range []struct {
		n    int
		word string
	}{{already, "before"}, {never, "never"}} {
		switch {
		case rest.n == len(pods):
			words = append(words, rest.word)
		case rest.n > 0:
			words = append(words, strconv.Itoa(rest.n)+" "+rest.word)
		}
	}
	return strings.Join(words, "; ")
}

func restarts(pods []*journal.PodView) int {
	n := 0
	for _, p := range pods {
		n += int(p.Now().Restarts)
	}
	return n
}

func nodes(pods []*journal.PodView) string {
	var names []string
	for _, p := range pods {
		if node := p.Now().Node; node != "" && !slices.Contains(names, node) {
			names = append(names, node)
		}
	}
	switch len(names) {
	case 0:
		return "–"
	case 1:
		return names[0]
	}
	return count(len(names), "node")
}
