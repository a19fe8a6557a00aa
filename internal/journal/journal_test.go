package journal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/engine/seldon"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// player steps a journal through a history, a second a step, and keeps what was told.
type player struct {
	state *journal.State
	now   time.Time
	told  []journal.Entry
	last  journal.Outcome
}

func newPlayer() *player {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &player{state: journal.New(seldon.New(), now), now: now}
}

func (p *player) step(in journal.Input) {
	p.now = p.now.Add(time.Second)
	p.last = p.state.Step(in, p.now)
	p.told = append(p.told, p.last.Entries...)
}

func (p *player) see(objects ...snapshot.Object) {
	for _, o := range objects {
		p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Seen, Kind: snapshot.KindOf(o), Object: o}}})
	}
}

func (p *player) texts(of ...journal.EntryType) []string {
	var texts []string
	for _, e := range p.told {
		if len(of) == 0 || slices.Contains(of, e.Type) {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func root(version, generation int64, state string) *unstructured.Unstructured {
	o := map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
		"metadata": map[string]any{
			"name": "m", "namespace": "default", "uid": "root", "generation": generation,
			"resourceVersion": itoa(version),
		},
		"spec": map[string]any{"predictors": []any{map[string]any{
			"name": "p", "graph": map[string]any{"name": "clf", "type": "MODEL"},
			"componentSpecs": []any{map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "clf", "image": "i"}}}}},
		}}},
	}
	if state != "" {
		o["status"] = map[string]any{"state": state}
	}
	return &unstructured.Unstructured{Object: o}
}

func itoa(n int64) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }

func owned(uid types.UID) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{UID: uid, Kind: "Owner", Name: "owner", Controller: &yes}}
}

func deployment(version string, ready int32) *appsv1.Deployment {
	one := int32(1)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name: "m-p-0-clf", Namespace: "default", UID: "deployment", ResourceVersion: version, Generation: 1, OwnerReferences: owned("root"),
	}}
	d.Spec.Replicas = &one
	d.Spec.Template.Labels = map[string]string{"seldon-app": "m-p"}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "clf", Image: "i"}, {Name: "seldon-container-engine", Image: "e"}}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: ready, AvailableReplicas: ready, UnavailableReplicas: 1 - ready}
	return d
}

func event(uid types.UID, about types.UID, version string, count int32, reason string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{UID: uid, ResourceVersion: version},
		InvolvedObject: corev1.ObjectReference{UID: about, Kind: "Pod", Name: "x"}, Reason: reason, Message: reason, Count: count, Type: "Normal",
	}
}

func begun() *player {
	p := newPlayer()
	created := root(1, 1, "")
	p.step(journal.Began{Phase: journal.Wait, Goal: judge.Goal{Kind: judge.Available, Root: snapshot.RefTo(created), Baseline: created, Created: true}})
	return p
}

// TestClaimNeedsConfirmation: a goal that holds in what was watched is claimed only when a
// consistent read shows it too.
func TestClaimNeedsConfirmation(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	if p.last.Read != journal.ReadRoot || p.last.Verdict != nil {
		t.Fatalf("read %v, verdict %v: want a read of the root and no verdict", p.last.Read, p.last.Verdict)
	}
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(4, 1, "Creating")}})
	if p.last.Verdict != nil || p.last.Read != journal.ReadNothing {
		t.Fatal("went on although the root disagreed")
	}
	p.see(root(6, 1, "Available"))
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(6, 1, "Available")}})
	if p.last.Read != journal.ReadBelow {
		t.Fatal("the root agreed, but what is below it is not read")
	}
	p.step(journal.ReadDone{Objects: []snapshot.Object{deployment("7", 0)}})
	if p.last.Verdict != nil {
		t.Fatal("claimed although a Deployment disagreed")
	}
	p.see(deployment("8", 1))
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(6, 1, "Available")}})
	p.step(journal.ReadDone{Objects: []snapshot.Object{deployment("8", 1)}})
	if p.last.Verdict == nil || p.last.Verdict.Outcome != judge.Reached {
		t.Fatalf("verdict %v, want reached", p.last.Verdict)
	}
}

