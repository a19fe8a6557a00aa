//go:build integration

package integration

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// cause is something that keeps pods from coming up in a real control plane, without any simulation, and
// what must be said about it in what time. Its file holds what has to be there first, and the model.
type cause struct {
	says, hint string
	borne      time.Duration
	labels     map[string]string // of the namespace
}

var causes = map[string]cause{
	"quota": {
		says: `exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0`, hint: `kubectl describe resourcequotas`, borne: 60 * time.Second,
	},
	"limit-range":  {says: `maximum memory usage per Container is 16Mi`, hint: `kubectl describe limitranges`, borne: 2 * time.Second},
	"pod-security": {says: `violates PodSecurity "restricted`, hint: `--show-labels`, borne: 2 * time.Second, labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}},
	"webhook-denies": {
		says: `ValidatingAdmissionPolicy 'integration-registry' .*denied request: images must come from registry\.example`, hint: `correct the manifest, or ask whoever made the policy`,
		borne: 2 * time.Second, labels: map[string]string{"policy": "registry"},
	},
	"no-service-account": {says: `serviceaccount "absent" not found`, hint: `kubectl get serviceaccounts`, borne: 30 * time.Second},
	"claim-missing":      {says: `persistentvolumeclaim "absent" not found`, hint: `kubectl get persistentvolumeclaims .*absent`, borne: 30 * time.Second},
	"claim-unbound":      {says: `unbound immediate PersistentVolumeClaims`, hint: `kubectl describe persistentvolumeclaims .* models`, borne: 60 * time.Second},
	"gpu":                {says: `Insufficient nvidia\.com/gpu`, hint: `allocatable\.nvidia\\\.com/gpu`, borne: 60 * time.Second},
	"cpu":                {says: `Insufficient cpu`, hint: `allocatable\.cpu`, borne: 60 * time.Second},
	"no-progress":        {says: `has timed out progressing`, hint: `kubectl describe deployment`, borne: 2 * time.Second},
}

func TestCauses(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, want := range causes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace, err := s.namespace(t.Context(), t.Name(), want.labels)
			if err != nil {
				t.Fatal(err)
			}
			manifest := s.arrange(t, name, namespace)
			w := watchNamespace(t, s.cluster, namespace)
			p := start(t, s, s.cluster, nil, "run", "-f", manifest, "-n", namespace)
			p.exits(3)
			named := p.await(`  FAILED  `)
			if !regexp.MustCompile(want.says).MatchString(named.text) {
				t.Errorf("the failure does not say %s: %s", want.says, named.text)
			}
			p.await(`next: .*` + want.hint)
			began := firstTrouble(w.history(t))
			if began.IsZero() {
				t.Fatal("the witness has seen no trouble")
			}
			held := named.at.Sub(began)
			t.Logf("named after %s: %s", held.Round(100*time.Millisecond), named.text)
			if held > want.borne+grace {
				t.Errorf("it was named after %s, want at most %s", held, want.borne+grace)
			}
			if held < want.borne-time.Second {
				t.Errorf("it was named after %s although it may heal for %s", held, want.borne)
			}
			s.mustBeEmpty(t, namespace)
		})
	}
}

// A webhook that cannot be called may answer again: that is told, but only the limit ends the waiting.
func TestWebhookOfPodsAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace, err := s.namespace(t.Context(), t.Name(), map[string]string{"webhook": "down"})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, s, s.cluster, nil, "run", "-f", s.arrange(t, "webhook-down", namespace), "-n", namespace, "--timeout", "8s")
	p.exits(6)
	p.await(`  FAILED  +not available after 8\.[0-9] s`)
	p.await(`cause, as far as known: .*failed calling webhook "pods\.integration\.example"`)
	s.mustBeEmpty(t, namespace)
}

// arrange makes what has to be there before the model of a cause, and returns the model's file.
func (s shop) arrange(t *testing.T, cause, namespace string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "causes", cause+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	for _, document := range documents[:len(documents)-1] {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &o.Object); err != nil {
			t.Fatal(err)
		}
		s.put(t, namespace, o)
	}
	path := filepath.Join(t.TempDir(), cause+".yaml")
	if err := os.WriteFile(path, documents[len(documents)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// supports are the kinds of objects that a cause needs, and whether they are in a namespace.
var supports = map[string]struct {
	resource   schema.GroupVersionResource
	namespaced bool
}{
	"ResourceQuota":                    {schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}, true},
	"LimitRange":                       {schema.GroupVersionResource{Version: "v1", Resource: "limitranges"}, true},
	"PersistentVolumeClaim":            {schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}, true},
	"ValidatingWebhookConfiguration":   {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, false},
	"ValidatingAdmissionPolicy":        {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}, false},
	"ValidatingAdmissionPolicyBinding": {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}, false},
}

// put makes an object, and waits until a quota counts.
func (s shop) put(t *testing.T, namespace string, o *unstructured.Unstructured) {
	t.Helper()
	kind := supports[o.GetKind()]
	where := namespace
	if !kind.namespaced {
		where = ""
		t.Cleanup(func() {
			_ = s.dynamic.Resource(kind.resource).Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
		})
	}
	if _, err := s.dynamic.Resource(kind.resource).Namespace(where).Create(t.Context(), o, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if o.GetKind() == "ResourceQuota" {
		counts := func(o *unstructured.Unstructured) bool {
			hard, _, _ := unstructured.NestedMap(o.Object, "status", "hard")
			return len(hard) > 0
		}
		if err := s.until(t.Context(), kind.resource, namespace, o.GetName(), counts); err != nil {
			t.Fatal(err)
		}
	}
}
