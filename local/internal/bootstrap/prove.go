package bootstrap

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// proofName is the name of the objects that are made only to see that the cluster works.
const proofName = "ready-check"

func seldonDeployments() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "machinelearning.seldon.io", Version: "v1", Resource: "seldondeployments"}
}

// WaitForNodes waits until every node is Ready and takes pods.
func (c *Cluster) WaitForNodes(ctx context.Context) error {
	return until(ctx, func(ctx context.Context) error {
		nodes, err := c.core.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list the nodes: %w", err)
		}
		for _, node := range nodes.Items {
			if !isReady(node.Status.Conditions) {
				return fmt.Errorf("node %s is not ready: %w", node.Name, errNotYet)
			}
			if len(node.Spec.Taints) > 0 {
				return fmt.Errorf("node %s has the taint %s: %w", node.Name, node.Spec.Taints[0].Key, errNotYet)
			}
		}
		return nil
	})
}

func isReady(conditions []corev1.NodeCondition) bool {
	for _, condition := range conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// ProveLife takes a SeldonDeployment of its own through its life, in the operator's namespace: operator, controllers, scheduler, simulated kubelet and
// garbage collector do their work. Then it removes what was told of it.
func (c *Cluster) ProveLife(ctx context.Context) error {
	err := until(ctx, func(ctx context.Context) error {
		for _, namespace := range []string{metav1.NamespaceDefault, operatorNamespace} {
			if _, err := c.core.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return fmt.Errorf("get the ServiceAccount of namespace %s: %w", namespace, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	objects := c.dynamic.Resource(seldonDeployments()).Namespace(operatorNamespace)
	err = until(ctx, func(ctx context.Context) error {
		_, err := objects.Create(ctx, proof(), metav1.CreateOptions{})
		return created("a SeldonDeployment", err)
	})
	if err != nil {
		return err
	}
	err = until(ctx, func(ctx context.Context) error {
		current, err := objects.Get(ctx, proofName, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("get the SeldonDeployment: %w", err)
		}
		if state, _, _ := unstructured.NestedString(current.Object, "status", "state"); state != "Available" {
			return fmt.Errorf("the SeldonDeployment is %q: %w", state, errNotYet)
		}
		return nil
	})
	if err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := objects.Delete(ctx, proofName, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return fmt.Errorf("delete the SeldonDeployment again: %w", err)
	}
	err = until(ctx, func(ctx context.Context) error {
		if _, err := objects.Get(ctx, proofName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the SeldonDeployment is being deleted: %w", errNotYet)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.core.CoreV1().Events(operatorNamespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("delete the events: %w", err)
	}
	return nil
}

// proof is the SeldonDeployment that lives and dies before the cluster is called ready; its pods are ready at once whatever the pace.
func proof() *unstructured.Unstructured {
	component := map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"simulate.seldonctl/pace": "instant"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "model", "image": "ready-check"}}},
	}
	predictor := map[string]any{
		"name": "main", "graph": map[string]any{"name": "model", "type": "MODEL"}, "componentSpecs": []any{component},
		"annotations": map[string]any{"simulate.seldonctl/pace": "instant"},
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
		"metadata": map[string]any{"name": proofName}, "spec": map[string]any{"predictors": []any{predictor}},
	}}
}

// ProveWebhook waits until the operator's webhook refuses what it must refuse; that it accepts something would also be true without it.
func (c *Cluster) ProveWebhook(ctx context.Context) error {
	if err := c.letCRDSettle(ctx); err != nil {
		return err
	}
	wrong := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
		"metadata": map[string]any{"name": proofName}, "spec": map[string]any{"predictors": []any{}},
	}}
	return until(ctx, func(ctx context.Context) error {
		_, err := c.dynamic.Resource(seldonDeployments()).Namespace(metav1.NamespaceDefault).
			Create(ctx, wrong, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return fmt.Errorf("the webhook is not called: %w", errNotYet)
		}
		// As a server that cannot reach its webhook says "failed calling webhook", and one that could, what the webhook said.
		if strings.Contains(err.Error(), "Graph contains no predictors") {
			return nil
		}
		return fmt.Errorf("create what the webhook must refuse: %w", err)
	})
}
