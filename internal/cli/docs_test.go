package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/commands anew")

const commandPages = "../../docs/commands"

// TestCommandPages holds docs/commands to the help texts (go test ./internal/cli -run TestCommandPages -update).
func TestCommandPages(t *testing.T) {
	root := newRoot(outside{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
	want := map[string]string{"README.md": overview(root)}
	for _, c := range documented(root) {
		want[c.Name()+".md"] = page(c)
	}
	if *update {
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(commandPages, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(commandPages)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(commandPages, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[file.Name()] = string(data)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the pages are not those of the help texts (-want +got); write them anew with -update:\n%s", diff)
	}
}

// documented are the commands that have a page.
func documented(root *cobra.Command) []*cobra.Command {
	var commands []*cobra.Command
	for _, c := range root.Commands() {
		if c.Runnable() && !c.Hidden && c.Name() != "completion" && c.Name() != "help" {
			commands = append(commands, c)
		}
	}
	return commands
}

func overview(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten from the program's own help texts.\n\n| command | does |\n|---|---|\n")
	for _, c := range documented(root) {
		fmt.Fprintf(&b, "| [`%s`](%s.md) | %s |\n", c.Name(), c.Name(), c.Short)
	}
	return b.String()
}

func page(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n```\n%s\n```\n\n%s\n", c.CommandPath(), c.Short, c.UseLine(), c.Long)
	if c.Example != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```\n%s\n```\n", unindent(c.Example))
	}
	own := &strings.Builder{}
	connection := connectionNames()
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && !connection[f.Name] {
			own.WriteString(row(f))
		}
	})
	if own.Len() > 0 {
		b.WriteString("\n## Flags\n\n| flag | default | meaning |\n|---|---|---|\n" + own.String())
		if c.Flags().Lookup("kubeconfig") != nil {
			b.WriteString("\nkubectl's connection flags (`--kubeconfig`, `--context`, `--as`, `--request-timeout`, …) work as there.\n")
		}
	}
	return b.String()
}

// connectionNames are kubectl's flags, which are the same everywhere.
func connectionNames() map[string]bool {
	names := map[string]bool{}
	var w waiting
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	w.declare(set, 0, "")
	for _, f := range w.connection.All() {
		if f.Name != "namespace" {
			names[f.Name] = true
		}
	}
	return names
}

func row(f *pflag.Flag) string {
	name := "`--" + f.Name + "`"
	if f.Shorthand != "" {
		name = "`-" + f.Shorthand + "`, " + name
	}
	value := ""
	if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
		value = "`" + f.DefValue + "`"
	}
	return fmt.Sprintf("| %s | %s | %s |\n", name, value, strings.ReplaceAll(f.Usage, "|", `\|`))
}

func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
