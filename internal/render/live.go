package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// framePause is the time between two frames: a terminal is not asked for more than ten in a second.
const framePause = 100 * time.Millisecond

// LiveOptions is what a live view needs to know of its terminal.
type LiveOptions struct {
	// Size tells how many columns and rows it has now.
	Size func() (width, height int)
	// Colour and UTF8 say what it can show.
	Colour, UTF8 bool
}

// Live is the sink for a terminal. What is told for good goes up into the scrollback, in the words of
// Lines; below it stands the picture of the present, drawn anew in place.
//
// It asks the terminal nothing, sets no mode and reads no input. Between two frames the cursor is
// visible and rests below the picture, so that there is nothing to restore however the program ends.
type Live struct {
	LiveOptions

	entries chan journal.Entry
	ended   chan error

	// What follows belongs to the goroutine that draws.
	view   journal.View
	open   []journal.Entry // problems of the present, not told for good yet
	lines  *Lines
	said   bytes.Buffer // what lines has told since the last frame
	dirty  bool
	shown  moment
	screen screen
	broken bool // drawing has gone wrong; from then on there are lines only
}

// moment is what a picture depends on besides the entries.
type moment struct{ width, height, second int }

// NewLive returns a sink that draws on w, which must be a terminal.
func NewLive(w io.Writer, o LiveOptions) *Live {
	l := &Live{LiveOptions: o, entries: make(chan journal.Entry), ended: make(chan error, 1), screen: screen{out: w}}
	l.lines = NewLines(&l.said, o.Colour)
	go l.run()
	return l
}

// Write takes one entry. It is told at the next frame; an error of the terminal comes with Close.
func (l *Live) Write(e journal.Entry) error {
	l.entries <- e
	return nil
}

// Close tells what is left and takes the picture away: the lines above it say how it ended.
func (l *Live) Close() error {
	close(l.entries)
	return <-l.ended
}

func (l *Live) run() {
	ticker := time.NewTicker(framePause)
	defer ticker.Stop()
	for {
		select {
		case e, more := <-l.entries:
			if !more {
				l.ended <- l.finish()
				return
			}
			l.take(e)
		case <-ticker.C:
			l.refresh()
		}
	}
}

// take folds an entry into the picture and tells for good what deserves it. Events, numbers and the
// lives of pods are seen in the picture. A problem is seen there while it may pass; it is told for good
// when the phase ends with it, unless what is told then says the same.
func (l *Live) take(e journal.Entry) {
	l.dirty = true
	l.guard(func() { l.view.Take(e) })
	if l.broken {
		l.tell(e)
		return
	}
	switch e.Type {
	case journal.Event, journal.Alarm, journal.Progress, journal.PodChange:
		if e.Root == "" { // the picture shows nothing of what is around the custom resources
			l.tell(e)
		}
	case journal.Suspicion:
		l.settle(e)
		l.open = append(l.open, e)
	case journal.Healed:
		l.settle(e)
		l.tell(e)
	case journal.PhaseStart, journal.Claim, journal.Skipped, journal.Failure, journal.Closing:
		l.settle(e)
		l.tellOpen(e.Root)
		l.tell(e)
	case journal.Opening, journal.Warning, journal.Note:
		l.tell(e)
	}
}

// settle forgets the open problem that an entry is about.
func (l *Live) settle(e journal.Entry) {
	l.open = slices.DeleteFunc(l.open, func(o journal.Entry) bool {
		return e.Problem != nil && o.Problem != nil && o.Root == e.Root && o.Problem.Key == e.Problem.Key
	})
}

// tellOpen tells the problems for good with which a phase of the custom resource ends.
func (l *Live) tellOpen(root string) {
	var ended []journal.Entry
	l.open = slices.DeleteFunc(l.open, func(o journal.Entry) bool {
		if o.Root == root {
			ended = append(ended, o)
		}
		return o.Root == root
	})
	for _, t := range alike(ended) {
		t.Text += t.others()
		l.tell(t.Entry)
	}
}

func (l *Live) tell(e journal.Entry) { _ = l.lines.Write(e) } // a buffer takes everything

// refresh draws when something has changed: an entry came, a second passed, or the window has another
// size.
func (l *Live) refresh() {
	if l.view.Began.IsZero() {
		return
	}
	now := time.Now()
	width, height := l.size()
	shown := moment{width, height, int(now.Sub(l.view.Began).Seconds())}
	if !l.dirty && shown == l.shown {
		return
	}
	l.dirty, l.shown = false, shown
	var picture []string
	l.guard(func() { picture = frame(&l.view, now, width-1, height-1, look{l.Colour, l.UTF8}) })
	l.screen.draw(l.said.String(), picture, width)
	l.said.Reset()
}

