package children

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// engineName is the container that takes a predictor's requests and walks the graph.
const engineName = "seldon-container-engine"

// engineContainer makes the predictor's engine.
func (b *builder) engineContainer(plan *plan) (*corev1.Container, error) {
	p := plan.p
	predictor, err := b.enginePredictor(plan)
	if err != nil {
		return nil, err
	}
	resources := corev1.ResourceRequirements{Limits: amounts("500m", "512Mi"), Requests: amounts("500m", "512Mi")}
	if p.SvcOrch.Resources != nil {
		resources = *p.SvcOrch.Resources.DeepCopy()
	}
	return &corev1.Container{
		Name:  engineName,
		Image: "docker.io/seldonio/seldon-core-executor:" + release,
		Args: []string{
			"--sdep", b.d.Name, "--namespace", b.d.Namespace, "--predictor", p.Name,
			"--http_port", number(engineHTTP), "--grpc_port", number(engineGRPC),
			"--protocol", b.d.Protocol(), "--transport", b.d.Transport(), "--prometheus_path", "/prometheus",
			"--server_type", b.d.ServerType(), "--log_work_buffer_size", "10000", "--log_write_timeout_ms", "2000", "--full_health_checks=false",
		},
		Ports: []corev1.ContainerPort{
			{Name: "http", ContainerPort: engineHTTP, Protocol: corev1.ProtocolTCP},
			{Name: "metrics", ContainerPort: engineHTTP, Protocol: corev1.ProtocolTCP},
			{Name: "grpc", ContainerPort: engineGRPC, Protocol: corev1.ProtocolTCP},
		},
		Env: append([]corev1.EnvVar{
			{Name: "ENGINE_PREDICTOR", Value: predictor},
			{Name: "REQUEST_LOGGER_DEFAULT_ENDPOINT", Value: "http://default-broker"},
		}, p.SvcOrch.Env...),
		ReadinessProbe: httpProbe("/ready", intstr.FromString("http"), 20),
		LivenessProbe:  httpProbe("/live", intstr.FromString("http"), 20),
		VolumeMounts:   []corev1.VolumeMount{{Name: podInfo, MountPath: podInfoPath}},
		Resources:      resources,
	}, nil
}

// enginePredictor is the predictor as its engine is told it. Only traffic and the predictor's own replicas are left out, so these two can change without
// a restart; any other field of the predictor (componentSpecs[].replicas, svcOrchSpec, hpaSpec, pdbSpec …) restarts every pod that holds the engine.
func (b *builder) enginePredictor(plan *plan) (string, error) {
	graph, err := json.Marshal(b.toldGraph(plan, plan.p.Graph))
	if err != nil {
		return "", fmt.Errorf("marshal the graph of predictor %s: %w", plan.p.Name, err)
	}
	told := map[string]any{}
	for field, value := range plan.p.Raw {
		if field != "traffic" && field != "replicas" {
			told[field] = value
		}
	}
	told["graph"] = json.RawMessage(graph)
	predictor, err := json.Marshal(told)
	if err != nil {
		return "", fmt.Errorf("marshal predictor %s: %w", plan.p.Name, err)
	}
	return base64.StdEncoding.EncodeToString(predictor), nil
}

// toldGraph is the graph with the endpoints that the operator fills in.
func (b *builder) toldGraph(plan *plan, u spec.Unit) spec.Unit {
	kind := u.Kind()
	u.Type = &kind
	if n := plan.node(u.Name); n != nil {
		endpoint := spec.Endpoint{ServiceHost: "localhost", ServicePort: n.http, HTTPPort: n.http, GRPCPort: n.grpc}
		if u.Endpoint != nil {
			endpoint.Type = u.Endpoint.Type
		}
		if n.component != plan.entry {
			endpoint.ServiceHost = n.service + "." + b.d.Namespace + ".svc.cluster.local."
		}
		u.Endpoint = &endpoint
	}
	children := u.Children
	u.Children = nil
	for _, child := range children {
		u.Children = append(u.Children, b.toldGraph(plan, child))
	}
	return u
}

// engineDeployment makes a separate engine's Deployment. Observed: it and its pods carry the predictor's Service name as their ID, so the ID label that finds
// everything else misses them; the pods have fewer labels than the Deployment; the predictor's deadline does not reach it.
func (b *builder) engineDeployment(p *spec.Predictor, engine corev1.Container) *appsv1.Deployment {
	name, service := b.d.EngineName(p), b.d.PredictorService(p)
	selector := map[string]string{spec.LabelApp: service, spec.LabelID: service}
	podLabels := spec.Merged(selector, map[string]string{"app": name, "version": p.VersionOf()})
	labels := spec.Merged(podLabels, map[string]string{"fluentd": "true", spec.LabelEngine: "true"})
	pod := corev1.PodSpec{Containers: []corev1.Container{engine}, Volumes: []corev1.Volume{podInfoVolume()}}
	finishPod(&pod)
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: podLabels, Annotations: prometheus()}, Spec: pod}
	simulate(&template, b.d.Annotations, p.Annotations)
	return b.deployment(name, labels, selector, template, b.d.EngineReplicas(p), nil)
}
