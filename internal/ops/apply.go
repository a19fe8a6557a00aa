package ops

import (
	"context"
	"fmt"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/ops/owner"
)

// ApplyRequest asks to bring one custom resource to what a manifest says.
type ApplyRequest struct {
	// Object is the manifest's object with its namespace set; Lines finds its fields in the file.
	Object *unstructured.Unstructured
	Lines  Lines
	// Lenient drops unknown fields with a warning instead of refusing them.
	Lenient bool
	// ForceConflicts replaces what another manager has written last.
	ForceConflicts bool
	// DryRun only asks the API server what would change.
	DryRun bool
	Manner
}

// apply is one application under way.
type apply struct {
	*life
	req    ApplyRequest
	former *unstructured.Unstructured // as it was read before a conflict or a lost answer, where its spec was another one; nil: it never was
}

// Apply creates the object, or replaces its spec and merges its labels and annotations, and waits until
// it is available.
func Apply(ctx context.Context, d Deps, req ApplyRequest) Reason {
	ctx, l, end := live(ctx, d, req.Manner, req.Object, req.Lines)
	defer end()
	a := &apply{life: l, req: req}
	reason := a.apply(ctx)
	a.close(ctx, reason)
	return reason
}

func (a *apply) apply(ctx context.Context) Reason {
	implied, err := a.Engine.Implied(a.object)
	if err != nil {
		return a.refuse(ctx, journal.Connect, &RefusalError{Reason: Invalid, Text: place(err.Error(), a.lines), Err: err})
	}
	before, reason := a.find(ctx)
	if reason != Reached {
		return reason
	}
	if before, reason = a.refuseTakenNow(ctx, implied, before); reason != Reached {
		return reason
	}
	failed := false // the last write, on the way
	for tries := 0; tries < conflictTries; {
		var after *unstructured.Unstructured
		var err error
		if before == nil {
			after, reason, err = a.create(ctx)
		} else {
			after, reason, err = a.update(ctx, before)
		}
		switch {
		case reason != Reached:
			return reason
		case err == nil && a.req.DryRun:
			a.steps = append(a.steps, "nothing was written")
			return Reached
		case err == nil:
			return a.awaitAvailable(ctx, before, after)
		case ambiguous(err) && failed:
			reason = a.pause(ctx, journal.Create, err)
		case ambiguous(err):
			failed = true
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !noSuchObject(err, a.target.Name):
			return a.refuse(ctx, journal.Create, err)
		default:
			tries++
		}
		if reason != Reached {
			return reason
		}
		if before, reason = a.lookAgain(ctx, before); reason != Reached {
			return reason
		}
	}
	return a.refuse(ctx, journal.Create, &RefusalError{
		Reason: Conflict, Text: fmt.Sprintf("%s changed %d times while it was to be written; somebody else keeps writing it", a.ref, conflictTries),
	})
}

// refuseTakenNow looks who has the names that the manifest implies. It returns the object as it was read last: whoever has
// them may be the object itself, made since it was looked for.
func (a *apply) refuseTakenNow(ctx context.Context, implied engine.Implied, before *unstructured.Unstructured) (*unstructured.Unstructured, Reason) {
	found, why, _ := beside(ctx, a.session, a.left(), func(ctx context.Context) (names, error) { return a.list(ctx), nil })
	if why != "" {
		return before, a.cutOff(ctx, journal.Connect, why)
	}
	if reason := a.checkNames(ctx, found); reason != Reached {
		return before, reason
	}
	if Taken(implied, found.deployments, found.services, a.known) != nil {
		var reason Reason
		if before, reason = a.lookAgain(ctx, before); reason != Reached {
			return before, reason
		}
	}
	return before, a.refuseTaken(ctx, implied, found)
}

// create creates the object.
func (a *apply) create(ctx context.Context) (*unstructured.Unstructured, Reason, error) {
	answer, why, err := a.sendCreate(ctx, prepared(a.object, a.target.Identity), a.how())
	if err != nil {
		return nil, a.written(ctx, why, err), err
	}
	a.know(answer.Object)
	a.tellWarnings(ctx, journal.Create, answer)
	a.tell(ctx, journal.Entry{Type: journal.Note, Phase: journal.Create, Object: &a.ref, Reason: "Created", Text: a.would("created", "would be created")})
	return answer.Object, a.written(ctx, why, nil), nil
}

