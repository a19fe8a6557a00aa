package simseldon_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// TestRefused holds the webhook to the recorded denials.
func TestRefused(t *testing.T) {
	for name, want := range recorded.Denials() {
		t.Run(name, func(t *testing.T) {
			manifest, err := recorded.Manifest(filepath.Join(recordings, "refused", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			err = simseldon.Validate(manifest)
			if err == nil || err.Error() != `SeldonDeployment.machinelearing.seldon.io "" is invalid: `+want {
				t.Errorf("got %v, want …%s", err, want)
			}
			if !apierrors.IsInvalid(err) {
				t.Errorf("reason: got %v, want Invalid", apierrors.ReasonForError(err))
			}
		})
	}
}

// TestRecordedShapesPass: what the real webhook let through passes.
func TestRecordedShapesPass(t *testing.T) {
	for _, shape := range shapes(t) {
		if err := simseldon.Validate(shape.Manifest); err != nil {
			t.Errorf("%s: %v", shape.Name, err)
		}
	}
}

// TestDenials are the messages that no recording has, from the list of what the webhook says.
func TestDenials(t *testing.T) {
	predictor := func(fields ...any) map[string]any {
		p := map[string]any{
			"name":           "main",
			"graph":          map[string]any{"name": "clf", "type": "MODEL"},
			"componentSpecs": []any{map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "clf", "image": "i:1"}}}}},
		}
		for i := 0; i < len(fields); i += 2 {
			p[fields[i].(string)] = fields[i+1]
		}
		return p
	}
	sklearn := map[string]any{"name": "clf", "implementation": "SKLEARN_SERVER", "modelUri": "gs://b/m"}
	cases := map[string]struct {
		reason string
		spec   map[string]any
		want   string
	}{
		"Transport":     {"a transport is rest or grpc", map[string]any{"transport": "http", "predictors": []any{predictor()}}, `spec: Invalid value: "http": Invalid transport`},
		"ServerType":    {"a server type is rpc or kafka", map[string]any{"serverType": "x", "predictors": []any{predictor()}}, `spec: Invalid value: "x": Invalid serverType`},
		"Kafka":         {"kafka needs its environment", map[string]any{"serverType": "kafka", "predictors": []any{predictor()}}, `spec.predictors[0]: Invalid value: "main": For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC`},
		"NoPredictors":  {"spec itself may be missing; the deprecated spec.name is quoted", map[string]any{"name": "old"}, `spec: Invalid value: "old": Graph contains no predictors`},
		"SingleTraffic": {"a single predictor takes all or says nothing", map[string]any{"predictors": []any{predictor("traffic", int64(50))}}, `spec: Invalid value: "main": Traffic must sum be 100 for a single predictor when set`},
		"Tensorflow":    {"the wrapped servers do not speak it", map[string]any{"protocol": "tensorflow", "predictors": []any{predictor("graph", sklearn)}}, `spec.predictors[0].graph: Invalid value: "clf": Prepackaged server does not handle tensorflow protocol SKLEARN_SERVER`},
		"Child": {"children are checked too", map[string]any{"predictors": []any{predictor("graph", map[string]any{
			"name": "clf", "type": "MODEL", "children": []any{map[string]any{"name": "two", "type": "MODEL"}},
		})}}, `spec.predictors[0].graph.0: Invalid value: "two": Can't find container for Predictive Unit`},
		"Logger":       {"a logger has a mode", map[string]any{"predictors": []any{predictor("graph", map[string]any{"name": "clf", "logger": map[string]any{}})}}, `spec.predictors[0].graph: Invalid value: "clf": No logger mode specified`},
		"SameNames":    {"two predictors share a Service name", map[string]any{"predictors": []any{predictor("traffic", int64(100), "annotations", map[string]any{"seldon.io/svc-name": "s"}), predictor("name", "b", "annotations", map[string]any{"seldon.io/svc-name": "s"})}}, `spec.predictors[1]: Invalid value: "b": Found duplicate service name in seldon.io/svc-name with value s`},
		"Server":       {"an unknown server with an image passes", map[string]any{"predictors": []any{predictor("graph", map[string]any{"name": "clf", "implementation": "MAGIC_SERVER"})}}, ""},
		"Two mistakes": {"all are named", map[string]any{"protocol": "V2", "predictors": []any{predictor("shadow", true)}}, `[spec: Invalid value: "V2": Invalid protocol, spec.predictors[0]: Invalid value: "main": Shadow can not exist as only predictor]`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := simseldon.Validate(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "x"}, "spec": tc.spec}})
			got, want := "", ""
			if err != nil {
				got = err.Error()
			}
			if tc.want != "" {
				specName, _ := tc.spec["name"].(string)
				want = `SeldonDeployment.machinelearing.seldon.io "` + specName + `" is invalid: ` + tc.want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
