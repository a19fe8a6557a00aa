//go:build integration

package integration

import (
	"cmp"
	"flag"
	"io"
	"log"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// life is a run, and what must come of it.
type life struct {
	manifest string
	flags    []string
	code     int
	claims   []string
}

// whole is the life of the plainest recorded model, and cutShort one whose model never becomes ready, so that
// the run cleans up.
func whole(s shop) life {
	return life{s.recorded("01-single-model.yaml"), []string{"-r", "3"}, 0, []string{"available", "scaled", "gone"}}
}

func cutShort(s shop) life {
	return life{s.manifest("never-ready.yaml"), []string{"--timeout", "4s"}, 6, []string{"gone"}}
}

// through takes a model through its life by way of a proxy: it ends as it must. during, if not nil, is called with
// each line.
func (l life) through(t *testing.T, s shop, c *cluster, kubeconfig string, during func(line)) trial {
	t.Helper()
	p, claimed := l.lived(t, s, c, kubeconfig, during)
	l.ends(p, claimed)
	return p
}

// ends checks how it has ended.
func (l life) ends(p trial, claimed []string) {
	p.t.Helper()
	p.exits(l.code)
	if !slices.Equal(claimed, l.claims) {
		p.t.Errorf("it claimed %v, want %v", claimed, l.claims)
	}
}

// lived takes a model through its life, however that ends, with the independent witness on the API server itself:
// what is claimed is true, and nothing is left.
func (l life) lived(t *testing.T, s shop, c *cluster, kubeconfig string, during func(line)) (p trial, claimed []string) {
	t.Helper()
	namespace := c.own(t)
	w := watchNamespace(t, c, namespace)
	var made []claim
	note := claims(t, w, &made)
	command := exec.Command(s.seldonctl, append([]string{"run", "-f", l.manifest, "-n", namespace}, l.flags...)...)
	command.Env = environment(kubeconfig)
	p = startCommand(t, command, func(l line) {
		note(l)
		if during != nil {
			during(l)
		}
	})
	if _, err := p.end(); err != nil {
		t.Fatal(err)
	}
	if len(made) > 0 {
		recorded, history := readRecording(t, s.recorded("01-single-model.json")), w.history(t)
		for _, one := range made {
			claimed = append(claimed, one.what)
			checkClaim(t, history, one, recorded)
		}
	}
	c.mustBeEmpty(t, namespace)
	return p, claimed
}

// moment is a point of a run at which something goes wrong: a line says that a phase has begun or, before the
// first of them, a request arrives at the proxy.
type moment struct {
	of            func(shop) life
	line, request string
}

// moments are those of each phase of a run. Connecting has two: while the watches are opened, and when they are
// open and nothing is created yet.
var moments = map[string]moment{
	"connect":   {of: whole, request: "WATCH pods"},
	"connected": {of: whole, request: "POST seldondeployments"},
	"available": {of: whole, line: "phase    available"},
	"scaled":    {of: whole, line: "phase    scaled"},
	"gone":      {of: whole, line: "phase    gone"},
	"cleanup":   {of: cutShort, line: "phase    cleanup"},
}

// proves is the line that says that the goal is reached which a phase is for, or which comes next.
func proves(phase string) string {
	goals := map[string]string{"connect": "available", "connected": "available", "cleanup": "gone"}
	return `OK +` + cmp.Or(goals[phase], phase)
}

// through takes the moment's model through its life, and brings something about at the moment, once.
func (m moment) through(t *testing.T, s shop, c *cluster, r *rogue, kubeconfig string, act func()) trial {
	t.Helper()
	var once sync.Once
	happened := false
	happens := func() { once.Do(func() { happened = true; act() }) }
	if m.request != "" {
		r.arrives = func(p passage) {
			if p.what() == m.request {
				happens()
			}
		}
	}
	p := m.of(s).through(t, s, c, kubeconfig, func(l line) {
		if m.line != "" && strings.Contains(l.text, m.line) {
			happens()
		}
	})
	if once.Do(func() {}); !happened {
		t.Error("the moment has not come, so that nothing was tried")
	}
	return p
}

// TestWatchesEnd ends all watches in every phase, in every way in which an API server or a proxy does.
func TestWatchesEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, m := range moments {
		if phase == "connect" {
			continue // there is none yet: the sweep breaks them at their opening
		}
		for _, how := range []ending{closed, midFrame, expired} {
			t.Run(phase+"/"+string(how), func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				r, kubeconfig := passBy(t, s.cluster, true)
				m.through(t, s, s.cluster, r, kubeconfig, func() {
					if r.endWatches("", how) == 0 {
						t.Error("there was no watch to end")
					}
				})
			})
		}
	}
}

