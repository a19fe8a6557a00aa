package judge_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// TestHoldingTime feeds a problem that comes and goes, as seconds and whether it is there, and says
// when it becomes a failure.
func TestHoldingTime(t *testing.T) {
	type look struct {
		at    int
		there bool
	}
	for _, tc := range []struct {
		reason string
		looks  []look
		want   judge.Outcome
	}{
		{"there all the time, looked at twice", []look{{0, true}, {30, true}}, judge.Failed},
		{"there all the time, looked at much later", []look{{0, true}, {300, true}}, judge.Failed},
		{"not long enough", []look{{0, true}, {29, true}}, judge.Waiting},
		{"away for a moment while the kubelet retries: its age counts on", []look{{0, true}, {10, false}, {20, true}, {31, true}}, judge.Failed},
		{"away for long: it is a new one", []look{{0, true}, {10, false}, {50, true}, {60, true}}, judge.Waiting},
		{"away at the moment itself", []look{{0, true}, {40, false}}, judge.Waiting},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			var memory judge.Memory
			var verdict judge.Verdict
			for _, l := range tc.looks {
				findings := judge.Findings{Lacks: []judge.Lack{{Key: "k", Text: "not ready"}}}
				if l.there {
					findings.Problems = []judge.Problem{{Class: judge.ImagePull, Key: "pull"}}
				}
				memory, verdict, _ = judge.Hold(memory, findings, start.Add(time.Duration(l.at)*time.Second))
			}
			if verdict.Outcome != tc.want {
				t.Errorf("outcome %q, want %q", verdict.Outcome, tc.want)
			}
		})
	}
}

// TestOldLosses: what was lost proves something for a while, and is no news after it.
func TestOldLosses(t *testing.T) {
	lost := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for seconds, want := range map[int]judge.Outcome{59: judge.Failed, 62: judge.Waiting} {
		_, v, _ := judge.Hold(judge.Memory{}, judge.Findings{
			Lacks:    []judge.Lack{{Key: "k", Text: "not ready"}},
			Problems: []judge.Problem{{Class: judge.PodsEvicted, Key: "lost", Since: lost.Add(-time.Hour), Proven: true, Until: lost.Add(time.Minute)}},
		}, lost.Add(time.Duration(seconds)*time.Second))
		if told := v.Problems[0].Tell(lost.Add(time.Hour)); v.Outcome != want || told != (want == judge.Failed) {
			t.Errorf("after %d s: %q, told %t, want %q", seconds, v.Outcome, told, want)
		}
	}
}

