package ops

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// RunLabel is the label that run puts on what it creates; its value is the run's ID.
const RunLabel = "seldonctl/run"

// RunRequest asks for a rehearsal of one custom resource.
type RunRequest struct {
	// Object is the manifest's object with its namespace set; Lines finds its fields in the file.
	Object *unstructured.Unstructured
	Lines  Lines
	// ID marks what this run creates.
	ID string
	// Replicas is the number to scale to.
	Replicas int32
	Limits   Limits
	Keep     Keep
	// FailFast ends the waiting when a failure is proven, not only at the limit.
	FailFast bool
	// RefuseAutoscaled makes autoscaled parts a conflict instead of leaving them out.
	RefuseAutoscaled bool
	// RequireReady makes every condition of the operator's status a condition of available.
	RequireReady bool
	// Where is the first line: context, server, namespace.
	Where string
	// Simulated says that the pods are simulated.
	Simulated bool
}

// Limits are how long things may take.
type Limits struct {
	// Wait is the limit of each of the three waits, the requests before it included; Cleanup that of
	// the deletion after a failure; Total caps all of it, zero: nothing does.
	Wait, Cleanup, Total time.Duration
}

// Keep says when a run leaves behind what it created.
type Keep string

// The values of Keep.
const (
	KeepNever   Keep = "never"
	KeepFailure Keep = "failure"
	KeepAlways  Keep = "always"
)

// run is one rehearsal under way.
type run struct {
	*session
	RunRequest
	started time.Time
	ref     snapshot.Ref               // of what was created
	created *unstructured.Unstructured // the answer to the creation; nil before it
	proven  *unstructured.Unstructured // the object when it was last proven to be as wanted
	noticed int64                      // the foreign generation that was told
	steps   []string                   // what was reached, for the closing line
	deleted bool                       // DELETE has been accepted
	gone    bool
}

// Run creates the object, waits until it is available, scales it and waits, deletes it and waits
// until nothing is left. What it created it removes on every way out, unless told to keep it.
func Run(ctx context.Context, d Deps, req RunRequest) Reason {
	target := engine.Target{
		Identity: d.Engine.Identity(), Namespace: req.Object.GetNamespace(), Name: req.Object.GetName(),
		Kinds: []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service, snapshot.Event},
	}
	implied, err := d.Engine.Implied(req.Object)
	if implied.WantsHPA {
		target.Kinds = append(target.Kinds, snapshot.HPA)
	}
	if implied.WantsPDB {
		target.Kinds = append(target.Kinds, snapshot.PDB)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, closeWatches := open(ctx, d, target)
	defer closeWatches()
	defer cancel()
	r := &run{session: s, RunRequest: req, started: d.Now()}
	if req.Limits.Total > 0 {
		s.deadline = r.started.Add(req.Limits.Total)
	}
	r.tell(ctx, journal.Entry{Type: journal.Opening, Phase: journal.Connect, Text: req.Where})
	reason := r.rehearse(ctx, implied, err)
	reason = r.cleanUp(ctx, reason)
	r.close(ctx, reason)
	return reason
}

// rehearse takes the phases in order until one is not reached.
func (r *run) rehearse(ctx context.Context, implied engine.Implied, impliedErr error) Reason {
	if impliedErr != nil {
		return r.refuse(ctx, journal.Connect, &RefusalError{Reason: Invalid, Text: place(impliedErr.Error(), r.Lines), Err: impliedErr})
	}
	r.phase(r.Limits.Wait)
	for _, phase := range []func(context.Context) Reason{
		func(ctx context.Context) Reason { return r.inspect(ctx, implied) },
		r.create, r.awaitAvailable, r.scale, r.remove,
	} {
		if reason := phase(ctx); reason != Reached {
			return reason
		}
	}
	return Reached
}

// create creates the object and tells what the API server warned about.
func (r *run) create(ctx context.Context) Reason {
	object := prepared(r.Object, r.target.Identity, r.ID)
	answer, why, err := beside(ctx, r.session, r.left(), func(ctx context.Context) (engine.Answer, error) {
		return r.Cluster.Create(ctx, r.target.Identity.Resource, object)
	})
	if err != nil && ambiguous(err) {
		answer.Object, err = r.findOurs(ctx, err)
	}
	if err != nil && why == "" {
		return r.refuse(ctx, journal.Create, err)
	}
	if err != nil {
		return why
	}
	r.created, r.ref = answer.Object, snapshot.RefTo(answer.Object)
	r.tell(ctx, journal.Entry{
		Type: journal.Note, Phase: journal.Create, Object: &r.ref, Reason: "Created",
		Text: fmt.Sprintf("created, labelled %s=%s", RunLabel, r.ID),
	})
	for _, warning := range answer.Warnings {
		r.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Create, Object: &r.ref, Reason: "ServerWarning", Text: place(warning, r.Lines)})
	}
	if why != "" {
		return why
	}
	return Reached
}

// findOurs resolves a creation whose outcome is not known: it reads, and takes the object for ours
// only if it carries this run's label. It never creates again. Where it cannot tell, it says how to
// look and remove.
func (r *run) findOurs(ctx context.Context, lost error) (*unstructured.Unstructured, error) {
	objects, _, err := r.readRoot(ctx, lostAnswerLimit)
	for _, o := range objects {
		if root, ok := o.(*unstructured.Unstructured); ok && root.GetLabels()[RunLabel] == r.ID {
			return root, nil
		}
	}
	text := "whether it was created is not certain: its answer was lost and a read does not show it"
	if err != nil {
		text = "whether it was created is not known: its answer was lost and it cannot be read: " + err.Error()
	}
	r.tell(ctx, journal.Entry{Type: journal.Warning, Phase: journal.Create, Reason: string(Leftover), Text: text, Hint: r.cleanupCommand()})
	return nil, lost
}

