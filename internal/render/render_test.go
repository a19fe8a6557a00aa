package render_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func story() []journal.Entry {
	root := &snapshot.Ref{Kind: "SeldonDeployment", Namespace: "default", Name: "m", UID: "u"}
	pod := &snapshot.Ref{Kind: "Pod", Namespace: "default", Name: "m-1"}
	return []journal.Entry{
		{Type: journal.Opening, Text: "context c, server https://127.0.0.1:6443, namespace default"},
		{Type: journal.Note, Elapsed: 80 * time.Millisecond, Phase: journal.Create, Object: root, Text: "created, labelled seldonctl/run=abc"},
		{Type: journal.Warning, Elapsed: 81 * time.Millisecond, Object: root, Text: `m.yaml:12: unknown field "spec.predictors[0].hpaSpec"`},
		{Type: journal.PhaseStart, Elapsed: 82 * time.Millisecond, Phase: journal.Wait, Object: root, Text: "waiting until it is available", Limit: 2 * time.Minute},
		{Type: journal.Event, Elapsed: time.Second, Object: pod, Reason: "Pulling", Text: `Pulling image "x"`, Count: 1},
		{Type: journal.Alarm, Elapsed: 2 * time.Second, Object: pod, Reason: "BackOff", Text: "Back-off\npulling \x1b[31mimage", Count: 10},
		{Type: journal.Progress, Elapsed: 3 * time.Second, Object: pod, Text: "0 of 1 ready"},
		{Type: journal.Suspicion, Elapsed: 4 * time.Second, Object: pod, Text: "image x: not found (a failure if it lasts 30s)", Hint: "kubectl describe pod m-1"},
		{Type: journal.Healed, Elapsed: 5 * time.Second, Object: pod, Text: "passed: image x: not found"},
		{Type: journal.Claim, Elapsed: 125 * time.Second, Object: root, Text: "available: 1 of 1 ready on m-p-0-clf", Details: []string{"the operator reports Available"}, Took: 124 * time.Second},
		{Type: journal.Skipped, Elapsed: 126 * time.Second, Object: root, Text: "not scaled: m is autoscaled 1 to 3, now 1"},
		{Type: journal.Failure, Elapsed: 127 * time.Second, Object: root, Text: "it failed", Details: []string{"SeldonDeployment/m", "Pod/m-1: not ready"}, Hint: "kubectl logs m-1", Took: time.Second},
		{Type: journal.Closing, Elapsed: 128 * time.Second, Text: "not reached; 18 API requests; exit 3", Took: 128 * time.Second},
	}
}

func TestLines(t *testing.T) {
	for name, colour := range map[string]bool{"plain": false, "colour": true} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			lines := render.NewLines(&out, colour)
			for _, e := range story() {
				if err := lines.Write(e); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, "testdata/"+name+".txt", out.Bytes())
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

type stuck struct{ free chan struct{} }

func (s stuck) Write(journal.Entry) error { <-s.free; return nil }

func (s stuck) Close() error { return nil }

// TestQueue holds the queue to taking entries while its reader has stopped reading.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		q := render.NewQueue(stuck{free}, time.Second)
		for range 1000 {
			if err := q.Write(journal.Entry{}); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		if err := q.Close(); !errors.Is(err, render.ErrStalled) {
			t.Errorf("Close: %v, want ErrStalled", err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("Close took %s", took)
		}
		close(free)
	})
}
