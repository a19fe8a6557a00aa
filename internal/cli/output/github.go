package output

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

// continuous returns what a CI system is given by itself: in GitHub Actions annotations, which it finds
// in either stream, and the step's summary.
func continuous(stderr io.Writer) []report.Report {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	var all []report.Report
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		all = append(all, func(v *journal.View, entries []journal.Entry) error { return summarise(path, v, entries) })
	}
	return append(all, func(v *journal.View, entries []journal.Entry) error { // last: whoever reads the stream may be slow
		return report.Annotations(stderr, v, entries, inWorkspace)
	})
}

// summarise appends to the summary, which the step's other commands write to as well.
func summarise(path string, v *journal.View, entries []journal.Entry) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the path is the CI system's
	if err != nil {
		return fmt.Errorf("the step's summary cannot be written: %w", err)
	}
	return errors.Join(appendTo(file, v, entries), file.Close())
}

// appendTo begins on a line of its own: what is there may not have ended its last one.
func appendTo(file *os.File, v *journal.View, entries []journal.Entry) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("the step's summary cannot be written: %w", err)
	}
	if info.Size() > 0 {
		if _, err := file.WriteString("\n"); err != nil {
			return fmt.Errorf("the step's summary cannot be written: %w", err)
		}
	}
	return report.Markdown(file, v, entries)
}

// inWorkspace returns a file's path as the repository knows it, or nothing for what lies outside.
func inWorkspace(file string) string {
	workspace := os.Getenv("GITHUB_WORKSPACE")
	path, err := filepath.Abs(file)
	if err != nil || workspace == "" {
		return ""
	}
	if _, err := os.Stat(path); err != nil {
		return "" // such as standard input
	}
	relative, err := filepath.Rel(workspace, path)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		return ""
	}
	return filepath.ToSlash(relative)
}
