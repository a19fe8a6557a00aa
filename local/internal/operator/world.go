package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// blank is an empty SeldonDeployment in the storage version.
func blank() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "machinelearning.seldon.io", Version: "v1", Kind: "SeldonDeployment"})
	return u
}

// read collects from the caches what one pass reads.
func (r *reconciler) read(ctx context.Context, key types.NamespacedName) (simseldon.World, error) {
	world := simseldon.World{Root: blank(), Now: time.Now()}
	if err := r.client.Get(ctx, key, world.Root); err != nil {
		return world, fmt.Errorf("get SeldonDeployment %s: %w", key, err)
	}
	var namespace corev1.Namespace
	if err := r.client.Get(ctx, client.ObjectKey{Name: key.Namespace}, &namespace); err != nil {
		return world, fmt.Errorf("get namespace %s: %w", key.Namespace, err)
	}
	world.NamespaceLabels = namespace.Labels
	names := simseldon.Wanted(world.Root)
	var err error
	var deployments appsv1.DeploymentList
	if world.Deployments, err = collect(ctx, r.client, world.Root, names.Deployments, &deployments, func() []appsv1.Deployment { return deployments.Items }); err != nil {
		return world, err
	}
	var services corev1.ServiceList
	if world.Services, err = collect(ctx, r.client, world.Root, names.Services, &services, func() []corev1.Service { return services.Items }); err != nil {
		return world, err
	}
	var hpas autoscalingv2.HorizontalPodAutoscalerList
	if world.HPAs, err = collect(ctx, r.client, world.Root, names.HPAs, &hpas, func() []autoscalingv2.HorizontalPodAutoscaler { return hpas.Items }); err != nil {
		return world, err
	}
	var pdbs policyv1.PodDisruptionBudgetList
	world.PDBs, err = collect(ctx, r.client, world.Root, names.PDBs, &pdbs, func() []policyv1.PodDisruptionBudget { return pdbs.Items })
	return world, err
}

// pointer is a pointer to a Kubernetes object type.
type pointer[T any] interface {
	*T
	client.Object
}

// collect reads the objects of one kind that the root owns, and those that carry a name it wants, whoever owns them.
func collect[T any, P pointer[T]](ctx context.Context, c client.Client, root *unstructured.Unstructured, names []string, list client.ObjectList, items func() []T) ([]P, error) {
	if err := c.List(ctx, list, client.InNamespace(root.GetNamespace()), client.MatchingFields{byOwner: string(root.GetUID())}); err != nil {
		return nil, fmt.Errorf("list %T: %w", list, err)
	}
	var out []P
	owned := items()
	for i := range owned {
		out = append(out, P(&owned[i]))
	}
	for _, name := range names {
		if slices.ContainsFunc(out, func(object P) bool { return object.GetName() == name }) {
			continue
		}
		object := P(new(T))
		err := c.Get(ctx, client.ObjectKey{Namespace: root.GetNamespace(), Name: name}, object)
		switch {
		case err == nil:
			out = append(out, object)
		case client.IgnoreNotFound(err) != nil:
			return nil, fmt.Errorf("get %T %s: %w", object, name, err)
		}
	}
	return out, nil
}
