package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
)

// Columns are lines of cells that stand below each other. The widths are those of the first lines that are
// written together, so that what comes later does not move.
type columns struct {
	out    io.Writer
	widths []int
}

// cellLimit is how wide a cell may make its column; a longer one moves the rest of its line.
const cellLimit = 60

// write writes lines; paint may colour a cell when it has been filled up.
func (c *columns) write(lines [][]string, paint func(line, cell int, text string) string) error {
	for _, line := range lines {
		for len(c.widths) < len(line) {
			c.widths = append(c.widths, 0)
		}
	}
	var b bytes.Buffer
	for i, line := range lines {
		filled := slices.Clone(line)
		for j, cell := range line[:len(line)-1] {
			filled[j] = paint(i, j, cell+strings.Repeat(" ", max(c.widths[j]-utf8.RuneCountInString(cell), 0)))
		}
		b.WriteString(strings.TrimRight(strings.Join(filled, "   "), " ") + "\n")
	}
	if _, err := c.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	return nil
}

// measure widens the columns to what the lines need.
func (c *columns) measure(lines [][]string) {
	for _, line := range lines {
		for j, cell := range line {
			if j == len(c.widths) {
				c.widths = append(c.widths, 0)
			}
			c.widths[j] = max(c.widths[j], min(utf8.RuneCountInString(cell), cellLimit))
		}
	}
}

// Table shows custom resources in a line each; later ones come below the first.
type Table struct {
	columns columns
	form    TableForm
	begun   bool
}

// TableForm is how a table is written.
type TableForm struct {
	// Wide adds columns, Namespaces that of the namespace.
	Wide, Namespaces, Colour bool
}

// NewTable returns a table that is written to w.
func NewTable(w io.Writer, form TableForm) *Table {
	return &Table{columns: columns{out: w}, form: form}
}

// Show writes a line for each of the objects.
func (t *Table) Show(sights []outline.Sight, now time.Time) error {
	lines := make([][]string, 0, len(sights)+1)
	if !t.begun && len(sights) > 0 {
		lines = append(lines, t.cells("NAMESPACE", "NAME", "STATE", "READY", "AGE", "GENERATION", "OPERATOR", "CAUSE"))
	}
	head := len(lines)
	for _, s := range sights {
		ready := fmt.Sprintf("%d/%d", s.Ready, s.Wanted)
		if s.State == outline.Gone {
			ready = "-"
		}
		lines = append(lines, t.cells(
			Clean(s.Namespace), Clean(s.Name), string(s.State), ready, age(now, s.Created),
			strconv.FormatInt(s.Generation, 10), orDash(Clean(s.Operator)), Clean(s.Cause),
		))
	}
	if !t.begun {
		t.columns.measure(lines)
	}
	t.begun = t.begun || len(sights) > 0
	state := slices.Index(t.cells("NAMESPACE", "NAME", "STATE", "READY", "AGE", "GENERATION", "OPERATOR", "CAUSE"), "STATE")
	return t.columns.write(lines, func(line, cell int, text string) string {
		if !t.form.Colour || line < head || cell != state {
			return text
		}
		return paintState(sights[line-head].State, text)
	})
}

// cells leaves out the columns that are not wanted.
func (t *Table) cells(namespace, name, state, ready, age, generation, operator, cause string) []string {
	var cells []string
	if t.form.Namespaces {
		cells = append(cells, namespace)
	}
	cells = append(cells, name, state, ready, age)
	if t.form.Wide {
		return append(cells, generation, operator, cause)
	}
	return append(cells, cause)
}

func paintState(s outline.State, text string) string {
	switch s {
	case outline.Available:
		return green + text + reset
	case outline.Failing:
		return red + text + reset
	case outline.AtZero, outline.Settling, outline.Pending, outline.Progressing, outline.Deleting, outline.Unknown, outline.Gone:
		return yellow + text + reset
	}
	return text
}

// age writes how long ago something was.
func age(now, then time.Time) string { return duration.HumanDuration(max(now.Sub(then), 0)) }

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Names shows the objects' names alone, as other programs take them.
type Names struct {
	out   io.Writer
	group string
}

// NewNames returns a list of names of objects of an API group, written to w.
func NewNames(w io.Writer, group string) Names { return Names{out: w, group: group} }

// Show writes the names.
func (n Names) Show(sights []outline.Sight, _ time.Time) error {
	for _, s := range sights {
		if _, err := fmt.Fprintf(n.out, "%s.%s/%s\n", strings.ToLower(string(s.Kind)), n.group, Clean(s.Name)); err != nil {
			return fmt.Errorf("write a name: %w", err)
		}
	}
	return nil
}

// Documents shows things as documents for machines, their values raw once they are parsed: one that
// holds all of them, or where things are followed one for each.
type Documents[T any] struct {
	out  io.Writer
	form DocumentForm
}

// DocumentForm is how documents are written.
type DocumentForm struct {
	// YAML instead of JSON.
	YAML bool
	// Single says that there is one thing, which needs no list around it.
	Single bool
	// Follow says that more will come: JSON is then written on one line for each thing.
	Follow bool
}

// NewDocuments returns documents that are written to w.
func NewDocuments[T any](w io.Writer, form DocumentForm) Documents[T] {
	return Documents[T]{out: w, form: form}
}

// Show writes the things.
func (d Documents[T]) Show(things []T, _ time.Time) error {
	if !d.form.Single && !d.form.Follow {
		return d.write(struct {
			Items []T `json:"items"`
		}{append([]T{}, things...)})
	}
	for _, thing := range things {
		if err := d.write(thing); err != nil {
			return err
		}
	}
	return nil
}

func (d Documents[T]) write(document any) error {
	text, err := d.encode(document)
	if err != nil {
		return err
	}
	if _, err := d.out.Write(text); err != nil {
		return fmt.Errorf("write a document: %w", err)
	}
	return nil
}

func (d Documents[T]) encode(document any) ([]byte, error) {
	switch {
	case d.form.YAML && d.form.Follow:
		text, err := YAML(document)
		return append([]byte("---\n"), text...), err
	case d.form.YAML:
		return YAML(document)
	case d.form.Follow:
		return JSON(document, "")
	}
	return JSON(document, "  ")
}
