package simworld

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// ActKind is what somebody else does.
type ActKind string

// The kinds of acts. Those of the custom resource edit its spec.
const (
	EditReplicas   ActKind = "edit replicas"
	EditImage      ActKind = "edit image"
	EditEnv        ActKind = "edit env"
	EditTraffic    ActKind = "edit traffic"
	EditLabels     ActKind = "edit labels"
	EditComponents ActKind = "edit components"
	Annotate       ActKind = "annotate"
	DeleteRoot     ActKind = "delete"
	DeleteHard     ActKind = "delete in the background"
	Recreate       ActKind = "delete and recreate"
	ScaleChild     ActKind = "scale a Deployment"
	ImageOfChild   ActKind = "set a Deployment's image"
	DeleteChild    ActKind = "delete a Deployment"
	DeletePods     ActKind = "delete a pod"
	HoldRoot       ActKind = "finalizer on the custom resource"
	HoldChild      ActKind = "finalizer on a Deployment"
	LetGo          ActKind = "finalizers removed"
	TakeName       ActKind = "take a Deployment's name"
	EndNamespace   ActKind = "delete the namespace"
)

// Act is one of them at its time.
type Act struct {
	Kind ActKind
	When
	// Name is the custom resource; empty means the first there is.
	Name string
	// Object is what TakeName makes.
	Object Object
}

// stranger is who does it.
const stranger = "somebody"

func (w *World) stage(act *Act) {
	w.on(act.When, func() {
		if act.Kind == TakeName {
			w.notef("somebody: %s", act.Kind)
			_, _ = w.create(act.Object, stranger) // where it is there already, nothing is taken
			return
		}
		name := act.Name
		if name == "" && len(w.kinds[Root].names) > 0 {
			name = w.kinds[Root].names[0]
		}
		root, ok := w.get(Root, name).(*unstructured.Unstructured)
		if !ok {
			return
		}
		w.faults.fired = append(w.faults.fired, Fired{At: w.now(), Kind: string(act.Kind), Phase: w.Phase()})
		w.notef("somebody: %s", act.Kind)
		w.act(act, root)
	})
}

func (w *World) act(act *Act, root *unstructured.Unstructured) {
	name := root.GetName()
	switch act.Kind {
	case DeleteRoot:
		w.delete(Root, name, "Foreground", stranger)
	case DeleteHard:
		w.delete(Root, name, "Background", stranger)
	case Recreate:
		w.delete(Root, name, "Background", stranger)
		w.after(50*time.Millisecond, func() { w.createAgain(root) })
	case ScaleChild, ImageOfChild, DeleteChild, HoldChild:
		w.actOnChild(act, root)
	case DeletePods:
		for _, name := range w.kinds["Pod"].names {
			w.delete("Pod", name, "Background", stranger)
			return
		}
	case EndNamespace:
		w.ending = true
		for _, r := range resources() {
			for _, o := range all[Object](w, r.kind) {
				w.delete(r.kind, o.GetName(), "Background", "namespace-controller")
			}
		}
	case HoldRoot:
		w.mutate(Root, name, stranger, "", func(o Object) { o.SetFinalizers(append(o.GetFinalizers(), "example.com/hold")) })
	case LetGo:
		w.letGo(root)
	case EditReplicas, EditImage, EditEnv, EditTraffic, EditLabels, EditComponents, Annotate:
		w.mutate(Root, name, stranger, "", func(o Object) {
			if u, ok := o.(*unstructured.Unstructured); ok {
				was := copyOf(u)
				if edit(act.Kind, u); simseldon.Validate(u) != nil { // the webhook would refuse it
					u.Object = was.Object
				}
			}
		})
	}
}

// createAgain makes a new object under the name of the old one.
func (w *World) createAgain(old *unstructured.Unstructured) {
	fresh := &unstructured.Unstructured{Object: map[string]any{"kind": Root, "spec": copyOf(old).Object["spec"]}}
	fresh.SetName(old.GetName())
	if made, err := w.create(fresh, stranger); err == nil {
		w.made[string(made.GetUID())] = stranger
	}
}

func (w *World) actOnChild(act *Act, root *unstructured.Unstructured) {
	for _, d := range all[*appsv1.Deployment](w, "Deployment") {
		if controllerOf(d) != string(root.GetUID()) {
			continue
		}
		if act.Kind == DeleteChild {
			w.delete("Deployment", d.Name, "Background", stranger)
			return
		}
		w.mutate("Deployment", d.Name, stranger, "", func(o Object) {
			d, ok := o.(*appsv1.Deployment)
			switch {
			case !ok:
			case act.Kind == ScaleChild:
				n := *d.Spec.Replicas + 1
				d.Spec.Replicas = &n
			case act.Kind == ImageOfChild:
				d.Spec.Template.Spec.Containers[0].Image += "-other"
			case act.Kind == HoldChild:
				d.SetFinalizers(append(d.GetFinalizers(), "example.com/hold"))
			}
		})
		return
	}
}

func (w *World) letGo(root *unstructured.Unstructured) {
	for _, kind := range []string{Root, "Deployment"} {
		for _, o := range all[Object](w, kind) {
			if kind == Root && o.GetName() != root.GetName() {
				continue
			}
			w.mutate(kind, o.GetName(), stranger, "", func(o Object) {
				var kept []string
				for _, f := range o.GetFinalizers() {
					if f != "example.com/hold" {
						kept = append(kept, f)
					}
				}
				o.SetFinalizers(kept)
			})
		}
	}
}

// edit changes one thing in a spec.
func edit(kind ActKind, u *unstructured.Unstructured) {
	predictors, _, _ := unstructured.NestedSlice(u.Object, "spec", "predictors")
	if len(predictors) == 0 {
		return
	}
	p, _ := predictors[0].(map[string]any)
	container := firstContainer(p)
	switch kind {
	case EditReplicas:
		n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		_ = unstructured.SetNestedField(u.Object, n+1, "spec", "replicas")
		return
	case Annotate:
		u.SetAnnotations(merged(u.GetAnnotations(), map[string]string{"example.com/seen": "yes"}))
		return
	case EditImage:
		if container != nil {
			container["image"] = fmt.Sprint(container["image"], "-next")
		}
	case EditEnv:
		if container != nil {
			container["env"] = []any{map[string]any{"name": "EDITED", "value": "yes"}}
		}
	case EditLabels:
		p["labels"] = map[string]any{"edited": "yes"}
	case EditTraffic:
		if len(predictors) == 2 {
			other, _ := predictors[1].(map[string]any)
			p["traffic"], other["traffic"] = int64(40), int64(60)
		}
	case EditComponents:
		p["name"] = fmt.Sprint(p["name"], "x")
	}
	_ = unstructured.SetNestedSlice(u.Object, predictors, "spec", "predictors")
}

func firstContainer(p map[string]any) map[string]any {
	components, _, _ := unstructured.NestedSlice(p, "componentSpecs")
	if len(components) == 0 {
		return nil
	}
	list, _ := p["componentSpecs"].([]any)
	component, _ := list[0].(map[string]any)
	spec, _ := component["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	if len(containers) == 0 {
		return nil
	}
	c, _ := containers[0].(map[string]any)
	return c
}
