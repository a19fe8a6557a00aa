package simseldon

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/seldonctl/seldonctl/internal/simseldon/children"
)

// deployments makes or changes each Deployment and, in the same pass, judges it by the status that was read before the change.
func (p *pass) deployments() {
	var last *appsv1.Deployment
	for _, want := range p.want.Deployments {
		live, there := byName(p.w.Deployments, want.Name)
		switch {
		case !there:
			p.writeEvent(Create, want.DeepCopy(), "Deployment", "Deployment")
			p.unready = true
			continue
		case !equal(live.Spec.Selector, want.Spec.Selector):
			p.recreate(live, want)
			p.unready = true
			continue
		}
		changed := p.adjust(live, want)
		p.report(live, want)
		if !changed && ready(live) {
			last = live
			continue
		}
		if !p.unready {
			p.judge(live)
		}
		p.unready = true
	}
	if !p.unready && last != nil {
		p.markDeployments(last)
	}
}

// ready is the operator's whole test. It looks at neither observedGeneration nor updatedReplicas, so a change that the Deployment controller has not seen yet reads
// as ready, and a Deployment at zero never does.
func ready(d *appsv1.Deployment) bool {
	return d.Status.ReadyReplicas != 0 && d.Status.UnavailableReplicas == 0
}

// judge looks at the first Deployment that is not ready, and no further: a dead one behind a slow one is never noticed.
func (p *pass) judge(live *appsv1.Deployment) {
	p.markDeployments(live)
	p.stuck = conditionIsFalse(live, appsv1.DeploymentProgressing) && conditionIsFalse(live, appsv1.DeploymentAvailable)
}

// report copies a Deployment's counts into the status; status.replicas mirrors one of them only.
func (p *pass) report(live *appsv1.Deployment, want children.Deployment) {
	p.status.deployment(live.Name, live.Status.Replicas, live.Status.AvailableReplicas)
	if want.First {
		count(p.status, "replicas", live.Status.Replicas)
	}
}

// adjust brings a live Deployment to what is wanted, and says whether that counts as a change. Observed: only a difference in the pod's spec does, and only one in
// fields that the live pod has: a field that is merely added, the pod's labels and annotations, and the replicas are written, but change nothing in this pass's eyes.
func (p *pass) adjust(live *appsv1.Deployment, want children.Deployment) bool {
	next := *live // what stays the same is shared, and so compared at a glance
	adoptLabels(&next, want.Labels)
	replicas := want.Spec.Replicas
	if replicas == nil {
		replicas = live.Spec.Replicas // nobody says a number: the count that is there stays
	}
	next.Spec.Replicas = replicas
	next.Spec.Strategy = want.Spec.Strategy
	next.Spec.ProgressDeadlineSeconds = want.Spec.ProgressDeadlineSeconds
	changed := false
	if !equal(live.Spec.Template.Spec, want.Spec.Template.Spec) {
		next.Spec.Template.Spec = want.Spec.Template.Spec
		changed = !equality.Semantic.DeepDerivative(live.Spec.Template.Spec, want.Spec.Template.Spec)
	}
	next.Spec.Template.Labels = want.Spec.Template.Labels
	next.Spec.Template.Annotations = want.Spec.Template.Annotations
	switch {
	case equal(live, &next):
		return false
	case changed:
		p.writeEvent(Update, next.DeepCopy(), "Deployment", "Deployment")
	default:
		p.write(Update, next.DeepCopy(), nil)
	}
	return changed
}

// recreate replaces a Deployment whose selector differs, in one pass. While the old one waits for its pods the API server refuses the new one, and the state is Failed for a while.
func (p *pass) recreate(live *appsv1.Deployment, want children.Deployment) {
	p.write(Delete, live, nil)
	event := normal("CreateDeployment", "Recreated Deployment %q", want.Name)
	p.write(Create, want.DeepCopy(), &event)
}

// removeDeployments deletes what an earlier spec wanted, which so far has served on beside the new.
func (p *pass) removeDeployments() {
	wanted := map[string]bool{}
	for _, want := range p.want.Deployments {
		wanted[want.Name] = true
	}
	for _, live := range sorted(p.w.Deployments) {
		if p.obsolete(live, wanted) {
			p.writeEvent(Delete, live, "Deployment", "Deployment")
		}
	}
	p.status.keep("deploymentStatus", func(name string) bool { return wanted[name] })
}

// sorted gives objects by name, whatever order they were read in.
func sorted[T Object](list []T) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int { return cmp.Compare(a.GetName(), b.GetName()) })
}
