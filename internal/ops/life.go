package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Manner is how a command that waits goes about it.
type Manner struct {
	Limits Limits
	// FailFast ends the waiting when a failure is proven, not only at the limit.
	FailFast bool
	// RequireReady makes every condition of the operator's status a condition of available.
	RequireReady bool
	// Where is the first line: context, server, namespace.
	Where string
	// Simulated says that the pods are simulated.
	Simulated bool
}

// Limits are how long things may take.
type Limits struct {
	// Wait is the limit of each wait, the requests before it included; Cleanup that of the deletion
	// after a failed run; Total caps all of it, zero: nothing does.
	Wait, Cleanup, Total time.Duration
}

// life is a command's way with one custom resource: what it knows of it and what it has done to it.
type life struct {
	*session
	Manner

	object   *unstructured.Unstructured // the manifest's; of one that is only named, its name
	lines    Lines
	started  time.Time
	ref      snapshot.Ref               // of the object on the cluster; empty before it is known
	known    *unstructured.Unstructured // as it was first known: the answer to its creation, or first seen
	proven   *unstructured.Unstructured // the object when it was last proven to be as wanted
	noticed  int64                      // the foreign generation that was told
	steps    []string                   // what was reached, for the closing line
	deleted  bool                       // DELETE has been accepted
	recalled bool                       // the Events from before the watches were asked for
	unsure   bool                       // a DELETE was sent that got no answer
	gone     bool
}

// live begins a command on one custom resource and tells the first line. The function that is returned
// ends all that the command has going, which the returned context is for.
func live(ctx context.Context, d Deps, manner Manner, object *unstructured.Unstructured, lines Lines) (context.Context, *life, func()) {
	ctx, cancel := context.WithCancel(ctx)
	s := newSession(d, engine.Target{Identity: d.Engine.Identity(), Namespace: object.GetNamespace(), Name: object.GetName()})
	l := &life{session: s, Manner: manner, object: object, lines: lines, started: d.Now()}
	if manner.Limits.Total > 0 {
		s.deadline = l.started.Add(manner.Limits.Total)
	}
	l.tell(ctx, journal.Entry{Type: journal.Opening, Phase: journal.Connect, Text: manner.Where, Facts: journal.Facts{Source: l.source("metadata.name")}})
	return ctx, l, func() { cancel(); s.end() }
}

// once reports whether the command looks once instead of waiting.
func (l *life) once() bool { return l.Limits.Wait == 0 }

// lookLimit is how long looking once may take.
const lookLimit = 30 * time.Second

// patience is the limit of a wait, for all requests that it needs.
func (l *life) patience() time.Duration {
	if l.once() {
		return lookLimit
	}
	return l.Limits.Wait
}

// looked reports whether looking on would change nothing: what is lacking is known.
func (l *life) looked() bool { return !l.asking && len(l.state.Last(l.Now()).Lacks) > 0 }

// limit is what is left of the phase's time, as it is told; 0 where there is no waiting.
func (l *life) limit() time.Duration {
	if l.once() {
		return 0
	}
	return l.left().Round(time.Second)
}

// find reads the object and begins to watch it and what its spec implies. It returns nil where there is
// none.
func (l *life) find(ctx context.Context) (*unstructured.Unstructured, Reason) {
	l.phase(l.patience())
	objects, why, err := l.readRoot(ctx, l.left())
	switch {
	case why != "":
		return nil, l.cutOff(ctx, journal.Connect, why)
	case err != nil:
		return nil, l.refuse(ctx, journal.Connect, err)
	}
	var found *unstructured.Unstructured
	var implied engine.Implied
	for _, o := range objects {
		found, _ = o.(*unstructured.Unstructured)
	}
	if found != nil {
		l.know(found)
		l.learn(ctx, found)                  // shared watches may still show an older one
		implied, _ = l.Engine.Implied(found) // what cannot be read is judged later
	}
	l.watch(ctx, kindsOf(implied))
	late, reason := l.firstLists(ctx)
	switch {
	case late:
		return found, l.tooLate(ctx)
	case reason != Reached:
		return found, reason
	}
	return found, l.mayConfirm(ctx)
}

// absent refuses because the object is not there.
func (l *life) absent(ctx context.Context, phase journal.Phase) Reason {
	return l.refuse(ctx, phase, Absence(l.target.Identity, l.target.Namespace, l.target.Name))
}

// named stands for an object of which nothing but the name is known.
func named(id engine.Identity, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(id.GroupVersionKind())
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// Kinds are the built-in kinds that a session watches below an object whose spec implies something.
func Kinds(implied engine.Implied) []snapshot.Kind { return kindsOf(implied) }

// kindsOf are the kinds to watch below an object whose spec implies something.
func kindsOf(implied engine.Implied) []snapshot.Kind {
	kinds := []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service, snapshot.Event}
	if implied.WantsHPA {
		kinds = append(kinds, snapshot.HPA)
	}
	if implied.WantsPDB {
		kinds = append(kinds, snapshot.PDB)
	}
	return kinds
}

