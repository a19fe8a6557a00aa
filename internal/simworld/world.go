// Package simworld is a simulated Kubernetes cluster: an API server behind an http.RoundTripper, the
// Seldon operator (simseldon), the Deployment and ReplicaSet controllers, the garbage collector, the
// scheduler and the kubelets as small deterministic actors, and whatever can go wrong between them.
//
// It lives on virtual time: it must be made and used inside a testing/synctest bubble. Every delay
// comes from the seed, and every state of every object is kept with its time, so that what a program
// claimed can be held against what was true. It never imports what judges the cluster.
package simworld

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// World is one simulated cluster.
type World struct {
	Config

	mu      sync.Mutex
	began   time.Time
	rv      int64
	uids    int
	kinds   map[string]*shelf
	log     []*change
	actors  []*actor
	faults  *faults
	streams []*stream
	delays  []Delay
	notes   []Note
	asked   map[string]int
	asks    []ask
	served  []Served
	made    map[string]string // UID -> user agent that created it
	touched []Touch
	stopped bool
	ending  bool // the namespace is being deleted
	op      *operator
	wards   map[string]int // pods made so far by Deployment
	events  map[string]string
	quotas  map[string]int // tries to make pods that a quota has refused
	// templates are pod templates by object and generation.
	templates map[string]string
	given     map[Cue]bool
	waiting   map[Cue][]func()
	clockSet  []time.Duration // when the clock was set
}

// Config is what is decided about a world before it begins.
type Config struct {
	Seed     uint64
	Pace     Pace
	Operator OperatorConfig
	Server   ServerConfig
	Ills     []Ill
	Faults   []Fault
	Acts     []Act
	// Ahead is how far the cluster's clock is ahead of the program's; Clock is when it is set.
	Ahead time.Duration
	Clock []Setting
	// Phase tells in which phase the program is, for the table of what happened when.
	Phase func() string
}

// Pace is how slow the actors are: each waits between half and one and a half of its time.
type Pace struct {
	Deployments, ReplicaSets, Collector, Scheduler time.Duration
	// Pull, Init, Ready and Stop are how long a pod's stages take.
	Pull, Init, Ready, Stop time.Duration
	// Events is how late events are written.
	Events time.Duration
}

// Setting is a clock that is set, forwards or backwards.
type Setting struct {
	When
	By time.Duration
}

// Note is one thing worth reading in a history.
type Note struct {
	At   time.Duration
	Text string
}

// Served is a request that the API server has answered from its state.
type Served struct {
	At     time.Duration
	Agent  string
	Method string // GET, LIST, WATCH, POST, PATCH, DELETE
	Kind   string
	Name   string
	Code   int
}

// ask is a request that a client has sent.
type ask struct {
	at            time.Duration
	agent, method string
}

// Touch is a write by a program that is not a part of the cluster.
type Touch struct {
	At            time.Duration
	Agent, Method string
	Kind, Name    string
	UID           string
	Owner         string // user agent that had created the object
	Blind         bool   // written without a precondition: whatever was there meanwhile
}

// New makes a world and sets its first actors going.
func New(c Config) *World {
	w := &World{
		Config: c, began: time.Now(), rv: 1000, kinds: map[string]*shelf{}, asked: map[string]int{},
		made: map[string]string{}, wards: map[string]int{}, events: map[string]string{}, quotas: map[string]int{}, templates: map[string]string{}, given: map[Cue]bool{}, waiting: map[Cue][]func(){},
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range resources() {
		w.kinds[r.kind] = newShelf(r)
	}
	w.faults = newFaults(w, c.Faults)
	w.op = newOperator(w)
	w.actors = []*actor{
		w.op.actor(), w.deploymentController(), w.replicaSetController(), w.collector(), w.scheduler(), w.kubelet(), w.autoscaler(),
	}
	for i := range c.Acts {
		w.stage(&c.Acts[i])
	}
	for _, set := range c.Clock {
		w.on(set.When, func() {
			w.notef("the cluster's clock is set by %s", set.By)
			w.happens("clock set")
			w.Ahead += set.By
			w.clockSet = append(w.clockSet, w.now())
		})
	}
	w.tick()
	return w
}

// Stop ends the world: nothing in it happens any more.
func (w *World) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, s := range slices.Clone(w.streams) {
		s.fail(errGone)
	}
}

// Elapsed is the world's age.
func (w *World) Elapsed() time.Duration { return time.Since(w.began) }

// ClockSet reports whether the cluster's clock was set in that time.
func (w *World) ClockSet(from, to time.Duration) bool {
	return slices.ContainsFunc(w.clockSet, func(at time.Duration) bool { return at >= from && at <= to })
}

// now is the world's age, for those who hold the lock too.
func (w *World) now() time.Duration { return time.Since(w.began) }

// clock is the time by the cluster's clock; stamp is what an object is dated with.
func (w *World) clock() time.Time { return time.Now().Add(w.Ahead) }

func (w *World) stamp() metav1.Time { return metav1.NewTime(w.clock().Truncate(time.Second)) }

// after lets something happen later, under the lock.
func (w *World) after(d time.Duration, do func()) {
	time.AfterFunc(max(d, 0), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.stopped {
			do()
		}
	})
}

