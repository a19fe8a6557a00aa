package fleet

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/ops"
)

// silent is a cluster that never says where a kind is.
type silent struct{ *store }

func (s silent) Resource(ctx context.Context, _ schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	<-ctx.Done()
	return schema.GroupVersionResource{}, false, fmt.Errorf("ask: %w", ctx.Err())
}

// TestSetUpLimit: what precedes the members takes no longer than the user allows a wait.
func TestSetUpLimit(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{3 * time.Second: 3 * time.Second, 0: lookLimit, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			reason := Go(t.Context(), deps(&tale{}, &store{}, nil), Plan{
				Stages: []Stage{&Applied{Objects: silent{}, Supporting: []Supporting{supports("Secret", "s", "1")}}}, Manner: ops.Manner{Limits: ops.Limits{Wait: wait}},
			})
			if took := time.Since(began); took != want || reason != ops.Unusable {
				t.Errorf("with a limit of %s it ended with %s after %s", wait, reason, took)
			}
		})
	}
}