// update replaces the spec and merges labels and annotations. What the API server makes of it tells
// whether anything has changed.
func (a *apply) update(ctx context.Context, before *unstructured.Unstructured) (*unstructured.Unstructured, Reason, error) {
	if before.GetDeletionTimestamp() != nil {
		return nil, a.refuse(ctx, journal.Create, &RefusalError{
			Reason: Conflict, Text: a.ref.String() + " is being deleted",
			Hint: fmt.Sprintf("seldonctl wait %s -n %s --for=deleted, and then apply again", a.target.Name, a.target.Namespace),
		}), nil
	}
	a.warnOfKeepers(ctx, journal.Create)
	edit := changesOf(before, a.object)
	how := a.how()
	if len(owner.Of(before)) > 0 && !a.req.ForceConflicts && !how.DryRun {
		if reason, err := a.refuseOverwriting(ctx, before, edit); reason != Reached || err != nil {
			return nil, reason, err
		}
	}
	answer, why, err := a.sendPatch(ctx, before, edit, how)
	if err != nil {
		return nil, a.written(ctx, why, err), err
	}
	a.tellWarnings(ctx, journal.Create, answer)
	if how.DryRun && !a.req.ForceConflicts {
		a.warnOfOverwriting(ctx, before, answer.Object)
	}
	a.tellChange(ctx, before, answer.Object)
	return answer.Object, a.written(ctx, why, nil), nil
}

// refuseOverwriting asks the API server whether anything would change of what another manager wrote.
func (a *apply) refuseOverwriting(ctx context.Context, before *unstructured.Unstructured, edit []engine.PatchOp) (Reason, error) {
	how := a.how()
	how.DryRun = true
	answer, why, err := a.sendPatch(ctx, before, edit, how)
	if why != "" { // nothing was written
		return a.cutOff(ctx, journal.Create, why), err
	}
	if err != nil {
		return Reached, err
	}
	foreign := owner.Overwritten(before, answer.Object)
	if len(foreign) == 0 {
		return Reached, nil
	}
	return a.refuse(ctx, journal.Create, &RefusalError{
		Reason: Conflict, Text: fmt.Sprintf("%s: %s, and this would change it; nothing was written", a.ref, worded(foreign)),
		Hint: "agree with whoever runs it, or overwrite it with --force-conflicts",
	}), nil
}

// warnOfOverwriting says of a dry run what the real one would be refused for.
func (a *apply) warnOfOverwriting(ctx context.Context, before, after *unstructured.Unstructured) {
	for _, f := range owner.Overwritten(before, after) {
		a.tell(ctx, journal.Entry{
			Type: journal.Warning, Phase: journal.Create, Object: &a.ref, Reason: "Foreign",
			Text: f.String() + ": apply refuses to change it without --force-conflicts",
		})
	}
}

func worded(foreign []owner.Foreign) string {
	texts := make([]string, 0, len(foreign))
	for _, f := range foreign {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, " and ")
}

func (a *apply) how() engine.WriteOptions {
	return engine.WriteOptions{Strict: !a.req.Lenient, DryRun: a.req.DryRun}
}

// would chooses the words for what a dry run only tries.
func (a *apply) would(did, would string) string {
	if a.req.DryRun {
		return would
	}
	return did
}

// tellChange tells what became of an update: which replicas and images change by it, or that nothing does.
func (a *apply) tellChange(ctx context.Context, before, after *unstructured.Unstructured) {
	if !a.req.DryRun {
		before = a.lastUnlike(before, after)
	}
	e := journal.Entry{Type: journal.Note, Phase: journal.Create, Object: &a.ref, Reason: "Changed", Text: a.would("changed", "would be changed")}
	switch {
	case after.GetGeneration() != before.GetGeneration():
		e.Text += fmt.Sprintf(": generation %d follows on %d", after.GetGeneration(), before.GetGeneration())
		e.Details = judge.Rewritten(a.Engine, before, after)
	case after.GetResourceVersion() != before.GetResourceVersion() && !a.req.DryRun:
		e.Text += ": labels or annotations, not the spec"
	case !a.req.DryRun:
		e.Reason, e.Text = "Unchanged", "unchanged: it is as the manifest says already"
	default:
		e.Reason, e.Text = "Unchanged", "the spec would not be changed"
	}
	a.tell(ctx, e)
}

