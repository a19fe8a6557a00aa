package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// cluster is a cluster of which a test decides what its watches show and when its reads end.
type cluster struct {
	ops.Cluster

	mu      sync.Mutex
	watches []engine.Target
	outs    []chan<- snapshot.Change
	reads   []string
	gate    chan struct{} // a read ends when it gives
}

func (c *cluster) Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change) {
	c.mu.Lock()
	c.watches, c.outs = append(c.watches, target), append(c.outs, out)
	c.mu.Unlock()
	<-ctx.Done()
}

func (c *cluster) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	c.mu.Lock()
	c.reads = append(c.reads, fmt.Sprint(target.Name, kinds))
	n := len(c.reads)
	c.mu.Unlock()
	if c.gate != nil && target.Name == "" {
		select {
		case <-c.gate:
		case <-ctx.Done():
		}
	}
	return []snapshot.Object{pod(fmt.Sprint("read-", n), "")}, nil
}

const root snapshot.Kind = "Thing"

func target(name string, kinds ...snapshot.Kind) engine.Target {
	id := engine.Identity{Kind: string(root), Resource: schema.GroupVersionResource{Resource: "things"}}
	return engine.Target{Identity: id, Namespace: "ns", Name: name, Kinds: kinds}
}

func thing(name, uid string) snapshot.Object {
	o := &unstructured.Unstructured{}
	o.SetKind(string(root))
	o.SetName(name)
	o.SetUID(types.UID(uid))
	return o
}

func pod(name, uid string) snapshot.Object {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(uid)}}
}

func seen(kind snapshot.Kind, o snapshot.Object) snapshot.Change {
	return snapshot.Change{Type: snapshot.Seen, Kind: kind, Object: o}
}

func listed(kind snapshot.Kind, version string, uids ...types.UID) snapshot.Change {
	there := map[types.UID]bool{}
	for _, uid := range uids {
		there[uid] = true
	}
	return snapshot.Change{Type: snapshot.Listed, Kind: kind, There: there, Version: version}
}

// ear is a session that writes down what it is shown.
type ear struct {
	mu    sync.Mutex
	heard []string
	stop  context.CancelFunc
}

func listen(ctx context.Context, h *Hub, t engine.Target) *ear {
	ctx, cancel := context.WithCancel(ctx)
	e := &ear{stop: cancel}
	out := make(chan snapshot.Change)
	go h.Watch(ctx, t, out)
	go func() {
		for {
			select {
			case c := <-out:
				e.mu.Lock()
				e.heard = append(e.heard, words(c))
				e.mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	}()
	return e
}

func words(c snapshot.Change) string {
	text := string(c.Kind) + " " + [...]string{"seen", "deleted", "listed", "synced", "lost", "restored", "denied"}[c.Type]
	if c.Object != nil {
		text += " " + c.Object.GetName()
	}
	if c.Type == snapshot.Listed {
		var uids []string
		for uid := range c.There {
			uids = append(uids, string(uid))
		}
		slices.Sort(uids)
		text += " " + c.Version + " " + strings.Join(uids, ",")
	}
	return text
}

func (e *ear) wants(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if diff := cmp.Diff(want, e.heard); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e.heard = nil
}

// within begins a test on a hub.
func within(t *testing.T, extra []snapshot.Kind, test func(ctx context.Context, h *Hub, c *cluster, show func(...snapshot.Change))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		h, end := New(t.Context(), c, extra...)
		defer end()
		test(t.Context(), h, c, func(changes ...snapshot.Change) {
			synctest.Wait()
			for _, change := range changes {
				c.outs[0] <- change
			}
		})
	})
}

