package journal

import (
	"slices"
	"time"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// View is the one picture that a story gives, for sinks that show more than its lines: what stands of
// each custom resource, and how it came to that. Take folds an entry into it, so that a view of a
// recorded journal is the view of the command that recorded it.
type View struct {
	// Where is the opening line: context, server, namespace.
	Where string
	// Began is when the first entry was made, Elapsed how long after that the last one was.
	Began   time.Time
	Elapsed time.Duration
	// Roots are the stories, in the order in which they began.
	Roots []*RootView
}

// RootView is the story of one custom resource.
type RootView struct {
	// Name is "namespace/name".
	Name string
	// Object is the object on the cluster, once there is one; Source its place in the manifest.
	Object *snapshot.Ref
	Source string
	Phases []*PhaseView
	// Said is what was last told of how it gets on besides numbers: what the operator reports, what a
	// deletion has left. Nil while there is nothing.
	Said *Entry
	// Deployments and Pods are in the order in which they were first seen.
	Deployments []*DeploymentView
	Pods        []*PodView
	// Problems are those of the present moment; Events and Remarks (warnings and notes) all that came.
	Problems []Entry
	Events   []Entry
	Remarks  []Entry
	// End is the closing entry, nil while the command runs.
	End *Entry
}

// PhaseView is one phase of a story.
type PhaseView struct {
	Name Phase
	// Began and Ended count from the start of the command; Ended is the present while it lasts.
	Began, Ended time.Duration
	Limit        time.Duration
	// Text says what was waited for.
	Text string
	// Result is the claim, the failure, or why the phase does not apply; nil while it lasts.
	Result *Entry
}

// DeploymentView is how far a Deployment came.
type DeploymentView struct {
	Object snapshot.Ref
	// Steps are its replicas over time.
	Steps []ReplicasStep
}

// ReplicasStep is a Deployment's replicas from a moment on.
type ReplicasStep struct {
	At time.Duration
	Replicas
}

// PodView is the life of one pod.
type PodView struct {
	Object snapshot.Ref
	// Deployment is the name of the Deployment that it belongs to.
	Deployment string
	// Steps are the parts of its life.
	Steps []PodStep
}

// PodStep is a part of a pod's life from a moment on.
type PodStep struct {
	At time.Duration
	PodLife
}

// Now returns the pod's present part of life.
func (p *PodView) Now() PodLife { return p.Steps[len(p.Steps)-1].PodLife }

// Now returns the Deployment's present replicas.
func (d *DeploymentView) Now() Replicas { return d.Steps[len(d.Steps)-1].Replicas }

// Running returns the phase that has no result yet, or nil.
func (r *RootView) Running() *PhaseView {
	if n := len(r.Phases); n > 0 && r.Phases[n-1].Result == nil {
		return r.Phases[n-1]
	}
	return nil
}

// PodsIn counts the pods of a Deployment (all for "") by the part of life they are in.
func (r *RootView) PodsIn(deployment string) map[judge.PodState]int {
	counts := map[judge.PodState]int{}
	for _, p := range r.Pods {
		if deployment == "" || p.Deployment == deployment {
			counts[p.Now().State]++
		}
	}
	return counts
}

// Take folds one entry into the view.
func (v *View) Take(e Entry) {
	if v.Began.IsZero() {
		v.Began = e.At.Add(-e.Elapsed).UTC()
	}
	v.Elapsed = max(v.Elapsed, e.Elapsed)
	if e.Type == Opening {
		v.Where = e.Text
	}
	if e.Root == "" {
		return
	}
	i := slices.IndexFunc(v.Roots, func(r *RootView) bool { return r.Name == e.Root })
	if i < 0 {
		i = len(v.Roots)
		v.Roots = append(v.Roots, &RootView{Name: e.Root})
	}
	v.Roots[i].take(e)
}

func (r *RootView) take(e Entry) {
	if running := r.Running(); running != nil {
		running.Ended = e.Elapsed
	}
	switch e.Type {
	case Opening:
		r.Source = e.Source
	case PhaseStart:
		r.Object, r.Problems = e.Object, nil
		r.Phases = append(r.Phases, &PhaseView{Name: e.Phase, Began: e.Elapsed, Ended: e.Elapsed, Limit: e.Limit, Text: e.Text})
	case Claim, Skipped, Failure:
		r.result(e)
	case Event, Alarm:
		r.Events = append(r.Events, e)
	case Warning, Note:
		r.Remarks = append(r.Remarks, e)
	case Suspicion:
		r.Problems = append(r.without(e), e)
	case Healed:
		r.Problems = r.without(e)
	case Progress:
		r.progress(e)
	case PodChange:
		r.pod(e)
	case Closing:
		r.End = &e
	}
}

// result ends the running phase. What is refused or skipped before a phase has begun is one of its own.
func (r *RootView) result(e Entry) {
	running := r.Running()
	if running == nil {
		running = &PhaseView{Name: e.Phase, Began: max(e.Elapsed-e.Took, 0)}
		r.Phases = append(r.Phases, running)
	}
	running.Ended, running.Result = e.Elapsed, &e
}

// without returns the problems but the one that an entry is about.
func (r *RootView) without(e Entry) []Entry {
	return slices.DeleteFunc(r.Problems, func(p Entry) bool { return e.Problem != nil && p.Problem != nil && p.Problem.Key == e.Problem.Key })
}

func (r *RootView) progress(e Entry) {
	if e.Replicas == nil || e.Object == nil {
		r.Said = &e
		return
	}
	i := slices.IndexFunc(r.Deployments, func(d *DeploymentView) bool { return d.Object.UID == e.Object.UID })
	if i < 0 {
		i = len(r.Deployments)
		r.Deployments = append(r.Deployments, &DeploymentView{Object: *e.Object})
	}
	r.Deployments[i].Steps = append(r.Deployments[i].Steps, ReplicasStep{e.Elapsed, *e.Replicas})
}

func (r *RootView) pod(e Entry) {
	if e.Pod == nil || e.Object == nil {
		return
	}
	i := slices.IndexFunc(r.Pods, func(p *PodView) bool { return p.Object.UID == e.Object.UID })
	if i < 0 {
		i = len(r.Pods)
		r.Pods = append(r.Pods, &PodView{Object: *e.Object})
	}
	p := r.Pods[i]
	p.Steps = append(p.Steps, PodStep{e.Elapsed, *e.Pod})
	if e.Pod.Deployment != "" {
		p.Deployment = e.Pod.Deployment
	}
}
