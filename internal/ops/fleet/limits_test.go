package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
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

// TestDeadlineDeletes: when the whole command's time is over, what it has made is still deleted, but nothing
// is waited for any more.
func TestDeadlineDeletes(t *testing.T) {
	for held, want := range map[string]ops.Reason{"": ops.TimedOut, "roles/r": ops.Leftover} {
		synctest.Test(t, func(t *testing.T) {
			s, began := &tale{}, time.Now()
			cluster := &store{objects: map[string]*unstructured.Unstructured{}, held: held}
			reason := Go(t.Context(), deps(s, cluster, nil), Plan{
				Stages:  []Stage{&Throwaway{Name: "own", ID: "id"}, &Lent{Objects: cluster, ID: "id", Supporting: []Supporting{supports("Role", "r", "1")}}},
				Members: []Member{acts("a", 2*time.Minute, ops.TimedOut)}, Parallel: 1,
				Manner: ops.Manner{Limits: ops.Limits{Wait: time.Hour, Cleanup: time.Minute, Total: time.Minute}},
			})
			if reason != want {
				t.Errorf("it ended with %s, want %s", reason, want)
			}
			sent := strings.Join(cluster.sent, ", ")
			if !strings.HasSuffix(sent, "delete roles/r, delete namespaces/own") {
				t.Errorf("it sent %s", sent)
			}
			if took := time.Since(began) - accountLimit - 2*time.Minute; took > answerGrace {
				t.Errorf("it took %s longer than its members", took)
			}
			if told := slices.Contains(s.lines, "failure about Role/r: Role/r is not gone"); told != (held != "") {
				t.Errorf("it told %v", s.lines)
			}
		})
	}
}

// TestLeftoverRanks: what the stages leave is ranked with how the members ended.
func TestLeftoverRanks(t *testing.T) {
	for member, want := range map[ops.Reason]ops.Reason{
		ops.Reached: ops.Leftover, ops.TimedOut: ops.Leftover, ops.Conflict: ops.Leftover, ops.Failed: ops.Failed, ops.Denied: ops.Denied, ops.Interrupted: ops.Interrupted,
	} {
		synctest.Test(t, func(t *testing.T) {
			cluster := &store{objects: map[string]*unstructured.Unstructured{}, held: "secrets/s"}
			if reason := Go(t.Context(), deps(&tale{}, cluster, nil), Plan{
				Stages:  []Stage{&Lent{Objects: cluster, ID: "id", Supporting: []Supporting{supports("Secret", "s", "1")}}},
				Members: []Member{acts("a", time.Second, member)}, Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute, Cleanup: time.Minute}},
			}); reason != want {
				t.Errorf("a member's %s and what is left make %s, want %s", member, reason, want)
			}
		})
	}
}

// broken is a cluster to which the first deletions do not get through, or whose answers are lost.
type broken struct {
	*store

	err     error
	arrives bool
	times   int
}

func (b *broken) Delete(ctx context.Context, r schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	b.times--
	if b.times < 0 || b.arrives {
		err := b.store.Delete(ctx, r, namespace, name, uid)
		if b.times < 0 {
			return err
		}
	} else {
		b.sent = append(b.sent, "lost "+name)
	}
	return b.err
}

// TestInsists: a DELETE that was lost is sent again, within the limit; one that was refused is not.
func TestInsists(t *testing.T) {
	lost := errors.New("the connection broke")
	for name, c := range map[string]struct {
		cluster broken
		sent    string
		reason  ops.Reason
	}{
		"request lost":  {broken{err: lost, times: 2}, "create secrets/s, lost s, lost s, delete secrets/s", ops.Reached},
		"answer lost":   {broken{err: lost, times: 1, arrives: true}, "create secrets/s, delete secrets/s", ops.Reached},
		"server failed": {broken{err: apierrors.NewInternalError(lost), times: 1}, "create secrets/s, lost s, delete secrets/s", ops.Reached},
		"refused":       {broken{err: apierrors.NewForbidden(schema.GroupResource{}, "s", lost), times: 1}, "create secrets/s, lost s", ops.Leftover},
		"never":         {broken{err: lost, times: 100}, "create secrets/s, lost s, lost s, lost s", ops.Leftover},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cluster.store = &store{objects: map[string]*unstructured.Unstructured{}}
				reason := Go(t.Context(), deps(&tale{}, &c.cluster, nil), Plan{
					Stages: []Stage{&Lent{Objects: c.cluster.store, ID: "id", Supporting: []Supporting{supports("Secret", "s", "1")}}},
					Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute, Cleanup: 2500 * time.Millisecond}},
				})
				if sent := strings.Join(c.cluster.sent, ", "); sent != c.sent || reason != c.reason {
					t.Errorf("it sent %s and ended with %s, want %s and %s", sent, reason, c.sent, c.reason)
				}
			})
		})
	}
}

