//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// customs is an admission webhook that detains the creation of SeldonDeployments in one namespace: that
// is how a test gets hold of the moment in which a creation is under way.
type customs struct {
	// arrived gets a word for each creation that is detained, and dropped one for each that the API server has
	// given up meanwhile; the release lets all pass.
	arrived, dropped chan struct{}
	release          func()
}

// arrives waits for a word.
func arrives(t *testing.T, words <-chan struct{}) {
	t.Helper()
	select {
	case <-words:
	case <-time.After(limit):
		t.Fatalf("nothing has come within %s", limit)
	}
}

// trying is the name of the object by whose creation, a dry run, it is found out whether the API server has taken
// up the webhook, of which it learns by a watch.
const trying = "trying-the-webhook"

func detainCreations(t *testing.T, c *cluster, namespace string) customs {
	t.Helper()
	released, tried := make(chan struct{}), make(chan struct{})
	told := sync.OnceFunc(func() { close(tried) })
	d := customs{arrived: make(chan struct{}, 10), dropped: make(chan struct{}, 10), release: sync.OnceFunc(func() { close(released) })}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if review.Request.Name == trying {
			told()
		} else {
			d.detain(r.Context(), released)
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(d.release)
	url := server.URL
	fail, none, seconds := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone, int32(30)
	hooks := c.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Create(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "detain.seldonctl.test", FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: &url, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{"machinelearning.seldon.io"}, APIVersions: []string{"*"}, Resources: []string{"seldondeployments"},
				},
			}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.untilAsked(t, namespace, tried)
	return d
}

// detain keeps a creation until the release, or until the API server gives it up.
func (d customs) detain(ctx context.Context, released <-chan struct{}) {
	d.arrived <- struct{}{}
	select {
	case <-released:
	case <-ctx.Done():
		d.dropped <- struct{}{}
	}
}

// untilAsked tries to create an object until the webhook has been asked about it. It is one that the operator
// refuses, so that nothing comes of it.
func (c *cluster) untilAsked(t *testing.T, namespace string, asked <-chan struct{}) {
	t.Helper()
	object := mistake(trying)
	deadline := time.After(limit)
	for ticks := time.NewTicker(answerTick); ; {
		_, err := c.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		select {
		case <-asked:
			return
		case <-deadline:
			t.Fatalf("the API server does not ask the webhook: %v", err)
		case <-ticks.C:
		}
	}
}

// deafServer returns a kubeconfig for a server that takes connections and never says a word; arrived gets
// a word for each connection.
func deafServer(t *testing.T, c *cluster) (kubeconfig string, arrived <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	came := make(chan struct{}, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			came <- struct{}{}
		}
	}()
	return otherServer(t, c, "https://"+listener.Addr().String()), came
}

// otherServer returns a kubeconfig that differs from the cluster's in the server's address only.
func otherServer(t *testing.T, c *cluster, url string) string {
	t.Helper()
	data, err := os.ReadFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), c.config.Host, url)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
