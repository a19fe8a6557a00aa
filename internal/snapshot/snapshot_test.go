package snapshot_test

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func pod(uid types.UID, version string, owners ...types.UID) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: string(uid), Namespace: "default", UID: uid, ResourceVersion: version}}
	for i, owner := range owners {
		controls := i == 0
		p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{UID: owner, Controller: &controls})
	}
	return p
}

func names[T any](all []T, name func(T) string) []string {
	var found []string
	for _, one := range all {
		found = append(found, name(one))
	}
	return found
}

func TestAnObjectNeverGoesBackInTime(t *testing.T) {
	s := snapshot.New()
	for _, tc := range []struct {
		version string
		news    bool
	}{{"5", true}, {"5", false}, {"4", false}, {"10", true}, {"9", false}, {"opaque", true}} {
		if got := s.Set(pod("a", tc.version)); got != tc.news {
			t.Errorf("version %s is news: %v, want %v", tc.version, got, tc.news)
		}
	}
}

func TestTheDeadStayDead(t *testing.T) {
	s := snapshot.New()
	s.Set(pod("a", "1"))
	if !s.Remove(pod("a", "2"), "") || s.Remove(pod("a", "2"), "") {
		t.Error("a deletion is news exactly once")
	}
	if s.Set(pod("a", "3")) || s.Get("a") != nil || !s.Gone("a") {
		t.Error("an object came back after its deletion was seen")
	}
}

// TestLeavingASelectionIsNoDeath: a watch with a selector says DELETED of what has lost its label. What is
// shown at a later version than that lives; what a lagging watch or read shows of before does not.
func TestLeavingASelectionIsNoDeath(t *testing.T) {
	for reason, tc := range map[string]struct {
		gone   []string // versions at which it was not there
		shown  string
		living bool
	}{
		"the label has come back":                               {[]string{"5"}, "6", true},
		"a state of before the deletion comes late":             {[]string{"5"}, "4", false},
		"the very state that was deleted":                       {[]string{"5"}, "5", false},
		"a deletion of unknown version":                         {[]string{""}, "6", false},
		"a read shows its absence before the watch tells":       {[]string{"", "5"}, "6", true},
		"a read shows its absence after the watch has told":     {[]string{"5", ""}, "6", true},
		"of two deletions the later counts":                     {[]string{"7", "5"}, "6", false},
		"versions that are no numbers tell nothing of an order": {[]string{"x"}, "y", false},
	} {
		s := snapshot.New()
		s.Set(pod("a", "3", "root"))
		for i, version := range tc.gone {
			if news := s.Remove(pod("a", "3", "root"), version); news != (i == 0) {
				t.Errorf("%s: deletion %d is news: %v", reason, i, news)
			}
		}
		if news := s.Set(pod("a", tc.shown, "root")); news != tc.living || (s.Get("a") != nil) != tc.living || s.Gone("a") == tc.living {
			t.Errorf("%s: news %v, object %v, gone %v, want living %v", reason, news, s.Get("a"), s.Gone("a"), tc.living)
		}
	}
}

// TestALateDeletionKillsNoSurvivor: a read has shown the object with its label back before the watch tells
// that it had lost it.
func TestALateDeletionKillsNoSurvivor(t *testing.T) {
	s := snapshot.New()
	s.Set(pod("a", "6"))
	if s.Remove(pod("a", "3"), "5") || s.Get("a") == nil {
		t.Error("what was shown at a later version than its deletion is taken for dead")
	}
	if !s.Remove(pod("a", "6"), "7") || s.Get("a") != nil {
		t.Error("its later deletion counts for nothing")
	}
}

