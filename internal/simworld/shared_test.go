package simworld_test

import "testing"

// TestShared lives through histories on shared watches only, of which all but the first command of a life
// come to a feed that has shown much already.
func TestShared(t *testing.T) {
	liveAs(t, func(s *scenario) {
		s.shared = true
		if s.seed%2 == 1 {
			s.verbByVerb()
		}
	})
}

// TestVerbs lives through histories of one command after the other only.
func TestVerbs(t *testing.T) { liveAs(t, (*scenario).verbByVerb) }

// liveAs lives through histories of one kind.
func liveAs(t *testing.T, become func(*scenario)) {
	shapes := shapes(t)
	draw := func(seed uint64) scenario {
		s := draw(seed, shapes)
		become(&s)
		return s
	}
	if seed := option("seed"); seed != 0 {
		h := play(t, draw(seed), nil)
		t.Log("\n" + h.String())
		for _, wrong := range judged(h) {
			t.Error(wrong)
		}
		return
	}
	bad := 0
	for seed := option("first"); seed < option("first")+histories(); seed++ {
		for _, wrong := range judged(play(t, draw(seed), nil)) {
			if bad++; bad <= 20 {
				t.Errorf("seed %d: %s\n\tgo test ./internal/simworld -run %s -seed=%d", seed, wrong, t.Name(), seed)
			}
		}
	}
}
