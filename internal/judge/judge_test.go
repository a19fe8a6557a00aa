package judge_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

type object = map[string]any

type testCase struct {
	Reason string `json:"reason"`
	Goal   struct {
		Kind         judge.GoalKind   `json:"kind"`
		Created      bool             `json:"created"`
		Patient      bool             `json:"patient"`
		RequireReady bool             `json:"requireReady"`
		Proven       int64            `json:"proven"`
		Doubtful     bool             `json:"doubtful"`
		Wanted       *int32           `json:"wanted"`
		Watched      bool             `json:"watched"`
		Reached      []string         `json:"reached"`
		Was          map[string]int32 `json:"was"`
		Baseline     object           `json:"baseline"`
		Before       object           `json:"before"`
	} `json:"goal"`
	Change   map[string]object `json:"change"`
	Events   []object          `json:"events"`  // about the pod unless they say otherwise, oldest first
	Blind    bool              `json:"blind"`   // Events may not be read
	Hidden   []snapshot.Kind   `json:"hidden"`  // kinds that may not be seen, or not any more
	Earlier  []object          `json:"earlier"` // states of the pod that were seen before, oldest first
	Beside   []object          `json:"beside"`  // other pods of the ReplicaSet
	Pods     int               `json:"pods"`
	Stranger bool              `json:"stranger"`
	Former   bool              `json:"former"` // a ready pod of the former version is there
	HPA      object            `json:"hpa"`    // there is one, as this says
	First    map[string]object `json:"first"`  // what is otherwise at the first look
	After    string            `json:"after"`
	Want     struct {
		Outcome judge.Outcome `json:"outcome"`
		Lacks   []string      `json:"lacks"`
		Remarks []string      `json:"remarks"`
		Problem judge.Class   `json:"problem"`
		None    []judge.Class `json:"none"` // of these classes there is none
		Told    string        `json:"told"` // by some problem
		Untold  string        `json:"untold"`
		Message string        `json:"message"`
		Hint    string        `json:"hint"`
		Serving string        `json:"serving"`
		Loss    string        `json:"loss"`
	} `json:"want"`
}

func TestJudgement(t *testing.T) {
	for _, tc := range load[[]testCase](t, "testdata/cases.yaml") {
		t.Run(tc.Reason, func(t *testing.T) {
			world := goodWorld(t)
			goal := tc.goal(world)
			s := tc.snapshot(t, world)
			start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			first := tc
			first.Change = maps.Clone(tc.Change)
			maps.Copy(first.Change, tc.First)
			memory, verdict, _ := judge.Hold(judge.Memory{}, judge.Find(first.snapshot(t, world), seldon.New(), goal), start)
			if tc.After != "" {
				after, err := time.ParseDuration(tc.After)
				if err != nil {
					t.Fatal(err)
				}
				_, verdict, _ = judge.Hold(memory, judge.Find(s, seldon.New(), goal), start.Add(after))
			}
			tc.check(t, verdict)
		})
	}
}

