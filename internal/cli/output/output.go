// Package output turns the flags that say how a command's story is told into sinks: which stream gets
// which form, which files become reports, and what a CI system is given by itself.
//
// It opens files and reads the environment; it knows nothing of clusters and decides nothing.
package output

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/render/flow"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

// Flags are the flags of every command that tells a story.
type Flags struct {
	Form    string
	Reports []string
	Quiet   bool
	Verbose bool
}

// The forms of standard output.
const (
	text  = "text"
	doc   = "json"
	lines = "jsonl"
)

// Declare declares the flags.
func (f *Flags) Declare(flags *pflag.FlagSet) {
	f.DeclareForms(flags, text, "standard output: text (the story), json (one document at the end) or jsonl (the journal as it happens); with these the story goes to standard error")
	flags.BoolVar(&f.Quiet, "quiet", false, "tell only how it ended")
	flags.BoolVar(&f.Verbose, "verbose", false, "tell also each request to the API server and how long it took")
}

// DeclareForms declares those of the flags that say what is made of a story.
func (f *Flags) DeclareForms(flags *pflag.FlagSet, form, usage string) {
	flags.StringVarP(&f.Form, "output", "o", form, usage)
	flags.StringArrayVar(&f.Reports, "report", nil, "also write a report to this file, whose name says the form: "+strings.Join(report.Extensions(), ", ")+"; can be repeated")
}

// Check finds what is wrong with the flags, and with the places of the reports, before anything is done.
func (f *Flags) Check() error {
	if !slices.Contains([]string{"", text, doc, lines}, f.Form) {
		return fmt.Errorf("--output must be one of text, json, jsonl, but is %q", f.Form)
	}
	if f.Quiet && f.Verbose {
		return errors.New("--quiet and --verbose contradict each other")
	}
	for _, path := range f.Reports {
		if _, err := report.For(path); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
		if err := writable(path); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	return nil
}

// Streams are where output goes.
type Streams struct{ Stdout, Stderr io.Writer }

// Output is all that is made of a command's story.
type Output struct {
	*flow.Tee

	began   time.Time
	verbose bool
}

const (
	// flushLimit is how long a stalled reader of a stream may delay the end, filesLimit how long a slow
	// disk may.
	flushLimit = time.Second
	filesLimit = 5 * time.Second
	// heartbeat is how long plain lines are silent at most.
	heartbeat = 30 * time.Second
)

// reports is the sink of all reports that are no stream's.
type reports struct{ *render.Queue }

// Close waits for the reports and says what is wrong if they take too long.
func (r reports) Close() error {
	err := r.Queue.Close()
	if errors.Is(err, render.ErrStalled) {
		return fmt.Errorf("the reports were not all written within %s; those that are there may be of an earlier moment. Is the disk slow?", filesLimit)
	}
	return err
}

// Open makes the sinks. Nothing is written before there is something to tell.
func (f *Flags) Open(to Streams) *Output {
	var others []flow.Sink
	story := to.Stderr
	switch f.Form {
	case doc:
		others = append(others, render.NewQueue(report.NewKeeper(nil, []report.Report{stream(to.Stdout, report.JSON)}), flushLimit))
	case lines:
		others = append(others, render.NewQueue(report.NewLines(to.Stdout), flushLimit))
	default:
		story = to.Stdout
	}
	if files, whole := f.files(), continuous(to.Stderr); len(files)+len(whole) > 0 {
		others = append(others, reports{render.NewQueue(report.NewKeeper(files, whole), filesLimit)})
	}
	tee := flow.NewTee(render.NewQueue(f.story(story), flushLimit), others...)
	return &Output{Tee: tee, began: time.Now(), verbose: f.Verbose}
}

// story is the sink that tells people on a stream: the one place where it is chosen. Requests are told in
// plain lines only.
func (f *Flags) story(w io.Writer) flow.Sink {
	plain := render.NewLines(w, Colours(w))
	if f.Quiet {
		return flow.NewVerdicts(plain)
	}
	if file, ok := w.(*os.File); ok && !f.Verbose && liveWanted(file) {
		return live(file)
	}
	return flow.NewHeartbeat(plain, heartbeat)
}

// Requested returns what is to be called after each request to the API server; nil where nobody asks.
func (o *Output) Requested() func(kube.Exchange) {
	if !o.verbose {
		return nil
	}
	return func(r kube.Exchange) {
		answer := "no answer"
		if r.Status > 0 {
			answer = strconv.Itoa(r.Status)
		}
		_ = o.Aside(journal.Entry{ // a stream that fails says so when it is closed
			Type: render.Request, Elapsed: time.Since(o.began),
			Text: fmt.Sprintf("%s %s: %s in %.3f s", r.Verb, r.Target, answer, r.Took.Seconds()),
		})
	}
}

// Refused tells reports of a command that ended before it could do anything. The story has no part in it:
// it is said on standard error as every refusal is.
func (o *Output) Refused(reason string, exit int, err error, hint string) {
	now := time.Now()
	elapsed := now.Sub(o.began)
	_ = o.Beside(journal.Entry{At: now, Elapsed: elapsed, Type: journal.Failure, Phase: journal.Connect, Reason: reason, Text: render.Redact(err.Error()), Hint: render.Redact(hint)})
	_ = o.Beside(journal.Entry{ // a Queue takes everything; what cannot be written is said when it is closed
		At: now, Elapsed: elapsed, Type: journal.Closing, Reason: reason, Took: elapsed,
		Text: fmt.Sprintf("not reached; 0 API requests; exit %d", exit), Facts: journal.Facts{End: &journal.End{Exit: exit}},
	})
}

func (f *Flags) files() []report.Report {
	all := make([]report.Report, 0, len(f.Reports))
	for _, path := range f.Reports {
		all = append(all, func(v *journal.View, entries []journal.Entry) error { return Save(path, v, entries) })
	}
	return all
}

// stream writes a report to a stream.
func stream(w io.Writer, write report.Writer) report.Report {
	return func(v *journal.View, entries []journal.Entry) error { return write(w, v, entries) }
}

// Replay makes of a recorded story what the flags say: no story is told beside something else.
func (f *Flags) Replay(stdout io.Writer, entries []journal.Entry) error {
	var view journal.View
	for _, e := range entries {
		view.Take(e)
	}
	all := f.files()
	switch {
	case f.Form == doc:
		all = append(all, stream(stdout, report.JSON))
	case f.Form == lines:
		all = append(all, stream(stdout, report.Journal))
	case f.Form == text || len(f.Reports) == 0:
		all = append(all, func(_ *journal.View, entries []journal.Entry) error {
			return tell(render.NewLines(stdout, Colours(stdout)), entries)
		})
	}
	errs := make([]error, 0, len(all))
	for _, write := range all {
		errs = append(errs, write(&view, entries))
	}
	return errors.Join(errs...)
}

func tell(to flow.Sink, entries []journal.Entry) error {
	for _, e := range entries {
		if err := to.Write(e); err != nil {
			return err
		}
	}
	return to.Close()
}