// lookAgain reads the object after a conflict or a lost answer: it may have been written, created or
// deleted meanwhile.
func (a *apply) lookAgain(ctx context.Context, before *unstructured.Unstructured) (*unstructured.Unstructured, Reason) {
	objects, why, err := a.readRoot(ctx, a.left())
	switch {
	case why != "":
		return nil, a.cutOff(ctx, journal.Create, why)
	case err != nil:
		return nil, a.refuse(ctx, journal.Create, err)
	}
	for _, o := range objects {
		if root, ok := o.(*unstructured.Unstructured); ok {
			a.learn(ctx, root)
			a.know(root)
			if before != nil && before.GetGeneration() != root.GetGeneration() {
				a.former = before
			}
			return root, Reached
		}
	}
	return nil, Reached
}

func (a *apply) awaitAvailable(ctx context.Context, before, after *unstructured.Unstructured) Reason {
	goal := judge.Goal{
		Kind: judge.Available, Root: a.ref, Baseline: after, Created: before == nil, Before: a.lastUnlike(before, after), Doubtful: before != nil,
		Patient: !a.FailFast, RequireReady: a.RequireReady,
	}
	return a.pursue(ctx, journal.Wait, goal, "waiting until it is available")
}

// lastUnlike returns the object as it was last read with another spec than it has after the write, where it ever was. A
// first write that got no answer, or lost to the same one of somebody else's, leaves nothing for the next to change; but
// what was there before is known, and a spec with nothing before it would be held for acted on by the API server's
// dates, whose clock may have been set back.
func (a *apply) lastUnlike(before, after *unstructured.Unstructured) *unstructured.Unstructured {
	if before != nil && before.GetGeneration() == after.GetGeneration() && a.former != nil && a.former.GetUID() == after.GetUID() {
		return a.former
	}
	return before
}

// changesOf is the patch that gives an object a manifest's spec, labels and annotations. Labels and
// annotations that the manifest does not name stay.
func changesOf(before, manifest *unstructured.Unstructured) []engine.PatchOp {
	edit := []engine.PatchOp{{Op: "replace", Path: "/spec", Value: manifest.Object["spec"]}}
	edit = append(edit, mergeOf("/metadata/labels", before.GetLabels(), manifest.GetLabels())...)
	return append(edit, mergeOf("/metadata/annotations", before.GetAnnotations(), manifest.GetAnnotations())...)
}

func mergeOf(path string, has, wants map[string]string) []engine.PatchOp {
	merged := map[string]string{}
	maps.Copy(merged, has)
	maps.Copy(merged, wants)
	if maps.Equal(merged, has) {
		return nil
	}
	return []engine.PatchOp{{Op: "add", Path: path, Value: merged}} // as a whole: a patch into what somebody has removed is no conflict but invalid
}

// warnOfKeepers warns that a tool keeps the object as its own source says.
func (l *life) warnOfKeepers(ctx context.Context, phase journal.Phase) {
	for _, keeper := range keepersOf(l.known) {
		l.tell(ctx, journal.Entry{Type: journal.Warning, Phase: phase, Object: &l.ref, Reason: "Kept", Text: keeper + " owns it and may put this back"})
	}
}

// keepersOf names the tools whose marks an object carries.
func keepersOf(o *unstructured.Unstructured) []string {
	var keepers []string
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	if id := annotations["argocd.argoproj.io/tracking-id"]; id != "" {
		keepers = append(keepers, "Argo CD (tracking id "+id+")")
	}
	for _, kind := range []string{"kustomize", "helm"} {
		if name := labels[kind+".toolkit.fluxcd.io/name"]; name != "" {
			keepers = append(keepers, "Flux ("+kind+" "+name+")")
		}
	}
	if release := annotations["meta.helm.sh/release-name"]; release != "" && labels["app.kubernetes.io/managed-by"] == "Helm" {
		keepers = append(keepers, "Helm (release "+release+")")
	}
	return keepers
}
