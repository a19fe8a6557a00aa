package simworld

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FaultKind is a way in which the API server, or the way to it, fails.
type FaultKind string

// The kinds of faults. Those of requests last from At for For; those of writes meet the Nth write of
// a client; those of watches happen at At.
const (
	Refused       FaultKind = "refused"         // connection refused
	TooMany       FaultKind = "429"             // too many requests
	TooManyWait   FaultKind = "429 retry-after" // the same, with Retry-After
	Internal      FaultKind = "500"
	Unavailable   FaultKind = "503"
	Hangs         FaultKind = "hangs" // requests and watches are swallowed
	Slow          FaultKind = "slow"
	LostApplied   FaultKind = "answer lost"
	LostUnapplied FaultKind = "request lost"
	FailedApplied FaultKind = "500 but applied"
	WatchClosed   FaultKind = "watch closed"
	WatchCut      FaultKind = "watch cut"
	WatchExpired  FaultKind = "watch 410"
	WatchError    FaultKind = "watch error"
	WatchSilent   FaultKind = "watch silent"
	StaleList     FaultKind = "stale list" // a watch that begins with a list shows the state of the fault's beginning
	Restart       FaultKind = "restart"    // all watches end and connections are refused for a while
	Revoked       FaultKind = "403"        // the right to read a kind is taken away for good
	Expired       FaultKind = "401"        // the credentials have expired; the first answer that says so renews them
)

// Fault is one of them at its time.
type Fault struct {
	Kind FaultKind
	When
	For time.Duration
	Nth int
	// Only limits it to one kind of objects.
	Only string
}

// faults are the faults of one world.
type faults struct {
	w      *World
	list   []Fault
	writes map[string]int
	// renewed are the clients whose credentials are new.
	renewed map[string]bool
	fired   []Fired
	others  map[Fired]bool // what else came about, and in which phases
	// since is when each fault of the list began to be; negative: not yet.
	since []time.Duration
	// stuck is the resourceVersion of that moment.
	stuck []int64
}

// Fired is a fault that has met something.
type Fired struct {
	At    time.Duration
	Kind  string
	Phase string
}

// Denial is a right to read a kind that was taken away at a time.
type Denial struct {
	At   time.Duration
	Kind string
}

// Denials gives those that came about.
func (w *World) Denials() []Denial {
	var all []Denial
	for i, fault := range w.faults.list {
		if since := w.faults.since[i]; fault.Kind == Revoked && since >= 0 {
			all = append(all, Denial{since, fault.Only})
		}
	}
	return all
}

// fate is what becomes of a request.
type fate struct {
	apply bool
	hang  bool
	slow  time.Duration
	err   error
	reply *reply
}

func newFaults(w *World, list []Fault) *faults {
	f := &faults{w: w, list: list, writes: map[string]int{}, renewed: map[string]bool{}, others: map[Fired]bool{}}
	for i, fault := range list {
		f.since, f.stuck = append(f.since, -1), append(f.stuck, 0)
		w.on(fault.When, func() {
			f.since[i], f.stuck[i] = w.now(), w.rv
			switch fault.Kind {
			case WatchClosed, WatchCut, WatchExpired, WatchError, WatchSilent, Hangs, Restart, Revoked:
				f.breakWatches(fault)
			}
		})
	}
	return f
}

// happens notes for a reader of the table that something else came about in this phase.
func (w *World) happens(kind string) { w.faults.others[Fired{Kind: kind, Phase: w.Phase()}] = true }

// Happened gives what came about beside faults and the doings of others, once for each phase: illnesses, and what befell the
// operator and the clock.
func (w *World) Happened() []Fired { return slices.Collect(maps.Keys(w.faults.others)) }

func (f *faults) fire(fault Fault, what string) {
	f.fired = append(f.fired, Fired{At: f.w.now(), Kind: string(fault.Kind), Phase: f.w.Phase()})
	f.w.notef("fault: %s %s", fault.Kind, what)
}

// meet decides what becomes of a request that has arrived.
func (f *faults) meet(q *call) fate {
	if q.writes() {
		f.writes[q.agent]++
	}
	for i, fault := range f.list {
		if fault.Only != "" && fault.Only != q.kind || !f.meets(i, q) {
			continue
		}
		f.fire(fault, q.method+" "+q.kind)
		f.renewed[q.agent] = f.renewed[q.agent] || fault.Kind == Expired
		if fault.Kind == Revoked {
			return fate{reply: f.w.forbids(q.kind)}
		}
		return f.fateOf(fault)
	}
	return fate{apply: true}
}

