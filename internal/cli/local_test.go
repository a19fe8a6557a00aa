//go:build unix

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// signalling is a stream that sends a signal as soon as the embedded cluster says that it starts.
type signalling struct {
	told bytes.Buffer // not embedded: its ReadFrom would go round Write

	signals chan<- os.Signal
	signal  os.Signal
}

func (s *signalling) Write(p []byte) (int, error) {
	if s.signal != nil && bytes.Contains(p, []byte("starting")) {
		s.signals <- s.signal
	}
	return s.told.Write(p)
}

// TestLocalThatDoesNotStart wants a report and a document of a run whose embedded cluster fails, or is interrupted,
// while it starts.
func TestLocalThatDoesNotStart(t *testing.T) {
	manifest := write(t, t.TempDir(), "m.yaml", "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: m}\n"+
		"spec: {predictors: [{name: p, graph: {name: c, implementation: SKLEARN_SERVER, modelUri: \"gs://x/y\"}}]}\n")
	for reason, tc := range map[string]struct {
		program string // what stands in for the embedded cluster
		signal  os.Signal
		code    int
		says    string
	}{
		"absent":      {"", nil, 5, "seldonctl-local was found neither beside this program nor on PATH"},
		"fails":       {"#!/bin/sh\nexit 1\n", nil, 5, "the embedded cluster did not start"},
		"interrupted": {"#!/bin/sh\necho starting >&2\nread -r line\n", syscall.SIGINT, 130, "interrupted while the embedded cluster started"},
		"terminated":  {"#!/bin/sh\necho starting >&2\nread -r line\n", syscall.SIGTERM, 143, "interrupted while the embedded cluster started"},
	} {
		t.Run(reason, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			if tc.program != "" {
				program := write(t, dir, "seldonctl-local", tc.program)
				if err := os.Chmod(program, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, "x.xml")
			var stdout bytes.Buffer
			signals := make(chan os.Signal, 1)
			stderr := signalling{signals: signals, signal: tc.signal}
			code := Run([]string{"seldonctl", "run", "-f", manifest, "--local", "-o", "json", "--report", path}, strings.NewReader(""), &stdout, &stderr, signals)
			if code != tc.code || !strings.Contains(stderr.told.String(), tc.says) {
				t.Errorf("exit %d, stderr %q", code, stderr.told.String())
			}
			data, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(data), tc.says) {
				t.Errorf("%v: the report is %q", err, data)
			}
			if !strings.Contains(stdout.String(), tc.says) || !strings.Contains(stdout.String(), `"exit": `) {
				t.Errorf("the document is %q", stdout.String())
			}
		})
	}
}
