// Package judge decides what is true: whether a goal holds in a snapshot, on what evidence, what is
// still lacking and what is wrong. Find looks at one moment, Hold at how long things have been so.
// There is one file per Kubernetes kind; a kind joins in through one line of the table below.
//
// It is pure. It never talks to a cluster, reads a clock, logs, or remembers anything outside the
// Memory that it is given.
package judge

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// GoalKind is what is waited for.
type GoalKind string

// The goals.
const (
	Available GoalKind = "available"
	Scaled    GoalKind = "scaled"
	Gone      GoalKind = "gone"
)

// Goal is one thing to reach with one custom resource.
type Goal struct {
	Kind GoalKind
	Root snapshot.Ref
	// Baseline is the object as it was first known with its present spec: our write's answer, or
	// the first sight of a change that somebody else made. For Gone any state of it will do; its
	// spec tells how what it owned is labelled.
	Baseline *unstructured.Unstructured
	// Before is the object with the spec before that; nil where the present spec is the first, or
	// where nothing is known of an earlier one.
	Before *unstructured.Unstructured
	// Doubtful says that nobody knows whether the operator had acted on Before, so that what of this
	// generation shows in the children does not tell of what was to come before it.
	Doubtful bool
	// Created says that the Baseline is the answer to the object's creation.
	Created bool
	// Reached names the Deployments that a scaling governs; Was their replicas before it.
	Reached []string
	Was     map[string]int32
	// Wanted is the number that the Reached Deployments must have, where the spec is for others to bring
	// to it; nil where the spec alone says.
	Wanted *int32
	// Proven is the generation on which the operator was proven to have acted by an earlier goal; 0
	// where none was.
	Proven int64
	// Watched says that the spec is for others to change: then no change of it is a loss.
	Watched bool
	// Overtaken tells what of it somebody else has changed, so that it can no longer be reached.
	Overtaken []string
	// Patient makes problems told but never a failure: the limit alone ends the waiting.
	Patient bool
	// RequireReady makes every condition of the operator's status a condition of the goal.
	RequireReady bool
	// Ahead is how far the API server's clock is ahead of ours, at least; so its timestamps can tell
	// how old a problem is that we see only now.
	Ahead time.Duration
}

// Findings is what one look at a snapshot tells about a goal.
type Findings struct {
	// Lacks is what the goal still needs. A goal holds when nothing is lacking, see Hold.
	Lacks []Lack
	// Settle says that nothing but time can show that the operator has acted: the goal holds only
	// once no owned object has changed for SettleTime. Stamp identifies their present state.
	Settle bool
	Stamp  string
	// Seen says that the operator has acted on the present spec.
	Seen bool
	// Evidence is what a success would rest on.
	Evidence []string
	// Problems are what is wrong; most may still pass.
	Problems []Problem
	// Remarks are what a user should read beside a success.
	Remarks []string
	// Loss is set when the goal cannot be reached any more because of what somebody else did.
	Loss string
	// Serving says whether requests are served although the goal is not reached.
	Serving []string
	// Patient and Ahead are the goal's.
	Patient bool
	Ahead   time.Duration
	// Counts are the replicas of each workload, for showing progress.
	Counts []Count
}

// Lack is one thing that a goal still needs.
type Lack struct {
	// Key identifies the lack over time.
	Key string
	// Text says it, with numbers.
	Text string
	// Kind is that of the object which ought to be gone, where the lack is one.
	Kind snapshot.Kind
	// Patience, where positive, is how long this lack alone is waited for; then it becomes a remark.
	Patience time.Duration
	// Unknown says that it may have been made good where nobody can see it.
	Unknown bool
}

// Count is how far one Deployment is.
type Count struct {
	Deployment           snapshot.Ref
	Wanted, Ready, Total int32
	// Terminating are the pods that are on their way out.
	Terminating int32
}

// SettleTime is how long nothing may have changed before "nothing is going to change" is believed,
// where the change leaves no other trace (DESIGN: how it decides, seen).
const SettleTime = 5 * time.Second