// healed is how long a silently dead connection may go unnoticed, asked how long one request may take.
const healed, asked = 20 * time.Second, 30 * time.Second

// TestHalfOpen freezes every connection in every phase: nothing arrives any more, and nobody says so.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, m := range moments {
		for protocol, http2 := range map[string]bool{"HTTP2": true, "HTTP1": false} {
			t.Run(phase+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				r, kubeconfig := passBy(t, s.cluster, http2)
				var frozenAt time.Time
				p := m.through(t, s, s.cluster, r, kubeconfig, func() {
					frozenAt = time.Now()
					r.lines.freeze()
				})
				goal, most := proves(phase), healed
				if !http2 && slices.Contains([]string{"connected", "gone", "cleanup"}, phase) {
					most = asked // a write is under way: there are no pings, and it is not begun anew
				}
				const slow = 5 * time.Second // the machine's part
				notices := regexp.MustCompile(`the watch of|` + goal)
				first := slices.IndexFunc(p.lines, func(l line) bool { return notices.MatchString(l.text) }) // it has ended, so that all lines are there
				if first < 0 || p.lines[first].at.Sub(frozenAt) > most+slow {
					t.Error("nothing was noticed in time")
				}
				took := p.await(goal).at.Sub(frozenAt)
				if first >= 0 {
					t.Logf("%s: noticed %s after the connections froze, %q told after %s", t.Name(), p.lines[first].at.Sub(frozenAt).Round(100*time.Millisecond), goal, took.Round(100*time.Millisecond))
				}
				if told := strings.Contains(p.last(), "with silent watches begun anew"); told == http2 && phase != "connect" { // no watch could be silent yet
					t.Errorf("whether requests for silent watches are told: %v", told)
				}
				const world = 60 * time.Second // far more than these pods take, and far less than the limit that ends the wait otherwise
				if took > most+world {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}

// TestRefusals lets requests be refused, as overloaded and restarting API servers do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := open(t)
	verb := func(verbs ...string) func(passage) bool {
		return func(p passage) bool { return slices.Contains(verbs, p.verb) }
	}
	for name, rules := range map[string][]*rule{
		"429 with Retry-After on reads":     {{about: verb("GET", "LIST", "WATCH"), what: "429", times: 4, after: "1"}},
		"429 without Retry-After on reads":  {{about: verb("GET", "LIST", "WATCH"), what: "429", times: 4}},
		"429 with Retry-After on writes":    {{about: verb("POST", "PATCH", "DELETE"), what: "429", times: 3, after: "1"}},
		"503 on watches":                    {{about: verb("WATCH"), what: "503", times: 6}},
		"500 on watches":                    {{about: verb("WATCH"), what: "500", times: 6}},
		"410 on watches":                    {{about: verb("WATCH"), what: gone, times: 6}},
		"everything is slow":                {{about: func(passage) bool { return true }, what: slow, times: 100}},
		"the answer to the create is lost":  {{about: func(p passage) bool { return p.verb == "POST" && p.resource == "seldondeployments" }, what: lost, times: 1}},
		"the answer to the patch is lost":   {{about: verb("PATCH"), what: lost, times: 1}},
		"the answer to the delete is lost":  {{about: verb("DELETE"), what: lost, times: 1}},
		"the create does not arrive":        {{about: func(p passage) bool { return p.verb == "POST" && p.resource == "seldondeployments" }, what: reset, times: 1}},
		"the patch does not arrive":         {{about: verb("PATCH"), what: reset, times: 1}},
		"the delete does not arrive":        {{about: verb("DELETE"), what: reset, times: 1}},
		"the credentials have just expired": {{about: func(p passage) bool { return p.nth > 3 }, what: "401", times: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			_, kubeconfig := passBy(t, s.cluster, true, rules...)
			want := whole(s)
			if name == "the create does not arrive" {
				want.code, want.claims = 5, nil // nothing was created, and a create is never repeated
			}
			want.through(t, s, s.cluster, kubeconfig, nil)
		})
	}
	t.Run("the credentials are not accepted any more", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		_, kubeconfig := passBy(t, s.cluster, true, &rule{about: func(passage) bool { return true }, what: "401", times: 1000})
		want := whole(s)
		want.code, want.claims = 4, nil
		want.through(t, s, s.cluster, kubeconfig, nil)
	})
}

