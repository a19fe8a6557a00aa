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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// labelled is a cluster with what carries a run's label.
type labelled struct {
	*store

	found  map[string][]string
	errors map[string]error
	// interrupt is called when a DELETE comes.
	interrupt func()
}

func (l *labelled) Labelled(_ context.Context, r schema.GroupVersionResource, namespace, _ string) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	for _, name := range l.found[r.Resource] {
		all = append(all, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}})
	}
	return all, l.errors[r.Resource]
}

func (l *labelled) Delete(ctx context.Context, r schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	if l.interrupt != nil {
		l.interrupt()
	}
	return l.store.Delete(ctx, r, namespace, name, uid)
}

func (l *labelled) fill() {
	l.store = &store{objects: map[string]*unstructured.Unstructured{}}
	for resource, names := range l.found {
		for _, name := range names {
			o := &unstructured.Unstructured{Object: map[string]any{}}
			o.SetName(name)
			o.SetUID(types.UID(name))
			l.objects[resource+"/"+name] = o
		}
	}
}

func (l *labelled) plan(members ...Member) Plan {
	rest := &Remains{Objects: l, Run: "id", Namespace: "ns"}
	return Plan{
		Stages: []Stage{rest}, Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: 10 * time.Minute}},
		Choose: func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]Member, ops.Reason) {
			_, things, reason := rest.Find(ctx, d, told)
			rest.Take(things)
			return members, reason
		},
	}
}

// TestFind: what cannot be looked for is said, or is a failure; it never counts as not there.
func TestFind(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "", errors.New(`User "u" cannot list it`))
	unknown := apierrors.NewNotFound(schema.GroupResource{Resource: "x"}, "")
	unseen := "warning  whether the run has left others cannot be seen: "
	for name, c := range map[string]struct {
		errors map[string]error
		reason ops.Reason
		told   string
	}{
		"a kind is forbidden":       {map[string]error{"roles": forbidden}, ops.Reached, unseen + "roles.rbac.authorization.k8s.io"},
		"namespaces are forbidden":  {map[string]error{"namespaces": forbidden, "roles": forbidden}, ops.Reached, unseen + "namespaces, roles.rbac.authorization.k8s.io"},
		"a kind is not served":      {map[string]error{"cronjobs": unknown}, ops.Reached, "claim  gone: Secret/s"},
		"the server fails":          {map[string]error{"configmaps": apierrors.NewInternalError(errors.New("x"))}, ops.Unusable, ""},
		"the connection is lost":    {map[string]error{"configmaps": errors.New("broken")}, ops.Unexpected, ""},
		"jobs fail":                 {map[string]error{"cronjobs": apierrors.NewInternalError(errors.New("x"))}, ops.Unusable, ""},
		"roles fail":                {map[string]error{"roles": apierrors.NewInternalError(errors.New("x"))}, ops.Unusable, ""},
		"another's connection":      {map[string]error{"widgets": errors.New("broken")}, ops.Unexpected, ""},
		"custom resources fail":     {map[string]error{"seldondeployments": apierrors.NewInternalError(errors.New("x"))}, ops.Unusable, ""},
		"custom resources are lost": {map[string]error{"seldondeployments": errors.New("broken")}, ops.Unexpected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cluster := &tale{}, &labelled{found: map[string][]string{"secrets": {"s"}}, errors: c.errors}
				cluster.fill()
				reason := Go(t.Context(), deps(s, cluster, nil), cluster.plan())
				if reason != c.reason || c.told != "" && !slices.Contains(s.lines, c.told) {
					t.Errorf("it ended with %s and told %q", reason, s.lines)
				}
			})
		})
	}
}

// TestUnlisted: another's kind that the API server cannot list keeps nothing from being deleted, but the end is
// never that all is gone.
func TestUnlisted(t *testing.T) {
	conversion := apierrors.NewInternalError(errors.New("conversion webhook for example.com/v1alpha1, Kind=Widget failed: no endpoints available"))
	late := fmt.Errorf("no answer within 30s: %w", context.DeadlineExceeded)
	unseen := "warning  whether the run has left others cannot be seen: widgets.example.com"
	unknown := "failure  whether run id has left others is not known: the API server cannot list widgets.example.com"
	for name, c := range map[string]struct {
		err      error
		found    map[string][]string
		declined bool
		reason   ops.Reason
		told     []string
	}{
		"its webhook is down":    {conversion, map[string][]string{"secrets": {"s"}}, false, ops.Leftover, []string{unseen, "claim  gone: Secret/s", unknown}},
		"it does not answer":     {late, map[string][]string{"secrets": {"s"}}, false, ops.Leftover, []string{unseen, "claim  gone: Secret/s", unknown}},
		"nothing else is there":  {conversion, nil, false, ops.Leftover, []string{unseen, unknown}},
		"the user does not want": {conversion, map[string][]string{"secrets": {"s"}}, true, ops.Interrupted, []string{unseen}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cluster := &tale{}, &labelled{found: c.found, errors: map[string]error{"widgets": c.err}}
				cluster.fill()
				p := cluster.plan()
				if rest := (&Remains{Objects: cluster, Run: "id", Namespace: "ns"}); c.declined {
					p.Stages, p.Choose = []Stage{rest}, func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]Member, ops.Reason) {
						_, _, _ = rest.Find(ctx, d, told)
						return nil, ops.Interrupted
					}
				}
				reason := Go(t.Context(), deps(s, cluster, nil), p)
				if got := s.lines[1 : len(s.lines)-1]; reason != c.reason || !slices.Equal(got, c.told) {
					t.Errorf("it ended with %s and told %q, want %s and %q", reason, got, c.reason, c.told)
				}
				if failure := s.entries[len(s.entries)-2]; failure.Type == journal.Failure && !slices.Equal(failure.Details, []string{c.err.Error()}) {
					t.Errorf("the cause is not told: %+v", failure)
				}
			})
		})
	}
	t.Run("nothing is found", func(t *testing.T) {
		s, cluster := &tale{}, &labelled{errors: map[string]error{"widgets": conversion}}
		cluster.fill()
		rest := &Remains{Objects: cluster, Run: "id", Namespace: "ns"}
		told := func(e journal.Entry) { _ = s.Write(e) }
		_, _, _ = rest.Find(t.Context(), deps(s, cluster, nil), told)
		if reason := rest.Nothing(told); reason != ops.Leftover || !slices.Contains(s.lines, unknown) {
			t.Errorf("it ended with %s and told %q", reason, s.lines)
		}
	})
}

