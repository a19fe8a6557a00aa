package operator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestReview asks the webhook as the API server does.
func TestReview(t *testing.T) {
	const request = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","operation":"%OP%","object":%OBJECT%}}`
	denied := &metav1.Status{
		Status: "Failure", Code: http.StatusUnprocessableEntity, Reason: "Invalid",
		Message: `SeldonDeployment.machinelearing.seldon.io "" is invalid: spec: Invalid value: "": Graph contains no predictors`,
		Details: &metav1.StatusDetails{
			Group: "machinelearing.seldon.io", Kind: "SeldonDeployment",
			Causes: []metav1.StatusCause{{Type: "FieldValueInvalid", Field: "spec", Message: `Invalid value: "": Graph contains no predictors`}},
		},
	}
	empty := `{"metadata":{"name":"x"},"spec":{"predictors":[]}}`
	good := `{"metadata":{"name":"x"},"spec":{"predictors":[{"name":"main","graph":{"name":"clf","implementation":"SKLEARN_SERVER","modelUri":"gs://b/m"}}]}}`
	cases := map[string]struct {
		reason    string
		operation string
		object    string
		code      int
		want      admissionv1.AdmissionResponse
	}{
		"Good":    {"a good object passes", "CREATE", good, 200, admissionv1.AdmissionResponse{UID: "u-1", Allowed: true}},
		"Empty":   {"a bad one is refused with the whole Status", "CREATE", empty, 200, admissionv1.AdmissionResponse{UID: "u-1", Result: denied}},
		"Update":  {"so is a bad update", "UPDATE", empty, 200, admissionv1.AdmissionResponse{UID: "u-1", Result: denied}},
		"Delete":  {"a delete has no object and is nobody's business", "DELETE", "null", 200, admissionv1.AdmissionResponse{UID: "u-1", Allowed: true}},
		"Garbage": {"what is no review is a bad request", "CREATE", "{", 400, admissionv1.AdmissionResponse{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			body := strings.NewReplacer("%OP%", tc.operation, "%OBJECT%", tc.object).Replace(request)
			recorder := httptest.NewRecorder()
			review(recorder, httptest.NewRequest(http.MethodPost, webhookPath, strings.NewReader(body)))
			if recorder.Code != tc.code {
				t.Fatalf("%s: code: got %d, want %d", tc.reason, recorder.Code, tc.code)
			}
			if tc.code != http.StatusOK {
				return
			}
			var answer admissionv1.AdmissionReview
			if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			if answer.Kind != "AdmissionReview" || answer.APIVersion != "admission.k8s.io/v1" {
				t.Errorf("answer is a %s %s", answer.APIVersion, answer.Kind)
			}
			if diff := cmp.Diff(&tc.want, answer.Response); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
