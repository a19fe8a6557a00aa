//go:build integration

package integration

import (
	"context"
	"net"
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

func detainCreations(t *testing.T, c *cluster, namespace string) customs {
	t.Helper()
	released, tried := make(chan struct{}), make(chan struct{})
	told := sync.OnceFunc(func() { close(tried) })
	d := customs{arrived: make(chan struct{}, 10), dropped: make(chan struct{}, 10), release: sync.OnceFunc(func() { close(released) })}
	config := answerReviews(t, func(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		if request.Name == trying {
			told()
		} else {
			d.detain(ctx, released)
		}
		return &admissionv1.AdmissionResponse{Allowed: true}
	})
	t.Cleanup(d.release)
	fail, none, seconds := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone, int32(30)
	hooks := c.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Create(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "detain.seldonctl.test", FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector: within(namespace), ClientConfig: config,
			Rules: ruleOf("machinelearning.seldon.io", "seldondeployments", admissionregistrationv1.Create),
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	untilAsked(t, tried, func() error { // by one that the operator refuses
		_, err := c.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace).Create(t.Context(), mistake(trying), dryRun)
		return err
	})
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
