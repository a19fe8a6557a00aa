package simworld_test

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// violation is something that the program should not have said or done.
type violation struct {
	oracle string
	text   string
}

func (v violation) String() string { return v.oracle + ": " + v.text }

// verdict collects what was wrong with one program's run.
type verdict struct {
	*history
	p      *program
	uid    string // of what it created; empty: nothing
	truth  []simworld.Moment
	wrong  []violation
	phases []phase
}

// phase is one of the waits of a run.
type phase struct {
	name        journal.Phase
	began       time.Duration
	limit       time.Duration
	end         *told // the claim or failure; nil: none
	accepted    time.Duration
	wasAccepted bool
}

func (v *verdict) failf(oracle, format string, args ...any) {
	v.wrong = append(v.wrong, violation{oracle, v.p.agent + ": " + fmt.Sprintf(format, args...)})
}

// judged holds a history against all oracles, each of its commands for itself.
func judged(h *history) []violation {
	var wrong []violation
	for _, p := range h.programs {
		v := &verdict{history: h, p: p}
		v.learn()
		for _, oracle := range []func(){
			v.ending, v.order, v.events, v.others, v.leftovers, v.claims, v.failures, v.outgrown, v.requests, v.speed, v.stops, v.numbers, v.gone,
		} {
			oracle()
		}
		wrong = append(wrong, v.wrong...)
	}
	return wrong
}

// touches gives what the command wrote.
func (v *verdict) touches() []simworld.Touch {
	var mine []simworld.Touch
	for _, touch := range v.world.Touched() {
		if touch.Agent == v.p.agent && touch.At >= v.p.began && touch.At <= v.until() {
			mine = append(mine, touch)
		}
	}
	return mine
}

// served gives the requests of the command that were answered.
func (v *verdict) served() []simworld.Served {
	var mine []simworld.Served
	for _, s := range v.world.Served() {
		if s.Agent == v.p.agent && s.At >= v.p.began && s.At <= v.until() {
			mine = append(mine, s)
		}
	}
	return mine
}

// until is when the last of the command's requests can have arrived; of one that ended, some time later.
func (v *verdict) until() time.Duration {
	last := v.p.ended + time.Minute
	if v.p.stuck {
		last = math.MaxInt64
	}
	for _, p := range v.programs {
		if p.agent == v.p.agent && p.began > v.p.began {
			last = min(last, p.began-1)
		}
	}
	return last
}

// learn finds what the run created and the phases that it went through.
func (v *verdict) learn() {
	for _, touch := range v.touches() {
		if touch.Method == http.MethodPost {
			v.uid = touch.UID
		}
	}
	if v.uid == "" && v.p.verb != "run" {
		v.uid = v.world.Found(v.p.began)
	}
	for _, e := range v.p.entries { // it may have been made again before the command looked
		switch {
		case e.Type != journal.Claim || v.p.verb == "run":
		case e.Object != nil && e.Object.UID != "":
			v.uid = string(e.Object.UID)
		case strings.Contains(e.Text, "does not exist"), strings.Contains(e.Text, "another one has been made"):
			v.uid = v.world.Latest(v.p.began)
		}
	}
	if v.uid != "" {
		v.truth = v.truthOf(v.uid)
	}
	for i := range v.p.entries {
		e := &v.p.entries[i]
		switch {
		case e.Type == journal.PhaseStart:
			v.phases = append(v.phases, phase{name: e.Phase, began: e.at, limit: e.Limit})
		case len(v.phases) > 0 && (e.Type == journal.Claim || e.Type == journal.Failure) && v.phases[len(v.phases)-1].end == nil:
			v.phases[len(v.phases)-1].end = e
		}
	}
	for i := range v.phases {
		v.accept(&v.phases[i])
	}
}

// accept finds when the write that the phase is about was accepted.
func (v *verdict) accept(ph *phase) {
	if v.p.verb != "run" {
		v.acceptLast(ph)
		return
	}
	method := map[journal.Phase]string{journal.Wait: "POST", journal.Scale: "PATCH", journal.Delete: "DELETE", journal.Cleanup: "DELETE"}[ph.name]
	for _, touch := range v.touches() {
		if touch.Method == method && touch.UID == v.uid {
			ph.accepted, ph.wasAccepted = touch.At, true
		}
	}
}

