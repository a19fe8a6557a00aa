package picture

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/render"
)

// seam is by how much areas side by side overlap, so that no line shows between them.
const seam = 0.1

// problemRows draw since when something was wrong and until when, one row for each class.
func (p *page) problemRows(s *story) {
	var order []judge.Class
	byClass := map[judge.Class][]*trouble{}
	for _, t := range s.troubles {
		if byClass[classIn(t)] == nil {
			order = append(order, classIn(t))
		}
		byClass[classIn(t)] = append(byClass[classIn(t)], t)
	}
	for _, c := range order {
		p.problemRow(s, string(c), byClass[c])
	}
}

func classIn(t *trouble) judge.Class {
	if t.Problem == nil {
		return judge.Class(t.Reason)
	}
	return t.Problem.Class
}

func (p *page) problemRow(s *story, name string, troubles []*trouble) {
	title := name + ": " + count(len(troubles), "problem")
	p.row("problem", marksHeight, title, func() {
		p.leaf("span", name, class("name"))
		if len(troubles) > 1 {
			p.leaf("span", "× "+strconv.Itoa(len(troubles)), class("now"))
		}
	}, func() {
		drawn := map[string]bool{}
		for _, t := range troubles {
			from, to := s.percent(t.from), s.percent(t.to)
			if t.until > t.to {
				until := s.percent(t.until)
				key := "limit" + number(until)
				if !drawn[key] {
					drawn[key] = true
					p.void("line", class("limit"), across("x1", to), across("x2", min(until+beyond(t.until, s.total), 100)), px("y1", 8), px("y2", 8))
				}
			}
			key := number(from) + " " + number(to)
			if drawn[key] {
				continue
			}
			drawn[key] = true
			text := fmt.Sprintf("%s (%s, from %s s to %s s)", t.Text, t.outcome, at(t.from), at(t.to))
			p.shape("rect", text, class("trouble"), across("x", from), across("width", max(to-from, 0.3)), px("y", 5), px("height", 6))
			if t.outcome == ended {
				p.open("svg", across("x", to), attr{"overflow", "visible"})
				p.shape("path", text, class("fatal"), attr{"d", "M-5,3 l10,10 M-5,13 l10,-10"})
				p.end("svg")
			}
		}
	})
}

// deploymentRow draws the wanted and the ready replicas as steps.
func (p *page) deploymentRow(s *story, name string) {
	steps := s.steps(name)
	if len(steps) == 0 {
		if name == "" {
			name = "pods of no known Deployment"
		}
		p.raw(`<div class="row head"><div class="label">`)
		p.leaf("span", name, class("name"))
		p.raw(`</div></div>`)
		return
	}
	last := steps[len(steps)-1]
	most := int32(1)
	for _, step := range steps {
		most = max(most, step.Wanted, step.Ready, step.Total)
	}
	title := fmt.Sprintf("Deployment %s: %s", name, wantedWords(steps))
	p.row("deployment", chartHeight, title, func() {
		p.leaf("span", name, class("name"), attr{"title", name})
		p.leaf("span", fmt.Sprintf("%d of %d ready", last.Ready, last.Wanted), class("now"))
	}, func() { p.replicas(s, steps, most) })
}

