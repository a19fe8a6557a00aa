package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/plugin"
	"github.com/seldonctl/seldonctl/internal/journal"
)

func TestCalledAs(t *testing.T) {
	for program, want := range map[string]string{
		"seldonctl": "seldonctl", "./bin/seldonctl": "seldonctl", "/usr/local/bin/kubectl-seldon": "kubectl seldon", `C:\bin\kubectl-seldon.exe`: "kubectl seldon",
		"kubectl-my_seldon": "kubectl my-seldon", "kubectl-": "seldonctl", "kubectl": "seldonctl", "": "seldonctl", "renamed": "seldonctl",
	} {
		if got := plugin.CalledAs(program); string(got) != want {
			t.Errorf("CalledAs(%q) = %q, want %q", program, got, want)
		}
	}
}

// TestPlugin holds all usage texts of the plugin to the name by which it is called.
func TestPlugin(t *testing.T) {
	for _, command := range newRoot(outside{}).Commands() {
		args := []string{command.Name(), "--help"}
		if command.DisableFlagParsing {
			args = []string{"help", command.Name()}
		}
		var stdout, stderr bytes.Buffer
		code := Run(append([]string{"/usr/local/bin/kubectl-seldon"}, args...), strings.NewReader(""), &stdout, &stderr, make(chan os.Signal))
		if code != 0 || strings.Contains(stdout.String(), "seldonctl "+command.Name()) || command.Runnable() && !strings.Contains(stdout.String(), "kubectl seldon "+command.Name()) {
			t.Errorf("%q: exit %d\n%s%s", args, code, stdout.String(), stderr.String())
		}
	}
	var stderr bytes.Buffer
	if code := Run([]string{"kubectl-seldon", "nope"}, nil, io.Discard, &stderr, nil); code != 2 || !strings.Contains(stderr.String(), "next: kubectl seldon --help") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// TestKubeconfigStaysSecret holds the errors about a kubeconfig to telling nothing of what is in it.
func TestKubeconfigStaysSecret(t *testing.T) {
	good := write(t, t.TempDir(), "good.yaml", "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: m}\nspec: {predictors: []}\n")
	for reason, text := range map[string]string{
		"not YAML":        "users: [{user: {token: hunter2hunter2",
		"wrong types":     "apiVersion: v1\nkind: Config\nusers: hunter2hunter2\n",
		"a token's type":  "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: [hunter2hunter2]}}]\n",
		"no base64":       "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {client-key-data: hunter2hunter2-}}]\n",
		"no address":      "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://u:hunter2hunter2@[x'}}]\nusers: [{name: u, user: {token: x}}]\n",
		"in the address":  "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://u:hunter2hunter2@127.0.0.1:1'}}]\nusers: [{name: u, user: {token: x}}]\n",
		"a token of text": "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: \"hunter2hunter2\\n\"}}]\n",
	} {
		t.Run(reason, func(t *testing.T) {
			code, stdout, stderr := run("-f", good, "--timeout", "2s", "--kubeconfig", write(t, t.TempDir(), "config", text))
			if code == 0 || strings.Contains(stdout+stderr, "hunter2") {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

type kept struct{ entry journal.Entry }

func (k *kept) Write(e journal.Entry) error { k.entry = e; return nil }

func (k *kept) Close() error { return nil }

// TestPluginSpeaks holds the commands that entries tell to type to that name, and what merely begins alike to its own.
func TestPluginSpeaks(t *testing.T) {
	sink := &kept{}
	entry := journal.Entry{Text: "labelled seldonctl/run=abc; to remove it: seldonctl delete m", Hint: "seldonctl wait m; seldonctl-local status"}
	if err := plugin.Name("kubectl seldon").Speaks(sink).Write(entry); err != nil {
		t.Fatal(err)
	}
	if want := "labelled seldonctl/run=abc; to remove it: kubectl seldon delete m"; sink.entry.Text != want {
		t.Errorf("%q, want %q", sink.entry.Text, want)
	}
	if want := "kubectl seldon wait m; seldonctl-local status"; sink.entry.Hint != want {
		t.Errorf("%q, want %q", sink.entry.Hint, want)
	}
	if plugin.CalledAs("seldonctl").Speaks(sink) != sink {
		t.Error("where it is no plugin nothing is to be done")
	}
}

// TestKubectlCompletion holds the script to what cobra's hidden command is called.
func TestKubectlCompletion(t *testing.T) {
	code, stdout, _ := run("completion", "kubectl")
	if code != 0 || !strings.Contains(stdout, "exec kubectl-seldon "+cobra.ShellCompRequestCmd+` "$@"`) {
		t.Errorf("exit %d: %s", code, stdout)
	}
}