// ending: the command ends in time, and says so once, last.
func (v *verdict) ending() {
	took := v.p.ended - v.p.began
	switch limit := v.p.bound(); {
	case v.p.stuck:
		v.failf("exit", "it never ended: still there after %s", limit+10*time.Minute)
	case took > limit:
		v.failf("exit", "it took %s, its limits allow %s", took, limit)
	}
	n := 0
	for _, e := range v.p.entries {
		if e.Type == journal.Closing {
			n++
		}
	}
	if last := v.p.entries[len(v.p.entries)-1]; n != 1 || last.Type != journal.Closing || last.Reason != string(v.p.reason) {
		v.failf("exit", "the last of %d closing words is %q %s, the reason is %s", n, last.Text, last.Reason, v.p.reason)
	}
	for _, ph := range v.phases {
		if ph.end != nil && ph.limit > 0 && ph.end.at-ph.began > ph.limit+time.Second {
			v.failf("exit", "phase %s ended after %s, its limit is %s", ph.name, ph.end.at-ph.began, ph.limit)
		}
	}
	if v.p.reason == ops.Interrupted && !v.has("interrupt") {
		v.failf("exit", "it ended as interrupted, but nobody did")
	}
	v.told()
	v.reached()
}

// told: an end without success is told with its reason, not only by an exit code; what the cleanup does not
// reach comes on top of that.
func (v *verdict) told() {
	if v.p.reason == ops.Reached {
		return
	}
	for _, e := range v.p.entries {
		if e.Type == journal.Failure && e.Phase != journal.Cleanup {
			return
		}
	}
	v.failf("exit", "it ended with %s, and nothing before the last line says why", v.p.reason)
}

// reached: success means that each phase was claimed or skipped.
func (v *verdict) reached() {
	if v.p.reason != ops.Reached {
		return
	}
	said := map[journal.Phase]bool{}
	for _, e := range v.p.entries {
		if e.Type == journal.Claim || e.Type == journal.Skipped {
			said[e.Phase] = true
		}
	}
	for _, ph := range v.p.phases() {
		if !said[ph] {
			v.failf("exit", "success without a word about %s", ph)
		}
	}
}

// phases are those without which a command has not reached its goal.
func (p *program) phases() []journal.Phase {
	switch p.verb {
	case "run":
		return []journal.Phase{journal.Wait, journal.Scale, journal.Delete}
	case "apply", "wait available":
		return []journal.Phase{journal.Wait}
	case "scale", "wait scaled":
		return []journal.Phase{journal.Scale}
	}
	return []journal.Phase{journal.Delete}
}

// order: time never runs backwards.
func (v *verdict) order() {
	for i := 1; i < len(v.p.entries); i++ {
		before, e := v.p.entries[i-1], v.p.entries[i]
		if e.At.Before(before.At) || e.Elapsed < before.Elapsed {
			v.failf("order", "%q at %s comes after %q at %s", e.Text, e.Elapsed, before.Text, before.Elapsed)
		}
	}
}

// others: nothing is written that this run did not create, nor over what it did not know, and what is
// deleted is deleted by UID.
func (v *verdict) others() {
	for _, touch := range v.touches() {
		if v.p.verb == "run" && touch.Method != http.MethodPost && touch.Owner != v.p.agent {
			v.failf("others", "%s of %s/%s %s, which %q made", touch.Method, touch.Kind, touch.Name, touch.UID, touch.Owner)
		}
		if touch.Blind {
			v.failf("others", "%s of %s/%s %s at %s, whatever it had become meanwhile", touch.Method, touch.Kind, touch.Name, touch.UID, touch.At)
		}
	}
	posts := 0
	for _, touch := range v.touches() {
		if touch.Method == http.MethodPost {
			posts++
		}
	}
	if posts > 1 {
		v.failf("others", "it created %d objects", posts)
	}
}

