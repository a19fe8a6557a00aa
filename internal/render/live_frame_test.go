package render

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// teller makes the entries of one custom resource.
type teller struct {
	root    string
	entries []journal.Entry
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)

func (t *teller) tell(seconds float64, e journal.Entry) {
	e.Root = "models/" + t.root
	e.Elapsed = time.Duration(seconds * float64(time.Second))
	e.At = began.Add(e.Elapsed)
	t.entries = append(t.entries, e)
}

func (t *teller) ref(kind snapshot.Kind, suffix string) *snapshot.Ref {
	name := t.root + suffix
	return &snapshot.Ref{Kind: kind, Namespace: "models", Name: name, UID: types.UID(string(kind) + name)}
}

func (t *teller) phase(seconds float64, phase journal.Phase, text string) {
	t.tell(seconds, journal.Entry{Type: journal.PhaseStart, Phase: phase, Object: t.ref("SeldonDeployment", ""), Text: text, Limit: 2 * time.Minute})
}

func (t *teller) replicas(seconds float64, deployment string, ready, wanted int32) {
	t.tell(seconds, journal.Entry{
		Type: journal.Progress, Object: t.ref(snapshot.Deployment, deployment), Text: fmt.Sprintf("%d of %d ready", ready, wanted),
		Facts: journal.Facts{Replicas: &journal.Replicas{Wanted: wanted, Ready: ready, Total: wanted}},
	})
}

func (t *teller) pod(seconds float64, deployment, pod string, life journal.PodLife) {
	life.Deployment = t.root + deployment
	t.tell(seconds, journal.Entry{Type: journal.PodChange, Object: t.ref(snapshot.Pod, deployment+pod), Text: string(life.State), Facts: journal.Facts{Pod: &life}})
}

func (t *teller) event(seconds float64, kind journal.EntryType, pod, reason, text string) {
	t.tell(seconds, journal.Entry{Type: kind, Object: t.ref(snapshot.Pod, pod), Reason: reason, Text: text, Count: 1})
}

func (t *teller) problem(seconds float64, kind journal.EntryType, text string) {
	p := &journal.Problem{Class: judge.ImagePull, Key: "k", Since: began.Add(19 * time.Second), Until: began.Add(49 * time.Second)}
	t.tell(seconds, journal.Entry{
		Type: kind, Object: t.ref(snapshot.Pod, "-default-1-transformer-66d9c4-zz9qp"), Reason: string(p.Class),
		Text: text, Hint: "kubectl describe pod -n models mnist-default-1-transformer-66d9c4-zz9qp", Facts: journal.Facts{Problem: p},
	})
}

const notFound = "container transformer of pod mnist-default-1-transformer-66d9c4-zz9qp: ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image " +
	`"registry.example.com/models/mnist-transformer:1.5.0": failed to resolve reference: not found (a failure if it lasts 30s)`

// scaling is a story up to the moment in which one Deployment of two is scaled and the other one in
// trouble.
func scaling() []journal.Entry {
	t := &teller{root: "mnist"}
	const classifier, transformer = "-default-0-classifier", "-default-1-transformer"
	t.tell(0, journal.Entry{Type: journal.Opening, Text: "context c, server https://127.0.0.1:6443, namespace models"})
	t.phase(0.1, journal.Wait, "waiting until it is available")
	t.replicas(0.3, classifier, 0, 1)
	t.replicas(0.4, transformer, 0, 1)
	t.pod(0.5, classifier, "-59c8d-aaaaa", journal.PodLife{State: judge.PodPulling})
	t.pod(0.6, transformer, "-66d9c4-bbbbb", journal.PodLife{State: judge.PodStarting})
	t.pod(12, classifier, "-59c8d-aaaaa", journal.PodLife{State: judge.PodReady})
	t.pod(12, transformer, "-66d9c4-bbbbb", journal.PodLife{State: judge.PodReady})
	t.replicas(12, classifier, 1, 1)
	t.replicas(12, transformer, 1, 1)
	t.tell(12.4, journal.Entry{Type: journal.Claim, Phase: journal.Wait, Text: "available: 1 of 1 ready", Took: 12300 * time.Millisecond})
	t.phase(13, journal.Scale, "waiting until it is scaled to 3")
	t.tell(13.1, journal.Entry{Type: journal.Progress, Object: t.ref("SeldonDeployment", ""), Text: "the operator reports Creating"})
	t.replicas(13.2, classifier, 1, 3)
	t.replicas(13.2, transformer, 1, 3)
	t.pod(13.4, classifier, "-59c8d-ccccc", journal.PodLife{State: judge.PodPulling})
	t.pod(13.4, classifier, "-59c8d-ddddd", journal.PodLife{State: judge.PodPulling})
	t.pod(13.4, transformer, "-66d9c4-zz9qp", journal.PodLife{State: judge.PodPulling})
	t.pod(13.4, transformer, "-66d9c4-yyyyy", journal.PodLife{State: judge.PodPending})
	t.event(13.5, journal.Event, classifier+"-59c8d-ccccc", "Pulling", `Pulling image "registry.example.com/models/mnist:1.5.0"`)
	t.pod(18, classifier, "-59c8d-ccccc", journal.PodLife{State: judge.PodReady})
	t.replicas(18, classifier, 2, 3)
	t.event(18.5, journal.Event, classifier+"-59c8d-ccccc", "Started", "Container started")
	t.pod(19, transformer, "-66d9c4-zz9qp", journal.PodLife{State: judge.PodFailing, Why: "ErrImagePull"})
	t.event(19, journal.Alarm, transformer+"-66d9c4-zz9qp", "Failed", "Error: ErrImagePull")
	t.problem(19.1, journal.Suspicion, notFound)
	t.pod(24, transformer, "-66d9c4-zz9qp", journal.PodLife{State: judge.PodFailing, Why: "ImagePullBackOff", Restarts: 2})
	t.event(24, journal.Alarm, transformer+"-66d9c4-zz9qp", "BackOff", "Back-off pulling image")
	return t.entries
}

