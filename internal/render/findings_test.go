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

func TestChanges(t *testing.T) {
	changes := []render.Change{
		{Kind: "changed", Path: "spec.replicas", Old: "1", New: "3"}, {Kind: "added", Path: "spec.a", New: "\x1b[31m"}, {Kind: "removed", Path: "spec.b", Old: "x"},
	}
	var out bytes.Buffer
	if err := render.Changes(&out, false, false, scene, "SeldonDeployment/m", true, changes, []string{"beware"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/changes.txt", out.Bytes())
	for verdict, exists := range map[string]bool{"would not be changed": true, "does not exist and would be created": false} {
		out.Reset()
		if err := render.Changes(&out, false, false, scene, "SeldonDeployment/m", exists, nil, nil); err != nil || !strings.Contains(out.String(), "SeldonDeployment/m "+verdict) {
			t.Errorf("%v: %s", err, out.String())
		}
		out.Reset()
		if err := render.Changes(&out, false, true, scene, "SeldonDeployment/m", exists, nil, nil); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Differs bool            `json:"differs"`
			Changes []render.Change `json:"changes"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Differs == exists || got.Changes == nil {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}

func TestFailed(t *testing.T) {
	var out bytes.Buffer
	if err := render.Failed(&out, false, scene, "it was \x1b[31mrefused", "mend it"); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/failed.txt", out.Bytes())
}
