package simworld_test

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// events: each is told once, and again only when its count has grown tenfold; of one object in order, by
// when they came up first, or, where that was missed while a watch was down, by when they were repeated.
// With the namespace its Events go too, and what happens then is told by new ones.
func (v *verdict) events() {
	if v.ended() {
		return
	}
	first, counted := v.world.EventsOf()
	last, newest, latest := map[string]int32{}, map[string]int64{}, map[string]int64{}
	for _, e := range v.p.entries {
		if e.Type != journal.Event && e.Type != journal.Alarm || e.Object == nil {
			continue
		}
		key := string(e.Object.UID) + e.Reason + e.Text
		if n, told := last[key]; told && e.Count < 10*n {
			v.failf("events", "%s %s was told with count %d and again with %d", e.Object, e.Reason, n, e.Count)
		}
		if about := string(e.Object.UID); last[key] == 0 {
			told := counted[key][e.Count]
			if first[key] < newest[about] && told < latest[about] {
				v.failf("events", "%s %s %q comes after a younger one about the same object", e.Object, e.Reason, e.Text)
			}
			newest[about], latest[about] = first[key], told
		}
		last[key] = e.Count
	}
}

// tolerance is how long a problem of a class must have held before it is a failure (DESIGN, how it decides).
func tolerance(class string) (time.Duration, bool) {
	times := map[string]time.Duration{
		"InvalidImageName": 2 * time.Second, "Refused": 2 * time.Second, "PodsDenied": 2 * time.Second, "NoProgress": 2 * time.Second,
		"ReplicasRewritten": 10 * time.Second, "TemplateRewritten": 10 * time.Second, "ImagePull": 30 * time.Second, "MissingReference": 30 * time.Second, "OperatorError": 30 * time.Second,
		"Quota": 60 * time.Second, "Unschedulable": 60 * time.Second, "CrashLoop": 60 * time.Second, "OutOfMemory": 60 * time.Second,
		"PodsEvicted": 60 * time.Second,
	}
	d, known := times[class]
	return d, known
}

// coarse is the resolution of the server's timestamps.
const coarse = time.Second

// failures: a failure names a class that could be seen, that had held for its time, and had not passed. How long
// nobody knows when the cluster's clock has been set meanwhile.
func (v *verdict) failures() {
	for i := range v.p.entries {
		e := &v.p.entries[i]
		if e.Type != journal.Failure {
			continue
		}
		if hold, known := tolerance(e.Reason); known {
			if !v.p.request.FailFast {
				v.failf("failure", "%s %q at %s, but the user wants to wait until the limit", e.Reason, e.Text, e.at)
			}
			v.failed(e, hold)
			continue
		}
		var ph phase
		for _, one := range v.phases {
			if one.end == e {
				ph = one
			}
		}
		v.gaveUp(ph, e)
	}
}

func (v *verdict) failed(e *told, hold time.Duration) {
	if e.Reason == "PodsEvicted" {
		v.failedByLosses(e, hold)
		return
	}
	if e.Reason == "ReplicasRewritten" || e.Reason == "TemplateRewritten" {
		from, to := e.at-hold+coarse, e.at-v.delay(e.at)
		switch {
		case v.during(from, to, func(m simworld.Moment) bool { return m.Unwritten == "" }):
			v.failf("failure", "%q at %s, but since %s all has been as the operator wants it for a while", e.Text, e.at, from)
		case !v.during(from, to, func(m simworld.Moment) bool { return m.State != "Failed" }):
			v.failf("failure", "%q at %s, but it is the operator that fails", e.Text, e.at)
		}
		return
	}
	healed := ""
	for _, s := range v.world.Symptoms(v.uid) {
		held := e.at - s.At
		proven := s.Third > 0 && s.Third <= e.at
		switch {
		case s.Class != e.Reason && (e.Reason != "OperatorError" || s.Class != "Refused") || held+coarse < hold && !proven && !v.has("clock") || !names(e, s) || v.knowsOfNodes(s, e.at):
		case s.Until < e.at-v.delay(e.at):
			healed = s.Description
		default:
			return
		}
	}
	if healed != "" {
		v.failf("failure", "%s %q at %s, but %s was well again", e.Reason, e.Text, e.at, healed)
		return
	}
	v.failf("failure", "%s %q at %s, but nothing has been so for %s", e.Reason, e.Text, e.at, hold)
}

