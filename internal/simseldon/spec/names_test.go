package spec_test

import (
	"strings"
	"testing"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

func TestHashed(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   string
		want   string
	}{
		"Fits":     {"63 characters are a label's value", strings.Repeat("a", 63), strings.Repeat("a", 63)},
		"TooLong":  {"64 are not", strings.Repeat("a", 64), "seldon-014842d480b571495a4a0363793f7367"},
		"Recorded": {"as observed", "a-model-with-a-name-so-long-that-its-children-must-be-hashed-xy-a-predictor-with-a-long-name", "seldon-10c25ccaae0ee84175c15d6f85d23fc9"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := spec.Hashed(tc.name); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