func TestDescendantsInWhateverOrderTheyCome(t *testing.T) {
	s := snapshot.New()
	for _, o := range []*corev1.Pod{pod("leaf", "1", "middle"), pod("middle", "2", "root"), pod("stranger", "3", "elsewhere"), pod("root", "4")} {
		s.Set(o)
	}
	ever := names(s.Ever("root"), func(t snapshot.Tombstone) string { return t.Name })
	if want := []string{"leaf", "middle"}; !slices.Equal(ever, want) {
		t.Errorf("ever %q, want %q", ever, want)
	}
	s.Remove(pod("middle", "5", "root"), "")
	below := names(s.Below("root"), func(o snapshot.Object) string { return o.GetName() })
	if want := []string{"leaf"}; !slices.Equal(below, want) {
		t.Errorf("below %q, want %q", below, want)
	}
	for uid, want := range map[types.UID]bool{"leaf": true, "middle": true, "root": true, "stranger": false, "unknown": false} {
		if got := s.Within("root", uid); got != want {
			t.Errorf("%s within root: %v, want %v", uid, got, want)
		}
	}
}

func TestOwnedMeansControlled(t *testing.T) {
	s := snapshot.New()
	s.Set(pod("mine", "1", "root"))
	s.Set(pod("shared", "2", "other", "root"))
	owned := names(s.Owned("root"), func(o snapshot.Object) string { return o.GetName() })
	if want := []string{"mine"}; !slices.Equal(owned, want) {
		t.Errorf("owned %q, want %q", owned, want)
	}
}

func TestNamedPrefersTheYounger(t *testing.T) {
	s := snapshot.New()
	for uid, age := range map[types.UID]int64{"old": 100, "new": 200} {
		p := pod(uid, "1")
		p.Name, p.CreationTimestamp = "same", metav1.Unix(age, 0)
		s.Set(p)
	}
	if got := s.Named(snapshot.Pod, "default", "same"); got.GetUID() != "new" {
		t.Errorf("got %s", got.GetUID())
	}
}

func TestEventTimeAndCount(t *testing.T) {
	at := func(s int64) metav1.Time { return metav1.Unix(s, 0) }
	for reason, tc := range map[string]struct {
		event corev1.Event
		time  int64
		count int32
	}{
		"a series counts most":          {corev1.Event{Series: &corev1.EventSeries{Count: 7, LastObservedTime: metav1.MicroTime{Time: time.Unix(9, 0)}}, LastTimestamp: at(5)}, 9, 7},
		"an old client's time":          {corev1.Event{LastTimestamp: at(5), Count: 3}, 5, 3},
		"a new client's first event":    {corev1.Event{EventTime: metav1.MicroTime{Time: time.Unix(6, 0)}}, 6, 1},
		"nothing but the time of birth": {corev1.Event{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(4)}}, 4, 1},
	} {
		if got := snapshot.EventTime(&tc.event).Unix(); got != tc.time {
			t.Errorf("%s: time %d, want %d", reason, got, tc.time)
		}
		if got := snapshot.EventCount(&tc.event); got != tc.count {
			t.Errorf("%s: count %d, want %d", reason, got, tc.count)
		}
	}
}

func TestPrune(t *testing.T) {
	s := snapshot.New()
	for _, p := range []*corev1.Pod{pod("listed", "3"), pod("missed", "4"), pod("younger", "9")} {
		s.Set(p)
	}
	there := map[types.UID]bool{"listed": true}
	if !s.Prune(snapshot.Pod, there, "5") || s.Prune(snapshot.Pod, there, "5") {
		t.Error("what a list lacks is news exactly once")
	}
	for uid, living := range map[types.UID]bool{"listed": true, "missed": false, "younger": true} {
		if (s.Get(uid) != nil) != living {
			t.Errorf("%s lives: %v, want %v", uid, !living, living)
		}
	}
}

func TestSevered(t *testing.T) {
	s := snapshot.New()
	for _, p := range []*corev1.Pod{pod("orphan", "1", "never seen"), pod("child", "2", "owner"), pod("owner", "3"), pod("grandchild", "4", "orphan")} {
		s.Set(p)
	}
	got := names(s.Severed("SeldonDeployment"), func(o snapshot.Object) string { return o.GetName() })
	if want := []string{"grandchild", "orphan"}; !slices.Equal(got, want) {
		t.Errorf("severed are %v, want %v", got, want)
	}
}

