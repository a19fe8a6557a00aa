//go:build integration

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// mending is a cause of TestCauses that somebody mends while it is borne.
type mending struct {
	told  string        // the problem's line, once it is there
	after time.Duration // of which it is mended
	mend  func(ctx context.Context, s shop, namespace string) error
}

var mendings = map[string]mending{
	"no-service-account": {told: `serviceaccount "absent" not found`, after: 10 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		_, err := s.kube.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "absent"}}, metav1.CreateOptions{})
		return err
	}},
	"quota": {told: `exceeded quota: team`, after: 20 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		_, err := s.kube.CoreV1().ResourceQuotas(namespace).Patch(ctx, "team", types.MergePatchType, []byte(`{"spec": {"hard": {"pods": "10"}}}`), metav1.PatchOptions{})
		return err
	}},
	"claim-missing": {told: `persistentvolumeclaim "absent" not found`, after: 5 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		if err := s.volume(ctx, namespace); err != nil {
			return err
		}
		none := ""
		_, err := s.kube.CoreV1().PersistentVolumeClaims(namespace).Create(ctx, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "absent"},
			Spec: corev1.PersistentVolumeClaimSpec{
				StorageClassName: &none, VolumeName: namespace, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			},
		}, metav1.CreateOptions{})
		return err
	}},
	"claim-unbound": {told: `unbound immediate PersistentVolumeClaims`, after: 5 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		return s.volume(ctx, namespace, func(v *corev1.PersistentVolume) {
			v.Spec.StorageClassName, v.Spec.ClaimRef = "absent", &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: "models"}
		})
	}},
	"deployments-webhook-away": {told: `failed calling webhook "deployments\.integration\.example"`, after: 5 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		return s.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(ctx, "integration-deployments-webhook-away", metav1.DeleteOptions{})
	}},
	"webhook-away": {told: `failed calling webhook "pods\.integration\.example"`, after: 5 * time.Second, mend: func(ctx context.Context, s shop, namespace string) error {
		return s.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(ctx, "integration-webhook-away", metav1.DeleteOptions{})
	}},
}

// TestMended has each cause mended within the time for which it is borne: it is told, and no failure.
func TestMended(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, cause := range mendings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace, err := s.namespace(t.Context(), t.Name(), map[string]string{"cause": name})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = s.kube.CoreV1().PersistentVolumes().Delete(context.Background(), namespace, metav1.DeleteOptions{})
			})
			p := start(t, s, s.cluster, nil, "run", "-f", s.arrange(t, name, namespace), "-n", namespace, "-r", "1")
			told := p.await(`  problem  .*` + cause.told)
			time.Sleep(cause.after) // somebody takes so long
			if err := cause.mend(t.Context(), s, namespace); err != nil {
				t.Fatal(err)
			}
			p.exits(0)
			if strings.Contains(p.text(), "  FAILED  ") {
				t.Error("it says that it failed")
			}
			t.Logf("available %s after it was told", p.await(`  OK  +available: `).at.Sub(told.at).Round(time.Second))
			s.mustBeEmpty(t, namespace)
		})
	}
}

// volume makes a PersistentVolume with the name of the namespace.
func (s shop) volume(ctx context.Context, namespace string, edits ...func(*corev1.PersistentVolume)) error {
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/models"}},
		},
	}
	for _, edit := range edits {
		edit(v)
	}
	_, err := s.kube.CoreV1().PersistentVolumes().Create(ctx, v, metav1.CreateOptions{})
	return err
}
