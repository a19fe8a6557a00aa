//go:build integration

package integration

import (
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

func detainCreations(t *testing.T, c *cluster, namespace string) customs {
	t.Helper()
	released := make(chan struct{})
	d := customs{arrived: make(chan struct{}, 10), dropped: make(chan struct{}, 10), release: sync.OnceFunc(func() { close(released) })}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		d.arrived <- struct{}{}
		select {
		case <-released:
		case <-r.Context().Done():
			d.dropped <- struct{}{}
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
	return d
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
