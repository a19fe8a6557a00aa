package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// byPath serves each resource with a script of its own, because kinds are watched side by side.
type byPath struct {
	mu      sync.Mutex
	servers map[string]*apiServer
	seen    []string
}

func (b *byPath) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.seen = append(b.seen, r.URL.Path+" "+r.URL.Query().Get("labelSelector")+r.URL.Query().Get("fieldSelector"))
	s := b.servers[r.URL.Path]
	b.mu.Unlock()
	if s == nil {
		return nil, fmt.Errorf("nothing is served at %s", r.URL.Path)
	}
	return s.RoundTrip(r)
}

// watchAll watches ten seconds of several kinds and returns what came, sorted by kind.
func watchAll(t *testing.T, b *byPath, kinds ...snapshot.Kind) map[snapshot.Kind][]string {
	t.Helper()
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: b}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out := make(chan snapshot.Change)
	go func() {
		defer close(out)
		cluster.Watch(ctx, target(kinds...), out)
	}()
	got := map[snapshot.Kind][]string{}
	for c := range out {
		if c.Type == snapshot.Listed {
			continue // TestWatchTellsWhatThereIs is about them
		}
		if c.Object != nil && snapshot.KindOf(c.Object) != c.Kind {
			t.Errorf("a %s came as %s", snapshot.KindOf(c.Object), c.Kind)
		}
		got[c.Kind] = append(got[c.Kind], describe(c))
	}
	return got
}

const (
	rootPath = "/apis/machinelearning.seldon.io/v1/namespaces/ns/seldondeployments"
	podPath  = "/api/v1/namespaces/ns/pods"
	hpaPath  = "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers"
	oldPath  = "/apis/autoscaling/v2beta2/namespaces/ns/horizontalpodautoscalers"
	pdbPath  = "/apis/policy/v1/namespaces/ns/poddisruptionbudgets"
	pdbOld   = "/apis/policy/v1beta1/namespaces/ns/poddisruptionbudgets"
	evPath   = "/api/v1/namespaces/ns/events"
)

func TestWatchKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := on("WATCHLIST", status(404, metav1.StatusReasonNotFound))
		b := &byPath{servers: map[string]*apiServer{
			rootPath: serve(t, on("WATCHLIST", send(added(thing("m", "um", 1)), listed(2)), hold)),
			podPath:  serve(t, on("WATCHLIST", send(added(thing("p", "up", 1)), listed(2)), hold)),
			hpaPath:  serve(t, missing),
			oldPath:  serve(t, on("WATCHLIST", send(added(thing("h", "uh", 1)), listed(2)), hold)),
			pdbPath:  serve(t, missing),
			pdbOld:   serve(t, missing),
		}}
		got := watchAll(t, b, snapshot.Pod, snapshot.HPA, snapshot.PDB, "Sparrow")
		want := map[snapshot.Kind][]string{
			"SeldonDeployment": {"Seen m/um@1", "Synced"},
			snapshot.Pod:       {"Seen p/up@1", "Synced"},
			snapshot.HPA:       {"Seen h/uh@1", "Synced"},
			snapshot.PDB:       {"Denied NotFound"},
			"Sparrow":          {"Denied: Sparrow is not a kind that can be watched"},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("changes (-want +got):\n%s", d)
		}
		for _, r := range []string{rootPath + " metadata.name=m", podPath + " seldon-deployment-id"} {
			if !slices.Contains(b.seen, r) {
				t.Errorf("no request %q among %q", r, b.seen)
			}
		}
	})
}

