package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// tale is a sink that keeps what was told.
type tale struct {
	mu      sync.Mutex
	lines   []string
	entries []journal.Entry
}

func (s *tale) Write(e journal.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := string(e.Type) + " " + strings.TrimPrefix(e.Root, "ns/") + " " + e.Text
	if e.Object != nil {
		line = string(e.Type) + " about " + e.Object.String() + ": " + e.Text
	}
	s.lines, s.entries = append(s.lines, line), append(s.entries, e)
	return nil
}

func (s *tale) Close() error { return nil }

func (s *tale) wants(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func deps(s ops.Sink, cluster ops.Cluster, interrupts <-chan ops.Reason) ops.Deps {
	return ops.Deps{Cluster: cluster, Engine: seldon.New(), Sink: s, Now: time.Now, Interrupts: interrupts, Requests: func() int { return 7 }}
}

// acts is a member that says that it has begun, takes its time and ends with a reason, unless it is interrupted.
func acts(name string, takes time.Duration, reason ops.Reason) Member {
	return Member{Namespace: "ns", Name: name, Act: func(_ context.Context, d ops.Deps, m ops.Manner) ops.Reason {
		tell := func(kind journal.EntryType, text string) {
			_ = d.Sink.Write(journal.Entry{Type: kind, Root: "ns/" + name, At: time.Now(), Text: text})
		}
		tell(journal.Opening, m.Where)
		tell(journal.Note, "begun")
		end := reason
		select {
		case <-time.After(takes):
		case end = <-d.Interrupts:
		}
		word := "done"
		if end != ops.Reached {
			word = "not reached"
		}
		tell(journal.Closing, fmt.Sprintf("%s: acted; %d API requests; exit %d", word, d.Requests(), end.Code()))
		return end
	}}
}

func TestGo(t *testing.T) {
	t.Run("failures last, the worst decides", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &tale{}
			reason := Go(t.Context(), deps(s, nil, nil), Plan{Parallel: 1, Manner: ops.Manner{Where: "here"}, Members: []Member{
				acts("a", time.Second, ops.TimedOut), acts("b", 2*time.Second, ops.Reached), acts("c", time.Second, ops.Failed),
			}})
			if reason != ops.Failed {
				t.Errorf("it ended with %s", reason)
			}
			s.wants(t, "opening  here", "opening a here", "opening b here", "opening c here", "note a begun", "note b begun", "note c begun",
				"closing b done: acted; exit 0", "closing a not reached: acted; exit 6", "closing c not reached: acted; exit 3",
				"closing  not reached: 1 of 3 reached their goal; 7 API requests; exit 3")
		})
	})
	t.Run("so many at a time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var all []Member
			for i := range 7 {
				all = append(all, acts(strconv.Itoa(i), time.Second, ops.Reached))
			}
			Go(t.Context(), deps(&tale{}, nil, nil), Plan{Parallel: 3, Members: all})
			if took := time.Since(began); took != 3*time.Second {
				t.Errorf("7 of a second each, 3 at a time, took %s", took)
			}
		})
	})
	t.Run("an interrupt reaches all, and nobody begins after it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, interrupts := &tale{}, make(chan ops.Reason)
			go func() {
				time.Sleep(time.Second)
				interrupts <- ops.Terminated
			}()
			reason := Go(t.Context(), deps(s, nil, interrupts), Plan{Parallel: 2, Members: []Member{
				acts("a", time.Minute, ops.Reached), acts("b", time.Minute, ops.Reached), acts("c", time.Minute, ops.Reached),
			}})
			if reason != ops.Terminated {
				t.Errorf("it ended with %s", reason)
			}
			if last := s.lines[len(s.lines)-2]; last != "closing c not begun; exit 143" || slices.Contains(s.lines, "note c begun") {
				t.Errorf("the last member's: %q", last)
			}
		})
	})
	t.Run("the whole command's time is everybody's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &tale{}
			reason := Go(t.Context(), deps(s, nil, nil), Plan{Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Total: time.Minute}}, Members: []Member{
				acts("a", 2*time.Minute, ops.Reached), acts("b", time.Minute, ops.Reached),
			}})
			if reason != ops.TimedOut || !slices.Contains(s.lines, "closing b not begun: the time of the whole command was over; exit 6") {
				t.Errorf("it ended with %s: %v", reason, s.lines)
			}
		})
	})
	t.Run("a question stands alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &tale{}
			choose := func(_ context.Context, _ ops.Deps, told func(journal.Entry)) ([]Member, ops.Reason) {
				told(journal.Entry{Type: journal.Note, Text: "chosen"})
				if len(s.lines) > 0 {
					t.Errorf("told before the answer: %v", s.lines)
				}
				return []Member{acts("a", time.Second, ops.Reached)}, ops.Reached
			}
			Go(t.Context(), deps(s, nil, nil), Plan{Parallel: 1, Manner: ops.Manner{Where: "here"}, Choose: choose, Asks: true})
			s.wants(t, "opening  here", "note  chosen", "opening a here", "note a begun", "closing a done: acted; 7 API requests; exit 0")
		})
	})
	t.Run("a mistake in one takes nothing from the others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, cluster := &tale{}, &store{objects: map[string]*unstructured.Unstructured{}}
			broken := Member{Namespace: "ns", Name: "b", Act: func(context.Context, ops.Deps, ops.Manner) ops.Reason { panic("out of ideas") }}
			reason := Go(t.Context(), deps(s, cluster, nil), Plan{
				Stages: []Stage{&Lent{Objects: cluster, Supporting: []Supporting{supports("Secret", "s", "1")}, ID: "id"}}, ID: "id", Parallel: 3, Manner: ops.Manner{Limits: ops.Limits{Cleanup: time.Minute}},
				Members: []Member{acts("a", time.Second, ops.Reached), broken, acts("c", time.Second, ops.Reached)},
			})
			if reason != ops.Unexpected || len(cluster.objects) > 0 {
				t.Errorf("it ended with %s and left %v", reason, cluster.objects)
			}
			for _, want := range []string{
				"closing a done: acted; exit 0", "closing c done: acted; exit 0", "claim  gone: Secret/s",
				"failure b a mistake of this program has ended it: out of ideas; what it made may be left", "closing b not reached: a mistake of this program has ended it; exit 1",
			} {
				if !slices.Contains(s.lines, want) {
					t.Errorf("%q was not told: %q", want, s.lines)
				}
			}
			told := s.entries[slices.IndexFunc(s.entries, func(e journal.Entry) bool { return e.Type == journal.Failure })]
			if told.Reason != "Unexpected" || !strings.HasSuffix(told.Hint, "seldonctl delete --run id -n ns") || !strings.Contains(told.Details[0], "fleet_test.go:") {
				t.Errorf("it was told as %+v", told)
			}
		})
	})
	t.Run("one alone reads like one alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &tale{}
			Go(t.Context(), deps(s, nil, nil), Plan{Parallel: 1, Manner: ops.Manner{Where: "here"}, Members: []Member{acts("a", time.Second, ops.Reached)}})
			s.wants(t, "opening  here", "opening a here", "note a begun", "closing a done: acted; 7 API requests; exit 0")
		})
	})
}