// outgrown: what goes by the scaling itself is no failure, for however long it was there.
func (v *verdict) outgrown() {
	if !v.has("outgrown") || v.has("clock") { // that somebody sets may let a rollout's time pass
		return
	}
	for _, ph := range v.phases {
		if ph.end == nil || ph.end.Type != journal.Failure {
			continue
		}
		if _, known := tolerance(ph.end.Reason); !known {
			continue
		}
		for _, m := range v.truth {
			if m.At > ph.end.at && v.lacks(ph, m) == "" {
				v.failf("failure", "%s %q at %s, but nobody did anything and all was well at %s", ph.end.Reason, ph.end.Text, ph.end.at, m.At)
				return
			}
		}
	}
}

// failedByLosses: three pods of one ReplicaSet had been lost one after the other in the time of the class, and none
// had been ready since. How long before it was seen the first was lost nobody knows when the clock had been set by then.
func (v *verdict) failedByLosses(e *told, hold time.Duration) {
	for _, s := range v.world.Losses(v.uid) {
		least := hold - coarse
		if v.world.ClockSet(0, s.Lost[0].At) {
			least = 0
		}
		if proven := provenAt(s, least); proven > 0 && proven <= e.at && s.Until >= e.at-v.delay(e.at) {
			return
		}
	}
	v.failf("failure", "%q at %s, but the losses were %v", e.Text, e.at, v.world.Losses(v.uid))
}

// provenAt is when a series had lasted for so long and one was lost that was made after a loss of one that was made
// after a loss; 0 if it never did.
func provenAt(s simworld.Series, hold time.Duration) time.Duration {
	second := time.Duration(0) // when the first was lost of those that were made after the first loss
	for _, x := range s.Lost {
		switch {
		case second == 0 && x.Made >= s.Lost[0].At:
			second = x.At
		case second > 0 && x.Made >= second && x.At-s.Lost[0].At >= hold:
			return x.At
		}
	}
	return 0
}

// names reports whether a failure is about the object that a symptom was seen on, or about its Deployment.
func names(e *told, s simworld.Symptom) bool {
	if e.Problem == nil {
		return false
	}
	_, name, _ := strings.Cut(s.Description, "/")
	return slices.ContainsFunc(e.Problem.Chain, func(link journal.Link) bool {
		return string(link.UID) == s.UID || link.Kind == "Deployment" && strings.HasPrefix(name, link.Name+"-")
	})
}

// gaveUp: the other reasons for a failure have one in the world too.
func (v *verdict) gaveUp(ph phase, e *told) {
	broken := v.has("requests", "watches", "writes", "deadline", "operator")
	switch ops.Reason(e.Reason) {
	case ops.Leftover:
		v.early(e)
		v.nothingLeft(e)
	case ops.TimedOut:
		v.early(e)
		v.wasReached(ph, e)
	case ops.Vanished:
		gone := func(m simworld.Moment) bool { return !m.Root || m.Deleting }
		said := strings.Contains(e.Text, "does not exist") || strings.Contains(e.Text, "was deleted by somebody else")
		absent := said && v.world.Absent(v.p.began, e.at) // whichever it was
		if !absent && !v.during(v.p.began, e.at, gone) && !v.world.Reworked(v.uid, v.touches(), v.p.began-v.delay(e.at), e.at) {
			v.failf("failure", "%s %q, but it was there and as it had been", e.Reason, e.Text)
		}
	case ops.Conflict:
		if !v.conflict(e) {
			v.failf("failure", "%s %q, but no name was taken and nobody else wrote", e.Reason, e.Text)
		}
	case ops.Unusable, ops.Unexpected:
		if !broken && !v.ended() {
			v.failf("failure", "%s %q, but no request failed", e.Reason, e.Text)
		}
	case ops.Invalid:
		v.failf("failure", "%s %q, but the manifest is good", e.Reason, e.Text)
	case ops.Interrupted:
		if !v.has("interrupt") {
			v.failf("failure", "%s %q, but nobody did", e.Reason, e.Text)
		}
	case ops.Reached, ops.Failed, ops.Denied, ops.Terminated:
		v.failf("failure", "%s %q", e.Reason, e.Text)
	default:
		v.failf("failure", "%s %q is of no known class", e.Reason, e.Text)
	}
}

// wasReached: no time runs out for a goal that had been reached and could be seen. While requests fail or
// watches break it could not, nor what has lost the label by which it is watched.
func (v *verdict) wasReached(ph phase, e *told) {
	if v.has("requests", "watches", "writes", "unlabelled") {
		return
	}
	since := v.reachedSince(ph, e.at)
	if ph.name == journal.Delete || ph.name == journal.Cleanup {
		since = v.since(ph, e.at, func(m simworld.Moment) bool { return m.Left == 0 })
	}
	patience := sayIt + v.delay(e.at)
	if v.has("revoked") { // it may have been a mistake
		patience += 12 * time.Second
	}
	if e.at-since > patience {
		v.failf("failure", "%s %q at %s, but its goal was reached since %s", e.Reason, e.Text, e.at, since)
	}
}

