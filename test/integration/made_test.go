//go:build integration

package integration

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// make creates the object of one of this package's manifests, as somebody else would.
func (s shop) make(t *testing.T, namespace, manifest string, edits ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(s.manifest(manifest + ".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &o.Object); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(o)
	}
	made, err := s.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{FieldManager: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// hold keeps an object from going until the end of the test, or until it is released.
func (s shop) hold(t *testing.T, resource, namespace, name string) (release func()) {
	t.Helper()
	if err := s.finalize(t.Context(), resource, namespace, name, "test.seldonctl/hold"); err != nil {
		t.Fatal(err)
	}
	release = func() { _ = s.finalize(context.Background(), resource, namespace, name, "") }
	t.Cleanup(release)
	return release
}

// secret writes the manifest of a Secret named creds and returns its path.
func secret(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\nstringData: {password: hunter2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
