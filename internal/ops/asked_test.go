package ops_test

import (
	"testing"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// What grows with the time alone is told apart from what is done.
func TestAsked(t *testing.T) {
	of := func(n int) func() int { return func() int { return n } }
	for want, d := range map[string]ops.Deps{
		"19 API requests": {Requests: of(19), Probes: of(0)},
		"20 API requests": {Requests: of(20)},
		"23 API requests, with silent watches begun anew 4 times": {Requests: of(23), Probes: of(4)},
	} {
		if got := d.Asked(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
