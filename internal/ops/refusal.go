package ops

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// RefusalError is why an operation cannot go on, in words for the user.
type RefusalError struct {
	Reason Reason
	Text   string
	Hint   string
	Err    error
}

// Error returns the sentence for the user.
func (r *RefusalError) Error() string { return r.Text }

// Unwrap returns what the API server or the network said.
func (r *RefusalError) Unwrap() error { return r.Err }

// Explain says in words for the user what the error of a request means that was about an object, or, where
// no name is given, about all of the namespace.
func Explain(err error, id engine.Identity, namespace, name string) *RefusalError {
	return explain(err, named(id, namespace, name), id, nil)
}

// ExplainManifest does the same for an object that was read from a file, whose lines it names.
func ExplainManifest(err error, o *unstructured.Unstructured, id engine.Identity, lines Lines) *RefusalError {
	return explain(err, o, id, lines)
}

// Absence says that an object does not exist.
func Absence(id engine.Identity, namespace, name string) *RefusalError {
	return &RefusalError{
		Reason: Vanished, Text: fmt.Sprintf("%s %s/%s does not exist", id.Kind, namespace, name),
		Hint: fmt.Sprintf("kubectl get %s -n %s", id.Resource.Resource, namespace),
	}
}

// explain turns the error of a request about the object into a RefusalError. The order matters: what an
// admission webhook says comes wrapped in the API server's own kinds of errors.
func explain(err error, o *unstructured.Unstructured, id engine.Identity, lines Lines) *RefusalError {
	name := id.Kind + " " + strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
	var known *RefusalError
	text := err.Error()
	switch {
	case errors.As(err, &known):
		return known
	case strings.Contains(text, gettingCredentials):
		return &RefusalError{Denied, "the kubeconfig's credential plugin gave no credentials: " + innermost(err), "log in again, or choose another --context", err}
	case unreachable(err):
		return &RefusalError{Unusable, "cannot reach the API server: " + innermost(err), "check the server address of the kubeconfig, and that the cluster runs", err}
	case strings.Contains(text, "failed calling webhook"):
		return &RefusalError{Unusable, "the admission webhook cannot be reached, so nothing can be created: " + text, "check that the " + id.Operator + " is running: kubectl get pods -A | grep seldon", err}
	case apierrors.IsUnauthorized(err):
		return &RefusalError{Denied, "the API server does not accept the credentials: " + text, "log in again, or choose another --context", err}
	case apierrors.IsForbidden(err) && strings.Contains(text, " cannot "):
		return &RefusalError{Denied, text, "ask for the permission that is named, or choose another --context", err}
	case apierrors.IsAlreadyExists(err):
		return &RefusalError{Conflict, name + " exists already; run creates only what is not there", existsHint(o), err}
	case apierrors.IsNotFound(err) && strings.Contains(text, "namespaces "):
		return &RefusalError{Invalid, "namespace " + o.GetNamespace() + " does not exist", "kubectl create namespace " + o.GetNamespace(), err}
	case apierrors.IsForbidden(err) && strings.Contains(text, "because it is being terminated"):
		return &RefusalError{Unusable, "namespace " + o.GetNamespace() + " is being deleted: nothing can be created in it", "wait until it is gone and make it anew, or choose another one with -n", err}
	case apierrors.IsNotFound(err) && strings.Contains(text, "could not find the requested resource"):
		return &RefusalError{Unusable, fmt.Sprintf("Seldon Core is not installed here: the API server does not know %s.%s", id.Resource.Resource, id.Resource.Group), "install Seldon Core, or choose another --context, or try --local", err}
	case strings.Contains(text, "strict decoding error: "):
		return &RefusalError{Invalid, name + " was refused: " + causes(err, lines), "correct it, or drop what nobody knows with --validate=warn", err}
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err), strings.Contains(text, "denied the request"), strings.Contains(text, "denied request:"):
		return &RefusalError{Invalid, name + " was refused: " + causes(err, lines), "", err}
	case strained(err):
		return &RefusalError{Unusable, "the API server is there but does not serve: " + text, "try again later", err}
	case apierrors.IsConflict(err):
		return &RefusalError{Conflict, name + " is being changed by somebody else: " + text, "", err}
	}
	return &RefusalError{Unexpected, name + ": " + text, "", err}
}

// Lines finds the place of a field of the object in the file that it came from, as "file:line".
type Lines func(path string) (string, bool)

// causes writes what an API server or webhook holds against an object: its causes one by one, each
// with its line in the file, and without the wrapping, which misspells the group and names an empty
// object.
func causes(err error, lines Lines) string {
	var texts []string
	for _, c := range Causes(err) {
		texts = append(texts, at(c.Path, c.Text, lines))
	}
	return strings.Join(texts, "; ")
}

