package seldon

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
)

const recordings = "../../../testdata/recorded"

// recording is what the real operator made of a manifest.
type recording struct {
	name     string
	manifest *unstructured.Unstructured
	Created  struct {
		Children map[string]struct {
			Replicas       *int32              `json:"replicas"`
			Containers     []recordedContainer `json:"containers"`
			PodLabels      map[string]string   `json:"podLabels"`
			PodAnnotations map[string]string   `json:"podAnnotations"`
		} `json:"children"`
		Status map[string]any `json:"status"`
	} `json:"created"`
	ScaledTo3 struct {
		Replicas       map[string]int32 `json:"replicas"`
		NewReplicaSets []string         `json:"newReplicaSets"`
	} `json:"scaledTo3"`
	Events [][]string `json:"events"`
}

type recordedContainer struct {
	engine.Container
	Args []string `json:"args"`
}

// recorded returns all recordings.
func recorded(t *testing.T) []recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil || len(files) != 29 {
		t.Fatalf("want 29 recordings in %s, got %d (%v)", recordings, len(files), err)
	}
	var all []recording
	for _, file := range files {
		r := recording{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &r); err != nil { //nolint:musttag // engine.Container is read by its field names
			t.Fatalf("%s: %v", file, err)
		}
		manifest, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		r.manifest = object(t, string(manifest))
		all = append(all, r)
	}
	return all
}

// object reads YAML the way the API server's client does: whole numbers become int64.
func object(tb testing.TB, text string) *unstructured.Unstructured {
	tb.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		tb.Fatal(err)
	}
	return u
}

// neverMade are the implied Deployments that the API server refused to the operator.
var neverMade = map[string]string{"19-volume-mistake": "novolume-main-0-clf"}

func TestImpliedIsWhatTheOperatorMakes(t *testing.T) {
	for _, r := range recorded(t) {
		t.Run(r.name, func(t *testing.T) {
			implied, err := New().Implied(r.manifest)
			if err != nil {
				t.Fatal(err)
			}
			var wantDeployments, wantServices, deployments []string
			kinds := map[string]bool{}
			for key := range r.Created.Children {
				kind, name, _ := strings.Cut(key, "/")
				kinds[kind] = true
				switch kind {
				case "Deployment":
					wantDeployments = append(wantDeployments, name)
				case "Service":
					wantServices = append(wantServices, name)
				}
			}
			for _, w := range implied.Workloads {
				if w.Name() != neverMade[r.name] {
					deployments = append(deployments, w.Name())
					compareWorkload(t, r, w)
				}
			}
			services := slices.Clone(implied.Services)
			for _, names := range [][]string{wantDeployments, wantServices, deployments, services} {
				slices.Sort(names)
			}
			if diff := cmp.Diff(wantDeployments, deployments); diff != "" {
				t.Errorf("Deployments (-recorded +implied):\n%s", diff)
			}
			if diff := cmp.Diff(wantServices, services); diff != "" {
				t.Errorf("Services (-recorded +implied):\n%s", diff)
			}
			if implied.WantsHPA != kinds["HorizontalPodAutoscaler"] || implied.WantsPDB != kinds["PodDisruptionBudget"] {
				t.Errorf("WantsHPA %t, WantsPDB %t; recorded kinds %v", implied.WantsHPA, implied.WantsPDB, kinds)
			}
		})
	}
}

func compareWorkload(t *testing.T, r recording, w engine.Workload) {
	t.Helper()
	child := r.Created.Children["Deployment/"+w.Name()]
	if w.Replicas != nil && (child.Replicas == nil || *w.Replicas != *child.Replicas) {
		t.Errorf("%s: replicas %d by %s, recorded %v", w.Name(), *w.Replicas, w.Source, child.Replicas)
	}
	for _, c := range w.Containers {
		i := slices.IndexFunc(child.Containers, func(is recordedContainer) bool { return is.Name == c.Name })
		if i < 0 || (c.Image != "" && child.Containers[i].Image != c.Image) {
			t.Errorf("%s: container %v, recorded %v", w.Name(), c, child.Containers)
		}
	}
	if len(w.Containers) != len(child.Containers) {
		t.Errorf("%s: containers %v, recorded %v", w.Name(), w.Containers, child.Containers)
	}
	for key, value := range w.Labels {
		if child.PodLabels[key] != value {
			t.Errorf("%s: label %s=%s, recorded %v", w.Name(), key, value, child.PodLabels)
		}
	}
}