// nothingLeft: what is said to be left was there when the program could last have seen it.
func (v *verdict) nothingLeft(e *told) {
	from := e.at - v.delay(e.at)
	if v.has("requests", "watches", "writes") {
		from = 0
	}
	if !v.during(from, e.at, func(m simworld.Moment) bool { return m.Left > 0 }) {
		v.failf("failure", "%s %q at %s, but nothing was left", e.Reason, e.Text, e.at)
	}
}

// ended reports whether somebody deleted the namespace.
func (v *verdict) ended() bool {
	return slices.ContainsFunc(v.config.Acts, func(a simworld.Act) bool { return a.Kind == simworld.EndNamespace })
}

// early: nothing is given up before its limit, which counts from the phase's first request: that is
// sent once the phase before has ended.
func (v *verdict) early(e *told) {
	before := v.p.began
	for _, ph := range v.phases {
		if ph.end == e && e.at-before < ph.limit && v.p.request.Limits.Total == 0 {
			v.failf("failure", "%s after %s, the limit is %s", e.Reason, e.at-before, ph.limit)
		}
		if ph.end != nil {
			before = ph.end.at
		}
	}
}

// contradicted is how many requests went into confirming reads beyond those of the two that a run's
// successes rest on: one for the custom resource, and if that agrees two for what is below it. The look
// for what a hasty deletion left takes one for each kind, and another for each of which something may have lost
// its label. What only some specs ask for comes on top.
func (v *verdict) contradicted() int {
	roots, below, left, further := 0, 0, 0, 0
	for _, s := range v.served() {
		switch {
		case len(v.truth) == 0 || s.At <= v.truth[0].At:
		case s.Method == http.MethodGet && s.Kind == simworld.Root:
			roots++
		case s.Method == "LIST" && s.Kind == "Pod":
			below++
		case s.Method == "LIST" && s.Kind == "Service":
			left++
		case s.Method == "LIST" && (s.Kind == "PodDisruptionBudget" || s.Kind == "HorizontalPodAutoscaler"):
			further++
		case s.Method == "LIST" && s.Kind == "ReplicaSet" && slices.Contains(v.config.Server.Forbidden, "Service"):
			further++ // of a look that cannot be told by its list of Services
		}
	}
	return max(roots-2, 0) + 2*max(below-2, 0) + 5*left + further
}

// logs is how often the log of a container was asked for.
func (v *verdict) logs() int {
	n := 0
	for _, s := range v.served() {
		if s.Kind == "Pod" && s.Method == http.MethodGet {
			n++
		}
	}
	return n
}

// requests: their number does not depend on how long pods take. A success rests on one confirming
// read; one that contradicts what the watches had shown costs its requests again, and so does a scaling
// that was worked out before the operator's latest status.
func (v *verdict) requests() {
	limit := 20
	if v.config.Server.WatchList != "" {
		limit = 30
	}
	patches := v.world.Asked(v.p.agent, http.MethodPatch, v.p.began, v.until())
	limit += min(v.contradicted(), 9) + min(max(patches-1, 0), 9) + v.logs()
	ever := v.world.Ever(v.uid, 0, v.p.ended)
	few := min(ever["HorizontalPodAutoscaler"], 1) + min(ever["PodDisruptionBudget"], 1) // what few specs have is one watch more each
	limit += few
	again := 6 + few // to watch everything once more: where a list comes first, that too, but of Events
	if v.config.Server.WatchList != "" {
		again += 5 + few
	}
	took := v.p.ended - v.p.began
	limit += again * int(took/(5*time.Minute)) // watches end
	if v.config.Server.HTTP1 {
		limit += again * int(took/(15*time.Second)) // watches that are silent
	}
	if !v.calm() || v.has("operator") || len(v.p.stopped) > 0 {
		limit += 20 + 6*len(v.world.Fired()) // a read that is refused in its last part has cost the others
	}
	if n := v.world.Asked(v.p.agent, "", v.p.began, v.until()); n > limit {
		v.failf("requests", "%d, which is more than %d", n, limit)
	}
	if n := v.logs(); n > 4 {
		v.failf("requests", "the log of a container was read %d times", n)
	}
}

