package snapshot

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Change is one message of a watch: what the cluster was seen to do, or what became of the watch
// itself. Exactly one of the forms below is used.
type Change struct {
	// Type says which form it is.
	Type ChangeType
	// Kind is the watched kind.
	Kind Kind
	// Object is set for Seen and Deleted.
	Object Object
	// Err is set for Lost and Denied.
	Err error
	// There are the UIDs of all objects that there were at Version, set for Listed.
	There map[types.UID]bool
	// Version is the resourceVersion that Listed speaks of, and the one at which what is Deleted was not
	// there any more; empty where nobody knows.
	Version string
}

// ChangeType tells the forms of a Change apart.
type ChangeType int

const (
	// Seen carries an object that was listed, added or modified.
	Seen ChangeType = iota
	// Deleted carries the last known state of an object that was deleted, also when the deletion
	// was missed and only its absence from a later list shows it. A watch with a selector says the same of
	// an object that lives on and has lost its label: then it may be Seen again, at a later version.
	Deleted
	// Listed says which objects of the kind there are, after a list; what else is known of the kind, from
	// a read perhaps, has been deleted.
	Listed
	// Synced says that the first complete list of the kind has been delivered.
	Synced
	// Lost says that the watch broke; it is being restored.
	Lost
	// Restored says that a lost watch delivers again and has caught up.
	Restored
	// Denied says that the kind may not be seen, or is not served here; nothing more can be counted on.
	Denied
)

// RefusedFor is how long a kind that could be seen must be refused until it is given up: an API server that has just
// started refuses what it has not loaded the rules for.
const RefusedFor = 10 * time.Second

// RefusedError is a read that the API server refuses because of one kind.
type RefusedError struct {
	Kind Kind
	Err  error
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *RefusedError) Unwrap() error { return e.Err }
