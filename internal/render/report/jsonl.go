package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// header is the first line of a recorded journal.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// journalHeader is the header that this version writes.
var journalHeader = header{APIVersion: Version, Kind: "Journal"}

// Lines is the sink that records a journal as it happens: a header, then one entry a line.
type Lines struct {
	out   io.Writer
	begun bool
}

// NewLines returns a sink that records to w.
func NewLines(w io.Writer) *Lines { return &Lines{out: w} }

// Write writes one entry, at once.
func (l *Lines) Write(e journal.Entry) error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.line(e)
}

// Close writes the header if nothing has been told.
func (l *Lines) Close() error { return l.begin() }

func (l *Lines) begin() error {
	if l.begun {
		return nil
	}
	l.begun = true
	return l.line(journalHeader)
}

func (l *Lines) line(value any) error {
	line, err := encode(value, "")
	if err != nil {
		return err
	}
	if _, err := l.out.Write(line); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// Journal writes a recorded journal.
func Journal(w io.Writer, _ *journal.View, entries []journal.Entry) error {
	lines := NewLines(w)
	for _, e := range entries {
		if err := lines.Write(e); err != nil {
			return err
		}
	}
	return lines.Close()
}

// ErrTorn says that the last line of a journal is not whole: whoever wrote it was killed. What was read
// before it is good.
var ErrTorn = errors.New("the journal ends in the middle of a line: whoever wrote it was stopped; what comes before is taken")

// Read reads a recorded journal. With ErrTorn the entries are those before the torn line.
func Read(r io.Reader) ([]journal.Entry, error) {
	in := bufio.NewReader(r)
	var entries []journal.Entry
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		ended := errors.Is(err, io.EOF)
		switch {
		case err != nil && !ended:
			return nil, fmt.Errorf("read the journal: %w", err)
		case ended && len(line) == 0 && n > 1:
			return entries, nil
		case n == 1:
			if err := checkHeader(line); err != nil {
				return nil, err
			}
			continue
		case len(bytes.TrimSpace(line)) == 0:
			continue
		}
		var e journal.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			if ended {
				return entries, ErrTorn
			}
			return nil, fmt.Errorf("line %d of the journal: %w", n, err)
		}
		entries = append(entries, e)
	}
}

func checkHeader(line []byte) error {
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Kind != journalHeader.Kind {
		return errors.New("this is not a journal: its first line does not say so; `seldonctl run -o jsonl` and --report x.jsonl write one")
	}
	if h.APIVersion != Version {
		return fmt.Errorf("the journal is of version %q; this seldonctl reads %q", h.APIVersion, Version)
	}
	return nil
}