func TestHub(t *testing.T) {
	broken := errors.New("broken")
	t.Run("one watch for all, to each its own", func(t *testing.T) {
		within(t, []snapshot.Kind{snapshot.HPA}, func(ctx context.Context, h *Hub, c *cluster, show func(...snapshot.Change)) {
			a, b := listen(ctx, h, target("a", snapshot.Pod)), listen(ctx, h, target("b", snapshot.Pod, snapshot.HPA))
			defer a.stop()
			defer b.stop()
			show(seen(root, thing("a", "1")), seen(root, thing("b", "2")), listed(root, "5", "1", "2"), snapshot.Change{Type: snapshot.Synced, Kind: root},
				seen(snapshot.Pod, pod("p", "3")), snapshot.Change{Type: snapshot.Synced, Kind: snapshot.HPA}, snapshot.Change{Type: snapshot.Deleted, Kind: root, Object: thing("b", "2")})
			a.wants(t, "Thing seen a", "Thing listed 5 1,2", "Thing synced", "Pod seen p")
			b.wants(t, "Thing seen b", "Thing listed 5 1,2", "Thing synced", "Pod seen p", "HorizontalPodAutoscaler synced", "Thing deleted b")
			if len(c.watches) != 1 || c.watches[0].Name != "" || len(c.watches[0].Kinds) != 2 {
				t.Errorf("it watched %+v, want one watch of all, with the extra kind", c.watches)
			}
		})
	})
	t.Run("who comes late gets what is known", func(t *testing.T) {
		within(t, nil, func(ctx context.Context, h *Hub, _ *cluster, show func(...snapshot.Change)) {
			first := listen(ctx, h, target("x", snapshot.Pod, snapshot.Event, snapshot.Service))
			defer first.stop()
			show(seen(root, thing("a", "1")), listed(root, "5", "1"), snapshot.Change{Type: snapshot.Synced, Kind: root},
				snapshot.Change{Type: snapshot.Deleted, Kind: root, Object: thing("a", "1")}, seen(root, thing("a", "2")),
				seen(snapshot.Pod, pod("q", "4")), seen(snapshot.Pod, pod("p", "3")), listed(snapshot.Pod, "7", "3", "4"), snapshot.Change{Type: snapshot.Synced, Kind: snapshot.Pod},
				snapshot.Change{Type: snapshot.Deleted, Kind: snapshot.Pod, Object: pod("q", "4")},
				snapshot.Change{Type: snapshot.Synced, Kind: snapshot.Event}, seen(snapshot.Event, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "told", UID: "9"}}),
				snapshot.Change{Type: snapshot.Lost, Kind: snapshot.Pod, Err: broken}, snapshot.Change{Type: snapshot.Denied, Kind: snapshot.Service, Err: broken})
			synctest.Wait()
			late := listen(ctx, h, target("a", snapshot.Pod, snapshot.Event, snapshot.Service))
			defer late.stop()
			late.wants(t, "Thing deleted a", "Event synced", "Pod seen p", "Pod listed 7 3", "Pod synced", "Pod lost", "Service denied", "Thing seen a", "Thing listed 5 2", "Thing synced")
			show(seen(snapshot.Pod, pod("r", "5")), snapshot.Change{Type: snapshot.Restored, Kind: snapshot.Pod})
			late.wants(t, "Pod seen r", "Pod restored")
			later := listen(ctx, h, target("b", snapshot.Pod))
			defer later.stop()
			later.wants(t, "Pod seen p", "Pod seen r", "Pod listed 7 3,5", "Pod synced", "Thing listed 5 2", "Thing synced")
		})
	})
	t.Run("a kind that is wanted late is watched late", func(t *testing.T) {
		within(t, nil, func(ctx context.Context, h *Hub, c *cluster, show func(...snapshot.Change)) {
			a := listen(ctx, h, target("a", snapshot.Pod))
			defer a.stop()
			synctest.Wait()
			b := listen(ctx, h, target("b", snapshot.Pod, snapshot.HPA))
			defer b.stop()
			show(seen(root, thing("b", "2")))
			b.wants(t, "Thing seen b")
			c.outs[1] <- seen(root, thing("b", "2"))
			c.outs[1] <- snapshot.Change{Type: snapshot.Synced, Kind: snapshot.HPA}
			b.wants(t, "HorizontalPodAutoscaler synced")
			a.wants(t)
		})
	})
	t.Run("who takes nothing keeps nobody waiting", func(t *testing.T) {
		within(t, nil, func(ctx context.Context, h *Hub, _ *cluster, show func(...snapshot.Change)) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go h.Watch(ctx, target("deaf", snapshot.Pod), make(chan snapshot.Change))
			a := listen(ctx, h, target("a", snapshot.Pod))
			var many []snapshot.Change
			var want []string
			for i := range 3 * buffer {
				many = append(many, seen(snapshot.Pod, pod(strconv.Itoa(i), strconv.Itoa(i))))
				want = append(want, fmt.Sprint("Pod seen ", i))
			}
			show(many...)
			a.wants(t, want...)
		})
	})
}

// TestReads holds shared reads to consistency: what was asked for after a read began is answered by a later one.
func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{gate: make(chan struct{})}
		h, end := New(t.Context(), c)
		defer end()
		var mu sync.Mutex
		answers := map[string][]string{}
		read := func(who string) {
			objects, err := h.Read(t.Context(), target(who), root, snapshot.Pod, snapshot.Deployment)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, o := range objects {
				answers[who] = append(answers[who], o.GetName())
			}
		}
		go read("first")
		synctest.Wait()
		go read("second")
		go read("third")
		synctest.Wait()
		c.gate <- struct{}{}
		synctest.Wait()
		if len(answers) != 1 {
			t.Errorf("answered %v, want the first alone", answers)
		}
		c.gate <- struct{}{}
		synctest.Wait()
		if answers["first"][1] == answers["second"][1] || answers["second"][1] != answers["third"][1] {
			t.Errorf("answered %v, want one answer below the object for the first and another for the two that came later", answers)
		}
		if n := len(c.reads); n != 5 {
			t.Errorf("it read %d times, want each object by itself and the rest twice: %v", n, c.reads)
		}
	})
}

// TestHubRaces is for the race detector: sessions come and go while the watches bring news.
func TestHubRaces(t *testing.T) {
	c := &cluster{}
	h, end := New(t.Context(), c, snapshot.HPA)
	var sessions sync.WaitGroup
	for i := range 20 {
		sessions.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := make(chan snapshot.Change)
			go h.Watch(ctx, target(strconv.Itoa(i%5), snapshot.Pod, snapshot.Deployment), out)
			if _, err := h.Read(ctx, target("x"), root, snapshot.Pod); err != nil {
				t.Error(err)
			}
			for range 50 {
				<-out
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			c.mu.Lock()
			outs := slices.Clone(c.outs)
			c.mu.Unlock()
			for _, out := range outs {
				select {
				case out <- seen(snapshot.Pod, pod(strconv.Itoa(n%7), strconv.Itoa(n%7))):
				case <-stop:
					return
				}
			}
		}
	}()
	sessions.Wait()
	close(stop)
	end()
}