func (tc testCase) check(t *testing.T, v judge.Verdict) {
	t.Helper()
	var lacks, problems []string
	for _, l := range v.Lacks {
		lacks = append(lacks, l.Text)
	}
	for _, p := range v.Problems {
		problems = append(problems, string(p.Class)+": "+p.Message)
		if p.Hint == "" {
			t.Errorf("nothing says what to do about %s: %s", p.Class, p.Message)
		}
	}
	if v.Outcome != tc.Want.Outcome {
		t.Errorf("outcome %q, want %q\nlacks: %q\nproblems: %q\nloss: %q", v.Outcome, tc.Want.Outcome, lacks, problems, v.Findings.Loss)
	}
	for _, want := range tc.Want.Lacks {
		contains(t, "lack", lacks, want)
	}
	if tc.Want.Remarks != nil && len(tc.Want.Remarks) == 0 && len(v.Remarks) > 0 {
		t.Errorf("remarks: %q, want none", v.Remarks)
	}
	for _, want := range tc.Want.Remarks {
		contains(t, "remark", v.Remarks, want)
	}
	if tc.Want.Problem != "" {
		contains(t, "problem", problems, string(tc.Want.Problem)+": ")
	}
	if tc.Want.Told != "" {
		contains(t, "problem", problems, tc.Want.Told)
	}
	if all := strings.Join(problems, "; "); tc.Want.Untold != "" && strings.Contains(all, tc.Want.Untold) {
		t.Errorf("%q is told: %s", tc.Want.Untold, all)
	}
	for _, unwanted := range tc.Want.None {
		if slices.ContainsFunc(v.Problems, func(h judge.Held) bool { return h.Class == unwanted }) {
			t.Errorf("a problem is %s; there are %q", unwanted, problems)
		}
	}
	if tc.Want.Message != "" && (v.Cause == nil || !strings.Contains(v.Cause.Message, tc.Want.Message)) {
		t.Errorf("cause %+v does not say %q", v.Cause, tc.Want.Message)
	}
	if tc.Want.Hint != "" && (v.Cause == nil || !strings.Contains(v.Cause.Hint, tc.Want.Hint)) {
		t.Errorf("the hint of cause %+v does not say %q", v.Cause, tc.Want.Hint)
	}
	if tc.Want.Serving != "" {
		contains(t, "word about serving", v.Findings.Serving, tc.Want.Serving)
	}
	if tc.Want.Loss != "" && !strings.Contains(v.Findings.Loss, tc.Want.Loss) {
		t.Errorf("loss %q does not say %q", v.Findings.Loss, tc.Want.Loss)
	}
	if v.Outcome == judge.Reached && len(v.Findings.Evidence) == 0 {
		t.Error("reached without evidence")
	}
}

func contains(t *testing.T, what string, texts []string, part string) {
	t.Helper()
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, part) }) {
		t.Errorf("no %s says %q; there are %q", what, part, texts)
	}
}

func (tc testCase) goal(world map[string]object) judge.Goal {
	g := judge.Goal{
		Kind: tc.Goal.Kind, Created: tc.Goal.Created, Patient: tc.Goal.Patient, RequireReady: tc.Goal.RequireReady,
		Proven: tc.Goal.Proven, Doubtful: tc.Goal.Doubtful, Wanted: tc.Goal.Wanted, Watched: tc.Goal.Watched, Reached: tc.Goal.Reached, Was: tc.Goal.Was,
		Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "default", Name: "m", UID: "root"},
	}
	root := world["SeldonDeployment"]
	if tc.Goal.Created {
		g.Baseline = &unstructured.Unstructured{Object: merge(root, object{"status": nil})}
	}
	if tc.Goal.Baseline != nil {
		g.Baseline = &unstructured.Unstructured{Object: merge(root, tc.Goal.Baseline)}
	}
	if tc.Goal.Before != nil {
		g.Before = &unstructured.Unstructured{Object: merge(root, tc.Goal.Before)}
	}
	return g
}

