package simworld

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// Moment is what was true of one custom resource from one change of the world to the next.
type Moment struct {
	At         time.Duration
	Root       bool // it is there
	Deleting   bool
	Generation int64
	State      string // the operator's word
	// Lacks says what keeps it from being available, by the plan for its present spec; empty: it is.
	Lacks string
	// Unwritten says what the operator has still to write for its present spec.
	Unwritten string
	// Zero says that a part is meant to be at zero.
	Zero bool
	// Strangers are Deployments that it owns and its spec does not ask for.
	Strangers int
	Children  []Child
	// Left are the objects below it, itself included.
	Left int
	// Pods is how many of them are pods.
	Pods int
}

// Child is one Deployment at a moment.
type Child struct {
	Name                         string
	Replicas, Ready, Terminating int
	// Noted says that the deployment controller has written that all its replicas are there and no others.
	Noted bool
	// Governed says that a scaling of the whole reaches it.
	Governed bool
	// Least and Most are the range of its autoscaler; without one they are 0.
	Least, Most int
}

// replay goes through the world's record again and watches one custom resource.
type replay struct {
	uid     string
	present map[string]Object // by UID
	order   []string          // UIDs, oldest first
	ours    map[string]bool
	// plans are by the versions that they were made of.
	plans map[string]string
	// templates and wanted are remembered, being dear.
	templates map[string]string
	wanted    map[int64][]string
	governed  map[int64][]string
}

// Truth gives every moment of the custom resource with that UID, from its creation on.
func (w *World) Truth(uid string) []Moment {
	r := &replay{uid: uid, present: map[string]Object{}, ours: map[string]bool{uid: true}, templates: w.templates, wanted: map[int64][]string{}, governed: map[int64][]string{}, plans: map[string]string{}}
	var moments []Moment
	for _, c := range w.log {
		if c.Kind == "Event" {
			continue
		}
		id := string(c.Object.GetUID())
		if c.Verb == "DELETED" {
			delete(r.present, id)
			r.order = slices.DeleteFunc(r.order, func(o string) bool { return o == id })
		} else {
			if r.present[id] == nil {
				r.order = append(r.order, id)
			}
			r.present[id] = c.Object
		}
		for _, ref := range c.Object.GetOwnerReferences() {
			if r.ours[string(ref.UID)] {
				r.ours[id] = true
			}
		}
		if len(moments) > 0 || id == uid {
			if len(moments) == 0 || r.ours[id] {
				moments = append(moments, r.moment(c.At))
			}
		}
	}
	return moments
}

func (r *replay) moment(at time.Duration) Moment {
	m := Moment{At: at}
	for id := range r.ours {
		if o := r.present[id]; o != nil {
			m.Left++
			if _, is := o.(*corev1.Pod); is {
				m.Pods++
			}
		}
	}
	root, ok := r.present[r.uid].(*unstructured.Unstructured)
	if !ok {
		m.Lacks = "it is not there"
		return m
	}
	m.Root, m.Deleting, m.Generation = true, root.GetDeletionTimestamp() != nil, root.GetGeneration()
	m.State, _, _ = unstructured.NestedString(root.Object, "status", "state")
	if m.State == "" {
		m.Lacks = "the operator has not written a status yet, so nobody can know that it has finished"
		return m
	}
	if m.Deleting {
		m.Lacks = "it is being deleted"
		return m
	}
	wanted, known := r.wanted[m.Generation]
	if !known {
		wanted = simseldon.Wanted(root).Deployments
		r.wanted[m.Generation], r.governed[m.Generation] = wanted, governed(root)
	}
	if len(wanted) == 0 {
		m.Lacks = "its spec asks for nothing"
		return m
	}
	deployments := map[string]*appsv1.Deployment{}
	for _, id := range r.order {
		if d, ok := r.present[id].(*appsv1.Deployment); ok && controllerOf(d) == r.uid {
			deployments[d.Name] = d
			if !contains(wanted, d.Name) {
				m.Strangers++
			}
		}
	}
	ranges := r.ranges()
	for _, name := range wanted {
		d := deployments[name]
		if d == nil {
			m.Lacks = "Deployment " + name + " is not there"
			continue
		}
		child, lack := r.child(d)
		if a := ranges[name]; a != nil {
			child.Least, child.Most = int(or(a.Spec.MinReplicas, 1)), int(a.Spec.MaxReplicas)
			if child.Replicas < child.Least || child.Replicas > child.Most {
				lack = cmp.Or(lack, fmt.Sprintf("Deployment %s has %d replicas, outside of %d to %d", name, child.Replicas, child.Least, child.Most))
			}
		}
		child.Governed = contains(r.governed[m.Generation], d.Name)
		m.Children = append(m.Children, child)
		m.Zero = m.Zero || child.Replicas == 0
		if lack != "" {
			m.Lacks = lack
		}
	}
	m.Unwritten = r.planOf(root, deployments)
	m.Lacks = cmp.Or(m.Lacks, m.Unwritten)
	return m
}

