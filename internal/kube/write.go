package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// secrets are the objects of which nothing is read that need not be.
var secrets = schema.GroupResource{Resource: "secrets"}

// Create creates the object in its namespace. Warnings are set even where the answer is an error.
func (c *Cluster) Create(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error) {
	return c.write(ctx, "create", resource, o.GetNamespace(), o.GetName(), o.Object, func() *rest.Request {
		request := in(how, c.client.Post().AbsPath(path(resource, o.GetNamespace())...).
			SetHeader("Content-Type", runtime.ContentTypeJSON))
		if resource.GroupResource() == secrets {
			request.SetHeader("Accept", metadataOfOne) // it would send back what it holds
		}
		return request
	})
}

// in puts on a request how it is to be carried out.
func in(how engine.WriteOptions, request *rest.Request) *rest.Request {
	validation := metav1.FieldValidationWarn
	if how.Strict {
		validation = metav1.FieldValidationStrict
	}
	if how.DryRun {
		request.Param("dryRun", metav1.DryRunAll)
	}
	return request.Param("fieldManager", fieldManager).Param("fieldValidation", validation)
}

// Patch applies a JSON patch to the named object.
func (c *Cluster) Patch(
	ctx context.Context, resource schema.GroupVersionResource, namespace, name string, patch []engine.PatchOp, how engine.WriteOptions,
) (engine.Answer, error) {
	return c.write(ctx, "patch", resource, namespace, name, patch, func() *rest.Request {
		return in(how, c.client.Patch(types.JSONPatchType).AbsPath(path(resource, namespace, name)...))
	})
}

// Delete deletes the named object in the foreground, if it has the given UID; a conflict means that
// another object has taken the name.
func (c *Cluster) Delete(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, uid types.UID) error {
	foreground := metav1.DeletePropagationForeground
	options := metav1.DeleteOptions{
		TypeMeta:          metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions:     &metav1.Preconditions{UID: &uid},
		PropagationPolicy: &foreground,
	}
	_, err := c.write(ctx, "delete", resource, namespace, name, options, func() *rest.Request {
		request := c.client.Delete().AbsPath(path(resource, namespace, name)...).
			SetHeader("Content-Type", runtime.ContentTypeJSON)
		if resource.GroupResource() == secrets {
			request.SetHeader("Accept", metadataOfOne)
		}
		return request
	})
	return err
}

// write sends a request with the given body. It is repeated only where the server says that it has not touched it, and
// an engine.UntouchedError if it says so for long; after any other error its outcome is the caller's to find out.
func (c *Cluster) write(
	ctx context.Context, verb string, resource schema.GroupVersionResource, namespace, name string,
	body any, request func() *rest.Request,
) (engine.Answer, error) {
	fail := func(err error) error { return fmt.Errorf("%s %s/%s: %w", verb, resource.Resource, name, err) }
	if err := checkPlace(namespace, name); err != nil {
		return engine.Answer{}, fail(err)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return engine.Answer{}, fail(err)
	}
	a, err := c.patiently(ctx, func() *rest.Request { return request().Body(raw) })
	result := engine.Answer{Warnings: a.warnings}
	if err != nil {
		return result, fail(err)
	}
	var o unstructured.Unstructured
	if err := utiljson.Unmarshal(a.body, &o.Object); err != nil {
		return result, fail(fmt.Errorf("decode answer: %w", err))
	}
	trim(&o)
	result.Object = &o
	return result, nil
}

// untouched reports whether the server says that it has not begun with the request: it is too busy, or has only just
// been started and does not know its own paths yet, which it says in these words alone.
func untouched(err error) bool {
	return apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) && strings.Contains(err.Error(), "before all known HTTP paths have been installed")
}

// patiently sends a request that may change something, again only where the server has not touched it: as often as one
// that is busy asks for it, else not for long.
func (c *Cluster) patiently(ctx context.Context, request func() *rest.Request) (answer, error) {
	for try := 1; ; try++ {
		a, err := ask(ctx, c.limit, request().MaxRetries(0))
		if !untouched(err) {
			return a, err
		}
		wait := retryAfter(err)
		again := try < attempts || wait > 0 && apierrors.IsTooManyRequests(err)
		if !again || !sleep(ctx, max(wait, c.pause(try))) {
			return a, engine.UntouchedError{Err: err}
		}
	}
}

// Request is a request for which this package has no method of its own.
type Request struct {
	Verb   string
	Path   []string
	Params map[string]string
	// Accept and ContentType are media types; empty means JSON.
	Accept, ContentType string
	Body                []byte
}

// Send sends a request and returns the answer and its warnings. Like every other, one that changes
// nothing is repeated where the server could not serve it, and one that may only where it has not been touched.
func (c *Cluster) Send(ctx context.Context, r Request) (body []byte, warnings []string, err error) {
	if err := checkNames(r.Path...); err != nil {
		return nil, nil, err
	}
	request := func() *rest.Request {
		made := c.client.Verb(r.Verb).AbsPath(r.Path...)
		for name, value := range r.Params {
			made.Param(name, value)
		}
		if r.Accept != "" {
			made.SetHeader("Accept", r.Accept)
		}
		if r.Body != nil {
			made.SetHeader("Content-Type", cmp.Or(r.ContentType, runtime.ContentTypeJSON)).Body(r.Body)
		}
		return made
	}
	var a answer
	if r.Verb == http.MethodGet {
		a, err = c.read(ctx, c.limit, request())
	} else {
		a, err = c.patiently(ctx, request)
	}
	return a.body, a.warnings, err
}
