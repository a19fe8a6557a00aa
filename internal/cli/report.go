package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

func newReport(o outside) *cobra.Command {
	var f output.Flags
	c := &cobra.Command{
		Use:   "report JOURNAL",
		Short: "Make reports afterwards, from a recorded journal",
		Long: `report reads a journal that another command recorded with -o jsonl or --report
x.jsonl, and makes of it any report that the command itself could have made; they are
the same, byte for byte. "-" reads standard input. Without --report and -o it tells the
story. It needs no cluster.`,
		Example: `  seldonctl run -f model.yaml -o jsonl > run.jsonl
  seldonctl report run.jsonl --report run.xml --report run.md
  seldonctl report run.jsonl -o json | jq .objects[].phases`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return usageError{err: fmt.Errorf("%s takes one journal, but got %d", c.CommandPath(), len(args)), hint: c.CommandPath() + " --help"}
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return usageError{err: err}
			}
			entries, err := recorded(args[0], o)
			if err != nil {
				return err
			}
			return f.Replay(o.stdout, entries)
		},
	}
	f.DeclareForms(c.Flags(), "", "standard output: text (the story), json, jsonl (default: text, or nothing with --report)")
	return c
}

// recorded reads a journal. One that ends in the middle of a line is taken as far as it goes.
func recorded(path string, o outside) ([]journal.Entry, error) {
	in := o.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usageError{err: err}
		}
		defer file.Close() //nolint:errcheck // it was only read
		in = file
	}
	var entries []journal.Entry
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		entries, err = report.Read(in)
	}()
	reasons, stop := interrupts(o.signals)
	defer stop()
	select {
	case reason := <-reasons: // standard input may never end
		return nil, exitError{code: reason.Code()}
	case <-read:
	}
	switch {
	case errors.Is(err, report.ErrTorn):
		say(o.stderr, err, "")
	case err != nil:
		return nil, usageError{err: fmt.Errorf("%s: %w", path, err)}
	}
	return entries, nil
}