// deleting goes on from there to the moment when half of it is gone.
func deleting() []journal.Entry {
	t := &teller{root: "mnist", entries: scaling()}
	t.tell(30, journal.Entry{Type: journal.Failure, Phase: journal.Scale, Text: "interrupted"})
	t.phase(31, journal.Cleanup, "deleting it in the foreground and waiting until nothing is left")
	t.tell(31.1, journal.Entry{Type: journal.Progress, Phase: journal.Cleanup, Object: t.ref("SeldonDeployment", ""), Text: "left: 2 Deployments, 3 Pods, the SeldonDeployment itself"})
	for _, pod := range []string{"-59c8d-aaaaa", "-59c8d-ccccc", "-59c8d-ddddd"} {
		t.pod(32, "-default-0-classifier", pod, journal.PodLife{State: judge.PodTerminating})
	}
	for _, pod := range []string{"-66d9c4-bbbbb", "-66d9c4-zz9qp", "-66d9c4-yyyyy"} {
		t.pod(33, "-default-1-transformer", pod, journal.PodLife{State: judge.PodGone})
	}
	return t.entries
}

// manyPods is a story in which all pods of a Deployment have the same problem.
func manyPods() []journal.Entry {
	t := &teller{root: "mnist"}
	t.phase(0.1, journal.Wait, "waiting until it is available")
	t.replicas(0.3, "-0", 0, 50)
	for i := range 50 {
		pod := fmt.Sprintf("-0-abc-%05d", i)
		t.pod(1, "-0", pod, journal.PodLife{State: judge.PodFailing, Why: "CrashLoopBackOff", Restarts: int32(i % 3)})
		problem := &journal.Problem{Class: judge.CrashLoop, Key: pod, Since: began.Add(2 * time.Second), Until: began.Add(62 * time.Second)}
		ref := t.ref(snapshot.Pod, pod)
		problem.Chain = []journal.Link{{Ref: *ref, Text: "not ready"}, {Ref: snapshot.Ref{Kind: "container", Name: "c"}}}
		t.tell(2, journal.Entry{
			Type: journal.Suspicion, Object: ref, Reason: "CrashLoop", Hint: "kubectl logs " + ref.Name, Facts: journal.Facts{Problem: problem},
			Text: "container c of pod " + ref.Name + ": exited with code 1 (a failure if it lasts 1m0s)",
		})
	}
	return t.entries
}

