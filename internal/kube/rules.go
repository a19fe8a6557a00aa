package kube

import (
	"context"
	"encoding/json"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Rules returns what the user may do in a namespace. It is not complete where one of the cluster's
// authorizers cannot list its rules; then what is missing from it may be allowed all the same.
func (c *Cluster) Rules(ctx context.Context, namespace string) (rules []authorizationv1.ResourceRule, complete bool, err error) {
	review := authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	resource := schema.GroupVersionResource{Group: authorizationv1.GroupName, Version: "v1", Resource: "selfsubjectrulesreviews"}
	review.APIVersion, review.Kind = resource.GroupVersion().String(), "SelfSubjectRulesReview"
	raw, err := json.Marshal(review)
	if err != nil {
		return nil, false, fmt.Errorf("ask for the permissions in %s: %w", namespace, err)
	}
	a, err := c.read(ctx, c.limit, c.client.Post().AbsPath("apis", resource.Group, resource.Version, resource.Resource).
		SetHeader("Content-Type", runtime.ContentTypeJSON).Body(raw))
	if err != nil {
		return nil, false, fmt.Errorf("ask for the permissions in %s: %w", namespace, err)
	}
	if err := json.Unmarshal(a.body, &review); err != nil {
		return nil, false, fmt.Errorf("ask for the permissions in %s: decode answer: %w", namespace, err)
	}
	return review.Status.ResourceRules, !review.Status.Incomplete, nil
}
