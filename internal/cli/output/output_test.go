package output_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CLICOLOR_FORCE"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

func entries() []journal.Entry {
	root := &snapshot.Ref{Kind: "SeldonDeployment", Namespace: "ns", Name: "m", UID: "u"}
	list := []journal.Entry{
		{Type: journal.Opening, Text: "context c", Facts: journal.Facts{Source: "m.yaml:4"}},
		{Type: journal.PhaseStart, Phase: journal.Wait, Object: root, Text: "waiting"},
		{Type: journal.Failure, Phase: journal.Wait, Object: root, Reason: "TimedOut", Text: "not available"},
		{Type: journal.Closing, Reason: "TimedOut", Text: "not reached", Facts: journal.Facts{End: &journal.End{Exit: 6}}},
	}
	for i := range list {
		list[i].Root, list[i].Elapsed = "ns/m", time.Duration(i)*time.Second
		list[i].At = time.Date(2026, 11, 25, 10, 0, i, 0, time.UTC)
	}
	return list
}

// carry tells a story by the flags and returns what the streams got.
func carry(t *testing.T, f output.Flags) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	o := f.Open(output.Streams{Stdout: &out, Stderr: &errs})
	for _, e := range entries() {
		if err := o.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if told := o.Requested(); told != nil {
		told(kube.Exchange{Verb: "GET", Target: "/x", Status: 200, Took: 12 * time.Millisecond})
		told(kube.Exchange{Verb: "WATCH", Target: "/y", Took: time.Second})
	}
	err = o.Close()
	return out.String(), errs.String(), err
}

func TestWhichStreamGetsWhat(t *testing.T) {
	const story, verdict, request = "phase    available: waiting", "end      not reached", "request  GET /x: 200 in 0.012 s"
	for reason, tc := range map[string]struct {
		flags                output.Flags
		stdout, stderr       []string
		notStdout, notStderr string
	}{
		"text":          {flags: output.Flags{Form: "text"}, stdout: []string{story, verdict}, notStdout: request, notStderr: "available"},
		"json":          {flags: output.Flags{Form: "json"}, stdout: []string{"{\n", `"kind": "Report"`, `"exit": 6`}, stderr: []string{story, verdict}, notStdout: story},
		"jsonl":         {flags: output.Flags{Form: "jsonl"}, stdout: []string{`{"apiVersion":"seldonctl/v1","kind":"Journal"}`, `"type":"closing"`}, stderr: []string{story, verdict}, notStdout: story},
		"quiet":         {flags: output.Flags{Form: "text", Quiet: true}, stdout: []string{"FAILED   not available", verdict}, notStdout: "phase"},
		"verbose":       {flags: output.Flags{Form: "text", Verbose: true}, stdout: []string{story, request, "request  WATCH /y: no answer in 1.000 s"}},
		"verbose jsonl": {flags: output.Flags{Form: "jsonl", Verbose: true}, stdout: []string{`"type":"closing"`}, stderr: []string{request}, notStdout: "GET /x"},
	} {
		t.Run(reason, func(t *testing.T) {
			stdout, stderr, err := carry(t, tc.flags)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is missing on stdout:\n%s", want, stdout)
				}
			}
			for _, want := range tc.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is missing on stderr:\n%s", want, stderr)
				}
			}
			if tc.notStdout != "" && strings.Contains(stdout, tc.notStdout) {
				t.Errorf("%q stands on stdout:\n%s", tc.notStdout, stdout)
			}
			if tc.notStderr != "" && strings.Contains(stderr, tc.notStderr) {
				t.Errorf("%q stands on stderr:\n%s", tc.notStderr, stderr)
			}
		})
	}
}

func TestWrongFlags(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder.md"), 0o700); err != nil {
		t.Fatal(err)
	}
	for reason, tc := range map[string]struct {
		flags output.Flags
		says  string
	}{
		"unknown form":          {output.Flags{Form: "yaml"}, `--output must be one of text, json, jsonl, but is "yaml"`},
		"quiet and verbose":     {output.Flags{Quiet: true, Verbose: true}, "contradict"},
		"unknown extension":     {output.Flags{Reports: []string{filepath.Join(dir, "x.pdf")}}, "its name must end in"},
		"a folder that is none": {output.Flags{Reports: []string{filepath.Join(dir, "absent", "x.md")}}, "cannot be written: no such file"},
		"a folder as file":      {output.Flags{Reports: []string{filepath.Join(dir, "folder.md")}}, "is no file"},
	} {
		t.Run(reason, func(t *testing.T) {
			if err := tc.flags.Check(); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
		})
	}
	if err := (&output.Flags{Form: "json", Reports: []string{filepath.Join(dir, "x.md"), filepath.Join(dir, "x.xml")}}).Check(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"folder.md"}, names(t, dir)); diff != "" {
		t.Errorf("checking leaves files behind (-want +got):\n%s", diff)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range list {
		all = append(all, entry.Name())
	}
	return all
}

