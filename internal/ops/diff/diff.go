// Package diff tells what apply would change, from a dry run on the server, value by value.
//
// It writes nothing and waits for nothing.
package diff

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
	"github.com/seldonctl/seldonctl/internal/ops/owner"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Cluster reads a custom resource and what has the names that it implies, and tries to write it.
type Cluster interface {
	Names(ctx context.Context, namespace string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error)
	Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error)
	Create(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error)
	Patch(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, patch []engine.PatchOp, how engine.WriteOptions) (engine.Answer, error)
}

// Request says which custom resource to compare.
type Request struct {
	Engine engine.Engine
	// Object is the manifest's, with its namespace set; Lines finds its fields in the file.
	Object *unstructured.Unstructured
	Lines  ops.Lines
	// Lenient drops unknown fields with a warning instead of refusing them.
	Lenient bool
}

// Difference is what apply would do to one object.
type Difference struct {
	// Name is the object, as "SeldonDeployment/name".
	Name      string
	Namespace string
	Exists    bool
	Changes   []Change
	// Warnings are what the user should know besides: what the API server warns of, who else writes it.
	Warnings []string
	// Refusal is why apply would refuse, so that nothing else is known; nil where it would not.
	Refusal *ops.RefusalError
}

// Differs reports whether apply would do anything.
func (d Difference) Differs() bool { return d.Refusal == nil && (!d.Exists || len(d.Changes) > 0) }

// tries bounds how often the object is read again because it changed meanwhile.
const tries = 5

// Run asks the API server what would become of an apply: of what supports the custom resources first, as
// apply would. It returns the reason that the worst of the answers leads to.
func Run(ctx context.Context, c Cluster, objects fleet.Objects, supporting []fleet.Supporting, requests []Request) ([]Difference, ops.Reason) {
	var all []Difference
	for _, p := range fleet.Previews(ctx, c, objects, supporting) {
		all = append(all, ofSupporting(p))
	}
	for _, req := range requests {
		all = append(all, ofCustomResource(ctx, c, req))
	}
	reason := ops.Reached
	for _, d := range all {
		if d.Refusal != nil {
			reason = ops.Worst(reason, d.Refusal.Reason)
		}
	}
	return all, reason
}

// ofSupporting compares what supports custom resources. Nothing that a Secret holds is shown.
func ofSupporting(p fleet.Preview) Difference {
	d := Difference{Name: p.Ref.String(), Namespace: p.Ref.Namespace, Exists: p.Before != nil, Warnings: p.Warnings, Refusal: p.Refusal}
	if d.Refusal != nil {
		return d
	}
	d.Changes = Between(p.Before, p.After)
	if p.Conflict != nil {
		d.Warnings = append(d.Warnings, "apply refuses without --force-conflicts: "+p.Conflict.Text)
	}
	return d
}

func ofCustomResource(ctx context.Context, c Cluster, req Request) Difference {
	id := req.Engine.Identity()
	d := Difference{Name: id.Kind + "/" + req.Object.GetName(), Namespace: req.Object.GetNamespace()}
	target := engine.Target{Identity: id, Namespace: req.Object.GetNamespace(), Name: req.Object.GetName()}
	var err error
	for range tries {
		var before *unstructured.Unstructured
		if before, err = read(ctx, c, target); err != nil {
			break
		}
		var answer engine.Answer
		if answer, err = try(ctx, c, req, before); err == nil {
			d.Exists = before != nil
			d.Changes = Between(before, answer.Object)
			d.Warnings = append(warnings(req, before, answer), taken(ctx, c, req, before)...)
			return d
		}
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			break
		}
	}
	d.Refusal = ops.ExplainManifest(err, req.Object, id, req.Lines)
	return d
}

// read returns the object, or nil where there is none.
func read(ctx context.Context, c Cluster, target engine.Target) (*unstructured.Unstructured, error) {
	objects, err := c.Read(ctx, target, target.Kind())
	if err != nil || len(objects) == 0 {
		return nil, err
	}
	root, ok := objects[0].(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("read %s: it came as %T", target.Name, objects[0])
	}
	return root, nil
}

// try sends what apply would send, as a dry run.
func try(ctx context.Context, c Cluster, req Request, before *unstructured.Unstructured) (engine.Answer, error) {
	id := req.Engine.Identity()
	how := engine.WriteOptions{Strict: !req.Lenient, DryRun: true}
	if before == nil {
		return c.Create(ctx, id.Resource, ops.Prepared(req.Object, id), how)
	}
	edit := []engine.PatchOp{{Op: "replace", Path: "/metadata/resourceVersion", Value: before.GetResourceVersion()}}
	edit = append(edit, ops.ChangesOf(before, req.Object)...)
	return c.Patch(ctx, id.Resource, req.Object.GetNamespace(), req.Object.GetName(), edit, how)
}

func warnings(req Request, before *unstructured.Unstructured, answer engine.Answer) []string {
	var all []string
	for _, text := range answer.Warnings {
		if where, found := place(req, text); found {
			text = where + ": " + text
		}
		all = append(all, text)
	}
	if before == nil {
		return all
	}
	if before.GetDeletionTimestamp() != nil {
		all = append(all, "it is being deleted: apply refuses until it is gone")
	}
	for _, foreign := range owner.Overwritten(before, answer.Object) {
		all = append(all, foreign.String()+": apply refuses to change it without --force-conflicts")
	}
	return all
}

// taken warns of a name that belongs to somebody else, for which apply would refuse.
func taken(ctx context.Context, c Cluster, req Request, before *unstructured.Unstructured) []string {
	implied, err := req.Engine.Implied(req.Object)
	if err != nil {
		return []string{"apply refuses: " + err.Error()}
	}
	var found [2][]metav1.PartialObjectMetadata
	for i, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.Service} {
		if found[i], err = c.Names(ctx, req.Object.GetNamespace(), kind); err != nil {
			return []string{"whether the names that it implies are free is not known: " + err.Error()}
		}
	}
	if refusal := ops.Taken(implied, found[0], found[1], before); refusal != nil {
		return []string{"apply refuses: " + refusal.Text}
	}
	return nil
}

func place(req Request, text string) (string, bool) {
	path := ops.CauseIn(text).Path
	if path == "" || req.Lines == nil {
		return "", false
	}
	return req.Lines(path)
}
