package ops

import "testing"

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		reasons []Reason
		want    Reason
	}{
		{nil, Reached},
		{[]Reason{Reached, ""}, Reached},
		{[]Reason{Unexpected, Invalid}, Invalid},
		{[]Reason{Conflict, Invalid}, Conflict},
		{[]Reason{TimedOut, Conflict}, TimedOut},
		{[]Reason{TimedOut, Vanished}, Vanished},
		{[]Reason{Leftover, Vanished}, Leftover},
		{[]Reason{Leftover, Failed}, Failed},
		{[]Reason{Failed, Denied}, Denied},
		{[]Reason{Denied, Unusable}, Unusable},
		{[]Reason{Unusable, Terminated}, Terminated},
		{[]Reason{"Unheard", Reached}, "Unheard"},
	} {
		if got := Worst(c.reasons...); got != c.want {
			t.Errorf("Worst(%v) is %s, want %s", c.reasons, got, c.want)
		}
	}
}
