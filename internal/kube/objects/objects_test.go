package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/kube"
)

// server answers by path and keeps what it was sent.
type server struct {
	answers map[string]string
	sent    []kube.Request
}

func (s *server) Send(_ context.Context, r kube.Request) ([]byte, []string, error) {
	s.sent = append(s.sent, r)
	answer, ok := s.answers[strings.Join(r.Path, "/")]
	if !ok {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{}, "")
	}
	if text, broken := strings.CutPrefix(answer, "error "); broken {
		return nil, nil, errors.New(text)
	}
	return []byte(answer), []string{"mind"}, nil
}

func TestResource(t *testing.T) {
	s := &server{answers: map[string]string{
		"api/v1":       `{"resources": [{"name": "secrets/x", "kind": "Secret"}, {"name": "secrets", "kind": "Secret", "namespaced": true}, {"name": "namespaces", "kind": "Namespace"}]}`,
		"apis/apps/v1": `{"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": true}]}`,
		"apis/sick/v1": "error ill",
		"apis/torn/v1": "{",
	}}
	o := New(s)
	for _, c := range []struct{ group, version, kind, want string }{
		{"", "v1", "Secret", "/v1, Resource=secrets true <nil>"},
		{"", "v1", "Namespace", "/v1, Resource=namespaces false <nil>"},
		{"", "v1", "Secretz", "/, Resource= false <nil>"},
		{"apps", "v1", "Deployment", "apps/v1, Resource=deployments true <nil>"},
		{"none", "v1", "Thing", "/, Resource= false <nil>"},
		{"sick", "v1", "Thing", "/, Resource= false ask which kinds of sick/v1 there are: ill"},
		{"torn", "v1", "Thing", "/, Resource= false ask which kinds of torn/v1 there are: decode answer: unexpected end of JSON input"},
	} {
		resource, namespaced, err := o.Resource(t.Context(), schema.GroupVersionKind{Group: c.group, Version: c.version, Kind: c.kind})
		if diff := cmp.Diff(c.want, fmt.Sprint(resource, " ", namespaced, " ", err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.kind, diff)
		}
	}
	if len(s.sent) != 5 {
		t.Errorf("it asked %d times, want once for each group and version", len(s.sent))
	}
}

func TestKinds(t *testing.T) {
	s := &server{answers: map[string]string{
		"apis": `{"groups": [{"name": "apps", "preferredVersion": {"version": "v1"}}, {"name": "down", "preferredVersion": {"version": "v1"}}]}`,
		"api/v1": `{"resources": [{"name": "secrets", "kind": "Secret", "namespaced": true, "verbs": ["create", "delete", "get", "list"]},
			{"name": "secrets/x", "kind": "Secret", "namespaced": true, "verbs": ["create", "delete", "get", "list"]},
			{"name": "bindings", "kind": "Binding", "namespaced": true, "verbs": ["create"]},
			{"name": "namespaces", "kind": "Namespace", "verbs": ["create", "delete", "get", "list"]}]}`,
		"apis/apps/v1": `{"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["create", "delete", "get", "list"]}]}`,
		"apis/down/v1": "error ill",
	}}
	kinds, unanswered, err := New(s).Kinds(t.Context())
	want := map[schema.GroupVersionResource]string{
		{Version: "v1", Resource: "secrets"}: "Secret", {Group: "apps", Version: "v1", Resource: "deployments"}: "Deployment",
	}
	if diff := cmp.Diff(want, kinds); diff != "" || err != nil || !slices.Equal(unanswered, []string{"all of down"}) {
		t.Errorf("%v, not answered by %s (-want +got):\n%s", err, unanswered, diff)
	}
	for path, answer := range map[string]string{"api/v1": "error ill", "apis": "{"} {
		sound := s.answers[path]
		s.answers[path] = answer
		if _, _, err := New(s).Kinds(t.Context()); err == nil {
			t.Errorf("%s: no error", answer)
		}
		s.answers[path] = sound
	}
}

func TestApply(t *testing.T) {
	s := &server{answers: map[string]string{"api/v1/namespaces/ns/secrets/creds": `{"metadata": {"name": "creds", "uid": "1"}}`}}
	object := &unstructured.Unstructured{Object: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "creds", "namespace": "ns"}}}
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	answer, err := New(s).Apply(t.Context(), secrets, object, true, true)
	if err != nil || answer.Object.GetUID() != "1" || len(answer.Warnings) != 1 {
		t.Fatalf("got %v, %v", answer, err)
	}
	want := kube.Request{
		Verb: http.MethodPatch, Path: []string{"api", "v1", "namespaces", "ns", "secrets", "creds"}, ContentType: "application/apply-patch+yaml",
		Params: map[string]string{"fieldManager": "seldonctl", "force": "true", "fieldValidation": "Strict", "dryRun": "All"},
		Body:   []byte(`{"kind":"Secret","metadata":{"name":"creds","namespace":"ns"}}`),
	}
	if diff := cmp.Diff(want, s.sent[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	object.SetName("other")
	if _, err := New(s).Apply(t.Context(), secrets, object, false, false); !apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), "apply secrets/other: ") {
		t.Errorf("got %v", err)
	}
	if s.sent[1].Params["force"] != "false" || s.sent[1].Params["dryRun"] != "" {
		t.Errorf("it was sent %v", s.sent[1].Params)
	}
}

// TestLabelled holds it to asking for metadata alone: what a Secret holds is not even sent.
func TestLabelled(t *testing.T) {
	s := &server{answers: map[string]string{
		"api/v1/namespaces/ns/secrets": `{"items": [{"metadata": {"name": "creds"}}]}`, "api/v1/namespaces": `{"items": []}`, "api/v1/torn": "{",
	}}
	o := New(s)
	found, err := o.Labelled(t.Context(), schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "ns", "a=b")
	if err != nil || len(found) != 1 || found[0].Name != "creds" {
		t.Errorf("got %v, %v", found, err)
	}
	if s.sent[0].Params["labelSelector"] != "a=b" || s.sent[0].Accept != "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" {
		t.Errorf("it was sent %+v", s.sent[0])
	}
	if _, err := o.Labelled(t.Context(), schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", "a=b"); err != nil {
		t.Error(err)
	}
	for _, resource := range []string{"torn", "none"} {
		if _, err := o.Labelled(t.Context(), schema.GroupVersionResource{Version: "v1", Resource: resource}, "", ""); err == nil {
			t.Errorf("%s: no error", resource)
		}
	}
}