// replicas draws the steps: as an area what is ready, as a lighter one what is there, as a line what is
// wanted.
func (p *page) replicas(s *story, steps []journal.ReplicasStep, most int32) {
	const top, floor = 10.0, chartHeight - 2
	y := func(n int32) float64 { return floor - (floor-top)*float64(n)/float64(most) }
	end := s.counted()
	for i, step := range steps {
		to := end
		if i+1 < len(steps) {
			to = min(steps[i+1].At, end)
		}
		from := min(step.At, end)
		x, width := s.percent(from), s.percent(to)-s.percent(from)
		area := func(look markup, n int32) {
			if n > 0 && width > 0 {
				p.void("rect", class(look), across("x", x), across("width", width+seam), px("y", y(n)), px("height", floor-y(n)))
			}
		}
		if step.Total > step.Ready {
			area("total", step.Total)
		}
		area("replicas", step.Ready)
		changed := i == 0 || steps[i-1].Wanted != step.Wanted
		if changed && i > 0 {
			p.void("line", class("wanted"), across("x1", x), across("x2", x), px("y1", y(steps[i-1].Wanted)), px("y2", y(step.Wanted)))
		}
		if changed {
			p.void("line", class("wanted"), across("x1", x), across("x2", s.percent(wantedUntil(steps, i, end))), px("y1", y(step.Wanted)), px("y2", y(step.Wanted)))
			p.leaf("text", strconv.Itoa(int(step.Wanted)), class("number"), across("x", x), px("y", y(step.Wanted)-3), px("dx", 2))
		}
	}
	p.void("line", class("floor"), attr{"x1", "0"}, across("x2", s.percent(s.total)), px("y1", floor), px("y2", floor))
}

// wantedUntil is when the wanted number of a step changes.
func wantedUntil(steps []journal.ReplicasStep, i int, end time.Duration) time.Duration {
	for _, step := range steps[i:] {
		if step.Wanted != steps[i].Wanted {
			return min(step.At, end)
		}
	}
	return end
}

// wantedWords tells the wanted numbers in order, and how many were ready at last.
func wantedWords(steps []journal.ReplicasStep) string {
	var numbers []string
	for i, step := range steps {
		if i == 0 || steps[i-1].Wanted != step.Wanted {
			numbers = append(numbers, strconv.Itoa(int(step.Wanted)))
		}
	}
	return "wanted " + strings.Join(numbers, ", then ") + "; " + strconv.Itoa(int(steps[len(steps)-1].Ready)) + " ready at last"
}

// podRow draws the life of a pod, or of several at once.
func (p *page) podRow(s *story, deployment string, g group) {
	if len(g.pods) == 1 {
		p.oneRow(s, deployment, g.pods[0], g.course)
		return
	}
	title := count(len(g.pods), "pod") + ": " + g.course
	height := min(podHeight+float64(len(g.pods))*0.5, groupHeight)
	p.row("group", height, title, func() {
		p.leaf("span", count(len(g.pods), "pod"), class("name"))
		p.leaf("span", g.course, class("now"))
	}, func() {
		n := float64(len(g.pods))
		for _, b := range s.stack(g.pods) {
			low, high := float64(b.low)/n*height, float64(b.high)/n*height
			p.void("rect", class("bar "+b.class), across("x", 99*float64(b.from)/bins), across("width", 99*float64(b.to-b.from)/bins+seam), px("y", height-high), px("height", high-low))
		}
	})
}

func (p *page) oneRow(s *story, deployment string, pod *journal.PodView, course string) {
	name := pod.Object.Name
	p.row("pod", podHeight, name+": "+course, func() {
		short := strings.TrimPrefix(name, deployment+"-")
		p.leaf("span", short, class("name"), attr{"title", name})
		if n := pod.Now().Restarts; n > 0 {
			p.leaf("span", count(int(n), "restart"), class("now"))
		}
	}, func() {
		for _, sp := range spans(pod, s.total) {
			look, _, _ := lookOf(sp.State)
			x, width := s.percent(sp.from), s.percent(sp.to)-s.percent(sp.from)
			word := string(sp.State)
			if sp.Why != "" {
				word = sp.Why
			}
			text := fmt.Sprintf("%s: %s for %s, from %s s to %s s", name, word, took(sp.to-sp.from), at(sp.from), at(sp.to))
			p.shape("rect", text, class("bar "+look), across("x", x), across("width", max(width, 0.12)), attr{"height", "100%"})
			if width > float64(utf8.RuneCountInString(render.Clean(word)))*0.9+1 {
				p.leaf("text", word, class("in "+look), across("x", x), px("y", 10.5), px("dx", 5))
			}
		}
	})
}