// learn takes in an object that a read has shown.
func (l *life) learn(ctx context.Context, o snapshot.Object) {
	l.step(ctx, journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o}}})
}

// know takes in which object on the cluster it is about.
func (l *life) know(o *unstructured.Unstructured) { l.known, l.ref = o, snapshot.RefTo(o) }

// uid returns the UID of the object on the cluster.
func (l *life) uid() types.UID { return l.ref.UID }

// pursue sets a goal and waits for its verdict, for what is left of the phase's time.
func (l *life) pursue(ctx context.Context, phase journal.Phase, goal judge.Goal, text string) Reason {
	if goal.Kind != judge.Gone {
		if why := l.recall(ctx, phase, goal.Root.UID); why != Reached {
			return why
		}
	}
	l.begin(ctx, journal.Began{Phase: phase, Goal: goal, Text: text, Limit: l.limit()})
	return l.awaitVerdict(ctx, phase)
}

// awaitVerdict waits for the verdict on the present goal.
func (l *life) awaitVerdict(ctx context.Context, phase journal.Phase) Reason {
	began := l.Now()
	how, why := l.await(ctx, l.left(), func() bool { return l.verdict != nil || l.once() && l.looked() })
	if how == done && l.verdict == nil {
		how = outOfTime
	}
	switch how {
	case interrupted:
		return l.cutOff(ctx, phase, why)
	case outOfTime:
		took := l.Now().Sub(l.since) // the limit counts from the phase's first request
		if !l.lookLast(ctx, phase) {
			return l.tellTimeout(ctx, phase, took)
		}
	case done:
	}
	switch l.verdict.Outcome {
	case judge.Reached:
		l.proven = l.state.Root(l.uid())
		l.steps = append(l.steps, fmt.Sprintf("%s in %s", phase, seconds(l.Now().Sub(began))))
		return Reached
	case judge.Lost:
		return Vanished
	case judge.Failed, judge.Waiting:
	}
	return Failed
}

// lastLook is how much longer than its limit a deletion is waited for, to read what is left.
const lastLook = 500 * time.Millisecond

// lookLast reads at the limit of a deletion what is said to be left, since a watch that is broken, or dead
// without anybody knowing, does not tell what has gone. It reports whether that gave the verdict.
func (l *life) lookLast(ctx context.Context, phase journal.Phase) bool {
	if goalOf(phase) != journal.Delete || l.once() || l.state.Blind(l.target.Kind()) {
		return false
	}
	l.step(ctx, journal.Expired{})
	l.await(ctx, lastLook, func() bool { return l.verdict != nil || !l.asking })
	return l.verdict != nil
}

// tellTimeout says at a limit what was still lacking and the cause as far as it is known.
func (l *life) tellTimeout(ctx context.Context, phase journal.Phase, took time.Duration) Reason {
	root := l.target.Kind()
	if l.state.Blind(root) {
		l.tell(ctx, journal.Entry{
			Type: journal.Failure, Phase: phase, Object: &l.ref, Reason: string(Unusable), Took: took,
			Text: "the API server could not be reached any more when the limit came; the last known state was not the goal",
		})
		return Unusable
	}
	last := l.state.Last(l.Now())
	e := journal.Entry{
		Type: journal.Failure, Phase: phase, Object: &l.ref, Reason: string(TimedOut), Took: took,
		Text: fmt.Sprintf("not %s after %s", goalOf(phase), seconds(took)),
	}
	if l.once() {
		e.Text = fmt.Sprintf("not %s at present", goalOf(phase))
	}
	e.Details, e.Log, e.Hint = lastKnown(last, l.state.LastWords)
	if goalOf(phase) == journal.Delete && len(last.Lacks) == 0 {
		e.Details = append(e.Details, "nothing is known to be left, but no read has proven it")
	}
	if err := l.state.Unread(); err != nil && len(last.Lacks) == 0 {
		e.Details = append(e.Details, "what the watches show could not be confirmed: "+err.Error())
	}
	left := slices.ContainsFunc(last.Lacks, func(lack judge.Lack) bool { return !lack.Unknown })
	if e.Hint == "" {
		e.Hint = fmt.Sprintf("kubectl get deployments,pods,events -n %s", l.target.Namespace)
	}
	l.tell(ctx, e)
	if root := l.state.Root(l.uid()); goalOf(phase) == journal.Delete && left && (l.deleted || root == nil || root.GetDeletionTimestamp() != nil) {
		return Leftover
	}
	return TimedOut
}

