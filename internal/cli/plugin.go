package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// ownName is what the program is called where it is no plugin.
const ownName = "seldonctl"

// calledAs tells from the name by which the program was started how users call it: "kubectl seldon" where
// it is a plugin of kubectl, which lies on PATH as kubectl-seldon.
func calledAs(program string) string {
	// Windows' separator too: a path is written as its system writes it.
	base := strings.TrimSuffix(filepath.Base(strings.ReplaceAll(program, `\`, "/")), ".exe")
	plugin, found := strings.CutPrefix(base, "kubectl-")
	if !found || plugin == "" {
		return ownName
	}
	return "kubectl " + strings.NewReplacer("-", " ", "_", "-").Replace(plugin)
}

// spoken puts the name by which users call the program into the commands that a text tells them to type.
func (o outside) spoken(text string) string {
	if o.name == "" || o.name == ownName {
		return text
	}
	return strings.ReplaceAll(text, ownName+" ", o.name+" ")
}

// rename does that in the usage texts of a command and of all below it.
func (o outside) rename(c *cobra.Command) {
	if o.name == "" || o.name == ownName {
		return
	}
	if !c.HasParent() {
		c.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: o.name}
	}
	c.Long, c.Example = o.spoken(c.Long), o.spoken(c.Example)
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = o.spoken(f.Usage) })
	for _, below := range c.Commands() {
		o.rename(below)
	}
}

// speaking is a sink that does that in the entries on their way to the next.
type speaking struct {
	ops.Sink

	outside outside
}

// Write passes an entry on.
func (s speaking) Write(e journal.Entry) error {
	e.Text, e.Hint = s.outside.spoken(e.Text), s.outside.spoken(e.Hint)
	return s.Sink.Write(e)
}

// speaks returns the sink, or one before it.
func (o outside) speaks(next ops.Sink) ops.Sink {
	if o.name == "" || o.name == ownName {
		return next
	}
	return speaking{next, o}
}

// kubectlCompletion is the program by which kubectl completes a plugin's command line: it is called with
// the words after the plugin's name, and prints what cobra's hidden command prints.
const kubectlCompletion = `#!/bin/sh
# Completes "kubectl seldon": to lie on PATH, executable, as kubectl_complete-seldon, beside kubectl-seldon.
exec kubectl-seldon __complete "$@"
`

// addKubectlCompletion adds a shell of its own kind to the command that prints completion scripts.
func addKubectlCompletion(root *cobra.Command, o outside) {
	root.SetOut(o.stdout) // The command keeps what is set when it is made.
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
				if _, err := fmt.Fprint(o.stdout, kubectlCompletion); err != nil {
					return fmt.Errorf("write the script: %w", err)
				}
				return nil
			},
		})
	}
}