func (tc testCase) snapshot(t *testing.T, world map[string]object) *snapshot.Snapshot {
	t.Helper()
	s := snapshot.New()
	for _, kind := range []snapshot.Kind{"SeldonDeployment", snapshot.Deployment, snapshot.ReplicaSet, snapshot.Pod, snapshot.Service, snapshot.HPA} {
		s.SetComplete(kind, true)
	}
	for i, earlier := range tc.Earlier {
		s.Set(typed(t, merge(merge(world["Pod"], earlier), object{"metadata": object{"resourceVersion": strconv.Itoa(i + 1)}})))
	}
	for _, kind := range slices.Sorted(maps.Keys(world)) {
		change, changed := tc.Change[kind]
		if changed && change == nil {
			continue
		}
		s.Set(typed(t, merge(world[kind], change)))
	}
	for i, pod := range tc.Beside {
		s.Set(typed(t, merge(merge(world["Pod"], object{"metadata": object{"name": fmt.Sprintf("beside-%d", i), "uid": fmt.Sprintf("beside-%d", i)}}), pod)))
	}
	for i := 1; i < tc.Pods; i++ {
		s.Set(typed(t, merge(world["Pod"], object{"metadata": object{"name": fmt.Sprintf("pod-%d", i), "uid": fmt.Sprintf("pod-%d", i)}})))
	}
	s.SetComplete(snapshot.Event, !tc.Blind)
	for _, kind := range tc.Hidden {
		s.SetComplete(kind, false)
	}
	for i, e := range tc.Events {
		s.Set(typed(t, merge(object{
			"kind": "Event", "metadata": object{"name": fmt.Sprintf("e%d", i), "uid": fmt.Sprintf("e%d", i), "resourceVersion": "1"},
			"involvedObject": object{"kind": "Pod", "uid": "pod"},
		}, e)))
	}
	if tc.Stranger {
		s.Set(typed(t, merge(world["Deployment"], object{"metadata": object{"name": "old", "uid": "old"}})))
	}
	if tc.Former {
		s.Set(typed(t, merge(world["ReplicaSet"], object{"metadata": object{"name": "former", "uid": "former"}})))
		s.Set(typed(t, merge(world["Pod"], object{"metadata": object{"name": "former-1", "uid": "former-1", "ownerReferences": []any{
			object{"kind": "ReplicaSet", "name": "former", "uid": "former", "controller": true},
		}}})))
	}
	if tc.HPA != nil {
		s.Set(typed(t, merge(tc.HPA, object{
			"kind":     "HorizontalPodAutoscaler",
			"metadata": object{"name": "m-p-0-clf", "namespace": "default", "uid": "hpa", "ownerReferences": world["Deployment"]["metadata"].(object)["ownerReferences"]},
			"spec":     object{"maxReplicas": 3, "scaleTargetRef": object{"kind": "Deployment", "name": "m-p-0-clf"}},
		})))
	}
	return s
}

// goodWorld reads the good world, by kind.
func goodWorld(t *testing.T) map[string]object {
	t.Helper()
	data, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	world := map[string]object{}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(document, &o); err != nil {
			t.Fatal(err)
		}
		world[o.GetKind()] = o.Object
	}
	return world
}

func typed(t *testing.T, o object) snapshot.Object {
	t.Helper()
	var into snapshot.Object
	switch o["kind"] {
	case "Deployment":
		into = &appsv1.Deployment{}
	case "ReplicaSet":
		into = &appsv1.ReplicaSet{}
	case "Pod":
		into = &corev1.Pod{}
	case "Service":
		into = &corev1.Service{}
	case "HorizontalPodAutoscaler":
		into = &autoscalingv2.HorizontalPodAutoscaler{}
	case "Event":
		into = &corev1.Event{}
	default:
		return &unstructured.Unstructured{Object: o}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, into); err != nil {
		t.Fatal(err)
	}
	return into
}

// merge returns a copy of o with a JSON merge patch applied.
func merge(o, patch object) object {
	out := runtime.DeepCopyJSON(o)
	for key, value := range patch {
		inner, isObject := value.(object)
		was, wasObject := out[key].(object)
		switch {
		case value == nil:
			delete(out, key)
		case isObject && wasObject:
			out[key] = merge(was, inner)
		default:
			out[key] = whole(value)
		}
	}
	return out
}

// whole turns the numbers that YAML reads as floats into the integers that objects hold.
func whole(value any) any {
	switch v := value.(type) {
	case float64:
		return int64(v)
	case object:
		out := object{}
		for k, inner := range v {
			out[k] = whole(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = whole(inner)
		}
		return out
	}
	return value
}

func load[T any](t *testing.T, path string) T {
	t.Helper()
	var into T
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, &into); err != nil {
		t.Fatal(err)
	}
	return into
}

