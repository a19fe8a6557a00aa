//go:build integration

package integration

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// cause is something that keeps pods from coming up in a real control plane, without any simulation, and
// what must be said about it in what time. Its file holds what has to be there first, and the model.
type cause struct {
	says, hint string
	borne      time.Duration
	labels     map[string]string // of the namespace
}

var causes = map[string]cause{
	"quota": {
		says: `exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0`, hint: `kubectl describe resourcequotas`, borne: 60 * time.Second,
	},
	"replicaset-quota": {
		says: `exceeded quota: team, requested: count/replicasets\.apps=1, used: count/replicasets\.apps=0, limited: count/replicasets\.apps=0`,
		hint: `kubectl describe resourcequotas`, borne: 60 * time.Second,
	},
	"limit-range":  {says: `maximum memory usage per Container is 16Mi`, hint: `kubectl describe limitranges`, borne: 2 * time.Second},
	"pod-security": {says: `violates PodSecurity "restricted`, hint: `--show-labels`, borne: 2 * time.Second, labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}},
	"webhook-denies": {
		says: `ValidatingAdmissionPolicy 'integration-registry' .*denied request: images must come from registry\.example`, hint: `correct the manifest, or ask whoever made the policy`,
		borne: 2 * time.Second, labels: map[string]string{"policy": "registry"},
	},
	"no-priority-class":  {says: `no PriorityClass with name absent was found`, hint: `kubectl describe replicaset -n`, borne: 60 * time.Second},
	"no-service-account": {says: `serviceaccount "absent" not found`, hint: `kubectl get serviceaccounts`, borne: 30 * time.Second},
	"claim-missing":      {says: `persistentvolumeclaim "absent" not found`, hint: `kubectl get persistentvolumeclaims .*absent`, borne: 30 * time.Second},
	"claim-unbound":      {says: `unbound immediate PersistentVolumeClaims`, hint: `kubectl describe persistentvolumeclaims .* models`, borne: 60 * time.Second},
	"gpu":                {says: `Insufficient nvidia\.com/gpu`, hint: `allocatable\.nvidia\\\.com/gpu`, borne: 60 * time.Second},
	"cpu":                {says: `Insufficient cpu`, hint: `allocatable\.cpu`, borne: 60 * time.Second},
	"memory":             {says: `Insufficient memory`, hint: `allocatable\.memory`, borne: 60 * time.Second},
	"affinity":           {says: `didn't match pod affinity rules`, hint: `kubectl describe pod -n`, borne: 60 * time.Second},
	"no-progress":        {says: `has timed out progressing: container clf of pod .*: Unhealthy: Readiness probe failed`, hint: `kubectl describe pod`, borne: 2 * time.Second},
}

func TestCauses(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, want := range causes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace, err := s.namespace(t.Context(), t.Name(), want.labels)
			if err != nil {
				t.Fatal(err)
			}
			manifest := s.arrange(t, name, namespace)
			w := watchNamespace(t, s.cluster, namespace)
			journal := filepath.Join(t.TempDir(), "run.jsonl")
			p := start(t, s, s.cluster, nil, "run", "-f", manifest, "-n", namespace, "--report", journal)
			p.exits(3)
			named := p.await(`  FAILED  `)
			if !regexp.MustCompile(want.says).MatchString(named.text) {
				t.Errorf("the failure does not say %s: %s", want.says, named.text)
			}
			p.await(`next: .*` + want.hint)
			t.Log(named.text)
			readFailure(t, journal, name).mustBeInTime(t, firstTrouble(w.history(t), name), want.borne, want.borne)
			s.mustBeEmpty(t, namespace)
		})
	}
}

// TestDeploymentsDenied: what a webhook holds against Deployments shows in the operator's word alone.
func TestDeploymentsDenied(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	asked := make(chan struct{})
	told := sync.OnceFunc(func() { close(asked) })
	s.reviewDeployments(t, namespace, func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		if request.Name == trying {
			told()
		}
		return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: "images must come from registry.example"}}
	}, asked)
	journal := filepath.Join(t.TempDir(), "run.jsonl")
	p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("model.yaml"), "-n", namespace, "--report", journal)
	p.exits(3)
	t.Log(p.await(`  FAILED  +admission webhook "deployments\.seldonctl\.test" denied the request: images must come from registry\.example`).text)
	p.await(`next: correct the manifest, or ask whoever made the policy`)
	readFailure(t, journal, "model").mustHaveHeld(t, 2*time.Second, 2*time.Second+grace)
	s.mustBeEmpty(t, namespace)
}

// TestOperatorErrs: a server that is not among those of the operator's configuration passes its webhook if the manifest brings an image, and is
// an error of its own in every pass, of which no object but the SeldonDeployment tells.
func TestOperatorErrs(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	journal := filepath.Join(t.TempDir(), "run.jsonl")
	p := start(t, s, s.cluster, nil, "run", "-f", s.arrange(t, "unknown-server", namespace), "-n", namespace, "--report", journal)
	p.exits(3)
	t.Log(p.await(`  FAILED  +Failed to get server config for ABSENT_SERVER`).text)
	p.await(`next: kubectl describe seldondeployment -n ` + namespace + ` unknown-server`)
	readFailure(t, journal, "unknown-server").mustHaveHeld(t, 30*time.Second, 30*time.Second+grace)
	s.mustBeEmpty(t, namespace)
}

