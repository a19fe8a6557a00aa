package ops

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
)

// TestExplain holds every way in which the API server says no to its exit code and one clear line.
func TestExplain(t *testing.T) {
	sdep := schema.GroupResource{Group: "machinelearning.seldon.io", Resource: "seldondeployments"}
	denial := apierrors.NewInvalid(schema.GroupKind{Group: "machinelearing.seldon.io", Kind: "SeldonDeployment"}, "", nil)
	denial.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "spec.predictors[0].graph", Message: `Invalid value: "other": Can't find container for Predictive Unit`}}
	status := func(reason metav1.StatusReason, code int32, message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Reason: reason, Code: code, Message: message}}
	}
	for _, tc := range []struct {
		reason string
		err    error
		want   Reason
		text   string
	}{
		{
			"refused by the webhook", fmt.Errorf("create: %w", denial), Invalid,
			`SeldonDeployment ns/m was refused: m.yaml:7: spec.predictors[0].graph: Invalid value: "other": Can't find container for Predictive Unit`,
		},
		{
			"refused without causes", status(metav1.StatusReasonForbidden, 403, `admission webhook "policy.example" denied the request: no latest tags`), Invalid,
			"SeldonDeployment ns/m was refused: no latest tags",
		},
		{
			"refused by a policy", status(metav1.StatusReasonInvalid, 422, `seldondeployments.machinelearning.seldon.io "m" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`), Invalid,
			`SeldonDeployment ns/m was refused: seldondeployments.machinelearning.seldon.io "m" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`,
		},
		{
			"quota", status(metav1.StatusReasonForbidden, 403, `seldondeployments "m" is forbidden: exceeded quota: team`), Invalid,
			`SeldonDeployment ns/m was refused: seldondeployments "m" is forbidden: exceeded quota: team`,
		},
		{
			"not permitted", status(metav1.StatusReasonForbidden, 403, `seldondeployments is forbidden: User "u" cannot create resource "seldondeployments"`), Denied,
			`seldondeployments is forbidden: User "u" cannot create resource "seldondeployments"`,
		},
		{"not authenticated", apierrors.NewUnauthorized("Unauthorized"), Denied, "the API server does not accept the credentials: Unauthorized"},
		{
			"the webhook is down", status(metav1.StatusReasonInternalError, 500, `Internal error occurred: failed calling webhook "v1.vseldondeployment.kb.io": no endpoints`), Unusable,
			`the admission webhook cannot be reached, so nothing can be created: Internal error occurred: failed calling webhook "v1.vseldondeployment.kb.io": no endpoints`,
		},
		{
			"no CRD", status(metav1.StatusReasonNotFound, 404, "the server could not find the requested resource"), Unusable,
			"Seldon Core is not installed here: the API server does not know seldondeployments.machinelearning.seldon.io",
		},
		{"no namespace", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "ns"), Invalid, "namespace ns does not exist"},
		{
			"the namespace ends", status(metav1.StatusReasonForbidden, 403, `seldondeployments.machinelearning.seldon.io "m" is forbidden: unable to create new content in namespace ns because it is being terminated`),
			Unusable, "namespace ns is being deleted: nothing can be created in it",
		},
		{"overloaded", status(metav1.StatusReasonTooManyRequests, 429, "too many requests"), Unusable, "the API server is there but does not serve: too many requests"},
		{"etcd is away", status(metav1.StatusReasonInternalError, 500, "etcdserver: no leader"), Unusable, "the API server is there but does not serve: etcdserver: no leader"},
		{"exists", apierrors.NewAlreadyExists(sdep, "m"), Conflict, "SeldonDeployment ns/m exists already; run creates only what is not there"},
		{
			"connection refused", fmt.Errorf("list: %w", &url.Error{Op: "Get", URL: "https://x", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}), Unusable,
			"cannot reach the API server: dial: connection refused",
		},
		{
			"a credential plugin", &url.Error{Op: "Get", URL: "https://x", Err: errors.New("getting credentials: exec: exit 1")}, Denied,
			"the kubeconfig's credential plugin gave no credentials: getting credentials: exec: exit 1",
		},
		{"anything else", errors.New("boom"), Unexpected, "SeldonDeployment ns/m: boom"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			o := &unstructured.Unstructured{}
			o.SetName("m")
			o.SetNamespace("ns")
			lines := func(path string) (string, bool) { return "m.yaml:7", path == "spec.predictors[0].graph" }
			got := explain(tc.err, o, seldon.New().Identity(), lines)
			if got.Reason != tc.want || got.Text != tc.text {
				t.Errorf("%s %q\nwant %s %q", got.Reason, got.Text, tc.want, tc.text)
			}
		})
	}
}

// TestCauseAtTheLimit: at the limit the next command is that for the problem that comes first, and the last words
// are of the first container that has any.
func TestCauseAtTheLimit(t *testing.T) {
	problem := func(key, hint string) judge.Held {
		return judge.Held{Problem: judge.Problem{Key: key, Message: key + " is wrong", Hint: hint}}
	}
	v := judge.Verdict{Problems: []judge.Held{problem("a", ""), problem("b", "create the Secret"), problem("c", "describe the Deployment")}}
	words := func(p judge.Problem) (lines, words []string) {
		if p.Key == "a" {
			return nil, []string{"its log is empty"}
		}
		return []string{"of " + p.Key}, []string{"its last words:", "  of " + p.Key}
	}
	details, log, hint := lastKnown(v, words)
	if hint != "create the Secret" {
		t.Errorf("hint %q", hint)
	}
	want := []string{"cause, as far as known: a is wrong", "cause, as far as known: b is wrong", "its last words:", "  of b", "cause, as far as known: c is wrong"}
	if diff := cmp.Diff(want, details); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"of b"}, log); diff != "" {
		t.Error(diff)
	}
}

// TestAmbiguous: whether a write may have been carried out, the API server's own words tell, and no name that stands around them.
func TestAmbiguous(t *testing.T) {
	timeout := apierrors.NewTimeoutError("request did not complete within requested timeout", 0)
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"a timeout":                         {timeout, true},
		"of a model that is called so":      {fmt.Errorf("create seldondeployments/webhook-model: %w", timeout), true},
		"a webhook that could not be asked": {apierrors.NewInternalError(errors.New(`failed calling webhook "v1.vseldondeployment.kb.io": connection refused`)), false},
		"a webhook that answers with 500":   {&apierrors.StatusError{ErrStatus: metav1.Status{Code: 500, Message: `admission webhook "x" denied the request: broken`}}, false},
		"a refusal":                         {apierrors.NewBadRequest("no"), false},
		"a connection that broke":           {errors.New("connection reset by peer"), true},
	} {
		if got := ambiguous(tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
