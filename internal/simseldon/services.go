package simseldon

import (
	corev1 "k8s.io/api/core/v1"
)

// services makes or changes each Service. The status speaks of a Service, and of the address, only once it was found: in the second pass.
func (p *pass) services() {
	for i, want := range p.want.Services {
		live, there := byName(p.w.Services, want.Name)
		if !there {
			p.writeEvent(Create, want.DeepCopy(), "Service", "Service")
			p.newServices = true
			continue
		}
		p.status.service(want.Name, want.HTTPEndpoint, want.GRPCEndpoint, want.ExplainerFor)
		if i == 0 {
			p.status["address"] = map[string]any{"url": p.want.URL}
		}
		p.adjustService(live, want.Service)
	}
}

func (p *pass) adjustService(live, want *corev1.Service) {
	next := *live // what stays the same is shared, and so compared at a glance
	adoptLabels(&next, want.Labels)
	next.Spec.Selector = want.Spec.Selector
	next.Spec.Type = want.Spec.Type
	if !samePorts(live.Spec.Ports, want.Spec.Ports) {
		next.Spec.Ports = want.Spec.Ports
	}
	if !equal(live, &next) {
		p.writeEvent(Update, next.DeepCopy(), "Service", "Service")
	}
}

// samePorts compares the fields that the operator sets; the API server adds others.
func samePorts(live, want []corev1.ServicePort) bool {
	if len(live) != len(want) {
		return false
	}
	for i := range want {
		l, w := live[i], want[i]
		if l.Name != w.Name || l.Port != w.Port || l.TargetPort != w.TargetPort || l.Protocol != w.Protocol {
			return false
		}
	}
	return true
}

// removeServices deletes what an earlier spec wanted, once the new Deployments are ready.
func (p *pass) removeServices() {
	wanted := map[string]bool{}
	for _, want := range p.want.Services {
		wanted[want.Name] = true
	}
	for _, live := range sorted(p.w.Services) {
		if p.obsolete(live, wanted) {
			p.writeEvent(Delete, live, "Service", "Service")
		}
	}
	p.status.keep("serviceStatus", func(name string) bool { return wanted[name] })
}
