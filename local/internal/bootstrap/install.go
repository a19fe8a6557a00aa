package bootstrap

import (
	"context"
	"fmt"
	"strings"
	"time"

	admission "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/local/internal/crd"
)

// The operator's own names, as in an installation on a real cluster.
const (
	operatorNamespace = "seldon-system"
	operatorAccount   = "seldon-manager"
	webhookName       = "v1.vseldondeployment.kb.io"
)

// CreateCRD hands the kind to an API server that need not be ready yet: what follows from it takes its time, which then passes while the rest starts.
func (c *Cluster) CreateCRD(ctx context.Context) error {
	definition, err := crd.Definition()
	if err != nil {
		return err
	}
	return until(ctx, func(ctx context.Context) error {
		_, err := c.extensions.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, definition, metav1.CreateOptions{})
		return created("the SeldonDeployment kind", err)
	})
}

// WaitForCRD waits until discovery knows the kind: the operator and the garbage collector find it there, and who misses it looks again only much later.
func (c *Cluster) WaitForCRD(ctx context.Context) error {
	return until(ctx, func(context.Context) error { return c.discovered() })
}

// letCRDSettle waits until the kind has been there for two seconds: an API server holds up whoever creates an object of a younger kind for that long.
func (c *Cluster) letCRDSettle(ctx context.Context) error {
	const held = 2 * time.Second
	name := seldonDeployments().Resource + "." + seldonDeployments().Group
	definition, err := c.extensions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get the SeldonDeployment kind: %w", err)
	}
	for _, condition := range definition.Status.Conditions {
		if condition.Type != apiextensionsv1.Established {
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the SeldonDeployment kind: %w", context.Cause(ctx))
		case <-time.After(time.Until(condition.LastTransitionTime.Add(held))):
		}
	}
	return nil
}

// discovered says whether discovery knows the kind in all its versions.
func (c *Cluster) discovered() error {
	_, lists, err := c.core.Discovery().ServerGroupsAndResources()
	if err != nil {
		return fmt.Errorf("ask which kinds the API server serves: %w", err)
	}
	served := 0
	for _, list := range lists {
		for _, r := range list.APIResources {
			if strings.HasPrefix(list.GroupVersion, seldonDeployments().Group+"/") && r.Name == seldonDeployments().Resource {
				served++
			}
		}
	}
	if served < 3 {
		return fmt.Errorf("it is served in %d versions of 3: %w", served, errNotYet)
	}
	return nil
}

// Install creates the nodes and what the operator has on a real cluster.
func (c *Cluster) Install(ctx context.Context, options Options) error {
	for n := 1; n <= options.Nodes; n++ {
		_, err := c.core.CoreV1().Nodes().Create(ctx, node(n, options.PodsPerNode), metav1.CreateOptions{})
		if err := created(fmt.Sprintf("node %d", n), err); err != nil {
			return err
		}
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}
	_, err := c.core.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err := created("the operator's namespace", err); err != nil {
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: operatorAccount, Namespace: operatorNamespace}}
	_, err = c.core.CoreV1().ServiceAccounts(operatorNamespace).Create(ctx, account, metav1.CreateOptions{})
	if err := created("the operator's ServiceAccount", err); err != nil {
		return err
	}
	_, err = c.core.RbacV1().ClusterRoleBindings().Create(ctx, operatorRights(), metav1.CreateOptions{})
	if err := created("the operator's rights", err); err != nil {
		return err
	}
	_, err = c.core.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(ctx, webhook(options), metav1.CreateOptions{})
	return created("the operator's webhook", err)
}

// node is a simulated node on which ordinary pods run: nothing keeps them away, and its size is given by its number of pods.
func node(number, pods int) *corev1.Node {
	name := fmt.Sprintf("node-%d", number)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("256"),
		corev1.ResourceMemory:           resource.MustParse("1Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("10Ti"),
		corev1.ResourcePods:             *resource.NewQuantity(int64(pods), resource.DecimalSI),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
				corev1.LabelTopologyZone:   fmt.Sprintf("zone-%d", (number-1)%3+1),
				"simulate.seldonctl/node":  "true",
				corev1.LabelTopologyRegion: "local",
			},
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Spec: corev1.NodeSpec{ProviderID: "simulated://" + name},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: "amd64", OperatingSystem: "linux", OSImage: "simulated by seldonctl-local",
				KubeletVersion: "v1.36.3", ContainerRuntimeVersion: "simulated://1.0", KernelVersion: "simulated",
			},
		},
	}
}

func operatorRights() *rbac.ClusterRoleBinding {
	return &rbac.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "seldon-manager-rolebinding-seldon-system"},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbac.Subject{{Kind: rbac.ServiceAccountKind, Name: operatorAccount, Namespace: operatorNamespace}},
	}
}

func webhook(options Options) *admission.ValidatingWebhookConfiguration {
	fail, equivalent, none := admission.Fail, admission.Equivalent, admission.SideEffectClassNone
	scope, timeout := admission.NamespacedScope, int32(10)
	notOthers := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "seldon.io/controller-id", Operator: metav1.LabelSelectorOpDoesNotExist}}}
	return &admission.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "seldon-validating-webhook-configuration-seldon-system"},
		Webhooks: []admission.ValidatingWebhook{{
			Name:          webhookName,
			ClientConfig:  admission.WebhookClientConfig{URL: &options.WebhookURL, CABundle: options.CA},
			FailurePolicy: &fail, MatchPolicy: &equivalent, SideEffects: &none, TimeoutSeconds: &timeout,
			NamespaceSelector: notOthers, ObjectSelector: notOthers,
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admission.RuleWithOperations{{
				Operations: []admission.OperationType{admission.Create, admission.Update},
				Rule: admission.Rule{
					APIGroups: []string{"machinelearning.seldon.io"}, APIVersions: []string{"v1"}, Resources: []string{"seldondeployments"}, Scope: &scope,
				},
			}},
		}},
	}
}