// ranges are the custom resource's autoscalers, by their Deployments.
func (r *replay) ranges() map[string]*autoscalingv2.HorizontalPodAutoscaler {
	var found map[string]*autoscalingv2.HorizontalPodAutoscaler
	for _, id := range r.order {
		if a, ok := r.present[id].(*autoscalingv2.HorizontalPodAutoscaler); ok && controllerOf(a) == r.uid {
			if found == nil {
				found = map[string]*autoscalingv2.HorizontalPodAutoscaler{}
			}
			found[a.Spec.ScaleTargetRef.Name] = a
		}
	}
	return found
}

func or(n *int32, otherwise int32) int32 {
	if n == nil {
		return otherwise
	}
	return *n
}

// child looks at one Deployment and its pods.
func (r *replay) child(d *appsv1.Deployment) (Child, string) {
	n, s := *d.Spec.Replicas, d.Status
	c := Child{Name: d.Name, Replicas: int(n), Noted: s.ObservedGeneration == d.Generation && s.Replicas == n && s.UpdatedReplicas == n && s.AvailableReplicas == n}
	active, good := 0, 0
	for _, id := range r.order {
		pod, ok := r.present[id].(*corev1.Pod)
		if !ok {
			continue
		}
		rs, ok := r.present[controllerOf(pod)].(*appsv1.ReplicaSet)
		if !ok || controllerOf(rs) != string(d.UID) {
			continue
		}
		switch {
		case pod.DeletionTimestamp != nil:
			if _, seen := pod.Labels[spec.LabelID]; seen { // else no watch shows it, nor any read
				c.Terminating++
			}
		case isFinished(pod):
		default:
			active++
			if isReady(pod) {
				c.Ready++
			}
			if isReady(pod) && templateOf(r.templates, rs) == templateOf(r.templates, d) {
				good++
			}
		}
	}
	switch {
	case d.DeletionTimestamp != nil:
		return c, "Deployment " + d.Name + " is being deleted"
	case d.Status.ObservedGeneration < d.Generation:
		return c, "Deployment " + d.Name + " is not observed"
	case active != c.Replicas || good != c.Replicas:
		return c, fmt.Sprintf("Deployment %s has %d pods, %d of them ready and new, of %d", d.Name, active, good, c.Replicas)
	}
	return c, ""
}

// planOf says what the operator would still have to write.
func (r *replay) planOf(root *unstructured.Unstructured, deployments map[string]*appsv1.Deployment) string {
	var key strings.Builder
	key.WriteString(strconv.FormatInt(root.GetGeneration(), 10))
	w := simseldon.World{Root: root, Now: time.Unix(0, 0)}
	for _, name := range sortedKeys(deployments) {
		key.WriteString(" " + string(deployments[name].UID) + strconv.FormatInt(deployments[name].Generation, 10) + "/" + strconv.Itoa(len(deployments[name].Labels)))
		w.Deployments = append(w.Deployments, deployments[name])
	}
	if plan, known := r.plans[key.String()]; known {
		return plan
	}
	plan := ""
	outcome, err := simseldon.Reconcile(w, simseldon.Switches{})
	if err != nil {
		plan = err.Error()
	}
	for _, write := range outcome.Writes {
		if d, ok := write.Object.(*appsv1.Deployment); ok && write.Verb != simseldon.Delete {
			plan = fmt.Sprintf("the operator has still to %s Deployment %s", write.Verb, d.Name)
		}
	}
	r.plans[key.String()] = plan
	return plan
}

// Symptom is something wrong that could be seen on an object: from when on, until when (the world's
// end if never), and, for a container, when it had ended for the third time.
type Symptom struct {
	Class     string
	UID       string
	At, Until time.Duration
	Third     time.Duration
	before    int // exits before it began
	Healed    bool
	// Hidden is since when it could not be seen any more although the object was not well yet; zero: never.
	Hidden      time.Duration
	Description string
}

