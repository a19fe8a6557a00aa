package simseldon_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

const recordings = "../../testdata/recorded"

func shapes(t *testing.T) []recorded.Shape {
	t.Helper()
	all, err := recorded.Load(recordings)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 29 {
		t.Fatalf("got %d recordings, want 29", len(all))
	}
	return all
}

// TestRecordedShapes takes every recorded manifest through the life that the real operator's recording shows: created, pods ready, scaled to 3.
func TestRecordedShapes(t *testing.T) {
	for _, shape := range shapes(t) {
		t.Run(shape.Name, func(t *testing.T) {
			c := newCluster(t, shape.Manifest, simseldon.Switches{})
			c.rest()
			c.roll(false)
			c.rest()
			c.roll(true)
			c.rest()
			if diff := cmp.Diff(shape.Created.Children, c.children()); diff != "" {
				t.Errorf("children (-recorded +model):\n%s", diff)
			}
			if diff := cmp.Diff(shape.Created.Status, recorded.Status(c.world.Root)); diff != "" {
				t.Errorf("status (-recorded +model):\n%s", diff)
			}
			scale(t, c, shape)
			if diff := cmp.Diff(expectedEvents(shape), events(c)); diff != "" {
				t.Errorf("events (-recorded +model):\n%s", diff)
			}
		})
	}
}

// scale applies the original rule and compares replicas, restarts and where the status ends.
func scale(t *testing.T, c *cluster, shape recorded.Shape) {
	t.Helper()
	before := c.state()
	clear(c.restarted)
	root := c.world.Root.DeepCopy()
	if err := recorded.ScaleTo(root, 3); err != nil {
		t.Fatal(err)
	}
	c.world.Root = root
	c.pass()
	want := before
	if len(shape.Scaled.NewReplicaSets) > 0 {
		want = "Creating" // a changed template is noticed in the same pass, a changed number is not
	}
	if got := c.state(); got != want {
		t.Errorf("state in the pass that scales: got %s, want %s", got, want)
	}
	c.rest()
	c.roll(true)
	c.rest()
	replicas := map[string]int32{}
	for _, d := range c.world.Deployments {
		replicas["Deployment/"+d.Name] = *d.Spec.Replicas
	}
	var restarted []string
	for name := range c.restarted {
		restarted = append(restarted, name)
	}
	got := recorded.Scaled{Replicas: replicas, NewReplicaSets: restarted, State: c.state(), StatusReplicas: statusReplicas(c)}
	if diff := cmp.Diff(shape.Scaled, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("scaled to 3 (-recorded +model):\n%s", diff)
	}
}

func statusReplicas(c *cluster) *int32 {
	n, there := recorded.Status(c.world.Root)["replicas"].(float64)
	if !there {
		return nil
	}
	out := int32(n)
	return &out
}

// expectedEvents leaves out conflicts, which only a stale read makes.
func expectedEvents(shape recorded.Shape) []string {
	var out []string
	for _, e := range shape.Events {
		if !strings.Contains(e[2], "the object has been modified") {
			out = append(out, strings.Join(e[:3], " "))
		}
	}
	slices.Sort(out)
	return out
}

func events(c *cluster) []string {
	var out []string
	for e := range c.events {
		out = append(out, strings.Join([]string{e.Type, e.Reason, e.Message}, " "))
	}
	slices.Sort(out)
	return out
}

// TestRestIsRest: once nothing changes, a pass writes nothing, whatever order objects are read in.
func TestRestIsRest(t *testing.T) {
	for _, shape := range shapes(t) {
		t.Run(shape.Name, func(t *testing.T) {
			c := newCluster(t, shape.Manifest, simseldon.Switches{})
			c.rest()
			c.roll(true)
			c.rest()
			slices.Reverse(c.world.Deployments)
			slices.Reverse(c.world.Services)
			if c.pass() {
				t.Errorf("a pass at rest changed something")
			}
		})
	}
}

// TestFirstConditions compares the first status that was seen with one of the model's first two.
func TestFirstConditions(t *testing.T) {
	for _, shape := range shapes(t) {
		t.Run(shape.Name, func(t *testing.T) {
			if shape.Life[0].State == "" || shape.Life[0].Replicas != nil {
				t.Skip("the watch began later")
			}
			c := newCluster(t, shape.Manifest, simseldon.Switches{})
			var seen []map[string]string
			for _, step := range []func(){func() {}, func() { c.rest() }, func() { c.roll(false) }, func() { c.rest() }} {
				step()
				c.pass()
				seen = append(seen, conditions(c))
			}
			if !slices.ContainsFunc(seen, func(got map[string]string) bool { return cmp.Equal(shape.Life[0].Conditions, got) }) {
				t.Errorf("first conditions (-recorded +model's first):\n%s", cmp.Diff(shape.Life[0].Conditions, seen[0]))
			}
		})
	}
}

// conditions gives the conditions as the recording's statusLife has them.
func conditions(c *cluster) map[string]string {
	out := map[string]string{}
	list, _ := recorded.Status(c.world.Root)["conditions"].([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		words := m["status"].(string)
		if reason, there := m["reason"]; there {
			words += " " + reason.(string)
		}
		if message, there := m["message"]; there {
			words += ": " + message.(string)
		}
		out[m["type"].(string)] = words
	}
	return out
}
