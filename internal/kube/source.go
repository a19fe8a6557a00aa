package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// builtin is one row of the table of built-in kinds.
type builtin struct {
	// served are the resources that show the kind, the newest version first. All of them must read
	// into what blank makes.
	served []schema.GroupVersionResource
	blank  func() snapshot.Object
}

// builtins are the kinds that can be watched and read beside the custom resource.
var builtins = map[snapshot.Kind]builtin{
	snapshot.Deployment: {served("apps", "deployments", "v1"), func() snapshot.Object { return &appsv1.Deployment{} }},
	snapshot.ReplicaSet: {served("apps", "replicasets", "v1"), func() snapshot.Object { return &appsv1.ReplicaSet{} }},
	snapshot.Pod:        {served("", "pods", "v1"), func() snapshot.Object { return &corev1.Pod{} }},
	snapshot.Service:    {served("", "services", "v1"), func() snapshot.Object { return &corev1.Service{} }},
	snapshot.Event:      {served("", "events", "v1"), func() snapshot.Object { return &corev1.Event{} }},
	snapshot.HPA: {
		served("autoscaling", "horizontalpodautoscalers", "v2", "v2beta2"),
		func() snapshot.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
	},
	snapshot.PDB: {
		served("policy", "poddisruptionbudgets", "v1", "v1beta1"),
		func() snapshot.Object { return &policyv1.PodDisruptionBudget{} },
	},
}

func served(group, resource string, versions ...string) []schema.GroupVersionResource {
	resources := make([]schema.GroupVersionResource, 0, len(versions))
	for _, v := range versions {
		resources = append(resources, schema.GroupVersionResource{Group: group, Version: v, Resource: resource})
	}
	return resources
}

// source is where the objects of one kind are read and watched.
type source struct {
	kind      snapshot.Kind
	namespace string
	// resources are the versions to try, the best first.
	resources []schema.GroupVersionResource
	// labels and fields narrow it; empty means all.
	labels, fields string
	blank          func() snapshot.Object
	// about are the kinds that Events must be about; nil for all other sources.
	about map[string]bool
	// metadataOnly leaves all but the metadata on the server.
	metadataOnly bool
}

// rootOf is the source of the target's custom resource.
func rootOf(target engine.Target) source {
	s := source{
		kind:      snapshot.Kind(target.Identity.Kind),
		namespace: target.Namespace,
		resources: []schema.GroupVersionResource{target.Identity.Resource},
		blank:     func() snapshot.Object { return &unstructured.Unstructured{} },

		metadataOnly: target.MetadataOnly,
	}
	if target.Name != "" {
		s.fields = fields.OneTermEqualSelector("metadata.name", target.Name).String()
	}
	return s
}

// sourceOf is the source of a built-in kind of the target.
func sourceOf(target engine.Target, kind snapshot.Kind) (source, error) {
	row, ok := builtins[kind]
	if !ok {
		return source{}, fmt.Errorf("%s is not a kind that can be watched", kind)
	}
	s := source{kind: kind, namespace: target.Namespace, resources: row.served, blank: row.blank, labels: target.Identity.Label}
	if kind == snapshot.Event {
		s.labels = ""
		s.about = map[string]bool{target.Identity.Kind: true}
		for k := range builtins {
			s.about[string(k)] = true
		}
	}
	return s, nil
}

// What the API server is asked for where the metadata is enough.
const (
	metadataOfOne  = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	metadataOfMany = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// accept asks in a request for no more than the source wants, in the given form where that is metadata.
func (s source) accept(request *rest.Request, metadata string) *rest.Request {
	if s.metadataOnly {
		request.SetHeader("Accept", metadata)
	}
	return request
}

// read decodes one object and trims it.
func (s source) read(raw []byte) (snapshot.Object, error) {
	o := s.blank()
	var err error
	if u, ok := o.(*unstructured.Unstructured); ok {
		err = utiljson.Unmarshal(raw, &u.Object)
	} else {
		err = utiljson.Unmarshal(raw, o)
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", s.kind, err)
	}
	if o.GetUID() == "" || o.GetName() == "" {
		return nil, fmt.Errorf("decode %s: the server sent an object without name or UID", s.kind)
	}
	o.GetObjectKind().SetGroupVersionKind(s.resources[0].GroupVersion().WithKind(string(s.kind)))
	trim(o)
	return o, nil
}

// wants reports whether an object of this source is worth passing on.
func (s source) wants(o snapshot.Object) bool {
	event, ok := o.(*corev1.Event)
	return !ok || s.about[event.InvolvedObject.Kind]
}
