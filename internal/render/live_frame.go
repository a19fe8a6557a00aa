package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// density is how much of the picture is shown; a picture that is too tall is tried with less.
type density int

const (
	whole  density = iota // everything
	brief                 // problems on one line each
	tight                 // Deployments on one line each
	folded                // one line for each custom resource
)

// lastEvents is how many events are shown at most.
const lastEvents = 5

// picture is a frame in the making.
type picture struct {
	look

	width int
	// now counts from the start of the command, in whole seconds, so that all clocks move together;
	// at is the same moment on the wall.
	now time.Duration
	at  time.Time
}

// frame draws the view as it stands at a moment: lines of at most width columns, and at most height of
// them.
func frame(v *journal.View, now time.Time, width, height int, l look) []string {
	if height < 1 || width < 1 {
		return nil
	}
	elapsed := max(0, now.Sub(v.Began).Truncate(time.Second))
	p := picture{look: l, width: width, now: elapsed, at: v.Began.Add(elapsed)}
	lines := []string{p.rule()}
	for d := whole; d <= folded; d++ {
		lines = append(lines[:1], p.roots(v.Roots, d, height-1)...)
		if len(lines) <= height {
			break
		}
	}
	lines = append(lines, p.events(v.Roots, min(lastEvents, height-len(lines)))...)
	lines = lines[:min(len(lines), height)]
	for i, line := range lines {
		lines[i] = p.cut(line, width)
	}
	return lines
}

// rule separates the picture from what was told above it, and counts the time of the command.
func (p picture) rule() string {
	r := p.marks().rule
	text := r + r + " " + clock(p.now) + " "
	return p.ink(dim, text+strings.Repeat(r, max(0, min(p.width, 100)-widthOf(text))))
}

func (p picture) roots(roots []*journal.RootView, d density, room int) []string {
	if d == folded {
		return p.fold(roots, room)
	}
	var lines []string
	for _, r := range roots {
		lines = append(lines, p.block(r, d, len(roots) > 1)...)
	}
	return lines
}

// block draws one custom resource: its phases, its tree, what is wrong. Among several its name comes
// first.
func (p picture) block(r *journal.RootView, d density, several bool) []string {
	if s := p.standing(r); several && s != troubled && s != underWay {
		return []string{p.summary(r)}
	}
	if len(r.Phases) == 0 {
		return nil
	}
	lines := []string{p.phases(r), p.head(r)}
	if several {
		lines = []string{p.head(r), p.phases(r)}
	}
	lines = append(lines, p.deployments(r, d)...)
	for _, t := range alike(r.Problems) {
		lines = append(lines, p.trouble(t, d)...)
	}
	return lines
}

// head names a custom resource and what was said of it last.
func (p picture) head(r *journal.RootView) string {
	name := r.Name
	if r.Object != nil {
		name = r.Object.String()
	}
	text := p.ink(bold, p.clean(name))
	if r.Said == nil || removing(r) && r.Said.Phase != r.Phases[len(r.Phases)-1].Name {
		return text
	}
	said := r.Said.Text
	if details := r.Said.Details; len(details) > 0 {
		said += " " + strings.Join(details, "; ")
	}
	return text + "  " + p.clean(said)
}

// removing reports whether the custom resource is being deleted.
func removing(r *journal.RootView) bool {
	if len(r.Phases) == 0 {
		return false
	}
	last := r.Phases[len(r.Phases)-1].Name
	return last == journal.Delete || last == journal.Cleanup
}

// phases draws the phases of a custom resource in a line: how the past ones ended and how much of its
// time the present one has taken. What does not fit is the past.
func (p picture) phases(r *journal.RootView) string {
	var line string
	for _, ph := range slices.Backward(r.Phases) {
		text := p.phase(ph)
		if line != "" {
			text += "   " + line
		}
		if line != "" && widthOf(text) > p.width {
			break
		}
		line = text
	}
	return line
}

func (p picture) phase(ph *journal.PhaseView) string {
	m, name := p.marks(), p.clean(string(ph.Name))
	if ph.Result == nil {
		return p.ink(bold, m.running+" "+name) + " " + p.spent(ph)
	}
	took := fmt.Sprintf(" %.1f s", (ph.Ended - ph.Began).Seconds())
	switch ph.Result.Type { //nolint:exhaustive // the others end no phase
	case journal.Claim:
		return p.ink(green, m.done+" "+name) + took
	case journal.Skipped:
		return p.ink(yellow, m.skipped+" "+name) + " skipped"
	}
	return p.ink(red, m.failed+" "+name) + took
}

// spent says how much of a phase's time has passed.
func (p picture) spent(ph *journal.PhaseView) string {
	gone := max(0, p.now-ph.Began.Truncate(time.Second))
	if ph.Limit <= 0 {
		return clock(gone)
	}
	colour := plain
	if gone > ph.Limit*3/4 {
		colour = yellow
	}
	return clock(gone) + p.ink(colour, " of "+clock(ph.Limit))
}

// tolerance is how the sentence of a problem goes on to say how long it is borne, which the picture
// counts down instead.
const tolerance = " (a failure if it lasts "

// trouble is a problem, and how many others say the same of other objects.
type trouble struct {
	journal.Entry

	more int
}

// alike folds problems that differ in the name of the pod only: what is wrong with one pod of a
// Deployment is wrong with all.
func alike(problems []journal.Entry) []trouble {
	var all []trouble
	known := map[string]int{}
	for _, e := range problems {
		key := e.Root + " " + e.Reason + " " + e.Text
		for _, link := range chain(e) {
			if link.Kind == snapshot.Pod {
				key = strings.ReplaceAll(key, link.Name, "*")
			}
		}
		if i, seen := known[key]; seen {
			all[i].more++
			continue
		}
		known[key] = len(all)
		all = append(all, trouble{e, 0})
	}
	return all
}