// store is a cluster that holds objects of any kind.
type store struct {
	ops.Cluster

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured
	uids    int
	// lose makes an answer to a creation get lost after the object was made; held objects stay when they are deleted.
	lose, held string
	forbidden  string
	rules      []authorizationv1.ResourceRule
	sent       []string
}

func (s *store) key(r schema.GroupVersionResource, name string) string {
	return r.Resource + "/" + name
}

func (s *store) Create(_ context.Context, r schema.GroupVersionResource, o *unstructured.Unstructured, _ engine.WriteOptions) (engine.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.key(r, o.GetName())
	s.sent = append(s.sent, "create "+key)
	switch {
	case key == s.forbidden:
		return engine.Answer{}, apierrors.NewForbidden(r.GroupResource(), o.GetName(), errors.New(`User "u" cannot create it`))
	case s.objects[key] != nil:
		return engine.Answer{}, apierrors.NewAlreadyExists(r.GroupResource(), o.GetName())
	}
	made := o.DeepCopy()
	s.uids++
	made.SetUID(types.UID(fmt.Sprint("uid-", s.uids)))
	s.objects[key] = made
	if key == s.lose {
		return engine.Answer{}, errors.New("the connection broke")
	}
	return engine.Answer{Object: made}, nil
}

func (s *store) Read(_ context.Context, target engine.Target, _ ...snapshot.Kind) ([]snapshot.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[s.key(target.Identity.Resource, target.Name)]; o != nil {
		return []snapshot.Object{o}, nil
	}
	return nil, nil
}

