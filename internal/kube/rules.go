package kube

import (
	"context"
	"encoding/json"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Rules returns what the user may do in a namespace. It is not complete where one of the cluster's
// authorizers cannot list its rules; then what is missing from it may be allowed all the same.
func (c *Cluster) Rules(ctx context.Context, namespace string) (rules []authorizationv1.ResourceRule, complete bool, err error) {
	review := authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	review.APIVersion, review.Kind = authorizationv1.SchemeGroupVersion.String(), "SelfSubjectRulesReview"
	if err := c.Ask(ctx, &review, "apis", authorizationv1.GroupName, "v1", "selfsubjectrulesreviews"); err != nil {
		return nil, false, fmt.Errorf("ask for the permissions in %s: %w", namespace, err)
	}
	return review.Status.ResourceRules, !review.Status.Incomplete, nil
}

// Ask sends a question that changes nothing, such as a review of permissions, and takes the answer in
// its place. The segments are the address, from the API server's root on.
func (c *Cluster) Ask(ctx context.Context, question any, segments ...string) error {
	if err := checkNames(segments...); err != nil {
		return err
	}
	raw, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	a, err := c.read(ctx, c.limit, c.client.Post().AbsPath(segments...).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(raw))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, question); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// Get reads what stands at an address into a value; the parameters may be nil.
func (c *Cluster) Get(ctx context.Context, into any, params map[string]string, segments ...string) error {
	if err := checkNames(segments...); err != nil {
		return err
	}
	request := c.client.Get().AbsPath(segments...)
	for name, value := range params {
		request.Param(name, value)
	}
	a, err := c.read(ctx, c.limit, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}
