package fleet

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// warner is a cluster that warns about what it is sent.
type warner struct{ *store }

func (w warner) Create(ctx context.Context, r schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error) {
	answer, err := w.store.Create(ctx, r, o, how)
	answer.Warnings = []string{"it is old"}
	return answer, err
}

// TestSources holds what is told of a supporting object to the line where it stands, which CI systems point at.
func TestSources(t *testing.T) {
	other := supports("Secret", "there", "2").Object
	for name, c := range map[string]struct {
		object Supporting
		store  *store
		kind   journal.EntryType
	}{
		"a warning":               {supports("Secret", "s", "1"), &store{}, journal.Warning},
		"forbidden":               {supports("Secret", "s", "1"), &store{forbidden: "secrets/s"}, journal.Failure},
		"there otherwise":         {supports("Secret", "there", "1"), &store{}, journal.Failure},
		"of the whole cluster":    {supports("ClusterRole", "c", "1"), &store{}, journal.Failure},
		"of a kind nobody serves": {supports("Unknown", "u", "1"), &store{}, journal.Failure},
	} {
		t.Run(name, func(t *testing.T) {
			c.store.objects = map[string]*unstructured.Unstructured{"secrets/there": other}
			var told []journal.Entry
			stage := &Lent{Objects: c.store, Supporting: []Supporting{c.object}, ID: "id"}
			stage.up(t.Context(), ops.Deps{Cluster: warner{c.store}}, func(e journal.Entry) {
				if e.Type == c.kind {
					told = append(told, e)
				}
			})
			if len(told) != 1 || told[0].Source != c.object.Position {
				t.Errorf("it told %+v, want one entry about %s", told, c.object.Position)
			}
		})
	}
	c := &store{objects: map[string]*unstructured.Unstructured{}}
	var told journal.Entry
	(&Applied{Objects: c, Supporting: []Supporting{supports("Unknown", "u", "1")}}).up(t.Context(), ops.Deps{Cluster: c}, func(e journal.Entry) { told = e })
	if told.Source != "u.yaml:1" {
		t.Errorf("apply told %+v", told)
	}
}
