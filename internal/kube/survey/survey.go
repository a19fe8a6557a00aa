// Package survey asks a cluster about itself: its version, what it serves, who may do what, and what a
// namespace allows. It is the reading side of the preflight.
//
// It passes on what the API server says and judges nothing.
package survey

import (
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"

	"github.com/seldonctl/seldonctl/internal/kube"
)

// Survey is a cluster that can be asked about itself, beside all else that it can do.
type Survey struct{ *kube.Cluster }

// Version returns the API server's version.
func (s Survey) Version(ctx context.Context) (string, error) {
	var v version.Info
	if err := s.Get(ctx, &v, nil, "version"); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	return v.GitVersion, nil
}

// Served returns the versions of a group that are served, if the resource is served in the given one.
func (s Survey) Served(ctx context.Context, resource schema.GroupVersionResource) ([]string, error) {
	var group metav1.APIGroup
	err := s.Get(ctx, &group, nil, "apis", resource.Group)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask which versions of %s are served: %w", resource.Group, err)
	}
	var versions []string
	for _, v := range group.Versions {
		versions = append(versions, v.Version)
	}
	var list metav1.APIResourceList
	if err := s.Get(ctx, &list, nil, "apis", resource.Group, resource.Version); err != nil {
		if apierrors.IsNotFound(err) {
			return versions, nil
		}
		return nil, fmt.Errorf("ask which resources of %s are served: %w", resource.Group, err)
	}
	if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == resource.Resource }) {
		return nil, nil
	}
	return versions, nil
}

// Namespace returns a namespace.
func (s Survey) Namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	var n corev1.Namespace
	if err := s.Get(ctx, &n, nil, "api", "v1", "namespaces", name); err != nil {
		return nil, fmt.Errorf("get namespace %s: %w", name, err)
	}
	return &n, nil
}

// Deployments returns the Deployments of all namespaces that a label selector finds.
func (s Survey) Deployments(ctx context.Context, selector string) ([]appsv1.Deployment, error) {
	var list appsv1.DeploymentList
	if err := s.Get(ctx, &list, map[string]string{"labelSelector": selector}, "apis", "apps", "v1", "deployments"); err != nil {
		return nil, fmt.Errorf("list the Deployments of all namespaces: %w", err)
	}
	return list.Items, nil
}

// Quotas returns a namespace's quotas.
func (s Survey) Quotas(ctx context.Context, namespace string) ([]corev1.ResourceQuota, error) {
	var list corev1.ResourceQuotaList
	if err := s.Get(ctx, &list, nil, "api", "v1", "namespaces", namespace, "resourcequotas"); err != nil {
		return nil, fmt.Errorf("list the ResourceQuotas in %s: %w", namespace, err)
	}
	return list.Items, nil
}

// Ranges returns the limits and defaults of a namespace's containers.
func (s Survey) Ranges(ctx context.Context, namespace string) ([]corev1.LimitRange, error) {
	var list corev1.LimitRangeList
	if err := s.Get(ctx, &list, nil, "api", "v1", "namespaces", namespace, "limitranges"); err != nil {
		return nil, fmt.Errorf("list the LimitRanges in %s: %w", namespace, err)
	}
	return list.Items, nil
}

// atOnce is how many questions about permissions are asked at the same time.
const atOnce = 6

// May answers for each of the acts whether the user may carry it out.
func (s Survey) May(ctx context.Context, acts []authorizationv1.ResourceAttributes) ([]bool, error) {
	allowed, errs := make([]bool, len(acts)), make([]error, len(acts))
	turns := make(chan struct{}, atOnce)
	var questions sync.WaitGroup
	for i := range acts {
		questions.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			review := authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &acts[i]}}
			review.APIVersion, review.Kind = authorizationv1.SchemeGroupVersion.String(), "SelfSubjectAccessReview"
			errs[i] = s.Ask(ctx, &review, "apis", authorizationv1.GroupName, "v1", "selfsubjectaccessreviews")
			allowed[i] = review.Status.Allowed
		})
	}
	questions.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("ask whether to %s %s is allowed: %w", acts[i].Verb, acts[i].Resource, err)
		}
	}
	return allowed, nil
}
