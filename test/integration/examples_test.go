//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// TestExamples carries out every example of the help texts, as docs/commands repeats them, in a folder with
// a model.yaml and a folder models/, and a kubeconfig whose namespace is models.
func TestExamples(t *testing.T) { //nolint:tparallel // one after the other: they are all about the same object
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	home := desk(t, ownCluster(t, s, "instant"))
	pages, err := filepath.Glob(filepath.Join(s.root, "docs", "commands", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, page := range pages {
		for _, line := range examplesOf(t, page) {
			tried++
			t.Run(line, func(t *testing.T) { try(t, s, home, line) })
		}
	}
	if tried < 20 {
		t.Errorf("only %d examples were found", tried)
	}
}

// desk makes the folder in which the examples are typed.
func desk(t *testing.T, c *cluster) string {
	t.Helper()
	if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "models"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	for _, dir := range []string{".kube", "models"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = "models"
	if err := clientcmd.WriteToFile(*config, filepath.Join(home, ".kube", "config")); err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join("testdata", "manifests", "my-model.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"model.yaml", "models/model.yaml", "run.yaml"} {
		text := manifest
		if file == "run.yaml" {
			text = bytes.Replace(manifest, []byte("team: fraud"), []byte("team: fraud\n    seldonctl/run: x7k2p9qd"), 1)
		}
		if err := os.WriteFile(filepath.Join(home, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// examplesOf returns the examples of a command's page, without what another program is to do with the output.
func examplesOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "## Examples\n\n```\n")
	if !found {
		return nil
	}
	rest, _, _ = strings.Cut(rest, "```")
	var lines []string
	for line := range strings.Lines(rest) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
		lines = append(lines, line)
	}
	return lines
}

// try carries out one example. Those of commands about an object that exists find it; what goes on for ever
// is interrupted once it has said something.
func try(t *testing.T, s shop, home, line string) {
	t.Helper()
	words := strings.Fields(line)
	has := func(word string) bool { return strings.Contains(line, word) }
	if has("--local") || has("local up") {
		sit(t, clusterSeats)
	}
	switch {
	case has("--run "):
		enter(t, s, home, "seldonctl apply -f run.yaml", false)
	case has("seldonctl wait") && !has("deleted"), has("seldonctl scale"), has("seldonctl delete"), has("seldonctl status"), has("seldonctl events"), has("seldonctl diff"), has("--name-suffix"):
		enter(t, s, home, "seldonctl apply -f model.yaml", false)
	}
	defer enter(t, s, home, "seldonctl delete my-model --ignore-not-found", false)
	enter(t, s, home, line, words[len(words)-1] == "-w")
}

// enter types a command line; it must end with 0, or, where it goes on for ever, with 130 once interrupted.
func enter(t *testing.T, s shop, home, line string, endless bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	defer cancel()
	command := exec.CommandContext(ctx, "/bin/sh", "-c", "exec "+line)
	command.Dir = home
	path := filepath.Dir(s.seldonctl) + ":" + filepath.Dir(s.local) + ":" + os.Getenv("PATH")
	command.Env = []string{"HOME=" + home, "PATH=" + path, "TMPDIR=" + t.TempDir()}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	want := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if endless && want == 0 {
			want = 130
			if err := command.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	if code, err := exitCode(command.Wait()); err != nil || code != want {
		t.Fatalf("%s\nended with %d (%v), want %d:\n%s%s", line, code, err, want, said.String(), stderr.String())
	}
}
