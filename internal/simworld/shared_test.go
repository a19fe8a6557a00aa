package simworld_test

import "testing"

// TestShared lives through histories on shared watches: by one run, and by one command after the other, of
// which all but the first come to a feed that has shown much already.
func TestShared(t *testing.T) {
	shapes := shapes(t)
	run := func(seed uint64) (*history, []violation) {
		s := draw(seed, shapes)
		s.shared = true
		if seed%2 == 0 {
			h := play(t, s, nil)
			return h, judged(h)
		}
		s.verbs, s.rival, s.interrupts = true, 0, nil
		h := play(t, s, nil)
		return h, judgedVerbs(h)
	}
	if seed := option("seed"); seed != 0 {
		h, wrong := run(seed)
		t.Log("\n" + h.String())
		for _, w := range wrong {
			t.Error(w)
		}
		return
	}
	bad := 0
	for seed := option("first"); seed < option("first")+histories(); seed++ {
		_, wrong := run(seed)
		for _, w := range wrong {
			if bad++; bad <= 20 {
				t.Errorf("seed %d: %s\n\tgo test ./internal/simworld -run TestShared -seed=%d", seed, w, seed)
			}
		}
	}
}