// fleet is many custom resources, ten at a time, as a fleet tells of them: all are opened first, and none is
// closed before all have ended.
func fleet() []journal.Entry {
	all := []journal.Entry{{Type: journal.Opening, At: began, Text: "context c, server https://127.0.0.1:6443, namespace models"}}
	for i := range 30 {
		t := &teller{root: fmt.Sprintf("model-%02d", i)}
		t.tell(0, journal.Entry{Type: journal.Opening, Text: all[0].Text})
		all = append(all, t.entries...)
	}
	for i := range 20 { // the last ten wait for their turn
		t := &teller{root: fmt.Sprintf("model-%02d", i)}
		start := float64(i / 10 * 10)
		t.phase(start+0.1, journal.Wait, "waiting until it is available")
		t.replicas(start+0.4, "-default-0-classifier", int32(i%3), 2)
		switch {
		case i%10 == 7:
			t.problem(19, journal.Suspicion, "image x: not found (a failure if it lasts 30s)")
		case i == 8: // failed, and is being removed
			t.tell(20, journal.Entry{Type: journal.Failure, Phase: journal.Wait, Text: "not available: image x: not found", Took: 20 * time.Second})
			t.phase(21, journal.Cleanup, "deleting it")
		case i == 9: // failed, and is removed
			t.problem(5, journal.Suspicion, "image x: not found (a failure if it lasts 30s)")
			t.tell(6, journal.Entry{Type: journal.Failure, Phase: journal.Wait, Text: "not available: image x: not found", Took: 6 * time.Second})
			t.phase(6.1, journal.Cleanup, "deleting it")
			t.tell(8, journal.Entry{Type: journal.Claim, Phase: journal.Cleanup, Text: "gone: SeldonDeployment, 1 Deployment", Took: 2 * time.Second})
		case i < 7: // done
			t.tell(8, journal.Entry{Type: journal.Claim, Phase: journal.Wait, Text: "available: 2 of 2 ready", Took: 8 * time.Second})
			t.phase(8.1, journal.Delete, "deleting it")
			t.tell(9, journal.Entry{Type: journal.Claim, Phase: journal.Delete, Text: "gone: SeldonDeployment, 1 Deployment", Took: time.Second})
		case i == 10: // between two phases
			t.tell(27.5, journal.Entry{Type: journal.Claim, Phase: journal.Wait, Text: "available: 2 of 2 ready", Took: 8 * time.Second})
		}
		all = append(all, t.entries...)
	}
	return all
}

// few is how four of them stand: one is done, one has failed and is removed, one is running, one waits.
func few() []journal.Entry {
	return slices.DeleteFunc(fleet(), func(e journal.Entry) bool {
		return e.Root != "" && !slices.Contains([]string{"models/model-00", "models/model-09", "models/model-11", "models/model-29"}, e.Root)
	})
}

// closed goes on to the end, at which the last of them has not been begun.
func closed() []journal.Entry {
	t := &teller{entries: few()}
	for root, e := range map[string]journal.Entry{
		"model-00": {Text: "done: available in 8.0 s, gone in 1.0 s; exit 0", Facts: journal.Facts{End: &journal.End{}}},
		"model-09": {Text: "not reached: cleaned up; exit 3", Facts: journal.Facts{End: &journal.End{Exit: 3}}},
		"model-11": {Text: "not reached; exit 130", Facts: journal.Facts{End: &journal.End{Exit: 130}}},
		"model-29": {Text: "not begun"},
	} {
		e.Type, t.root = journal.Closing, root
		t.tell(27, e)
	}
	return t.entries
}

func viewOf(entries []journal.Entry) *journal.View {
	v := &journal.View{}
	for _, e := range entries {
		v.Take(e)
	}
	return v
}