// unwatched is a cluster on which nothing may be watched and what is deleted goes after a while.
type unwatched struct {
	*store

	after time.Duration
}

func (u unwatched) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	select {
	case out <- snapshot.Change{Type: snapshot.Denied, Kind: target.Kind(), Err: errors.New("forbidden")}:
	case <-ctx.Done():
	}
	<-ctx.Done()
}

func (u unwatched) Delete(_ context.Context, r schema.GroupVersionResource, _, name string, _ types.UID) error {
	time.AfterFunc(u.after, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.objects, u.key(r, name))
	})
	return nil
}

// TestUnwatched: who may not watch namespaces can still rehearse in one of their own.
func TestUnwatched(t *testing.T) {
	for after, want := range map[time.Duration]ops.Reason{5500 * time.Millisecond: ops.Reached, time.Hour: ops.Leftover} {
		synctest.Test(t, func(t *testing.T) {
			s, began := &tale{}, time.Now()
			cluster := unwatched{&store{objects: map[string]*unstructured.Unstructured{}}, after}
			reason := Go(t.Context(), deps(s, cluster, nil), Plan{
				Stages: []Stage{&Throwaway{Name: "own", ID: "id"}}, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute, Cleanup: time.Minute}},
			})
			if took := time.Since(began); reason != want || took != min(after.Round(time.Second), time.Minute) {
				t.Errorf("it ended with %s after %s", reason, took)
			}
			if said := "warning about Namespace/own: namespaces may not be watched: Namespace/own is read every second until it is gone"; !slices.Contains(s.lines, said) {
				t.Errorf("it told %q", s.lines)
			}
		})
	}
}

// hanging is a cluster that does not answer requests of one verb, each of which is given up after 30 s.
type hanging struct {
	*store

	verb string
}

func (h hanging) hang(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

func (h hanging) Delete(ctx context.Context, r schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	if h.verb == "delete" {
		return h.hang(ctx)
	}
	return h.store.Delete(ctx, r, namespace, name, uid)
}

func (h hanging) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	if h.verb == "read" && len(h.sent) > 2 { // those about the creation are answered
		return nil, h.hang(ctx)
	}
	return h.store.Read(ctx, target, kinds...)
}

// TestSecondInterrupt: who interrupts the cleanup too waits no longer than for an answer that is on its way, and
// is told all that may be left.
func TestSecondInterrupt(t *testing.T) {
	for name, c := range map[string]struct {
		verb string
		// deaf is how many interrupts come before the member ends.
		deaf int
		told [2]string
	}{
		"while a DELETE hangs":  {"delete", 1, [2]string{"context canceled", "no DELETE was sent for it any more"}},
		"while a read hangs":    {"read", 1, [2]string{"context canceled", "context canceled"}},
		"while the member ends": {"delete", 2, [2]string{"context canceled", "no DELETE was sent for it any more"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, interrupts := &tale{}, make(chan ops.Reason)
				var second time.Time
				go func() {
					for range 2 {
						time.Sleep(5 * time.Second)
						second = time.Now()
						interrupts <- ops.Interrupted
					}
				}()
				member := Member{Namespace: "ns", Name: "m", Act: func(_ context.Context, d ops.Deps, _ ops.Manner) (reason ops.Reason) {
					for range c.deaf {
						reason = <-d.Interrupts
					}
					return reason
				}}
				cluster := hanging{&store{objects: map[string]*unstructured.Unstructured{}}, c.verb}
				reason := Go(t.Context(), deps(s, cluster, interrupts), Plan{
					Stages:  []Stage{&Lent{Objects: cluster, ID: "id", Supporting: []Supporting{supports("Secret", "a", "1"), supports("Secret", "b", "1")}}},
					Members: []Member{member}, Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: 2 * time.Minute, Cleanup: time.Minute}},
				})
				if took := time.Since(second); reason != ops.Interrupted || took > answerGrace {
					t.Errorf("it ended with %s, %s after the second interrupt", reason, took)
				}
				for i, about := range []string{"Secret/b", "Secret/a"} { // the last that was made goes first
					if want := "failure about " + about + ": " + about + " may not be gone: " + c.told[i]; !slices.Contains(s.lines, want) {
						t.Errorf("it told %q, want among it %q", s.lines, want)
					}
				}
			})
		})
	}
}