func TestLabelsDiscriminate(t *testing.T) {
	for _, r := range recorded(t) {
		implied, err := New().Implied(r.manifest)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range implied.Workloads {
			for key, child := range r.Created.Children {
				if key == "Deployment/"+w.Name() || child.PodLabels == nil {
					continue
				}
				if covers(asAny(child.PodLabels), asAny(w.Labels), false) {
					t.Errorf("%s: the labels of %s also fit %s", r.name, w.Name(), key)
				}
			}
		}
	}
}

func TestScaleToThreeIsWhatWasRecorded(t *testing.T) {
	// Here Scale does more than the recorded rule, on purpose.
	woken := map[string]int32{"explainedzero-main-explainer": 1}
	for _, r := range recorded(t) {
		t.Run(r.name, func(t *testing.T) {
			edit, err := New().Scale(withStatus(r), engine.ScaleRequest{Replicas: 3})
			if err != nil {
				t.Fatal(err)
			}
			implied, err := New().Implied(edit.After)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range implied.Workloads {
				want, ok := r.ScaledTo3.Replicas["Deployment/"+w.Name()]
				if n, ok := woken[w.Name()]; ok {
					want = n
				}
				if !ok && w.Name() != neverMade[r.name] {
					t.Errorf("%s is implied but was not recorded: %v", w.Name(), r.ScaledTo3.Replicas)
				}
				if ok && w.Replicas != nil && *w.Replicas != want {
					t.Errorf("%s: replicas %d by %s, recorded %d", w.Name(), *w.Replicas, w.Source, want)
				}
			}
			for _, w := range edit.Reached {
				if want, ok := r.ScaledTo3.Replicas["Deployment/"+w.Name()]; ok && want != 3 {
					t.Errorf("%s counts as reached, but recorded is %d", w.Name(), want)
				}
			}
			if len(edit.Reached)+len(edit.LeftOut) != len(implied.Workloads) {
				t.Errorf("reached %d, left out %d of %d", len(edit.Reached), len(edit.LeftOut), len(implied.Workloads))
			}
			compareRestarts(t, r, edit)
			comparePatch(t, withStatus(r), edit)
		})
	}
}

// compareRestarts holds the notes to the Deployments that got a new ReplicaSet.
func compareRestarts(t *testing.T, r recording, edit engine.ScaleEdit) {
	t.Helper()
	notes := strings.Join(edit.Notes, "\n")
	for key := range r.ScaledTo3.Replicas {
		name := strings.TrimPrefix(key, "Deployment/")
		restarts := slices.Contains(r.ScaledTo3.NewReplicaSets, name)
		if said := strings.Contains(notes, "restarts the pods of Deployment "+name); said != restarts {
			t.Errorf("%s: note of a restart %t, recorded %t", name, said, restarts)
		}
	}
}

func withStatus(r recording) *unstructured.Unstructured {
	u := r.manifest.DeepCopy()
	u.Object["status"] = map[string]any{}
	maps.Copy(u.Object["status"].(map[string]any), r.Created.Status)
	return u
}

func TestNoisyEvents(t *testing.T) {
	noisy := New().Identity().Noisy
	for _, r := range recorded(t) {
		for _, e := range r.Events {
			reason, message := e[1], e[2]
			part, known := noisy[reason]
			drop := known && strings.Contains(message, part)
			want := reason == "Updated" || reason == "UpdateFailed"
			if drop != want {
				t.Errorf("%s: event %q %q dropped %t, want %t", r.name, reason, message, drop, want)
			}
		}
	}
}
