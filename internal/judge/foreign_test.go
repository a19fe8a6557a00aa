package judge_test

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
)

// TestRewritten tells a change of what a goal rests on from one that only concerns the user.
func TestRewritten(t *testing.T) {
	predictor := func(extra object, image string) object {
		return merge(object{
			"name": "p", "graph": object{"name": "clf", "type": "MODEL"},
			"componentSpecs": []any{object{"spec": object{"containers": []any{object{"name": "clf", "image": image}}}}},
		}, extra)
	}
	spec := func(predictors ...any) object { return object{"predictors": predictors} }
	for _, tc := range []struct {
		reason string
		now    object
		want   []string
	}{
		{"nothing", spec(predictor(nil, "a")), nil},
		{"traffic", spec(predictor(object{"traffic": float64(100)}, "a")), nil},
		{"an image", spec(predictor(nil, "b")), []string{"image of container clf went from a to b"}},
		{"replicas", spec(predictor(object{"replicas": float64(2)}, "a")), []string{"replicas of m-p-0-clf went from not set to 2"}},
		{"another predictor", spec(predictor(nil, "a"), predictor(object{"name": "q"}, "a")), []string{"Deployment m-q-0-clf was added"}},
		{"another name", spec(predictor(object{"name": "q"}, "a")), []string{"Deployment m-q-0-clf was added", "Deployment m-p-0-clf was taken out"}},
		{"no sense", object{"predictors": "x"}, []string{"its spec cannot be read any more"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			of := func(spec object) *unstructured.Unstructured {
				return &unstructured.Unstructured{Object: merge(object{"metadata": object{"name": "m"}}, object{"spec": spec})}
			}
			if got := judge.Rewritten(seldon.New(), of(spec(predictor(nil, "a"))), of(tc.now)); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
