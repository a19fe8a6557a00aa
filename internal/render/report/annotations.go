package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// annotationLimit is how many annotations of a kind GitHub shows of one step.
const annotationLimit = 10

// annotation is a remark that GitHub shows at a line of a file.
type annotation struct {
	level, title, source string
	lines                []string
}

// Annotations writes failures, and what the user should know, as commands of GitHub Actions, which shows
// them at the manifest's line. Place says as what path the repository knows a file; empty: it does not.
func Annotations(w io.Writer, v *journal.View, entries []journal.Entry, place func(file string) string) error {
	counts := map[string]int{}
	for _, a := range annotations(read(v, entries)) {
		if counts[a.level]++; counts[a.level] > annotationLimit {
			continue
		}
		if _, err := io.WriteString(w, a.command(place)); err != nil {
			return fmt.Errorf("write an annotation: %w", err)
		}
	}
	return nil
}

func annotations(s story) []annotation {
	var all []annotation
	for _, r := range s.roots {
		for _, p := range r.Phases {
			if result(p) == failed {
				all = append(all, annotate("error", r.Name+": not "+string(p.Name), *p.Result, r.Source))
			}
		}
		for _, t := range r.history {
			if t.state == lasting {
				all = append(all, annotate("warning", r.Name+": "+string(t.Problem.Class), t.Entry, r.Source))
			}
		}
		for _, e := range r.Remarks {
			if e.Type == journal.Warning {
				all = append(all, annotate("warning", r.Name, e, r.Source))
			}
		}
	}
	for _, e := range s.remarks {
		switch e.Type {
		case journal.Failure:
			all = append(all, annotate("error", "seldonctl", e, ""))
		case journal.Warning:
			all = append(all, annotate("warning", "seldonctl", e, ""))
		default:
		}
	}
	return all
}

func annotate(level, title string, e journal.Entry, source string) annotation {
	a := annotation{level: level, title: title, source: e.Source, lines: append([]string{e.Text}, bounded(e.Details)...)}
	if a.source == "" {
		a.source = source
	}
	if e.Hint != "" {
		a.lines = append(a.lines, "next: "+e.Hint)
	}
	return a
}

// command writes the annotation as a workflow command, whose own marks are percent-encoded in texts.
func (a annotation) command(place func(file string) string) string {
	var properties []string
	if i := strings.LastIndexByte(a.source, ':'); i > 0 {
		line, err := strconv.Atoi(a.source[i+1:])
		if file := place(a.source[:i]); err == nil && file != "" {
			properties = append(properties, "file="+encoded(file, true), "line="+strconv.Itoa(line))
		}
	}
	properties = append(properties, "title="+encoded(a.title, true))
	lines := make([]string, 0, len(a.lines))
	for _, line := range a.lines {
		lines = append(lines, encoded(line, false))
	}
	return "::" + a.level + " " + strings.Join(properties, ",") + "::" + strings.Join(lines, "%0A") + "\n"
}

// encoded cleans a text and encodes what would end it in a command.
func encoded(text string, property bool) string {
	text = strings.ReplaceAll(indented(text), "%", "%25")
	if property {
		text = strings.NewReplacer(":", "%3A", ",", "%2C").Replace(text)
	}
	return text
}
