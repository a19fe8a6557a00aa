//go:build integration

package operator_test

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// ownFields: what the API server fills in is no change. A pass that took it for one would never say Available, and would update the Deployment each time.
func ownFields(t *testing.T, w *world) {
	t.Helper()
	manifest, err := recorded.Manifest("testdata/own-fields.yaml")
	if err != nil {
		t.Fatal(err)
	}
	client := dynamic.NewForConfigOrDie(w.config).Resource(resource("v1")).Namespace(namespace)
	made, err := client.Create(context.Background(), manifest, metav1.CreateOptions{FieldValidation: "Strict"})
	if err != nil {
		t.Fatal(err)
	}
	w.until(t, "Available", func() string {
		life := w.life(made.GetUID(), 1)
		if len(life) > 0 && life[len(life)-1] == "Available" {
			return ""
		}
		return "not Available"
	})
	for _, d := range owned[*appsv1.Deployment](w, "deployment", made.GetUID()) {
		if d.Generation != 1 {
			t.Errorf("Deployment %s was updated: generation %d", d.Name, d.Generation)
		}
	}
	r := &run{t: t, w: w, uid: made.GetUID()}
	for _, e := range r.seenEvents() {
		if e[1] == "UpdateDeployment" || e[1] == "UpdateService" || e[1] == "UpdateHPA" || e[1] == "UpdatePDB" {
			t.Errorf("event %q", e)
		}
	}
}
