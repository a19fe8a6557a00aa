package flow_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/render/flow"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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

// kept is a sink that keeps what it is told.
type kept struct {
	mu     sync.Mutex
	texts  []string
	closed int
	err    error
}

func (k *kept) Write(e journal.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.texts = append(k.texts, e.Text)
	return k.err
}

func (k *kept) Close() error { k.closed++; return k.err }

func TestTee(t *testing.T) {
	story, other := &kept{}, &kept{}
	tee := flow.NewTee(story, other)
	for _, err := range []error{
		tee.Write(journal.Entry{Text: "a"}), tee.Aside(journal.Entry{Text: "aside"}), tee.Beside(journal.Entry{Text: "beside"}),
		tee.Close(), tee.Close(),
		tee.Write(journal.Entry{Text: "late"}), tee.Aside(journal.Entry{Text: "late"}), tee.Beside(journal.Entry{Text: "late"}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"a", "aside"}, story.texts); diff != "" {
		t.Errorf("the story (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "beside"}, other.texts); diff != "" {
		t.Errorf("the others (-want +got):\n%s", diff)
	}
	if story.closed != 1 || other.closed != 1 {
		t.Errorf("closed %d and %d times, want once each", story.closed, other.closed)
	}
}

// All sinks get the same order, whoever writes, and what goes wrong with one takes nothing from the others.
func TestTeeKeepsOneOrder(t *testing.T) {
	bad := errors.New("full")
	story, other := &kept{err: bad}, &kept{}
	tee := flow.NewTee(story, other)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for n := range 100 {
				if err := tee.Write(journal.Entry{Text: fmt.Sprint(i, n)}); !errors.Is(err, bad) {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if err := tee.Close(); !errors.Is(err, bad) {
		t.Errorf("Close: %v", err)
	}
	if diff := cmp.Diff(story.texts, other.texts); diff != "" || len(other.texts) != 400 {
		t.Errorf("the orders differ:\n%s", diff)
	}
}

// A sink that panics must not keep a run from removing what it made: nothing but an error comes of it.
type panicking struct{}

func (panicking) Write(journal.Entry) error { panic("out of ideas") }

func (panicking) Close() error { panic("out of ideas") }

func TestAPanicInASinkIsAnError(t *testing.T) {
	q := render.NewQueue(panicking{}, time.Minute)
	for range 3 {
		if err := q.Write(journal.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err == nil || !strings.Contains(err.Error(), "an output failed: out of ideas") {
		t.Errorf("Close: %v", err)
	}
}

func TestVerdicts(t *testing.T) {
	var out bytes.Buffer
	quiet := flow.NewVerdicts(render.NewLines(&out, false))
	left := journal.Entry{Type: journal.Warning, Phase: journal.Cleanup, Elapsed: 127 * time.Second, Text: "what this run created may not be gone", Hint: "seldonctl delete m"}
	told := []journal.Entry{
		{Type: journal.Opening, Text: "context c"},
		{Type: journal.Note, Text: "created"},
		{Type: journal.PhaseStart, Phase: journal.Wait, Text: "waiting until it is available"},
		{Type: journal.Event, Reason: "Pulling", Text: "Pulling image"},
		{Type: journal.Warning, Phase: journal.Create, Text: "the goal is not in danger"},
		{Type: journal.Claim, Elapsed: 125 * time.Second, Text: "available: 1 of 1 ready", Details: []string{"the operator reports Available"}},
		{Type: journal.Skipped, Elapsed: 126 * time.Second, Text: "not scaled: m is autoscaled 1 to 3, now 1"},
		{Type: journal.Failure, Elapsed: 127 * time.Second, Text: "it failed", Details: []string{"Pod/m-1: not ready"}, Hint: "kubectl logs m-1"},
		left,
		{Type: journal.Closing, Elapsed: 128 * time.Second, Text: "not reached; exit 3"},
	}
	for _, e := range told {
		if err := quiet.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := quiet.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/quiet.txt", out.Bytes())
}

// Of several objects each verdict says whose it is, the first one too.
func TestVerdictsOnSeveral(t *testing.T) {
	var out bytes.Buffer
	quiet := flow.NewVerdicts(render.NewLines(&out, false))
	told := []journal.Entry{{Type: journal.Opening, Text: "context c"}}
	for _, root := range []string{"ns/a", "ns/b"} {
		told = append(told, journal.Entry{Type: journal.Opening, Root: root, Text: "context c"})
	}
	told = append(told,
		journal.Entry{Type: journal.Note, Root: "ns/a", Text: "created"},
		journal.Entry{Type: journal.Claim, Root: "ns/a", Elapsed: 5 * time.Second, Text: "available: 1 of 1 ready"},
		journal.Entry{Type: journal.Failure, Root: "ns/b", Elapsed: 6 * time.Second, Text: "not available"},
		journal.Entry{Type: journal.Closing, Root: "ns/a", Elapsed: 7 * time.Second, Text: "done; exit 0"},
		journal.Entry{Type: journal.Closing, Root: "ns/b", Elapsed: 7 * time.Second, Text: "not reached; exit 3"},
		journal.Entry{Type: journal.Closing, Elapsed: 7 * time.Second, Text: "not reached: 1 of 2 reached their goal; exit 3"},
	)
	for _, e := range told {
		if err := quiet.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "testdata/quiet-several.txt", out.Bytes())
}

// Plain lines are silent for 30 s at most while nothing changes, and speak no more often than that.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		beating := flow.NewHeartbeat(render.NewLines(&out, false), 30*time.Second)
		began := time.Now()
		tell := func(e journal.Entry) {
			e.Root, e.At, e.Elapsed = "default/m", time.Now(), time.Since(began)
			if err := beating.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		deployment := &snapshot.Ref{Kind: snapshot.Deployment, Name: "m-0", UID: "d"}
		tell(journal.Entry{Type: journal.Opening, Text: "context c"})
		time.Sleep(31 * time.Second)
		tell(journal.Entry{Type: journal.PhaseStart, Phase: journal.Wait, Text: "waiting until it is available", Limit: 2 * time.Minute})
		time.Sleep(20 * time.Second)
		tell(journal.Entry{Type: journal.Progress, Object: deployment, Text: "0 of 1 ready", Facts: journal.Facts{Replicas: &journal.Replicas{Wanted: 1}}})
		time.Sleep(20 * time.Second)
		tell(journal.Entry{Type: journal.PodChange, Object: deployment, Text: "shows nowhere"})
		time.Sleep(45 * time.Second)
		tell(journal.Entry{Type: render.Request, Text: "GET /x: 200 in 0.001 s"})
		tell(journal.Entry{Type: journal.Suspicion, Text: "image x: not found", Facts: journal.Facts{Problem: &journal.Problem{Key: "k"}}})
		time.Sleep(31 * time.Second)
		tell(journal.Entry{Type: journal.Failure, Phase: journal.Wait, Text: "not available"})
		tell(journal.Entry{Type: journal.PhaseStart, Phase: journal.Cleanup, Text: "deleting it", Limit: time.Minute})
		time.Sleep(61 * time.Second)
		if err := beating.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		golden(t, "testdata/heartbeat.txt", out.Bytes())
	})
}
