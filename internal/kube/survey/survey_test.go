package survey_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/kube/survey"
)

// served is an API server that has these answers, by address, and says 404 to all else.
func served(t *testing.T, answers map[string]string) survey.Survey {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if text, ok := answers[r.URL.RequestURI()]; ok && r.Method == http.MethodGet {
			fmt.Fprint(w, text)
			return
		}
		var review authorizationv1.SelfSubjectAccessReview
		if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&review) == nil {
			review.Status.Allowed = review.Spec.ResourceAttributes.Verb != "delete"
			_ = json.NewEncoder(w).Encode(review)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","reason":"NotFound","code":404,"message":"not here"}`)
	}))
	t.Cleanup(server.Close)
	cluster, err := kube.New(&rest.Config{Host: server.URL}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return survey.Survey{Cluster: cluster}
}

func TestSurvey(t *testing.T) {
	s := served(t, map[string]string{
		"/version":                  `{"gitVersion":"v1.29.3"}`,
		"/apis/g":                   `{"versions":[{"version":"v1"},{"version":"v1alpha2"}]}`,
		"/apis/g/v1":                `{"resources":[{"name":"things"},{"name":"things/status"}]}`,
		"/apis/old":                 `{"versions":[{"version":"v1alpha2"}]}`,
		"/api/v1/namespaces/models": `{"metadata":{"name":"models","labels":{"a":"b"}}}`,
		"/api/v1/namespaces/models/resourcequotas":         `{"items":[{"metadata":{"name":"q"}}]}`,
		"/api/v1/namespaces/models/limitranges":            `{"items":[{"metadata":{"name":"r"}}]}`,
		"/apis/apps/v1/deployments?labelSelector=app%3Dop": `{"items":[{"metadata":{"name":"op"}}]}`,
	})
	ctx := t.Context()
	if v, err := s.Version(ctx); v != "v1.29.3" || err != nil {
		t.Errorf("version %q, %v", v, err)
	}
	for resource, want := range map[schema.GroupVersionResource][]string{
		{Group: "g", Version: "v1", Resource: "things"}:   {"v1", "v1alpha2"},
		{Group: "g", Version: "v1", Resource: "others"}:   nil,
		{Group: "none", Version: "v1", Resource: "other"}: nil,
		{Group: "old", Version: "v1", Resource: "things"}: {"v1alpha2"},
	} {
		if got, err := s.Served(ctx, resource); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s is served as %q, want %q (%v)", resource, got, want, err)
		}
	}
	if n, err := s.Namespace(ctx, "models"); err != nil || n.Labels["a"] != "b" {
		t.Errorf("namespace %v, %v", n, err)
	}
	if n, err := s.Namespace(ctx, "none"); n != nil || err == nil || !strings.Contains(err.Error(), "namespace none") {
		t.Errorf("no namespace: %v, %v", n, err)
	}
	if d, err := s.Deployments(ctx, "app=op"); err != nil || len(d) != 1 || d[0].Name != "op" {
		t.Errorf("Deployments %v, %v", d, err)
	}
	if q, err := s.Quotas(ctx, "models"); err != nil || len(q) != 1 || q[0].Name != "q" {
		t.Errorf("quotas %v, %v", q, err)
	}
	if r, err := s.Ranges(ctx, "models"); err != nil || len(r) != 1 || r[0].Name != "r" {
		t.Errorf("ranges %v, %v", r, err)
	}
	var acts []authorizationv1.ResourceAttributes
	for range 5 {
		acts = append(acts, authorizationv1.ResourceAttributes{Verb: "get", Resource: "pods"}, authorizationv1.ResourceAttributes{Verb: "delete", Resource: "pods"})
	}
	may, err := s.May(ctx, acts)
	if err != nil || len(may) != len(acts) {
		t.Fatalf("permissions %v, %v", may, err)
	}
	for i, allowed := range may {
		if allowed != (acts[i].Verb == "get") {
			t.Errorf("%s: %t", acts[i].Verb, allowed)
		}
	}
}

// A name that would lead to another address is never sent.
func TestNamesStayNames(t *testing.T) {
	s := served(t, map[string]string{"/api/v1/namespaces/a/pods": `{}`})
	for _, name := range []string{"a/pods", "..", "", "a%2fb"} {
		if _, err := s.Namespace(t.Context(), name); err == nil || !strings.Contains(err.Error(), "cannot be the name") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if s.Requests() != 0 {
		t.Errorf("%d requests were sent", s.Requests())
	}
}
