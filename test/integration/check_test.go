//go:build integration

package integration

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// around are the kinds that decide over a namespace without being part of any tree.
var around = map[string]schema.GroupVersionResource{
	"resourcequotas": {Version: "v1", Resource: "resourcequotas"},
	"limitranges":    {Version: "v1", Resource: "limitranges"},
}

// resourceOf returns the resource of a kind that tests create.
func resourceOf(kind string) schema.GroupVersionResource {
	name := strings.ToLower(kind) + "s"
	if resource, known := around[name]; known {
		return resource
	}
	return resources[name]
}

// checks runs a check, which must end with the code and say what matches the pattern.
func checks(t *testing.T, s shop, c *cluster, namespace string, code int, pattern string) {
	t.Helper()
	p := start(t, s, c, nil, "check", "-f", s.manifest("model.yaml"), "-n", namespace)
	got, err := p.end()
	if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Errorf("the check ended with %d, want %d:\n%s", got, code, p.text())
	}
	p.await(pattern)
}