func TestOldServerRefusesOnlyOneWatchList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := status(422, metav1.StatusReasonInvalid)
		listAndWatch := []step{on("LIST", send(listOf(3))), on("WATCH 3", hold)}
		b := &byPath{servers: map[string]*apiServer{
			rootPath: serve(t, listAndWatch...), podPath: serve(t, listAndWatch...), hpaPath: serve(t, listAndWatch...),
		}}
		var refusals int
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("sendInitialEvents") == "" {
				return b.RoundTrip(r)
			}
			refusals++
			return serve(t, on("WATCHLIST", pause(time.Second), refuse)).RoundTrip(r)
		})
		cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: transport}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		out := make(chan snapshot.Change, 100)
		cluster.Watch(ctx, target(snapshot.Pod, snapshot.HPA), out)
		if refusals != 1 || len(out) != 6 {
			t.Errorf("%d refused requests and %d changes, want 1 and the 3 Listed and Synced", refusals, len(out))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func event(name, kind string, version int) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"uid":"u%s","resourceVersion":"%d","namespace":"ns"},"involvedObject":{"kind":%q}}`, name, name, version, kind)
}

// TestVeryOldServerLeavesOneWatchListWithoutEnd: a server that ignores what it does not know accepts a
// watch that begins with a list and never ends the list. One that checks is believed at once.
func TestVeryOldServerLeavesOneWatchListWithoutEnd(t *testing.T) {
	fair := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Kubernetes-Pf-Flowschema-Uid", "some") }
	for _, tc := range []struct {
		name      string
		root, pod []step
		requests  []string
	}{
		{
			"it ignores",
			[]step{on("WATCHLIST", hold), on("LIST", send(listOf(3))), on("WATCH 3", hold)},
			[]step{on("LIST", send(listOf(3))), on("WATCH 3", hold)},
			[]string{"3s LIST", "3s WATCH 3"},
		},
		{
			"it checks",
			[]step{on("WATCHLIST", fair, send(""), pause(2*time.Second), send(listed(3)), hold)},
			[]step{on("WATCHLIST", fair, send(listed(3)), hold)},
			[]string{"0s WATCHLIST"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &byPath{servers: map[string]*apiServer{rootPath: serve(t, tc.root...), podPath: serve(t, tc.pod...)}}
				got := watchAll(t, b, snapshot.Pod)
				if d := cmp.Diff([]string{"Synced"}, got[snapshot.Pod]); d != "" {
					t.Errorf("changes (-want +got):\n%s", d)
				}
				if d := cmp.Diff(tc.requests, b.servers[podPath].asked()); d != "" {
					t.Errorf("requests (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestWatchEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &byPath{servers: map[string]*apiServer{
			rootPath: serve(t, on("WATCHLIST", send(listed(2)), hold)),
			evPath: serve(t,
				on("LIST", send(listOf(50, event("before", "Pod", 3)))),
				on("WATCH 50",
					send(added(event("pod", "Pod", 51)), added(event("cm", "ConfigMap", 52)), added(event("sdep", "SeldonDeployment", 53))),
					send(modified(event("pod", "Pod", 54)), removed(event("pod", "Pod", 55)), upTo(60)),
					pause(time.Second)),
				on("WATCH 60", unreachable),
				on("WATCH 60", send(added(event("late", "Deployment", 61))), pause(time.Second), send(failure(410, metav1.StatusReasonExpired))),
				on("LIST", send(listOf(80))),
				on("WATCH 80", hold),
			),
		}}
		got := watchAll(t, b, snapshot.Event)[snapshot.Event]
		want := []string{
			"Synced", "Seen pod/upod@51", "Seen sdep/usdep@53", "Seen pod/upod@54",
			"Lost: watch events in ns: connection refused", "Restored", "Seen late/ulate@61",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("changes (-want +got):\n%s", d)
		}
	})
}

func TestWatchTrims(t *testing.T) {
	const pod = `{"metadata":{"name":"p","uid":"u","resourceVersion":"1","namespace":"ns",
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","keep":"me"},
		"managedFields":[{"manager":"kubelet","operation":"Update","subresource":"status","time":"2024-01-01T00:00:00Z","apiVersion":"v1","fieldsType":"FieldsV1",
			"fieldsV1":{"f:metadata":{"f:labels":{}},"f:spec":{"f:replicas":{},"f:template":{"f:spec":{}}},"f:status":{"f:phase":{}}}}]},
		"spec":{"nodeName":"n","tolerations":[{"key":"a"}],
			"volumes":[{"name":"token","projected":{}},{"name":"data","persistentVolumeClaim":{"claimName":"c"}},{"name":"s","secret":{"secretName":"x","defaultMode":420,"items":[{"key":"k","path":"p"}]}}],
			"containers":[{"name":"c","image":"i","args":["--password=x"],"readinessProbe":{"periodSeconds":7},
				"env":[{"name":"A","value":"big"},{"name":"B","valueFrom":{"secretKeyRef":{"name":"x","key":"k"}}}],
				"volumeMounts":[{"name":"data","mountPath":"/d"}]}]},
		"status":{"phase":"Running"}}`
	synctest.Test(t, func(t *testing.T) {
		b := &byPath{servers: map[string]*apiServer{
			rootPath: serve(t, on("WATCHLIST", send(listed(2)), hold)),
			podPath:  serve(t, on("WATCHLIST", send(added(strings.ReplaceAll(pod, "\n", " ")), listed(2)), hold)),
		}}
		cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: b}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		out := make(chan snapshot.Change, 100)
		cluster.Watch(ctx, target(snapshot.Pod), out)
		close(out)
		var got *corev1.Pod
		for c := range out {
			if p, ok := c.Object.(*corev1.Pod); ok {
				got = p
			}
		}
		want := &corev1.Pod{
			TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
			ObjectMeta: metav1.ObjectMeta{
				Name: "p", UID: "u", ResourceVersion: "1", Namespace: "ns",
				Annotations: map[string]string{"keep": "me"},
				ManagedFields: []metav1.ManagedFieldsEntry{{
					Manager: "kubelet", Operation: "Update", Subresource: "status", APIVersion: "v1", FieldsType: "FieldsV1",
					Time:     &metav1.Time{Time: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)},
					FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{},"f:template":{}},"f:status":{}}`),
				}},
			},
			Spec: corev1.PodSpec{
				NodeName: "n",
				Volumes: []corev1.Volume{
					{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}},
					{Name: "s", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "x"}}},
				},
				Containers: []corev1.Container{{
					Name: "c", Image: "i", ReadinessProbe: &corev1.Probe{PeriodSeconds: 7},
					Env: []corev1.EnvVar{{Name: "B", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
						LocalObjectReference: corev1.LocalObjectReference{Name: "x"}, Key: "k",
					}}}},
				}},
			},
			Status: corev1.PodStatus{Phase: corev1.PodRunning},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pod (-want +got):\n%s", d)
		}
	})
}

