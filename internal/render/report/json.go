package report

import (
	"fmt"
	"io"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// document is the report for machines. Its fields are stable and described in docs/schema: durations and
// moments are seconds, moments counted from the start of the command, except for "at", "since" and
// "until", which are times of day.
type document struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	At         time.Time `json:"at"`
	Took       float64   `json:"took"`
	Where      string    `json:"where"`
	Complete   bool      `json:"complete"`
	outcome
	Objects []object `json:"objects"`
	// Remarks belong to the command as a whole.
	Remarks []remark `json:"remarks"`
}

// outcome is how the command, or its part that concerns one object, has ended; empty while it runs.
type outcome struct {
	Exit      *int   `json:"exit"`
	Reason    string `json:"reason,omitempty"`
	Text      string `json:"text,omitempty"`
	Requests  int    `json:"requests"`
	Simulated bool   `json:"simulated"`
}

// object is the story of one custom resource.
type object struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Kind      string `json:"kind,omitempty"`
	UID       string `json:"uid,omitempty"`
	Source    string `json:"source,omitempty"`
	outcome
	Phases      []phase      `json:"phases"`
	Deployments []deployment `json:"deployments"`
	Pods        []pod        `json:"pods"`
	Problems    []problem    `json:"problems"`
	Events      []event      `json:"events"`
	Remarks     []remark     `json:"remarks"`
}

type phase struct {
	Name    journal.Phase `json:"name"`
	Result  string        `json:"result"`
	Elapsed float64       `json:"elapsed"`
	Took    float64       `json:"took"`
	Limit   float64       `json:"limit,omitempty"`
	Goal    string        `json:"goal,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Text    string        `json:"text,omitempty"`
	Details []string      `json:"details,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Source  string        `json:"source,omitempty"`
	Problem string        `json:"problem,omitempty"`
	Log     []string      `json:"log,omitempty"`
}

type deployment struct {
	snapshot.Ref
	Steps []replicas `json:"steps"`
}

type replicas struct {
	Elapsed float64 `json:"elapsed"`
	journal.Replicas
}

type pod struct {
	snapshot.Ref
	Deployment string    `json:"deployment,omitempty"`
	Node       string    `json:"node,omitempty"`
	Steps      []podStep `json:"steps"`
}

type podStep struct {
	Elapsed  float64        `json:"elapsed"`
	State    judge.PodState `json:"state"`
	Why      string         `json:"why,omitempty"`
	Restarts int32          `json:"restarts,omitempty"`
}

type problem struct {
	Class   judge.Class    `json:"class"`
	Key     string         `json:"key"`
	State   string         `json:"state"`
	Phase   journal.Phase  `json:"phase,omitempty"`
	Text    string         `json:"text"`
	Elapsed float64        `json:"elapsed"`
	Ended   *float64       `json:"ended,omitempty"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until,omitzero"`
	Chain   []journal.Link `json:"chain"`
	Hint    string         `json:"hint,omitempty"`
}

type event struct {
	Elapsed float64       `json:"elapsed"`
	Type    string        `json:"type"`
	Object  *snapshot.Ref `json:"object,omitempty"`
	Reason  string        `json:"reason"`
	Text    string        `json:"text"`
	Count   int32         `json:"count"`
}