// TestOldServer is a server with the abilities of Kubernetes 1.17: it does not know newer API versions,
// ignores query parameters that it does not know, and sends none of the newer headers.
func TestOldServer(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	r, kubeconfig := passBy(t, s.cluster, true)
	unknown := []string{"sendInitialEvents", "resourceVersionMatch", "fieldValidation", "allowWatchBookmarks"}
	absent := []string{"/apis/autoscaling/v2/", "/apis/policy/v1/", "/apis/events.k8s.io/", "/apis/discovery.k8s.io/"}
	r.hides = []string{"X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid", "Warning", "Audit-Id"}
	r.edit = func(q *http.Request) *http.Response {
		query := q.URL.Query()
		for _, name := range unknown {
			query.Del(name)
		}
		q.URL.RawQuery = query.Encode()
		if slices.ContainsFunc(absent, func(prefix string) bool { return strings.HasPrefix(q.URL.Path, prefix) }) {
			return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("404 page not found\n"))}
		}
		return nil
	}
	whole(s).through(t, s, s.cluster, kubeconfig, nil)
	made := r.passages()
	counts := map[string]int{}
	for _, p := range made {
		counts[p.what()]++
	}
	t.Logf("%d requests, %d of them repeated: %v", len(made), repeated(counts, 1), counts)
	if n := len(made) - repeated(counts, 1); n > 30 {
		t.Errorf("it took %d requests, want at most 30: %v", n, made)
	}
}

// TestSweep breaks a good run at each of its requests, in each way. The costly ways, in which the run has to find
// out or to wait, are tried at the first and the last of the requests that want the same of the same.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	good, kubeconfig := passBy(t, s.cluster, true)
	whole(s).through(t, s, s.cluster, kubeconfig, nil)
	requests := good.passages()
	all := map[string]int{} // by what they want of what
	for _, request := range requests {
		all[request.what()]++
	}
	costly := []mischief{stall, slow}
	for _, what := range slices.Concat(costly, []mischief{reset, lost, torn, "500", "503", "429", "401", gone}) {
		alike := map[string]int{} // so far
		for i := range requests {
			if what == gone && requests[i].verb != "WATCH" {
				continue
			}
			alike[requests[i].what()]++
			nth := alike[requests[i].what()]
			if slices.Contains(costly, what) && nth > 1 && nth < all[requests[i].what()] {
				continue
			}
			t.Run(string(what)+"/"+requests[i].String(), func(t *testing.T) {
				t.Parallel()
				sit(t, seatsOf(what == stall))
				sweep(t, s, requests[i], nth, what)
			})
		}
	}
}

// seatsOf bounds how many parts of the sweep are under way. Those that only wait meanwhile have seats of their own.
func seatsOf(waits bool) chan struct{} {
	if waits {
		return stallSeats
	}
	return sweepSeats
}

var (
	sweepSeats = make(chan struct{}, 12)
	stallSeats = make(chan struct{}, 8)
)

// sweep breaks the nth of the requests that are alike. A write whose outcome is not known is resolved by reading; one that was
// refused is told, and what had been created is removed.
func sweep(t *testing.T, s shop, at passage, nth int, what mischief) {
	t.Helper()
	_, kubeconfig := passBy(t, s.cluster, true, &rule{what: what, times: 1, about: func(p passage) bool {
		if p.what() == at.what() {
			nth--
		}
		return p.what() == at.what() && nth == 0
	}})
	if p, _ := whole(s).lived(t, s, s.cluster, kubeconfig, nil); p.code != 0 && at.verb != http.MethodPost {
		t.Errorf("%s at %s: exit code %d, want 0", what, at, p.code)
	}
}