// TestAutoscalerIdle: here are no metrics, which is told when every new pod should have some.
func TestAutoscalerIdle(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, quietSeats)
	namespace := s.own(t)
	p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("autoscaled.yaml"), "-n", namespace, "--timeout", "125s")
	p.exits(6)
	t.Log(p.await(`  problem  +HorizontalPodAutoscaler autoscaled-main-0-clf does not act \(FailedGetResourceMetric\): `).text)
	p.await(`next: kubectl describe hpa -n .* autoscaled-main-0-clf`)
	s.mustBeEmpty(t, namespace)
}

// A webhook that cannot be called may answer again: that is told, but only the limit ends the waiting.
func TestWebhookOfPodsAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace, err := s.namespace(t.Context(), t.Name(), map[string]string{"webhook": "down"})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, s, s.cluster, nil, "run", "-f", s.arrange(t, "webhook-down", namespace), "-n", namespace, "--timeout", "20s")
	p.exits(6)
	p.await(`  FAILED  +not available after 2\d\.\d s`)
	p.await(`cause, as far as known: .*failed calling webhook "pods\.integration\.example"`)
	s.mustBeEmpty(t, namespace)
}

// TestRefusedOtherwise: a ReplicaSet keeps the words of the first refusal of its pods, so that only Events tell that another one, which does
// not pass, has taken its place.
func TestRefusedOtherwise(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace, err := s.namespace(t.Context(), t.Name(), map[string]string{"cause": "refused-otherwise"})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, s, s.cluster, nil, "run", "-f", s.arrange(t, "refused-otherwise", namespace), "-n", namespace)
	p.await(`  problem  .*failed calling webhook`)
	labels := `{"metadata": {"labels": {"cause": null, "pod-security.kubernetes.io/enforce": "restricted"}}}`
	if _, err := s.kube.CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, []byte(labels), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	p.exits(3)
	t.Log(p.await(`  FAILED  .*violates PodSecurity "restricted`).text)
	s.mustBeEmpty(t, namespace)
}

// arrange makes what has to be there before the model of a cause, and returns the model's file.
func (s shop) arrange(t *testing.T, cause, namespace string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "causes", cause+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	for _, document := range documents[:len(documents)-1] {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &o.Object); err != nil {
			t.Fatal(err)
		}
		s.put(t, namespace, o)
	}
	path := filepath.Join(t.TempDir(), cause+".yaml")
	if err := os.WriteFile(path, documents[len(documents)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// supports are the kinds of objects that a cause needs, and whether they are in a namespace.
var supports = map[string]struct {
	resource   schema.GroupVersionResource
	namespaced bool
}{
	"ResourceQuota":                    {schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}, true},
	"LimitRange":                       {schema.GroupVersionResource{Version: "v1", Resource: "limitranges"}, true},
	"PersistentVolumeClaim":            {schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}, true},
	"ValidatingWebhookConfiguration":   {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, false},
	"ValidatingAdmissionPolicy":        {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}, false},
	"ValidatingAdmissionPolicyBinding": {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}, false},
}

// put makes an object, and waits until it works: until a quota counts, and what refuses pods refuses one.
func (s shop) put(t *testing.T, namespace string, o *unstructured.Unstructured) {
	t.Helper()
	kind := supports[o.GetKind()]
	where := namespace
	if !kind.namespaced {
		where = ""
		t.Cleanup(func() {
			_ = s.dynamic.Resource(kind.resource).Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
		})
	}
	if _, err := s.dynamic.Resource(kind.resource).Namespace(where).Create(t.Context(), o, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	switch o.GetKind() {
	case "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration":
		s.untilRefused(t, func() error {
			if strings.Contains(o.GetName(), "deployments") {
				return s.tryDeployment(t.Context(), namespace)
			}
			return s.tryPod(t.Context(), namespace)
		})
	case "ResourceQuota":
		counts := func(o *unstructured.Unstructured) bool {
			hard, _, _ := unstructured.NestedMap(o.Object, "status", "hard")
			return len(hard) > 0
		}
		if err := s.until(t.Context(), kind.resource, namespace, o.GetName(), counts); err != nil {
			t.Fatal(err)
		}
	}
}

// untilRefused tries to create something until the API server refuses it: it looks for new policies once a second,
// and learns of webhooks by a watch.
func (s shop) untilRefused(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		if err := try(); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the API server goes on taking it")
		}
	}
}

// The template of what is tried.
var tried = corev1.PodTemplateSpec{
	ObjectMeta: metav1.ObjectMeta{Name: trying, Labels: map[string]string{"app": trying}},
	Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "clf", Image: "example/model:1.0"}}},
}

func (c *cluster) tryPod(ctx context.Context, namespace string) error {
	_, err := c.kube.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{ObjectMeta: tried.ObjectMeta, Spec: tried.Spec}, dryRun)
	return err
}

func (c *cluster) tryDeployment(ctx context.Context, namespace string) error {
	_, err := c.kube.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: trying},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: tried.Labels}, Template: tried},
	}, dryRun)
	return err
}
