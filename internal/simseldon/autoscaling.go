package simseldon

// hpas makes, changes and removes autoscalers. Removing says nothing in events. Observed: a new one counts as ready at once.
func (p *pass) hpas() {
	wanted := map[string]bool{}
	for _, want := range p.want.HPAs {
		wanted[want.Name] = true
		live, there := byName(p.w.HPAs, want.Name)
		if !there {
			p.writeEvent(Create, want.DeepCopy(), "HPA", "HorizontalPodAutoscaler")
			continue
		}
		next := live.DeepCopy()
		adoptLabels(next, want.Labels)
		behavior := live.Spec.Behavior // the API server's defaults
		next.Spec = *want.Spec.DeepCopy()
		next.Spec.Behavior = behavior
		if next.Spec.MinReplicas == nil {
			next.Spec.MinReplicas = live.Spec.MinReplicas
		}
		if !equal(live, next) {
			p.writeEvent(Update, next, "HPA", "HorizontalPodAutoscaler")
		}
	}
	for _, live := range sorted(p.w.HPAs) {
		if p.obsolete(live, wanted) {
			p.write(Delete, live, nil)
		}
	}
	if len(wanted) == 0 {
		p.mark(condHPAs, true, "No HPAs defined", "")
		return
	}
	p.mark(condHPAs, true, "All HPAs resources ready", "")
}

// pdbs makes, changes and removes disruption budgets. Observed: a new one makes the pass not ready; the event of a change names the wrong kind.
func (p *pass) pdbs() {
	p.budgets = true
	wanted := map[string]bool{}
	for _, want := range p.want.PDBs {
		wanted[want.Name] = true
		live, there := byName(p.w.PDBs, want.Name)
		if !there {
			p.writeEvent(Create, want.DeepCopy(), "PDB", "PodDisruptionBudget")
			p.budgets = false
			continue
		}
		next := live.DeepCopy()
		adoptLabels(next, want.Labels)
		next.Spec = *want.Spec.DeepCopy()
		next.Spec.UnhealthyPodEvictionPolicy = live.Spec.UnhealthyPodEvictionPolicy
		if !equal(live, next) {
			p.writeEvent(Update, next, "PDB", "HorizontalPodAutoscaler")
		}
	}
	for _, live := range sorted(p.w.PDBs) {
		if p.obsolete(live, wanted) {
			p.write(Delete, live, nil)
		}
	}
	switch {
	case len(wanted) == 0:
		p.mark(condPDBs, true, "No PDBs defined", "")
	case !p.budgets:
		p.mark(condPDBs, false, "PDBs not ready", "")
	default:
		p.mark(condPDBs, true, "All PDBs resources ready", "")
	}
}
