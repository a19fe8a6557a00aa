package seldon

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// FuzzEngine gives the engine any two objects: it may refuse them, but never panic, and what it
// does not refuse must hold together.
func FuzzEngine(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	var last []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		data, err := yaml.YAMLToJSON(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, last, data)
		last = data
	}
	f.Add([]byte(`{"spec":{"predictors":[{"componentSpecs":[{"spec":{"containers":3}}]}]}}`), []byte(`{"status":3}`), []byte(`{"a":[{}]}`))
	f.Fuzz(func(t *testing.T, a, b, env []byte) {
		var before, now map[string]any
		if json.Unmarshal(a, &before) != nil || json.Unmarshal(b, &now) != nil {
			return
		}
		was, is := &unstructured.Unstructured{Object: before}, &unstructured.Unstructured{Object: now}
		engineOf(t, was)
		engineOf(t, is)
		var owned []*appsv1.Deployment
		if implied, err := New().Implied(is); err == nil {
			for _, w := range implied.Workloads {
				d := &appsv1.Deployment{}
				d.Name = w.Name()
				d.Spec.Template.Spec.Containers = []corev1.Container{{
					Name: engineContainer,
					Env:  []corev1.EnvVar{{Name: "ENGINE_PREDICTOR", Value: base64.StdEncoding.EncodeToString(env)}},
				}}
				owned = append(owned, d)
			}
		}
		for _, got := range []engine.Arrival{New().Arrived(was, is, owned), New().Arrived(was, is, []*appsv1.Deployment{nil})} {
			if len(got.Missing) > got.Leaves {
				t.Errorf("%d of %d leaves are missing", len(got.Missing), got.Leaves)
			}
		}
	})
}

func engineOf(t *testing.T, root *unstructured.Unstructured) {
	t.Helper()
	New().Status(root)
	New().Mistakes(root)
	if pods, err := New().Pods(root); err == nil && slices.ContainsFunc(pods, func(p engine.Pods) bool { return p.Most < p.Fewest }) {
		t.Errorf("fewer pods at most than at least: %+v", pods)
	}
	implied, err := New().Implied(root)
	if err != nil {
		return
	}
	for _, w := range implied.Workloads {
		if len(w.Names) == 0 || len(w.Containers) == 0 {
			t.Errorf("a workload without names or containers: %+v", w)
		}
	}
	edit, err := New().Scale(root, engine.ScaleRequest{Replicas: 3})
	if err != nil {
		return
	}
	comparePatch(t, root, edit)
	for _, w := range edit.Reached {
		if w.Replicas == nil || *w.Replicas != 3 {
			t.Errorf("reached, but not at 3: %+v", w)
		}
	}
	again, err := New().Scale(edit.After, engine.ScaleRequest{Replicas: 3})
	if err != nil || len(again.Patch) > 0 {
		t.Errorf("scaling twice changes something again: %v, %v", again.Patch, err)
	}
}
