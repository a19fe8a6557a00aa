// Package children computes what a SeldonDeployment wants below it: Deployments, Services, autoscalers and disruption budgets, each as the real operator was seen to make them.
//
// It is pure: the spec goes in, the objects come out, in the operator's order. It never looks at live objects.
package children

import (
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// Children is everything that a SeldonDeployment wants.
type Children struct {
	// Deployments are in the order in which the operator makes and judges them: each predictor's separate engine, its components, its explainer.
	Deployments []Deployment
	Services    []Service
	HPAs        []*autoscalingv2.HorizontalPodAutoscaler
	PDBs        []*policyv1.PodDisruptionBudget
	// URL is status.address.url: the first predictor's, always http.
	URL string
}

// Deployment is a wanted Deployment. Its replicas are nil where nobody says a number.
type Deployment struct {
	*appsv1.Deployment
	// First marks the one that status.replicas mirrors: the first component with containers of the first predictor.
	First bool
}

// Service is a wanted Service and how the status speaks of it.
type Service struct {
	*corev1.Service
	HTTPEndpoint string
	GRPCEndpoint string
	ExplainerFor string
}

// builder collects the children of one SeldonDeployment.
type builder struct {
	d *spec.SeldonDeployment
	// metrics is the next metrics port, counted through all predictors, unlike the others.
	metrics int32
	out     *Children
}

// Build computes the children, or the error that the operator's reconcile has with this spec.
func Build(d *spec.SeldonDeployment) (*Children, error) {
	b := &builder{d: d, metrics: firstMetrics, out: &Children{}}
	for i := range d.Spec.Predictors {
		if err := b.predictor(&d.Spec.Predictors[i], i == 0); err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

func (b *builder) predictor(p *spec.Predictor, leads bool) error {
	plan, err := b.plan(p)
	if err != nil {
		return err
	}
	engine, err := b.engineContainer(plan)
	if err != nil {
		return err
	}
	switch {
	case p.NoEngine():
		engine = nil
	case b.d.SeparateEngine():
		b.addDeployment(b.engineDeployment(p, *engine), false)
		engine = nil
	case plan.entry < 0:
		return errors.New("engine not separate and no pu with localhost service - not clear where to inject engine")
	}
	first := leads
	for index, c := range plan.components {
		if len(c.Spec.Containers) == 0 {
			continue // skipped together with its hpaSpec, pdbSpec and replicas
		}
		held := engine
		if index != plan.entry {
			held = nil
		}
		b.component(plan, index, held, first)
		first = false
	}
	b.predictorService(plan)
	b.unitServices(plan)
	if leads {
		b.out.URL = b.url(plan)
	}
	if p.Explainer != nil && p.Explainer.Type != "" {
		b.explainer(p)
	}
	return nil
}

// component adds one component's Deployment with its autoscaler and its disruption budget, which share its name.
func (b *builder) component(plan *plan, index int, engine *corev1.Container, first bool) {
	deployment := b.componentDeployment(plan, index, engine)
	b.addDeployment(deployment, first)
	c := plan.components[index]
	if c.HPA != nil {
		b.out.HPAs = append(b.out.HPAs, b.hpa(deployment.Name, c.HPA))
	}
	if c.PDB != nil {
		b.out.PDBs = append(b.out.PDBs, b.pdb(deployment.Name, c.PDB))
	}
}

func (b *builder) addDeployment(d *appsv1.Deployment, first bool) {
	defaultPodSpec(&d.Spec.Template.Spec)
	b.out.Deployments = append(b.out.Deployments, Deployment{Deployment: d, First: first})
}

// meta is the metadata that every child has.
func (b *builder) meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: b.d.Namespace, Labels: labels, OwnerReferences: []metav1.OwnerReference{b.d.Owner()}}
}