// lastKnown says what a verdict leaves open, the last words of the container of the gravest problem that has any,
// and what to do about the gravest that has a remedy.
func lastKnown(v judge.Verdict, lastWords func(judge.Problem) (lines, words []string)) (details, log []string, hint string) {
	for _, lack := range v.Lacks {
		details = append(details, lack.Text)
	}
	for _, p := range v.Problems {
		details = append(details, "cause, as far as known: "+p.Message)
		hint = cmp.Or(hint, p.Hint)
		if lines, words := lastWords(p.Problem); len(log) == 0 && len(lines) > 0 {
			log, details = lines, append(details, words...)
		}
	}
	return append(details, v.Findings.Serving...), log, hint
}

// silent is how long a request must have been waited for to blame the API server for its want of an answer.
const silent = time.Second

// cutOff says why a request or a wait has ended before its time: the limit came, for which the API server
// may be to blame, or the user wants to stop.
func (l *life) cutOff(ctx context.Context, phase journal.Phase, why Reason) Reason {
	if why != TimedOut {
		l.tell(ctx, journal.Entry{Type: journal.Failure, Phase: phase, Object: l.subject(), Reason: string(why), Text: "interrupted", Took: l.Now().Sub(l.since)})
		return why
	}
	refusal := &RefusalError{Reason: TimedOut, Text: "the limit came before the API server had answered"}
	if l.silence >= silent {
		refusal = &RefusalError{
			Reason: Unusable, Text: "the API server has not answered within " + seconds(l.silence),
			Hint: "check the server address of the kubeconfig, and that the cluster runs",
		}
	}
	return l.refuse(ctx, phase, refusal)
}

// written says whether a creation or change that has come to its end lets the command go on. What was written at
// the limit does: what is lacking is told then.
func (l *life) written(ctx context.Context, why Reason, err error) Reason {
	if why == "" || why == TimedOut && err == nil {
		return Reached
	}
	return l.cutOff(ctx, journal.Create, why)
}

// subject is the object on the cluster, nil before it is known.
func (l *life) subject() *snapshot.Ref {
	if l.known == nil {
		return nil
	}
	return &l.ref
}

// goalOf names what a phase waits for.
func goalOf(phase journal.Phase) journal.Phase {
	if phase == journal.Cleanup {
		return journal.Delete
	}
	return phase
}

// refuse tells why the operation cannot go on.
func (l *life) refuse(ctx context.Context, phase journal.Phase, err error) Reason {
	refusal := explain(err, l.object, l.target.Identity, l.lines)
	l.tell(ctx, journal.Entry{
		Type: journal.Failure, Phase: phase, Reason: string(refusal.Reason), Text: refusal.Text, Hint: refusal.Hint,
		Facts: journal.Facts{Source: l.source(firstField(refusal.Text))},
	})
	return refusal.Reason
}

// close says the last word.
func (l *life) close(ctx context.Context, reason Reason) {
	text := "not reached"
	if reason == Reached {
		text = "done"
	}
	if len(l.steps) > 0 {
		text += ": " + strings.Join(l.steps, ", ")
	}
	if l.Simulated {
		text += " (on the embedded cluster: the pods were simulated)"
	}
	text += fmt.Sprintf("; %s; exit %d", l.Asked(), reason.Code())
	l.tell(ctx, journal.Entry{Type: journal.Closing, Reason: string(reason), Text: text, Took: l.Now().Sub(l.started), Facts: journal.Facts{
		End: &journal.End{Exit: reason.Code(), Requests: l.Requests(), Simulated: l.Simulated},
	}})
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// sendCreate sends an object that does not exist yet.
func (l *life) sendCreate(ctx context.Context, object *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, Reason, error) {
	return beside(ctx, l.session, l.left(), func(ctx context.Context) (engine.Answer, error) {
		return l.Cluster.Create(ctx, l.target.Identity.Resource, object, how)
	})
}

// sendPatch sends a change of exactly the object that it was worked out from.
func (l *life) sendPatch(
	ctx context.Context, before *unstructured.Unstructured, edit []engine.PatchOp, how engine.WriteOptions,
) (engine.Answer, Reason, error) {
	ops := append([]engine.PatchOp{{Op: "replace", Path: "/metadata/resourceVersion", Value: before.GetResourceVersion()}}, edit...)
	return beside(ctx, l.session, l.left(), func(ctx context.Context) (engine.Answer, error) {
		return l.Cluster.Patch(ctx, l.target.Identity.Resource, l.target.Namespace, l.target.Name, ops, how)
	})
}

// source is the place of a field in the manifest, empty where there is none.
func (l *life) source(path string) string {
	if path == "" || l.lines == nil {
		return ""
	}
	where, _ := l.lines(path)
	return where
}

// tellWarnings tells what the API server warned about.
func (l *life) tellWarnings(ctx context.Context, phase journal.Phase, answer engine.Answer) {
	for _, warning := range answer.Warnings {
		l.tell(ctx, journal.Entry{Type: journal.Warning, Phase: phase, Object: &l.ref, Reason: "ServerWarning", Text: place(warning, l.lines), Facts: journal.Facts{
			Source: l.source(firstField(warning)),
		}})
	}
}
