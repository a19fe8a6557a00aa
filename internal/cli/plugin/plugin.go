// Package plugin makes the program speak as a plugin of kubectl where it is installed as one: it knows the
// name by which users call it, and puts that into what they are told to type.
//
// It knows no verb and nothing of a cluster.
package plugin

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// ownName is what the program is called where it is no plugin.
const ownName = "seldonctl"

// Name is how users call the program; empty stands for its own name.
type Name string

// CalledAs tells from the name by which the program was started how users call it: "kubectl seldon" where
// it is a plugin of kubectl, which lies on PATH as kubectl-seldon.
func CalledAs(program string) Name {
	// Windows' separator too: a path is written as its system writes it.
	base := strings.TrimSuffix(filepath.Base(strings.ReplaceAll(program, `\`, "/")), ".exe")
	plugin, found := strings.CutPrefix(base, "kubectl-")
	if !found || plugin == "" {
		return ownName
	}
	return Name("kubectl " + strings.NewReplacer("-", " ", "_", "-").Replace(plugin))
}

// Spoken puts the name by which users call the program into the commands that a text tells them to type.
func (n Name) Spoken(text string) string {
	if n == "" || n == ownName {
		return text
	}
	return strings.ReplaceAll(text, ownName+" ", string(n)+" ")
}

// Rename does that in the usage texts of a command and of all below it.
func (n Name) Rename(c *cobra.Command) {
	if n == "" || n == ownName {
		return
	}
	if !c.HasParent() {
		c.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: string(n)}
	}
	c.Long, c.Example = n.Spoken(c.Long), n.Spoken(c.Example)
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = n.Spoken(f.Usage) })
	for _, below := range c.Commands() {
		n.Rename(below)
	}
}

// speaking is a sink that does that in the entries on their way to the next.
type speaking struct {
	ops.Sink

	name Name
}

// Write passes an entry on.
func (s speaking) Write(e journal.Entry) error {
	e.Text, e.Hint = s.name.Spoken(e.Text), s.name.Spoken(e.Hint)
	return s.Sink.Write(e)
}

// Speaks returns the sink, or one before it.
func (n Name) Speaks(next ops.Sink) ops.Sink {
	if n == "" || n == ownName {
		return next
	}
	return speaking{next, n}
}

// kubectlCompletion is the program by which kubectl completes a plugin's command line: it is called with
// the words after the plugin's name, and prints what cobra's hidden command prints.
const kubectlCompletion = `#!/bin/sh
# Completes "kubectl seldon": to lie on PATH, executable, as kubectl_complete-seldon, beside kubectl-seldon.
exec kubectl-seldon __complete "$@"
`

// AddCompletion adds a shell of its own kind to the command that prints completion scripts.
func AddCompletion(root *cobra.Command, stdout io.Writer, noArgs cobra.PositionalArgs) {
	root.SetOut(stdout) // The command keeps what is set when it is made.
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.AddCommand(&cobra.Command{
			Use:   "kubectl",
			Short: `Print the script that completes "kubectl seldon"`,
			Long: `Print the script by which kubectl (1.26 and later) completes "kubectl seldon". Install it
beside kubectl-seldon:

  seldonctl completion kubectl > /usr/local/bin/kubectl_complete-seldon
  chmod +x /usr/local/bin/kubectl_complete-seldon`,
			Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				if _, err := fmt.Fprint(stdout, kubectlCompletion); err != nil {
					return fmt.Errorf("write the script: %w", err)
				}
				return nil
			},
		})
	}
}