const (
	sayIt  = 6 * time.Second // how soon what is true must be said
	sayBad = 2 * time.Second // how soon after its time a failure
)

// speed: while the watches are up and no request fails, what is true is said soon; after a fault,
// when the way to the API server has been open again for long enough to be found out.
func (v *verdict) speed() {
	if len(v.p.stopped) > 0 || v.has("writes", "acts", "finalizers", "rival", "laggy", "deadline", "taken") {
		return
	}
	for _, ph := range v.phases {
		over := v.p.ended
		if ph.end != nil {
			over = ph.end.at
		}
		switch ph.name {
		case journal.Wait, journal.Scale:
			v.slowClaim(ph, over)
			if v.calm() {
				v.slowFailure(ph, over)
			}
		default:
			since := v.since(ph, over, func(m simworld.Moment) bool { return m.Left == 0 })
			if over-since > sayIt+v.healing() {
				v.failf("speed", "gone since %s, but %s ended at %s", since, ph.name, over)
			}
		}
	}
}

// healing is how much longer things may take because of faults: each costs the time
// in which it is, and that in which it is found out.
func (v *verdict) healing() time.Duration {
	var all time.Duration
	for _, f := range v.config.Faults {
		switch f.Kind {
		case simworld.Hangs:
			all += f.For + 40*time.Second
		case simworld.WatchSilent:
			all += 20 * time.Second
		case simworld.Revoked: // it may have been a mistake
			all += 12 * time.Second
		case simworld.Slow:
			all += f.For + f.For/2
		default:
			all += f.For + 5*time.Second
		}
	}
	return all
}

// stops: after a Ctrl-C the DELETE goes out within a second, and where nothing is to be removed the command ends.
func (v *verdict) stops() {
	if len(v.p.stopped) > 0 && v.p.verb != "run" {
		if v.p.ended > v.p.stopped[0]+1600*ms {
			v.failf("stops", "%s was interrupted at %s and ended at %s", v.p.verb, v.p.stopped[0], v.p.ended)
		}
		return
	}
	if len(v.p.stopped) == 0 || v.p.agent != "seldonctl" || v.uid == "" || v.p.request.Keep != ops.KeepNever || v.has("requests", "writes", "acts", "finalizers", "rival", "deadline", "taken") {
		return
	}
	at, created, deleted := v.p.stopped[0], v.truth[0].At, time.Duration(-1)
	for _, touch := range v.touches() {
		if touch.Method == http.MethodDelete {
			deleted = touch.At
		}
	}
	if len(v.p.stopped) == 2 && v.p.ended > v.p.stopped[1]+1600*ms {
		v.failf("stops", "interrupted again at %s, it ended at %s", v.p.stopped[1], v.p.ended)
	}
	if at < v.p.ended && (deleted < 0 || deleted > max(at, created)+time.Second) {
		v.failf("stops", "interrupted at %s, the DELETE of what was created at %s came at %s", at, created, deleted)
	}
}

func (v *verdict) slowClaim(ph phase, over time.Duration) {
	since := v.reachedSince(ph, over)
	if over-since > sayIt+v.healing() {
		v.failf("speed", "%s was true since %s, but the phase ended at %s with %v", ph.name, since, over, endOf(ph))
	}
}

// reachedSince gives since when the goal of a phase has been reached without a break. Surplus pods on their way out are
// rightly waited for as long as pods can be seen; from when they cannot, nobody can tell that there are any.
func (v *verdict) reachedSince(ph phase, over time.Duration) time.Duration {
	since := v.since(ph, over, func(m simworld.Moment) bool { return v.holds(ph, m) && !v.surplus(ph, m) })
	if !v.blind(ph) {
		return since
	}
	unseen := v.since(ph, over, func(m simworld.Moment) bool { return v.holds(ph, m) })
	return min(since, max(unseen, v.blindSince()))
}

// holds reports whether the goal of a phase is reached, in the deployment controller's eyes and the operator's too, unless that
// never says so because a part is at zero.
func (v *verdict) holds(ph phase, m simworld.Moment) bool {
	noted := !slices.ContainsFunc(m.Children, func(c simworld.Child) bool { return !c.Noted })
	return v.lacks(ph, m) == "" && m.Strangers == 0 && noted && (m.State == "Available" || m.Zero && m.State != "Failed")
}

func endOf(ph phase) string {
	if ph.end == nil {
		return "nothing"
	}
	return string(ph.end.Type) + " " + ph.end.Reason + " " + ph.end.Text
}

