package judge_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// TestStateOf holds the parts of a pod's life to what a real kubelet wrote, state by state.
func TestStateOf(t *testing.T) {
	wants := load[map[string]string](t, "testdata/podstates.yaml")
	files, err := filepath.Glob("../../testdata/kubelet/*.yaml")
	if err != nil || len(files) != len(wants) {
		t.Fatalf("there are %d samples, and %d are expected (%v)", len(files), len(wants), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			var lives []string
			states, events := readSample(t, file)
			for _, state := range states {
				s := snapshot.New()
				for _, e := range events {
					s.Set(typed(t, e))
				}
				pod := typed(t, state).(*corev1.Pod)
				s.Set(pod)
				life, why := judge.StateOf(s, pod)
				text := strings.TrimSpace(string(life) + " " + why)
				if len(lives) == 0 || lives[len(lives)-1] != text {
					lives = append(lives, text)
				}
			}
			slices.Sort(lives)
			if diff := cmp.Diff(wants[name], strings.Join(slices.Compact(lives), ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStateOfWhatGoes: why a pod goes is told where somebody else than its ReplicaSet takes it away.
func TestStateOfWhatGoes(t *testing.T) {
	for name, c := range map[string]struct{ conditions, want string }{
		"scaled down": {`[{type: Ready, status: "True"}]`, ""},
		"preempted":   {`[{type: DisruptionTarget, status: "True", reason: PreemptionByScheduler, message: "default-scheduler: preempting"}]`, "PreemptionByScheduler"},
	} {
		t.Run(name, func(t *testing.T) {
			var o object
			if err := yaml.Unmarshal([]byte(`{kind: Pod, metadata: {uid: pod, deletionTimestamp: "2026-01-01T00:00:00Z"}, status: {phase: Running, conditions: `+c.conditions+`}}`), &o); err != nil {
				t.Fatal(err)
			}
			if state, why := judge.StateOf(snapshot.New(), typed(t, o).(*corev1.Pod)); state != judge.PodTerminating || why != c.want {
				t.Errorf("%s %q, want %s %q", state, why, judge.PodTerminating, c.want)
			}
		})
	}
}
