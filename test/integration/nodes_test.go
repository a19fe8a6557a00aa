//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestNodes changes the nodes of a cluster of its own (so it takes no seat), and then takes its operator away.
func TestNodes(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := ownCluster(t, s, "instant")
	taint := []byte(`{"metadata": {"labels": {"pool": "reserved"}}, "spec": {"taints": [{"key": "reserved", "effect": "NoSchedule"}]}}`)
	if _, err := c.kube.CoreV1().Nodes().Patch(t.Context(), "node-1", types.MergePatchType, taint, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	const comes = `nodes are on their way: pod triggered scale-up: \[{fresh 0->1 \(max: 3\)}\]`
	waiting := make(chan struct{}, 3) // a word from each that has got from the operator what it needs, or has ended
	settles := func(t *testing.T) func() {
		t.Helper()
		settled := sync.OnceFunc(func() { waiting <- struct{}{} })
		t.Cleanup(settled)
		return settled
	}
	t.Run("taint", func(t *testing.T) {
		t.Parallel()
		settled := settles(t)
		namespace := c.own(t)
		journal := filepath.Join(t.TempDir(), "run.jsonl")
		p := start(t, s, c, nil, "run", "-f", filepath.Join("testdata", "causes", "taint.yaml"), "-n", namespace, "--report", journal)
		p.await(`  problem  +pod taint-`)
		settled()
		p.exits(3)
		t.Log(p.await(`  FAILED  +pod taint-main-0-clf-\S+: 0/\d+ nodes are available: 1 node\(s\) had untolerated taint`).text)
		p.await(`next: kubectl describe pod -n`)
		readFailure(t, journal, "taint").mustHaveHeld(t, 60*time.Second, 60*time.Second+grace)
		c.mustBeEmpty(t, namespace)
	})
	t.Run("nodes that do not come in time", func(t *testing.T) {
		t.Parallel()
		settled := settles(t)
		namespace := c.own(t)
		p := start(t, s, c, nil, "run", "-f", filepath.Join("testdata", "causes", "nodes-coming.yaml"), "-n", namespace, "--timeout", "20s")
		p.await(`  problem  +pod nodes-coming-`)
		c.scaleUp(t, namespace)
		p.await(`  problem  +pod nodes-coming-.*` + comes + `\)$`)
		settled()
		p.exits(6)
		t.Log(p.await(`cause, as far as known: pod nodes-coming-.*didn't match Pod's node affinity/selector.*` + comes).text)
		c.mustBeEmpty(t, namespace)
	})
	t.Run("nodes that come", func(t *testing.T) {
		t.Parallel()
		settled := settles(t)
		namespace := c.own(t)
		p := start(t, s, c, nil, "run", "-f", filepath.Join("testdata", "causes", "nodes-coming.yaml"), "-n", namespace, "-r", "1")
		p.await(`  problem  +pod nodes-coming-`)
		c.scaleUp(t, namespace)
		p.await(comes)
		settled()
		time.Sleep(65 * time.Second) // longer than it is borne where no node is on its way
		c.addNode(t, "fresh-"+namespace)
		p.exits(0)
		if strings.Contains(p.text(), "  FAILED  ") {
			t.Error("it says that it failed")
		}
		c.mustBeEmpty(t, namespace)
	})
	t.Run("an operator that is away", func(t *testing.T) {
		t.Parallel()
		for range cap(waiting) {
			<-waiting
		}
		c.dismissWebhook(t)
		away := c.takeAway(t, "seldon-operator", 5*time.Minute)
		begin := func(limit string) (trial, string) {
			namespace := c.own(t)
			return start(t, s, c, nil, "run", "-f", s.manifest("model.yaml"), "-n", namespace, "-r", "1", "--timeout", limit), namespace
		}
		forGood, given := begin("15s")
		forAWhile, borne := begin("2m")
		for _, p := range []trial{forGood, forAWhile} {
			p.await(`  problem  +the operator has not written a status: it may not be running, or not watch this namespace`)
			p.await(`next: seldonctl check -n`)
		}
		forGood.exits(6)
		t.Log(forGood.await(`cause, as far as known: the operator has not written a status`).text)
		away.end()
		forAWhile.exits(0)
		c.mustBeEmpty(t, given)
		c.mustBeEmpty(t, borne)
	})
}

// scaleUp says of the only pod what the cluster autoscaler says when it adds a node for it.
func (c *cluster) scaleUp(t *testing.T, namespace string) {
	t.Helper()
	pods, err := c.kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("there are %d pods, want 1 (%v)", len(pods.Items), err)
	}
	pod, now := &pods.Items[0], metav1.Now()
	_, err = c.kube.CoreV1().Events(namespace).Create(t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: pod.Name + "."},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: pod.Name, UID: pod.UID},
		Reason:         "TriggeredScaleUp", Message: "pod triggered scale-up: [{fresh 0->1 (max: 3)}]", Type: corev1.EventTypeNormal,
		Source: corev1.EventSource{Component: "cluster-autoscaler"}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// addNode adds a node of the pool that the autoscaler fills, like the others in all else.
func (c *cluster) addNode(t *testing.T, name string) {
	t.Helper()
	node, err := c.kube.CoreV1().Nodes().Get(t.Context(), "node-2", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fresh := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: node.Labels, Annotations: node.Annotations}, Status: node.Status}
	fresh.Labels[corev1.LabelHostname], fresh.Labels["pool"] = name, "fresh"
	fresh.Status.Conditions = nil
	if _, err := c.kube.CoreV1().Nodes().Create(t.Context(), fresh, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// dismissWebhook takes the operator's webhook away, without which nothing could be created while the operator is
// away. Where none is installed that is how an operator goes silent.
func (c *cluster) dismissWebhook(t *testing.T) {
	t.Helper()
	hooks := c.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if err := hooks.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		_, err := c.dynamic.Resource(resources["seldondeployments"]).Namespace("default").Create(t.Context(), mistake("mistake"), dryRun)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the webhook is still asked: %v", err)
		}
	}
}