// everyMessage has TestSweepMessages try all that it could. That takes seventeen times as long.
var everyMessage = flag.Bool("every-message", false, "TestSweepMessages: break each watch after every message in every way")

// TestSweepMessages breaks the watches of a good run, when they are open and after their messages: here and there in
// one way or another, or everywhere in every way. How many messages there are differs from run to run.
func TestSweepMessages(t *testing.T) { //nolint:tparallel // the group is awaited so that it is known how many were broken
	t.Parallel()
	s := open(t)
	var brought map[string]int
	t.Run("good", func(t *testing.T) {
		sit(t, otherSeats)
		r, kubeconfig := passBy(t, s.cluster, true)
		whole(s).through(t, s, s.cluster, kubeconfig, nil)
		brought = r.brought()
	})
	var all []breach
	endings, position := []ending{closed, midFrame, expired, silent}, 0
	for _, resource := range slices.Sorted(maps.Keys(brought)) {
		for after := range brought[resource] + 1 {
			for _, how := range endings {
				if *everyMessage || position%(len(endings)*len(endings)+1) == 0 {
					all = append(all, breach{resource: resource, after: after, how: how})
				}
				position++
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("the watches of the good run have brought nothing")
	}
	var broken atomic.Int32
	t.Run("all", func(t *testing.T) {
		for _, at := range all {
			t.Run(at.String(), func(t *testing.T) {
				t.Parallel()
				sit(t, seatsOf(at.how == silent))
				r, kubeconfig := passBy(t, s.cluster, true)
				r.breach = at
				want := whole(s)
				p, claimed := want.lived(t, s, s.cluster, kubeconfig, nil)
				if at.how == silent && strings.Contains(p.text(), "whether it was created is not certain: its answer was lost") {
					want.code, want.claims = 5, nil // the silence has met the create, which is never repeated
				}
				want.ends(p, claimed)
				if r.breached() {
					broken.Add(1)
				}
			})
		}
	})
	t.Logf("the watches brought %v; %d of %d times one brought as many again, and was broken", brought, broken.Load(), len(all))
	if int(broken.Load()) < len(all)/2 {
		t.Errorf("%d of %d watches were broken, want at least half", broken.Load(), len(all))
	}
}

// TestRestarts takes the operator and the API server away for two seconds in every phase. A cluster whose
// API server was away needs long to find its way back, so each gets one of its own. That a run is refused while
// the operator's webhook is away as it connects, TestStoppedServer holds.
func TestRestarts(t *testing.T) {
	t.Parallel()
	s := open(t)
	restart := func(t *testing.T, c *cluster, component string, m moment) {
		t.Helper()
		r, kubeconfig := (*rogue)(nil), c.kubeconfig
		if m.request != "" {
			r, kubeconfig = passBy(t, c, true)
		}
		var away absence
		m.through(t, s, c, r, kubeconfig, func() { away = c.takeAway(t, component, 2*time.Second) })
		<-away.back
	}
	t.Run("seldon-operator", func(t *testing.T) {
		t.Parallel()
		c := ownCluster(t, s, "realistic")
		for _, m := range moments {
			if m.request == "" {
				restart(t, c, "seldon-operator", m)
				webhookAnswers(t, c, "default")
			}
		}
	})
	for phase, m := range moments {
		if phase == "connected" {
			continue // a create that does not arrive is refused, which TestRefusals holds
		}
		t.Run("kube-apiserver/"+phase, func(t *testing.T) {
			t.Parallel()
			restart(t, ownCluster(t, s, "realistic"), "kube-apiserver", m)
		})
	}
}

// TestOldOperators is what older versions of the operator did otherwise. One that makes children again during a
// deletion is left to the simulation: with it not even the cluster can prove itself.
func TestOldOperators(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, flag := range []string{"--operator-no-conditions", "--operator-never-failed"} {
		t.Run(strings.TrimPrefix(flag, "--operator-"), func(t *testing.T) {
			t.Parallel()
			c := ownCluster(t, s, "realistic", flag)
			whole(s).through(t, s, c, c.kubeconfig, nil)
		})
	}
}