// TestFirstInterrupt: who interrupts while all is being removed anyway asks for what is done.
func TestFirstInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, began, interrupts := &tale{}, time.Now(), make(chan ops.Reason)
		go func() {
			time.Sleep(time.Second)
			interrupts <- ops.Interrupted
		}()
		cluster := unwatched{&store{objects: map[string]*unstructured.Unstructured{}}, 5500 * time.Millisecond}
		reason := Go(t.Context(), deps(s, cluster, interrupts), Plan{
			Stages: []Stage{&Throwaway{Name: "own", ID: "id"}}, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute, Cleanup: time.Minute}},
		})
		if took := time.Since(began); reason != ops.Reached || took != 6*time.Second || !slices.Contains(s.lines, "claim about Namespace/own: gone: Namespace/own and all that was in it") {
			t.Errorf("it ended with %s after %s and told %q", reason, took, s.lines)
		}
	})
}

// blinking is a cluster whose reads fail for a while after a DELETE.
type blinking struct {
	*store

	err   error
	lasts time.Duration
	until time.Time
}

func (b *blinking) Delete(ctx context.Context, r schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	b.until = time.Now().Add(b.lasts)
	return b.store.Delete(ctx, r, namespace, name, uid)
}

func (b *blinking) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	if time.Now().Before(b.until) {
		return nil, b.err
	}
	return b.store.Read(ctx, target, kinds...)
}

// TestReadsAgain: whether it is gone is asked again where the read after the DELETE failed on the way, within
// the limit; a refusal is an answer.
func TestReadsAgain(t *testing.T) {
	lost := errors.New("the connection broke")
	for name, c := range map[string]struct {
		err         error
		held        string
		lasts, took time.Duration
		reason      ops.Reason
		told        string
	}{
		"connection lost": {lost, "", 2500 * time.Millisecond, 3 * time.Second, ops.Reached, "claim  gone: Secret/s"},
		"server fails":    {apierrors.NewInternalError(lost), "", 2500 * time.Millisecond, 3 * time.Second, ops.Reached, "claim  gone: Secret/s"},
		"it is held":      {lost, "secrets/s", 2500 * time.Millisecond, time.Minute, ops.Leftover, "failure about Secret/s: Secret/s is not gone"},
		"never":           {lost, "", time.Hour, time.Minute, ops.Leftover, "failure about Secret/s: Secret/s may not be gone: the connection broke"},
		"refused":         {apierrors.NewUnauthorized("who?"), "", time.Hour, 0, ops.Leftover, "failure about Secret/s: Secret/s may not be gone: who?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := &tale{}, time.Now()
				cluster := &blinking{store: &store{objects: map[string]*unstructured.Unstructured{}, held: c.held}, err: c.err, lasts: c.lasts}
				reason := Go(t.Context(), deps(s, cluster, nil), Plan{
					Stages: []Stage{&Lent{Objects: cluster, ID: "id", Supporting: []Supporting{supports("Secret", "s", "1")}}},
					Manner: ops.Manner{Limits: ops.Limits{Wait: 2 * time.Minute, Cleanup: time.Minute}},
				})
				if took := time.Since(began); reason != c.reason || took != c.took || !slices.Contains(s.lines, c.told) {
					t.Errorf("it ended with %s after %s and told %q", reason, took, s.lines)
				}
			})
		})
	}
}
