package journal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// story is what has been told already, so that nothing is told twice.
type story struct {
	counts   map[types.UID]int32 // events told, with the count they had
	pending  []types.UID         // events whose object is not known to be ours yet, oldest first
	involved map[types.UID]*corev1.Event
	numbers  map[types.UID]string
	pods     map[types.UID]PodLife      // as they were told
	moved    map[types.UID]snapshot.Ref // pods of which something is new
	state    string
	problems map[string]judge.Held
	cause    *judge.Held // of a failure that is to be confirmed
	blockers string      // what was left when it was last told
	stuck    time.Time   // since when nothing more has gone
}

func newStory() story {
	return story{
		counts: map[types.UID]int32{}, involved: map[types.UID]*corev1.Event{},
		numbers: map[types.UID]string{}, problems: map[string]judge.Held{},
		pods: map[types.UID]PodLife{}, moved: map[types.UID]snapshot.Ref{},
	}
}

// pendingLimit bounds how many events about unknown objects are kept; in a busy namespace most of
// them are somebody else's.
const pendingLimit = 1000

func (t *story) saw(o snapshot.Object) {
	if pod, ok := o.(*corev1.Pod); ok {
		t.moved[pod.UID] = snapshot.RefTo(pod)
	}
	e, ok := o.(*corev1.Event)
	if !ok {
		return
	}
	if about := e.InvolvedObject; about.Kind == string(snapshot.Pod) {
		t.moved[about.UID] = refTo(about)
	}
	t.involved[e.UID] = e
	if i := slices.Index(t.pending, e.UID); i >= 0 { // it has happened again: in order, it comes after what happened meanwhile
		t.pending = slices.Delete(t.pending, i, i+1)
	}
	t.pending = append(t.pending, e.UID)
	if len(t.pending) > pendingLimit {
		delete(t.involved, t.pending[0])
		t.pending = t.pending[1:]
	}
}

func (t *story) forgetProblems() { t.problems, t.cause = map[string]judge.Held{}, nil }

// tellEvents tells the events whose object has turned out to be in the tree. An event is told when
// first seen and again only when its count has grown tenfold.
func (s *step) tellEvents() {
	if s.goal == nil || s.goal.Root.UID == "" || len(s.story.pending) == 0 {
		return
	}
	var waiting []types.UID
	for _, id := range s.story.pending {
		e := s.story.involved[id]
		if !s.snap.Within(s.goal.Root.UID, e.InvolvedObject.UID) {
			waiting = append(waiting, id)
			continue
		}
		delete(s.story.involved, id)
		s.tellEvent(e)
	}
	s.story.pending = waiting
}

func (s *step) tellEvent(e *corev1.Event) {
	if part, noisy := s.engine.Identity().Noisy[e.Reason]; noisy && strings.Contains(e.Message, part) {
		return
	}
	count := snapshot.EventCount(e)
	if told := s.story.counts[e.UID]; told > 0 && count < 10*told {
		return
	}
	s.story.counts[e.UID] = count
	kind := Event
	if e.Type == corev1.EventTypeWarning {
		kind = Alarm
	}
	about := e.InvolvedObject
	s.tell(Entry{
		Type: kind, Reason: e.Reason, Text: e.Message, Count: count,
		Object: new(refTo(about)),
	})
}

func refTo(o corev1.ObjectReference) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.Kind(o.Kind), Namespace: o.Namespace, Name: o.Name, UID: o.UID}
}

// tellPods tells where the pods are in their lives of which something is new.
func (s *step) tellPods() {
	if s.goal == nil || s.goal.Root.UID == "" {
		return
	}
	for _, uid := range slices.Sorted(maps.Keys(s.story.moved)) {
		ref := s.story.moved[uid]
		if !s.snap.Within(s.goal.Root.UID, uid) {
			if len(s.story.moved) > pendingLimit {
				delete(s.story.moved, uid) // most likely somebody else's
			}
			continue
		}
		delete(s.story.moved, uid)
		life := s.lifeOf(uid)
		if life.State == "" || life == s.story.pods[uid] {
			continue
		}
		s.story.pods[uid] = life
		text := string(life.State)
		if life.Why != "" {
			text += ": " + life.Why
		}
		s.tell(Entry{Type: PodChange, Object: &ref, Text: text, Facts: Facts{Pod: &life}})
	}
}

