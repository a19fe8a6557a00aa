package all

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestFor(t *testing.T) {
	cases := map[string]struct {
		reason string
		kind   schema.GroupKind
		want   bool
	}{
		"seldon core v1": {"the first engine", schema.GroupKind{Group: "machinelearning.seldon.io", Kind: "SeldonDeployment"}, true},
		"other group":    {"the kind alone does not decide", schema.GroupKind{Group: "example.com", Kind: "SeldonDeployment"}, false},
		"other kind":     {"nor does the group", schema.GroupKind{Group: "machinelearning.seldon.io", Kind: "Model"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e, ok := For(c.kind)
			if ok != c.want || (e != nil) != c.want {
				t.Errorf("For(%v) = %v, %t; want found %t: %s", c.kind, e, ok, c.want, c.reason)
			}
		})
	}
}

func TestTableIsConsistent(t *testing.T) {
	for _, e := range Table() {
		id := e.Identity()
		if len(id.Versions) == 0 || id.Versions[0] != id.Resource.Version {
			t.Errorf("%s: the first of the versions %v must be the resource's, %s", id.Kind, id.Versions, id.Resource.Version)
		}
	}
}
