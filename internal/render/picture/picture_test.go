package picture_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/render/picture"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorded reads a journal.
func recorded(tb testing.TB, name string) []journal.Entry {
	tb.Helper()
	file, err := os.Open("testdata/" + name + ".jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var entries []journal.Entry
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e journal.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			tb.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// recordings are of a good run, of one with a missing image, of one whose new pods crash, of one that was refused;
// of runs whose own namespace stays, with one object and with two, of one that may not create its namespace, of one
// without a cluster, and of one that was interrupted between its objects.
var recordings = []string{"good", "failing-image", "crash-loop", "refused", "stays-one", "stays", "forbidden", "no-cluster", "not-begun"}

func write(t *testing.T, entries []journal.Entry) string {
	t.Helper()
	var v journal.View
	for _, e := range entries {
		v.Take(e)
	}
	var out bytes.Buffer
	if err := picture.Write(&out, &v, entries); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".html"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got), -update rewrites it:\n%s", path, diff)
	}
}

func TestReports(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			got := write(t, recorded(t, name))
			golden(t, name, got)
			if again := write(t, recorded(t, name)); again != got {
				t.Error("the same entries gave another report")
			}
		})
	}
	t.Run("several", func(t *testing.T) {
		all := slices.Concat(recorded(t, "good"), recorded(t, "failing-image"))
		slices.SortStableFunc(all, func(a, b journal.Entry) int { return int(a.Elapsed - b.Elapsed) })
		got := write(t, all)
		golden(t, "several", got)
		for _, want := range []string{`href="#object-2"`, `id="object-2"`, "2 objects"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s", want)
			}
		}
	})
}

// A report is complete whenever the journal ends.
func TestEveryBeginningOfAJournalIsAReport(t *testing.T) {
	for _, name := range recordings {
		entries := recorded(t, name)
		for n := range len(entries) + 1 {
			if got := write(t, entries[:n]); balance(got) != "" {
				t.Fatalf("%s after %d entries: %s", name, n, balance(got))
			}
		}
	}
}

var (
	tags     = regexp.MustCompile(`<(/?)([a-zA-Z!][^\s/>]*)([^>]*)>`)
	attrs    = regexp.MustCompile(`\s([a-zA-Z0-9:-]+)(?:="([^"<>]*)")?`)
	embedded = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`)
)

// balance says which element is not closed as it was opened, or nothing.
func balance(document string) string {
	var open []string
	for _, m := range tags.FindAllStringSubmatch(embedded.ReplaceAllString(document, ""), -1) {
		switch closing, name := m[1] != "", m[2]; {
		case name == "!DOCTYPE" || name == "meta" || strings.HasSuffix(m[3], "/"):
		case !closing:
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Sprintf("</%s> closes %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Sprintf("not closed: %v", open)
	}
	return ""
}

// payloads are texts that want to be more than text.
var payloads = []string{
	`<script>window.pwned=1</script>`, `"><img src=x onerror=window.pwned=1>`, `'><svg/onload=window.pwned=1>`, `</title></style></script><h1>pwned`,
	`<iframe srcdoc="<script>parent.pwned=1</script>">`, `javascript:window.pwned=1`, "</pre><base href=//evil.test/>", `&lt;b&gt; &amp; &#60;`, `]]><!-- `,
	"\" style=\"position:fixed\" onmouseover=\"window.pwned=1", "\u202egnp.exe", "\x1b[2J\x00", `<a href="https://evil.test">x</a>`, "x\xff\xfe", `{{.}}${1}`,
}

// harmless is a payload without what could make it markup.
func harmless(text string) string {
	return strings.NewReplacer("<", "x", ">", "x", `"`, "x", "'", "x", "&", "x", "`", "x").Replace(text)
}