// lostAnswerLimit bounds the reading that looks for what a lost answer was about.
const lostAnswerLimit = 10 * time.Second

func (r *run) awaitAvailable(ctx context.Context) Reason {
	return r.pursue(ctx, journal.Wait, judge.Goal{
		Kind: judge.Available, Root: r.ref, Baseline: r.created, Created: true,
		Patient: !r.FailFast, RequireReady: r.RequireReady,
	}, "waiting until it is available")
}

// remove deletes the object in the foreground and waits until nothing is left.
func (r *run) remove(ctx context.Context) Reason {
	if r.Keep == KeepAlways {
		r.tell(ctx, journal.Entry{Type: journal.Skipped, Phase: journal.Delete, Object: &r.ref, Text: "kept; to remove it: " + r.cleanupCommand()})
		return Reached
	}
	return r.delete(ctx, journal.Delete, r.Limits.Wait)
}

// pursue sets a goal and waits for its verdict, for what is left of the phase's time.
func (r *run) pursue(ctx context.Context, phase journal.Phase, goal judge.Goal, text string) Reason {
	r.begin(ctx, journal.Began{Phase: phase, Goal: goal, Text: text, Limit: r.left().Round(time.Second)})
	return r.awaitVerdict(ctx, phase)
}

// awaitVerdict waits for the verdict on the present goal.
func (r *run) awaitVerdict(ctx context.Context, phase journal.Phase) Reason {
	began := r.Now()
	how, why := r.await(ctx, r.left(), func() bool { return r.verdict != nil })
	switch how {
	case interrupted:
		r.tell(ctx, journal.Entry{Type: journal.Failure, Object: &r.ref, Reason: string(why), Text: "interrupted", Took: r.Now().Sub(began)})
		return why
	case outOfTime:
		return r.tellTimeout(ctx, phase, r.Now().Sub(r.since)) // the limit counts from the phase's first request
	case done:
	}
	switch r.verdict.Outcome {
	case judge.Reached:
		r.proven = r.state.Root(r.uid())
		r.steps = append(r.steps, fmt.Sprintf("%s in %s", phase, seconds(r.Now().Sub(began))))
		return Reached
	case judge.Lost:
		return Vanished
	case judge.Failed, judge.Waiting:
	}
	return Failed
}

// tellTimeout says at a limit what was still lacking and the cause as far as it is known.
func (r *run) tellTimeout(ctx context.Context, phase journal.Phase, took time.Duration) Reason {
	root := r.target.Kind()
	if r.state.Blind(root) {
		r.tell(ctx, journal.Entry{
			Type: journal.Failure, Phase: phase, Object: &r.ref, Reason: string(Unusable), Took: took,
			Text: "the API server could not be reached any more when the limit came; the last known state was not the goal",
		})
		return Unusable
	}
	last := r.state.Last(r.Now())
	e := journal.Entry{
		Type: journal.Failure, Phase: phase, Object: &r.ref, Reason: string(TimedOut), Took: took,
		Text: fmt.Sprintf("not %s after %s", goalOf(phase), seconds(took)),
	}
	for _, lack := range last.Lacks {
		e.Details = append(e.Details, lack.Text)
	}
	for _, p := range last.Problems {
		e.Details = append(e.Details, "cause, as far as known: "+p.Message)
		e.Hint = p.Hint
	}
	e.Details = append(e.Details, last.Findings.Serving...)
	if e.Hint == "" {
		e.Hint = fmt.Sprintf("kubectl get deployments,pods,events -n %s", r.target.Namespace)
	}
	r.tell(ctx, e)
	if phase == journal.Delete || phase == journal.Cleanup {
		return Leftover
	}
	return TimedOut
}

// goalOf names what a phase waits for.
func goalOf(phase journal.Phase) journal.Phase {
	if phase == journal.Cleanup {
		return journal.Delete
	}
	return phase
}

// refuse tells why the operation cannot go on.
func (r *run) refuse(ctx context.Context, phase journal.Phase, err error) Reason {
	refusal := explain(err, r.Object, r.target.Identity, r.Lines)
	r.tell(ctx, journal.Entry{Type: journal.Failure, Phase: phase, Reason: string(refusal.Reason), Text: refusal.Text, Hint: refusal.Hint})
	return refusal.Reason
}

// close says the last word.
func (r *run) close(ctx context.Context, reason Reason) {
	text := "not reached"
	if reason == Reached {
		text = "done"
	}
	if len(r.steps) > 0 {
		text += ": " + strings.Join(r.steps, ", ")
	}
	if r.Simulated {
		text += " (on the embedded cluster: the pods were simulated)"
	}
	text += fmt.Sprintf("; %d API requests; exit %d", r.Requests(), reason.Code())
	r.tell(ctx, journal.Entry{Type: journal.Closing, Reason: string(reason), Text: text, Took: r.Now().Sub(r.started)})
}

func (r *run) cleanupCommand() string {
	return fmt.Sprintf("kubectl delete %s -n %s -l %s=%s --cascade=foreground", strings.ToLower(r.target.Identity.Kind), r.target.Namespace, RunLabel, r.ID)
}

// prepared returns the object as it is sent: labelled, in the version that the tool works in, and
// without what only the API server sets, so that an exported object can be used as a manifest.
func prepared(o *unstructured.Unstructured, id engine.Identity, run string) *unstructured.Unstructured {
	object := o.DeepCopy()
	object.SetGroupVersionKind(id.GroupVersionKind())
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	delete(object.Object, "status")
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[RunLabel] = run
	object.SetLabels(labels)
	return object
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// uid returns the UID of what was created.
func (r *run) uid() types.UID { return r.ref.UID }