// Cause is one thing that the API server or a webhook holds against an object.
type Cause struct {
	// Path is the field that it is about; empty where none is named.
	Path string
	Text string
}

// Causes returns what a refusal is about, one by one, without its wrapping.
func Causes(err error) []Cause {
	if _, list, found := strings.Cut(err.Error(), "strict decoding error: "); found {
		var all []Cause
		for one := range strings.SplitSeq(list, ", ") {
			all = append(all, CauseIn(one))
		}
		return all
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []Cause{CauseIn(unwrapDenial(err.Error()))}
	}
	var all []Cause
	for _, c := range status.Status().Details.Causes {
		all = append(all, Cause{strings.TrimPrefix(c.Field, "."), strings.TrimPrefix(c.Field+": ", ": ") + spelled(c.Message)})
	}
	return all
}

// CauseIn takes a text of the API server for a cause, about the first field that it names.
func CauseIn(text string) Cause {
	return Cause{firstField(text), text}
}

// denials are the wrappings of a webhook's or the API server's refusal, whose end is the part worth
// reading.
var denials = regexp.MustCompile(`^(?:admission webhook "[^"]*" denied the request: )?(?:[A-Za-z]+(?:\.[a-z0-9.]+)? "[^"]*" is invalid: )?`)

func unwrapDenial(text string) string {
	return spelled(denials.ReplaceAllString(text, ""))
}

// spelled mends the operator's misspelling of its own group.
func spelled(text string) string {
	return strings.ReplaceAll(text, "machinelearing.seldon.io", "machinelearning.seldon.io")
}

// fieldPath finds a field path in a text of the API server.
var fieldPath = regexp.MustCompile(`\.?(?:spec|metadata)(?:\.[A-Za-z0-9_]+|\[\d+\])+`)

// place puts the line of the first field that a text names before it.
func place(text string, lines Lines) string {
	return at(firstField(text), text, lines)
}

// firstField returns the path of the first field that a text names, or nothing.
func firstField(text string) string { return strings.TrimPrefix(fieldPath.FindString(text), ".") }

func at(path, text string, lines Lines) string {
	if path == "" || lines == nil {
		return text
	}
	if where, found := lines(strings.TrimPrefix(path, ".")); found {
		return where + ": " + text
	}
	return text
}

// unreachable reports whether an error says that the API server was not reached at all.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Reason == metav1.StatusReasonServiceUnavailable && !ofWebhook(status)
	}
	var wire net.Error
	var op *net.OpError
	var at *url.Error
	return errors.As(err, &op) || errors.As(err, &wire) || errors.As(err, &at) || errors.Is(err, context.DeadlineExceeded)
}

// strained reports whether the API server refused a request because of its own state.
func strained(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && (status.Status().Code == http.StatusTooManyRequests || status.Status().Code >= http.StatusInternalServerError)
}

// noSuchObject tells a missing object from a missing resource or namespace, which are a 404 too.
func noSuchObject(err error, name string) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name == name
}

// Ambiguous is the same for those who write beside a session.
func Ambiguous(err error) bool { return ambiguous(err) }

// ambiguous reports whether a request may have been carried out although its answer is an error: the
// connection or the server failed somewhere between. A refusal is not ambiguous, and neither is a
// webhook that could not be asked.
func ambiguous(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return status.Status().Code >= http.StatusInternalServerError && !ofWebhook(status)
}

// untouched reports whether the server says that it has not looked at a write.
func untouched(err error) bool {
	var e engine.UntouchedError
	return errors.As(err, &e)
}

// ofWebhook reports whether the API server's own words, without the names that stand around them, are about an admission webhook.
func ofWebhook(status apierrors.APIStatus) bool {
	text := status.Status().Message
	return strings.Contains(text, "failed calling webhook") || strings.Contains(text, `admission webhook "`)
}

// lasting reports whether a request that failed on the way will fail again for the same reason: no credentials are given for
// it, or the API server's certificate is not accepted.
func lasting(err error) bool {
	var certificate *tls.CertificateVerificationError
	return strings.Contains(err.Error(), gettingCredentials) || errors.As(err, &certificate)
}

// gettingCredentials is in client-go's words for a credential plugin that has failed.
const gettingCredentials = "getting credentials"

func innermost(err error) string {
	text := err.Error()
	if at, ok := errors.AsType[*url.Error](err); ok {
		text = at.Err.Error()
	}
	if text == context.DeadlineExceeded.Error() {
		return "it did not answer in time"
	}
	return text
}

func existsHint(o *unstructured.Unstructured) string {
	return fmt.Sprintf("give it another name, or delete it first: seldonctl delete %s -n %s", o.GetName(), o.GetNamespace())
}