// poisoned puts the payloads, changed by the function, into every text of a story.
func poisoned(entries []journal.Entry, change func(string) string) []journal.Entry {
	next := 0
	poison := func(at *string) {
		if *at != "" {
			*at = change(payloads[next%len(payloads)] + " " + *at)
		}
		next++
	}
	root := func(ref *snapshot.Ref) {
		kind := string(ref.Kind)
		poison(&kind)
		ref.Kind = snapshot.Kind(kind)
		poison(&ref.Name)
		poison(&ref.Namespace)
	}
	var out []journal.Entry
	for _, e := range entries {
		if e.Root != "" {
			e.Root = change(payloads[1] + e.Root)
		}
		for _, at := range []*string{&e.Text, &e.Reason, &e.Hint, &e.Source} {
			poison(at)
		}
		if e.Object != nil {
			object := *e.Object
			object.Name = change(payloads[0] + object.Name)
			object.Kind = snapshot.Kind(change(payloads[2] + string(object.Kind)))
			e.Object = &object
		}
		e.Details, e.Log = slices.Clone(e.Details), slices.Clone(e.Log)
		for _, lines := range [][]string{e.Details, e.Log} {
			for i := range lines {
				poison(&lines[i])
			}
		}
		if e.Pod != nil {
			pod := *e.Pod
			pod.Deployment = change(payloads[0] + pod.Deployment)
			poison(&pod.Why)
			poison(&pod.Node)
			e.Pod = &pod
		}
		if e.Problem != nil {
			problem := *e.Problem
			problem.Class = judge.Class(change(payloads[3] + string(problem.Class)))
			problem.Chain = slices.Clone(problem.Chain)
			for i := range problem.Chain {
				root(&problem.Chain[i].Ref)
				poison(&problem.Chain[i].Text)
			}
			e.Problem = &problem
		}
		out = append(out, e)
	}
	return out
}

// skeleton is a document's elements with the names of their attributes: all of it but texts and values.
func skeleton(document string) []string {
	var all []string
	for _, m := range tags.FindAllStringSubmatch(embedded.ReplaceAllString(document, ""), -1) {
		element := []string{m[1] + m[2]}
		for _, a := range attrs.FindAllStringSubmatch(m[3], -1) {
			element = append(element, a[1])
		}
		all = append(all, strings.Join(element, " "))
	}
	return all
}

func TestHostileTextStaysText(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			got := write(t, poisoned(recorded(t, name), func(s string) string { return s }))
			want := write(t, poisoned(recorded(t, name), harmless))
			if diff := cmp.Diff(skeleton(want), skeleton(got)); diff != "" {
				t.Errorf("hostile texts have made another document:\n%s", diff)
			}
			if kept := map[string]string{"crash-loop": "hostile", "forbidden": "hostile-command"}[name]; kept != "" {
				golden(t, kept, got)
			}
			for _, forbidden := range []string{"\x1b", "\x00", "\u202e", "<script>window", "<img", "<iframe", "<base", "<a href=\"https"} {
				if strings.Contains(got, forbidden) {
					t.Errorf("%q got through", forbidden)
				}
			}
			if !strings.Contains(got, "&lt;script&gt;window.pwned=1&lt;/script&gt;") && !strings.Contains(got, "&#34;&gt;&lt;img src=x onerror=window.pwned=1&gt;") {
				t.Error("the hostile texts are not there as texts")
			}
		})
	}
}

// The policy of the document allows its own style and script, by their content, and nothing else.
func TestPolicyAllowsOnlyWhatIsInside(t *testing.T) {
	document := write(t, recorded(t, "crash-loop"))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(document)
	if policy == nil {
		t.Fatal("no policy")
	}
	allowed := strings.ReplaceAll(policy[1], "&#39;", "'")
	want := "default-src 'none'; style-src " + inside(t, document, "style") + "; script-src " + inside(t, document, "script") +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	if allowed != want {
		t.Errorf("policy: %s\n  want: %s", allowed, want)
	}
	if before, _, _ := strings.Cut(document, "Content-Security-Policy"); strings.Contains(before, "<style") || strings.Contains(before, "<script") {
		t.Error("the policy comes after what it rules")
	}
	for _, element := range skeleton(document) {
		for _, name := range strings.Fields(element)[1:] {
			if name == "style" || name == "src" || strings.HasPrefix(name, "on") {
				t.Errorf("<%s>", element)
			}
		}
	}
}

// inside hashes the content of the one element of that name.
func inside(t *testing.T, document, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<`+name+`[^>]*>(.*?)</`+name+`>`).FindAllStringSubmatch(document, -1)
	if len(found) != 1 {
		t.Fatalf("%d <%s> elements", len(found), name)
	}
	sum := sha256.Sum256([]byte(found[0][1]))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A journal may come from a file that anybody has written.
func FuzzWrite(f *testing.F) {
	data, err := os.ReadFile("testdata/crash-loop.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if i%5 == 0 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"type":"failure","text":"not gone","details":["held"],"elapsed":1}`))
	f.Add([]byte(`{"type":"podChange","root":"a","object":{},"pod":{"state":"new"},"elapsed":-5}`))
	f.Add([]byte(`{"type":"progress","root":"a","object":{},"replicas":{"wanted":-3,"ready":7},"elapsed":9e9,"limit":-1}`))
	story := recorded(f, "crash-loop")
	f.Fuzz(func(t *testing.T, line []byte) {
		var e journal.Entry
		if json.Unmarshal(line, &e) != nil {
			return
		}
		entries := slices.Concat(told(e, 40), story, told(e, 1))
		if wrong := balance(write(t, entries)); wrong != "" {
			t.Error(wrong)
		}
	})
}

