//go:build integration

package integration

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// asking is a command that asks the API server, and how long it may take whatever the API server does.
type asking struct {
	args string // $NAME.yaml stands for the path of a manifest, $SECRET for one of a Secret
	most time.Duration
	// present is the manifest of the object that it is about where that has to be there.
	present string
	// waits is what it says when it has begun to wait; a command without waits looks once.
	waits string
	// endless goes on until it is interrupted.
	endless bool
	// held keeps the object from going while it is waited for.
	held bool
	// claims is how many goals it has reached rightly when it waits, so that it is a later moment of what is begun elsewhere.
	claims int
	// once needs one answer only.
	once bool
}

var askings = map[string]asking{
	"run":                    {args: "run -f $never-ready.yaml --timeout 10s --deadline 12s", most: 12 * time.Second, waits: `phase +available: `},
	"run with a Secret":      {args: "run -f $SECRET -f $never-ready.yaml --timeout 10s --deadline 12s", most: 12 * time.Second, waits: `phase +available: `},
	"run, scaling":           {args: "run -f $realistic.yaml --timeout 40s --deadline 60s", most: 60 * time.Second, waits: `phase +scaled: `, claims: 1},
	"run, deleting":          {args: "run -f $realistic.yaml --timeout 40s --deadline 60s", most: 60 * time.Second, waits: `phase +gone: `, claims: 2},
	"apply":                  {args: "apply -f $never-ready.yaml --timeout 10s", most: 10 * time.Second, waits: `phase +available: `},
	"wait":                   {args: "wait never-ready --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `phase +available: `},
	"wait for its absence":   {args: "wait never-ready --for=deleted --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `phase +gone: `},
	"scale":                  {args: "scale never-ready -r 2 --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `phase +scaled: `},
	"delete":                 {args: "delete never-ready --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `phase +gone: `, held: true},
	"delete what a run left": {args: "delete --run absent --timeout 10s", most: 10 * time.Second},
	"status":                 {args: "status --timeout 10s", most: 10 * time.Second, once: true},
	"status -w":              {args: "status never-ready -w --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `Deployment never-ready-main-0-clf: 0 of 1 ready`, endless: true},
	"events":                 {args: "events never-ready --timeout 10s", most: 10 * time.Second, present: "never-ready"},
	"events -w":              {args: "events never-ready -w --timeout 10s", most: 10 * time.Second, present: "never-ready", waits: `CreateDeployment`, endless: true},
	"diff":                   {args: "diff -f $never-ready.yaml --timeout 10s", most: 10 * time.Second},
	"check":                  {args: "check -f $never-ready.yaml --timeout 10s", most: 10 * time.Second},
}

const (
	// late is by how much a command may pass its limit, promise 3 of the design.
	late = time.Second
	// setOut is what the start of a process may take on top where the processors are busy.
	setOut = 8 * time.Second
)

// What a command says that could not do its work: nobody listens; the API server does not answer; or, where that
// need not be known before the limit, that the limit has ended the wait; or what it could not find out.
var (
	refused = regexp.MustCompile(`(?m)(FAILED|problem|^seldonctl:).*cannot reach the API server: .*connection refused`)
	blames  = regexp.MustCompile(`(?m)(FAILED|problem|^seldonctl:).*(the API server|API server +it answered at first)`)
	givesUp = regexp.MustCompile(`(?m)FAILED +(not (available|scaled|gone) after \d+\.\d s|.*the API server)`)
)

// quietSeats are of tests that wait for nothing to happen, so that many can.
var quietSeats = make(chan struct{}, 20)

// begin starts a command in a namespace.
func (a asking) begin(t *testing.T, s shop, kubeconfig, namespace string) trial {
	t.Helper()
	args := strings.Fields(a.args + " -n " + namespace)
	for i, arg := range args {
		switch {
		case arg == "$SECRET":
			args[i] = secret(t)
		case strings.HasPrefix(arg, "$"):
			args[i] = s.manifest(arg[1:])
		}
	}
	command := exec.Command(s.seldonctl, args...)
	command.Env = environment(kubeconfig)
	return startCommand(t, command, nil)
}

// endsInTime checks the end of a command that gets no answers.
func (a asking) endsInTime(t *testing.T, p trial, codes string, says *regexp.Regexp) {
	t.Helper()
	code, err := p.end()
	if err != nil {
		t.Fatal(err)
	}
	leaves := code == 10 && strings.Contains(a.args, "$SECRET") // what is lent is deleted last, and may be left
	if !leaves && !strings.Contains(codes, string(rune('0'+code))) {
		t.Errorf("it ended with %d, want one of %s", code, codes)
	}
	if took := p.ended.Sub(p.began); took > a.most+late+setOut {
		t.Errorf("it took %s, want at most %s and %s, and %s to begin", took, a.most, late, setOut)
	}
	if text := p.text() + p.stderr.String(); !says.MatchString(text) {
		t.Errorf("it does not say why, which would match %s", says)
	} else if n := strings.Count(text, "  OK  "); n != a.claims {
		t.Errorf("it claims %d goals, want %d", n, a.claims)
	}
}

// TestUnanswered lets every command ask an API server that is not there, that takes connections and says
// nothing, and that stops answering after some requests.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	s := open(t)
	closedPort := otherServer(t, s.cluster, "https://127.0.0.1:1")
	for name, a := range askings {
		if a.claims > 0 {
			continue
		}
		t.Run(name+"/nobody listens", func(t *testing.T) {
			t.Parallel()
			sit(t, quietSeats)
			a.endsInTime(t, a.begin(t, s, closedPort, "default"), "5", refused)
		})
		t.Run(name+"/no answer at all", func(t *testing.T) {
			t.Parallel()
			sit(t, quietSeats)
			kubeconfig, _ := deafServer(t, s.cluster)
			a.endsInTime(t, a.begin(t, s, kubeconfig, "default"), "5", blames)
		})
		if a.once {
			continue
		}
		t.Run(name+"/no second answer", func(t *testing.T) {
			t.Parallel()
			sit(t, quietSeats)
			namespace := s.own(t)
			a.prepare(t, s, namespace)
			r, kubeconfig := passBy(t, s.cluster, true)
			var asked atomic.Int32
			r.edit = func(q *http.Request) *http.Response {
				if asked.Add(1) > 1 {
					<-q.Context().Done()
				}
				return nil
			}
			p := a.begin(t, s, kubeconfig, namespace)
			a.endsInTime(t, p, "56", blames)
		})
	}
}

// TestSilenced takes the API server away from commands while they wait, in both ways in which that happens:
// nobody listens any more, or nothing arrives any more and nobody says so.
func TestSilenced(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, a := range askings {
		if a.waits == "" {
			continue
		}
		for how, away := range map[string]struct {
			stop func(*wire)
			says *regexp.Regexp
		}{"cut": {(*wire).cut, blames}, "silent": {(*wire).silence, givesUp}} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				namespace := s.own(t)
				a.prepare(t, s, namespace)
				w, kubeconfig := wireTo(t, s.cluster)
				p := a.begin(t, s, kubeconfig, namespace)
				p.await(a.waits)
				away.stop(w)
				if !a.endless {
					a.endsInTime(t, p, "56", away.says)
					return
				}
				at := p.signal(syscall.SIGINT)
				if code, err := p.end(); err != nil || code != 130 {
					t.Errorf("it ended with %d (%v), want 130", code, err)
				}
				if took := p.ended.Sub(at); took > late+setOut {
					t.Errorf("it ended %s after the signal, want at most %s", took, late)
				}
			})
		}
	}
}

// prepare makes what a command is about.
func (a asking) prepare(t *testing.T, s shop, namespace string) {
	t.Helper()
	if a.present == "" {
		return
	}
	s.make(t, namespace, a.present)
	if err := s.until(t.Context(), resources["deployments"], namespace, a.present+"-main-0-clf", exists); err != nil {
		t.Fatal(err)
	}
	if a.held {
		s.hold(t, "seldondeployments", namespace, a.present)
	}
}

// wire leads to the API server and can be made silent or cut. It passes bytes on and knows nothing of what
// they mean.
type wire struct {
	lines  *lines
	silent atomic.Bool
}

// wireTo lays a wire to a cluster and returns the kubeconfig that leads through it.
func wireTo(t *testing.T, c *cluster) (*wire, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{lines: &lines{Listener: listener}}
	t.Cleanup(w.cut)
	go func() {
		for {
			here, err := w.lines.Accept()
			if err != nil {
				return
			}
			if w.silent.Load() {
				continue // it stays open, and nobody reads it
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(c.config.Host, "https://"))
			if err != nil {
				_ = here.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close()
			}
			go pass(here, there)
			go pass(there, here)
		}
	}()
	return w, otherServer(t, c, "https://"+listener.Addr().String())
}

// silence lets nothing pass any more, in new connections neither.
func (w *wire) silence() {
	w.silent.Store(true)
	w.lines.freeze()
}

// cut ends all connections and takes no new ones.
func (w *wire) cut() {
	_ = w.lines.Close()
	w.lines.cut()
}