func (f *faults) meets(i int, q *call) bool {
	fault, since := f.list[i], f.since[i]
	switch fault.Kind {
	case Refused, TooMany, TooManyWait, Internal, Unavailable, Hangs, Slow, Restart:
		return since >= 0 && f.w.now() < since+fault.For
	case Revoked:
		return since >= 0
	case Expired:
		return since >= 0 && !f.renewed[q.agent]
	case LostApplied, LostUnapplied, FailedApplied:
		return q.writes() && f.writes[q.agent] == fault.Nth
	case WatchClosed, WatchCut, WatchExpired, WatchError, WatchSilent, StaleList:
	}
	return false
}

// past returns the version of the state that a list within a watch shows: the present one, or that of a cache
// which lags behind. Other lists are consistent.
func (f *faults) past(q *call) int64 {
	for i, fault := range f.list {
		if fault.Kind == StaleList && (fault.Only == "" || fault.Only == q.kind) && f.since[i] >= 0 && f.w.now() < f.since[i]+fault.For {
			f.fire(fault, q.agent+" "+q.kind)
			return f.stuck[i]
		}
	}
	return f.w.rv
}

func (f *faults) fateOf(fault Fault) fate {
	status := func(code int32, reason metav1.StatusReason, text string, after int32) *reply {
		return refusal(&apierrors.StatusError{ErrStatus: metav1.Status{
			Status: "Failure", Code: code, Reason: reason, Message: text, Details: &metav1.StatusDetails{RetryAfterSeconds: after},
		}})
	}
	switch fault.Kind {
	case Refused, Restart:
		return fate{err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	case TooMany:
		return fate{reply: status(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "the server has received too many requests and has asked us to try again later", 0)}
	case TooManyWait:
		return fate{reply: status(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "the server has received too many requests and has asked us to try again later", 1)}
	case Internal:
		return fate{reply: status(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcdserver: leader changed", 0)}
	case FailedApplied:
		return fate{apply: true, reply: status(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcdserver: request timed out", 0)}
	case Unavailable:
		return fate{reply: status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "apiserver is shutting down", 0)}
	case Expired:
		return fate{reply: status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized", 0)}
	case Hangs:
		return fate{hang: true}
	case Slow:
		return fate{apply: true, slow: fault.For / 8}
	case LostApplied:
		return fate{apply: true, err: io.ErrUnexpectedEOF}
	case LostUnapplied:
		return fate{err: errors.New("read tcp: connection reset by peer")}
	case WatchClosed, WatchCut, WatchExpired, WatchError, WatchSilent, StaleList:
	}
	return fate{apply: true}
}

// breakWatches breaks the open watches of the fault's kind of objects, or all of them.
func (f *faults) breakWatches(fault Fault) {
	for _, s := range slices.Clone(f.w.streams) {
		if fault.Only != "" && fault.Only != s.q.kind || s.mute {
			continue
		}
		f.fire(fault, s.q.agent+" "+s.q.kind)
		switch fault.Kind {
		case WatchCut:
			s.push([]byte(`{"type":"MODIFIED","object":{"kind":"`))
			s.fail(io.ErrUnexpectedEOF)
		case WatchExpired:
			f.w.kinds[s.q.kind].forgotten = f.w.rv
			s.error(apierrors.NewResourceExpired("The resourceVersion for the provided watch is too old."))
			s.fail(io.EOF)
		case WatchError:
			s.error(apierrors.NewInternalError(errors.New("etcdserver: mvcc: storage is closing")))
			s.fail(io.EOF)
		case WatchSilent, Hangs:
			s.silence()
		case Restart:
			s.fail(errGone)
		default:
			s.fail(io.EOF)
		}
	}
	if fault.Kind == WatchClosed && fault.For > 0 { // what happens meanwhile cannot be watched afterwards
		f.w.after(fault.For, func() { f.w.forget(fault.Only) })
	}
}

// forget makes the past of a kind, or of all, unwatchable.
func (w *World) forget(kind string) {
	for _, r := range resources() {
		if kind == "" || kind == r.kind {
			w.kinds[r.kind].forgotten = w.rv
		}
	}
}

// ActKind is what somebody else does.
type ActKind string

// The kinds of acts. Those of the custom resource edit its spec.
const (
	EditReplicas   ActKind = "edit replicas"
	EditImage      ActKind = "edit image"
	EditEnv        ActKind = "edit env"
	EditTraffic    ActKind = "edit traffic"
	EditLabels     ActKind = "edit labels"
	EditComponents ActKind = "edit components"
	EditResources  ActKind = "edit resources"
	EditModelURI   ActKind = "edit modelUri"
	EditNotes      ActKind = "edit spec.annotations"
	DropEnv        ActKind = "remove env"
	DropProtocol   ActKind = "remove protocol"
	DropNotes      ActKind = "remove spec.annotations"
	Annotate       ActKind = "annotate"
	DeleteRoot     ActKind = "delete"
	DeleteHard     ActKind = "delete in the background"
	Recreate       ActKind = "delete and recreate"
	ScaleChild     ActKind = "scale a Deployment"
	ImageOfChild   ActKind = "set a Deployment's image"
	DeleteChild    ActKind = "delete a Deployment"
	DeletePods     ActKind = "delete a pod"
	Unlabel        ActKind = "take the label away"
	HoldRoot       ActKind = "finalizer on the custom resource"
	HoldChild      ActKind = "finalizer on a Deployment"
	LetGo          ActKind = "finalizers removed"
	TakeName       ActKind = "take a Deployment's name"
	Make           ActKind = "create"
	EndNamespace   ActKind = "delete the namespace"
)

// Act is one of them at its time.
type Act struct {
	Kind ActKind
	When
	// Name is the custom resource; empty means the first there is.
	Name string
	// Object is what TakeName and Make make.
	Object Object
	// Of is the kind of what loses its label.
	Of string
}

// stranger is who does it.
const stranger = "somebody"

func (w *World) stage(act *Act) {
	w.on(act.When, func() {
		if act.Kind == TakeName || act.Kind == Make {
			w.notef("somebody: %s", act.Kind)
			_, _ = w.create(act.Object, stranger) // where it is there already, nothing is taken
			return
		}
		name := act.Name
		if name == "" && len(w.kinds[Root].names) > 0 {
			name = w.kinds[Root].names[0]
		}
		root, ok := w.get(Root, name).(*unstructured.Unstructured)
		if !ok {
			return
		}
		w.faults.fired = append(w.faults.fired, Fired{At: w.now(), Kind: string(act.Kind), Phase: w.Phase()})
		w.notef("somebody: %s", act.Kind)
		w.act(act, root)
	})
}

func (w *World) act(act *Act, root *unstructured.Unstructured) {
	name := root.GetName()
	switch act.Kind {
	case DeleteRoot:
		w.delete(Root, name, "Foreground", stranger)
	case DeleteHard:
		w.delete(Root, name, "Background", stranger)
	case Recreate:
		w.delete(Root, name, "Background", stranger)
		w.after(50*time.Millisecond, func() { w.createAgain(root) })
	case ScaleChild, ImageOfChild, DeleteChild, HoldChild:
		w.actOnChild(act, root)
	case DeletePods:
		for _, name := range w.kinds["Pod"].names {
			w.delete("Pod", name, "Background", stranger)
			return
		}
	case Unlabel:
		w.unlabel(act.Of, root)
	case EndNamespace:
		w.ending = true
		for _, r := range resources() {
			for _, o := range all[Object](w, r.kind) {
				w.delete(r.kind, o.GetName(), "Background", "namespace-controller")
			}
		}
	case HoldRoot:
		w.mutate(Root, name, stranger, "", func(o Object) { o.SetFinalizers(append(o.GetFinalizers(), "example.com/hold")) })
	case LetGo:
		w.letGo(root)
	default:
		w.mutate(Root, name, stranger, "", func(o Object) {
			if u, ok := o.(*unstructured.Unstructured); ok {
				Edit(act.Kind, u)
			}
		})
	}
}

// createAgain makes a new object under the name of the old one.
func (w *World) createAgain(old *unstructured.Unstructured) {
	fresh := &unstructured.Unstructured{Object: map[string]any{"kind": Root, "spec": copyOf(old).Object["spec"]}}
	fresh.SetName(old.GetName())
	if made, err := w.create(fresh, stranger); err == nil {
		w.made[string(made.GetUID())] = stranger
	}
}

func (w *World) actOnChild(act *Act, root *unstructured.Unstructured) {
	for _, d := range all[*appsv1.Deployment](w, "Deployment") {
		if controllerOf(d) != string(root.GetUID()) {
			continue
		}
		if act.Kind == DeleteChild {
			w.delete("Deployment", d.Name, "Background", stranger)
			return
		}
		w.mutate("Deployment", d.Name, stranger, "", func(o Object) {
			d, ok := o.(*appsv1.Deployment)
			switch {
			case !ok:
			case act.Kind == ScaleChild:
				n := *d.Spec.Replicas + 1
				d.Spec.Replicas = &n
			case act.Kind == ImageOfChild:
				d.Spec.Template.Spec.Containers[0].Image += "-other"
			case act.Kind == HoldChild:
				d.SetFinalizers(append(d.GetFinalizers(), "example.com/hold"))
			}
		})
		return
	}
}