// told is an entry told many times, each time of another object at another moment.
func told(e journal.Entry, times int) []journal.Entry {
	var all []journal.Entry
	for i := range times {
		if e.Object != nil {
			object := *e.Object
			object.UID += types.UID(strconv.Itoa(i))
			e.Object = &object
		}
		e.Elapsed += time.Duration(i) * time.Second
		all = append(all, e)
	}
	return all
}

// many is a story of a Deployment with many pods; why gives each the reason for which it fails for a while.
func many(pods int, why func(i int) string) []journal.Entry {
	began := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	root := &snapshot.Ref{Kind: "SeldonDeployment", Namespace: "models", Name: "wide", UID: "u"}
	deployment := &snapshot.Ref{Kind: "Deployment", Namespace: "models", Name: "wide-main-0-clf", UID: "d"}
	var all []journal.Entry
	tell := func(after time.Duration, e journal.Entry) {
		e.Root, e.Elapsed, e.At = "models/wide", after, began.Add(after)
		all = append(all, e)
	}
	tell(0, journal.Entry{Type: journal.Opening, Text: "context c, server https://127.0.0.1:6443, namespace models"})
	tell(0, journal.Entry{Type: journal.PhaseStart, Phase: journal.Wait, Object: root, Limit: 2 * time.Minute, Text: "waiting until it is available"})
	for i := range pods {
		name := fmt.Sprintf("%s-6d4cf56db6-%05d", deployment.Name, i)
		ref := &snapshot.Ref{Kind: snapshot.Pod, Namespace: "models", Name: name, UID: types.UID(name)}
		states := []judge.PodState{judge.PodPending, judge.PodScheduled, judge.PodPulling, judge.PodInitialising, judge.PodStarting, judge.PodReady}
		for n, state := range states {
			life := journal.PodLife{State: state, Deployment: deployment.Name, Node: fmt.Sprintf("node-%d", i%7)}
			if state == judge.PodStarting && why(i) != "" {
				life.State, life.Why, life.Restarts = judge.PodFailing, why(i), 1
			}
			tell(time.Duration(i*20+n*(900+i%300))*time.Millisecond, journal.Entry{Type: journal.PodChange, Object: ref, Facts: journal.Facts{Pod: &life}})
		}
		tell(time.Duration(i*20)*time.Millisecond, journal.Entry{Type: journal.Event, Object: ref, Reason: "Scheduled", Text: "Successfully assigned models/" + ref.Name + " to node-1", Count: 1})
		tell(time.Duration(i*20+6000)*time.Millisecond, journal.Entry{Type: journal.Progress, Object: deployment, Facts: journal.Facts{Replicas: &journal.Replicas{Wanted: int32(pods), Ready: int32(i + 1), Total: int32(pods)}}})
	}
	tell(time.Minute, journal.Entry{Type: journal.Claim, Phase: journal.Wait, Object: root, Text: "available", Took: time.Minute})
	tell(time.Minute, journal.Entry{Type: journal.Closing, Text: "done: available in 60.0 s; 16 API requests; exit 0", Took: time.Minute, Facts: journal.Facts{End: &journal.End{Requests: 16}}})
	slices.SortStableFunc(all, func(a, b journal.Entry) int { return int(a.Elapsed - b.Elapsed) })
	return all
}

// worked is how long the processor has worked for this process, whatever else the machine does.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestAThousandPodsAreReadable(t *testing.T) {
	for name, why := range map[string]func(int) string{
		"all alike":     func(int) string { return "" },
		"some fail":     func(i int) string { return [...]string{"", "ErrImagePull", "", "CrashLoopBackOff"}[i%4] },
		"each its own":  func(i int) string { return fmt.Sprintf("Reason%d", i) },
		"many families": func(i int) string { return fmt.Sprintf("Reason%d", i%75) },
	} {
		t.Run(name, func(t *testing.T) {
			entries := many(1000, why)
			before := worked(t)
			got := write(t, entries)
			if took := worked(t) - before; took > time.Second {
				t.Errorf("took %s", took)
			}
			if len(got) > 1_000_000 {
				t.Errorf("%d bytes", len(got))
			}
			if rows := strings.Count(got, `class="row pod"`) + strings.Count(got, `class="row group"`); rows == 0 || rows > 60 {
				t.Errorf("%d rows of pods", rows)
			}
			if !strings.Contains(got, "Pods with the same course share a row") {
				t.Error("nothing says that pods are folded")
			}
			if name == "some fail" {
				golden(t, "folded", write(t, many(120, why)))
			}
		})
	}
}