func (l *Live) size() (width, height int) {
	l.guard(func() { width, height = l.Size() })
	return width, height
}

// finish tells what is left.
func (l *Live) finish() error {
	for len(l.open) > 0 {
		l.tellOpen(l.open[0].Root)
	}
	width, _ := l.size()
	l.screen.draw(l.said.String(), nil, width)
	return l.screen.err
}

// guard keeps a mistake in the view from ending a command that has things to remove on a cluster: the
// rest of the story is told in lines.
func (l *Live) guard(draw func()) {
	if l.broken {
		return
	}
	defer func() {
		if mistake := recover(); mistake != nil {
			l.broken = true
			l.tell(journal.Entry{
				Type: journal.Warning, Elapsed: time.Since(l.view.Began),
				Text: fmt.Sprintf("the live view cannot be drawn (%v); it goes on in lines", mistake),
			})
		}
	}()
	draw()
}

// The escape sequences that move about. Every terminal of the last decades knows them.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseRight = "\x1b[K"
	eraseBelow = "\x1b[J"
)

func cursorUp(rows int) string { return fmt.Sprintf("\x1b[%dA", rows) }

// screen is the part of the terminal that the picture takes.
type screen struct {
	out   io.Writer
	last  []string // the picture as it stands; the cursor is in the first column below it
	width int      // of the window when it was drawn
	err   error    // of the terminal, which is not written to any more
}

// draw puts lines for good in the place of the picture, and a new picture below them. It all goes out
// in one write, with the cursor hidden only within it. What was there is erased line by line: tmux takes
// the erasing of a whole window for a wish to keep its content in the scrollback.
func (s *screen) draw(said string, picture []string, width int) {
	if s.err != nil || said == "" && slices.Equal(picture, s.last) && width == s.width {
		return
	}
	var b strings.Builder
	b.WriteString(hideCursor + "\r")
	up := s.rows(width)
	if up > 0 {
		b.WriteString(cursorUp(up))
	}
	for line := range strings.Lines(hang(said, width)) {
		line = strings.TrimRight(line, "\n")
		b.WriteString(eraseRight + line)
		if size := widthOf(line); size%max(width, 1) != 0 { // else the cursor is still on the last column
			b.WriteString(eraseRight)
		}
		b.WriteString("\r\n")
	}
	for _, line := range picture {
		b.WriteString(line + eraseRight + "\r\n")
	}
	if up > 0 && said == "" && len(picture) == 0 {
		b.WriteString(strings.Repeat(eraseRight+"\r\n", up) + cursorUp(up))
	} else {
		b.WriteString(eraseBelow)
	}
	b.WriteString(showCursor)
	s.last, s.width = picture, width
	if _, err := io.WriteString(s.out, b.String()); err != nil {
		s.err = fmt.Errorf("write to the terminal: %w", err)
	}
}

// rows counts the rows that the picture takes now: a window made narrower has broken its lines.
func (s *screen) rows(width int) int {
	rows := 0
	for _, line := range s.last {
		rows += max(1, (widthOf(line)+width-1)/max(width, 1))
	}
	return rows
}

// saidIndent is the column in which Lines begins its sentences.
const saidIndent = 19

// hang breaks lines that are wider than the window between words and goes on below where the sentence
// began. Commands to copy stay whole.
func hang(said string, width int) string {
	if width < 10 {
		return said
	}
	indent := saidIndent
	if width < 3*saidIndent {
		indent = 4
	}
	var b strings.Builder
	for line := range strings.Lines(said) {
		whole := strings.TrimRight(bare(line), "\n")
		text := strings.TrimLeft(whole, " ")
		if widthOf(whole) <= width || strings.HasPrefix(text, "next: ") {
			b.WriteString(line)
			continue
		}
		own := max(indent, len(whole)-len(text))
		if indent < saidIndent { // a narrow window
			line = strings.Replace(line, strings.Repeat(" ", saidIndent), strings.Repeat(" ", indent), 1)
			own = indent
		}
		own = min(own, width/2)
		b.WriteString(strings.Join(words(strings.TrimRight(line, "\n"), width, own), "\n") + "\n")
	}
	return b.String()
}