// lifeOf returns where a pod is in its life; what is known of it stays known when it is gone.
func (s *step) lifeOf(uid types.UID) PodLife {
	pod, ok := s.snap.Get(uid).(*corev1.Pod)
	if !ok {
		if !s.snap.Gone(uid) {
			return PodLife{} // only its Events were seen
		}
		life := s.story.pods[uid]
		life.State, life.Why = judge.PodGone, ""
		return life
	}
	life := PodLife{Node: pod.Spec.NodeName}
	life.State, life.Why = judge.StateOf(s.snap, pod)
	for _, c := range pod.Status.ContainerStatuses {
		life.Restarts += c.RestartCount
	}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		if set := s.snap.Get(owner.UID); set != nil {
			if owner = metav1.GetControllerOfNoCopy(set); owner != nil {
				life.Deployment = owner.Name
			}
		}
	}
	return life
}

// tellProgress tells what of the verdict is new: numbers, the operator's state, problems that have
// come and gone, and what blocks a deletion.
func (s *step) tellProgress(v judge.Verdict) {
	for _, c := range v.Findings.Counts {
		text := countText(c)
		if s.story.numbers[c.Deployment.UID] == text {
			continue
		}
		s.story.numbers[c.Deployment.UID] = text
		s.tell(Entry{Type: Progress, Object: &c.Deployment, Text: text, Facts: Facts{Replicas: &Replicas{
			Wanted: c.Wanted, Ready: c.Ready, Total: c.Total, Terminating: c.Terminating,
		}}})
	}
	s.tellState()
	s.tellProblems(v)
	s.tellBlockers(v)
}

func countText(c judge.Count) string {
	text := fmt.Sprintf("%d of %d ready", c.Ready, c.Wanted)
	if c.Total > c.Wanted {
		text += fmt.Sprintf(", %d too many", c.Total-c.Wanted)
	}
	if c.Terminating > 0 {
		text += fmt.Sprintf(", %d terminating", c.Terminating)
	}
	return text
}

func (s *step) tellState() {
	root := s.Root(s.goal.Root.UID)
	if root == nil || s.goal.Kind == judge.Gone {
		return
	}
	status := s.engine.Status(root)
	text := strings.TrimSpace(string(status.State) + " " + status.Description)
	if text == "" || text == s.story.state {
		return
	}
	s.story.state = text
	s.tell(Entry{Type: Progress, Object: &s.goal.Root, Text: "the operator reports " + text})
}

// tellProblems tells what has come and what has passed. The cause of a failure is told with that; where it had passed
// when it was to be confirmed, as what somebody does again and again and the operator takes back, it is told here.
func (s *step) tellProblems(v judge.Verdict) {
	if cause := s.story.cause; cause != nil && v.Outcome == judge.Waiting {
		s.tellProblem(*cause)
	}
	s.story.cause = v.Cause
	for _, p := range v.Problems {
		if p.Late {
			s.wantLog(p.Problem)
		}
		if p.Tell(s.now) && (v.Outcome != judge.Failed || p.Key != v.Cause.Key) {
			s.tellProblem(p)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.story.problems)) {
		if v.Remembered[key] || v.Outcome != judge.Waiting {
			continue
		}
		old := s.story.problems[key]
		delete(s.story.problems, key)
		s.tell(Entry{Type: Healed, Reason: string(old.Class), Text: "passed: " + old.Message, Object: lastRef(old.Chain), Facts: Facts{Problem: problemOf(old)}})
	}
}

// tellProblem tells a problem once, and again when it turns out that it may end the waiting, or that it may not.
func (s *step) tellProblem(p judge.Held) {
	s.wantLog(p.Problem)
	if told, known := s.story.problems[p.Key]; known && told.Tolerance() < 0 == (p.Tolerance() < 0) {
		return
	}
	s.story.problems[p.Key] = p
	text := p.Message
	switch t := p.Tolerance(); {
	case t < 0:
	case !p.After.IsZero():
		text += fmt.Sprintf(" (a failure if it lasts until %s: what has begun since may become ready)", p.After.UTC().Format(time.RFC3339))
	default:
		text += fmt.Sprintf(" (a failure if it lasts %s)", t)
	}
	s.tell(Entry{Type: Suspicion, Reason: string(p.Class), Text: text, Object: lastRef(p.Chain), Hint: p.Hint, Facts: Facts{Problem: problemOf(p)}})
}

