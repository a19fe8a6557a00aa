// Package outline says what is shown of custom resources at one moment: the state of each as it is
// judged, the cause of what is not right, the tree below it, and the events about that tree.
//
// It is pure, as all judgement is: it never talks to a cluster, reads a clock, logs or formats.
package outline

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// State is what is to be said of a custom resource in one word.
type State string

// The states.
const (
	Available   State = "Available"   // proven: everything that the spec implies is there and ready
	AtZero      State = "AtZero"      // proven too, but everything is scaled to 0: nothing serves
	Settling    State = "Settling"    // as it should be, but only time can show that the operator has seen the spec
	Pending     State = "Pending"     // the operator has not acted on the present spec yet
	Progressing State = "Progressing" // on its way, nothing is known to be wrong for good
	Failing     State = "Failing"     // something is wrong that does not pass by itself as a rule
	Deleting    State = "Deleting"
	Unknown     State = "Unknown" // what a judgement needs may not be read
	Gone        State = "Gone"
)

// Sight is what one look at a custom resource shows.
type Sight struct {
	Kind       snapshot.Kind `json:"kind"`
	Namespace  string        `json:"namespace"`
	Name       string        `json:"name"`
	UID        string        `json:"uid"`
	Generation int64         `json:"generation"`
	Created    time.Time     `json:"created"`
	State      State         `json:"state"`
	// Ready and Wanted are the replicas of all its Deployments together.
	Ready  int32 `json:"ready"`
	Wanted int32 `json:"wanted"`
	// Cause is why it is not available, Chain leads down to it, Hint says what to do next.
	Cause string   `json:"cause,omitempty"`
	Chain []string `json:"chain,omitempty"`
	Hint  string   `json:"hint,omitempty"`
	// Also are the other things that are wrong or lacking.
	Also []string `json:"also,omitempty"`
	// Serving says whether requests are served although it is not available.
	Serving  []string `json:"serving,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
	Remarks  []string `json:"remarks,omitempty"`
	// Operator is the operator's own word, which is a hint only.
	Operator string `json:"operator,omitempty"`
	Below    []Node `json:"below,omitempty"`
	// Simulated says that its pods are simulated.
	Simulated bool `json:"simulated,omitempty"`
}

// Memory is what is remembered of one custom resource from look to look. The zero Memory is that of
// somebody who has never seen it.
type Memory struct {
	known    *unstructured.Unstructured // as it was last seen
	baseline *unstructured.Unstructured
	before   *unstructured.Unstructured
	doubtful bool
	created  bool
	acted    int64
	held     judge.Memory
}

// Moment is when a look is made, and how far the API server's clock is ahead of ours then.
type Moment struct {
	Now   time.Time
	Ahead time.Duration
}

// Look says what a snapshot shows of one custom resource. It returns the memory for the next look, and
// when time alone can change what is shown (zero: never).
func Look(s *snapshot.Snapshot, e engine.Reader, root *unstructured.Unstructured, m Memory, at Moment) (Sight, Memory, time.Time) {
	status := e.Status(root)
	sight := Sight{
		Kind: snapshot.KindOf(root), Namespace: root.GetNamespace(), Name: root.GetName(), UID: string(root.GetUID()),
		Generation: root.GetGeneration(), Created: root.GetCreationTimestamp().UTC(),
		Operator: strings.TrimSpace(string(status.State) + " " + status.Description),
	}
	if root.GetDeletionTimestamp() != nil {
		sight.deleting(s, e, root)
		sight.Below = tree(s, root.GetUID(), nil)
		return sight, m, time.Time{}
	}
	first := m.known == nil
	m = m.takeUp(root)
	findings := judge.Find(s, e, judge.Goal{
		Kind: judge.Available, Root: snapshot.RefTo(root), Baseline: m.baseline, Before: m.before, Doubtful: m.doubtful,
		Created: m.created, Proven: m.acted, Watched: true, Ahead: at.Ahead,
	})
	if first {
		m.held = judge.Recall(findings, judge.Rested(s, root, at.Ahead))
	}
	held, verdict, wake := judge.Hold(m.held, findings, at.Now)
	m.held = held
	if findings.Seen || verdict.Outcome == judge.Reached {
		m.acted = root.GetGeneration()
	}
	told := slices.DeleteFunc(verdict.Problems, func(h judge.Held) bool { return !h.Late && !h.Tell(at.Now) })
	sight.judged(s, verdict, told)
	sight.Below = tree(s, root.GetUID(), told)
	return sight, m, wake
}

// takeUp takes in the object as it is now. At its first generation any status tells that the operator has
// seen it; a later generation that is met without its past proves itself by the dates of its writes.
func (m Memory) takeUp(root *unstructured.Unstructured) Memory {
	switch {
	case m.known == nil && root.GetGeneration() == 1:
		m.baseline, m.created = root, true
	case m.known != nil && root.GetGeneration() > m.known.GetGeneration():
		acted := m.acted == m.known.GetGeneration()
		if m.before == nil || acted {
			m.before, m.doubtful = m.known, !m.created && !acted
		}
		m.baseline, m.created = root, false
	}
	m.known = root
	return m
}

// judged says what the verdict means.
func (v *Sight) judged(s *snapshot.Snapshot, verdict judge.Verdict, told []judge.Held) {
	f := verdict.Findings
	for _, c := range f.Counts {
		v.Ready, v.Wanted = v.Ready+c.Ready, v.Wanted+c.Wanted
	}
	v.Remarks = verdict.Remarks
	v.State = stateOf(s, verdict, told)
	var texts []string
	for _, p := range told {
		texts = append(texts, p.Message)
	}
	for _, lack := range verdict.Lacks {
		texts = append(texts, lack.Text)
	}
	switch {
	case v.State == Unknown:
		v.Cause = "its Deployments may not be read, so nothing can be said of it"
	case len(texts) > 0:
		v.Cause, v.Also = texts[0], texts[1:]
	case v.State == AtZero:
		v.Cause = "everything is scaled to 0"
	case v.State == Settling:
		v.Cause = "all is as the spec says, but nothing shows yet that the operator has acted on this generation"
	case len(v.Remarks) > 0:
		v.Cause = v.Remarks[0]
	}
	if len(told) > 0 {
		v.Hint = told[0].Hint
		for _, link := range told[0].Chain {
			v.Chain = append(v.Chain, link.String())
		}
	}
	if v.State == Available || v.State == AtZero {
		v.Evidence = f.Evidence
	} else {
		v.Serving = f.Serving
	}
}

func stateOf(s *snapshot.Snapshot, verdict judge.Verdict, told []judge.Held) State {
	f := verdict.Findings
	bad := slices.ContainsFunc(told, func(h judge.Held) bool { return h.Proven || h.Tolerance() >= 0 })
	switch {
	case !s.Complete(snapshot.Deployment):
		return Unknown
	case verdict.Outcome == judge.Reached && len(f.Counts) > 0 && !slices.ContainsFunc(f.Counts, func(c judge.Count) bool { return c.Wanted > 0 }):
		return AtZero
	case verdict.Outcome == judge.Reached:
		return Available
	case bad:
		return Failing
	case !f.Seen && !f.Settle:
		return Pending
	case len(verdict.Lacks) == 0:
		return Settling
	}
	return Progressing
}

// deleting says what is left of an object that is being deleted, and what holds it.
func (v *Sight) deleting(s *snapshot.Snapshot, e engine.Reader, root *unstructured.Unstructured) {
	v.State = Deleting
	f := judge.Find(s, e, judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(root), Baseline: root})
	itself := snapshot.RefTo(root).String() + ": "
	var below []string
	for _, lack := range f.Lacks {
		if !strings.HasPrefix(lack.Text, itself) {
			below = append(below, lack.Text)
		} else if v.Cause == "" {
			v.Cause = lack.Text
		}
	}
	if finalizers := root.GetFinalizers(); len(below) > 0 && !slices.ContainsFunc(finalizers, somebodyElses) {
		holds := max(slices.IndexFunc(below, func(text string) bool { return strings.Contains(text, "held by finalizer") }), 0)
		v.Cause = below[holds]
		below = slices.Delete(below, holds, holds+1)
	}
	v.Also = below
}

// somebodyElses reports whether a finalizer is not one of the garbage collector's.
func somebodyElses(finalizer string) bool {
	return finalizer != metav1.FinalizerDeleteDependents && finalizer != metav1.FinalizerOrphanDependents
}

// Vanished is what is shown of an object that was seen and is not there any more.
func Vanished(last Sight) Sight {
	return Sight{
		Kind: last.Kind, Namespace: last.Namespace, Name: last.Name, UID: last.UID, Generation: last.Generation, Created: last.Created,
		State: Gone, Simulated: last.Simulated,
	}
}

// marked reports whether a told problem lies in an object or below it, or in one container of a pod.
func marked(told []judge.Held, uid string, container string) bool {
	return slices.ContainsFunc(told, func(h judge.Held) bool {
		for i, link := range h.Chain {
			if string(link.Ref.UID) != uid {
				continue
			}
			if container == "" || i+1 < len(h.Chain) && h.Chain[i+1].Ref.Name == container {
				return true
			}
		}
		return false
	})
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