// finders is the table of kinds that can tell what is wrong with an object of the tree.
var finders = map[snapshot.Kind]func(*look, snapshot.Object){
	snapshot.Deployment: findDeployment,
	snapshot.ReplicaSet: findReplicaSet,
	snapshot.Pod:        findPod,
	snapshot.HPA:        findHPA,
}

// look is one look at a snapshot with a goal in mind.
type look struct {
	*Findings
	snap    *snapshot.Snapshot
	engine  engine.Reader
	goal    Goal
	root    *unstructured.Unstructured
	implied engine.Implied
	status  engine.Status
	seen    bool
}

// Find says how far the snapshot is from the goal.
func Find(s *snapshot.Snapshot, e engine.Reader, g Goal) Findings {
	l := &look{Findings: &Findings{Patient: g.Patient, Ahead: g.Ahead}, snap: s, engine: e, goal: g}
	if g.Kind == Gone {
		l.findGone()
		return *l.Findings
	}
	if !l.findRoot() {
		return *l.Findings
	}
	matched := l.findWorkloads()
	l.findState(matched)
	l.findProblems(matched)
	if l.firmLacks() == 0 { // last, for it takes more work than all the others
		l.findUnarrived()
	}
	l.Seen = l.seen && !l.Settle
	return *l.Findings
}

// findProblems asks each object of the tree what is wrong with it. Before the operator has acted on
// the present spec, what is below it still shows the former one and says nothing.
func (l *look) findProblems(matched map[string]*appsv1.Deployment) {
	if !l.seen {
		return
	}
	for _, o := range l.snap.Below(l.root.GetUID()) {
		if find := finders[snapshot.KindOf(o)]; find != nil && o.GetDeletionTimestamp() == nil && l.governed(o, matched) {
			before := len(l.Problems)
			find(l, o)
			l.doubtUnseen(snapshot.KindOf(o), l.Problems[before:])
		}
	}
	l.findUnlinkedPods(matched)
	slices.SortStableFunc(l.Problems, compareProblems)
}

// doubtUnseen takes nothing for a failure that shows in objects which may not be seen any more: it may have passed.
func (l *look) doubtUnseen(kind snapshot.Kind, found []Problem) {
	for i := range found {
		if l.snap.Refused(kind) {
			found[i].Unsure, found[i].Proven = true, false
		}
	}
}

// governed reports whether an object stands below a Deployment that the spec implies, or moves it.
func (l *look) governed(o snapshot.Object, matched map[string]*appsv1.Deployment) bool {
	if hpa, ok := o.(*autoscalingv2.HorizontalPodAutoscaler); ok {
		return matched[hpa.Spec.ScaleTargetRef.Name] != nil
	}
	for _, d := range matched {
		if l.snap.Within(d.UID, o.GetUID()) {
			return true
		}
	}
	return false
}

func (l *look) lackf(key, format string, args ...any) {
	l.Lacks = append(l.Lacks, Lack{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (l *look) lackWithinf(patience time.Duration, key, format string, args ...any) {
	l.Lacks = append(l.Lacks, Lack{Key: key, Text: fmt.Sprintf(format, args...), Patience: patience})
}

func (l *look) provef(format string, args ...any) {
	l.Evidence = append(l.Evidence, fmt.Sprintf(format, args...))
}

func (l *look) remarkf(format string, args ...any) {
	l.Remarks = append(l.Remarks, fmt.Sprintf(format, args...))
}

func (l *look) ownedDeployments() []*appsv1.Deployment {
	var owned []*appsv1.Deployment
	for _, o := range l.snap.Owned(l.root.GetUID()) {
		if d, ok := o.(*appsv1.Deployment); ok {
			owned = append(owned, d)
		}
	}
	return owned
}

// Replicas returns the wanted replicas of every Deployment that the custom resource owns, by name.
func Replicas(s *snapshot.Snapshot, root types.UID) map[string]int32 {
	replicas := map[string]int32{}
	for _, o := range s.Owned(root) {
		if d, ok := o.(*appsv1.Deployment); ok {
			replicas[d.Name] = replicasOf(d)
		}
	}
	return replicas
}

func replicasOf(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1 // the API server's default
	}
	return *d.Spec.Replicas
}