// TestReadOvertaken: the watches may bring something newer than the confirming read while that is on its
// way; the newer counts, for an object as for its deletion.
func TestReadOvertaken(t *testing.T) {
	p := newPlayer()
	created := root(1, 1, "")
	p.step(journal.Began{Phase: journal.Scale, Goal: judge.Goal{
		Kind: judge.Scaled, Root: snapshot.RefTo(created), Baseline: created, Created: true,
		Reached: []string{"m-p-0-clf"}, Was: map[string]int32{"m-p-0-clf": 2},
	}})
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Synced, Kind: snapshot.Deployment}, {Type: snapshot.Synced, Kind: snapshot.Pod}}})
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "rs", UID: "rs", ResourceVersion: "2", OwnerReferences: owned("deployment")}}
	serving, surplus := pod("serving"), pod("surplus")
	p.see(root(2, 1, "Available"), deployment("3", 1), set, serving, surplus)
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: snapshot.Pod, Object: surplus}}})
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(2, 1, "Available")}})
	if p.last.Read != journal.ReadBelow {
		t.Fatalf("read %v: want what is below the root", p.last.Read)
	}
	p.step(journal.Changed{Changes: []snapshot.Change{
		{Type: snapshot.Seen, Kind: snapshot.Deployment, Object: deployment("7", 0)},
		{Type: snapshot.Seen, Kind: snapshot.Deployment, Object: deployment("9", 1)},
	}})
	p.step(journal.ReadDone{Objects: []snapshot.Object{deployment("7", 0), serving, surplus}})
	if p.last.Verdict == nil || p.last.Verdict.Outcome != judge.Reached {
		t.Errorf("verdict %+v: want reached", p.last.Verdict)
	}
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID(name), ResourceVersion: "2", OwnerReferences: owned("rs"), Labels: map[string]string{"seldon-app": "m-p"}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

// TestFailedReadIsRepeated: a read that fails delays the claim and does not lose it.
func TestFailedReadIsRepeated(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	p.step(journal.ReadDone{Err: errors.New("boom")})
	if p.last.Read != journal.ReadNothing || p.last.Wake.IsZero() {
		t.Fatalf("read %v, wake %v: want a pause and then another read", p.last.Read, p.last.Wake)
	}
	if p.step(journal.Ticked{}); p.last.Read != journal.ReadRoot {
		t.Fatal("no further read after the pause")
	}
}

// TestReadIsPutOffOnce: the pause before the next read ends when it was to end, whatever is told meanwhile that
// changes nothing, and at once when the kind is refused that could not be read.
func TestReadIsPutOffOnce(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	for range 3 { // after these the pause is 4 s
		p.step(journal.ReadDone{Err: errors.New("boom")})
		p.now = p.last.Wake.Add(-time.Second)
		p.step(journal.Ticked{})
	}
	p.step(journal.ReadDone{Err: errors.New("boom")})
	due := p.last.Wake
	for i := int64(1); i <= 3; i++ {
		p.see(event("e", "root", itoa(10+i), int32(i), "Told"))
		if p.last.Read != journal.ReadNothing || !p.last.Wake.Equal(due) {
			t.Fatalf("read %v, wake %s: want no read before %s", p.last.Read, p.last.Wake, due)
		}
	}
	if p.step(journal.Ticked{}); p.last.Read != journal.ReadRoot {
		t.Error("no read after the pause")
	}
	p.step(journal.ReadDone{Err: errors.New("boom")})
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Denied, Kind: snapshot.Pod, Err: errors.New("pods is forbidden")}}})
	if p.last.Read != journal.ReadRoot {
		t.Error("no read although the kind that failed is not asked for any more")
	}
}

// TestReadsDoNotStorm: what changes ten times a second is not read as often.
func TestReadsDoNotStorm(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	reads := 0
	for i := int64(1); i <= 50; i++ {
		if p.last.Read != journal.ReadNothing {
			reads++
			p.now = p.now.Add(-time.Second)
			p.step(journal.ReadDone{Err: errors.New("boom")})
		}
		p.now = p.now.Add(-900 * time.Millisecond)
		p.see(root(2+i, 1, "Available"))
	}
	if reads < 10 || reads > 26 {
		t.Errorf("%d reads in 5 s, want one in 200 ms at most", reads)
	}
}

