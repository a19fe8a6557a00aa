package children

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// explainer adds an explainer's Deployment and Service.
func (b *builder) explainer(p *spec.Predictor) {
	b.addDeployment(b.explainerDeployment(p), false)
	name := b.d.ExplainerName(p)
	labels := spec.Merged(b.serviceLabels(b.d.PredictorService(p)), map[string]string{spec.LabelRole + "explainer": "true"})
	b.out.Services = append(b.out.Services, Service{
		Service:      b.service(name, labels, map[string]string{spec.LabelApp: name}, servicePort("http", firstHTTP)),
		HTTPEndpoint: b.endpoint(name, firstHTTP),
		ExplainerFor: b.d.PredictorService(p),
	})
}

// explainerDeployment: observed, its selector is the ID alone, which other Deployments' pods match too.
func (b *builder) explainerDeployment(p *spec.Predictor) *appsv1.Deployment {
	name := b.d.ExplainerName(p)
	selector := map[string]string{spec.LabelID: b.d.ID()}
	labels := spec.Merged(selector, map[string]string{
		"app": name, "fluentd": "true", "version": p.VersionOf(),
		spec.LabelApp: name, spec.LabelManaged: "seldon-core", spec.LabelRole + "explainer": "true",
	})
	pod := corev1.PodSpec{
		Containers:         []corev1.Container{b.explainerContainer(p, name)},
		Volumes:            []corev1.Volume{podInfoVolume()},
		ServiceAccountName: p.Explainer.ServiceAccountName,
	}
	if p.Explainer.ModelURI != "" {
		fetch(&pod, pod.Containers[0].Name, p.Explainer.ModelURI, p.Explainer.EnvSecretRefName)
	}
	finishPod(&pod)
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod}
	simulate(&template, b.d.Annotations, p.Annotations)
	return b.deployment(name, labels, selector, template, b.d.ExplainerReplicas(p), nil)
}

func (b *builder) explainerContainer(p *spec.Predictor, name string) corev1.Container {
	c := *p.Explainer.ContainerSpec.DeepCopy()
	if c.Name == "" {
		c.Name = name
	}
	if c.Image == "" {
		c.Image = "seldonio/alibiexplainer:" + release
	}
	protocol := b.d.Protocol() + ".http"
	if b.d.Transport() == "grpc" {
		protocol = b.d.Protocol() + ".grpc"
	}
	c.Args = append(c.Args,
		"--model_name="+p.Graph.Name,
		"--predictor_host="+b.endpoint(b.d.PredictorService(p), engineHTTP),
		"--protocol="+protocol,
		"--http_port="+number(firstHTTP),
	)
	if p.Explainer.ModelURI != "" {
		c.Args = append(c.Args, "--storage_uri="+modelPath)
	}
	c.Args = append(c.Args, p.Explainer.Type)
	for _, key := range slices.Sorted(maps.Keys(p.Explainer.Config)) {
		c.Args = append(c.Args, "--"+key+"="+p.Explainer.Config[key])
	}
	if !hasPort(c.Ports, "http") {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: "http", ContainerPort: firstHTTP, Protocol: corev1.ProtocolTCP})
	}
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = tcpProbe(20, 7)
	}
	if c.LivenessProbe == nil {
		c.LivenessProbe = tcpProbe(60, 5)
	}
	if c.Lifecycle == nil {
		c.Lifecycle = pause()
	}
	return c
}