// leftovers: what is left when the run has ended, and is not going, was told with the command that removes it.
func (v *verdict) leftovers() {
	if v.uid == "" || v.p.verb != "run" {
		return
	}
	warned := false
	for _, e := range v.p.entries {
		if (e.Reason == "Kept" || e.Reason == string(ops.Leftover) || e.Type == journal.Skipped && e.Phase == journal.Delete) && strings.Contains(e.Text+e.Hint, v.p.id) ||
			strings.Contains(e.Text, "to remove it: ") && strings.Contains(e.Text, v.p.id) {
			warned = true
		}
	}
	for _, ph := range v.phases {
		if (ph.name == journal.Delete || ph.name == journal.Cleanup) && ph.end != nil && ph.end.Type == journal.Claim {
			return // claims decides whether that was true; what an old operator makes afterwards nobody could know
		}
	}
	at := v.at(v.p.ended)
	if at.Left > 0 && !warned {
		v.failf("leftover", "%d objects were left when it ended with %s (deleting: %t), and it did not say so", at.Left, v.p.reason, at.Deleting)
	}
}

// at gives the moment that holds at a time.
func (v *verdict) at(at time.Duration) simworld.Moment {
	var m simworld.Moment
	for _, moment := range v.truth {
		if moment.At > at {
			break
		}
		m = moment
	}
	return m
}

// during reports whether something held at any moment of a time.
func (v *verdict) during(from, to time.Duration, holds func(simworld.Moment) bool) bool {
	if from > to {
		from = to
	}
	if m := v.at(from); len(v.truth) > 0 && v.truth[0].At <= from && holds(m) {
		return true
	}
	return slices.ContainsFunc(v.truth, func(m simworld.Moment) bool { return m.At >= from && m.At <= to && holds(m) })
}

// claims: what was claimed was true at some instant after our write was accepted, and not older than
// what the program had last asked or been told.
func (v *verdict) claims() {
	for _, ph := range v.phases {
		if ph.end == nil || ph.end.Type != journal.Claim {
			continue
		}
		v.lessSaid(ph)
		from := max(ph.accepted, v.informed(ph)-v.hearsay(ph))
		switch ph.name {
		case journal.Delete, journal.Cleanup:
			if !v.during(ph.accepted, ph.end.at, func(m simworld.Moment) bool { return m.Left == 0 || m.Left == m.Pods && v.blind(ph) }) {
				v.failf("claim", "%q at %s, but %d objects are left", ph.end.Text, ph.end.at, v.at(ph.end.at).Left)
			}
		default:
			if !v.during(from, ph.end.at, func(m simworld.Moment) bool { return v.lacks(ph, m) == "" }) {
				v.failf("claim", "%q at %s, but since %s: %s", ph.end.Text, ph.end.at, from, v.lacks(ph, v.at(from)))
			}
			if !v.during(from, ph.end.at, func(m simworld.Moment) bool { return v.miscounts(ph.end, m) == "" }) {
				v.failf("claim", "%q at %s, but since %s: %s", ph.end.Text, ph.end.at, from, v.miscounts(ph.end, v.at(from)))
			}
		}
	}
}

// lacks says what keeps the goal of a phase from being reached at a moment.
func (v *verdict) lacks(ph phase, m simworld.Moment) string {
	switch {
	case m.Lacks != "":
		return m.Lacks
	case v.surplus(ph, m) && !v.blind(ph):
		return fmt.Sprintf("surplus pods %+v", m.Children)
	case ph.name == journal.Scale:
		return v.unscaled(m)
	}
	return ""
}

// blind reports whether the right to read pods, or what leads to them, was taken away before the end of a phase.
func (v *verdict) blind(ph phase) bool {
	over := v.until()
	if ph.end != nil {
		over = ph.end.at
	}
	return v.blindSince() <= over
}

// blindSince is when that right was taken away; if it never was, the end of time.
func (v *verdict) blindSince() time.Duration {
	since := time.Duration(math.MaxInt64)
	for _, d := range v.world.Denials() {
		if d.Kind == "Pod" || d.Kind == "ReplicaSet" {
			since = min(since, d.At)
		}
	}
	return since
}

// hearsay is how old what the controllers say of pods may be, where the program cannot see the pods themselves.
func (v *verdict) hearsay(ph phase) time.Duration {
	if !v.blind(ph) {
		return 0
	}
	return 2 * (v.config.Pace.Deployments + v.config.Pace.ReplicaSets)
}