// TestEventsAreToldOnce: an event is told when its object is known to be ours, once, and again when
// its count has grown tenfold; noise and strangers' events never.
func TestEventsAreToldOnce(t *testing.T) {
	p := begun()
	p.see(event("e1", "deployment", "10", 1, "Early"), event("e2", "stranger", "11", 1, "Stranger"), event("e3", "root", "12", 1, "Updated"))
	if got := p.texts(journal.Event); len(got) != 0 {
		t.Fatalf("told %q before the object is known to be ours", got)
	}
	p.see(deployment("13", 0))
	p.see(event("e1", "deployment", "14", 5, "Early"), event("e1", "deployment", "15", 10, "Early"), event("e1", "deployment", "16", 11, "Early"))
	want := []string{"Early", "Early"}
	if got := p.texts(journal.Event); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestForeignChange: somebody else's change of the spec is taken up and told; what was known before
// proves nothing any more.
func TestForeignChange(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"))
	changed := root(3, 2, "Available")
	predictor := changed.Object["spec"].(map[string]any)["predictors"].([]any)[0].(map[string]any)
	predictor["traffic"] = int64(100)
	p.see(changed)
	if got := p.texts(journal.Warning); len(got) != 1 || !strings.Contains(got[0], "somebody else changed the spec") {
		t.Fatalf("told %q", got)
	}
	p.see(deployment("4", 1))
	if p.last.Read != journal.ReadNothing {
		t.Fatal("the status from before the change was taken for proof")
	}
	p.now = p.now.Add(judge.SettleTime)
	if p.step(journal.Ticked{}); p.last.Read == journal.ReadNothing {
		t.Fatal("not settled although nothing moves")
	}
}

// TestOwnChangeIsNotForeign: between two goals our own write comes back through the watch.
func TestOwnChangeIsNotForeign(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(2, 1, "Available")}})
	p.step(journal.ReadDone{Objects: []snapshot.Object{deployment("3", 1)}})
	p.see(root(4, 2, "Available"))
	if got := p.texts(journal.Warning); len(got) != 0 {
		t.Errorf("told %q", got)
	}
}

// TestTimeNeverRunsBackwards: entries are stamped in order.
func TestTimeNeverRunsBackwards(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Creating"), deployment("3", 0), root(4, 1, "Available"), deployment("5", 1))
	if !slices.IsSortedFunc(p.told, func(a, b journal.Entry) int { return a.At.Compare(b.At) }) {
		t.Error("entries out of order")
	}
}

// TestOvertaken: where somebody else changes the containers or replicas that the goal rests on, the
// goal is lost, whatever state the cluster shows.
func TestOvertaken(t *testing.T) {
	p := begun()
	changed := root(3, 2, "Available")
	predictor := changed.Object["spec"].(map[string]any)["predictors"].([]any)[0].(map[string]any)
	predictor["replicas"] = int64(2)
	p.see(changed)
	if v := p.last.Verdict; v == nil || v.Outcome != judge.Lost || !strings.Contains(v.Findings.Loss, "replicas of m-p-0-clf") {
		t.Errorf("verdict %+v", v)
	}
}

// TestOvertakenBeforeItBegan: what somebody else makes of our write is held against that, though the watches have
// shown it before the waiting begins, and though it is what had been before our write.
func TestOvertakenBeforeItBegan(t *testing.T) {
	p := newPlayer()
	ours, theirs := root(3, 2, "Available"), root(4, 3, "Available")
	if err := unstructured.SetNestedField(ours.Object, int64(0), "spec", "replicas"); err != nil {
		t.Fatal(err)
	}
	p.see(root(2, 1, "Available"), theirs)
	p.step(journal.Began{Phase: journal.Scale, Goal: judge.Goal{
		Kind: judge.Scaled, Root: snapshot.RefTo(ours), Before: root(2, 1, "Available"), Baseline: ours, Reached: []string{"m-p-0-clf"},
	}})
	p.see(root(5, 3, "Available"))
	if v := p.last.Verdict; v == nil || v.Outcome != judge.Lost || !strings.Contains(v.Findings.Loss, "replicas of m-p-0-clf") {
		t.Errorf("verdict %+v", v)
	}
}

// TestDenialEndsDoubt: a confirming read that failed for want of the right to read a kind is made again as soon as
// it is known to be no use to ask for that kind.
func TestDenialEndsDoubt(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 1))
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(2, 1, "Available")}})
	p.step(journal.ReadDone{Err: errors.New("pods is forbidden")})
	if p.last.Read != journal.ReadNothing {
		t.Fatalf("read %v at once after one that failed", p.last.Read)
	}
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Denied, Kind: snapshot.Pod, Err: errors.New("pods is forbidden")}}})
	if p.last.Read != journal.ReadRoot {
		t.Errorf("read %v, want %v", p.last.Read, journal.ReadRoot)
	}
}

