package kube_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// accepted notes what each request asks for, and answers it with one Secret's metadata.
type accepted struct {
	mu   sync.Mutex
	asks []string
}

func (a *accepted) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	what, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Accept"), "application/json;as="), ";")
	verb := r.Method
	body := `{"metadata":{"name":"creds","namespace":"ns","uid":"u","resourceVersion":"1"}}`
	if r.URL.Query().Get("watch") != "" {
		verb, body = "WATCH", `{"type":"ADDED","object":`+body+`}`+`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`
	}
	a.asks = append(a.asks, verb+" "+what)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestSecretsAreNotSent holds it to leave on the server what a Secret holds: where it is only looked for, and
// where it has been written or deleted.
func TestSecretsAreNotSent(t *testing.T) {
	a := &accepted{}
	cluster, err := kube.New(&rest.Config{Host: "http://api.test", Transport: a}, kube.Options{Jitter: func() float64 { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	target := engine.Target{Identity: engine.Identity{Kind: "Secret", Resource: resource}, Namespace: "ns", Name: "creds", MetadataOnly: true}
	if found, err := cluster.Read(t.Context(), target, target.Kind()); err != nil || len(found) != 1 || found[0].GetUID() != "u" {
		t.Errorf("got %v, %v", found, err)
	}
	o := &unstructured.Unstructured{Object: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "creds", "namespace": "ns"}}}
	if answer, err := cluster.Create(t.Context(), resource, o, engine.WriteOptions{}); err != nil || answer.Object.GetUID() != "u" {
		t.Errorf("got %v, %v", answer, err)
	}
	if err := cluster.Delete(t.Context(), resource, "ns", "creds", "u"); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	changes := make(chan snapshot.Change)
	ended := make(chan struct{})
	go func() { defer close(ended); cluster.Watch(ctx, target, changes) }()
	if first := <-changes; first.Object == nil || first.Object.GetUID() != "u" {
		t.Errorf("got %v", first)
	}
	stop()
	<-ended
	want := []string{"GET PartialObjectMetadata", "POST PartialObjectMetadata", "DELETE PartialObjectMetadata", "WATCH PartialObjectMetadata"}
	if diff := cmp.Diff(want, a.asks[:4]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	target.Name, a.asks = "", nil
	_, _ = cluster.Read(t.Context(), target, target.Kind())
	target.MetadataOnly = false
	_, _ = cluster.Read(t.Context(), target, target.Kind())
	if diff := cmp.Diff([]string{"GET PartialObjectMetadataList"}, a.asks[:1]); diff != "" || strings.Contains(a.asks[1], "Partial") {
		t.Errorf("it asked for %q", a.asks)
	}
}