// tellBlockers tells during a deletion what is left, by kind and number, whenever that changes.
func (s *step) tellBlockers(v judge.Verdict) {
	if s.goal.Kind != judge.Gone || len(v.Lacks) == 0 {
		return
	}
	counts := map[string]int{}
	for _, lack := range v.Lacks {
		counts[string(lack.Kind)]++
	}
	root := string(s.goal.Root.Kind)
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if kind != root {
			parts = append(parts, judge.Plural(counts[kind], kind))
		}
	}
	if counts[root] > 0 {
		parts = append(parts, "the "+root+" itself")
	}
	text := "left: " + strings.Join(parts, ", ")
	if text == s.story.blockers {
		return
	}
	s.story.blockers, s.story.stuck = text, s.now
	s.tell(Entry{Type: Progress, Object: &s.goal.Root, Text: text})
}

// stuckTime is how long a deletion may stand still before it is told what holds it, and then again.
const stuckTime = 10 * time.Second

// tellStuck tells what holds a deletion on which nothing has moved for a while.
func (s *step) tellStuck(v judge.Verdict) {
	if s.goal.Kind != judge.Gone || len(v.Lacks) == 0 {
		return
	}
	due := s.story.stuck.Add(stuckTime)
	if s.now.Before(due) {
		s.Wake = sooner(s.Wake, due)
		return
	}
	s.story.stuck = s.now
	s.Wake = sooner(s.Wake, s.now.Add(stuckTime))
	e := Entry{Type: Progress, Object: &s.goal.Root, Text: "nothing more has gone for a while; still there:"}
	for _, lack := range v.Lacks {
		e.Details = append(e.Details, lack.Text)
	}
	s.tell(e)
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// claimText is the sentence of a success.
func claimText(g judge.Goal, v judge.Verdict) string {
	switch g.Kind {
	case judge.Gone:
		return "gone" + strings.TrimPrefix(strings.Join(v.Findings.Evidence, "; "), "deleted")
	case judge.Scaled:
		return "scaled: " + countsText(v.Findings.Counts)
	case judge.Available:
		return "available: " + countsText(v.Findings.Counts)
	}
	return string(g.Kind)
}

func countsText(counts []judge.Count) string {
	parts := make([]string, 0, len(counts))
	for _, c := range counts {
		parts = append(parts, fmt.Sprintf("%d of %d ready on %s", c.Ready, c.Wanted, c.Deployment.Name))
	}
	return strings.Join(parts, ", ")
}

func chainTexts(chain []judge.Link) []string {
	texts := make([]string, 0, len(chain))
	for _, link := range chain {
		texts = append(texts, link.String())
	}
	return texts
}

func readKinds(read *snapshot.Snapshot, root snapshot.Ref) string {
	kinds := []string{"the " + string(root.Kind)}
	for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.Pod} {
		if read.Complete(kind) {
			kinds = append(kinds, "its "+string(kind)+"s")
		}
	}
	return strings.Join(kinds, ", ")
}

// ForeignChange is the sentence for a change of the spec that was not ours.
func ForeignChange(root *unstructured.Unstructured) string {
	return "somebody else changed the spec" + writerOf(root) + "; it is generation " + strconv.FormatInt(root.GetGeneration(), 10) + " now"
}

// SpecChange is the sentence for a change of a spec that is for others to change.
func SpecChange(root *unstructured.Unstructured) string {
	return "the spec was changed" + writerOf(root) + "; it is generation " + strconv.FormatInt(root.GetGeneration(), 10) + " now"
}

// writerOf names the manager that wrote the spec last, where managedFields tell.
func writerOf(root *unstructured.Unstructured) string {
	name := ""
	var last int64
	for _, f := range root.GetManagedFields() {
		if f.Subresource == "" && f.Time != nil && f.Time.Unix() >= last {
			name, last = f.Manager, f.Time.Unix()
		}
	}
	if name == "" {
		return ""
	}
	return " (" + strconv.Quote(name) + ")"
}

func lastRef(chain []judge.Link) *snapshot.Ref {
	if len(chain) == 0 {
		return nil
	}
	ref := chain[len(chain)-1].Ref
	return &ref
}

func errText(err error) string {
	if err == nil {
		return "no reason given"
	}
	return err.Error()
}
