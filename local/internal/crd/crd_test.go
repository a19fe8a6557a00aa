package crd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/seldonctl/seldonctl/local/internal/crd/schema"
)

func TestCommittedFileIsGenerated(t *testing.T) {
	committed, err := Definition()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(schema.Definition(), committed); diff != "" {
		t.Errorf("the committed kind is not what the types give; run go generate ./internal/crd (-types +file):\n%.2000s", diff)
	}
}

func TestFitsIntoEtcd(t *testing.T) {
	definition, err := Definition()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(definition)
	if err != nil {
		t.Fatal(err)
	}
	// etcd takes 1.5 MB, and the API server adds managedFields.
	if len(data) > 700_000 {
		t.Errorf("the kind has %d bytes", len(data))
	}
}

func TestGraphIsTenLevelsDeep(t *testing.T) {
	root := schema.Definition().Spec.Versions[0].Schema.OpenAPIV3Schema
	node := at(t, root, "spec.predictors[].graph")
	depth := 0
	for {
		children, ok := node.Properties["children"]
		if !ok {
			break
		}
		node = children.Items.Schema
		depth++
	}
	if depth != 10 {
		t.Errorf("the graph has %d levels of children", depth)
	}
}

func TestRequiredFields(t *testing.T) {
	root := schema.Definition().Spec.Versions[0].Schema.OpenAPIV3Schema
	cases := map[string][]string{
		"":                                     nil,
		"spec":                                 {"predictors"},
		"spec.predictors[]":                    {"name", "graph"},
		"spec.predictors[].graph":              {"name"},
		"spec.predictors[].graph.parameters[]": {"name", "value", "type"},
		"spec.predictors[].componentSpecs[]":   nil,
		"spec.predictors[].componentSpecs[].spec":              {"containers"},
		"spec.predictors[].componentSpecs[].hpaSpec":           {"maxReplicas"},
		"spec.predictors[].componentSpecs[].kedaSpec":          {"triggers"},
		"spec.predictors[].explainer":                          nil,
		"spec.predictors[].explainer.containerSpec":            {"name"},
		"spec.predictors[].svcOrchSpec.env[]":                  {"name"},
		"spec.predictors[].componentSpecs[].spec.containers[]": {"name"},
	}
	for path, want := range cases {
		if diff := cmp.Diff(want, at(t, root, path).Required); diff != "" {
			t.Errorf("required in %q (-want +got):\n%s", path, diff)
		}
	}
}

// at finds a schema by a path such as spec.predictors[].graph.
func at(t *testing.T, node *apiextensionsv1.JSONSchemaProps, path string) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	if path == "" {
		return node
	}
	for word := range strings.SplitSeq(path, ".") {
		name, isList := strings.CutSuffix(word, "[]")
		next, ok := node.Properties[name]
		if !ok {
			t.Fatalf("there is no %s in %s", name, path)
		}
		node = &next
		if isList {
			node = next.Items.Schema
		}
	}
	return node
}