// lessSaid: once the program knows that it cannot see pods, its claims say so.
func (v *verdict) lessSaid(ph phase) {
	knows := slices.ContainsFunc(v.p.entries, func(e told) bool {
		return e.at < ph.began && e.Reason == "WatchDenied" && strings.HasPrefix(e.Text, "cannot watch Pod,")
	})
	if knows && !strings.Contains(ph.end.Text+strings.Join(ph.end.Details, " "), "cannot be seen") {
		v.failf("claim", "%q at %s, without a word that pods cannot be seen", ph.end.Text, ph.end.at)
	}
}

// unscaled says which Deployment that a scaling of the whole reaches does not have the number that was asked for.
func (v *verdict) unscaled(m simworld.Moment) string {
	reached := false
	for _, c := range m.Children {
		reached = reached || c.Governed
		if c.Governed && c.Replicas != int(v.p.request.Replicas) {
			return fmt.Sprintf("Deployment %s has %d replicas, not %d", c.Name, c.Replicas, v.p.request.Replicas)
		}
	}
	if !reached {
		return "a scaling reaches nothing"
	}
	return ""
}

var readyOf = regexp.MustCompile(`(\d+) of (\d+) ready on ([a-z0-9-]+)`)

// miscounts says which number of a claim is not so at a moment.
func (v *verdict) miscounts(e *told, m simworld.Moment) string {
	said := map[string]bool{}
	for _, match := range readyOf.FindAllStringSubmatch(e.Text, -1) {
		ready, wanted, name := match[1], match[2], match[3]
		said[name] = true
		for _, c := range m.Children {
			if c.Name == name && (strconv.Itoa(c.Ready) != ready || strconv.Itoa(c.Replicas) != wanted) {
				return fmt.Sprintf("%d of %d are ready on %s", c.Ready, c.Replicas, name)
			}
		}
	}
	for _, c := range m.Children {
		if !said[c.Name] && (e.Phase == journal.Wait || c.Governed) {
			return "nothing is said of " + c.Name
		}
	}
	return ""
}

// surplus reports whether a scaling down has pods left that must go. Of another's scaling nobody knows whether it
// was one, so that all pods on their way out count; but a run knows the numbers that it has just claimed.
func (v *verdict) surplus(ph phase, m simworld.Moment) bool {
	if ph.name != journal.Scale {
		return false
	}
	began := ph.accepted - 1
	switch {
	case ph.wasAccepted:
	case v.p.verb == "run":
		began = ph.began
	case v.world.Asked(v.p.agent, http.MethodPatch, v.p.began, v.until()) > 0: // it was to be the change that somebody else then made
		began = v.p.began
	default:
		return slices.ContainsFunc(m.Children, func(c simworld.Child) bool { return c.Terminating > 0 })
	}
	before := map[string]int{}
	for _, c := range v.at(began).Children {
		before[c.Name] = c.Replicas
	}
	for _, c := range m.Children {
		if c.Terminating > 0 && before[c.Name] > c.Replicas {
			return true
		}
	}
	return false
}

// informed is how old the program's knowledge may be: as old as its last reads of the object, its
// Deployments and pods since the phase's write, or, without them, as its slowest watch.
func (v *verdict) informed(ph phase) time.Duration {
	since := ph.end.at
	for _, read := range [][2]string{{"SeldonDeployment", "GET"}, {"Deployment", "LIST"}, {"Pod", "LIST"}} {
		last := time.Duration(-1)
		for _, s := range v.served() {
			if s.Kind == read[0] && s.Method == read[1] && s.At >= ph.accepted && s.At <= ph.end.at {
				last = s.At
			}
		}
		if last < 0 {
			return ph.end.at - v.delay(ph.end.at)
		}
		since = min(since, last)
	}
	return since
}

// delay is how late the slowest watch delivered at that time.
func (v *verdict) delay(at time.Duration) time.Duration {
	now := map[string]time.Duration{}
	for _, d := range v.world.Delays() {
		if d.Agent == v.p.agent && d.At <= at && d.Kind != "Event" {
			now[d.Kind] = d.Delay
		}
	}
	var slowest time.Duration
	for _, d := range now {
		slowest = max(slowest, d)
	}
	return slowest + 50*ms
}