// note keeps a line for the reader of the history.
func (w *World) notef(format string, args ...any) {
	w.notes = append(w.notes, Note{At: w.now(), Text: fmt.Sprintf(format, args...)})
}

// dice is a generator of its own for one purpose, so that no draw depends on the order of others.
func (w *World) dice(purpose string) *rand.Rand {
	return rand.New(rand.NewPCG(w.Seed, hash(purpose))) //nolint:gosec // repeatable on purpose
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// around draws a time between half and one and a half of d, never twice the same.
func around(r *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(r.Float64()*float64(d)) + time.Duration(r.IntN(1000))
}

// actor is one controller: it looks at one thing at a time, some time after it was told to.
type actor struct {
	w    *World
	name string
	// wants gives the keys to look at when an object has changed.
	wants   func(c *change) []string
	lag     func() time.Duration
	look    func(key string)
	pending map[string]bool
	// told is how late it learns of a change.
	told time.Duration
}

func (a *actor) poke(key string) { a.pokeIn(key, a.lag()) }

func (a *actor) pokeIn(key string, d time.Duration) {
	if a.pending[key] {
		return
	}
	a.pending[key] = true
	a.w.after(d, func() {
		delete(a.pending, key)
		a.look(key)
	})
}

func (w *World) newActor(name string, pace time.Duration, wants func(*change) []string, look func(string)) *actor {
	r := w.dice(name)
	return &actor{
		w: w, name: name, wants: wants, look: look, pending: map[string]bool{},
		lag: func() time.Duration { return around(r, pace) },
	}
}

// tell lets the actors know of a change.
func (w *World) tell(c *change) {
	w.notice(c)
	for _, a := range w.actors {
		for _, key := range a.wants(c) {
			if a.told == 0 {
				a.poke(key)
				continue
			}
			w.after(a.told, func() { a.poke(key) })
		}
	}
	for _, s := range w.streams {
		s.offer(c)
	}
}

// tick sends bookmarks once a minute.
func (w *World) tick() {
	w.after(time.Minute+time.Duration(w.Seed%1000), func() {
		for _, s := range w.streams {
			s.bookmark()
		}
		w.tick()
	})
}

// Cue is something in a history after which something else is to happen.
type Cue string

// The cues. Each is given once, at the first time.
const (
	Begun     Cue = ""          // the world's beginning
	Created   Cue = "created"   // a client's create was accepted
	Started   Cue = "started"   // the operator has written the first status
	Available Cue = "available" // the operator has said Available
	Patched   Cue = "patched"   // a client's patch was accepted
	Rescaled  Cue = "rescaled"  // the operator has written a status after that
	Deleted   Cue = "deleted"   // a client's delete was accepted
)

// When is a time after a cue.
type When struct {
	Cue Cue
	At  time.Duration
}

// On lets something happen at a time that a cue decides.
func (w *World) On(when When, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on(when, do)
}

func (w *World) on(when When, do func()) {
	if when.Cue == Begun || w.given[when.Cue] {
		w.after(when.At, do)
		return
	}
	w.waiting[when.Cue] = append(w.waiting[when.Cue], func() { w.after(when.At, do) })
}

// give gives a cue.
func (w *World) give(cue Cue) {
	if w.given[cue] {
		return
	}
	w.given[cue] = true
	for _, start := range w.waiting[cue] {
		start()
	}
}

// notice gives the cues that the operator's status writes are.
func (w *World) notice(c *change) {
	root, ok := c.Object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	state, _, _ := unstructured.NestedString(root.Object, "status", "state")
	if state != "" {
		w.give(Started)
	}
	if state == "Available" {
		w.give(Available)
	}
	if w.given[Patched] && c.By == operatorName {
		w.give(Rescaled)
	}
}

// event records an Event about an object: one that has happened before is counted.
func (w *World) event(about Object, kind, reason, component, message string) {
	ref := corev1.ObjectReference{
		Kind: kindOf(about), Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID(),
		APIVersion: w.kinds[kindOf(about)].at.GroupVersion().String(), ResourceVersion: about.GetResourceVersion(),
	}
	w.after(around(w.dice(fmt.Sprint("event", w.rv, reason)), w.Pace.Events), func() { w.writeEvent(ref, kind, reason, component, message) })
}

func (w *World) writeEvent(ref corev1.ObjectReference, kind, reason, component, message string) {
	now := w.stamp()
	key := string(ref.UID) + reason + message
	if name := w.events[key]; w.get("Event", name) != nil {
		w.mutate("Event", name, component, "", func(o Object) {
			if e, ok := o.(*corev1.Event); ok {
				e.Count++
				e.LastTimestamp = now
			}
		})
		return
	}
	e := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", ref.Name, w.rv), Namespace: namespace}, InvolvedObject: ref,
		Reason: reason, Message: message, Type: kind, Count: 1, Source: corev1.EventSource{Component: component},
		FirstTimestamp: now, LastTimestamp: now,
	}
	if made, err := w.create(e, component); err == nil {
		w.events[key] = made.GetName()
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func contains(list []string, s string) bool { return slices.Contains(list, s) }
