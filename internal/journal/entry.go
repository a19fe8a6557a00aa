package journal

import (
	"time"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Entry is one thing that is told: what every sink, from a line of text to a report, is made of.
// Texts are raw, as the cluster gave them; sinks sanitise.
type Entry struct {
	// At is when it was known, by the local clock; Elapsed counts from the start of the command.
	At      time.Time     `json:"at"`
	Elapsed time.Duration `json:"elapsed"`
	Type    EntryType     `json:"type"`
	Phase   Phase         `json:"phase,omitempty"`
	// Root is the custom resource whose story it belongs to, as "namespace/name".
	Root string `json:"root,omitempty"`
	// Object is what it is about.
	Object *snapshot.Ref `json:"object,omitempty"`
	// Reason is a CamelCase word for machines: an Event's reason, a problem's class, an exit reason.
	Reason string `json:"reason,omitempty"`
	// Text is the sentence for people.
	Text string `json:"text"`
	// Count is how often an Event has happened.
	Count int32 `json:"count,omitempty"`
	// Details are further lines: evidence, a chain of causes, log lines.
	Details []string `json:"details,omitempty"`
	// Hint is what to do next, mostly a command.
	Hint string `json:"hint,omitempty"`
	// Took is how long the phase or the command took; Limit is how long a phase may take, 0 where
	// there is no waiting.
	Took  time.Duration `json:"took,omitempty"`
	Limit time.Duration `json:"limit,omitempty"`
	Facts
}

// Facts are what an Entry says in numbers and names, for sinks that draw or count. Each type of entry
// has its own.
type Facts struct {
	// Replicas comes with the Progress of a Deployment.
	Replicas *Replicas `json:"replicas,omitempty"`
	// Pod comes with PodChange.
	Pod *PodLife `json:"pod,omitempty"`
	// Problem comes with Suspicion, Healed, and a Failure that a problem has caused.
	Problem *Problem `json:"problem,omitempty"`
	// Log is what a failed container said last.
	Log []string `json:"log,omitempty"`
	// Source is the place in a manifest that it is about, as "file:line".
	Source string `json:"source,omitempty"`
	// End comes with Closing.
	End *End `json:"end,omitempty"`
}

// Replicas are how far a Deployment is.
type Replicas struct {
	Wanted      int32 `json:"wanted"`
	Ready       int32 `json:"ready"`
	Total       int32 `json:"total"`
	Terminating int32 `json:"terminating"`
}

// PodLife is where a pod is in its life.
type PodLife struct {
	State judge.PodState `json:"state"`
	// Why is the reason where it does not get on, such as ImagePullBackOff.
	Why string `json:"why,omitempty"`
	// Deployment and Node are names; empty where not known.
	Deployment string `json:"deployment,omitempty"`
	Node       string `json:"node,omitempty"`
	Restarts   int32  `json:"restarts,omitempty"`
}

// Problem is something wrong on the tree.
type Problem struct {
	Class judge.Class `json:"class"`
	// Key identifies it over time.
	Key string `json:"key"`
	// Since is when it began and Until when it becomes a failure if it lasts, by the local clock; Until
	// is zero for problems that never end the waiting.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Chain leads from the custom resource down to the cause.
	Chain []Link `json:"chain,omitempty"`
}

// Link is one step of a chain of causes.
type Link struct {
	snapshot.Ref
	Text string `json:"text,omitempty"`
}

// End is how a command ended for one custom resource.
type End struct {
	// Exit is the exit code, Requests how many requests the API server was sent so far.
	Exit     int `json:"exit"`
	Requests int `json:"requests"`
	// Simulated says that the pods were simulated.
	Simulated bool `json:"simulated,omitempty"`
}

// EntryType tells what an Entry is.
type EntryType string

// The types of entries.
const (
	Opening    EntryType = "opening"    // which context, server and namespace; once, first
	PhaseStart EntryType = "phaseStart" // a phase begins; Text says what is waited for and how long at most
	Event      EntryType = "event"      // a Kubernetes Event of type Normal
	Alarm      EntryType = "alarm"      // a Kubernetes Event of type Warning
	Progress   EntryType = "progress"   // a number or state changed
	PodChange  EntryType = "podChange"  // a pod came to another part of its life
	Suspicion  EntryType = "suspicion"  // something is wrong that may still pass
	Healed     EntryType = "healed"     // a suspicion has passed
	Warning    EntryType = "warning"    // the user should know, the goal is not in danger
	Note       EntryType = "note"       // for the user's information
	Claim      EntryType = "claim"      // a goal was reached; Details are the evidence
	Skipped    EntryType = "skipped"    // a phase does not apply; Text says why
	Failure    EntryType = "failure"    // a goal was not reached; Details are the chain of causes
	Closing    EntryType = "closing"    // the verdict on the whole command; once, last
)

// Phase names a step of an operation.
type Phase string

// The phases.
const (
	Connect Phase = "connect"
	Create  Phase = "create"
	Wait    Phase = "available"
	Scale   Phase = "scaled"
	Delete  Phase = "gone"
	Cleanup Phase = "cleanup"
)

// problemOf is what a problem's entries say of it.
func problemOf(p judge.Held) *Problem {
	told := &Problem{Class: p.Class, Key: p.Key, Since: p.First.UTC()}
	if t := p.Tolerance(); t >= 0 {
		told.Until = p.First.Add(t).UTC()
		if p.After.After(told.Until) {
			told.Until = p.After.UTC()
		}
	}
	for _, link := range p.Chain {
		told.Chain = append(told.Chain, Link{link.Ref, link.Text})
	}
	return told
}
