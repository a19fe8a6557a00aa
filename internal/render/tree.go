package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
)

// Tree shows one custom resource with what is below it, the cause of what is not right first.
type Tree struct {
	out    *bufio.Writer
	wide   bool
	colour bool
	begun  bool
}

// NewTree returns a tree that is written to w; wide with images and nodes.
func NewTree(w io.Writer, wide, colour bool) *Tree {
	return &Tree{out: bufio.NewWriter(w), wide: wide, colour: colour}
}

// Show writes the object; again when it has changed.
func (t *Tree) Show(sights []outline.Sight, now time.Time) error {
	for _, s := range sights {
		if t.begun {
			t.line("", "\n"+now.UTC().Format("--- 15:04:05Z"))
		}
		t.begun = true
		t.head(s, now)
		t.below(s.Below, "")
	}
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("write a tree: %w", err)
	}
	return nil
}

// head says what is to be said of the object as a whole.
func (t *Tree) head(s outline.Sight, now time.Time) {
	state := string(s.State)
	if t.colour {
		state = paintState(s.State, state)
	}
	text := fmt.Sprintf("%s %s/%s: %s", Clean(string(s.Kind)), Clean(s.Namespace), Clean(s.Name), state)
	if s.State == outline.Gone {
		t.line("", text)
		return
	}
	text += fmt.Sprintf(", %d of %d ready, age %s, generation %d", s.Ready, s.Wanted, age(now, s.Created), s.Generation)
	if s.Operator != "" {
		text += ", the operator reports " + Clean(s.Operator)
	}
	if s.Simulated {
		text += " (the pods are simulated)"
	}
	t.line("", text)
	word := "cause"
	if s.State == outline.Available || s.State == outline.AtZero {
		word = "note"
	}
	t.labelled(word, s.Cause)
	if len(s.Chain) > 1 {
		for i, link := range s.Chain {
			t.labelled("", strings.Repeat("  ", i)+"> "+withoutRepeating(link, s.Cause))
		}
	}
	t.labelled("next", s.Hint)
	for _, text := range s.Also {
		t.labelled("also", text)
	}
	for _, text := range s.Serving {
		t.labelled("note", text)
	}
	for _, text := range s.Remarks {
		if text != s.Cause {
			t.labelled("note", text)
		}
	}
	for _, text := range s.Evidence {
		t.labelled("proof", text)
	}
}

// withoutRepeating leaves out of a link "Kind/name: text" what the cause has said.
func withoutRepeating(link, cause string) string {
	if name, text, found := strings.Cut(link, ": "); found && strings.Contains(cause, text) {
		return name
	}
	return link
}

func (t *Tree) labelled(word, text string) {
	if text == "" {
		return
	}
	indent := len(text) - len(strings.TrimLeft(text, " "))
	t.line("", fmt.Sprintf("  %-5s  %s%s", word, strings.Repeat(" ", indent), Clean(text)))
}

// below draws what is below an object whose own line is followed by the indent.
func (t *Tree) below(nodes []outline.Node, indent string) {
	for i, n := range nodes {
		branch, next := "├─ ", "│  "
		if i == len(nodes)-1 {
			branch, next = "└─ ", "   "
		}
		text := Clean(n.Kind) + " " + Clean(n.Name)
		if n.Name == "" {
			text = judge.Plural(n.Count, Clean(n.Kind))
		}
		if n.Text != "" {
			text += ": " + Clean(n.Text)
		}
		if t.wide && n.More != "" {
			text += " (" + Clean(n.More) + ")"
		}
		colour := plain
		if n.Wrong {
			text, colour = "! "+text, red
		}
		t.line(colour, indent+branch+text)
		t.below(n.Below, indent+next)
	}
}

func (t *Tree) line(colour, text string) {
	if t.colour && colour != plain {
		text = colour + text + reset
	}
	_, _ = t.out.WriteString(text + "\n") // bufio keeps the error for Flush
}