// TestFailureNeedsConfirmation: what was wrong may have passed while a watch was down, so a failure
// is claimed only when a consistent read shows it too.
func TestFailureNeedsConfirmation(t *testing.T) {
	p := begun()
	failed := root(2, 1, "Failed")
	failed.Object["status"].(map[string]any)["description"] = `Deployment.apps "m-p-0-clf" is invalid: spec: nonsense`
	p.see(failed)
	p.now = p.now.Add(10 * time.Second)
	if p.step(journal.Ticked{}); p.last.Verdict != nil || p.last.Read != journal.ReadRoot {
		t.Fatalf("verdict %v, read %v: want a read and no verdict", p.last.Verdict, p.last.Read)
	}
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(3, 1, "Creating")}})
	if p.last.Verdict != nil {
		t.Fatal("claimed although the read shows that it has passed")
	}
	again := root(4, 1, "Failed")
	again.Object["status"] = failed.Object["status"]
	p.see(again)
	p.step(journal.ReadDone{Objects: []snapshot.Object{again}})
	if p.last.Read != journal.ReadTree {
		t.Fatalf("read %v: want what is below it", p.last.Read)
	}
	p.step(journal.ReadDone{})
	if v := p.last.Verdict; v == nil || v.Outcome != judge.Failed {
		t.Fatalf("verdict %v, want failed", v)
	}
}

// TestUnconfirmedFailureIsTold: what was as good as a failure and had passed when that was to be confirmed is told, once,
// as the problem that it is.
func TestUnconfirmedFailureIsTold(t *testing.T) {
	p := begun()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "m-p-0-clf-x", Namespace: "default", UID: "set", ResourceVersion: "4", OwnerReferences: owned("deployment")}}
	refused := set.DeepCopy()
	refused.Status.Conditions = []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota: team", LastTransitionTime: metav1.NewTime(p.now.Add(-time.Hour)),
	}}
	set.ResourceVersion = "5"
	p.see(root(2, 1, "Creating"), deployment("3", 0), refused)
	p.step(journal.ReadDone{Objects: []snapshot.Object{root(2, 1, "Creating")}})
	p.step(journal.ReadDone{Objects: []snapshot.Object{deployment("3", 0), set}})
	p.step(journal.Ticked{})
	if p.last.Verdict != nil {
		t.Fatal("claimed although the read shows that it has passed")
	}
	if got, want := p.texts(journal.Suspicion), []string{"exceeded quota: team (a failure if it lasts 1m0s)"}; !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

// TestNodesOnTheirWay: that a problem does not end the waiting any more is news.
func TestNodesOnTheirWay(t *testing.T) {
	p := begun()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "m-p-0-clf-x", Namespace: "default", UID: "set", ResourceVersion: "4", OwnerReferences: owned("deployment")}}
	homeless := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "default", UID: "x", ResourceVersion: "5", OwnerReferences: owned("set")}}
	homeless.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "no node"}}
	p.see(root(2, 1, "Creating"), deployment("3", 0), set, homeless)
	p.see(event("e", "x", "6", 1, "TriggeredScaleUp"), homeless)
	if got, want := p.texts(journal.Suspicion), []string{"pod x: no node (a failure if it lasts 1m0s)", "pod x: no node (nodes are on their way: TriggeredScaleUp)"}; !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

// TestGoneIsLookedForAfterHaste: what goes in a foreground deletion takes along what it owns. What went
// without having been marked may have left something that nobody has seen yet.
func TestGoneIsLookedForAfterHaste(t *testing.T) {
	for _, tc := range []struct {
		reason string
		marked bool
		want   journal.Reading
	}{
		{"the Deployment was marked before it went", true, journal.ReadNothing},
		{"the Deployment went at once", false, journal.ReadLeft},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			p := newPlayer()
			now := metav1.NewTime(p.now)
			going := root(5, 2, "Creating")
			going.SetDeletionTimestamp(&now)
			going.SetFinalizers([]string{metav1.FinalizerDeleteDependents})
			p.step(journal.Began{Phase: journal.Delete, Goal: judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(going)}})
			p.see(deployment("2", 0), going)
			last := deployment("6", 0)
			if tc.marked {
				last.SetDeletionTimestamp(&now)
			}
			for _, o := range []snapshot.Object{last, going} {
				p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: snapshot.KindOf(o), Object: o}}})
			}
			if claimed := p.last.Verdict != nil; p.last.Read != tc.want || claimed != tc.marked {
				t.Errorf("read %v, claimed %v: want read %v, claimed %v", p.last.Read, claimed, tc.want, tc.marked)
			}
		})
	}
}