// A report is whole and the owner's alone, also where there was another; a link to it stays a link, and
// nothing else is left in the folder.
func TestReportFiles(t *testing.T) {
	dir := t.TempDir()
	link, target, old := filepath.Join(dir, "link.json"), filepath.Join(dir, "target.json"), filepath.Join(dir, "old.xml")
	for _, path := range []string{target, old} {
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("target.json", link); err != nil {
		t.Fatal(err)
	}
	if _, _, err := carry(t, output.Flags{Form: "text", Reports: []string{link, old, filepath.Join(dir, "new.md"), filepath.Join(dir, "new.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"link.json", "new.jsonl", "new.md", "old.xml", "target.json"}, names(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, begins := range map[string]string{"target.json": "{", "old.xml": "<?xml", "new.md": "## FAILED", "new.jsonl": `{"apiVersion"`} {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(data), begins) {
			t.Errorf("%s: %v, %.40q", name, err, data)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, err, info.Mode())
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is none any more: %v, %v", err, info.Mode())
	}
}

// A folder that went away while the command ran is an error, and the other reports are there.
func TestAReportThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "x.md")
	_, _, err := carry(t, output.Flags{Form: "text", Reports: []string{filepath.Join(dir, "gone", "x.json"), good}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join("gone", "x.json")+" cannot be written") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(good); err != nil {
		t.Error(err)
	}
}

// What ends before it could begin is reported too, but told only as every refusal is.
func TestRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.xml")
	f := output.Flags{Form: "json", Reports: []string{path}}
	var stdout, stderr bytes.Buffer
	o := f.Open(output.Streams{Stdout: &stdout, Stderr: &stderr})
	o.Refused("Unusable", 5, errors.New("no cluster is configured"), "set KUBECONFIG")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), `<error message="no cluster is configured" type="Unusable">next: set KUBECONFIG</error>`) {
		t.Errorf("%v\n%s", err, data)
	}
	if !strings.Contains(stdout.String(), `"exit": 5`) || stderr.String() != "" {
		t.Errorf("stdout %s, stderr %s", stdout.String(), stderr.String())
	}
}

// A link that leads to what is not there yet is judged and written where it leads, and stays a link.
func TestLinksAreFollowedAlike(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"fresh.md": "second.md", "second.md": "other/fresh.md", "whole.md": filepath.Join(other, "whole.md"), "lost.md": "gone/lost.md",
		"circle.md": "circle.md", "folder.md": "other",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	for link, says := range map[string]string{"fresh.md": "", "whole.md": "", "lost.md": "cannot be written", "circle.md": "circle", "folder.md": "is no file"} {
		path := filepath.Join(dir, link)
		checked := (&output.Flags{Reports: []string{path}}).Check()
		_, _, saved := carry(t, output.Flags{Form: "text", Reports: []string{path}})
		for _, err := range []error{checked, saved} {
			if (err == nil) != (says == "") || err != nil && link != "folder.md" && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: checked %v, saved %v, want %q", link, checked, saved, says)
			}
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	if diff := cmp.Diff([]string{"fresh.md", "whole.md"}, names(t, other)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// blocked is a reader of a stream that takes nothing until it is let go.
type blocked chan struct{}

func (b blocked) Write(p []byte) (int, error) {
	<-b
	return len(p), nil
}

// Reports that take too long do not keep the command, which says so in words of their own; and the summary
// is not behind a stream that nobody reads.
func TestReportsThatTakeTooLong(t *testing.T) {
	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	synctest.Test(t, func(t *testing.T) {
		stderr := make(blocked)
		f := output.Flags{Form: "text"}
		o := f.Open(output.Streams{Stdout: io.Discard, Stderr: stderr})
		for _, e := range entries() {
			if err := o.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		err := o.Close()
		if err == nil || !strings.Contains(err.Error(), "the reports were not all written within 5s") || strings.Contains(err.Error(), "reads the output") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
		close(stderr)
	})
	if data, err := os.ReadFile(summary); err != nil || !strings.HasPrefix(string(data), "## FAILED") {
		t.Errorf("the summary: %v, %s", err, data)
	}
}

func TestInGitHubActions(t *testing.T) {
	workspace := t.TempDir()
	summary := filepath.Join(workspace, "summary.md")
	for path, text := range map[string]string{summary: "before\n", filepath.Join(workspace, "deploy", "m.yaml"): ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(workspace, "deploy"))
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_WORKSPACE", workspace)
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	stdout, stderr, err := carry(t, output.Flags{Form: "text"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "::error file=deploy/m.yaml,line=4,title=ns/m%3A not available::not available\n"; stderr != want || strings.Contains(stdout, "::") {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
	data, err := os.ReadFile(summary)
	if err != nil || !strings.HasPrefix(string(data), "before\n\n## FAILED (TimedOut, exit 6): ns/m\n") {
		t.Errorf("%v\n%s", err, data)
	}
	t.Setenv("GITHUB_WORKSPACE", filepath.Join(workspace, "elsewhere"))
	if _, stderr, _ = carry(t, output.Flags{Form: "text"}); !strings.HasPrefix(stderr, "::error title=") {
		t.Errorf("a file outside of the repository is named: %s", stderr)
	}
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(workspace, "absent", "s.md"))
	if _, _, err = carry(t, output.Flags{Form: "text"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
