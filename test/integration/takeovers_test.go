//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestReplicasRewritten has somebody else write the replicas although the spec says a number, while the pods do not
// become ready. The operator takes it back each time.
func TestReplicasRewritten(t *testing.T) {
	t.Parallel()
	s := open(t)
	const numbered = "numbered-main-0-clf"
	begin := func(t *testing.T, args ...string) (trial, string) {
		t.Helper()
		namespace := s.own(t)
		p := start(t, s, s.cluster, nil, append([]string{"run", "-f", s.manifest("numbered.yaml"), "-n", namespace}, args...)...)
		p.await(`state +Deployment/` + numbered + ` 0 of 1 ready`)
		return p, namespace
	}
	t.Run("all the time", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		journal := filepath.Join(t.TempDir(), "run.jsonl")
		p, namespace := begin(t, "--report", journal)
		go func() {
			for ticks := time.NewTicker(100 * time.Millisecond); t.Context().Err() == nil; <-ticks.C {
				_, _ = s.kube.AppsV1().Deployments(namespace).Patch(t.Context(), numbered, types.MergePatchType, []byte(`{"spec": {"replicas": 4}}`),
					metav1.PatchOptions{FieldManager: "keda-operator"})
			}
		}()
		p.exits(3)
		t.Log(p.await(`  FAILED  +Deployment ` + numbered + ` has 4 replicas although spec\.predictors\[0\]\.replicas says 1; spec\.replicas was last written by "keda-operator"`).text)
		p.await(`next: kubectl get hpa -n`)
		readFailure(t, journal, "numbered").mustHaveHeld(t, 10*time.Second, 2*time.Minute) // a read must meet it between two takings back
	})
	// An autoscaler whose minimum is above the number writes without any metrics, every 15 s. What the operator takes back
	// at once is told, and a failure only where that takes so long that a read still shows it.
	t.Run("now and then", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		p, namespace := begin(t, "--timeout", "50s")
		three := int32(3)
		_, err := s.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: "by-hand"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: numbered},
				MinReplicas:    &three, MaxReplicas: 5,
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(p.await(`  (problem|FAILED)  +Deployment ` + numbered + ` has 3 replicas although spec\.predictors\[0\]\.replicas says 1; spec\.replicas was last written by "kube-controller-manager"`).text)
		if code, err := p.end(); err != nil || code != 6 && code != 3 {
			t.Errorf("it ended with %d (%v), want 6 or 3", code, err)
		}
	})
}

// mirror is an admission webhook that gives the first container of each Deployment in a namespace another image, until it
// is stopped.
type mirror struct{ stopped atomic.Bool }

const mirrored = `[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "mirror.example/model:1.0"}]`

func mirrorImages(t *testing.T, c *cluster, namespace string) *mirror {
	t.Helper()
	m, tried := &mirror{}, make(chan struct{})
	told := sync.OnceFunc(func() { close(tried) })
	c.reviewDeployments(t, namespace, func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		if request.Name == trying {
			told()
		}
		if m.stopped.Load() {
			return &admissionv1.AdmissionResponse{Allowed: true}
		}
		patch := admissionv1.PatchTypeJSONPatch
		return &admissionv1.AdmissionResponse{Allowed: true, Patch: []byte(mirrored), PatchType: &patch}
	}, tried)
	return m
}

// TestTemplateRewritten has a webhook rewrite the image that the operator writes, for good or for a while.
func TestTemplateRewritten(t *testing.T) {
	t.Parallel()
	s := open(t)
	const rewritten = `Deployment model-main-0-clf still has image mirror\.example/model:1\.0 in container clf, the spec says example/model:1\.0 although the operator has acted`
	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		mirrorImages(t, s.cluster, namespace)
		journal := filepath.Join(t.TempDir(), "run.jsonl")
		p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("model.yaml"), "-n", namespace, "--report", journal)
		p.exits(3)
		t.Log(p.await(`  FAILED  +` + rewritten + `; the operator itself wrote it last, so an admission webhook rewrites it`).text)
		readFailure(t, journal, "model").mustHaveHeld(t, 10*time.Second, 10*time.Second+grace)
		s.mustBeEmpty(t, namespace)
	})
	t.Run("for a while", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		m := mirrorImages(t, s.cluster, namespace)
		p := start(t, s, s.cluster, nil, "run", "-f", s.manifest("model.yaml"), "-n", namespace, "-r", "1")
		p.await(`  problem  +` + rewritten)
		m.stopped.Store(true)
		// A change of what it looks after wakes the operator.
		_, err := s.kube.AppsV1().Deployments(namespace).Patch(t.Context(), "model-main-0-clf", types.MergePatchType, []byte(`{"metadata": {"annotations": {"woken": "yes"}}}`), metav1.PatchOptions{FieldManager: "somebody"})
		if err != nil {
			t.Fatal(err)
		}
		p.exits(0)
		if strings.Contains(p.text(), "  FAILED  ") {
			t.Error("it says that it failed")
		}
		s.mustBeEmpty(t, namespace)
	})
}

// mustHaveHeld checks how long the failure was borne where the witness has no word for it.
func (f toldFailure) mustHaveHeld(t *testing.T, least, most time.Duration) {
	t.Helper()
	held := f.At.Sub(f.Problem.Since)
	t.Logf("named after %s", held.Round(time.Millisecond))
	if held < least || held > most {
		t.Errorf("it was named after %s, want %s to %s", held, least, most)
	}
}
