//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// answerReviews starts an admission webhook that answers as a function says, and returns how it is called.
func answerReviews(t *testing.T, answer func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) admissionregistrationv1.WebhookClientConfig {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = answer(r.Context(), review.Request)
		review.Response.UID = review.Request.UID
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	url := server.URL
	return admissionregistrationv1.WebhookClientConfig{
		URL: &url, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	}
}

// ruleOf is about some operations on a resource.
func ruleOf(group, resource string, operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: operations,
		Rule:       admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}},
	}}
}

// within selects one namespace.
func within(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}}
}

// reviewDeployments starts a webhook that is asked about what becomes of Deployments in one namespace, until asked is
// closed on a try.
func (c *cluster) reviewDeployments(t *testing.T, namespace string, answer func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse, asked <-chan struct{}) {
	t.Helper()
	config := answerReviews(t, func(_ context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return answer(request)
	})
	ignore, none := admissionregistrationv1.Ignore, admissionregistrationv1.SideEffectClassNone
	hooks := c.kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := hooks.Create(t.Context(), &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: "deployments.seldonctl.test", FailurePolicy: &ignore, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector: within(namespace), ClientConfig: config,
			Rules: ruleOf("apps", "deployments", admissionregistrationv1.Create, admissionregistrationv1.Update),
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hooks.Delete(context.Background(), namespace, metav1.DeleteOptions{}) })
	untilAsked(t, asked, func() error { return c.tryDeployment(t.Context(), namespace) })
}

// trying is the name of the object by whose creation, a dry run, it is found out whether the API server has taken
// up the webhook, of which it learns by a watch.
const trying = "trying-the-webhook"

// dryRun is how nothing comes of a try.
var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// untilAsked tries to create an object until the webhook has been asked about it.
func untilAsked(t *testing.T, asked <-chan struct{}, try func() error) {
	t.Helper()
	deadline := time.After(limit)
	for ticks := time.NewTicker(answerTick); ; {
		err := try()
		select {
		case <-asked:
			return
		case <-deadline:
			t.Fatalf("the API server does not ask the webhook: %v", err)
		case <-ticks.C:
		}
	}
}
