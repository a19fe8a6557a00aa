package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const recordedJournal = `{"apiVersion":"seldonctl/v1","kind":"Journal"}
{"at":"2026-11-25T10:00:00Z","type":"opening","root":"ns/m","text":"context c","elapsed":0}
{"at":"2026-11-25T10:00:01Z","type":"claim","phase":"available","root":"ns/m","text":"available","elapsed":1,"took":1}
{"at":"2026-11-25T10:00:02Z","type":"closing","root":"ns/m","reason":"Reached","text":"done","end":{"exit":0,"requests":3},"elapsed":2}
`

func TestReport(t *testing.T) {
	dir := t.TempDir()
	whole := write(t, dir, "whole.jsonl", recordedJournal)
	torn := write(t, dir, "torn.jsonl", recordedJournal[:len(recordedJournal)-30])
	file := filepath.Join(dir, "x.md")
	for _, tc := range []struct {
		reason         string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"the story", []string{whole}, 0, "OK       available", ""},
		{"a document", []string{whole, "-o", "json"}, 0, `"kind": "Report"`, ""},
		{"a file alone", []string{whole, "--report", file}, 0, "", ""},
		{"a torn journal", []string{torn, "-o", "json"}, 0, `"complete": false`, "ends in the middle of a line"},
		{"no journal", []string{filepath.Join(dir, "absent")}, 2, "", "no such file"},
		{"something else", []string{write(t, dir, "m.yaml", "kind: Pod\n")}, 2, "", "this is not a journal"},
		{"nothing", nil, 2, "", "takes one journal, but got 0"},
		{"an unknown form", []string{whole, "-o", "yaml"}, 2, "", "--output must be one of"},
		{"an unknown extension", []string{whole, "--report", "x.pdf"}, 2, "", "its name must end in"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			code, stdout, stderr := run(append([]string{"report"}, tc.args...)...)
			if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			if tc.stdout == "" && stdout != "" || tc.stderr == "" && stderr != "" {
				t.Errorf("it says too much: stdout %q, stderr %q", stdout, stderr)
			}
		})
	}
	if data, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(data), "## OK: ns/m\n") {
		t.Errorf("%v\n%s", err, data)
	}
}