func (s *store) Delete(_ context.Context, r schema.GroupVersionResource, _, name string, uid types.UID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.key(r, name)
	s.sent = append(s.sent, "delete "+key)
	o := s.objects[key]
	switch {
	case o == nil:
		return apierrors.NewNotFound(r.GroupResource(), name)
	case o.GetUID() != uid:
		return apierrors.NewConflict(r.GroupResource(), name, errors.New("the UID differs"))
	case key == s.held:
		o.SetFinalizers([]string{"test/hold"})
		return nil
	}
	delete(s.objects, key)
	return nil
}

func (s *store) Watch(ctx context.Context, _ engine.Target, out chan<- snapshot.Change) {
	select {
	case out <- snapshot.Change{Type: snapshot.Synced}:
	case <-ctx.Done():
	}
	<-ctx.Done()
}

func (s *store) Rules(context.Context, string) ([]authorizationv1.ResourceRule, bool, error) {
	return s.rules, s.rules != nil, nil
}

func (s *store) Resource(_ context.Context, kind schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	resource := kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s")
	if kind.Kind == "Unknown" {
		resource = schema.GroupVersionResource{}
	}
	return resource, kind.Kind != "ClusterRole", nil
}

func (s *store) Apply(_ context.Context, r schema.GroupVersionResource, o *unstructured.Unstructured, _, dryRun bool) (engine.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := o.DeepCopy()
	if there := s.objects[s.key(r, o.GetName())]; there != nil {
		made = there.DeepCopy()
		made.Object["data"] = o.Object["data"]
	}
	if !dryRun {
		s.objects[s.key(r, o.GetName())] = made
	}
	return engine.Answer{Object: made}, nil
}

// Kinds are those of the tests, and what no supporting object can be of.
func (s *store) Kinds(context.Context) (kinds map[schema.GroupVersionResource]string, unanswered []string, err error) {
	return map[schema.GroupVersionResource]string{
		{Version: "v1", Resource: "secrets"}: "Secret", {Version: "v1", Resource: "configmaps"}: "ConfigMap", {Version: "v1", Resource: "events"}: "Event", {Version: "v1", Resource: "endpoints"}: "Endpoints",
		{Group: "example.com", Version: "v1", Resource: "widgets"}:                               "Widget",
		{Group: "batch", Version: "v1", Resource: "cronjobs"}:                                    "CronJob",
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}:                   "Role",
		{Group: "machinelearning.seldon.io", Version: "v1alpha2", Resource: "seldondeployments"}: "SeldonDeployment",
	}, nil, nil
}

func (s *store) Labelled(context.Context, schema.GroupVersionResource, string, string) ([]metav1.PartialObjectMetadata, error) {
	return nil, nil
}

func supports(kind, name, data string) Supporting {
	return Supporting{Position: name + ".yaml:1", Object: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": "ns"}, "data": map[string]any{"x": data},
	}}}
}

