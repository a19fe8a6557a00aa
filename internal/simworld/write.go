package simworld

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// webhook is the name of the operator's admission webhook.
const webhook = "v1.vseldondeployment.kb.io"

// admit asks the operator's admission webhook.
func (w *World) admit(o *unstructured.Unstructured) error {
	if w.op.down() {
		return apierrors.NewInternalError(fmt.Errorf(`failed calling webhook %q: failed to call webhook: no endpoints available for service "seldon-webhook-service"`, webhook))
	}
	err := simseldon.Validate(o)
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return apierrors.NewInternalError(err)
	}
	denied := status.Status()
	denied.Message = fmt.Sprintf("admission webhook %q denied the request: %s", webhook, denied.Message)
	denied.Details = nil
	return &apierrors.StatusError{ErrStatus: denied}
}

func (w *World) post(q *call) *reply {
	o := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(q.body, &o.Object); err != nil {
		return refusal(apierrors.NewBadRequest(err.Error()))
	}
	if o.GetNamespace() != namespace {
		return refusal(apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request"))
	}
	if w.get(q.kind, o.GetName()) == nil {
		if err := w.admit(o); err != nil {
			return refusal(err)
		}
	}
	made, err := w.create(o, orElse(q.query.Get("fieldManager"), q.agent))
	if err != nil {
		return refusal(err)
	}
	w.made[string(made.GetUID())] = q.agent
	w.touch(q, made, false)
	return &reply{code: http.StatusCreated, body: w.kinds[q.kind].current[made.GetName()].json()}
}

// touch keeps what a client has written; blind says that no precondition kept it from what it did not know.
func (w *World) touch(q *call, o Object, blind bool) {
	w.touched = append(w.touched, Touch{
		At: w.now(), Agent: q.agent, Method: q.method, Kind: q.kind, Name: o.GetName(),
		UID: string(o.GetUID()), Owner: w.made[string(o.GetUID())], Blind: blind,
	})
	w.give(map[string]Cue{"POST": Created, "PATCH": Patched, "DELETE": Deleted}[q.method])
}

func (w *World) patch(q *call) *reply {
	old := w.get(q.kind, q.name)
	at := w.kinds[q.kind].at.GroupResource()
	if old == nil {
		return refusal(apierrors.NewNotFound(at, q.name))
	}
	var ops []patchOp
	if err := utiljson.Unmarshal(q.body, &ops); err != nil {
		return refusal(apierrors.NewBadRequest(err.Error()))
	}
	o, ok := copyOf(old).(*unstructured.Unstructured)
	if !ok {
		return refusal(apierrors.NewBadRequest("only custom resources can be patched here"))
	}
	for _, op := range ops {
		changed, err := op.apply(o.Object, op.segments())
		if err != nil {
			return refusal(apierrors.NewInvalid(o.GroupVersionKind().GroupKind(), q.name, nil))
		}
		o.Object, _ = changed.(map[string]any)
	}
	if err := w.admit(o); err != nil {
		return refusal(err)
	}
	now, err := w.update(o, orElse(q.query.Get("fieldManager"), q.agent), "")
	if err != nil {
		return refusal(err)
	}
	w.touch(q, now, !slices.ContainsFunc(ops, func(op patchOp) bool { return op.Path == "/metadata/resourceVersion" }))
	return &reply{code: http.StatusOK, body: w.kinds[q.kind].current[q.name].json()}
}

func (w *World) erase(q *call) *reply {
	old := w.get(q.kind, q.name)
	at := w.kinds[q.kind].at.GroupResource()
	if old == nil {
		return refusal(apierrors.NewNotFound(at, q.name))
	}
	var options metav1.DeleteOptions
	if err := json.Unmarshal(q.body, &options); err != nil {
		return refusal(apierrors.NewBadRequest(err.Error()))
	}
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != old.GetUID() {
		return refusal(apierrors.NewConflict(at, q.name, fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s)", *p.UID, old.GetUID())))
	}
	policy := "Background"
	if options.PropagationPolicy != nil {
		policy = string(*options.PropagationPolicy)
	}
	w.touch(q, old, options.Preconditions == nil || options.Preconditions.UID == nil)
	w.delete(q.kind, q.name, policy, q.agent)
	if c := w.kinds[q.kind].current[q.name]; c != nil {
		return &reply{code: http.StatusOK, body: c.json()}
	}
	return &reply{code: http.StatusOK, body: fmt.Appendf(nil, `{"kind":"Status","apiVersion":"v1","status":"Success","details":{"name":%q,"uid":%q}}`, q.name, old.GetUID())}
}

// patchOp is one operation of a JSON patch.
type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (p patchOp) segments() []string {
	parts := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
	for i := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
	}
	return parts
}

// apply does the operation below node and returns what node becomes.
func (p patchOp) apply(node any, path []string) (any, error) {
	missing := fmt.Errorf("%s: there is nothing at %s", p.Op, p.Path)
	switch node := node.(type) {
	case map[string]any:
		child, there := node[path[0]]
		switch {
		case len(path) > 1 && there:
			changed, err := p.apply(child, path[1:])
			node[path[0]] = changed
			return node, err
		case len(path) > 1, !there && p.Op != "add", p.Op == "test" && !same(child, p.Value):
			return node, missing
		case p.Op == "remove":
			delete(node, path[0])
		case p.Op != "test":
			node[path[0]] = p.Value
		}
		return node, nil
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(node) {
			return node, missing
		}
		if len(path) > 1 {
			node[i], err = p.apply(node[i], path[1:])
			return node, err
		}
		if p.Op == "replace" {
			node[i] = p.Value
			return node, nil
		}
	}
	return node, missing
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// Reworked reports whether in that time, but at none of one's own writes, the custom resource was given other Deployments,
// replicas or container images.
func (w *World) Reworked(uid string, own []Touch, from, to time.Duration) bool {
	return slices.ContainsFunc(w.kinds[Root].log, func(c *change) bool {
		mine := slices.ContainsFunc(own, func(t Touch) bool { return t.At == c.At && t.UID == uid })
		if c.At < from || c.At > to || mine || c.Old == nil || string(c.Object.GetUID()) != uid {
			return false
		}
		return outline(c.Old) != outline(c.Object)
	})
}

// Taken reports whether, in that time, a name that the custom resource or its manifest stands for was another's, or that
// of a child which the custom resource had left.
func (w *World) Taken(uid string, manifest *unstructured.Unstructured, from, to time.Duration) bool {
	wanted, left := simseldon.Wanted(manifest), time.Duration(math.MaxInt64)
	for _, c := range w.kinds[Root].log {
		if string(c.Object.GetUID()) == uid && c.Verb == "DELETED" {
			left = c.At
		}
	}
	return slices.ContainsFunc(w.log, func(c *change) bool {
		name, strange := c.Object.GetName(), controllerOf(c.Object) != uid || uid == ""
		switch {
		case c.At > to || c.Verb == "DELETED":
			return false
		case c.Kind == Root && name == manifest.GetName():
			strange = string(c.Object.GetUID()) != uid
		case c.Kind == "Deployment" && contains(wanted.Deployments, name), c.Kind == "Service" && contains(wanted.Services, name):
			strange = strange || left <= to && !w.overBy(c, left)
		default:
			return false
		}
		return strange && !w.overBy(c, from)
	})
}

// Versions counts the states that an object got in a time.
func (w *World) Versions(uid string, from, to time.Duration) int {
	n := 0
	for _, c := range w.kinds[Root].log {
		if string(c.Object.GetUID()) == uid && c.At >= from && c.At <= to {
			n++
		}
	}
	return n
}

// Ever counts by kind what there was below the custom resource with that UID at any moment of a time.
func (w *World) Ever(uid string, from, to time.Duration) map[string]int {
	ours, kinds, over := map[string]bool{uid: true}, map[string]string{}, map[string]time.Duration{}
	for _, c := range w.log {
		id := string(c.Object.GetUID())
		for _, ref := range c.Object.GetOwnerReferences() {
			if ours[string(ref.UID)] && c.Kind != "Event" && c.At <= to {
				ours[id], kinds[id] = true, c.Kind
			}
		}
		if c.Verb == "DELETED" {
			over[id] = c.At
		}
	}
	counts := map[string]int{}
	for id, kind := range kinds {
		if end, gone := over[id]; !gone || end >= from {
			counts[kind]++
		}
	}
	return counts
}

// Growing gives the times in which the last that an autoscaler of nodes had said of a pod was that it adds some.
func (w *World) Growing(uid string) []Span {
	var grows []Span
	open := false
	for _, c := range w.kinds["Event"].log {
		e, ok := c.Object.(*corev1.Event)
		if !ok || string(e.InvolvedObject.UID) != uid || e.Reason != scaleUp && e.Reason != noScaleUp {
			continue
		}
		switch {
		case e.Reason == scaleUp && !open:
			grows = append(grows, Span{At: c.At, For: w.now() - c.At})
		case e.Reason == noScaleUp && open:
			grows[len(grows)-1].For = c.At - grows[len(grows)-1].At
		}
		open = e.Reason == scaleUp
	}
	return grows
}

// overBy reports whether an object's state had been followed by another one, or by none, at that time.
func (w *World) overBy(c *change, at time.Duration) bool {
	return slices.ContainsFunc(w.kinds[c.Kind].log, func(next *change) bool {
		return next.RV > c.RV && next.Object.GetName() == c.Object.GetName() && next.At <= at
	})
}

// aside keeps the autoscaler's words out of the instants in which the scheduler tries again: what comes about in one
// instant is in no order.
const aside = 131 * time.Millisecond

// scaleUp is what the autoscaler of nodes says of a pod that has found no node.
func (w *World) scaleUp(name string, ill Ill) {
	say := func(after time.Duration, reason, message string) {
		if after == 0 {
			return
		}
		w.after(after+aside, func() {
			if pod, ok := asPod(w.get("Pod", name)); ok && pod.Spec.NodeName == "" {
				w.event(pod, "Normal", reason, "cluster-autoscaler", message)
			}
		})
	}
	say(ill.ScaleUp, scaleUp, "pod triggered scale-up: [{pool 3->4 (max: 9)}]")
	say(ill.NoScaleUp, noScaleUp, "pod didn't trigger scale-up: 1 max node group size reached")
}

// The reasons of the Events in which an autoscaler of nodes says whether it adds one for a pod.
const scaleUp, noScaleUp = "TriggeredScaleUp", "NotTriggerScaleUp"

// Absent reports whether at any moment of a time no custom resource was there.
func (w *World) Absent(from, to time.Duration) bool {
	there := false
	for _, c := range w.kinds[Root].log {
		if !there && c.At > from {
			return true
		}
		if c.At > to {
			return false
		}
		there = c.Verb != "DELETED"
	}
	return !there
}
