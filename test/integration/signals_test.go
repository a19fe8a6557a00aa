//go:build integration

package integration

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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

// phases are the moments of a run from its creation on, by the line after which they have begun, with the
// manifest of a model that surely comes to them.
var phases = map[string]struct{ manifest, begins string }{
	"available": {"realistic.yaml", `phase +available: `},
	"pods":      {"never-ready.yaml", `state +Deployment/.* 0 of 1 ready`},
	"scaled":    {"realistic.yaml", `phase +scaled: `},
	"gone":      {"realistic.yaml", `phase +gone: `},
}

// promptly is how soon after a signal the DELETE must have reached the API server, or the program ended where there is
// nothing to delete. That it is within a second holds on virtual time, in the simulation; here it is far less
// than the limit of a wait.
const promptly = 10 * time.Second

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, by := range signals {
		for phase, in := range phases {
			t.Run(name+"/"+phase, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				namespace := s.own(t)
				p := start(t, s, s.cluster, nil, "run", "-f", s.manifest(in.manifest), "-n", namespace)
				p.await(in.begins)
				at := p.signal(by.signal)
				p.exits(by.code)
				s.becomesEmpty(t, namespace)
				most := 1
				if phase == "gone" {
					most = 2 // The signal may come before that of the phase is answered.
				}
				deletions := s.deletions(t, namespace)
				if len(deletions) < 1 || len(deletions) > most {
					t.Fatalf("the API server was sent %d DELETEs, want at least 1 and at most %d", len(deletions), most)
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
			arrives(t, arrived)
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
			arrives(t, held.arrived)
			mustEndSoon(p, p.signal(by.signal), by.code)
			held.release()
			s.becomesEmpty(t, namespace)
		})
		t.Run(name+"/just-before-the-creation-is-answered", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			held := detainCreations(t, s.cluster, namespace)
			p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
			arrives(t, held.arrived)
			p.signal(by.signal)
			held.release()
			p.exits(by.code)
			s.becomesEmpty(t, namespace)
		})
	}
}

// mustEndSoon checks that a run that has created nothing ends soon after the signal: a request that is under way
// gets half a second to be answered.
func mustEndSoon(p trial, at time.Time, code int) {
	p.t.Helper()
	p.exits(code)
	if took := p.ended.Sub(at); took > promptly {
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
	ended := p.until(promptly, func() bool { return p.done })
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

// What a killed run leaves is the objects that it has labelled and what those own; deleting by the label removes
// all of it and leaves a bystander alone.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := open(t)
	for phase, in := range phases {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			by := s.bystander(t, namespace)
			p := start(t, s, s.cluster, nil, "run", "-f", secret(t), "-f", s.manifest(in.manifest), "-n", namespace)
			p.await(in.begins)
			p.kill()
			_, _ = p.end()
			run := labelOf(t, p)
			by.mustBeOwned(t, run)
			by.removeRun(t, run)
		})
	}
	t.Run("while-creating", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		by := s.bystander(t, namespace)
		held := detainCreations(t, s.cluster, namespace)
		p := start(t, s, s.cluster, nil, "run", "-f", secret(t), "-f", s.manifest("realistic.yaml"), "-n", namespace)
		arrives(t, held.arrived)
		p.kill()
		_, _ = p.end()
		arrives(t, held.dropped)
		held.release()
		by.mustBeOwned(t, "")
		by.removeRun(t, labelOf(t, p))
	})
	t.Run("before-anything-was-created", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		by := s.bystander(t, namespace)
		held := detainCreations(t, s.cluster, namespace)
		p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
		arrives(t, held.arrived)
		p.kill()
		_, _ = p.end()
		arrives(t, held.dropped)
		held.release()
		by.mustBeOwned(t, "")
		by.nothingOf(t, "x7k2p9qd")
	})
}

// labelOf returns the label that a run has told.
func labelOf(t *testing.T, p trial) string {
	t.Helper()
	run := regexp.MustCompile(`labelled seldonctl/run=([a-z0-9]+)`).FindStringSubmatch(p.text())
	if run == nil {
		t.Fatal("the run has not told its label")
	}
	return run[1]
}

