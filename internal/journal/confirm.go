package journal

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Reading is a part of the confirming read: first the custom resource alone, since its state is what
// flaps, and if that agrees what is below it.
type Reading int

// The parts of the confirming read.
const (
	ReadNothing Reading = iota
	ReadRoot            // the custom resource
	ReadBelow           // its Deployments and pods, which a success rests on
	ReadTree            // its Deployments, ReplicaSets and pods, where a failure may show
	ReadLeft            // what a deletion may have left
)

// confirmReached asks for the read that a success rests on. What the garbage collector let go in a
// foreground deletion has nothing left below it; after any other deletion, such as somebody else's in
// the background, or one of what was made so late that the collector did not know what it owned, what
// is left may never have been seen.
func (s *step) confirmReached(v judge.Verdict) {
	switch {
	case s.goal.Kind != judge.Gone:
		s.wantRead(ReadBelow)
	case s.orderly && !s.hasty || s.looked:
		s.end(v)
	case s.putOff():
	case s.reading == ReadNothing:
		s.ask(ReadLeft)
	}
}

// hasty reports whether the last state of an object shows that it was removed at once, where in a foreground
// deletion it would have been marked first: it may have left what it owned, or be there still without the
// label by which it is watched.
func hasty(o snapshot.Object) bool {
	if o.GetDeletionTimestamp() != nil {
		return false
	}
	switch o := o.(type) {
	case *appsv1.Deployment:
		return true
	case *appsv1.ReplicaSet:
		return o.Spec.Replicas == nil || *o.Spec.Replicas > 0
	case *corev1.Pod: // one that has no node, or has ended, is removed at once
		return o.Spec.NodeName != "" && o.Status.Phase != corev1.PodFailed && o.Status.Phase != corev1.PodSucceeded
	}
	return false
}

// lookLast asks once more what a deletion has left.
func (s *step) lookLast() {
	if s.goal == nil || s.ended || s.goal.Kind != judge.Gone {
		return
	}
	s.last = true
	if s.reading == ReadNothing {
		s.ask(ReadLeft)
	}
}

// seeLast takes what the last read has shown for the present state of the kinds whose watches are broken.
func (s *step) seeLast() {
	for _, kind := range ReadLeft.Kinds() {
		if s.last && s.snap.Complete(kind) {
			s.snap.SetBlind(kind, "")
		}
	}
}

// seekStrays looks again for what is there without the label: no watch tells when it goes.
func (s *step) seekStrays() {
	switch {
	case len(s.strays) == 0 || s.reading != ReadNothing:
	case s.putOff():
	default:
		s.ask(ReadLeft)
	}
}

// doubtTime is how long after the first confirming read that disagreed the next one is made although
// no watch has delivered anything since.
const doubtTime = time.Second

// wantRead asks for the next part of the confirming read, unless one is on its way or has just
// disagreed. A failure is confirmed as a success is: while a watch was down, what was wrong may have
// passed unseen.
func (s *step) wantRead(below Reading) {
	switch {
	case s.putOff():
	case s.reading != ReadNothing:
	case s.fresh != nil:
		s.ask(below)
	default:
		s.reading, s.Read = ReadRoot, ReadRoot
	}
}

// confirm takes in a part of the confirming read. What differs from what was watched becomes an
// input; waiting goes on.
func (s *step) confirm(in ReadDone) {
	part := s.reading
	s.reading = ReadNothing
	told := s.unread
	if in.Err == nil && part != ReadRoot {
		s.unread = nil
	}
	switch {
	case s.goal == nil || s.ended:
		s.fresh = nil
	case in.Err != nil:
		s.doubt()
		s.fresh, s.unread = nil, in.Err
		if told != nil && apierrors.ReasonForError(told) == apierrors.ReasonForError(in.Err) {
			break
		}
		s.tell(Entry{Type: Warning, Reason: "ReadFailed", Text: "the confirming read failed and will be repeated: " + errText(in.Err)})
	case part == ReadRoot:
		s.confirmRoot(in.Objects)
	case part == ReadLeft:
		s.looked = true
		s.feed(in.Objects)
		s.meetStrays(in.Named)
		s.seeLast()
	case s.fresh != nil: // else what was to be confirmed has ceased to hold meanwhile
		s.confirmBelow(part, in.Objects)
		s.fresh = nil
	}
}

// confirmRoot takes in the custom resource as it is now. Its absence proves its deletion.
func (s *step) confirmRoot(objects []snapshot.Object) {
	for _, o := range objects {
		s.takeUp(o)
		s.snap.Set(o)
		if root, ok := o.(*unstructured.Unstructured); ok && o.GetUID() == s.goal.Root.UID {
			s.fresh = root
		}
	}
	if last := s.Root(s.goal.Root.UID); s.fresh == nil && last != nil {
		s.snap.Remove(last, "")
	}
}

// confirmBelow evaluates the goal on nothing but what was read. What was not read comes from the
// watches: it only links pods to their Deployments.
func (s *step) confirmBelow(part Reading, objects []snapshot.Object) {
	read := s.readSnapshot(part, objects)
	_, verdict, _ := judge.Hold(s.memory, judge.Find(read, s.engine, *s.goal), s.now)
	s.feed(objects)
	switch {
	case verdict.Outcome == judge.Reached && part == ReadBelow:
		verdict.Findings.Evidence = append(verdict.Findings.Evidence, "confirmed by a consistent read of "+readKinds(read, s.goal.Root))
		s.end(verdict)
	case verdict.Outcome == judge.Failed && part == ReadTree:
		s.end(verdict)
	default:
		s.doubt()
	}
}

