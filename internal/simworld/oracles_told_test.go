package simworld_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// conflict reports whether what a conflict is said to be was so: a name was taken, a scaling reaches nothing, the
// object was on its way out, or it changed whenever it was to be written. That somebody did something is no reason.
func (v *verdict) conflict(e *told) bool {
	from := v.p.began - v.delay(e.at)
	nothing := func(m simworld.Moment) bool {
		return m.Root && !slices.ContainsFunc(m.Children, func(c simworld.Child) bool { return c.Governed })
	}
	going := func(m simworld.Moment) bool { return m.Root && m.Deleting }
	switch {
	case strings.Contains(e.Text, "keeps writing it"):
		return v.world.Versions(v.uid, from, e.at) >= 10 || v.has("requests", "writes")
	case strings.Contains(e.Text, "is being deleted"):
		return v.during(from, e.at, going)
	case v.p.verb == "scale" || v.p.verb == "wait scaled":
		return v.during(v.p.began, e.at, nothing)
	}
	return v.world.Taken(v.uid, v.manifest, from, e.at)
}

var (
	// partNow is what is said of a part that a scaling leaves out, or that an autoscaler has.
	partNow = regexp.MustCompile(`([a-z0-9-]+) (?:\([^)]*\)|is autoscaled [^,;]*), now (\d+)`)
	// ranges is what is said of an autoscaler.
	ranges = regexp.MustCompile(`([a-z0-9-]+) (?:\(|is )autoscaled (\d+) to (\d+)`)
	// kindsGone is one kind in what is said to be gone.
	kindsGone = regexp.MustCompile(`(\d+) ([A-Z][A-Za-z]+?)(ies|s)?\b`)
	// labelled is what went and had lost its owner before.
	labelled = regexp.MustCompile(`; (\d+) ([A-Z][A-Za-z]+?)(ies|s)? with its label`)
)

// numbers: the replicas that are told of what a scaling does not reach are those that it had a moment ago, and its
// range is the one that its spec gives.
func (v *verdict) numbers() {
	for _, e := range v.p.entries {
		if e.Type != journal.Skipped && e.Type != journal.Claim && e.Type != journal.Failure || e.Phase == journal.Delete || e.Phase == journal.Cleanup {
			continue
		}
		from := e.at - v.delay(e.at)
		if v.has("requests", "watches", "writes") {
			from = 0
		}
		text := strings.Join(append([]string{e.Text}, e.Details...), "; ")
		for _, match := range partNow.FindAllStringSubmatch(text, -1) {
			is := func(c simworld.Child) bool { return c.Name == match[1] && strconv.Itoa(c.Replicas) == match[2] }
			if !v.during(from, e.at, func(m simworld.Moment) bool { return slices.ContainsFunc(m.Children, is) }) {
				v.failf("numbers", "%q at %s, but %s has %+v", match[0], e.at, match[1], v.at(e.at).Children)
			}
		}
		for _, match := range ranges.FindAllStringSubmatch(text, -1) {
			is := func(c simworld.Child) bool {
				return c.Name == match[1] && (c.Most == 0 || fmt.Sprint(c.Least, c.Most) == match[2]+" "+match[3])
			}
			if !v.during(from, e.at, func(m simworld.Moment) bool { return slices.ContainsFunc(m.Children, is) }) {
				v.failf("numbers", "%q at %s, but %s has %+v", match[0], e.at, match[1], v.at(e.at).Children)
			}
		}
	}
}

func countsIn(expression *regexp.Regexp, text string) map[string]int {
	counts := map[string]int{}
	for _, match := range expression.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(match[1])
		counts[match[2]+map[string]string{"ies": "y"}[match[3]]] = n
	}
	return counts
}

// gone: the numbers of what is gone are those of all that there ever was, of a kind that may be read. What came and
// went while a watch was down, or before the command began, nobody need know.
func (v *verdict) gone() {
	for _, ph := range v.phases {
		if ph.end == nil || ph.end.Type != journal.Claim || ph.name != journal.Delete && ph.name != journal.Cleanup || strings.HasPrefix(ph.end.Text, "gone: SeldonDeployment ") {
			continue
		}
		counted, _, _ := strings.Cut(ph.end.Text, ";")
		said, severed := countsIn(kindsGone, counted), countsIn(labelled, ph.end.Text)
		ever := v.world.Ever(v.uid, 0, ph.end.at)
		var known map[string]int
		if late := v.delay(ph.end.at) + time.Second; v.phases[0].began+late < ph.end.at-late && !v.has("requests", "watches", "writes", "revoked", "unlabelled", "laggy") {
			known = v.world.Ever(v.uid, v.phases[0].began+late, ph.end.at-late)
		}
		for _, kind := range []string{"Deployment", "ReplicaSet", "Pod", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"} {
			switch {
			case said[kind] > ever[kind]:
				v.failf("gone", "%q at %s, but there were only %v", ph.end.Text, ph.end.at, ever)
			case said[kind]+severed[kind] < known[kind] && !slices.Contains(v.config.Server.Forbidden, kind):
				v.failf("gone", "%q at %s, but there were %v", ph.end.Text, ph.end.at, known)
			}
		}
	}
}

// noNode is how long no node may be found before that is a failure.
const noNode = 60 * time.Second

// unheard reports whether what an autoscaler of nodes says may not be read.
func (v *verdict) unheard() bool {
	return slices.Contains(v.config.Server.Forbidden, "Event") || slices.ContainsFunc(v.world.Denials(), func(d simworld.Denial) bool { return d.Kind == "Event" })
}

// knowsOfNodes reports whether it is known at a time that no pod without a node is a failure: an autoscaler of nodes
// has last said that it adds one, before the command too, or said less than the time of the class ago that it adds none any more,
// or nobody may read what it says.
func (v *verdict) knowsOfNodes(s simworld.Symptom, at time.Duration) bool {
	if s.Class != "Unschedulable" || v.has("requests", "watches", "writes", "revoked", "clock") {
		return false
	}
	return slices.Contains(v.config.Server.Forbidden, "Event") || slices.ContainsFunc(v.world.Growing(s.UID), func(g simworld.Span) bool {
		return g.At+v.lateEvents(at) < at && at <= g.At+g.For+noNode-coarse
	})
}

// withoutNodes is when a pod without a node is a failure that would be one at a time: while an autoscaler of nodes
// adds one it is not, nor in the time of the class after that, nor where nobody may read it.
func (v *verdict) withoutNodes(s simworld.Symptom, due time.Duration) time.Duration {
	if v.unheard() {
		return math.MaxInt64 - sayBad
	}
	for _, g := range v.world.Growing(s.UID) {
		if g.At <= due+sayBad {
			due = max(due, g.At+g.For+noNode+v.lateEvents(due))
		}
	}
	return due
}

// lateEvents is how late Events were delivered at that time.
func (v *verdict) lateEvents(at time.Duration) time.Duration {
	late := 50 * ms
	for _, d := range v.world.Delays() {
		if d.Agent == v.p.agent && d.At <= at && d.Kind == "Event" {
			late = d.Delay + 50*ms
		}
	}
	return late
}