// Symptoms gives what could be seen below the custom resource with that UID.
func (w *World) Symptoms(uid string) []Symptom {
	ours := map[string]bool{uid: true}
	open := map[string]*Symptom{}
	var found []*Symptom
	for _, c := range w.log {
		id := string(c.Object.GetUID())
		for _, ref := range c.Object.GetOwnerReferences() {
			if ours[string(ref.UID)] {
				ours[id] = true
			}
		}
		if !ours[id] || c.Kind == "Event" {
			continue
		}
		classes, healed := symptomsOf(c.Object)
		for class, exits := range classes {
			key := id + class
			s := open[key]
			if s == nil {
				s = &Symptom{Class: class, UID: id, At: c.At, before: max(exits-1, 0), Description: c.Kind + "/" + c.Object.GetName()}
				open[key] = s
				found = append(found, s)
			}
			if exits-s.before >= 3 && s.Third == 0 {
				s.Third = c.At
			}
		}
		for key, s := range open {
			if _, visible := classes[s.Class]; s.UID == id && visible {
				s.Hidden = 0
			} else if s.UID == id && s.Hidden == 0 {
				s.Hidden = c.At
			}
			if s.UID == id && (healed || c.Verb == "DELETED" || c.Object.GetDeletionTimestamp() != nil) {
				s.Until, s.Healed = c.At, true
				delete(open, key)
			}
		}
	}
	out := make([]Symptom, 0, len(found))
	for _, s := range found {
		if !s.Healed {
			s.Until = w.now()
		}
		out = append(out, *s)
	}
	slices.SortStableFunc(out, func(a, b Symptom) int { return int(a.At - b.At) })
	return out
}

// symptomsOf says what is wrong with an object, with the exits of the container if it has any, and
// whether the object is well.
func symptomsOf(o Object) (classes map[string]int, well bool) {
	switch o := o.(type) {
	case *corev1.Pod:
		return podSymptoms(o), isReady(o)
	case *appsv1.ReplicaSet:
		for _, c := range o.Status.Conditions {
			classes = refusedClass(c.Message)
		}
		return classes, len(o.Status.Conditions) == 0
	case *appsv1.Deployment:
		c := find(o.Status.Conditions, appsv1.DeploymentProgressing)
		switch {
		case c == nil:
		case c.Reason == "ProgressDeadlineExceeded":
			return map[string]int{"NoProgress": 0}, false
		case c.Reason == "ReplicaSetCreateError" && o.Status.ObservedGeneration < o.Generation: // of the present template, and no former one
			return refusedClass(c.Message), false
		}
		return nil, true
	case *unstructured.Unstructured:
		state, _, _ := unstructured.NestedString(o.Object, "status", "state")
		text, _, _ := unstructured.NestedString(o.Object, "status", "description")
		switch {
		case state != "Failed":
			return nil, true
		case strings.Contains(text, "is invalid:"), strings.Contains(text, "is forbidden:"):
			return map[string]int{"Refused": 0}, false
		case strings.Contains(text, "Timeout"): // which never is a failure by itself
			return map[string]int{}, false
		}
		return map[string]int{"OperatorError": 0}, false
	}
	return nil, true
}

func refusedClass(words string) map[string]int {
	if strings.Contains(words, "exceeded quota") {
		return map[string]int{"Quota": 0}
	}
	return map[string]int{"PodsDenied": 0}
}

func podSymptoms(pod *corev1.Pod) map[string]int {
	classes := map[string]int{}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			classes["Unschedulable"] = 0
		}
	}
	for _, s := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		reason := ""
		if s.State.Waiting != nil {
			reason = s.State.Waiting.Reason
		}
		switch reason {
		case "ErrImagePull", "ImagePullBackOff":
			classes["ImagePull"] = 0
		case "InvalidImageName":
			classes[reason] = 0
		case "CreateContainerConfigError":
			classes["MissingReference"] = 0
		}
		end, exits := s.State.Terminated, int(s.RestartCount)+1
		if reason == "CrashLoopBackOff" {
			end = s.LastTerminationState.Terminated
		}
		if end != nil && end.ExitCode != 0 {
			class := "CrashLoop"
			if end.Reason == "OOMKilled" {
				class = "OutOfMemory"
			}
			classes[class] = max(classes[class], exits)
		}
	}
	return classes
}
