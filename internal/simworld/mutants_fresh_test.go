package simworld_test

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// freshMutants are deliberate bugs that were thought of after the oracles, by somebody who had not
// written them.
func freshMutants() []*mutant {
	objects := func(name string, change func(*lens)) *mutant {
		return &mutant{name, func(d *ops.Deps, _ *ops.RunRequest, wire http.RoundTripper) {
			l := &lens{Cluster: d.Cluster, wire: wire}
			change(l)
			d.Cluster = l
		}}
	}
	return []*mutant{
		objects("not notice that it heals", func(l *lens) { l.each = unhealed() }),
		objects("tell an event at each delivery", func(l *lens) { l.each = newEvent }),
		objects("write over a conflict", func(l *lens) { l.force = true }),
		{"scale the last predictor by one less", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) { d.Engine = oneLess{d.Engine} }},
		{"trust a wrong clock", func(d *ops.Deps, _ *ops.RunRequest, _ http.RoundTripper) {
			d.Ahead = func() (time.Duration, bool) { return 5 * time.Minute, true }
		}},
	}
}

// unhealed shows a pod as it was when a container of it could first not be started, for as long as it lives.
func unhealed() func(snapshot.Object) {
	ill := map[types.UID]corev1.PodStatus{}
	return func(o snapshot.Object) {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			return
		}
		if was, known := ill[pod.UID]; known {
			pod.Status = *was.DeepCopy()
			return
		}
		for _, c := range pod.Status.ContainerStatuses {
			if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
				ill[pod.UID] = *pod.Status.DeepCopy()
			}
		}
	}
}

// newEvent makes each delivery of an Event an Event of its own.
func newEvent(o snapshot.Object) {
	if e, ok := o.(*corev1.Event); ok {
		e.UID += types.UID("/" + e.ResourceVersion)
	}
}

// oneLess is an engine whose scaling gives the last of several predictors one replica less, and who then
// waits for just that.
type oneLess struct{ engine.Engine }

// Scale implements engine.Scaler.
func (e oneLess) Scale(root *unstructured.Unstructured, want engine.ScaleRequest) (engine.ScaleEdit, error) {
	edit, err := e.Engine.Scale(root, want)
	predictors, _, _ := unstructured.NestedSlice(root.Object, "spec", "predictors")
	last := len(predictors) - 1
	if err != nil || last < 1 || want.Replicas < 2 || len(edit.Patch) == 0 {
		return edit, err
	}
	less := int64(want.Replicas - 1)
	edit.Patch = append(slices.Clone(edit.Patch), engine.PatchOp{Op: "add", Path: fmt.Sprintf("/spec/predictors/%d/replicas", last), Value: less})
	edit.After = edit.After.DeepCopy()
	predictors, _, _ = unstructured.NestedSlice(edit.After.Object, "spec", "predictors")
	if p, ok := predictors[last].(map[string]any); ok {
		p["replicas"] = less
	}
	return edit, unstructured.SetNestedSlice(edit.After.Object, predictors, "spec", "predictors")
}
