package journal

import (
	"time"

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
	// Took is how long the phase or the command took.
	Took time.Duration `json:"took,omitempty"`
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
