package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
)

const (
	// eachAtMost is how many pods of a Deployment have a row of their own; of more, those with the same
	// course share one.
	eachAtMost = 30
	// rowsAtMost is how many rows a Deployment has at most.
	rowsAtMost = 60
	// bins is into how many parts the axis is cut for rows that stand for many.
	bins = 240
)

// group is what one row of the timeline stands for: a pod, or several with the same course.
type group struct {
	pods []*journal.PodView
	// course says in words what became of them.
	course string
}

// fold makes the rows of a Deployment's pods.
func fold(pods []*journal.PodView, phases []*journal.PhaseView) []group {
	var groups []group
	if len(pods) <= eachAtMost {
		for _, p := range pods {
			groups = append(groups, group{[]*journal.PodView{p}, course(p)})
		}
		return groups
	}
	place := map[string]int{}
	for _, p := range pods {
		key := course(p)
		if born := phaseAt(phases, p.Steps[0].At); born != "" {
			key += " · made while " + born
		}
		i, known := place[key]
		if !known {
			i = len(groups)
			place[key] = i
			groups = append(groups, group{course: key})
		}
		groups[i].pods = append(groups[i].pods, p)
	}
	return capped(groups)
}

// capped keeps the number of rows readable: the smallest groups go together. Which are kept does not
// depend on anything but their size and order.
func capped(groups []group) []group {
	if len(groups) <= rowsAtMost {
		return groups
	}
	order := make([]int, len(groups))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(groups[b].pods), len(groups[a].pods)) })
	kept := map[int]bool{}
	for _, i := range order[:rowsAtMost-1] {
		kept[i] = true
	}
	var out []group
	rest := group{course: fmt.Sprintf("the rest: %d other courses", len(groups)-rowsAtMost+1)}
	for i, g := range groups {
		if kept[i] {
			out = append(out, g)
		} else {
			rest.pods = append(rest.pods, g.pods...)
		}
	}
	return append(out, rest)
}

// course says what became of a pod, leaving out the stages that every pod goes through.
func course(p *journal.PodView) string {
	var words []string
	add := func(word string) {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	for _, step := range p.Steps {
		switch step.State {
		case judge.PodReady:
			add("ready")
		case judge.PodFailing, judge.PodEnded:
			word := string(step.State)
			if step.Why != "" {
				word += " (" + step.Why + ")"
			}
			add(word)
		case judge.PodPending, judge.PodScheduled, judge.PodPulling, judge.PodInitialising, judge.PodStarting, judge.PodTerminating, judge.PodGone:
		}
	}
	if now := string(p.Now().State); p.Now().State != judge.PodFailing && p.Now().State != judge.PodEnded {
		if len(words) == 0 && (now == string(judge.PodGone) || now == string(judge.PodTerminating)) {
			words = append(words, "never ready")
		}
		add(now)
	}
	return strings.Join(words, ", ")
}

func phaseAt(phases []*journal.PhaseView, t time.Duration) string {
	name := ""
	for _, ph := range phases {
		if ph.Began <= t {
			name = goalWords(ph.Name)
		}
	}
	return name
}

// span is a part of a life with its end.
type span struct {
	journal.PodLife

	from, to time.Duration
}

// spans are the parts of a pod's life; what follows another without looking different is one with it.
func spans(p *journal.PodView, end time.Duration) []span {
	var all []span
	for i, step := range p.Steps {
		to := end
		if i+1 < len(p.Steps) {
			to = p.Steps[i+1].At
		}
		if n := len(all); n > 0 && all[n-1].State == step.State && all[n-1].Why == step.Why {
			all[n-1].to = to
			continue
		}
		if _, _, drawn := lookOf(step.State); drawn {
			all = append(all, span{step.PodLife, step.At, to})
		}
	}
	return all
}

// readyAfter is how long a pod took from when it was first seen until it was first ready; 0 where it was
// ready by then.
func readyAfter(p *journal.PodView) (after time.Duration, ready bool) {
	for _, step := range p.Steps {
		if step.State == judge.PodReady {
			return step.At - p.Steps[0].At, true
		}
	}
	return 0, false
}

// block is a rectangle of a stack: a run of bins in which a part of life has the same place.
type block struct {
	class    markup
	from, to int
	// low and high are places in the stack, of as many as there are pods.
	low, high int
}

// stack counts a group's pods by part of life over time and returns the rectangles that show it.
func (s *story) stack(pods []*journal.PodView) []block {
	counts := make([][9]int, bins)
	for _, p := range pods {
		for _, sp := range spans(p, s.total) {
			_, weight, _ := lookOf(sp.State)
			for b := s.bin(sp.from); b < s.bin(sp.to); b++ {
				counts[b][weight]++
			}
		}
	}
	var blocks []block
	open := map[int]int{} // weight -> index of the block that may go on
	for b := range counts {
		low := 0
		for weight, n := range counts[b] {
			high := low + n
			i, known := open[weight]
			switch {
			case n == 0:
				delete(open, weight)
			case known && blocks[i].low == low && blocks[i].high == high:
				blocks[i].to = b + 1
			default:
				open[weight] = len(blocks)
				blocks = append(blocks, block{classOf(weight), b, b + 1, low, high})
			}
			low = high
		}
	}
	return blocks
}

// bin is the part of the axis in which a moment lies.
func (s *story) bin(d time.Duration) int {
	return int(min(max(float64(d)/float64(s.total), 0), 1) * bins)
}

func classOf(weight int) markup {
	for _, l := range looks {
		if l.weight == weight {
			return l.class
		}
	}
	return "pending"
}
