package outline

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Node is one object of the tree below a custom resource, or a container, or several objects of which
// there is nothing to tell one by one; then it has no name.
type Node struct {
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	// Count is how many objects they are that have no name here.
	Count int `json:"count,omitempty"`
	// Text is what is to be said of it; More what is left out where space is short.
	Text string `json:"text,omitempty"`
	More string `json:"more,omitempty"`
	// Wrong says that a problem lies in it or below it.
	Wrong bool   `json:"wrong,omitempty"`
	Below []Node `json:"below,omitempty"`
}

// readyShown is how many ready pods of one ReplicaSet are shown; more of them tell nothing new.
const readyShown = 2

// tree returns what is below an object: Deployments first, then what serves and moves them.
func tree(s *snapshot.Snapshot, root types.UID, told []judge.Held) []Node {
	var workloads, others []Node
	for _, o := range s.Owned(root) {
		node := Node{Kind: string(snapshot.KindOf(o)), Name: o.GetName(), Wrong: marked(told, string(o.GetUID()), "")}
		switch o := o.(type) {
		case *appsv1.Deployment:
			node.Text, node.More = deploymentText(o), "images "+images(o.Spec.Template.Spec.Containers)
			node.Below = replicaSets(s, o, told)
			workloads = append(workloads, node)
			continue
		case *autoscalingv2.HorizontalPodAutoscaler:
			node.Text = fmt.Sprintf("%s, %d to %d replicas, now %d, wants %d",
				o.Spec.ScaleTargetRef.Name, minimum(o), o.Spec.MaxReplicas, o.Status.CurrentReplicas, o.Status.DesiredReplicas)
		case *corev1.Service:
			node.Text, node.More = ports(o), strings.TrimSpace(string(o.Spec.Type)+" "+o.Spec.ClusterIP)
		}
		if o.GetDeletionTimestamp() != nil {
			node.Text = joined(node.Text, "being deleted")
		}
		others = append(others, node)
	}
	return append(workloads, others...)
}

func deploymentText(d *appsv1.Deployment) string {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	text := fmt.Sprintf("%d of %d ready", d.Status.ReadyReplicas, wanted)
	if d.Status.UpdatedReplicas != wanted {
		text += fmt.Sprintf(", %d up to date", d.Status.UpdatedReplicas)
	}
	if d.DeletionTimestamp != nil {
		text += ", being deleted"
	}
	return text
}

// replicaSets returns a Deployment's ReplicaSets: those with pods one by one, the others as a number.
func replicaSets(s *snapshot.Snapshot, d *appsv1.Deployment, told []judge.Held) []Node {
	var shown []Node
	former := 0
	for _, o := range s.Owned(d.UID) {
		rs, ok := o.(*appsv1.ReplicaSet)
		if !ok {
			continue
		}
		wanted := int32(1)
		if rs.Spec.Replicas != nil {
			wanted = *rs.Spec.Replicas
		}
		pods := podsOf(s, rs, told)
		wrong := marked(told, string(rs.UID), "")
		if wanted == 0 && len(pods) == 0 && !wrong {
			former++
			continue
		}
		node := Node{Kind: string(snapshot.ReplicaSet), Name: rs.Name, Wrong: wrong, Below: pods}
		node.Text = fmt.Sprintf("%d of %d ready", rs.Status.ReadyReplicas, wanted)
		if revision := rs.Annotations["deployment.kubernetes.io/revision"]; revision != "" {
			node.Text += ", revision " + revision
		}
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				node.Text += ", " + c.Reason + ": " + c.Message
			}
		}
		shown = append(shown, node)
	}
	if former > 0 {
		shown = append(shown, Node{Kind: string(snapshot.ReplicaSet), Count: former, Text: "without pods"})
	}
	return shown
}

