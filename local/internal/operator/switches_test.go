//go:build integration

package operator_test

import (
	"context"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// TestRecreatesDuringDelete: an operator before 1.5.1 makes children again while a foreground delete waits for them to go.
func TestRecreatesDuringDelete(t *testing.T) {
	config := startCluster(t, "--pace=realistic", "--operator-recreates-children")
	w := watchAll(t, config)
	client := dynamic.NewForConfigOrDie(config).Resource(resource("v1")).Namespace(namespace)
	manifest, err := recorded.Manifest(filepath.Join(recordings, "01-single-model.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.Create(context.Background(), manifest, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]bool{}
	w.until(t, "Available", func() string {
		life := w.life(made.GetUID(), 1)
		if len(life) == 0 || life[len(life)-1] != "Available" {
			return "not Available"
		}
		return ""
	})
	release := holdPods(t, w)
	for _, s := range owned[*corev1.Service](w, "service", made.GetUID()) {
		first[string(s.UID)] = true
	}
	foreground := metav1.DeletePropagationForeground
	if err := client.Delete(context.Background(), made.GetName(), metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "a Service made again", func() string {
		for _, s := range owned[*corev1.Service](w, "service", made.GetUID()) {
			if !first[string(s.UID)] {
				return ""
			}
		}
		return "only the Services of before"
	})
	release()
}

// holdPods keeps the pods, and so the foreground delete, from coming to an end.
func holdPods(t *testing.T, w *world) (release func()) {
	t.Helper()
	pods := kubernetes.NewForConfigOrDie(w.config).CoreV1().Pods(namespace)
	names := map[string]bool{}
	w.until(t, "a pod", func() string {
		for _, object := range w.stores["pod"].List() {
			names[object.(*corev1.Pod).Name] = true
		}
		if len(names) == 0 {
			return "no pod"
		}
		return ""
	})
	finalize := func(finalizers string) {
		for name := range names {
			patch := []byte(`{"metadata":{"finalizers":` + finalizers + `}}`)
			if _, err := pods.Patch(context.Background(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	finalize(`["test.seldonctl/hold"]`)
	return func() { finalize(`[]`) }
}
