package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// look is what a picture may be drawn with. The eight basic colours are the terminal's own, so they can
// be read on light and on dark backgrounds.
type look struct{ colour, utf8 bool }

// marks are the characters that are not text.
type marks struct {
	done, running, failed, skipped, waiting string
	branch, last, stem                      string
	full, empty, rule, dots                 string
}

func (l look) marks() marks {
	if l.utf8 {
		return marks{
			done: "✓", running: "▸", failed: "✗", skipped: "–", waiting: "·", branch: "├─ ", last: "└─ ", stem: "│  ",
			full: "█", empty: "░", rule: "─", dots: "…",
		}
	}
	return marks{
		done: "+", running: ">", failed: "x", skipped: "-", waiting: ".", branch: "|- ", last: "`- ", stem: "|  ",
		full: "#", empty: ".", rule: "-", dots: "...",
	}
}

// ink colours a text.
func (l look) ink(colour, text string) string {
	if !l.colour || colour == plain || text == "" {
		return text
	}
	return colour + text + reset
}

// clean makes a text of the cluster's fit for the picture. Where the terminal knows no UTF-8, the width
// of anything else than ASCII is not known either.
func (l look) clean(text string) string {
	text = Clean(text)
	if l.utf8 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// cut shortens a line to a width.
func (l look) cut(line string, width int) string {
	if widthOf(line) <= width {
		return line
	}
	dots := l.marks().dots
	if width <= len(dots) {
		dots = ""
	}
	return measure().TruncateString(line, max(width, 0), dots)
}

// squeeze shortens a name in its middle: the names of one custom resource begin alike.
func (l look) squeeze(name string, width int) string {
	size := widthOf(name)
	if size <= width {
		return name
	}
	dots := l.marks().dots
	room := width - widthOf(dots)
	if room < 4 {
		return l.cut(name, width)
	}
	head := room / 3
	return measure().TruncateString(name, head, "") + dots + tail(name, room-head)
}

// tail returns the end of a text that takes at most so many columns.
func tail(text string, width int) string {
	parts := measure().StringGraphemes(text)
	for size := widthOf(text); size > width && parts.Next(); {
		size -= parts.Width()
		text = text[len(parts.Value()):]
	}
	return text
}

// measure is how a terminal measures text: colours take no room.
func measure() displaywidth.Options { return displaywidth.Options{ControlSequences: true} }

// widthOf counts the columns that a text takes on a terminal.
func widthOf(text string) int { return measure().String(text) }

// bare takes the colours off a text.
func bare(text string) string {
	return strings.NewReplacer(bold, "", dim, "", red, "", green, "", yellow, "", reset, "").Replace(text)
}

// wrap breaks a text into at most so many lines. What is too long loses words in its middle: it begins
// with what is concerned and ends with the cause.
func (l look) wrap(text string, width, most int) []string {
	lines := words(text, width, 0)
	if len(lines) <= most {
		return lines
	}
	all := strings.Fields(l.squeeze(text, 2*most*width))
	at := len(all) / 3
	for len(lines) > most && len(all) > 2 {
		all = slices.Delete(all, at, at+1)
		at = min(at, len(all)-1)
		lines = words(strings.Join(slices.Insert(slices.Clone(all), at, l.marks().dots), " "), width, 0)
	}
	return lines[:min(most, len(lines))]
}

// words breaks a text at its spaces and indents all lines but the first. A word is never broken: names
// are there to be copied.
func words(text string, width, indent int) []string {
	var lines []string
	line, size := "", 0
	for i, word := range strings.Split(text, " ") {
		wide := widthOf(word)
		switch {
		case i == 0:
			line, size = word, wide
		case size+1+wide > width && strings.TrimSpace(line) != "":
			lines = append(lines, line)
			line, size = strings.Repeat(" ", indent)+word, indent+wide
		default:
			line, size = line+" "+word, size+1+wide
		}
	}
	return append(lines, line)
}

// pad fills a text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-widthOf(text)))
}

// bar shows a share of a whole. Only the whole fills it, and anything is more than nothing.
func (l look) bar(part, whole int32, width int) string {
	m := l.marks()
	full := 0
	switch {
	case part >= whole:
		full = width
	case part > 0:
		full = min(width-1, max(1, int(part)*width/int(whole)))
	}
	colour := green
	if part < whole {
		colour = yellow
	}
	return l.ink(colour, strings.Repeat(m.full, full)) + l.ink(dim, strings.Repeat(m.empty, width-full))
}