// TestGone holds the deletion to every descendant that was ever seen.
func TestGone(t *testing.T) {
	world := goodWorld(t)
	s := testCase{}.snapshot(t, world)
	goal := judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "default", Name: "m", UID: "root"}}
	order := []types.UID{"service", "root", "deployment", "replicaset", "pod"}
	for _, uid := range order {
		if _, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{}); v.Outcome != judge.Waiting {
			t.Fatalf("%q before %s is gone", v.Outcome, uid)
		}
		s.Remove(s.Get(uid), "")
	}
	_, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{})
	if v.Outcome != judge.Reached {
		t.Fatalf("%q when all is gone: %v", v.Outcome, v.Lacks)
	}
	const want = "deleted: SeldonDeployment, 1 Deployment, 1 Pod, 1 ReplicaSet, 1 Service"
	if got := v.Findings.Evidence[0]; got != want {
		t.Errorf("evidence %q, want %q", got, want)
	}
}

// TestGoneWaitsForWhatHasFailed: a pod that was evicted lies around until it is deleted too.
func TestGoneWaitsForWhatHasFailed(t *testing.T) {
	world := goodWorld(t)
	tc := testCase{Change: map[string]object{"Pod": {"status": object{"phase": "Failed", "reason": "Evicted"}}}}
	s := tc.snapshot(t, world)
	goal := judge.Goal{Kind: judge.Gone, Root: snapshot.Ref{Kind: "SeldonDeployment", Namespace: "default", Name: "m", UID: "root"}}
	for _, uid := range []types.UID{"service", "root", "deployment", "replicaset", "pod"} {
		found := judge.Find(s, seldon.New(), goal)
		if len(found.Lacks) == 0 {
			t.Fatalf("nothing is lacking before %s is gone", uid)
		}
		s.Remove(s.Get(uid), "")
	}
	if found := judge.Find(s, seldon.New(), goal); len(found.Lacks) > 0 {
		t.Errorf("lacking when all is gone: %v", found.Lacks)
	}
}

// TestGoneWithoutItsOwner: after a deletion in the background a pod may be seen whose owners were gone
// before anybody saw them. Its label tells whose it is.
func TestGoneWithoutItsOwner(t *testing.T) {
	world := goodWorld(t)
	other := object{"metadata": object{"labels": object{"seldon-deployment-id": "other"}}}
	for _, tc := range []struct {
		name string
		left object
		want judge.Outcome
		gone string
	}{
		{"a pod whose ReplicaSet was never seen", world["Pod"], judge.Waiting, "deleted: SeldonDeployment; 1 Pod with its label, whose owner was never seen"},
		{"a ReplicaSet whose Deployment was never seen", world["ReplicaSet"], judge.Waiting, "deleted: SeldonDeployment; 1 ReplicaSet with its label, whose owner was never seen"},
		{"a pod of another custom resource", merge(world["Pod"], other), judge.Reached, "deleted: SeldonDeployment"},
		{"a Deployment of another custom resource of that name", merge(world["Deployment"], object{"metadata": object{
			"ownerReferences": []any{object{"kind": "SeldonDeployment", "name": "m", "uid": "its successor", "controller": true}},
		}}), judge.Reached, "deleted: SeldonDeployment"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snapshot.New()
			root := typed(t, world["SeldonDeployment"])
			s.Remove(root, "")
			left := typed(t, tc.left)
			s.Set(left)
			goal := judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(root), Baseline: root.(*unstructured.Unstructured)}
			if _, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{}); v.Outcome != tc.want {
				t.Errorf("%q, want %q: %v", v.Outcome, tc.want, v.Lacks)
			}
			s.Remove(left, "")
			_, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{})
			if v.Outcome != judge.Reached {
				t.Errorf("%q when all is gone: %v", v.Outcome, v.Lacks)
			}
			if got := strings.Join(v.Findings.Evidence, "; "); !strings.HasPrefix(got+"; not looked at", tc.gone+"; not looked at") {
				t.Errorf("it is proved by %q, want %q", got, tc.gone)
			}
		})
	}
}

