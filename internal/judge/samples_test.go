package judge_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// sample is what must be said of a pod that a real kubelet has written: nothing where it is well.
type sample struct {
	Class   judge.Class `json:"class"`
	Message string      `json:"message"`
	Hint    string      `json:"hint"`
	// Log is the container whose last words are wanted.
	Log string `json:"log"`
}

// TestRealPods reads pods as a real kubelet has written them, in each state that was recorded, with
// their Events: the one problem is found in at least one state, and no other in any.
func TestRealPods(t *testing.T) {
	wants := load[map[string]sample](t, "testdata/samples.yaml")
	files, err := filepath.Glob("../../testdata/kubelet/*.yaml")
	if err != nil || len(files) != len(wants) {
		t.Fatalf("there are %d samples, and it is known what to say of %d (%v)", len(files), len(wants), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			want, known := wants[name]
			if !known {
				t.Fatal("it is not known what to say of it")
			}
			states, events := readSample(t, file)
			var found *judge.Problem
			for _, state := range states {
				for _, p := range findInSample(t, state, events).Problems {
					if p.Class != want.Class {
						t.Errorf("%s: %s (hint %s)", p.Class, p.Message, p.Hint)
					}
					found = &p
				}
			}
			want.check(t, found)
		})
	}
}

func (want sample) check(t *testing.T, found *judge.Problem) {
	t.Helper()
	switch {
	case want.Class == "" || found == nil:
		if want.Class != "" {
			t.Errorf("nothing was found, want %s", want.Class)
		}
		return
	case !strings.Contains(found.Message, want.Message):
		t.Errorf("message %q does not say %q", found.Message, want.Message)
	case !strings.Contains(found.Hint, want.Hint):
		t.Errorf("hint %q does not say %q", found.Hint, want.Hint)
	}
	if log := found.Log; want.Log != "" && (log == nil || log.Container != want.Log) {
		t.Errorf("the log that is wanted is %+v, want that of %s", log, want.Log)
	}
}

// readSample reads a pod's states, oldest first, and the Events about it.
func readSample(t *testing.T, file string) (states, events []object) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var o object
		if err := yaml.Unmarshal(document, &o); err != nil {
			t.Fatal(err)
		}
		if o = whole(o).(object); o["kind"] == "Event" {
			events = append(events, o)
		} else {
			states = append(states, o)
		}
	}
	return states, events
}

// findInSample puts the pod in the place of the one of the good world.
func findInSample(t *testing.T, state object, events []object) judge.Findings {
	t.Helper()
	tc := testCase{Change: map[string]object{
		"SeldonDeployment": {"status": object{"state": "Creating"}},
		"Deployment":       {"status": object{"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}},
		"Pod":              nil,
	}}
	world := goodWorld(t)
	s := tc.snapshot(t, world)
	owners := world["Pod"]["metadata"].(object)["ownerReferences"]
	s.Set(typed(t, merge(state, object{"metadata": object{"ownerReferences": owners}})))
	for _, e := range events {
		s.Set(typed(t, e).(*corev1.Event))
	}
	tc.Goal.Kind, tc.Goal.Created = judge.Available, true
	return judge.Find(s, seldon.New(), tc.goal(world))
}

var _ snapshot.Object = (*corev1.Event)(nil)
