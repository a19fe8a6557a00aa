//go:build integration

package integration

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// refusals is what the real API server and webhook say about each refused manifest, and the line of the
// field that they name.
var refusals = map[string]struct{ line, message string }{
	"bad-protocol":        {"5", `spec: Invalid value: "V2": Invalid protocol`},
	"container-missing":   {"8", `spec.predictors[0].graph: Invalid value: "other": Can't find container for Predictive Unit`},
	"duplicate-predictor": {"15", `spec.predictors[1]: Invalid value: "main": Duplicate predictor name`},
	"mixed-transport":     {"5", `spec: Invalid value: "": Mixed transport types found. Remove graph endpoint.types if transport set at deployment level`},
	"no-engine-two-nodes": {"7", `spec.predictors[0]: Invalid value: "main": Running without engine only valid for single element graphs`},
	"no-model-uri":        {"8", `spec.predictors[0].graph: Invalid value: "clf": Predictive unit modelUri required when using standalone servers`},
	"no-predictors":       {"5", `spec: Invalid value: "": Graph contains no predictors`},
	"only-shadow":         {"7", `spec.predictors[0]: Invalid value: "main": Shadow can not exist as only predictor`},
	"traffic-90":          {"5", `spec: Invalid value: "a": Traffic must sum to 100 for multiple predictors`},
	"unknown-server":      {"8", `spec.predictors[0].graph: Invalid value: "clf": No entry in predictors map for MAGIC_SERVER`},
	"negative-replicas":   {"6", `spec.replicas: Invalid value: -1: should be a non-negative integer`},
	// This one may be seen before anything is sent; the words are then our own.
	"traffic-as-string": {"8", `spec.predictors[0].traffic`},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	manifests, err := filepath.Glob(s.recorded("refused/*.yaml"))
	if err != nil || len(manifests) != len(refusals) {
		t.Fatalf("there are %d refused manifests, want %d (%v)", len(manifests), len(refusals), err)
	}
	for _, manifest := range manifests {
		name := strings.TrimSuffix(filepath.Base(manifest), ".yaml")
		want, known := refusals[name]
		if !known {
			t.Errorf("it is not known what is said about %s", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			p := start(t, s, s.cluster, nil, "run", "-f", manifest, "-n", namespace)
			p.exits(2)
			var failed []string
			for l := range strings.Lines(p.text()) {
				if strings.Contains(l, "  FAILED  ") {
					failed = append(failed, l)
				}
			}
			object := regexp.MustCompile(`SeldonDeployment ("` + name + `"|` + namespace + `/` + name + `) ?[:w]`)
			if len(failed) != 1 || strings.Count(p.text(), "\n") != 3 {
				t.Fatalf("want the opening, one line of failure and the end")
			}
			if !object.MatchString(failed[0]) {
				t.Errorf("the line does not name the object: %s", failed[0])
			}
			for _, part := range []string{manifest + ":" + want.line + ": ", want.message} {
				if !strings.Contains(failed[0], part) {
					t.Errorf("the line does not say %q: %s", part, failed[0])
				}
			}
			for _, part := range []string{"machinelearing", `SeldonDeployment ""`, `SeldonDeployment.machinelearning`, "denied the request"} {
				if strings.Contains(failed[0], part) {
					t.Errorf("the line says %q: %s", part, failed[0])
				}
			}
			s.mustBeEmpty(t, namespace)
		})
	}
}