// TestGoneBesideANamesake: where ReplicaSets may not be seen and another custom resource of the name has been made,
// the pods that are no older than its Deployments are its own.
func TestGoneBesideANamesake(t *testing.T) {
	world := goodWorld(t)
	at := func(o object, second string) object {
		return merge(o, object{"metadata": object{"creationTimestamp": "2026-01-01T00:00:0" + second + "Z"}})
	}
	owned := func(kind, name, second string) object {
		return at(merge(world[kind], object{"metadata": object{"name": name, "uid": name, "ownerReferences": []any{
			object{"kind": "SeldonDeployment", "name": "m", "uid": "its successor", "controller": true},
		}}}), second)
	}
	all, blind := []snapshot.Kind{snapshot.ReplicaSet, snapshot.Deployment}, []snapshot.Kind{snapshot.ReplicaSet}
	for name, tc := range map[string]struct {
		pod, beside, deployments string // the seconds in which they were made
		denied                   []snapshot.Kind
		want                     judge.Outcome
	}{
		"older than the Deployment":                       {"2", "", "3", blind, judge.Waiting},
		"as old as the Deployment":                        {"3", "", "3", blind, judge.Reached},
		"younger than the Deployment":                     {"4", "", "3", blind, judge.Reached},
		"younger than one of the Deployments":             {"4", "", "5 3 6", blind, judge.Reached},
		"there is no Deployment yet":                      {"4", "", "", blind, judge.Waiting},
		"beside one that is as old as the Deployment":     {"4", "3", "3", blind, judge.Reached},
		"beside one that the same ReplicaSet made before": {"4", "2", "3", blind, judge.Waiting},
		"ReplicaSets can be seen":                         {"4", "", "3", nil, judge.Waiting},
		"Deployments cannot be seen, older than it":       {"1", "", "", all, judge.Waiting},
		"Deployments cannot be seen, as old as it":        {"2", "", "", all, judge.Reached},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot.New()
			for _, kind := range all {
				s.SetComplete(kind, !slices.Contains(tc.denied, kind))
			}
			root := typed(t, world["SeldonDeployment"])
			s.Remove(root, "")
			s.Set(typed(t, at(merge(world["SeldonDeployment"], object{"metadata": object{"uid": "its successor"}}), "2")))
			s.Set(typed(t, owned("Service", "its service", "2")))
			for i, second := range strings.Fields(tc.deployments) {
				s.Set(typed(t, owned("Deployment", fmt.Sprintf("d%d", i), second)))
			}
			s.Set(typed(t, at(world["Pod"], tc.pod)))
			if tc.beside != "" {
				s.Set(typed(t, at(merge(world["Pod"], object{"metadata": object{"name": "beside", "uid": "beside"}}), tc.beside)))
			}
			goal := judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(root), Baseline: root.(*unstructured.Unstructured)}
			if _, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{}); v.Outcome != tc.want {
				t.Errorf("%q, want %q: %v", v.Outcome, tc.want, v.Lacks)
			}
		})
	}
}