type remark struct {
	Elapsed float64           `json:"elapsed"`
	Type    journal.EntryType `json:"type"`
	Phase   journal.Phase     `json:"phase,omitempty"`
	Object  *snapshot.Ref     `json:"object,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Text    string            `json:"text"`
	Details []string          `json:"details,omitempty"`
	Hint    string            `json:"hint,omitempty"`
	Source  string            `json:"source,omitempty"`
}

// JSON writes the report as one document.
func JSON(w io.Writer, v *journal.View, entries []journal.Entry) error {
	s := read(v, entries)
	d := document{
		APIVersion: Version, Kind: "Report", At: v.Began, Took: v.Elapsed.Seconds(), Where: v.Where,
		Complete: s.end != nil, outcome: outcomeOf(s.end), Objects: []object{}, Remarks: remarks(s.remarks),
	}
	for _, r := range s.roots {
		d.Objects = append(d.Objects, objectOf(r))
	}
	data, err := encode(d, "  ")
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func outcomeOf(end *journal.Entry) outcome {
	if end == nil {
		return outcome{}
	}
	o := outcome{Reason: end.Reason, Text: end.Text}
	if end.End != nil {
		o.Exit, o.Requests, o.Simulated = &end.End.Exit, end.End.Requests, end.End.Simulated
	}
	return o
}

func objectOf(r root) object {
	o := object{
		Namespace: r.namespace(), Name: r.name(), Source: r.Source, outcome: outcomeOf(r.End),
		Phases: []phase{}, Deployments: []deployment{}, Pods: []pod{}, Problems: []problem{}, Events: []event{}, Remarks: remarks(r.Remarks),
	}
	if r.Object != nil {
		o.Kind, o.UID = string(r.Object.Kind), string(r.Object.UID)
	}
	for _, p := range r.Phases {
		o.Phases = append(o.Phases, phaseOf(p))
	}
	for _, d := range r.Deployments {
		steps := make([]replicas, 0, len(d.Steps))
		for _, s := range d.Steps {
			steps = append(steps, replicas{s.At.Seconds(), s.Replicas})
		}
		o.Deployments = append(o.Deployments, deployment{d.Object, steps})
	}
	for _, p := range r.Pods {
		o.Pods = append(o.Pods, podOf(p))
	}
	for _, h := range r.history {
		o.Problems = append(o.Problems, problemOf(h))
	}
	for _, e := range r.Events {
		told := event{Elapsed: e.Elapsed.Seconds(), Type: "Normal", Object: e.Object, Reason: e.Reason, Text: e.Text, Count: e.Count}
		if e.Type == journal.Alarm {
			told.Type = "Warning"
		}
		o.Events = append(o.Events, told)
	}
	return o
}

func phaseOf(p *journal.PhaseView) phase {
	told := phase{
		Name: p.Name, Result: result(p), Elapsed: p.Began.Seconds(), Took: (p.Ended - p.Began).Seconds(), Limit: p.Limit.Seconds(), Goal: p.Text,
	}
	if e := p.Result; e != nil {
		told.Reason, told.Text, told.Details, told.Hint, told.Source, told.Log = e.Reason, e.Text, e.Details, e.Hint, e.Source, e.Log
		if e.Problem != nil {
			told.Problem = e.Problem.Key
		}
	}
	return told
}

func podOf(p *journal.PodView) pod {
	told := pod{Ref: p.Object, Deployment: p.Deployment, Steps: []podStep{}}
	for _, s := range p.Steps {
		if s.Node != "" {
			told.Node = s.Node
		}
		told.Steps = append(told.Steps, podStep{s.At.Seconds(), s.State, s.Why, s.Restarts})
	}
	return told
}

func problemOf(h *trouble) problem {
	p := h.Problem
	told := problem{
		Class: p.Class, Key: p.Key, State: h.state, Phase: h.Phase, Text: h.Text, Elapsed: h.Elapsed.Seconds(),
		Since: p.Since, Until: p.Until, Chain: p.Chain, Hint: h.Hint,
	}
	if told.Chain == nil {
		told.Chain = []journal.Link{}
	}
	if h.ended != nil {
		told.Ended = new(h.ended.Seconds())
	}
	return told
}

func remarks(entries []journal.Entry) []remark {
	list := make([]remark, 0, len(entries))
	for _, e := range entries {
		list = append(list, remark{e.Elapsed.Seconds(), e.Type, e.Phase, e.Object, e.Reason, e.Text, e.Details, e.Hint, e.Source})
	}
	return list
}