// since gives since when something has held without a break until the end of a phase.
func (v *verdict) since(ph phase, over time.Duration, holds func(simworld.Moment) bool) time.Duration {
	since := over
	for _, m := range slices.Backward(v.truth) {
		if m.At > over {
			continue
		}
		if !holds(m) {
			break
		}
		since = m.At
	}
	return max(since, ph.accepted, ph.began)
}

// slowFailure: an illness that has held for its time is said.
func (v *verdict) slowFailure(ph phase, over time.Duration) {
	if !v.p.request.FailFast || v.has("operator") {
		return
	}
	v.slowLosses(ph, over)
	for _, s := range v.world.Symptoms(v.uid) {
		hold, known := tolerance(s.Class)
		if !known || s.Class == "OperatorError" {
			continue
		}
		if v.has("outgrown") && slices.Contains([]string{"CrashLoop", "OutOfMemory", "NoProgress"}, s.Class) {
			continue // since when what comes and goes is meant to stay, after a scaling, the world does not tell
		}
		if strings.HasPrefix(s.Description, "Deployment/") && s.Class != "NoProgress" && (v.unheard() || v.has("clock") || v.config.Server.WatchList == "ignores") {
			continue // whether it is of the present generation only Events tell, and when that was written
		}
		due := max(s.At, ph.began, v.operated(ph)) + hold
		if v.has("outgrown") { // before the operator has scaled it, it may be among what goes
			due = max(due, v.since(ph, over, func(m simworld.Moment) bool { return m.Unwritten == "" })+time.Second+hold)
		}
		if s.Class == "NoProgress" {
			due = max(due, v.causedBy(ph, s))
		}
		if s.Class == "Unschedulable" {
			due = v.withoutNodes(s, due)
		}
		if s.Third > 0 {
			due = min(due, max(s.Third, ph.began, v.operated(ph)))
		}
		if s.Hidden > 0 && s.Class != "CrashLoop" && s.Class != "OutOfMemory" {
			s.Until = min(s.Until, s.Hidden)
		}
		if former := v.world.FormerSince(s.UID); former > 0 {
			s.Until = min(s.Until, former)
		}
		if s.Class == "Refused" && ph.wasAccepted && v.at(ph.accepted-1).State == "Failed" {
			continue // the operator's next word on the change is the same as the one before: it writes none
		}
		if s.Until > due+sayBad && over > due+sayBad {
			v.failf("speed", "%s on %s since %s, but phase %s went on until %s with %s", s.Class, s.Description, s.At, ph.name, over, endOf(ph))
		}
	}
}

// slowLosses: that pods are taken away again and again is said when it is proven. Dates from both sides of a setting of
// the clock are in no order, and prove it late or never.
func (v *verdict) slowLosses(ph phase, over time.Duration) {
	for _, s := range v.world.Losses(v.uid) {
		if v.world.ClockSet(s.Lost[0].Made, over) {
			continue
		}
		proven := provenAt(s, 60*time.Second+coarse)
		due := max(proven, ph.began, v.operated(ph)) + sayBad
		if proven > 0 && s.Until > due && over > due {
			v.failf("speed", "losses %v, but phase %s went on until %s with %s", s, ph.name, over, endOf(ph))
		}
	}
}

// causedBy is until when a rollout past its deadline may be waited for because of what keeps it: that illness's own
// time, which begins when it is seen first, and once it has healed the while for which it is remembered.
func (v *verdict) causedBy(ph phase, late simworld.Symptom) time.Duration {
	const remembered = 30 * time.Second
	var until time.Duration
	for _, s := range v.world.Symptoms(v.uid) {
		hold, known := tolerance(s.Class)
		if s.Hidden > 0 {
			s.Until = min(s.Until, s.Hidden)
		}
		if !known || s.Class == late.Class || s.Class == "OperatorError" || s.At > late.Until || s.Until+remembered < late.At {
			continue
		}
		own := max(s.At, ph.began, v.operated(ph)) + hold
		if s.Class == "Unschedulable" {
			own = v.withoutNodes(s, own)
		}
		if s.Until < own {
			own = s.Until + remembered
		}
		until = max(until, own)
	}
	return until
}

// operated is when the operator's first status after the phase's write could be seen.
func (v *verdict) operated(ph phase) time.Duration {
	generation := v.at(ph.accepted).Generation
	before := v.at(ph.accepted - 1).State
	for _, m := range v.truth {
		if m.At > ph.accepted && m.Generation >= generation && m.State != "" && (m.State != before || ph.name != journal.Wait) {
			return m.At + time.Second
		}
	}
	return ph.began
}