// TestClockSetBetweenLosses: the dates of losses tell of what was before we looked. What we have seen has taken as long as
// our own clock tells, whatever the cluster's was set to meanwhile.
func TestClockSetBetweenLosses(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type look struct {
		at, times  int
		first, end time.Duration // the dates of the first loss and of the end of the proof
		proven     bool
	}
	for _, tc := range []struct {
		reason string
		looks  []look
		want   judge.Outcome
		late   bool
	}{
		{"seen from the first to the third", []look{{1, 1, 0, 60 * time.Second, false}, {61, 3, 0, 2 * time.Minute, true}}, judge.Failed, false},
		{"set forwards: the third comes after 40 s", []look{{1, 1, 0, 60 * time.Second, false}, {41, 3, 0, 6 * time.Minute, true}}, judge.Waiting, false},
		{"and no other comes", []look{{1, 1, 0, 60 * time.Second, false}, {41, 3, 0, 6 * time.Minute, true}, {90, 3, 0, 6 * time.Minute, true}}, judge.Waiting, false},
		{"the next comes after 61 s", []look{{1, 1, 0, 60 * time.Second, false}, {41, 3, 0, 6 * time.Minute, true}, {62, 4, 0, 6 * time.Minute, true}}, judge.Failed, false},
		{
			"set backwards: the latest is dated before the first",
			[]look{{1, 1, 0, 60 * time.Second, false}, {70, 4, -5 * time.Minute, 60 * time.Second, true}},
			judge.Failed, false,
		},
		{
			"and is old after a minute",
			[]look{{1, 1, 0, 60 * time.Second, false}, {45, 3, -5 * time.Minute, 60 * time.Second, true}, {106, 3, -5 * time.Minute, 60 * time.Second, true}},
			judge.Waiting, true,
		},
		{
			"set forwards after a pod was ready, before which another was lost",
			[]look{{1, 1, 0, 60 * time.Second, false}, {11, 1, 10 * time.Second, 70 * time.Second, false}, {62, 3, 10 * time.Second, 2 * time.Minute, true}},
			judge.Waiting, false,
		},
		{"two were lost before we looked", []look{{50, 2, 0, 90 * time.Second, false}, {65, 3, 0, 2 * time.Minute, true}}, judge.Failed, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var memory judge.Memory
			var verdict judge.Verdict
			for _, l := range tc.looks {
				memory, verdict, _ = judge.Hold(memory, judge.Findings{
					Lacks: []judge.Lack{{Key: "k", Text: "not ready"}},
					Problems: []judge.Problem{{
						Class: judge.PodsEvicted, Key: "lost", Times: l.times, Since: start.Add(l.first), Until: start.Add(l.end), Proven: l.proven, Unsure: !l.proven,
					}},
				}, start.Add(time.Duration(l.at)*time.Second))
			}
			if verdict.Outcome != tc.want || verdict.Problems[0].Late != tc.late {
				t.Errorf("outcome %q, late %t, want %q, %t", verdict.Outcome, verdict.Problems[0].Late, tc.want, tc.late)
			}
		})
	}
}

// TestSomebodyElsesHand: what somebody has written and the operator has put right is done with; the next time is another.
// Two who write all the time leave no pause.
func TestSomebodyElsesHand(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hold := func(there func(ms int) bool, until int) judge.Outcome {
		var memory judge.Memory
		var verdict judge.Verdict
		for ms := 0; ms <= until; ms += 500 {
			findings := judge.Findings{Lacks: []judge.Lack{{Key: "k", Text: "other replicas"}}}
			if there(ms) {
				findings.Problems = []judge.Problem{{Class: judge.ReplicasRewritten, Key: "rewritten"}}
			}
			memory, verdict, _ = judge.Hold(memory, findings, start.Add(time.Duration(ms)*time.Millisecond))
		}
		return verdict.Outcome
	}
	if got := hold(func(ms int) bool { return ms < 3000 || ms >= 10000 }, 13000); got != judge.Waiting {
		t.Errorf("written twice and put right between: %q", got)
	}
	if got := hold(func(ms int) bool { return ms < 3000 || ms >= 10000 }, 20000); got != judge.Failed {
		t.Errorf("the second time is not put right: %q", got)
	}
	if got := hold(func(ms int) bool { return ms%1000 == 0 }, 10000); got != judge.Failed {
		t.Errorf("written all the time: %q", got)
	}
}

// TestVagueWords: a kubelet that backs off may not say why a pull has failed. It is still what it was.
func TestVagueWords(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	full := judge.Problem{Class: judge.RegistryTrouble, Key: "pull", Message: "i/o timeout"}
	vague := judge.Problem{Class: judge.ImagePull, Key: "pull", Message: "Back-off", Vague: true}
	absent := judge.Problem{Class: judge.ImagePull, Key: "pull", Message: "not found"}
	hold := func(problems ...judge.Problem) judge.Verdict {
		var m judge.Memory
		var v judge.Verdict
		for i, p := range problems {
			m, v, _ = judge.Hold(m, judge.Findings{Lacks: []judge.Lack{{Key: "k"}}, Problems: []judge.Problem{p}}, start.Add(time.Duration(i)*20*time.Second))
		}
		return v
	}
	if v := hold(full, vague, vague); v.Outcome != judge.Waiting || v.Problems[0].Message != "i/o timeout" {
		t.Errorf("after 40 s: %s, %+v", v.Outcome, v.Problems)
	}
	if v := hold(full, vague, vague, vague); v.Outcome != judge.Failed || v.Cause.Class != judge.RegistryTrouble {
		t.Errorf("after 60 s: %s, %+v", v.Outcome, v.Cause)
	}
	if v := hold(vague, vague, vague); v.Outcome != judge.Failed || v.Cause.Class != judge.ImagePull {
		t.Errorf("where nothing more was ever said: %s, %+v", v.Outcome, v.Cause)
	}
	if v := hold(vague, vague, absent); v.Outcome != judge.Failed || v.Cause.Message != "not found" {
		t.Errorf("fuller words afterwards: %s, %+v", v.Outcome, v.Cause)
	}
}