func TestLent(t *testing.T) {
	two := []Supporting{supports("Role", "r", "1"), supports("Secret", "s", "1")}
	for name, c := range map[string]struct {
		there  []Supporting
		want   []Supporting
		store  *store
		reason ops.Reason
		sent   string
		left   string
		told   string
	}{
		"made and taken away":    {nil, two, &store{}, ops.Reached, "create secrets/s, create roles/r, delete roles/r, delete secrets/s", "", "claim  gone: Role/r, Secret/s"},
		"there as the file says": {[]Supporting{supports("Secret", "s", "1")}, two, &store{}, ops.Reached, "create roles/r, delete roles/r", "secrets/s", "note about Secret/s: exists already and is as the file says; it is left alone"},
		"there otherwise":        {[]Supporting{supports("Secret", "s", "2")}, two, &store{}, ops.Conflict, "", "secrets/s", "failure  s.yaml:1: Secret/s exists already in namespace ns and differs from the file; run changes nothing that it has not made"},
		"answer lost":            {nil, two, &store{lose: "roles/r"}, ops.Unexpected, "create secrets/s, create roles/r, delete roles/r, delete secrets/s", "", "claim  gone: Role/r, Secret/s"},
		"second is forbidden":    {nil, two, &store{forbidden: "roles/r"}, ops.Denied, "create secrets/s, create roles/r, delete secrets/s", "", "claim  gone: Secret/s"},
		"may create, not delete": {
			nil, two, &store{rules: []authorizationv1.ResourceRule{{APIGroups: []string{""}, Resources: []string{"*"}, Verbs: []string{"create", "get"}}}}, ops.Denied, "", "",
			"failure  not allowed in namespace ns: delete secrets; nothing was written",
		},
		"held":                    {nil, two, &store{held: "secrets/s"}, ops.Leftover, "create secrets/s, create roles/r, delete roles/r, delete secrets/s", "secrets/s", "failure about Secret/s: Secret/s is not gone"},
		"of the whole cluster":    {nil, []Supporting{supports("ClusterRole", "c", "1")}, &store{}, ops.Invalid, "", "", "failure  c.yaml:1: ClusterRole c belongs to the whole cluster; run makes only what is in a namespace"},
		"of a kind nobody serves": {nil, []Supporting{supports("Unknown", "u", "1")}, &store{}, ops.Invalid, "", "", "failure  u.yaml:1: the API server does not know the kind Unknown of v1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cluster := &tale{}, c.store
				cluster.objects = map[string]*unstructured.Unstructured{}
				for _, there := range c.there {
					o := there.Object.DeepCopy()
					o.SetUID("theirs")
					cluster.objects[strings.ToLower(o.GetKind())+"s/"+o.GetName()] = o
				}
				reason := Go(t.Context(), deps(s, cluster, nil), Plan{
					Stages: []Stage{&Lent{Objects: cluster, Supporting: c.want, ID: "id"}}, Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Cleanup: time.Minute}},
				})
				if reason != c.reason {
					t.Errorf("it ended with %s, want %s: %v", reason, c.reason, s.lines)
				}
				if got := strings.Join(cluster.sent, ", "); got != c.sent {
					t.Errorf("it sent %s\nwant    %s", got, c.sent)
				}
				if got := strings.Join(slices.Sorted(maps.Keys(cluster.objects)), ", "); got != c.left {
					t.Errorf("left is %s, want %s", got, c.left)
				}
				if !slices.Contains(s.lines, c.told) {
					t.Errorf("it told %q, want among it %q", s.lines, c.told)
				}
			})
		})
	}
}

// TestKeep holds the stages to staying where what failed is to be looked at.
func TestKeep(t *testing.T) {
	for _, c := range []struct {
		keep   ops.Keep
		reason ops.Reason
		stays  bool
	}{
		{ops.KeepNever, ops.Reached, false},
		{ops.KeepNever, ops.Failed, false},
		{ops.KeepFailure, ops.Reached, false},
		{ops.KeepFailure, ops.Failed, true},
		{ops.KeepAlways, ops.Reached, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			cluster := &store{objects: map[string]*unstructured.Unstructured{}}
			Go(t.Context(), deps(&tale{}, cluster, nil), Plan{
				Stages: []Stage{&Throwaway{Name: "own", ID: "id"}}, Members: []Member{acts("a", time.Second, c.reason)}, Parallel: 1, Keep: c.keep,
				Manner: ops.Manner{Limits: ops.Limits{Cleanup: time.Minute}},
			})
			if stays := cluster.objects["namespaces/own"] != nil; stays != c.stays {
				t.Errorf("--keep=%s after %s: it stays: %t", c.keep, c.reason, stays)
			}
		})
	}
}