// podsOf returns the pods of a ReplicaSet, those that are not ready first; of many ready ones only the
// number.
func podsOf(s *snapshot.Snapshot, rs *appsv1.ReplicaSet, told []judge.Held) []Node {
	var unready, good []Node
	for _, o := range s.Owned(rs.UID) {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			continue
		}
		node := Node{
			Kind: string(snapshot.Pod), Name: pod.Name, Text: podText(pod), Wrong: marked(told, string(pod.UID), ""),
			Below: containers(pod, told),
		}
		if pod.Spec.NodeName != "" {
			node.More = "on node " + pod.Spec.NodeName
		}
		if ready(pod) && pod.DeletionTimestamp == nil && !node.Wrong {
			good = append(good, node)
		} else {
			unready = append(unready, node)
		}
	}
	if len(good) > readyShown+1 {
		rest := len(good) - readyShown
		good = append(good[:readyShown], Node{Kind: string(snapshot.Pod), Count: rest, Text: "ready too"})
	}
	return append(unready, good...)
}

func podText(pod *corev1.Pod) string {
	text := string(pod.Status.Phase)
	switch {
	case pod.DeletionTimestamp != nil:
		return joined(text, "being deleted")
	case ready(pod):
		return joined(text, "ready")
	case pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded:
		return joined(text, strings.TrimSuffix(pod.Status.Reason+": "+pod.Status.Message, ": "))
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return joined(text, strings.TrimSuffix(c.Reason+": "+c.Message, ": "))
		}
	}
	return joined(text, "not ready")
}

// containers returns a pod's containers in the order in which they start.
func containers(pod *corev1.Pod, told []judge.Held) []Node {
	var nodes []Node
	add := func(kind string, spec []corev1.Container, statuses []corev1.ContainerStatus) {
		for _, c := range spec {
			node := Node{Kind: kind, Name: c.Name, Text: "not started", More: "image " + c.Image, Wrong: marked(told, string(pod.UID), c.Name)}
			i := slices.IndexFunc(statuses, func(st corev1.ContainerStatus) bool { return st.Name == c.Name })
			switch {
			case i >= 0:
				node.Text = containerText(statuses[i])
				if w := statuses[i].State.Waiting; w != nil {
					node.More = joined(node.More, w.Message)
				}
			case ready(pod):
				node.Text = "not reported"
			}
			nodes = append(nodes, node)
		}
	}
	add("init container", pod.Spec.InitContainers, pod.Status.InitContainerStatuses)
	add("container", pod.Spec.Containers, pod.Status.ContainerStatuses)
	return nodes
}

func containerText(c corev1.ContainerStatus) string {
	var text string
	switch st := c.State; {
	case st.Terminated != nil && st.Terminated.ExitCode == 0:
		text = "done"
	case st.Terminated != nil:
		text = fmt.Sprintf("exited with code %d", st.Terminated.ExitCode)
		if reason := st.Terminated.Reason; reason != "" && reason != "Error" {
			text += " (" + reason + ")"
		}
	case st.Running != nil && c.Ready:
		text = "ready"
	case st.Running != nil:
		text = "running, not ready"
	case st.Waiting != nil:
		text = joined("waiting", st.Waiting.Reason)
	default:
		text = "not started"
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf(", restarted %d times", c.RestartCount)
		if last := c.LastTerminationState.Terminated; last != nil {
			text += fmt.Sprintf(", last exit code %d", last.ExitCode)
		}
	}
	return text
}

func minimum(hpa *autoscalingv2.HorizontalPodAutoscaler) int32 {
	if hpa.Spec.MinReplicas == nil {
		return 1
	}
	return *hpa.Spec.MinReplicas
}

func images(containers []corev1.Container) string {
	var all []string
	for _, c := range containers {
		all = append(all, c.Image)
	}
	return strings.Join(all, ", ")
}

func ports(service *corev1.Service) string {
	var all []string
	for _, p := range service.Spec.Ports {
		all = append(all, fmt.Sprintf("%s %d", p.Name, p.Port))
	}
	if len(all) == 0 {
		return ""
	}
	return "ports " + strings.Join(all, ", ")
}

func joined(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ", " + b
}
