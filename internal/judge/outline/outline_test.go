package outline_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

type object = map[string]any

// look is one look at the world and what must be shown of it; what is empty is not looked at.
type look struct {
	After   string            `json:"after"`
	Change  map[string]object `json:"change"`
	Objects []object          `json:"objects"`
	Pods    int               `json:"pods"` // further ones, which are ready
	Refused []snapshot.Kind   `json:"refused"`

	State    outline.State `json:"state"`
	Ready    string        `json:"ready"`
	Cause    string        `json:"cause"`
	Hint     string        `json:"hint"`
	Also     string        `json:"also"`
	Evidence string        `json:"evidence"`
	Tree     string        `json:"tree"`
}

func TestLook(t *testing.T) {
	data, err := os.ReadFile("testdata/looks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Reason string `json:"reason"`
		Looks  []look `json:"looks"`
	}
	if err := yaml.UnmarshalStrict(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.Reason, func(t *testing.T) {
			world, memory, now := goodWorld(t), outline.Memory{}, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			for _, l := range tc.Looks {
				if l.After != "" {
					after, err := time.ParseDuration(l.After)
					if err != nil {
						t.Fatal(err)
					}
					now = now.Add(after)
				}
				var got outline.Sight
				got, memory, _ = outline.Look(l.snapshot(t, world), seldon.New(), rootOf(world), memory, outline.Moment{Now: now})
				l.check(t, got)
			}
		})
	}
}

func (l look) check(t *testing.T, got outline.Sight) {
	t.Helper()
	if got.State != l.State {
		t.Errorf("state %s, want %s (%s)", got.State, l.State, got.Cause)
	}
	if ready := fmt.Sprintf("%d/%d", got.Ready, got.Wanted); l.Ready != "" && ready != l.Ready {
		t.Errorf("ready %s, want %s", ready, l.Ready)
	}
	for _, text := range []struct{ what, got, want string }{
		{"cause", got.Cause, l.Cause},
		{"hint", got.Hint, l.Hint},
		{"also", strings.Join(got.Also, "\n"), l.Also},
		{"evidence", strings.Join(got.Evidence, "\n"), l.Evidence},
	} {
		if !strings.Contains(text.got, text.want) {
			t.Errorf("%s %q does not say %q", text.what, text.got, text.want)
		}
	}
	if l.State == outline.Available && got.Cause != "" && l.Cause == "" {
		t.Errorf("cause of what is well: %s", got.Cause)
	}
	if d := cmp.Diff(l.Tree, draw(got.Below, "")); l.Tree != "" && d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
}

func draw(nodes []outline.Node, indent string) string {
	var b strings.Builder
	for _, n := range nodes {
		text := n.Kind + " " + n.Name
		if n.Name == "" {
			text = judge.Plural(n.Count, n.Kind)
		}
		if n.Text != "" {
			text += ": " + n.Text
		}
		if n.Wrong {
			text = "! " + text
		}
		b.WriteString(indent + text + "\n" + draw(n.Below, indent+"  "))
	}
	return b.String()
}

// snapshot takes the changes into the world, for this look and the later ones, and returns it.
func (l look) snapshot(t *testing.T, world map[string]object) *snapshot.Snapshot {
	t.Helper()
	for kind, change := range l.Change {
		if change == nil {
			delete(world, kind)
		} else {
			world[kind] = merge(world[kind], change)
		}
	}
	s := snapshot.New()
	for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service} {
		s.SetComplete(kind, !slices.Contains(l.Refused, kind))
	}
	for kind, o := range world {
		if !slices.Contains(l.Refused, snapshot.Kind(kind)) {
			s.Set(typed(t, o))
		}
	}
	for i := range l.Pods {
		named := object{"name": fmt.Sprintf("more-%d", i), "uid": fmt.Sprintf("more-%d", i)}
		s.Set(typed(t, merge(goodWorld(t)["Pod"], object{"metadata": named})))
	}
	for _, o := range l.Objects {
		s.Set(typed(t, whole(o).(object)))
	}
	return s
}

func rootOf(world map[string]object) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: world["SeldonDeployment"]}
}

