package children

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// podInfo is the volume that every pod gets, mounted where a container is the operator's business.
const (
	podInfo     = "seldon-podinfo"
	podInfoPath = "/etc/podinfo"
)

// defaultDeadline is what a Deployment has when the predictor says nothing.
const defaultDeadline int32 = 600

// componentDeployment makes the Deployment of one component, with the engine as its last container if it is given one.
func (b *builder) componentDeployment(plan *plan, index int, engine *corev1.Container) *appsv1.Deployment {
	p, c := plan.p, plan.components[index]
	name := b.d.ComponentName(p, index, c) // before containers are added: they are not part of the name
	selector := map[string]string{spec.LabelID: b.d.ID()}
	role := map[string]string{}
	for _, n := range plan.of(index) {
		selector[spec.LabelUnit+"-"+n.unit.Name] = n.service
		role = spec.Merged(role, n.unit.RoleLabel())
	}
	if index == plan.entry {
		selector[spec.LabelApp] = b.d.PredictorService(p)
	}
	if p.Shadow {
		role[spec.LabelRole+"shadow"] = "true"
	}
	podLabels := spec.Merged(p.Labels, c.Metadata.Labels, role, selector, map[string]string{
		"app": name, "fluentd": "true", "version": p.VersionOf(), spec.LabelManaged: "seldon-core",
	})
	labels := podLabels
	if engine != nil {
		labels = spec.Merged(podLabels, map[string]string{spec.LabelEngine: "true"})
	}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      podLabels,
			Annotations: spec.Merged(prometheus(), b.d.Spec.Annotations, p.Annotations, c.Metadata.Annotations),
		},
		Spec: b.componentPod(plan, index, engine),
	}
	simulate(&template, b.d.Annotations, p.Annotations, c.Metadata.Annotations)
	return b.deployment(name, labels, selector, template, b.d.Replicas(p, c), p.ProgressDeadlineSeconds)
}

// componentPod makes a component's pod: the user's containers with what the operator adds to those that are graph units, then its own.
func (b *builder) componentPod(plan *plan, index int, engine *corev1.Container) corev1.PodSpec {
	pod := *plan.components[index].Spec.DeepCopy()
	pod.Volumes = append(pod.Volumes, podInfoVolume())
	var added []corev1.Container
	for _, n := range plan.of(index) {
		container := &pod.Containers[n.container]
		added = append(added, b.bringServer(n, container)...)
		b.unitContainer(plan.p, n, container)
		if n.unit.ServiceAccountName != "" {
			pod.ServiceAccountName = n.unit.ServiceAccountName
		}
	}
	pod.Containers = append(pod.Containers, added...)
	for _, n := range plan.of(index) {
		b.loadModel(&pod, n, plan.p)
	}
	if engine != nil {
		pod.Containers = append(pod.Containers, *engine)
	}
	finishPod(&pod)
	return pod
}

// deployment is the frame that all Deployments share. Observed: maxUnavailable is 0, where a percentage was meant.
func (b *builder) deployment(name string, labels, selector map[string]string, template corev1.PodTemplateSpec, replicas, deadline *int32) *appsv1.Deployment {
	surge, unavailable, seconds := intstr.FromString("25%"), intstr.FromInt32(0), defaultDeadline
	if deadline == nil {
		deadline = &seconds
	}
	return &appsv1.Deployment{
		ObjectMeta: b.meta(name, labels),
		Spec: appsv1.DeploymentSpec{
			Replicas:                replicas,
			Selector:                &metav1.LabelSelector{MatchLabels: selector},
			Template:                template,
			ProgressDeadlineSeconds: deadline,
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable},
			},
		},
	}
}

// finishPod sets what every pod has unless the user said otherwise.
func finishPod(pod *corev1.PodSpec) {
	user, grace := int64(8888), int64(20)
	if pod.SecurityContext == nil {
		pod.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &user}
	}
	if pod.TerminationGracePeriodSeconds == nil {
		pod.TerminationGracePeriodSeconds = &grace
	}
}

func prometheus() map[string]string {
	return map[string]string{"prometheus.io/scrape": "true", "prometheus.io/path": "/prometheus"}
}

func podInfoVolume() corev1.Volume {
	return corev1.Volume{Name: podInfo, VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
		Items: []corev1.DownwardAPIVolumeFile{{Path: "annotations", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations"}}},
	}}}
}
