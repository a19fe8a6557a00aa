package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// Lines is the sink that tells the story in plain lines: one line per entry, with the elapsed time,
// followed by indented lines of detail.
type Lines struct {
	out    *bufio.Writer
	colour bool
	opened bool            // the first line is there
	roots  map[string]bool // the custom resources whose story is told
}

// entrySize is how much of an entry is written at once: others may write to the same stream, but between
// entries only.
const entrySize = 64 << 10

// NewLines returns a sink that writes to w, with colours if so asked.
func NewLines(w io.Writer, colour bool) *Lines {
	return &Lines{out: bufio.NewWriterSize(w, entrySize), colour: colour, roots: map[string]bool{}}
}

// style is how entries of a type look.
type style struct {
	word   string
	colour string
}

// The escape sequences of the colours.
const (
	plain  = ""
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// styles is the table of the types of entries.
var styles = map[journal.EntryType]style{
	journal.Opening:    {"", bold},
	journal.PhaseStart: {"phase", bold},
	journal.Event:      {"event", dim},
	journal.Alarm:      {"EVENT", yellow},
	journal.Progress:   {"state", plain},
	journal.Suspicion:  {"problem", yellow},
	journal.Healed:     {"healed", green},
	journal.Warning:    {"warning", yellow},
	journal.Note:       {"note", plain},
	journal.Claim:      {"OK", green},
	journal.Skipped:    {"skipped", yellow},
	journal.Failure:    {"FAILED", red},
	journal.Closing:    {"end", bold},
	Request:            {"request", dim},
	Still:              {"still", dim},
}

const (
	// Request is the type of the entries that tell of a request to the API server. They are made for the
	// story alone and are no part of a journal.
	Request journal.EntryType = "request"
	// Still is the type of those that say only that nothing has changed.
	Still journal.EntryType = "still"
)

// Shows reports whether an entry of a type makes a line.
func Shows(t journal.EntryType) bool {
	_, shows := styles[t]
	return shows
}

// Write writes one entry.
func (l *Lines) Write(e journal.Entry) error {
	st, told := styles[e.Type]
	if !told {
		return nil // for sinks that draw
	}
	l.Knows(e.Root)
	if e.Type == journal.Opening {
		if !l.opened {
			l.line(st.colour, Clean(e.Text))
		}
		l.opened = true
		return l.flush()
	}
	l.line(st.colour, fmt.Sprintf("%7.1fs  %-8s %s%s", e.Elapsed.Seconds(), st.word, l.whose(e), sentence(e)))
	for _, detail := range e.Details {
		indent := len(detail) - len(strings.TrimLeft(detail, " "))
		l.line(dim, strings.Repeat(" ", 19+min(indent, 40))+Clean(detail))
	}
	if e.Hint != "" {
		l.line(plain, strings.Repeat(" ", 19)+"next: "+Clean(e.Hint))
	}
	return l.flush()
}

// Knows says that the story has a custom resource, which every entry of it says too. Where there are
// several, each line says whose it is.
func (l *Lines) Knows(root string) {
	if root != "" {
		l.roots[root] = true
	}
}

// whose says which of several custom resources a line is about: its name, with the namespace where two
// share it.
func (l *Lines) whose(e journal.Entry) string {
	if e.Root == "" || len(l.roots) < 2 {
		return ""
	}
	_, name, _ := strings.Cut(e.Root, "/")
	for other := range l.roots {
		if other != e.Root && strings.HasSuffix(other, "/"+name) {
			name = e.Root
		}
	}
	return "[" + Clean(name) + "] "
}

// Close flushes what is left.
func (l *Lines) Close() error { return l.flush() }

func (l *Lines) flush() error {
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("write a line: %w", err)
	}
	return nil
}

// sentence writes what an entry says: the object, the reason where it is an Event's, and the text.
func sentence(e journal.Entry) string {
	var parts []string
	switch e.Type {
	case journal.Event, journal.Alarm:
		reason := Clean(e.Reason)
		if e.Count > 1 {
			reason += fmt.Sprintf(" (%d times)", e.Count)
		}
		parts = append(parts, object(e), reason+":")
	case journal.Progress, journal.Note, journal.Healed:
		parts = append(parts, object(e))
	case journal.PhaseStart:
		return fmt.Sprintf("%s: %s%s", Clean(string(e.Phase)), Clean(e.Text), limit(e.Limit))
	case journal.Opening, journal.PodChange, journal.Suspicion, journal.Warning, journal.Claim, journal.Skipped, journal.Failure, journal.Closing:
	}
	parts = append(parts, Clean(e.Text))
	text := strings.TrimSpace(strings.Join(parts, " "))
	if e.Took > 0 {
		text += fmt.Sprintf(" (%.1f s)", e.Took.Seconds())
	}
	return text
}

func object(e journal.Entry) string {
	if e.Object == nil {
		return ""
	}
	return Clean(e.Object.String())
}

func limit(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf(" (at most %s)", d)
}

func (l *Lines) line(colour, text string) {
	if l.colour && colour != plain {
		text = colour + text + reset
	}
	_, _ = l.out.WriteString(text + "\n") // bufio keeps the error for Flush
}
