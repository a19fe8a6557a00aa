package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/render"
)

var scene = render.Scene{Context: "c", Server: "https://127.0.0.1:6443", Namespace: "models", Requests: 12, Reason: "Invalid", Exit: 2}

var findings = []render.Finding{
	{Severity: engine.Fine, About: "API server", Text: "Kubernetes v1.29.3 answers"},
	{Severity: engine.Warning, About: "operator", Text: "it is \x1b[31mold\x1b[0m", Remedy: "upgrade\nit"},
	{Severity: engine.Problem, About: "manifest", Place: "m.yaml:3", Text: "spec.x is unknown", Remedy: "probably meant: spec.y", Reason: "Invalid"},
}

func TestFindings(t *testing.T) {
	for name, colour := range map[string]bool{"findings": false, "findings-colour": true} {
		var out bytes.Buffer
		if err := render.Findings(&out, colour, false, scene, findings); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+name+".txt", out.Bytes())
	}
}

// A document holds what was said as it was said: whoever reads it is no terminal.
func TestFindingsAsJSON(t *testing.T) {
	var out bytes.Buffer
	if err := render.Findings(&out, true, true, scene, findings); err != nil {
		t.Fatal(err)
	}
	var got struct {
		render.Scene

		Problems int              `json:"problems"`
		Warnings int              `json:"warnings"`
		Findings []render.Finding `json:"findings"`
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(findings, got.Findings); diff != "" || got.Scene != scene || got.Problems != 1 || got.Warnings != 1 {
		t.Errorf("%+v (-want +got):\n%s", got.Scene, diff)
	}
}

func TestDifferences(t *testing.T) {
	changed := render.Difference{Object: "SeldonDeployment/m", Exists: true, Differs: true, Changes: []render.Change{
		{Kind: "changed", Path: "spec.replicas", Old: "1", New: "3"}, {Kind: "added", Path: "spec.a", New: "\x1b[31m"}, {Kind: "removed", Path: "spec.b", Old: "x"},
	}, Warnings: []string{"beware"}}
	created := render.Difference{Object: "SeldonDeployment/new", Differs: true}
	same := render.Difference{Object: "ConfigMap/same", Exists: true}
	refused := render.Difference{Object: "Secret/s", Error: "it was \x1b[31mrefused", Next: "mend it"}
	for file, all := range map[string][]render.Difference{
		"changes": {changed}, "failed": {refused}, "several": {created, same, changed, refused},
	} {
		var out bytes.Buffer
		if err := render.Differences(&out, false, false, scene, all); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+file+".txt", out.Bytes())
	}
	for verdict, d := range map[string]render.Difference{"would not be changed": same, "does not exist and would be created": created} {
		var out bytes.Buffer
		if err := render.Differences(&out, false, false, scene, []render.Difference{d}); err != nil || !strings.Contains(out.String(), d.Object+" "+verdict) {
			t.Errorf("%v: %s", err, out.String())
		}
		out.Reset()
		if err := render.Differences(&out, false, true, scene, []render.Difference{same, d}); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Differs bool                `json:"differs"`
			Objects []render.Difference `json:"objects"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Differs != d.Differs || got.Objects[1].Object != d.Object || got.Objects[1].Changes == nil {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}
