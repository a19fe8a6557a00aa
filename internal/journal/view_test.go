package journal_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// told is a story in which everything occurs that a view keeps.
func told() []journal.Entry {
	began := time.Date(2026, 11, 25, 10, 0, 0, 123456789, time.UTC)
	root := &snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: "m", UID: "u"}
	deployment := &snapshot.Ref{Kind: "Deployment", Namespace: "ns", Name: "m-0", UID: "d"}
	pod := &snapshot.Ref{Kind: "Pod", Namespace: "ns", Name: "m-0-x", UID: "p"}
	problem := &journal.Problem{Class: judge.ImagePull, Key: "k", Since: began, Until: began.Add(30 * time.Second), Chain: []journal.Link{{Ref: *pod, Text: "not ready"}}}
	entries := []journal.Entry{
		{Type: journal.Opening, Text: "context c", Facts: journal.Facts{Source: "m.yaml:4"}},
		{Type: journal.PhaseStart, Phase: journal.Wait, Object: root, Limit: 2 * time.Minute, Text: "waiting"},
		{Type: journal.Progress, Object: deployment, Facts: journal.Facts{Replicas: &journal.Replicas{Wanted: 1}}},
		{Type: journal.PodChange, Object: pod, Facts: journal.Facts{Pod: &journal.PodLife{State: judge.PodFailing, Why: "ErrImagePull", Deployment: "m-0"}}},
		{Type: journal.Alarm, Object: pod, Reason: "Failed", Text: "no such image", Count: 1},
		{Type: journal.Suspicion, Object: pod, Text: "image not found", Facts: journal.Facts{Problem: problem}},
		{Type: journal.Healed, Object: pod, Text: "passed", Facts: journal.Facts{Problem: problem}},
		{Type: journal.Suspicion, Object: pod, Text: "image not found", Facts: journal.Facts{Problem: problem}},
		{Type: journal.Progress, Object: deployment, Facts: journal.Facts{Replicas: &journal.Replicas{Wanted: 1, Ready: 1, Total: 1}}},
		{Type: journal.Claim, Phase: journal.Wait, Object: root, Text: "available", Details: []string{"evidence"}, Took: 1234567891},
		{Type: journal.Skipped, Phase: journal.Scale, Object: root, Text: "not scaled"},
		{Type: journal.Warning, Text: "a warning"},
		{Type: journal.Closing, Text: "done", Facts: journal.Facts{End: &journal.End{Requests: 12}}},
	}
	for i := range entries {
		entries[i].Root = "ns/m"
		entries[i].Elapsed = time.Duration(i)*time.Second + 987654321
		entries[i].At = began.Add(entries[i].Elapsed)
	}
	return entries
}

func TestViewIsThePictureOfAStory(t *testing.T) {
	var v journal.View
	for i, e := range told() {
		v.Take(e)
		if i == 5 {
			if got := len(v.Roots[0].Problems); got != 1 {
				t.Errorf("problems while one is suspected: %d, want 1", got)
			}
			if v.Roots[0].Running() == nil || v.Roots[0].PodsIn("m-0")[judge.PodFailing] != 1 {
				t.Error("the running phase or the failing pod is missing")
			}
		}
		if i == 6 && len(v.Roots[0].Problems) != 0 {
			t.Error("a problem that has passed is still there")
		}
	}
	r := v.Roots[0]
	if r.Source != "m.yaml:4" || v.Where != "context c" || r.Object.UID != "u" {
		t.Errorf("the opening is not kept: %+v", r)
	}
	if len(r.Phases) != 2 || r.Phases[0].Result.Text != "available" || r.Phases[1].Name != journal.Scale || r.Running() != nil {
		t.Errorf("phases: %+v", r.Phases)
	}
	if got := r.Deployments[0].Now(); got != (journal.Replicas{Wanted: 1, Ready: 1, Total: 1}) || len(r.Deployments[0].Steps) != 2 {
		t.Errorf("replicas over time: %+v", r.Deployments[0].Steps)
	}
	if r.Pods[0].Deployment != "m-0" || r.End.End.Requests != 12 || len(r.Events) != 1 || len(r.Remarks) != 1 {
		t.Errorf("the rest of the story: %+v", r)
	}
}

// Nothing is lost by recording a journal, down to the nanosecond.
func TestRecordedEntriesAreThoseThatWereMade(t *testing.T) {
	for _, want := range told() {
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got journal.Entry
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", line, diff)
		}
	}
}
