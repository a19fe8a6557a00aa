package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// Finding is one line of a check.
type Finding struct {
	Severity engine.Severity `json:"severity"`
	About    string          `json:"about"`
	Place    string          `json:"place,omitempty"`
	Text     string          `json:"text"`
	Remedy   string          `json:"remedy,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// Change is one line of a difference.
type Change struct {
	Kind string `json:"kind"` // added, removed, changed
	Path string `json:"path"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Scene is where a command looked and how it ended.
type Scene struct {
	Context   string `json:"context,omitempty"`
	Server    string `json:"server,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Simulated bool   `json:"simulated,omitempty"`
	Requests  int    `json:"requests"`
	Reason    string `json:"reason"`
	Exit      int    `json:"exit"`
}

// checkDocument and diffDocument are what -o json prints.
type (
	checkDocument struct {
		Scene

		Problems int       `json:"problems"`
		Warnings int       `json:"warnings"`
		Findings []Finding `json:"findings"`
	}

	diffDocument struct {
		Scene

		Differs bool         `json:"differs"`
		Objects []Difference `json:"objects"`
	}
)

// Difference is what would become of one object.
type Difference struct {
	Object    string   `json:"object"`
	Namespace string   `json:"namespace,omitempty"`
	Exists    bool     `json:"exists"`
	Differs   bool     `json:"differs"`
	Changes   []Change `json:"changes"`
	Warnings  []string `json:"warnings,omitempty"`
	// Error is why nothing can be said of it, Next what to do about that.
	Error string `json:"error,omitempty"`
	Next  string `json:"next,omitempty"`
}

// Findings writes the outcome of a check.
func Findings(w io.Writer, colour, asJSON bool, scene Scene, found []Finding) error {
	problems, warnings := 0, 0
	for _, f := range found {
		switch f.Severity {
		case engine.Problem:
			problems++
		case engine.Warning:
			warnings++
		case engine.Fine:
		}
	}
	if asJSON {
		return document(w, checkDocument{scene, problems, warnings, found})
	}
	p := page{bufio.NewWriter(w), colour}
	p.head(scene)
	colours := map[engine.Severity]string{engine.Fine: green, engine.Warning: yellow, engine.Problem: red}
	for _, f := range found {
		text := Clean(f.Text)
		if f.Place != "" {
			text = Clean(f.Place) + ": " + text
		}
		p.line(colours[f.Severity], fmt.Sprintf("%-8s", f.Severity), fmt.Sprintf("%-11s  %s", Clean(f.About), text))
		if f.Remedy != "" {
			p.line(plain, "", strings.Repeat(" ", 22)+"next: "+Clean(f.Remedy))
		}
	}
	p.line(bold, "end     ", fmt.Sprintf("%s, %s%s", counted(problems, "problem"), counted(warnings, "warning"), p.tail(scene)))
	return p.flush()
}

// Differences writes what would become of objects: of one in lines of its own, of several with their names
// above.
func Differences(w io.Writer, colour, asJSON bool, scene Scene, all []Difference) error {
	differing := 0
	for i := range all {
		if all[i].Changes == nil {
			all[i].Changes = []Change{}
		}
		if all[i].Differs {
			differing++
		}
	}
	if asJSON {
		return document(w, diffDocument{Scene: scene, Differs: differing > 0, Objects: all})
	}
	p := page{bufio.NewWriter(w), colour}
	p.head(scene)
	verdict := fmt.Sprintf("%d of %d objects would be changed or created", differing, len(all))
	for _, d := range all {
		if len(all) > 1 {
			p.line(bold, Clean(d.verdict()), "")
		} else {
			verdict = Clean(d.verdict())
		}
		p.difference(d)
	}
	p.line(bold, "end     ", verdict+"; nothing was written"+p.tail(scene))
	return p.flush()
}

func (d Difference) verdict() string {
	switch {
	case d.Error != "":
		return d.Object + " could not be compared"
	case !d.Exists:
		return d.Object + " does not exist and would be created"
	case d.Differs:
		return d.Object + " would be changed: " + counted(len(d.Changes), "difference")
	}
	return d.Object + " would not be changed"
}

func (p page) difference(d Difference) {
	for _, c := range d.Changes {
		path := Clean(c.Path)
		switch c.Kind {
		case "added":
			p.line(green, "+ ", path+": "+Clean(c.New))
		case "removed":
			p.line(red, "- ", path+": "+Clean(c.Old))
		default:
			p.line(yellow, "~ ", path+": "+Clean(c.Old)+" → "+Clean(c.New))
		}
	}
	for _, text := range d.Warnings {
		p.line(yellow, "warning ", Clean(text))
	}
	if d.Error != "" {
		p.line(red, "FAILED  ", Clean(d.Error))
	}
	if d.Next != "" {
		p.line(plain, "", "        next: "+Clean(d.Next))
	}
}

// page writes lines of a word and a text.
type page struct {
	out    *bufio.Writer
	colour bool
}

func (p page) head(s Scene) {
	if s.Server != "" {
		p.line(bold, fmt.Sprintf("context %s, server %s, namespace %s", orNone(s.Context), Clean(s.Server), Clean(s.Namespace)), "")
	}
}

// line colours the word and leaves the text as it is.
func (p page) line(colour, word, text string) {
	if p.colour && colour != plain && word != "" {
		word = colour + word + reset
	}
	_, _ = p.out.WriteString(strings.TrimRight(word+text, " ") + "\n") // bufio keeps the error for Flush
}

func (p page) tail(s Scene) string {
	text := ""
	if s.Simulated {
		text = " (on the embedded cluster: its pods are simulated)"
	}
	if s.Server != "" {
		text += fmt.Sprintf("; %d API requests", s.Requests)
	}
	return text + fmt.Sprintf("; exit %d", s.Exit)
}

func (p page) flush() error {
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

func document(w io.Writer, d any) error {
	safe, err := withoutSecrets(d)
	if err != nil {
		return err
	}
	text, err := JSON(safe, "  ")
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return Clean(s)
}