// feed takes in what was read, and that what was known when the read was asked for and is not in it
// has been deleted: a watch that is dead without anybody knowing never tells.
func (s *step) feed(objects []snapshot.Object) {
	there := map[types.UID]bool{}
	for _, o := range objects {
		there[o.GetUID()] = true
		if s.snap.Set(o) {
			s.story.saw(o)
		}
	}
	for _, o := range s.asked {
		if !there[o.GetUID()] && s.snap.Remove(o, "") {
			s.story.saw(o)
		}
	}
	s.asked = nil
}

// meetStrays takes in which of those that may only have lost their label are there. They are looked for again
// until they are gone.
func (s *step) meetStrays(named []snapshot.Object) {
	there := map[types.UID]bool{}
	for _, o := range named {
		if s.strays[o.GetUID()] && s.unwatched(o.GetUID()) {
			there[o.GetUID()] = true
			s.snap.Revive(o)
		}
	}
	for uid := range s.strays {
		if o := s.snap.Get(uid); o != nil && s.unwatched(uid) && !there[uid] {
			s.snap.Remove(o, "")
		}
	}
	if s.strays = there; len(there) > 0 {
		s.doubt()
	}
}

// unwatched reports whether no watch shows the object with that UID, at present.
func (s *step) unwatched(uid types.UID) bool {
	_, bare := s.snap.Get(uid).(*metav1.PartialObjectMetadata)
	return bare || s.snap.Gone(uid)
}

// ask asks for what is below the custom resource. After a deletion that includes what went without having
// been marked for it.
func (s *step) ask(part Reading) {
	s.reading, s.Read, s.asked = part, part, nil
	if part == ReadLeft {
		s.askNames()
	}
	for _, o := range s.snap.Below(s.goal.Root.UID) {
		if kind := snapshot.KindOf(o); slices.Contains(part.Kinds(), kind) && s.snap.Complete(kind) && !s.strays[o.GetUID()] {
			s.asked = append(s.asked, o)
		}
	}
}

// askNames asks for the names of all objects of those kinds of which something may have lost its label.
func (s *step) askNames() {
	sought := map[types.UID]bool{}
	for _, t := range s.snap.Ever(s.goal.Root.UID) {
		if t.Gone && !t.Marked || s.strays[t.UID] {
			sought[t.UID] = true
			if !slices.Contains(s.Names, t.Kind) {
				s.Names = append(s.Names, t.Kind)
			}
		}
	}
	s.strays = sought
}

// readPause is how long no confirming read follows one that disagreed, whatever is seen meanwhile: what changes many
// times a second would cost as many reads.
const readPause = 200 * time.Millisecond

// doubt puts the next confirming read off, each time for longer, unless something new is seen.
func (s *step) doubt() {
	s.soonest = s.now.Add(readPause)
	s.doubted = s.now.Add(doubtTime << min(s.doubts, 2))
	s.doubts++
}

// hurry lets the next confirming read be made as soon as it may be, since something new was seen.
func (s *step) hurry() {
	if s.doubted.After(s.soonest) {
		s.doubted = s.soonest
	}
}

// putOff reports whether the next confirming read is put off, and sees to it that it will be asked for.
func (s *step) putOff() bool {
	if !s.now.Before(s.doubted) {
		return false
	}
	if s.Wake.IsZero() || s.doubted.Before(s.Wake) {
		s.Wake = s.doubted
	}
	return true
}

func (s *step) readSnapshot(part Reading, objects []snapshot.Object) *snapshot.Snapshot {
	read := s.snap.Fresh()
	for _, o := range append([]snapshot.Object{s.fresh}, objects...) {
		read.Set(o)
		switch known := s.snap.Get(o.GetUID()); {
		case known != nil:
			read.Set(known) // the parts of a read may take so long that the watches overtake it
		case s.snap.Gone(o.GetUID()):
			read.Remove(o, "")
		}
	}
	for _, o := range s.snap.Below(s.goal.Root.UID) {
		if kind := snapshot.KindOf(o); !slices.Contains(part.Kinds(), kind) || !s.snap.Complete(kind) {
			read.Set(o)
		}
	}
	for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod} {
		read.SetComplete(kind, s.snap.Complete(kind))
	}
	if s.snap.Refused(snapshot.Event) {
		read.SetComplete(snapshot.Event, false)
	}
	for _, e := range s.snap.AllEvents() {
		read.Set(e)
	}
	return read
}

// Kinds returns the built-in kinds that belong to a part of the confirming read.
func (r Reading) Kinds() []snapshot.Kind {
	switch r {
	case ReadBelow:
		return []snapshot.Kind{snapshot.Deployment, snapshot.Pod}
	case ReadTree:
		return []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod}
	case ReadLeft:
		return []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service, snapshot.HPA, snapshot.PDB}
	case ReadNothing, ReadRoot:
	}
	return nil
}
