package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// claimed is a cluster on which a name that a manifest implies is in use.
type claimed struct {
	*store

	by  types.UID
	err error
}

func (c claimed) Names(_ context.Context, namespace string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	if kind != snapshot.Deployment || c.by == "" {
		return nil, c.err
	}
	yes := true
	return []metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: "b-main-0-clf", OwnerReferences: []metav1.OwnerReference{{Kind: "Helm", Name: "x", UID: c.by, Controller: &yes}},
	}}}, c.err
}

func manifest(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment", "metadata": map[string]any{"name": name, "namespace": "ns"},
		"spec": map[string]any{"predictors": []any{map[string]any{
			"name": "main", "graph": map[string]any{"name": "clf", "type": "MODEL"},
			"componentSpecs": []any{map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "clf", "image": "x:1"}}}}},
		}}},
	}}
}

// TestUnclaimed: nothing is written where a name that any of the members implies is somebody else's.
func TestUnclaimed(t *testing.T) {
	taken := "failure  Deployment ns/b-main-0-clf exists already and is Helm/x's; the operator would take it over"
	for name, c := range map[string]struct {
		cluster claimed
		there   types.UID
		toBeNew bool
		reason  ops.Reason
		told    string
	}{
		"free":            {claimed{}, "", false, ops.Reached, ""},
		"somebody else's": {claimed{by: "x"}, "", false, ops.Conflict, taken},
		"beside its own":  {claimed{by: "x"}, "b", false, ops.Conflict, taken},
		"its own":         {claimed{by: "b"}, "b", false, ops.Reached, ""},
		"there, for run":  {claimed{by: "b"}, "b", true, ops.Conflict, "failure  SeldonDeployment ns/b exists already; run creates only what is not there"},
		"not to be seen":  {claimed{err: apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("x"))}, "", false, ops.Reached, ""},
		"server fails":    {claimed{err: apierrors.NewInternalError(errors.New("x"))}, "", false, ops.Unusable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cluster := &tale{}, c.cluster
				cluster.store = &store{objects: map[string]*unstructured.Unstructured{}}
				if c.there != "" {
					b := manifest("b")
					b.SetUID(c.there)
					cluster.objects["seldondeployments/b"] = b
				}
				reason := Go(t.Context(), deps(s, cluster, nil), Plan{
					Stages: []Stage{
						&Unclaimed{Manifests: []*unstructured.Unstructured{manifest("a"), manifest("b")}, ToBeNew: c.toBeNew},
						&Lent{Objects: cluster.store, ID: "id", Supporting: []Supporting{supports("Secret", "s", "1")}},
					},
					Members: []Member{acts("a", time.Second, ops.Reached)}, Parallel: 1, Manner: ops.Manner{Limits: ops.Limits{Wait: time.Minute}},
				})
				if reason != c.reason || c.told != "" && !slices.Contains(s.lines, c.told) {
					t.Errorf("it ended with %s and told %q", reason, s.lines)
				}
				if wrote := len(cluster.sent) > 0; wrote != (c.reason == ops.Reached) {
					t.Errorf("it sent %q", cluster.sent)
				}
			})
		})
	}
}
