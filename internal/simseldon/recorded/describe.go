package recorded

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Describe gives an object its key and its description in the recordings' words.
func Describe(object metav1.Object) (key string, description map[string]any) {
	out := map[string]any{"labels": object.GetLabels(), "owners": owners(object)}
	kind := ""
	switch o := object.(type) {
	case *appsv1.Deployment:
		kind = "Deployment"
		deployment(out, o)
	case *corev1.Service:
		kind = "Service"
		service(out, o)
	case *autoscalingv2.HorizontalPodAutoscaler:
		kind = "HorizontalPodAutoscaler"
		out["spec"] = o.Spec
	case *policyv1.PodDisruptionBudget:
		kind = "PodDisruptionBudget"
		out["spec"] = o.Spec
	}
	return kind + "/" + object.GetName(), plain(out)
}

func owners(object metav1.Object) []string {
	out := []string{}
	for _, ref := range object.GetOwnerReferences() {
		words := ref.Kind + "/" + ref.Name
		if ref.Controller != nil && *ref.Controller {
			words += " controller"
		}
		if ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion {
			words += " blocks"
		}
		out = append(out, words)
	}
	return out
}

func deployment(out map[string]any, d *appsv1.Deployment) {
	pod := d.Spec.Template
	out["replicas"] = d.Spec.Replicas
	out["strategy"] = d.Spec.Strategy
	out["selector"] = d.Spec.Selector.MatchLabels
	out["progressDeadlineSeconds"] = d.Spec.ProgressDeadlineSeconds
	out["podLabels"] = pod.Labels
	out["podAnnotations"] = map[string]string{}
	if len(pod.Annotations) > 0 {
		out["podAnnotations"] = pod.Annotations
	}
	out["terminationGracePeriodSeconds"] = pod.Spec.TerminationGracePeriodSeconds
	out["securityContext"] = pod.Spec.SecurityContext
	out["initContainers"] = containers(pod.Spec.InitContainers)
	out["containers"] = containers(pod.Spec.Containers)
	volumes := []string{}
	for i := range pod.Spec.Volumes {
		volumes = append(volumes, pod.Spec.Volumes[i].Name)
	}
	out["volumes"] = volumes
}

func service(out map[string]any, s *corev1.Service) {
	ports := []string{}
	for _, port := range s.Spec.Ports {
		ports = append(ports, fmt.Sprintf("%s:%d->%s", port.Name, port.Port, port.TargetPort.String()))
	}
	out["type"] = s.Spec.Type
	out["ports"] = ports
	out["selector"] = s.Spec.Selector
	if s.Spec.ClusterIP != "" {
		out["clusterIP"] = "assigned"
	}
}

func containers(list []corev1.Container) []any {
	out := []any{}
	for i := range list {
		out = append(out, container(&list[i]))
	}
	return out
}

// container leaves out what is empty, except the environment.
func container(c *corev1.Container) map[string]any {
	env := []string{}
	for _, e := range c.Env {
		env = append(env, e.Name)
	}
	slices.Sort(env)
	out := map[string]any{"name": c.Name, "image": c.Image, "env": env}
	var ports, mounts, lifecycle []string
	for _, port := range c.Ports {
		ports = append(ports, fmt.Sprintf("%s:%d/%s", port.Name, port.ContainerPort, port.Protocol))
	}
	for _, mount := range c.VolumeMounts {
		mounts = append(mounts, mount.Name+"->"+mount.MountPath)
	}
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
		lifecycle = append(lifecycle, "preStop")
	}
	if c.Lifecycle != nil && c.Lifecycle.PostStart != nil {
		lifecycle = append(lifecycle, "postStart")
	}
	for key, list := range map[string][]string{"args": c.Args, "ports": ports, "mounts": mounts, "lifecycle": lifecycle} {
		if len(list) > 0 {
			out[key] = list
		}
	}
	for key, p := range map[string]*corev1.Probe{"readinessProbe": c.ReadinessProbe, "livenessProbe": c.LivenessProbe} {
		if p != nil {
			out[key] = probe(p)
		}
	}
	if len(c.Resources.Limits)+len(c.Resources.Requests) > 0 {
		out["resources"] = c.Resources
	}
	return out
}

func probe(p *corev1.Probe) string {
	how := "tcp"
	if p.HTTPGet != nil {
		how = "http " + p.HTTPGet.Path
	}
	return fmt.Sprintf("%s delay=%d period=%d failures=%d", how, p.InitialDelaySeconds, p.PeriodSeconds, p.FailureThreshold)
}