// clock writes a duration as people read it off a clock: 0:07, 12:30, 1:02:03.
func clock(d time.Duration) string {
	s := max(0, int(d.Seconds()))
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// deployments draws the Deployments of a custom resource, and their pods folded by where they are in
// their lives.
func (p picture) deployments(r *journal.RootView, d density) []string {
	var shown []*journal.DeploymentView
	size := 0
	for _, dep := range r.Deployments {
		if !left(r, dep) {
			shown = append(shown, dep)
			size = max(size, widthOf(p.clean(p.kinded(dep.Object))))
		}
	}
	bar := min(max((p.width-56)/2, 6), 24)
	size = min(size, p.width-len("|- ")-2-bar-len(" 12 of 12 ready"))
	var lines []string
	for i, dep := range shown {
		m := p.marks()
		branch, stem := m.branch, m.stem
		if i == len(shown)-1 {
			branch, stem = m.last, "   "
		}
		line := p.ink(dim, branch) + pad(p.squeeze(p.clean(p.kinded(dep.Object)), size), size) + "  "
		pods := p.pods(r, dep.Object.Name)
		if !removing(r) {
			now := dep.Now()
			line += p.bar(now.Ready, now.Wanted, bar) + fmt.Sprintf(" %d of %d ready", now.Ready, now.Wanted)
			if now.Total > now.Wanted {
				pods += fmt.Sprintf(", %d too many", now.Total-now.Wanted)
			}
		} else if d == whole || pods == "" {
			line += cmp.Or(pods, "no pods left")
			pods = ""
		}
		switch {
		case pods == "" || d == whole && allReady(r, dep):
			lines = append(lines, line)
		case d < tight:
			lines = append(lines, line, p.ink(dim, stem)+"  "+strings.TrimPrefix(pods, ", "))
		default:
			lines = append(lines, line+"  "+strings.TrimPrefix(pods, ", "))
		}
	}
	return lines
}

// kinded names an object with its kind where there is room for it.
func (p picture) kinded(ref snapshot.Ref) string {
	if p.width < 60 {
		return ref.Name
	}
	return ref.String()
}

// left reports whether a Deployment is a former one, of which nothing is there any more.
func left(r *journal.RootView, d *journal.DeploymentView) bool {
	counts := r.PodsIn(d.Object.Name)
	return !removing(r) && d.Now().Ready > 0 && len(counts) == 1 && counts[judge.PodGone] > 0
}

// allReady reports whether the pods of a Deployment have nothing to tell beside its bar.
func allReady(r *journal.RootView, d *journal.DeploymentView) bool {
	counts := r.PodsIn(d.Object.Name)
	return d.Now().Ready == d.Now().Wanted && len(counts) == 1 && counts[judge.PodReady] == int(d.Now().Wanted)
}

// group is the pods of a Deployment that are at the same point.
type group struct {
	state    judge.PodState
	why      string
	count    int
	restarts int32
	since    time.Duration // of the one that has been there longest
}

// order is how the parts of a pod's life are listed: what is reached, what is wrong, what is under way.
var order = []judge.PodState{
	judge.PodReady, judge.PodFailing, judge.PodPending, judge.PodScheduled, judge.PodPulling, judge.PodInitialising,
	judge.PodStarting, judge.PodTerminating, judge.PodEnded,
}

// pods folds the pods of a Deployment (all for ""): "2 ready, 1 pulling image 0:12".
func (p picture) pods(r *journal.RootView, deployment string) string {
	var groups []*group
	for _, pod := range r.Pods {
		now := pod.Now()
		if deployment != "" && pod.Deployment != deployment || now.State == judge.PodGone {
			continue
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.state == now.State && g.why == now.Why })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{state: now.State, why: now.Why, since: p.now})
		}
		g := groups[i]
		g.count++
		g.restarts = max(g.restarts, now.Restarts)
		g.since = min(g.since, since(pod))
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		return cmp.Compare(slices.Index(order, a.state), slices.Index(order, b.state))
	})
	var parts []string
	for _, g := range groups {
		parts = append(parts, p.group(g))
	}
	return strings.Join(parts, ", ")
}

// since returns when a pod came to its present part of life.
func since(pod *journal.PodView) time.Duration {
	i := len(pod.Steps) - 1
	for i > 0 && pod.Steps[i-1].State == pod.Steps[i].State {
		i--
	}
	return pod.Steps[i].At
}

func (p picture) group(g *group) string {
	word := p.clean(string(g.state))
	if g.state == judge.PodPulling {
		word = "pulling image"
	}
	text := fmt.Sprintf("%d %s", g.count, word)
	var why []string
	if g.why != "" {
		why = append(why, p.clean(g.why))
	}
	if g.restarts > 0 && g.state != judge.PodReady {
		restarts := judge.Plural(int(g.restarts), "restart")
		if g.count > 1 {
			restarts = "up to " + restarts
		}
		why = append(why, restarts)
	}
	if len(why) > 0 {
		text += " (" + strings.Join(why, ", ") + ")"
	}
	colour := plain
	switch g.state { //nolint:exhaustive // the others are on their way
	case judge.PodReady:
		return p.ink(green, text)
	case judge.PodFailing, judge.PodEnded:
		colour = red
	}
	return p.ink(colour, text) + " " + clock(p.now-g.since.Truncate(time.Second))
}

// events draws the last events of all custom resources.
func (p picture) events(roots []*journal.RootView, most int) []string {
	var last []journal.Entry
	for _, r := range roots {
		last = append(last, r.Events[max(0, len(r.Events)-lastEvents):]...)
	}
	slices.SortStableFunc(last, func(a, b journal.Entry) int { return cmp.Compare(a.Elapsed, b.Elapsed) })
	last = last[max(0, len(last)-max(0, most)):]
	var lines []string
	for _, e := range last {
		lines = append(lines, p.ink(styles[e.Type].colour, fmt.Sprintf("%7.1fs  %s", e.Elapsed.Seconds(), p.event(e))))
	}
	return lines
}

// event writes an Event with its object's name short enough to leave room for what happened.
func (p picture) event(e journal.Entry) string {
	name := p.squeeze(p.clean(object(e)), max(p.width/3, 16))
	e.Object = nil
	return name + " " + p.clean(sentence(e))
}
