package simworld

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// Root is the kind of the custom resource.
const Root = "SeldonDeployment"

// Object is an object of any kind.
type Object interface {
	metav1.Object
	runtime.Object
}

// resource is a kind that the API server serves.
type resource struct {
	kind string
	at   schema.GroupVersionResource
}

// resources are the kinds, in an order that never changes.
func resources() []resource {
	at := func(kind, group, version, name string) resource {
		return resource{kind, schema.GroupVersionResource{Group: group, Version: version, Resource: name}}
	}
	return []resource{
		at(Root, "machinelearning.seldon.io", "v1", "seldondeployments"),
		at("Deployment", "apps", "v1", "deployments"),
		at("ReplicaSet", "apps", "v1", "replicasets"),
		at("Pod", "", "v1", "pods"),
		at("Service", "", "v1", "services"),
		at("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
		at("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
		at("Event", "", "v1", "events"),
	}
}

func kindOf(o Object) string {
	switch o := o.(type) {
	case *unstructured.Unstructured:
		return o.GetKind()
	case *appsv1.Deployment:
		return "Deployment"
	case *appsv1.ReplicaSet:
		return "ReplicaSet"
	case *corev1.Pod:
		return "Pod"
	case *corev1.Service:
		return "Service"
	case *autoscalingv2.HorizontalPodAutoscaler:
		return "HorizontalPodAutoscaler"
	case *policyv1.PodDisruptionBudget:
		return "PodDisruptionBudget"
	case *corev1.Event:
		return "Event"
	}
	panic(fmt.Sprintf("simworld knows no %T", o))
}

// copyOf gives a copy that may be changed.
func copyOf[T Object](o T) T {
	c, ok := o.DeepCopyObject().(T)
	if !ok {
		panic("a copy of another type")
	}
	return c
}

// encode writes an object as the API server sends it.
func encode(o Object, r resource) []byte {
	if u, ok := o.(*unstructured.Unstructured); ok {
		u.SetAPIVersion(r.at.GroupVersion().String())
	} else {
		o.GetObjectKind().SetGroupVersionKind(r.at.GroupVersion().WithKind(r.kind))
	}
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return raw
}

// specOf and statusOf give the halves of an object whose writes are separate.
func specOf(o Object) any {
	switch o := o.(type) {
	case *unstructured.Unstructured:
		return o.Object["spec"]
	case *appsv1.Deployment:
		return o.Spec
	case *appsv1.ReplicaSet:
		return o.Spec
	case *corev1.Pod:
		return o.Spec
	case *corev1.Service:
		return o.Spec
	case *autoscalingv2.HorizontalPodAutoscaler:
		return o.Spec
	case *policyv1.PodDisruptionBudget:
		return o.Spec
	}
	return nil
}

// unchanged compares the half of an object that a write can change.
func unchanged(old, o Object, sub string) bool {
	if sub == "status" {
		return same(statusOf(old), statusOf(o))
	}
	if _, ok := o.(*corev1.Event); ok {
		return false
	}
	return same(specOf(old), specOf(o)) && same(metaOnly(old), metaOnly(o)) && same(statusOf(old), statusOf(o))
}

func metaOnly(o Object) any {
	return []any{o.GetLabels(), o.GetAnnotations(), o.GetFinalizers(), o.GetDeletionTimestamp(), o.GetOwnerReferences()}
}

func statusOf(o Object) any {
	switch o := o.(type) {
	case *unstructured.Unstructured:
		return o.Object["status"]
	case *appsv1.Deployment:
		return o.Status
	case *appsv1.ReplicaSet:
		return o.Status
	case *corev1.Pod:
		return o.Status
	}
	return nil
}

// keepStatus gives an object the status of another, as a write of all but the status does.
func keepStatus(o, from Object) {
	switch o := o.(type) {
	case *unstructured.Unstructured:
		if status := from.(*unstructured.Unstructured).Object["status"]; status != nil { //nolint:forcetypeassert // of one kind
			o.Object["status"] = runtime.DeepCopyJSONValue(status)
			return
		}
		delete(o.Object, "status")
	case *appsv1.Deployment:
		o.Status = *from.(*appsv1.Deployment).Status.DeepCopy() //nolint:forcetypeassert // the same
	}
}

// generational are the kinds whose generation counts the changes of their spec.
func generational(kind string) bool {
	switch kind {
	case Root, "Deployment", "ReplicaSet", "PodDisruptionBudget":
		return true
	}
	return false
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) || equality.Semantic.DeepEqual(a, b) }

func ownedBy(o Object, uid string) bool {
	for _, ref := range o.GetOwnerReferences() {
		if string(ref.UID) == uid {
			return true
		}
	}
	return false
}

func controllerOf(o Object) string {
	if c := metav1.GetControllerOfNoCopy(o); c != nil {
		return string(c.UID)
	}
	return ""
}

// Edit changes one thing in a spec, unless the webhook would refuse it.
func Edit(kind ActKind, u *unstructured.Unstructured) {
	was := copyOf(u)
	if edit(kind, u); simseldon.Validate(u) != nil {
		u.Object = was.Object
	}
}

func edit(kind ActKind, u *unstructured.Unstructured) {
	switch kind {
	case EditReplicas:
		n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		_ = unstructured.SetNestedField(u.Object, n+1, "spec", "replicas")
	case EditNotes:
		_ = unstructured.SetNestedField(u.Object, "yes", "spec", "annotations", "example.com/edited")
	case DropNotes:
		unstructured.RemoveNestedField(u.Object, "spec", "annotations")
	case DropProtocol:
		unstructured.RemoveNestedField(u.Object, "spec", "protocol")
	case Annotate:
		u.SetAnnotations(merged(u.GetAnnotations(), map[string]string{"example.com/seen": "yes"}))
	default:
		predictors, _, _ := unstructured.NestedSlice(u.Object, "spec", "predictors")
		if len(predictors) == 0 {
			return
		}
		editPredictors(kind, predictors)
		_ = unstructured.SetNestedSlice(u.Object, predictors, "spec", "predictors")
	}
}

func editPredictors(kind ActKind, predictors []any) {
	p, _ := predictors[0].(map[string]any)
	switch kind {
	case EditModelURI:
		if graph, _ := p["graph"].(map[string]any); graph["modelUri"] != nil {
			graph["modelUri"] = fmt.Sprint(graph["modelUri"], "/next")
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
	default:
		if container := firstContainer(p); container != nil {
			editContainer(kind, container)
		}
	}
}

func editContainer(kind ActKind, container map[string]any) {
	switch kind {
	case EditImage:
		container["image"] = fmt.Sprint(container["image"], "-next")
	case EditEnv:
		container["env"] = []any{map[string]any{"name": "EDITED", "value": "yes"}}
	case EditResources:
		container["resources"] = map[string]any{"requests": map[string]any{"cpu": "7m"}}
	case DropEnv:
		delete(container, "env")
	}
}

// unlabel takes the operator's label away from the first object of a kind that carries the custom resource's.
func (w *World) unlabel(kind string, root *unstructured.Unstructured) {
	for _, o := range all[Object](w, kind) {
		if o.GetLabels()[spec.LabelID] != root.GetName() {
			continue
		}
		w.mutate(kind, o.GetName(), stranger, "", func(o Object) {
			kept := maps.Clone(o.GetLabels())
			delete(kept, spec.LabelID)
			o.SetLabels(kept)
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

// governed names the Deployments whose replicas the top-level number sets once nothing below it does: those
// that the operator would give another number for another one, unless an autoscaler owns them.
func governed(root *unstructured.Unstructured) []string {
	few, many := numbers(root, 3), numbers(root, 5)
	var names []string
	for _, name := range sortedKeys(few) {
		if few[name] == 3 && many[name] == 5 {
			names = append(names, name)
		}
	}
	return names
}

// numbers gives the replicas of each Deployment that no autoscaler owns, if the top-level number is n.
func numbers(root *unstructured.Unstructured, n int64) map[string]int32 {
	root = copyOf(root)
	predictors, _, _ := unstructured.NestedSlice(root.Object, "spec", "predictors")
	var scaled []string
	for _, one := range predictors {
		p, _ := one.(map[string]any)
		delete(p, "replicas")
		components, _ := p["componentSpecs"].([]any)
		for i, one := range components {
			if c, ok := one.(map[string]any); ok {
				delete(c, "replicas")
				if c["hpaSpec"] != nil || c["kedaSpec"] != nil {
					scaled = append(scaled, fmt.Sprintf("%s-%s-%d-", root.GetName(), p["name"], i))
				}
			}
		}
	}
	_ = unstructured.SetNestedSlice(root.Object, predictors, "spec", "predictors")
	_ = unstructured.SetNestedField(root.Object, n, "spec", "replicas")
	outcome, _ := simseldon.Reconcile(simseldon.World{Root: root, Now: time.Unix(0, 0)}, simseldon.Switches{}) // what it cannot place it does not write
	found := map[string]int32{}
	for _, write := range outcome.Writes {
		d, ok := write.Object.(*appsv1.Deployment)
		if ok && d.Spec.Replicas != nil && !slices.ContainsFunc(scaled, func(start string) bool { return strings.HasPrefix(d.Name, start) }) {
			found[d.Name] = *d.Spec.Replicas
		}
	}
	return found
}

// outline says which Deployments, replicas and images a spec asks for.
func outline(o Object) string {
	root, _ := o.(*unstructured.Unstructured)
	outcome, err := simseldon.Reconcile(simseldon.World{Root: root, Now: time.Unix(0, 0)}, simseldon.Switches{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, write := range outcome.Writes {
		d, ok := write.Object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		b.WriteString(d.Name)
		if d.Spec.Replicas != nil {
			b.WriteString(" " + strconv.Itoa(int(*d.Spec.Replicas)))
		}
		for i := range d.Spec.Template.Spec.Containers {
			b.WriteString(" " + d.Spec.Template.Spec.Containers[i].Name + " " + d.Spec.Template.Spec.Containers[i].Image)
		}
	}
	return b.String()
}