// TestRecall: what was ill when it was first listed may be explained by Events from before the watch. They are
// asked for only then, they explain, and they are not told as if they were news.
func TestRecall(t *testing.T) {
	set := &appsv1.ReplicaSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Name: "set", Namespace: "default", UID: "set", ResourceVersion: "20", OwnerReferences: owned("deployment")},
	}
	homeless := pod("homeless")
	homeless.OwnerReferences = owned("set")
	homeless.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	listed := journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Synced, Kind: snapshot.Pod}}}
	start := func() *player {
		p := begun()
		p.see(deployment("11", 0), set)
		return p
	}

	p := start()
	p.step(listed)
	p.see(homeless)
	if p.state.Ill("root") {
		t.Error("a pod that came later was watched from its beginning")
	}

	p = begun()
	unmade := deployment("11", 0)
	unmade.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ReplicaSetCreateError"}}
	p.see(unmade)
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Synced, Kind: snapshot.Deployment}}})
	if !p.state.Ill("root") {
		t.Error("why no ReplicaSet can be made now, the events tell")
	}

	p = start()
	p.see(homeless)
	p.step(listed)
	if !p.state.Ill("root") || p.state.Ill("other") {
		t.Error("the pod is ill, and not another root's")
	}
	scale := event("e", homeless.UID, "30", 1, "TriggeredScaleUp")
	p.step(journal.Recalled{Events: []snapshot.Object{scale}})
	if got := p.state.Snapshot().Events(homeless.UID); len(got) != 1 {
		t.Errorf("%d events are known, want the one from before", len(got))
	}
	if told := p.texts(journal.Event, journal.Alarm); len(told) != 0 {
		t.Errorf("told as news: %q", told)
	}
	p.step(journal.Recalled{Err: errors.New("forbidden")})
	if !p.state.Snapshot().Refused(snapshot.Event) {
		t.Error("what could not be read is not known to be lacking")
	}
}

// TestTheLabelComesBack: a Deployment whose label somebody takes away and the operator restores is there, and
// is not waited for.
func TestTheLabelComesBack(t *testing.T) {
	p := begun()
	p.see(root(2, 1, "Available"), deployment("3", 0))
	p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: snapshot.Deployment, Object: deployment("4", 0), Version: "4"}}})
	p.see(deployment("5", 1))
	if p.last.Read != journal.ReadRoot {
		t.Errorf("what is lacking: %+v", p.state.Last(p.now).Lacks)
	}
}

// TestGoneWithoutTheLabel: what went without having been marked for deletion may have lost nothing but its label.
// It is looked for whatever its labels, again and again while it is there, and nothing is called gone before.
func TestGoneWithoutTheLabel(t *testing.T) {
	p := newPlayer()
	first := root(1, 1, "Available")
	p.step(journal.Began{Phase: journal.Delete, Goal: judge.Goal{Kind: judge.Gone, Root: snapshot.RefTo(first)}})
	p.see(first, deployment("2", 1))
	for _, o := range []snapshot.Object{deployment("2", 1), first} {
		p.step(journal.Changed{Changes: []snapshot.Change{{Type: snapshot.Deleted, Kind: snapshot.KindOf(o), Object: o, Version: "7"}}})
	}
	if p.last.Read != journal.ReadLeft || !slices.Equal(p.last.Names, []snapshot.Kind{snapshot.Deployment}) {
		t.Fatalf("read %v with the names of %v: want what is left, and all Deployments' names", p.last.Read, p.last.Names)
	}
	bare := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "m-p-0-clf", Namespace: "default", UID: "deployment", ResourceVersion: "6"}}
	bare.Kind = "Deployment"
	stranger := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: "default", UID: "other", ResourceVersion: "4"}}
	stranger.Kind = "Deployment"
	for range 2 {
		p.step(journal.ReadDone{Named: []snapshot.Object{bare, stranger}})
		if lacks := p.state.Last(p.now).Lacks; p.last.Verdict != nil || len(lacks) != 1 || !strings.Contains(lacks[0].Text, "without the label") {
			t.Fatalf("verdict %+v, lacks %+v: want that the Deployment is there", p.last.Verdict, lacks)
		}
		if told := p.texts(journal.Progress); told[len(told)-1] != "left: 1 Deployment" {
			t.Fatalf("told %q: want that nothing but the Deployment is left", told)
		}
		if p.last.Wake.IsZero() {
			t.Fatal("nobody would look for it again, and no watch tells of it")
		}
		p.now = p.last.Wake
		if p.step(journal.Ticked{}); p.last.Read != journal.ReadLeft {
			t.Fatalf("read %v: want to look again", p.last.Read)
		}
	}
	p.step(journal.ReadDone{Named: []snapshot.Object{stranger}})
	if p.last.Verdict == nil || p.last.Verdict.Outcome != judge.Reached {
		t.Errorf("verdict %+v, lacks %+v: want gone", p.last.Verdict, p.state.Last(p.now).Lacks)
	}
}

