//go:build integration

package integration

import (
	"io"
	"log"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// through takes the plainest recorded model through its life by way of a proxy, with the independent
// witness on the API server itself. during is called when a line says that something has begun.
func through(t *testing.T, s shop, c *cluster, kubeconfig string, code int, during map[string]func()) trial {
	t.Helper()
	namespace := c.own(t)
	w := watchNamespace(t, c, namespace)
	var made []claim
	note := claims(t, w, &made)
	told := map[string]bool{}
	command := exec.Command(s.seldonctl, "run", "-f", s.recorded("01-single-model.yaml"), "-n", namespace, "-r", "3")
	command.Env = environment(kubeconfig)
	p := startCommand(t, command, func(l line) {
		note(l)
		for begins, act := range during {
			if strings.Contains(l.text, begins) && !told[begins] {
				told[begins] = true
				act()
			}
		}
	})
	p.exits(code)
	var claimed []string
	if len(made) > 0 {
		recorded, history := readRecording(t, s.recorded("01-single-model.json")), w.history(t)
		for _, one := range made {
			claimed = append(claimed, one.what)
			checkClaim(t, history, one, recorded)
		}
	}
	if want := []string{"available", "scaled", "gone"}; code == 0 && !slices.Equal(claimed, want) {
		t.Errorf("it claimed %v, want %v", claimed, want)
	}
	for begins := range during {
		if !told[begins] {
			t.Errorf("no line said %q, so that nothing was tried", begins)
		}
	}
	c.mustBeEmpty(t, namespace)
	return p
}

// moments are the lines with which the phases of a run begin in which something can go wrong.
var moments = map[string]string{"available": "phase    available", "scaled": "phase    scaled", "gone": "phase    gone"}

// TestWatchesEnd ends all watches in every phase, in every way in which an API server or a proxy does.
func TestWatchesEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, begins := range moments {
		for _, how := range []ending{closed, midFrame, expired} {
			t.Run(phase+"/"+string(how), func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				r, kubeconfig := passBy(t, s.cluster, true)
				through(t, s, s.cluster, kubeconfig, 0, map[string]func(){begins: func() {
					if r.endWatches("", how) == 0 {
						t.Error("there was no watch to end")
					}
				}})
			})
		}
	}
}

// healed is how long a silently dead connection may go unnoticed, by DESIGN's promise.
const healed = 20 * time.Second

// TestHalfOpen freezes every connection in every phase: nothing arrives any more, and nobody says so.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, begins := range moments {
		for protocol, http2 := range map[string]bool{"HTTP2": true, "HTTP1": false} {
			t.Run(phase+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				r, kubeconfig := passBy(t, s.cluster, http2)
				var frozenAt time.Time
				p := through(t, s, s.cluster, kubeconfig, 0, map[string]func(){begins: func() {
					frozenAt = time.Now()
					r.lines.freeze()
				}})
				const slow = 5 * time.Second // the machine's part
				notices := regexp.MustCompile(`warning +the watch of|OK +` + phase)
				first := slices.IndexFunc(p.lines, func(l line) bool { return notices.MatchString(l.text) }) // it has ended, so that all lines are there
				if first < 0 || p.lines[first].at.Sub(frozenAt) > healed+slow {
					t.Error("nothing was noticed in time")
				}
				reached := p.await(`OK +` + phase)
				took := reached.at.Sub(frozenAt)
				t.Logf("%s was said %s after the connections froze", phase, took.Round(100*time.Millisecond))
				const world = 60 * time.Second // far more than these pods take, and far less than the limit that ends the wait otherwise
				if took > healed+world {
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
			code := 0
			if name == "the create does not arrive" {
				code = 5 // nothing was created, and a create is never repeated
			}
			through(t, s, s.cluster, kubeconfig, code, nil)
		})
	}
	t.Run("the credentials are not accepted any more", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		_, kubeconfig := passBy(t, s.cluster, true, &rule{about: func(passage) bool { return true }, what: "401", times: 1000})
		through(t, s, s.cluster, kubeconfig, 4, nil)
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
	through(t, s, s.cluster, kubeconfig, 0, nil)
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
	through(t, s, s.cluster, kubeconfig, 0, nil)
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
				sit(t, seatsOf(what))
				sweep(t, s, requests[i], nth, what)
			})
		}
	}
}

// seatsOf bounds how many parts of the sweep are under way. Those that are stalled only wait meanwhile.
func seatsOf(what mischief) chan struct{} {
	if what == stall {
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
	namespace := s.own(t)
	w := watchNamespace(t, s.cluster, namespace)
	var made []claim
	command := exec.Command(s.seldonctl, "run", "-f", s.recorded("01-single-model.yaml"), "-n", namespace, "-r", "3")
	command.Env = environment(kubeconfig)
	p := startCommand(t, command, claims(t, w, &made))
	code, err := p.end()
	if err != nil {
		t.Fatal(err)
	}
	if code != 0 && at.verb != http.MethodPost {
		t.Errorf("%s at %s: exit code %d, want 0", what, at, code)
	}
	recorded := readRecording(t, s.recorded("01-single-model.json"))
	if len(made) > 0 {
		history := w.history(t)
		for _, one := range made {
			checkClaim(t, history, one, recorded)
		}
	}
	s.mustBeEmpty(t, namespace)
}

// TestRestarts takes the operator and the API server away for two seconds in every phase. A cluster whose
// API server was away needs long to find its way back, so each gets one of its own.
func TestRestarts(t *testing.T) {
	t.Parallel()
	s := open(t)
	restart := func(t *testing.T, c *cluster, component, begins string) {
		t.Helper()
		var away absence
		through(t, s, c, c.kubeconfig, 0, map[string]func(){begins: func() { away = c.takeAway(t, component, 2*time.Second) }})
		<-away.back
	}
	t.Run("seldon-operator", func(t *testing.T) {
		t.Parallel()
		c := ownCluster(t, s, "realistic")
		for _, begins := range moments {
			restart(t, c, "seldon-operator", begins)
			webhookAnswers(t, c, "default")
		}
	})
	for phase, begins := range moments {
		t.Run("kube-apiserver/"+phase, func(t *testing.T) {
			t.Parallel()
			restart(t, ownCluster(t, s, "realistic"), "kube-apiserver", begins)
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
			through(t, s, c, c.kubeconfig, 0, nil)
		})
	}
}
