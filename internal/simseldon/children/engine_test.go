package children_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/simseldon/children"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// TestEngineIsTold: the predictor with its endpoints, without traffic and its own replicas, with its components'.
func TestEngineIsTold(t *testing.T) {
	manifest, err := recorded.Manifest("../../../testdata/recorded/02-replicas-on-every-level.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifest.SetNamespace("default")
	d, err := spec.Read(manifest)
	if err != nil {
		t.Fatal(err)
	}
	built, err := children.Build(d)
	if err != nil {
		t.Fatal(err)
	}
	var told map[string]any
	engine := built.Deployments[0].Spec.Template.Spec.Containers[1]
	data, err := base64.StdEncoding.DecodeString(engine.Env[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &told); err != nil {
		t.Fatal(err)
	}
	container := func(name string) map[string]any {
		return map[string]any{"containers": []any{map[string]any{"name": name, "image": "example/model:1.0"}}}
	}
	want := map[string]any{
		"name": "a",
		"graph": map[string]any{
			"name": "one", "type": "MODEL",
			"endpoint": map[string]any{"service_host": "localhost", "service_port": 9000.0, "httpPort": 9000.0, "grpcPort": 9500.0},
			"children": []any{map[string]any{
				"name": "two", "type": "MODEL",
				"endpoint": map[string]any{"service_host": "levels-a-two.default.svc.cluster.local.", "service_port": 9001.0, "httpPort": 9001.0, "grpcPort": 9501.0},
			}},
		},
		"componentSpecs": []any{map[string]any{"replicas": 4.0, "spec": container("one")}, map[string]any{"spec": container("two")}},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("ENGINE_PREDICTOR (-want +got):\n%s", diff)
	}
}