// TestWake holds Hold to saying when time alone changes the verdict, so that nothing needs to tick.
func TestWake(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	findings := judge.Findings{
		Lacks:    []judge.Lack{{Key: "a", Patience: 45 * time.Second}, {Key: "b"}},
		Problems: []judge.Problem{{Class: judge.CrashLoop, Key: "c"}, {Class: judge.ImagePull, Key: "p"}, {Class: judge.NotReady, Key: "n"}},
	}
	_, _, wake := judge.Hold(judge.Memory{}, findings, now)
	if got := wake.Sub(now); got != 30*time.Second {
		t.Errorf("wake after %s, want 30s: the image's time is over first", got)
	}
	memory, _, _ := judge.Hold(judge.Memory{}, judge.Findings{Lacks: []judge.Lack{{Key: "b"}}, Problems: []judge.Problem{{Class: judge.NotReady, Key: "n"}}}, now)
	_, _, wake = judge.Hold(memory, judge.Findings{Lacks: []judge.Lack{{Key: "b"}}}, now.Add(time.Minute))
	if got := wake.Sub(now); got != 90*time.Second {
		t.Errorf("wake after %s, want 90s: what has passed after a minute is forgotten then", got)
	}
	_, _, wake = judge.Hold(judge.Memory{}, judge.Findings{Lacks: []judge.Lack{{Key: "b"}}}, now)
	if !wake.IsZero() {
		t.Errorf("wake at %s although time alone changes nothing", wake)
	}
}

// TestServerTime: a problem that is seen late is as old as the API server says, by its own clock and
// only as far as that is known.
func TestServerTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		reason string
		since  time.Duration // by the server's clock
		ahead  time.Duration // how far that is ahead, at least
		want   judge.Outcome
	}{
		{"the server says nothing: it begins when it is seen", 0, 0, judge.Waiting},
		{"since 31 s, cut off to a second", -31 * time.Second, 0, judge.Failed},
		{"since 30 s, which may be 29", -30 * time.Second, 0, judge.Waiting},
		{"a server whose clock is an hour ahead", time.Hour - 31*time.Second, time.Hour, judge.Failed},
		{"and one whose clock is an hour behind", -time.Hour - 31*time.Second, -time.Hour, judge.Failed},
		{"its clock is not known", -31 * time.Second, -24 * 365 * time.Hour, judge.Waiting},
		{"a timestamp from the future", time.Hour, 0, judge.Waiting},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			p := judge.Problem{Class: judge.ImagePull, Key: "pull"}
			if tc.since != 0 {
				p.Since = now.Add(tc.since)
			}
			findings := judge.Findings{Lacks: []judge.Lack{{Key: "k"}}, Problems: []judge.Problem{p}, Ahead: tc.ahead}
			if _, verdict, _ := judge.Hold(judge.Memory{}, findings, now); verdict.Outcome != tc.want {
				t.Errorf("outcome %q, want %q", verdict.Outcome, tc.want)
			}
		})
	}
}

