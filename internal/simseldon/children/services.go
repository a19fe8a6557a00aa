package children

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// predictorService adds a predictor's Service: to the engine, or straight to the only unit where there is no engine.
func (b *builder) predictorService(plan *plan) {
	name := b.d.PredictorService(plan.p)
	labels := b.serviceLabels(name)
	http, grpc := engineHTTP, engineGRPC
	if n := plan.node(plan.p.Graph.Name); plan.p.NoEngine() && n != nil {
		http, grpc = n.http, n.grpc
		labels = spec.Merged(labels, n.unit.RoleLabel())
	}
	b.addService(name, labels, map[string]string{spec.LabelApp: name}, http, grpc)
}

// unitServices adds a Service for each graph unit that has a container.
func (b *builder) unitServices(plan *plan) {
	for _, n := range plan.nodes {
		selector := map[string]string{spec.LabelUnit + "-" + n.unit.Name: n.service}
		labels := spec.Merged(b.serviceLabels(b.d.PredictorService(plan.p)), selector, n.unit.RoleLabel())
		if plan.p.Shadow {
			labels[spec.LabelRole+"shadow"] = "true"
		}
		b.addService(n.service, labels, selector, n.http, n.grpc)
	}
}

func (b *builder) addService(name string, labels, selector map[string]string, http, grpc int32) {
	b.out.Services = append(b.out.Services, Service{
		Service:      b.service(name, labels, selector, servicePort("http", http), servicePort("grpc", grpc)),
		HTTPEndpoint: b.endpoint(name, http),
		GRPCEndpoint: b.endpoint(name, grpc),
	})
}

func (b *builder) service(name string, labels, selector map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: b.meta(name, labels),
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: selector, Ports: ports},
	}
}

func (b *builder) serviceLabels(app string) map[string]string {
	return map[string]string{spec.LabelID: b.d.ID(), spec.LabelApp: app, spec.LabelManaged: "seldon-core"}
}

func (b *builder) endpoint(service string, port int32) string {
	return service + "." + b.d.Namespace + ":" + number(port)
}

// url is where the predictor answers, by protocol; always http, and port 9000 without an engine.
func (b *builder) url(plan *plan) string {
	port := engineHTTP
	if n := plan.node(plan.p.Graph.Name); plan.p.NoEngine() && n != nil {
		port = n.http
	}
	path := "/api/v1.0/predictions"
	switch {
	case b.d.Protocol() == "tensorflow":
		path = "/v1/models/" + plan.p.Graph.Name + ":predict"
	case b.d.IsV2():
		path = "/v2/models/" + plan.p.Graph.Name + "/infer"
	}
	return "http://" + b.d.PredictorService(plan.p) + "." + b.d.Namespace + ".svc.cluster.local:" + number(port) + path
}

func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}