// TestGoneBesideAnotherModel: where ReplicaSets may not be seen, and a separate orchestrator is labelled with what is another custom
// resource's name, the names of the Deployments tell the pods of the two apart.
func TestGoneBesideAnotherModel(t *testing.T) {
	world := goodWorld(t)
	root := typed(t, merge(world["SeldonDeployment"], object{"spec": object{"annotations": object{"seldon.io/engine-separate-pod": "true"}}}))
	label := object{"metadata": object{"labels": object{"seldon-deployment-id": "m-p", "pod-template-hash": "abc"}}}
	for name, tc := range map[string]struct {
		maker, owner string
		want         judge.Outcome
	}{
		"a pod of its Deployment":     {"m-p-q-0-clf-abc", "m-p", judge.Reached},
		"a pod of no Deployment":      {"m-p-svc-orch-abc", "m-p", judge.Waiting},
		"a pod of one of our own":     {"m-p-q-0-clf-abc", "m", judge.Waiting},
		"whose name has another hash": {"m-p-q-0-clf-xyz", "m-p", judge.Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot.New()
			s.SetComplete(snapshot.Deployment, true)
			s.SetComplete(snapshot.Pod, true)
			s.SetComplete(snapshot.ReplicaSet, false)
			s.Remove(root, "")
			s.Set(typed(t, merge(merge(world["Pod"], label), object{"metadata": object{"ownerReferences": []any{
				object{"kind": "ReplicaSet", "name": tc.maker, "uid": "unseen", "controller": true},
			}}})))
			s.Set(typed(t, merge(merge(world["Deployment"], label), object{"metadata": object{"name": "m-p-q-0-clf", "ownerReferences": []any{
				object{"kind": "SeldonDeployment", "name": tc.owner, "uid": "other", "controller": true},
			}}})))
			goal := judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(root), Baseline: root.(*unstructured.Unstructured)}
			if _, v, _ := judge.Hold(judge.Memory{}, judge.Find(s, seldon.New(), goal), time.Time{}); v.Outcome != tc.want {
				t.Errorf("%q, want %q: %v", v.Outcome, tc.want, v.Lacks)
			}
		})
	}
}

// TestPodsWithoutReplicaSets: where ReplicaSets may not be seen, the cause in a pod is named all the same, with
// the chain down to it, as far as the pod is surely of the present template of one of our Deployments.
func TestPodsWithoutReplicaSets(t *testing.T) {
	ill := object{"metadata": object{"labels": object{"pod-template-hash": "abc"}}, "status": object{
		"phase": "Pending", "conditions": []any{object{"type": "Ready", "status": "False"}},
		"containerStatuses": []any{object{"name": "clf", "state": object{"waiting": object{"reason": "InvalidImageName", "message": "no"}}}},
	}}
	notReady := object{"status": object{"readyReplicas": int64(0), "availableReplicas": int64(0), "unavailableReplicas": int64(1)}}
	owned := func(name string) object {
		return merge(ill, object{"metadata": object{"ownerReferences": []any{object{"kind": "ReplicaSet", "name": name, "uid": "unseen", "controller": true}}}})
	}
	for name, c := range map[string]struct {
		pod, deployment object
		complete, named bool
	}{
		"the only template's":                 {ill, notReady, false, true},
		"of another Deployment":               {owned("other-abc"), notReady, false, false},
		"of a Deployment with a longer name":  {owned("m-p-0-clf-b-abc"), notReady, false, false},
		"there are pods of a former template": {ill, merge(notReady, object{"status": object{"replicas": int64(2)}}), false, false},
		"a ReplicaSet that has been deleted":  {ill, notReady, true, false},
		"the Deployment has not been seen to": {ill, merge(notReady, object{"metadata": object{"generation": int64(2)}}), false, false},
		"the pod is going":                    {merge(ill, object{"metadata": object{"deletionTimestamp": "2026-01-01T00:00:00Z"}}), notReady, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			world := goodWorld(t)
			tc := testCase{Change: map[string]object{"ReplicaSet": nil, "Pod": c.pod, "Deployment": c.deployment}}
			tc.Goal.Kind, tc.Goal.Created = judge.Available, true
			s := tc.snapshot(t, world)
			s.SetComplete(snapshot.ReplicaSet, c.complete)
			found := judge.Find(s, seldon.New(), tc.goal(world))
			i := slices.IndexFunc(found.Problems, func(p judge.Problem) bool { return p.Class == judge.InvalidImage })
			if (i >= 0) != c.named {
				t.Fatalf("problems %+v, want the image's named: %v", found.Problems, c.named)
			}
			if i >= 0 && (len(found.Problems[i].Chain) < 3 || found.Problems[i].Chain[0].Ref.Name != "m" || found.Problems[i].Chain[1].Ref.Name != "m-p-0-clf") {
				t.Errorf("chain %+v, want it from the custom resource down", found.Problems[i].Chain)
			}
		})
	}
}