// TestSeveredGone: what goes while its controller was never seen is remembered, until that controller is seen.
func TestSeveredGone(t *testing.T) {
	s := snapshot.New()
	for _, p := range []*corev1.Pod{pod("orphan", "1", "never seen"), pod("child", "2", "late")} {
		s.Set(p)
		s.Remove(p, "")
	}
	s.Set(pod("late", "3"))
	got := names(s.SeveredGone("SeldonDeployment"), func(o snapshot.Object) string { return o.GetName() })
	if want := []string{"orphan"}; !slices.Equal(got, want) {
		t.Errorf("gone and severed are %v, want %v", got, want)
	}
	if kind := snapshot.KindOf(s.SeveredGone("SeldonDeployment")[0]); kind != snapshot.Pod {
		t.Errorf("of kind %s, want Pod", kind)
	}
	s.Revive(pod("orphan", "4", "never seen"))
	if got := s.SeveredGone("SeldonDeployment"); len(got) > 0 {
		t.Errorf("gone is what is there again: %v", got)
	}
}

// TestRemains: what is left of an object that went before it was ever seen names it as its controller.
func TestRemains(t *testing.T) {
	s := snapshot.New()
	yes := true
	left := pod("left", "1")
	left.OwnerReferences = []metav1.OwnerReference{{Kind: "SeldonDeployment", Name: "m", UID: "m-1", Controller: &yes}}
	for _, p := range []*corev1.Pod{left, pod("below", "2", "left"), pod("stranger", "3", "never seen")} {
		s.Set(p)
	}
	objects := s.Remains("SeldonDeployment", "m")
	got := names(objects, func(o snapshot.Object) string { return o.GetName() })
	if want := []string{"below", "left"}; !slices.Equal(got, want) {
		t.Errorf("%v remain, want %v", got, want)
	}
	if objects = s.Remains("SeldonDeployment", "other"); len(objects) > 0 {
		t.Errorf("%v remain of what nothing names", objects)
	}
}

// TestOwnersInACircle: the API server takes whatever somebody writes into owner references.
func TestOwnersInACircle(t *testing.T) {
	s := snapshot.New()
	for _, o := range []snapshot.Object{pod("itself", "1", "itself"), pod("one", "1", "other"), pod("other", "1", "one")} {
		s.Set(o)
	}
	if left := s.Remains("SeldonDeployment", "m"); len(left) > 0 {
		t.Errorf("%v remain", left)
	}
	for _, o := range []snapshot.Object{pod("itself", "2", "itself"), pod("one", "2", "other")} {
		if !s.Remove(o, "") {
			t.Errorf("that %s is gone is no news", o.GetName())
		}
	}
	if severed := append(s.Severed("SeldonDeployment"), s.SeveredGone("SeldonDeployment")...); len(severed) > 0 {
		t.Errorf("severed from what was seen: %v", severed)
	}
}

// TestFreshRemembersExits: a read made to confirm what was watched shows a container's restarts and not
// which of them were seen.
func TestFreshRemembersExits(t *testing.T) {
	pod := func(version string, restarts int32) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{UID: "pod", Name: "pod", ResourceVersion: version},
			Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "clf", RestartCount: restarts}}},
		}
	}
	s := snapshot.New()
	s.Set(pod("1", 3))
	fresh := s.Fresh()
	fresh.Set(pod("2", 4))
	if got := fresh.ExitsBefore("pod", "clf"); got != 3 {
		t.Errorf("%d exits lie before it was first seen, want 3", got)
	}
	s.Remove(pod("3", 4), "")
	if got := s.ExitsBefore("pod", "clf"); got != 0 {
		t.Errorf("%d exits are remembered of a pod that is gone", got)
	}
}
