//go:build integration

package integration

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Two runs of one file at once: one takes the object through its life, the other is refused, and only the
// one that has created the object deletes it.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	w := watchNamespace(t, s.cluster, namespace)
	var both [2]trial
	for i := range both {
		both[i] = start(t, s, s.cluster, nil, "run", "-f", s.manifest("realistic.yaml"), "-n", namespace)
	}
	var codes []int
	for _, p := range both {
		code, err := p.end()
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
		if code == 8 {
			p.await(`  FAILED  .*realistic.* exists already`)
		}
		p.exits(code)
	}
	if slices.Sort(codes); !slices.Equal(codes, []int{0, 8}) {
		t.Errorf("they ended with %v, want 0 and 8", codes)
	}
	uids := map[types.UID]bool{}
	for _, seen := range w.history(t) {
		if o, ok := seen.object.(*unstructured.Unstructured); ok {
			uids[o.GetUID()] = true
		}
	}
	if len(uids) != 1 {
		t.Errorf("there were %d SeldonDeployments one after the other, want 1", len(uids))
	}
	if deletions := s.deletions(t, namespace); len(deletions) != 1 {
		t.Errorf("the API server was sent %d DELETEs, want 1", len(deletions))
	}
	s.mustBeEmpty(t, namespace)
}
