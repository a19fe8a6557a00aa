package simworld_test

import (
	"net/http"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// proofMutants are deliberate bugs that each take less for a proof than is one.
func proofMutants() []*mutant {
	return []*mutant{
		{"settle without the leaves", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) {
			d.Cluster = &lens{Cluster: d.Cluster, each: undated}
			d.Engine = leafless{d.Engine, func(*unstructured.Unstructured) bool { return true }, 1}
		}},
		{"the dates alone", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) {
			d.Engine = leafless{d.Engine, statusDatedLater, 0}
		}},
		{"old restarts count", func(d *ops.Deps, _ *ops.RunRequest, wire http.RoundTripper) {
			d.Cluster = &lens{Cluster: d.Cluster, wire: wire, former: unrestarted}
		}},
		{"what a scaling is about to take away counts", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) {
			d.Cluster = &lens{Cluster: d.Cluster, each: sizeSeen}
		}},
		{"follow a clock that is set", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) { d.Now = setClock(d.Now) }},
	}
}

// leafless is an engine that looks at no leaf where that is not needed: whatever the Deployments carry, all of
// the spec has reached them, but for so many parts of which that cannot be seen.
type leafless struct {
	engine.Engine

	enough func(root *unstructured.Unstructured) bool
	silent int
}

// Arrived implements engine.Reader.
func (e leafless) Arrived(before, now *unstructured.Unstructured, owned []*appsv1.Deployment) engine.Arrival {
	if e.enough(now) {
		return engine.Arrival{Leaves: 1, Silent: e.silent}
	}
	return e.Engine.Arrived(before, now, owned)
}

// undated takes away the dates of who wrote what.
func undated(o snapshot.Object) { o.SetManagedFields(nil) }

// sizeSeen says of every ReplicaSet that its controller has seen its number.
func sizeSeen(o snapshot.Object) {
	if rs, ok := o.(*appsv1.ReplicaSet); ok {
		rs.Status.ObservedGeneration = rs.Generation
	}
}

// statusDatedLater reports whether the dates of a custom resource say that its status is at least 2 s younger than its spec.
func statusDatedLater(root *unstructured.Unstructured) bool {
	var spec, status time.Time
	for _, f := range root.GetManagedFields() {
		switch {
		case f.Time == nil:
		case f.Subresource == "status":
			status = f.Time.Time
		case f.Time.After(spec):
			spec = f.Time.Time
		}
	}
	return status.Sub(spec) >= 2*time.Second
}

// unrestarted shows a pod as if none of its containers had ever been restarted, so that all restarts count which are
// shown later.
func unrestarted(o snapshot.Object) snapshot.Object {
	pod, ok := o.DeepCopyObject().(*corev1.Pod)
	if !ok {
		return nil
	}
	version, _ := strconv.Atoi(pod.ResourceVersion)
	pod.ResourceVersion = strconv.Itoa(version - 1)
	for i := range pod.Status.ContainerStatuses {
		c := &pod.Status.ContainerStatuses[i]
		c.RestartCount, c.State, c.LastTerminationState = 0, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, corev1.ContainerState{}
	}
	return pod
}

// setClock tells the time by a clock that is set forwards soon after it was first asked.
func setClock(now func() time.Time) func() time.Time {
	var first time.Time
	return func() time.Time {
		t := now()
		if first.IsZero() {
			first = t
		}
		if t.Sub(first) > 3*time.Second {
			t = t.Add(5 * time.Minute)
		}
		return t
	}
}
