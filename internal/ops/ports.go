// Package ops holds the operations, one file per verb: what run, apply, wait, scale and delete do,
// step by step, and the loop in which they wait. It declares what it needs of the outside as ports.
//
// It never imports the hands that fulfil the ports (kube, render), nor cobra, and never prints.
package ops

import (
	"context"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Cluster is a Kubernetes cluster.
type Cluster interface {
	Watcher
	Reader
	Writer
}

// Watcher delivers what happens.
type Watcher interface {
	// Watch sends every change of the target to out until ctx ends, restoring lost watches by
	// itself, and then returns. Each kind starts with a complete list and a Synced.
	Watch(ctx context.Context, target engine.Target, out chan<- snapshot.Change)
}

// Reader reads once. Every read is consistent: it shows all that was written before it began.
type Reader interface {
	// Read returns the objects of the given kinds: of the custom resource's kind the target's, if it
	// exists, of built-in kinds all that carry the engine's label.
	Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error)
	// Names returns the metadata of all objects of a built-in kind in a namespace, label or not.
	Names(ctx context.Context, namespace string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error)
	// Rules returns what the user may do in a namespace, and whether that is all.
	Rules(ctx context.Context, namespace string) (rules []authorizationv1.ResourceRule, complete bool, err error)
	// Log returns the last lines of a container's log, of its previous run if so asked.
	Log(ctx context.Context, pod snapshot.Ref, container string, previous bool, lines int64) ([]string, error)
}

// Writer changes custom resources.
type Writer interface {
	// Create creates the object.
	Create(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error)
	// Patch applies a JSON patch to the named object.
	Patch(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, patch []engine.PatchOp, how engine.WriteOptions) (engine.Answer, error)
	// Delete deletes the named object in the foreground, if it has the given UID.
	Delete(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, uid types.UID) error
}

// Sink takes in what is to be told, in order.
type Sink interface {
	// Write takes one entry.
	Write(entry journal.Entry) error
	// Close is called once, after the last entry, on every way out.
	Close() error
}

// Clock tells the time. It is a port so that tests decide it.
type Clock func() time.Time
