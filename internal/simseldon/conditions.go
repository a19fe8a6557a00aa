package simseldon

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The condition types of a SeldonDeployment.
const (
	condReady       = "Ready"
	condServices    = "ServicesReady"
	condKeda        = "KedaReady"
	condHPAs        = "HpasReady"
	condPDBs        = "PdbsReady"
	condDeployments = "DeploymentsReady"
	condIstio       = "istioVirtualServicesReady"
	condAmbassador  = "AmbassadorMappingsReady"
)

// marked is the order in which a pass marks its conditions. Observed: Ready repeats the reason of the False one that was marked last.
var marked = []string{condServices, condKeda, condHPAs, condPDBs, condDeployments, condIstio, condAmbassador}

func (p *pass) mark(kind string, ready bool, reason, message string) {
	if p.sw.NoConditions {
		return
	}
	value := string(corev1.ConditionFalse)
	if ready {
		value = string(corev1.ConditionTrue)
	}
	p.status.mark(kind, value, reason, message, p.w.Now)
}

// markDeployments repeats a Deployment's Available condition, whatever the pass itself thinks of it. A Deployment that has none yet changes nothing.
func (p *pass) markDeployments(live *appsv1.Deployment) {
	if c := deploymentCondition(live, appsv1.DeploymentAvailable); c != nil {
		p.mark(condDeployments, c.Status == corev1.ConditionTrue, c.Reason, c.Message)
	}
}

// markReady sums up: False while any is, Unknown until all are there, else True.
func (p *pass) markReady() {
	if p.sw.NoConditions {
		p.status.dropConditions()
		return
	}
	value, reason, message := string(corev1.ConditionTrue), "", ""
	for _, kind := range marked {
		v, r, m := p.status.condition(kind)
		switch {
		case v == string(corev1.ConditionFalse):
			value, reason, message = v, r, m
		case v != string(corev1.ConditionTrue) && value == string(corev1.ConditionTrue):
			value = string(corev1.ConditionUnknown)
		}
	}
	p.status.mark(condReady, value, reason, message, p.w.Now)
}

func deploymentCondition(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == kind {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}

func conditionIsFalse(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) bool {
	c := deploymentCondition(d, kind)
	return c != nil && c.Status == corev1.ConditionFalse
}