// TestCauseBeforeSymptom: a rollout past its deadline says only that something below it does not come up.
// What that is gets named, in its own time, and one that has just passed may have been all of it.
func TestCauseBeforeSymptom(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	below := func(deployment types.UID) []judge.Link {
		return []judge.Link{{Ref: snapshot.Ref{UID: "root"}}, {Ref: snapshot.Ref{UID: deployment}}, {Ref: snapshot.Ref{UID: "pod"}}}
	}
	late := judge.Problem{Class: judge.NoProgress, Key: "late", Since: start.Add(-time.Hour), Chain: below("a")[:2]}
	missing := judge.Problem{Class: judge.MissingReference, Key: "missing", Chain: below("a")}
	loading := judge.Problem{Class: judge.NotReady, Key: "loading", Chain: below("a")}
	elsewhere := judge.Problem{Class: judge.MissingReference, Key: "elsewhere", Chain: below("b")}
	type look struct {
		at    int
		found []judge.Problem
	}
	for _, tc := range []struct {
		reason string
		looks  []look
		want   judge.Class // of the failure; empty: none
	}{
		{"nothing below it is wrong", []look{{0, []judge.Problem{late}}}, judge.NoProgress},
		{"a cause that may still be mended", []look{{0, []judge.Problem{missing, late}}, {29, []judge.Problem{missing, late}}}, ""},
		{"a cause whose time is over", []look{{0, []judge.Problem{missing, late}}, {30, []judge.Problem{missing, late}}}, judge.MissingReference},
		{"a cause that was just mended", []look{{0, []judge.Problem{missing, late}}, {5, []judge.Problem{late}}, {34, []judge.Problem{late}}}, ""},
		{"a cause that was mended and did not help", []look{{0, []judge.Problem{missing, late}}, {5, []judge.Problem{late}}, {35, []judge.Problem{late}}}, judge.NoProgress},
		{"what never fails by itself excuses nothing", []look{{0, []judge.Problem{loading, late}}}, judge.NoProgress},
		{"nor does what is wrong below another Deployment", []look{{0, []judge.Problem{elsewhere, late}}}, judge.NoProgress},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			var memory judge.Memory
			var verdict judge.Verdict
			var wake time.Time
			for _, l := range tc.looks {
				findings := judge.Findings{Lacks: []judge.Lack{{Key: "k"}}, Problems: l.found}
				now := start.Add(time.Duration(l.at) * time.Second)
				memory, verdict, wake = judge.Hold(memory, findings, now)
				if verdict.Outcome == judge.Waiting && !wake.After(now) {
					t.Errorf("at %d s: wake at %s", l.at, wake)
				}
			}
			if tc.want == "" && verdict.Outcome != judge.Waiting || tc.want != "" && (verdict.Cause == nil || verdict.Cause.Class != tc.want) {
				t.Errorf("%s by %+v, want %q", verdict.Outcome, verdict.Cause, tc.want)
			}
		})
	}
}

// TestAfter: a problem that is to be borne until a time is borne until the time that it told when it was first seen, however often
// something else begins meanwhile.
func TestAfter(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	seen := func(after time.Duration) judge.Findings {
		return judge.Findings{
			Lacks:    []judge.Lack{{Key: "x", Text: "x"}},
			Problems: []judge.Problem{{Class: judge.NoProgress, Key: "k", Since: start.Add(-time.Hour), After: start.Add(after)}},
		}
	}
	memory, verdict, wake := judge.Hold(judge.Memory{}, seen(time.Minute), start)
	if verdict.Outcome != judge.Waiting || wake.Sub(start) != time.Minute+time.Second {
		t.Errorf("%s, to be looked at again after %s", verdict.Outcome, wake.Sub(start))
	}
	if _, verdict, _ = judge.Hold(memory, seen(time.Hour), start.Add(time.Minute)); verdict.Outcome != judge.Waiting {
		t.Errorf("%s before its time", verdict.Outcome)
	}
	if _, verdict, _ = judge.Hold(memory, seen(time.Hour), start.Add(time.Minute+time.Second)); verdict.Outcome != judge.Failed {
		t.Errorf("%s when its time is over", verdict.Outcome)
	}
}