// TestFindOutOfTime: where the time for looking is over no kind is to blame.
func TestFindOutOfTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	cluster := &labelled{found: map[string][]string{"secrets": {"s"}}, errors: map[string]error{"widgets": ctx.Err()}}
	cluster.fill()
	rest := &Remains{Objects: cluster, Run: "id", Namespace: "ns"}
	if _, things, reason := rest.Find(ctx, deps(&tale{}, cluster, nil), func(journal.Entry) {}); reason != ops.Unusable || len(things) > 0 {
		t.Errorf("it ended with %s and found %v", reason, Describe(things))
	}
}

// TestLendable: custom resources of every kind may be what supports others; what others need goes last.
func TestLendable(t *testing.T) {
	cluster := &labelled{found: map[string][]string{"secrets": {"s"}, "configmaps": {"c"}, "widgets": {"w"}, "events": {"e"}, "endpoints": {"e"}}}
	cluster.fill()
	s := &tale{}
	rest := &Remains{Objects: cluster, Run: "id", Namespace: "ns"}
	_, things, reason := rest.Find(t.Context(), deps(s, cluster, nil), func(journal.Entry) {})
	if got := strings.Join(Describe(things), ", "); reason != ops.Reached || got != "Widget/w, ConfigMap/c, Secret/s" {
		t.Errorf("it found %s (%s)", got, reason)
	}
}

// TestFindOnce: each custom resource is taken once, also where the user names the run's own namespace.
func TestFindOnce(t *testing.T) {
	for namespace, want := range map[string]string{"ns": "ns/m, own/m", "own": "own/m"} {
		cluster := &labelled{found: map[string][]string{"namespaces": {"own"}, "seldondeployments": {"m"}}}
		cluster.fill()
		rest := &Remains{Objects: cluster, Run: "id", Namespace: namespace}
		roots, things, reason := rest.Find(t.Context(), deps(&tale{}, cluster, nil), func(journal.Entry) {})
		var names []string
		for _, o := range roots {
			names = append(names, o.Namespace+"/"+o.Name)
		}
		if got := strings.Join(names, ", "); reason != ops.Reached || got != want || strings.Join(Describe(things), ", ") != "Namespace/own" {
			t.Errorf("in namespace %s it found %s and %v (%s), want %s", namespace, got, Describe(things), reason, want)
		}
	}
}

// TestRemainsInterrupted: after an interrupt no more is deleted, and nothing is waited for.
func TestRemainsInterrupted(t *testing.T) {
	found := map[string][]string{"secrets": {"s"}, "configmaps": {"c"}}
	t.Run("before the rest's turn", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, interrupts, began := &tale{}, make(chan ops.Reason), time.Now()
			go func() {
				time.Sleep(time.Second)
				interrupts <- ops.Interrupted
			}()
			cluster := &labelled{found: found}
			cluster.fill()
			reason := Go(t.Context(), deps(s, cluster, interrupts), cluster.plan(acts("a", time.Minute, ops.Reached)))
			if reason != ops.Interrupted || time.Since(began) > 2*time.Second || len(cluster.sent) > 0 {
				t.Errorf("it ended with %s after %s and sent %s", reason, time.Since(began), cluster.sent)
			}
			if !slices.Contains(s.lines, "warning  interrupted: nothing more of what run id has left is deleted; left: ConfigMap/c, Secret/s") {
				t.Errorf("it told %q", s.lines)
			}
		})
	})
	t.Run("between two", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, interrupts, began := &tale{}, make(chan ops.Reason), time.Now()
			cluster := &labelled{found: found}
			cluster.fill()
			cluster.interrupt = func() {
				interrupts <- ops.Interrupted
				synctest.Wait()
			}
			reason := Go(t.Context(), deps(s, cluster, interrupts), cluster.plan())
			if sent := strings.Join(cluster.sent, ", "); reason != ops.Interrupted || time.Since(began) > 2*time.Second || sent != "delete configmaps/c" {
				t.Errorf("it ended with %s after %s and sent %s", reason, time.Since(began), sent)
			}
			if !slices.Contains(s.lines, "failure about Secret/s: Secret/s may not be gone: no DELETE was sent for it any more") {
				t.Errorf("it told %q", s.lines)
			}
		})
	})
}
