// Package report makes reports of a whole story, for machines and for reading afterwards: one file for
// each form. A report is made of a journal's entries alone, so that one made from a recorded journal is,
// byte for byte, the one that the command itself would have made.
//
// It decides nothing about the run and never touches a cluster. Texts from the cluster stay raw in what
// machines read and pass through render.Clean in what people read.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/render/picture"
)

// Version is the version of the machine-readable forms: docs/schema describes it.
const Version = "seldonctl/v1"

// Writer writes one form of report.
type Writer func(w io.Writer, v *journal.View, entries []journal.Entry) error

// forms is the table of the forms of reports, by the extension of their files.
var forms = map[string]Writer{
	".html":  picture.Write,
	".json":  JSON,
	".jsonl": Journal,
	".md":    Markdown,
	".xml":   JUnit,
}

// Extensions returns what the name of a report's file may end in.
func Extensions() []string { return slices.Sorted(maps.Keys(forms)) }

// For returns what writes the report that a file's name asks for.
func For(path string) (Writer, error) {
	if write, known := forms[strings.ToLower(filepath.Ext(path))]; known {
		return write, nil
	}
	return nil, fmt.Errorf("%s is no report that can be written: its name must end in %s", path, strings.Join(Extensions(), ", "))
}

// Report makes something of a story.
type Report func(v *journal.View, entries []journal.Entry) error

// Keeper is the sink that keeps a story for reports that need to know all of it.
type Keeper struct {
	view    journal.View
	entries []journal.Entry
	early   []Report
	final   []Report
	made    bool          // early reports have been made
	last    time.Duration // how far the story was then
}

// earlyPause is how much of the story lies between early reports. Many objects that are cleaned up side by
// side must not make so many of them that the final ones come too late.
const earlyPause = 10 * time.Second

// NewKeeper returns a sink that makes reports when it is closed. The early ones it makes also when the
// first cleanup begins, and now and then while one goes on: it may take long, and whoever has sent the
// signal may not wait for its end.
func NewKeeper(early, final []Report) *Keeper {
	return &Keeper{early: early, final: final}
}

// Write keeps one entry as a recorded journal would give it back.
func (k *Keeper) Write(e journal.Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("keep an entry: %w", err)
	}
	var kept journal.Entry
	if err := json.Unmarshal(line, &kept); err != nil {
		return fmt.Errorf("keep an entry: %w", err)
	}
	k.view.Take(kept)
	k.entries = append(k.entries, kept)
	if kept.Phase == journal.Cleanup && (!k.made || kept.Elapsed-k.last >= earlyPause) {
		k.made, k.last = true, kept.Elapsed
		_ = k.make(k.early) // Close tries again and says so
	}
	return nil
}

// Close makes the reports, each of them, and returns what went wrong with any.
func (k *Keeper) Close() error { return errors.Join(k.make(k.early), k.make(k.final)) }

func (k *Keeper) make(reports []Report) error {
	errs := make([]error, 0, len(reports))
	for _, report := range reports {
		errs = append(errs, render.Safely(func() error { return report(&k.view, k.entries) }))
	}
	return errors.Join(errs...)
}
