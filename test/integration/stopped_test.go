//go:build integration

package integration

import (
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// On a cluster of its own (so it takes no seat), one server after the other is taken away. The order matters: each part leaves
// the cluster as the next one needs it.
func TestStoppedServer(t *testing.T) { //nolint:tparallel // each part needs the cluster as the one before it has left it
	t.Parallel()
	s := open(t)
	c := ownCluster(t, s, "realistic")
	// The controllers need a minute after a long loss of the API server until they serve new namespaces.
	last := c.own(t)
	t.Run("API-server-away-for-5s", func(t *testing.T) {
		namespace := c.own(t)
		p := start(t, s, c, nil, "run", "-f", s.manifest("slow-8s.yaml"), "-n", namespace)
		p.await(`event +Pod/.* (Pulling|Pulled): `)
		<-c.takeAway(t, "kube-apiserver", 5*time.Second).back
		p.exits(0)
		p.await(`  warning +the watch of Pod broke`)
		c.mustBeEmpty(t, namespace)
	})
	t.Run("webhook-away", func(t *testing.T) {
		namespace := c.own(t)
		away := c.takeAway(t, "seldon-operator", time.Minute)
		p := start(t, s, c, nil, "run", "-f", s.manifest("model.yaml"), "-n", namespace)
		p.exits(5)
		p.await(`  FAILED  .*the admission webhook cannot be reached`)
		checks(t, s, c, namespace, 5, `problem webhook +the admission webhook cannot be reached`)
		c.mustBeEmpty(t, namespace)
		away.end()
		webhookAnswers(t, c, namespace)
	})
	t.Run("API-server-away-for-good", func(t *testing.T) {
		namespace := c.own(t)
		const wait, cleanup, late = 8 * time.Second, 4 * time.Second, 5 * time.Second
		p := start(t, s, c, nil, "run", "-f", s.manifest("never-ready.yaml"), "-n", namespace, "--timeout", wait.String(), "--cleanup-timeout", cleanup.String())
		began := p.await(phases["available"].begins).at
		p.await(phases["pods"].begins)
		away := c.takeAway(t, "kube-apiserver", wait+cleanup+10*time.Second) // whoever waited for it would be later than late
		p.exits(5)
		if took := p.ended.Sub(began); took > wait+cleanup+late {
			t.Errorf("it ended %s after the wait began, want at most %s", took, wait+cleanup+late)
		}
		if at := p.await(`  FAILED  .*the API server could not be reached`).at.Sub(began); at > wait+late {
			t.Errorf("it gave up after %s, want at most %s", at, wait+late)
		}
		if command := " -n " + namespace + " --run "; !strings.Contains(p.text(), command) {
			t.Error("the command that cleans up is not told")
		}
		checks(t, s, c, namespace, 5, `problem API server +cannot reach the API server: .*connection refused`)
		<-away.back
		apiServerAnswers(t, c)
	})
	t.Run("Seldon-Core-missing", func(t *testing.T) {
		definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
		const name = "seldondeployments.machinelearning.seldon.io"
		// The former part's object may still be there; without finalizers it goes with its definition.
		if err := c.dynamic.Resource(definitions).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := c.until(t.Context(), definitions, "", name, absent); err != nil {
			t.Fatal(err)
		}
		p := start(t, s, c, nil, "run", "-f", s.manifest("model.yaml"), "-n", last)
		p.exits(5)
		if !regexp.MustCompile(`  FAILED  .*Seldon Core is not installed`).MatchString(p.text()) {
			t.Error("it does not say that Seldon Core is not installed")
		}
		checks(t, s, c, last, 5, `problem kind +Seldon Core is not installed here: `)
	})
}

// answerTick is how often a server that is coming back is asked whether it answers.
const answerTick = 50 * time.Millisecond

// apiServerAnswers waits until the API server is ready again.
func apiServerAnswers(t *testing.T, c *cluster) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		err := c.kube.Discovery().RESTClient().Get().AbsPath("/readyz").Do(t.Context()).Error()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the API server does not answer: %v", err)
		}
	}
}

// mistake is an object that the operator's webhook refuses, for it has no predictors.
func mistake(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"predictors": []any{}},
	}}
}

// webhookAnswers waits until the operator's webhook answers again: it refuses what has no predictors.
func webhookAnswers(t *testing.T, c *cluster, namespace string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		_, err := c.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace).Create(t.Context(), mistake("mistake"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsInvalid(err) || err != nil && strings.Contains(err.Error(), "Graph contains no predictors") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the webhook does not answer: %v", err)
		}
	}
}