func chain(e journal.Entry) []journal.Link {
	if e.Problem == nil {
		return nil
	}
	return e.Problem.Chain
}

// others says how many problems are folded into one.
func (t trouble) others() string {
	if t.more == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more like it", t.more)
}

// trouble draws what is wrong and how long that is still borne.
func (p picture) trouble(t trouble, d density) []string {
	text, _, _ := strings.Cut(t.Text, tolerance)
	text = p.clean(text)
	mark := p.ink(red, p.marks().failed+" ")
	if d != whole {
		return []string{mark + p.ink(red, p.borne(t.Entry)+t.others()+": "+text)}
	}
	var lines []string
	for i, part := range p.wrap(text, p.width-2, 3) {
		if i > 0 {
			mark = "  "
		}
		lines = append(lines, mark+p.ink(red, part))
	}
	rest := "  " + p.ink(bold, p.borne(t.Entry)+t.others())
	if t.Hint != "" {
		rest += p.ink(dim, "  next: "+p.clean(t.Hint))
	}
	return append(lines, rest)
}

// borne says how much longer a problem is waited out.
func (p picture) borne(e journal.Entry) string {
	if e.Problem == nil {
		return "seen"
	}
	seen := clock(p.at.Sub(e.Problem.Since.Truncate(time.Second)))
	switch until := e.Problem.Until; {
	case until.IsZero():
		return "waited out, for " + seen
	case until.After(p.at):
		return "a failure within " + clock(until.Sub(p.at)+time.Second-1)
	}
	return "lasts for " + seen
}

// standing is how far a custom resource is. They are in the order of how much there is to see of one.
type standing int

const (
	troubled standing = iota // something is wrong with it
	underWay
	failed
	waiting // its turn has not come
	unbegun // the command has ended without it
	reached
)

// breath is how long the next phase of a custom resource may take to begin; it has not ended meanwhile.
const breath = time.Second

// standing derives it from the phases: of several custom resources, none is closed before all have ended.
func (p picture) standing(r *journal.RootView) standing {
	switch {
	case r.End == nil && len(r.Phases) == 0:
		return waiting
	case r.End == nil && (r.Running() != nil || p.now-r.Phases[len(r.Phases)-1].Ended < breath):
		if len(r.Problems) > 0 {
			return troubled
		}
		return underWay
	case r.End != nil && r.End.End == nil:
		return unbegun
	case r.End != nil && r.End.End.Exit != 0, verdict(r).Type == journal.Failure:
		return failed
	}
	return reached
}

// verdict is what there is to say of a custom resource that has ended: its last failure, if there is one.
func verdict(r *journal.RootView) *journal.Entry {
	if r.End != nil {
		return r.End
	}
	for _, ph := range slices.Backward(r.Phases) {
		if ph.Result != nil && ph.Result.Type == journal.Failure {
			return ph.Result
		}
	}
	return r.Phases[len(r.Phases)-1].Result
}

// fold draws one line for each custom resource, and where there are more than fit, those of which there
// is most to see and how many are left out.
func (p picture) fold(roots []*journal.RootView, room int) []string {
	shown := slices.Clone(roots)
	if len(roots) > room {
		slices.SortStableFunc(shown, func(a, b *journal.RootView) int { return cmp.Compare(p.standing(a), p.standing(b)) })
		shown = shown[:max(0, room-1)]
	}
	var lines []string
	more := map[string]int{}
	for _, r := range roots {
		if slices.Contains(shown, r) {
			lines = append(lines, p.summary(r))
			continue
		}
		switch p.standing(r) {
		case troubled, underWay:
			more["running"]++
		case waiting:
			more["waiting"]++
		case unbegun:
			more["not begun"]++
		case failed, reached:
			more["ended"]++
		}
	}
	var parts []string
	for _, word := range []string{"running", "waiting", "not begun", "ended"} {
		if n := more[word]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	if len(parts) > 0 {
		lines = append(lines, p.ink(dim, fmt.Sprintf("and %d more: %s", len(roots)-len(shown), strings.Join(parts, ", "))))
	}
	return lines
}

// summary draws a custom resource on one line.
func (p picture) summary(r *journal.RootView) string {
	m, name := p.marks(), p.clean(r.Name)
	switch p.standing(r) {
	case waiting:
		return p.ink(dim, m.waiting+" "+name+"  waiting")
	case unbegun:
		return p.ink(yellow, m.skipped) + " " + name + "  " + p.clean(verdict(r).Text)
	case failed:
		return p.ink(red, m.failed) + " " + name + "  " + p.clean(verdict(r).Text)
	case reached:
		return p.ink(green, m.done) + " " + name + "  " + p.clean(verdict(r).Text)
	case troubled:
		text, _, _ := strings.Cut(r.Problems[0].Text, tolerance)
		return p.ink(red, m.failed+" "+name+"  "+p.borne(r.Problems[0])+": "+p.clean(text))
	case underWay:
	}
	line := p.ink(bold, m.running+" "+name) + "  "
	if running := r.Running(); running != nil {
		return line + p.clean(string(running.Name)) + " " + p.spent(running) + "  " + p.total(r)
	}
	return line + p.clean(verdict(r).Text)
}

// total adds up what a custom resource has.
func (p picture) total(r *journal.RootView) string {
	if removing(r) {
		return p.pods(r, "")
	}
	var ready, wanted int32
	for _, d := range r.Deployments {
		if !left(r, d) {
			ready, wanted = ready+d.Now().Ready, wanted+d.Now().Wanted
		}
	}
	if wanted == 0 {
		return ""
	}
	return p.bar(ready, wanted, 6) + fmt.Sprintf(" %d of %d ready", ready, wanted)
}
