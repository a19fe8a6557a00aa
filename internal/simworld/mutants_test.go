package simworld_test

import (
	"net/http"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// mutant is a deliberate bug: it spoils what one run of the program stands on, or what it is told.
type mutant struct {
	name  string
	spoil func(*ops.Deps, *ops.RunRequest, http.RoundTripper)
}

// mutants are the deliberate bugs that the oracles must find. They are put into what goes in and out
// of the program, not into its code: an object that lies about its observedGeneration is to the
// judge what a judge that does not look at it is to the object.
func mutants() []*mutant {
	objects := func(name string, change func(*lens)) *mutant {
		return &mutant{name, func(d *ops.Deps, _ *ops.RunRequest, wire http.RoundTripper) {
			l := &lens{Cluster: d.Cluster, wire: wire}
			change(l)
			d.Cluster = l
		}}
	}
	return []*mutant{
		objects("trust state", func(l *lens) { l.each, l.hide = rolledOut, "Pod" }),
		{"skip seen", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) {
			d.Cluster = &lens{Cluster: d.Cluster, each: dateStatus}
			d.Engine = leafless{d.Engine, func(*unstructured.Unstructured) bool { return true }, 0}
		}},
		objects("skip the confirming read", func(l *lens) { l.remember = true }),
		objects("skip observedGeneration", func(l *lens) { l.each = observed }),
		objects("ignore UID", func(l *lens) { l.oneRoot = true }),
		objects("ignore surplus pods", func(l *lens) { l.drop = leavingPod }),
		objects("label value instead of owner", func(l *lens) { l.drop = otherLabel }),
		objects("failed at once", func(l *lens) { l.each = hopeless }),
		objects("delete without UID", func(l *lens) { l.anyUID = true }),
		objects("repeat a create", func(l *lens) { l.again = true }),
		objects("miss deletions", func(l *lens) { l.missing = true }),
		objects("lose the limit", func(l *lens) { l.endless = true }),
		{"first Deployment only", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) { blinker(d, firstOnly) }},
		{"an empty set counts", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) { blinker(d, nothing) }},
		{"never Failed", func(_ *ops.Deps, r *ops.RunRequest, _ http.RoundTripper) { r.FailFast = false }},
		{"require Available at 0", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) { d.Engine = glasses{d.Engine, anyNumber} }},
	}
}

func mutantNamed(t *testing.T, name string) *mutant {
	t.Helper()
	for _, m := range slices.Concat(mutants(), freshMutants(), proofMutants()) {
		if m.name == name {
			return m
		}
	}
	if name != "" {
		t.Fatalf("there is no mutant %q", name)
	}
	return nil
}

// TestMutants proves that the oracles bite: each deliberate bug is found within 2,000 histories.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("the bugs are not looked for with -short")
	}
	shapes := shapes(t)
	for _, m := range slices.Concat(mutants(), freshMutants(), proofMutants()) {
		t.Run(m.name, func(t *testing.T) {
			found := live(t, shapes, 1, 2000, m, 1)
			if len(found) == 0 {
				t.Fatal("2,000 histories did not find it")
			}
			t.Logf("found by %s", found[0])
		})
	}
}

// glasses is an engine that reads specs wrongly.
type glasses struct {
	engine.Engine
	read func(engine.Implied) engine.Implied
}

// anyNumber reads for a part that is meant to be at 0 that somebody else may move it.
func anyNumber(i engine.Implied) engine.Implied {
	for n := range i.Workloads {
		if r := i.Workloads[n].Replicas; r != nil && *r == 0 {
			i.Workloads[n].Replicas, i.Workloads[n].Autoscaled = nil, &engine.Autoscaled{Min: 1, Max: 1}
		}
	}
	return i
}

// blinker narrows what an engine implies and hides the Deployments that are then not implied.
func blinker(d *ops.Deps, narrow func(engine.Implied) (engine.Implied, []string)) {
	hidden := map[string]bool{}
	l := &lens{Cluster: d.Cluster, drop: nil}
	l.hidden = func(name string) bool { return hidden[name] }
	d.Cluster = l
	d.Engine = glasses{d.Engine, func(i engine.Implied) engine.Implied {
		narrowed, hide := narrow(i)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, name := range hide {
			hidden[name] = true
		}
		if len(narrowed.Workloads) == 1 && narrowed.Workloads[0].Names[0] == nobody {
			l.invent = true
		}
		return narrowed
	}}
}

func firstOnly(i engine.Implied) (engine.Implied, []string) {
	if len(i.Workloads) < 2 {
		return i, nil
	}
	var hide []string
	for _, w := range i.Workloads[1:] {
		hide = append(hide, w.Names...)
	}
	i.Workloads = i.Workloads[:1]
	return i, hide
}

// nobody is the name of a Deployment that nobody has made.
const nobody = "nobody"

func nothing(i engine.Implied) (engine.Implied, []string) {
	var hide []string
	for _, w := range i.Workloads {
		hide = append(hide, w.Names...)
	}
	var zero int32
	i.Workloads = []engine.Workload{{Role: engine.Component, Names: []string{nobody}, Replicas: &zero}}
	return i, hide
}