// crashed is a pod whose container has ended that often, and is down.
func crashed(version string, exits int32) *corev1.Pod {
	down := pod("crashes")
	down.ResourceVersion = version
	down.Status.Conditions = nil
	down.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "clf", RestartCount: exits - 1, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"},
	}}}
	return down
}

// TestLogIsReadAgain: the log of a container that ends again is read again as long as it told nothing, for the
// kubelet may have begun the next run before it was read, but not more often than for any other.
func TestLogIsReadAgain(t *testing.T) {
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "rs", UID: "rs", ResourceVersion: "2", OwnerReferences: owned("deployment")}}
	lost := errors.New(`previous terminated container "clf" not found`)
	for _, c := range []struct {
		reason  string
		answers []journal.LogDone
		reads   int
		words   string
	}{
		{"the first tells", []journal.LogDone{{Lines: []string{"boom"}}}, 1, "its last words:;  boom"},
		{"the first fails", []journal.LogDone{{Err: lost}, {Lines: []string{"boom"}}}, 2, "its last words:;  boom"},
		{"the first is empty", []journal.LogDone{{}, {Lines: []string{"boom"}}}, 2, "its last words:;  boom"},
		{"none ever tells", []journal.LogDone{{}, {}, {Err: lost}, {}}, 3, `its log cannot be read: previous terminated container "clf" not found`},
		{"the first is not answered", nil, 1, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p := newPlayer()
			created := root(1, 1, "")
			goal := judge.Goal{Kind: judge.Available, Root: snapshot.RefTo(created), Baseline: created, Created: true, Patient: true}
			p.step(journal.Began{Phase: journal.Wait, Goal: goal})
			p.see(root(2, 1, "Creating"), deployment("3", 0), set)
			reads := 0
			for exits := int32(1); exits <= 5; exits++ {
				for _, version := range []string{itoa(int64(10 + 2*exits)), itoa(int64(11 + 2*exits))} { // each is seen twice
					if p.see(crashed(version, exits)); p.last.Log == nil {
						continue
					}
					if reads++; reads <= len(c.answers) {
						answer := c.answers[reads-1]
						answer.Key = p.last.Log.Key
						p.step(answer)
					}
				}
			}
			if reads != c.reads {
				t.Errorf("it was read %d times, want %d", reads, c.reads)
			}
			problem := p.state.Last(p.now).Problems[0].Problem
			if _, words := p.state.LastWords(problem); strings.Join(words, ";") != c.words {
				t.Errorf("words %q, want %q", words, c.words)
			}
			p.step(journal.Began{Phase: journal.Scale, Goal: goal})
			if p.last.Log == nil {
				t.Error("the next goal has no count of its own")
			}
		})
	}
}

// TestRepeatedWhileUnknown: what has happened again before anybody knew whose it was is told after what happened meanwhile.
func TestRepeatedWhileUnknown(t *testing.T) {
	p := newPlayer()
	p.see(event("a", "root", "1", 1, "Updated a"), event("b", "root", "2", 1, "Updated b"), event("a", "root", "3", 2, "Updated a"))
	created := root(1, 1, "")
	p.see(created)
	p.step(journal.Began{Phase: journal.Wait, Goal: judge.Goal{Kind: judge.Available, Root: snapshot.RefTo(created), Baseline: created}})
	p.see(root(4, 1, ""))
	if got, want := p.texts(journal.Event), []string{"Updated b", "Updated a"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