func goodWorld(t *testing.T) map[string]object {
	t.Helper()
	data, err := os.ReadFile("../testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	world := map[string]object{}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(document, &o); err != nil {
			t.Fatal(err)
		}
		world[o.GetKind()] = o.Object
	}
	return world
}

func typed(t *testing.T, o object) snapshot.Object {
	t.Helper()
	into, known := map[any]snapshot.Object{
		"Deployment": &appsv1.Deployment{}, "ReplicaSet": &appsv1.ReplicaSet{}, "Pod": &corev1.Pod{}, "Service": &corev1.Service{},
		"HorizontalPodAutoscaler": &autoscalingv2.HorizontalPodAutoscaler{}, "Event": &corev1.Event{},
	}[o["kind"]]
	if !known {
		return &unstructured.Unstructured{Object: o}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, into); err != nil {
		t.Fatal(err)
	}
	return into
}

// merge returns a copy of o with a JSON merge patch applied.
func merge(o, patch object) object {
	out := runtime.DeepCopyJSON(o)
	for key, value := range patch {
		inner, isObject := value.(object)
		was, wasObject := out[key].(object)
		switch {
		case value == nil:
			delete(out, key)
		case isObject && wasObject:
			out[key] = merge(was, inner)
		default:
			out[key] = whole(value)
		}
	}
	return out
}

// whole turns the numbers that YAML reads as floats into the integers that objects hold.
func whole(value any) any {
	switch v := value.(type) {
	case float64:
		return int64(v)
	case object:
		out := object{}
		for k, inner := range v {
			out[k] = whole(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = whole(inner)
		}
		return out
	}
	return value
}

// TestEvents holds the list to the tree's events alone, oldest first, each told once.
func TestEvents(t *testing.T) {
	at := func(second int) string {
		return time.Date(2026, 1, 1, 12, 0, second, 0, time.UTC).Format(time.RFC3339)
	}
	event := func(name, version, uid, reason, message string, first, last int, more object) object {
		return merge(object{
			"kind": "Event", "metadata": object{"name": name, "namespace": "default", "uid": name, "resourceVersion": version},
			"type": "Normal", "reason": reason, "message": message, "firstTimestamp": at(first), "lastTimestamp": at(last),
			"involvedObject": object{"kind": "Pod", "name": "m-p-0-clf-abc-1", "namespace": "default", "uid": uid},
		}, more)
	}
	warning := object{"type": "Warning", "count": int64(3)}
	events := []object{
		event("e5", "25", "pod", "BackOff", "back-off", 3, 20, warning),
		event("e6", "26", "pod", "BackOff", "back-off", 1, 9, warning),
		event("e2", "22", "pod", "Started", "started", 5, 5, nil),
		event("e1", "21", "pod", "Pulled", "pulled", 5, 5, nil),
		event("e3", "20", "stranger", "Killing", "not ours", 1, 1, nil),
		event("e4", "19", "root", "Updated", "Updated SeldonDeployment", 1, 1, nil),
		event("e7", "18", "root", "UpdateFailed", "the object has been modified; please try again", 1, 1, nil),
		event("e8", "17", "deployment", "ScalingReplicaSet", "scaled up", 2, 2, nil),
	}
	for reason, tc := range map[string]struct {
		want   outline.EventFilter
		events []string
	}{
		"all": {events: []string{"ScalingReplicaSet x1 2..2", "Pulled x1 5..5", "Started x1 5..5", "BackOff x6 1..20"}},
		"of late": {
			want: outline.EventFilter{Since: time.Date(2026, 1, 1, 12, 0, 10, 0, time.UTC)}, events: []string{"BackOff x3 3..20"},
		},
		"of one type": {want: outline.EventFilter{Types: []string{"Warning"}}, events: []string{"BackOff x6 1..20"}},
	} {
		t.Run(reason, func(t *testing.T) {
			s := look{Objects: events}.snapshot(t, goodWorld(t))
			var got []string
			for _, e := range outline.Events(s, seldon.New().Identity(), types.UID("root"), tc.want) {
				got = append(got, fmt.Sprintf("%s x%d %d..%d", e.Reason, e.Count, e.First.Second(), e.Last.Second()))
			}
			if d := cmp.Diff(tc.events, got); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}
