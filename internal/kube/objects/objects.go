// Package objects reads and writes Kubernetes objects of whatever kind the API server serves: it asks the
// server where a kind is, applies objects on the server's side, and finds them by their labels.
//
// It never judges what an object means, and reads no more of one than its metadata; what it applies comes
// back whole, to be compared.
package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/kube"
)

// fieldManager is the name under which the API server notes what is applied.
const fieldManager = "seldonctl"

// Sender sends requests.
type Sender interface {
	// Send sends one and returns the answer and its warnings.
	Send(ctx context.Context, r kube.Request) (body []byte, warnings []string, err error)
}

// Objects is the way to objects of any kind. It is safe for concurrent use.
type Objects struct {
	sender Sender

	mu     sync.Mutex
	served map[schema.GroupVersion]metav1.APIResourceList
}

// New returns the way to the objects of a cluster. It sends no request.
func New(sender Sender) *Objects {
	return &Objects{sender: sender, served: map[schema.GroupVersion]metav1.APIResourceList{}}
}

// Resource returns where objects of a kind are, and whether they are in namespaces; nothing where the server
// does not know the kind. It is asked once for each group and version.
func (o *Objects) Resource(ctx context.Context, kind schema.GroupVersionKind) (resource schema.GroupVersionResource, namespaced bool, err error) {
	list, err := o.list(ctx, kind.GroupVersion())
	if err != nil {
		return resource, false, err
	}
	for _, r := range list.APIResources {
		if r.Kind == kind.Kind && !strings.Contains(r.Name, "/") {
			return kind.GroupVersion().WithResource(r.Name), r.Namespaced, nil
		}
	}
	return resource, false, nil
}

func (o *Objects) list(ctx context.Context, version schema.GroupVersion) (metav1.APIResourceList, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if list, known := o.served[version]; known {
		return list, nil
	}
	var list metav1.APIResourceList
	body, _, err := o.sender.Send(ctx, kube.Request{Verb: http.MethodGet, Path: root(version)})
	switch {
	case apierrors.IsNotFound(err):
		return list, nil // asked again next time: what is being applied may define it
	case err != nil:
		return list, fmt.Errorf("ask which kinds of %s there are: %w", version, err)
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return list, fmt.Errorf("ask which kinds of %s there are: decode answer: %w", version, err)
	}
	o.served[version] = list
	return list, nil
}

// Kinds returns what objects can be created, listed and deleted in namespaces, by their resources: each in
// the version that its group prefers. Groups that cannot be asked, as those of an extension server that is
// down, are told in unanswered ("all of example.com").
func (o *Objects) Kinds(ctx context.Context) (kinds map[schema.GroupVersionResource]string, unanswered []string, err error) {
	body, _, err := o.sender.Send(ctx, kube.Request{Verb: http.MethodGet, Path: []string{"apis"}})
	if err != nil {
		return nil, nil, fmt.Errorf("ask which kinds there are: %w", err)
	}
	var groups metav1.APIGroupList
	if err := json.Unmarshal(body, &groups); err != nil {
		return nil, nil, fmt.Errorf("ask which kinds there are: decode answer: %w", err)
	}
	versions := []schema.GroupVersion{{Version: "v1"}}
	for _, group := range groups.Groups {
		versions = append(versions, schema.GroupVersion{Group: group.Name, Version: group.PreferredVersion.Version})
	}
	kinds = map[schema.GroupVersionResource]string{}
	for _, version := range versions {
		list, err := o.list(ctx, version)
		switch {
		case err != nil && (version.Group == "" || ctx.Err() != nil): // nobody else's server can be to blame
			return nil, nil, err
		case err != nil:
			unanswered = append(unanswered, "all of "+version.Group)
		}
		for _, r := range list.APIResources {
			if r.Namespaced && !strings.Contains(r.Name, "/") && sets.New(r.Verbs...).HasAll("create", "list", "delete") {
				kinds[version.WithResource(r.Name)] = r.Kind
			}
		}
	}
	return kinds, unanswered, nil
}

func root(version schema.GroupVersion) []string {
	if version.Group == "" {
		return []string{"api", version.Version}
	}
	return []string{"apis", version.Group, version.Version}
}

func path(r schema.GroupVersionResource, namespace string, name ...string) []string {
	segments := root(r.GroupVersion())
	if namespace != "" {
		segments = append(segments, "namespaces", namespace)
	}
	return append(append(segments, r.Resource), name...)
}

// Apply brings an object to what is given, by server-side apply; force takes over what others manage.
func (o *Objects) Apply(
	ctx context.Context, resource schema.GroupVersionResource, object *unstructured.Unstructured, force, dryRun bool,
) (engine.Answer, error) {
	fail := func(err error) error { return fmt.Errorf("apply %s/%s: %w", resource.Resource, object.GetName(), err) }
	raw, err := json.Marshal(object.Object)
	if err != nil {
		return engine.Answer{}, fail(err)
	}
	params := map[string]string{"fieldManager": fieldManager, "force": strconv.FormatBool(force), "fieldValidation": metav1.FieldValidationStrict}
	if dryRun {
		params["dryRun"] = metav1.DryRunAll
	}
	body, warnings, err := o.sender.Send(ctx, kube.Request{
		Verb: http.MethodPatch, Path: path(resource, object.GetNamespace(), object.GetName()), Params: params,
		ContentType: string(types.ApplyPatchType), Body: raw,
	})
	answer := engine.Answer{Warnings: warnings, Object: &unstructured.Unstructured{}}
	if err != nil {
		return answer, fail(err)
	}
	if err := utiljson.Unmarshal(body, &answer.Object.Object); err != nil {
		return answer, fail(fmt.Errorf("decode answer: %w", err))
	}
	return answer, nil
}

// accept asks for nothing but the metadata: what a Secret holds is not even sent.
const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// Labelled returns the metadata of the objects that a selector of labels selects; an empty namespace
// means all of the cluster.
func (o *Objects) Labelled(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string) ([]metav1.PartialObjectMetadata, error) {
	body, _, err := o.sender.Send(ctx, kube.Request{
		Verb: http.MethodGet, Path: path(resource, namespace), Params: map[string]string{"labelSelector": selector}, Accept: accept,
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", resource.Resource, err)
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("list %s: decode list: %w", resource.Resource, err)
	}
	return list.Items, nil
}