func TestFrames(t *testing.T) {
	for name, tc := range map[string]struct {
		story         []journal.Entry
		seconds       int
		width, height int
		look          look
	}{
		"80x24":          {scaling(), 28, 79, 23, look{utf8: true}},
		"80x24-colour":   {scaling(), 28, 79, 23, look{utf8: true, colour: true}},
		"80x24-ascii":    {scaling(), 28, 79, 23, look{}},
		"140x40":         {scaling(), 28, 139, 39, look{utf8: true}},
		"40x10":          {scaling(), 28, 39, 9, look{utf8: true}},
		"80x24-deleting": {deleting(), 35, 79, 23, look{utf8: true}},
		"80x24-fleet":    {fleet(), 28, 79, 23, look{utf8: true}},
		"80x50-fleet":    {fleet(), 28, 79, 49, look{utf8: true, colour: true}},
		"80x24-few":      {few(), 28, 79, 23, look{utf8: true}},
		"80x24-closed":   {closed(), 28, 79, 23, look{}},
		"80x24-pods":     {manyPods(), 28, 79, 23, look{utf8: true}},
		"80x24-lasts":    {scaling(), 110, 79, 23, look{utf8: true}},
		"opening":        {scaling()[:1], 3, 79, 23, look{utf8: true}},
	} {
		t.Run(name, func(t *testing.T) {
			lines := frame(viewOf(tc.story), began.Add(time.Duration(tc.seconds)*time.Second), tc.width, tc.height, tc.look)
			got := strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "\x1b", "ESC")
			path := "testdata/live/" + name + ".txt"
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

// colourOnly is the only kind of escape sequence that a picture may hold.
var colourOnly = regexp.MustCompile(`\x1b\[[0-9]*m`)

// hostile is a story told by a cluster that wants to steer the terminal.
func hostile() []journal.Entry {
	const wide = "\u6f22" // takes two columns
	evil := "\x1b[2J\x1b]0;x\a\u202e" + wide + "\t\n\u200be\u0301 \u009b1A" + strings.Repeat(wide, 200)
	t := &teller{root: "evil" + evil}
	t.phase(0.1, journal.Phase(evil), evil)
	t.tell(1, journal.Entry{Type: journal.Progress, Object: t.ref("SeldonDeployment", ""), Text: evil, Details: []string{evil, evil}})
	t.replicas(1, evil, -1, -3)
	t.replicas(1, evil+"2", 5, 0)
	t.replicas(1, evil+"3", 2147483647, 2147483647)
	for i := range 30 {
		t.pod(2, evil, strconv.Itoa(i), journal.PodLife{State: judge.PodState("new"), Why: evil + strconv.Itoa(i), Restarts: 1})
	}
	t.event(3, journal.Alarm, evil, evil, evil)
	t.problem(4, journal.Suspicion, evil)
	t.tell(5, journal.Entry{Type: journal.Suspicion, Text: evil, Hint: evil})
	return t.entries
}

// TestFramesFit holds every picture to the window's size and to colours as the only escape sequences,
// whatever the cluster says.
func TestFramesFit(t *testing.T) {
	for name, story := range map[string][]journal.Entry{"scaling": scaling(), "deleting": deleting(), "fleet": fleet(), "closed": closed(), "pods": manyPods(), "hostile": hostile(), "nothing": nil} {
		v := viewOf(story)
		for _, l := range []look{{}, {utf8: true}, {colour: true, utf8: true}} {
			for _, width := range []int{-1, 0, 1, 2, 5, 20, 33, 39, 59, 60, 79, 100, 139} {
				for _, height := range []int{-1, 0, 1, 2, 3, 6, 10, 23, 50} {
					lines := frame(v, began.Add(28*time.Second), width, height, l)
					if len(lines) > max(height, 0) {
						t.Fatalf("%s at %dx%d: %d lines", name, width, height, len(lines))
					}
					for _, line := range lines {
						checkLine(t, line, width, l)
					}
				}
			}
		}
	}
}

func checkLine(t *testing.T, line string, width int, l look) {
	t.Helper()
	bare := colourOnly.ReplaceAllString(line, "")
	if !l.colour && bare != line {
		t.Fatalf("a colour where none is wanted: %q", line)
	}
	if size := widthOf(bare); size > width {
		t.Fatalf("%d columns in a window of %d: %q", size, width, line)
	}
	for _, r := range bare {
		if !printable(r) || !l.utf8 && r > '~' {
			t.Fatalf("%U got through: %q", r, line)
		}
	}
	if bare != line && !strings.HasSuffix(colourOnly.FindAllString(line, -1)[len(colourOnly.FindAllString(line, -1))-1], "[0m") {
		t.Fatalf("the colour does not end: %q", line)
	}
}

func TestClockAndBar(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0:00", 7 * time.Second: "0:07", 750 * time.Second: "12:30", 3723 * time.Second: "1:02:03"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) = %s, want %s", d, got, want)
		}
	}
	for want, tc := range map[string]struct{ part, whole int32 }{
		"......": {0, 3}, "#.....": {1, 1000}, "#####.": {999, 1000}, "######": {3, 3}, "##....": {1, 3},
	} {
		if got := (look{}).bar(tc.part, tc.whole, 6); got != want {
			t.Errorf("bar(%d of %d) = %s, want %s", tc.part, tc.whole, got, want)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	for name, story := range map[string][]journal.Entry{"scaling": scaling(), "fleet": fleet(), "pods": manyPods(), "hostile": hostile()} {
		v := viewOf(story)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				frame(v, began.Add(28*time.Second), 79, 23, look{utf8: true, colour: true})
			}
		})
	}
}
