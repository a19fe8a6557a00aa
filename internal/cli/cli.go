// Package cli is the command line: flags become a request, the request one operation, its reason the
// exit code. It holds the only cobra of the project, one file per verb.
//
// It decides nothing: what a flag means is decided where the request is carried out.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/plugin"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// outside is what the process gives to every command.
type outside struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	signals        <-chan os.Signal
	// name is how users call the program.
	name plugin.Name
}

// exitError ends a command with a reason whose words have been said already, or with another
// program's exit code.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// usageError is a mistake in the command line or the manifest.
type usageError struct {
	err  error
	hint string
}

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

// Run carries out the command line args (the program's name first) and returns the exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	o := outside{stdin: stdin, stdout: stdout, stderr: stderr, signals: signals, name: plugin.CalledAs(args[0])}
	root := newRoot(o)
	root.SetArgs(compatible(root, args[1:]))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(context.Background()), o)
}

// exitCode says what is still to be said about an error and returns its exit code.
func exitCode(err error, o outside) int {
	var exit exitError
	var usage usageError
	var refusal *ops.RefusalError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &usage):
		say(o.stderr, usage.err, o.name.Spoken(usage.hint))
		return ops.Invalid.Code()
	case errors.As(err, &refusal):
		say(o.stderr, refusal, o.name.Spoken(refusal.Hint))
		return refusal.Reason.Code()
	}
	say(o.stderr, err, "")
	return ops.Unexpected.Code()
}

func newRoot(o outside) *cobra.Command {
	root := &cobra.Command{
		Use:   "seldonctl",
		Short: "Take a SeldonDeployment through its life on a cluster and prove every step",
		Long: `seldonctl deploys a SeldonDeployment, waits until it is available, scales it and
deletes it, and says at each step on what evidence, or names the cause.

Without a command it does what "seldonctl run" does:
  -f FILE           the manifest (default test-resource.yaml)
  -n NAMESPACE      the namespace (default: the manifest's, else "default")
  -r N              the replicas to scale to (default 2)
  -pt DURATION      the limit of each single wait (default 2m0s)
  -kubeconfig FILE  the kubeconfig to use`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       buildVersion(),
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("seldonctl {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{err: err, hint: c.CommandPath() + " --help lists the flags"}
	})
	root.AddCommand(newRun(o), newApply(o), newWait(o), newScale(o), newDelete(o), newStatus(o), newEvents(o), newCheck(o), newDiff(o), newReport(o), newLocal(o), newVersion(o), newExitCodes())
	completeFlags(root)
	plugin.AddCompletion(root, o.stdout, noArgs)
	o.name.Rename(root)
	return root
}

// knownCommand refuses a word that is no command.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{err: fmt.Errorf("there is no command %q", args[0]), hint: c.CommandPath() + " --help lists the commands"}
}

// compatible turns the original command line into the present one: no command means run, and the
// flags that Go's flag package took with one or two hyphens become those of today. Words that are
// another flag's value, or stand behind "--", are left alone.
func compatible(root *cobra.Command, args []string) []string {
	if isHelp(args) {
		return args
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{"run"}, args...)
	}
	command, _, err := root.Find(args[:1])
	if err != nil || command.Name() != "run" {
		return args
	}
	out := []string{args[0]}
	for i := 1; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i:]...)
		}
		word := modern(args[i])
		out = append(out, word)
		if takesValue(command, word) && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out
}

func isHelp(args []string) bool {
	return len(args) > 0 && (args[0] == "-h" || args[0] == "--help" || args[0] == "--version")
}

// modern returns the present form of one of the original flags, with or without "=value".
func modern(word string) string {
	name, value, hasValue := strings.Cut(word, "=")
	switch name {
	case "-pt", "--pt":
		name = "--timeout"
	case "-kubeconfig":
		name = "--kubeconfig"
	case "--f":
		name = "--filename"
	case "--n":
		name = "--namespace"
	case "--r":
		name = "--replicas"
	default:
		return word
	}
	if hasValue {
		return name + "=" + value
	}
	return name
}

// takesValue reports whether a word is a flag whose value is the next word.
func takesValue(c *cobra.Command, word string) bool {
	switch {
	case strings.Contains(word, "=") || !strings.HasPrefix(word, "-") || word == "-":
		return false
	case strings.HasPrefix(word, "--"):
		flag := c.Flags().Lookup(word[2:])
		return flag != nil && flag.NoOptDefVal == ""
	case len(word) == 2:
		flag := c.Flags().ShorthandLookup(word[1:])
		return flag != nil && flag.NoOptDefVal == ""
	}
	return false // -r3: the value is in the word
}

// interrupts turns the process's signals into reasons to stop, until stop is called.
func interrupts(signals <-chan os.Signal) (reasons <-chan ops.Reason, stop func()) {
	out, quit := make(chan ops.Reason), make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				reason := ops.Terminated
				if s == syscall.SIGINT {
					reason = ops.Interrupted
				}
				select {
				case out <- reason:
				case <-quit:
					return
				}
			case <-quit:
				return
			}
		}
	}()
	return out, func() { close(quit) }
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return usageError{err: fmt.Errorf("--%s must be one of %s, but is %q", flag, strings.Join(words, ", "), value)}
}
