package judge_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// TestRemains: what is left of an object that was gone before anybody looked keeps it from being called
// gone: what it owned, and what has lost its owner and carries its name.
func TestRemains(t *testing.T) {
	pod := func(label string, owner metav1.OwnerReference) *corev1.Pod {
		owner.Controller = new(true)
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "p", UID: "p", Labels: map[string]string{"seldon-deployment-id": label}, OwnerReferences: []metav1.OwnerReference{owner},
		}}
	}
	root := metav1.OwnerReference{Kind: "SeldonDeployment", Name: "m", UID: "gone"}
	set := metav1.OwnerReference{Kind: "ReplicaSet", Name: "m-0-1", UID: "gone-too"}
	other := root
	other.Name = "other"
	late := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m", UID: "gone"}}
	late.SetGroupVersionKind(seldon.New().Identity().GroupVersionKind())
	for name, c := range map[string]struct {
		left *corev1.Pod
		gone bool
	}{
		"nothing":                              {nil, true},
		"what names it as its owner":           {pod("m", root), false},
		"of another owner":                     {pod("other", other), true},
		"a pod whose ReplicaSet is gone":       {pod("m", set), false},
		"a separate orchestrator's":            {pod("m-main", set), false},
		"of another name, its ReplicaSet gone": {pod("model", set), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot.New()
			for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service} {
				s.SetComplete(kind, true)
			}
			if c.left != nil {
				s.Set(c.left)
			}
			s.Remove(late, "") // a watch may yet tell of the deletion
			found := judge.Find(s, seldon.New(), judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: "m"}})
			if (len(found.Lacks) == 0) != c.gone {
				t.Errorf("gone: %v, want %v (%v)", len(found.Lacks) == 0, c.gone, found.Lacks)
			}
			if c.gone {
				return
			}
			s.Remove(c.left, "")
			if found = judge.Find(s, seldon.New(), judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: "m"}}); len(found.Lacks) > 0 {
				t.Errorf("still not gone: %v", found.Lacks)
			}
		})
	}
}

// TestAnothersRemains: a pod on its way out whose label begins with the name is another custom resource's
// where a Deployment with that label says so.
func TestAnothersRemains(t *testing.T) {
	controlled := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID("never seen " + name), Controller: new(true)}}
	}
	for name, c := range map[string]struct {
		root, label, owner string
		gone               bool
	}{
		"another's, which is there":                            {"m", "m-b", "m-b", true},
		"its own orchestrator's":                               {"m", "m-b", "m", false},
		"of an unknown owner":                                  {"m", "m-b", "", false},
		"of its name, which another's orchestrator happens on": {"m-b", "m-b", "m", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot.New()
			s.Set(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: "p", UID: "p", Labels: map[string]string{"seldon-deployment-id": c.label}, OwnerReferences: controlled("ReplicaSet", "rs"),
			}})
			if c.owner != "" {
				s.Set(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
					Namespace: "ns", Name: "d", UID: "d", Labels: map[string]string{"seldon-deployment-id": c.label}, OwnerReferences: controlled("SeldonDeployment", c.owner),
				}})
			}
			found := judge.Find(s, seldon.New(), judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: c.root}})
			if gone := !slices.ContainsFunc(found.Lacks, func(l judge.Lack) bool { return l.Key == "living/p" }); gone != c.gone {
				t.Errorf("the pod counts: %v, want %v (%v)", !gone, !c.gone, found.Lacks)
			}
		})
	}
}

// TestUnseenKinds: what may not be watched is named, and a kind that nobody wanted to watch is not.
func TestUnseenKinds(t *testing.T) {
	s := snapshot.New()
	for _, kind := range []snapshot.Kind{snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service} {
		s.SetComplete(kind, true)
	}
	s.SetBlind(snapshot.HPA, "forbidden")
	says := func(want string) {
		found := judge.Find(s, seldon.New(), judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: "m"}})
		if got := found.Evidence[len(found.Evidence)-1]; got != want {
			t.Errorf("evidence %q, want %q", got, want)
		}
	}
	says("not looked at: HorizontalPodAutoscalers, which cannot be seen")
	s.SetComplete(snapshot.Deployment, false)
	says("not looked at: Deployments, HorizontalPodAutoscalers, which cannot be seen")
}