// TestAllNamespaces holds reads and watches without a namespace to one request for each kind, and to telling
// objects of the same name apart.
func TestAllNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const roots, pods = "/apis/machinelearning.seldon.io/v1/seldondeployments", "/api/v1/pods"
		in := func(namespace, uid string, version int) string {
			return strings.Replace(thing("m", uid, version), `"ns"`, strconv.Quote(namespace), 1)
		}
		b := &byPath{servers: map[string]*apiServer{
			roots: serve(t,
				on("LIST", send(listOf(9, in("a", "ua", 5), in("b", "ub", 6)))),
				on("WATCHLIST", send(added(in("a", "ua", 5)), added(in("b", "ub", 6)), listed(9), removed(in("b", "ub", 10)), modified(in("a", "ua", 11))), hold)),
			pods: serve(t, on("LIST", status(403, metav1.StatusReasonForbidden))),
		}}
		cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: b}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		everywhere := target()
		everywhere.Namespace, everywhere.Name = "", ""
		objects, err := cluster.Read(t.Context(), everywhere, everywhere.Kind())
		if err != nil || len(objects) != 2 {
			t.Errorf("read %v, %v", objects, err)
		}
		if _, err := cluster.Read(t.Context(), everywhere, snapshot.Pod); err == nil || !strings.Contains(err.Error(), "list pods in all namespaces: ") {
			t.Errorf("refused pods: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		out := make(chan snapshot.Change)
		go func() {
			defer close(out)
			cluster.Watch(ctx, everywhere, out)
		}()
		var got []string
		for c := range out {
			if c.Object != nil {
				got = append(got, fmt.Sprintf("%d %s/%s@%s", c.Type, c.Object.GetNamespace(), c.Object.GetName(), c.Object.GetResourceVersion()))
			}
		}
		want := []string{"0 a/m@5", "0 b/m@6", "1 b/m@10", "0 a/m@11"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("changes (-want +got):\n%s", d)
		}
	})
}
