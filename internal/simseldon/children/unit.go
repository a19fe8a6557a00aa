package children

import (
	"encoding/json"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// unitContainer adds to a graph unit's container what the operator adds: environment, ports, probes, a pause before it stops, the pod's annotations as a file. What the user set stays.
func (b *builder) unitContainer(p *spec.Predictor, n *node, c *corev1.Container) {
	server := serverOf(n.unit, b.d)
	b.unitEnv(p, n, c, server)
	unitPorts(n, c, server)
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = server.probe("/v2/health/ready", 20)
	}
	if c.LivenessProbe == nil {
		c.LivenessProbe = server.probe("/v2/health/live", 60)
	}
	if c.Lifecycle == nil {
		c.Lifecycle = pause()
	}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: podInfo, MountPath: podInfoPath})
}

func (b *builder) unitEnv(p *spec.Predictor, n *node, c *corev1.Container, server server) {
	service := n.http
	if b.d.Transport() == "grpc" {
		service = n.grpc
	}
	add := func(name, value string) {
		for _, e := range c.Env {
			if e.Name == name {
				return
			}
		}
		c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: value})
	}
	add("PREDICTIVE_UNIT_SERVICE_PORT", number(service))
	add("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", number(n.http))
	add("MLSERVER_HTTP_PORT", number(n.http))
	add("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", number(n.grpc))
	add("MLSERVER_GRPC_PORT", number(n.grpc))
	add("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", number(n.metrics))
	add("MLSERVER_METRICS_PORT", number(n.metrics))
	add("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus")
	add("MLSERVER_METRICS_ENDPOINT", "/prometheus")
	add("PREDICTIVE_UNIT_ID", n.unit.Name)
	add("MLSERVER_MODEL_NAME", n.unit.Name)
	add("PREDICTIVE_UNIT_IMAGE", c.Image)
	add("PREDICTOR_ID", p.Name)
	add("PREDICTOR_LABELS", asJSON(spec.Merged(p.Labels, map[string]string{"version": p.VersionOf()})))
	add("SELDON_DEPLOYMENT_ID", b.d.Name)
	add("SELDON_EXECUTOR_ENABLED", "true")
	if n.unit.ModelURI != "" {
		add("MLSERVER_MODEL_URI", modelPath)
	}
	for _, extra := range server.env {
		add(extra.Name, extra.Value)
	}
	if len(n.unit.Parameters) > 0 || server.parameters {
		list := append([]spec.Parameter{}, n.unit.Parameters...)
		if server.parameters {
			list = append(list, spec.Parameter{Name: "model_uri", Value: modelPath, Type: "STRING"})
		}
		add("PREDICTIVE_UNIT_PARAMETERS", asJSON(list))
	}
}

// unitPorts names the container's ports. Observed: servers of the V2 protocol have no metrics port.
func unitPorts(n *node, c *corev1.Container, server server) {
	wanted := []corev1.ContainerPort{
		{Name: "metrics", ContainerPort: n.metrics}, {Name: "http", ContainerPort: n.http}, {Name: "grpc", ContainerPort: n.grpc},
	}
	if server.noMetrics {
		wanted = []corev1.ContainerPort{{Name: "grpc", ContainerPort: n.grpc}, {Name: "http", ContainerPort: n.http}}
	}
	for _, port := range wanted {
		if !hasPort(c.Ports, port.Name) {
			port.Protocol = corev1.ProtocolTCP
			c.Ports = append(c.Ports, port)
		}
	}
}

func hasPort(ports []corev1.ContainerPort, name string) bool {
	for _, port := range ports {
		if port.Name == name {
			return true
		}
	}
	return false
}

// pause is the ten seconds that a model container takes before it stops; the engine has none.
func pause() *corev1.Lifecycle {
	return &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "/bin/sleep 10"}}}}
}

func tcpProbe(delay, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("http")}},
		InitialDelaySeconds: delay, PeriodSeconds: 5, FailureThreshold: failures,
	}
}

func httpProbe(path string, port intstr.IntOrString, delay int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: port}},
		InitialDelaySeconds: delay, PeriodSeconds: 5, FailureThreshold: 3,
	}
}

// asJSON words strings as JSON.
func asJSON[T map[string]string | []spec.Parameter](value T) string {
	data, err := json.Marshal(value)
	if err != nil {
		return "" // strings always marshal
	}
	return string(data)
}

func number(n int32) string { return strconv.Itoa(int(n)) }
