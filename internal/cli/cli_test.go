package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCompatible holds the original command line to working on: every form that Go's flag package
// took, and nothing that only looks like one.
func TestCompatible(t *testing.T) {
	for _, tc := range []struct {
		reason    string
		args, out []string
	}{
		{"nothing is run", nil, []string{"run"}},
		{
			"the original flags",
			[]string{"-f", "x", "-n", "ns", "-r", "3", "-pt", "60s", "-kubeconfig", "k"},
			[]string{"run", "-f", "x", "-n", "ns", "-r", "3", "--timeout", "60s", "--kubeconfig", "k"},
		},
		{"with equals signs", []string{"-pt=60s", "-kubeconfig=k"}, []string{"run", "--timeout=60s", "--kubeconfig=k"}},
		{
			"with two hyphens",
			[]string{"--f", "x", "--n", "ns", "--r=3", "--pt", "60s"},
			[]string{"run", "--filename", "x", "--namespace", "ns", "--replicas=3", "--timeout", "60s"},
		},
		{"behind the command", []string{"run", "-pt", "60s"}, []string{"run", "--timeout", "60s"}},
		{"a value that looks like a flag", []string{"-f", "-pt", "-n", "-kubeconfig"}, []string{"run", "-f", "-pt", "-n", "-kubeconfig"}},
		{"standard input", []string{"-f", "-", "-pt", "1s"}, []string{"run", "-f", "-", "--timeout", "1s"}},
		{"a value in the word", []string{"-r3", "-pt", "1s"}, []string{"run", "-r3", "--timeout", "1s"}},
		{"a flag without a value", []string{"--local", "-pt", "1s"}, []string{"run", "--local", "--timeout", "1s"}},
		{"behind the end of the flags", []string{"run", "--", "-pt"}, []string{"run", "--", "-pt"}},
		{"another command is left alone", []string{"local", "up", "-pt"}, []string{"local", "up", "-pt"}},
		{"only exact words", []string{"-ptx", "1s", "-kubeconfigs", "k"}, []string{"run", "-ptx", "1s", "-kubeconfigs", "k"}},
		{"help", []string{"-h"}, []string{"-h"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.out, compatible(newRoot(outside{}), tc.args)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUsage holds mistakes that need no cluster to exit 2 and one clear line.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good.yaml", "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: m, namespace: a}\nspec: {predictors: []}\n")
	for _, tc := range []struct {
		reason string
		args   []string
		says   string
	}{
		{"unknown command", []string{"nope"}, `there is no command "nope"`},
		{"unknown flag", []string{"run", "--nope"}, "unknown flag: --nope"},
		{"missing file", []string{"-f", filepath.Join(dir, "absent.yaml")}, "absent.yaml"},
		{"not YAML", []string{"-f", write(t, dir, "bad.yaml", "a: [")}, "bad.yaml:1"},
		{"no SeldonDeployment", []string{"-f", write(t, dir, "pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n")}, "holds no SeldonDeployment"},
		{"-n against the manifest", []string{"-f", good, "-n", "b"}, `is for namespace "a", but -n says "b"`},
		{"negative replicas", []string{"-f", good, "-r", "-1"}, "--replicas must not be negative"},
		{"negative timeout", []string{"-f", good, "-pt", "-1s"}, "--timeout must be positive"},
		{"not a duration", []string{"-f", good, "-pt", "soon"}, "invalid argument"},
		{"unknown word", []string{"-f", good, "--keep", "perhaps"}, "--keep must be one of never, failure, always"},
		{"an argument too many", []string{"run", "x"}, "takes no arguments"},
		{"an empty name to wait for", []string{"wait", ""}, `"" is no name of a SeldonDeployment`},
		{"an empty name to delete", []string{"delete", ""}, `"" is no name of a SeldonDeployment`},
		{"one empty name of several", []string{"delete", "m", ""}, `"" is no name of a SeldonDeployment`},
		{"an empty name to scale", []string{"scale", "", "-r", "1"}, `"" is no name of a SeldonDeployment`},
		{"an empty name to look at", []string{"status", ""}, `"" is no name of a SeldonDeployment`},
		{"what is no name", []string{"wait", "a/b"}, `"a/b" is no name of a SeldonDeployment`},
		{"a run without an ID", []string{"delete", "m", "--run", ""}, "--run has no ID"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			code, stdout, stderr := run(tc.args...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, tc.says) {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit 2 and %q", code, stdout, stderr, tc.says)
			}
			if n := strings.Count(stderr, "\n"); n > 2 {
				t.Errorf("%d lines on stderr:\n%s", n, stderr)
			}
		})
	}
}

func TestNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("HOME", t.TempDir())
	good := write(t, t.TempDir(), "good.yaml", "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: m}\nspec: {predictors: []}\n")
	code, _, stderr := run("-f", good)
	if code != 5 || !strings.Contains(stderr, "no cluster is configured") || !strings.Contains(stderr, "--local") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}

// TestInterruptedReading ends a run whose manifest never comes.
func TestInterruptedReading(t *testing.T) {
	stdin, _ := io.Pipe()
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	if code := Run([]string{"seldonctl", "-f", "-"}, stdin, io.Discard, io.Discard, signals); code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
}

func TestHelp(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{[]string{"-h"}, []string{"-f FILE", "-n NAMESPACE", "-r N", "-pt DURATION", "-kubeconfig FILE"}},
		{[]string{"help", "exit-codes"}, []string{"the goal was reached", "130  Interrupted"}},
		{[]string{"version"}, []string{"seldonctl dev (commit unknown"}},
		{[]string{"completion", "bash"}, []string{"bash completion"}},
	} {
		code, stdout, stderr := run(tc.args...)
		for _, want := range tc.says {
			if code != 0 || !strings.Contains(stdout, want) {
				t.Errorf("%q: exit %d, no %q in %q (stderr %q)", tc.args, code, want, stdout, stderr)
			}
		}
	}
}

func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(append([]string{"seldonctl"}, args...), strings.NewReader(""), &out, &err, make(chan os.Signal))
	return code, out.String(), err.String()
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
