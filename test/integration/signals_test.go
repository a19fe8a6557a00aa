//go:build integration

package integration

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// The signals that end a run politely, with their exit codes.
var signals = map[string]struct {
	signal syscall.Signal
	code   int
}{
	"SIGINT":  {syscall.SIGINT, 130},
	"SIGTERM": {syscall.SIGTERM, 143},
}

// phases are the moments of a run from its creation on, by the line after which they have begun.
var phases = map[string]string{
	"available": `phase +available: `,
	"pods":      `state +Deployment/.* 0 of 1 ready`,
	"scaled":    `phase +scaled: `,
	"gone":      `phase +gone: `,
}

// promptly is how soon after a signal the DELETE must have reached the API server.
const promptly = time.Second

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, by := range signals {
		for phase, begins := range phases {
			t.Run(name+"/"+phase, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				namespace := s.own(t)
				p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
				p.await(begins)
				at := p.signal(by.signal)
				p.exits(by.code)
				s.mustBeEmpty(t, namespace)
				deletions := s.deletions(t, namespace)
				if len(deletions) != 1 {
					t.Fatalf("the API server was sent %d DELETEs, want 1", len(deletions))
				}
				if after := deletions[0].Received.Sub(at); after > promptly {
					t.Errorf("the DELETE came %s after the signal, want at most %s", after, promptly)
				}
			})
		}
		t.Run(name+"/before-anything-was-answered", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			kubeconfig, arrived := deafServer(t, s.cluster)
			command := exec.Command(s.seldonctl, "run", "-f", s.manifest("realistic.yaml"))
			command.Env = environment(kubeconfig)
			p := startCommand(t, command, nil)
			<-arrived
			mustEndSoon(p, p.signal(by.signal), by.code)
		})
		t.Run(name+"/while-the-manifest-is-read", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			interruptAtManifest(t, s, by.signal, by.code)
		})
		t.Run(name+"/while-creating", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			held := detainCreations(t, s.cluster, namespace)
			p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
			<-held.arrived
			mustEndSoon(p, p.signal(by.signal), by.code)
			held.release()
			s.mustBeEmpty(t, namespace)
		})
		t.Run(name+"/just-before-the-creation-is-answered", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			held := detainCreations(t, s.cluster, namespace)
			p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
			<-held.arrived
			p.signal(by.signal)
			held.release()
			p.exits(by.code)
			s.mustBeEmpty(t, namespace)
		})
	}
}

// mustEndSoon checks that a run that has created nothing ends within two seconds of the signal: a request
// that is under way gets half a second to be answered.
func mustEndSoon(p trial, at time.Time, code int) {
	p.t.Helper()
	p.exits(code)
	if took := p.ended.Sub(at); took > 2*time.Second {
		p.t.Errorf("it ended %s after the signal although there was nothing to remove", took)
	}
}

func interruptAtManifest(t *testing.T, s shop, signal syscall.Signal, code int) {
	t.Helper()
	command := exec.Command(s.seldonctl, "run", "-f", "-")
	command.Env = environment(s.kubeconfig)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startCommand(t, command, nil)
	// More than a pipe holds: once it is written, the program reads.
	if _, err := stdin.Write([]byte(strings.Repeat("# a manifest that never ends\n", 8192))); err != nil {
		t.Fatal(err)
	}
	at := p.signal(signal)
	ended := p.until(2*time.Second, func() bool { return p.done })
	_ = stdin.Close()
	if !ended {
		t.Fatal("it goes on waiting for the manifest after the signal")
	}
	if got, err := p.end(); err != nil || got != code {
		t.Errorf("it ended with %d (%v) %s after the signal, want %d", got, err, p.ended.Sub(at), code)
	}
}

// A second Ctrl-C ends the waiting for the end of the cleanup, and the command that cleans up is told.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
	p.await(`phase +available: `)
	if err := s.finalize(t.Context(), "seldondeployments", namespace, "realistic", "test.seldonctl/hold"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGINT)
	p.await(`phase +cleanup: `)
	mustEndSoon(p, p.signal(syscall.SIGINT), 130)
	command := regexp.MustCompile(`next: seldonctl delete realistic -n ` + namespace + ` --run [a-z0-9]+\n`)
	if !command.MatchString(p.text()) {
		t.Error("the command that cleans up is not told")
	}
	if err := s.finalize(t.Context(), "seldondeployments", namespace, "realistic", ""); err != nil {
		t.Fatal(err)
	}
}

// What a killed run leaves is the object that it has labelled and what that owns; deleting by the label
// removes all of it.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, begins := range phases {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
			p.await(begins)
			p.kill()
			_, _ = p.end()
			run := regexp.MustCompile(`labelled seldonctl/run=([a-z0-9]+)`).FindStringSubmatch(p.text())
			if run == nil {
				t.Fatal("the run has not told its label")
			}
			mustBeOwned(t, s, namespace, run[1])
			removeRun(t, s, namespace, run[1], phase == "gone")
		})
	}
	t.Run("while-creating", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		held := detainCreations(t, s.cluster, namespace)
		p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
		<-held.arrived
		p.kill()
		_, _ = p.end()
		held.release()
		mustBeOwned(t, s, namespace, "")
	})
}

// mustBeOwned checks that all that there is, is the labelled SeldonDeployment or owned by it. An owner is
// looked for before and after: the kinds are listed one by one while the tree goes on growing or going.
func mustBeOwned(t *testing.T, s shop, namespace, run string) {
	t.Helper()
	var looks [3][]unstructured.Unstructured
	for i := range looks {
		var err error
		if looks[i], err = s.left(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	known := slices.Concat(looks[:]...)
	ours := map[types.UID]bool{}
	for range known { // the tree is not deeper than it has objects
		for _, o := range known {
			label := o.GetLabels()["seldonctl/run"]
			root := o.GetKind() == "SeldonDeployment" && label != "" && (label == run || run == "")
			owner := metav1.GetControllerOf(&o)
			ours[o.GetUID()] = root || owner != nil && ours[owner.UID]
		}
	}
	for _, o := range looks[1] {
		if !ours[o.GetUID()] {
			t.Errorf("left is %s/%s, which belongs to nobody", o.GetKind(), o.GetName())
		}
	}
}

// removeRun does what the command that a run prints does, and waits until nothing is left.
func removeRun(t *testing.T, s shop, namespace, run string, mayBeGone bool) {
	t.Helper()
	foreground := metav1.DeletePropagationForeground
	roots := s.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace)
	err := roots.DeleteCollection(t.Context(), metav1.DeleteOptions{PropagationPolicy: &foreground}, metav1.ListOptions{LabelSelector: "seldonctl/run=" + run})
	if err != nil {
		t.Fatal(err)
	}
	list, err := roots.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) == 0 && !mayBeGone {
		t.Error("the labelled object was gone at once")
	}
	for _, o := range list.Items {
		if err := s.until(t.Context(), resources["seldondeployments"], namespace, o.GetName(), absent); err != nil {
			t.Fatal(err)
		}
	}
	s.mustBeEmpty(t, namespace)
}