// bystander is a SeldonDeployment with its tree, and a Secret, that no run has made.
type bystander struct {
	s         shop
	namespace string
	objects   map[types.UID]string // its whole tree, with the generations
}

func (s shop) bystander(t *testing.T, namespace string) bystander {
	t.Helper()
	b := bystander{s: s, namespace: namespace, objects: map[types.UID]string{}}
	s.make(t, namespace, "model", func(o *unstructured.Unstructured) { o.SetName("bystander") })
	start(t, s, s.cluster, nil, "wait", "bystander", "-n", namespace).exits(0)
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "bystander"}}
	if _, err := s.kube.CoreV1().Secrets(namespace).Create(t.Context(), mine, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, o := range b.left(t) {
		b.objects[o.GetUID()] = identity(o)
	}
	return b
}

// identity says which object it is and that nobody has changed what it shall be.
func identity(o unstructured.Unstructured) string {
	return fmt.Sprintf("%s/%s, generation %d, deleted %v", o.GetKind(), o.GetName(), o.GetGeneration(), o.GetDeletionTimestamp())
}

// left returns all that the namespace holds, the Secrets included.
func (b bystander) left(t *testing.T) []unstructured.Unstructured {
	t.Helper()
	all, err := b.s.left(t.Context(), b.namespace)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := b.s.dynamic.Resource(others["secrets"]).Namespace(b.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return append(all, secrets.Items...)
}

// mustBeOwned checks that all that there is besides, is labelled or owned by what is. An owner is looked for before and
// after: the kinds are listed one by one while the tree goes on growing or going.
func (b bystander) mustBeOwned(t *testing.T, run string) {
	t.Helper()
	var looks [3][]unstructured.Unstructured
	for i := range looks {
		looks[i] = b.left(t)
	}
	known := slices.Concat(looks[:]...)
	ours := map[types.UID]bool{}
	for range known { // the tree is not deeper than it has objects
		for _, o := range known {
			label := o.GetLabels()["seldonctl/run"]
			root := label != "" && (label == run || run == "")
			owner := metav1.GetControllerOf(&o)
			ours[o.GetUID()] = root || owner != nil && ours[owner.UID]
		}
	}
	for _, o := range looks[1] {
		if !ours[o.GetUID()] && b.objects[o.GetUID()] == "" {
			t.Errorf("left is %s/%s, which belongs to nobody", o.GetKind(), o.GetName())
		}
	}
}

// removeRun deletes what a run has left, after which there is nothing more of it to delete.
func (b bystander) removeRun(t *testing.T, run string) {
	t.Helper()
	p := start(t, b.s, b.s.cluster, nil, "delete", "--run", run, "-n", b.namespace, "--yes")
	p.exits(0)
	p.await(`OK +gone: .*Secret/creds`)
	b.mustBeAlone(t)
	b.nothingOf(t, run)
}

// nothingOf checks that it is said that there is nothing that a run has made.
func (b bystander) nothingOf(t *testing.T, run string) {
	t.Helper()
	p := start(t, b.s, b.s.cluster, nil, "delete", "--run", run, "-n", b.namespace)
	p.exits(7)
	p.await(`FAILED +nothing that run ` + run + ` has made is in namespace ` + b.namespace)
	start(t, b.s, b.s.cluster, nil, "delete", "--run", run, "-n", b.namespace, "--ignore-not-found").exits(0)
	b.mustBeAlone(t)
}

// mustBeAlone checks that at this moment the namespace holds the bystander as it was, and nothing else.
func (b bystander) mustBeAlone(t *testing.T) {
	t.Helper()
	left := map[types.UID]string{}
	for _, o := range b.left(t) {
		left[o.GetUID()] = identity(o)
	}
	if !maps.Equal(left, b.objects) {
		t.Errorf("left is %v, want %v", left, b.objects)
	}
}
