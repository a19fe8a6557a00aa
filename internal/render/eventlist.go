package render

import (
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
)

// EventList shows events in a line each; later ones come below the first.
type EventList struct {
	columns columns
	colour  bool
	begun   bool
}

// NewEventList returns a list that is written to w.
func NewEventList(w io.Writer, colour bool) *EventList {
	return &EventList{columns: columns{out: w}, colour: colour}
}

// Show writes a line for each event.
func (l *EventList) Show(events []outline.Event, now time.Time) error {
	lines := make([][]string, 0, len(events)+1)
	if !l.begun && len(events) > 0 {
		lines = append(lines, []string{"LAST SEEN", "TYPE", "OBJECT", "REASON", "MESSAGE"})
	}
	head := len(lines)
	for _, e := range events {
		lines = append(lines, []string{lastSeen(e, now), Clean(e.Type), Clean(e.Object.String()), Clean(e.Reason), Clean(e.Message)})
	}
	if !l.begun {
		l.columns.measure(lines)
	}
	l.begun = l.begun || len(events) > 0
	return l.columns.write(lines, func(line, cell int, text string) string {
		if l.colour && line >= head && cell == 1 && events[line-head].Type != "Normal" {
			return yellow + text + reset
		}
		return text
	})
}

// lastSeen writes how long ago an event was, and how often it has been.
func lastSeen(e outline.Event, now time.Time) string {
	text := age(now, e.Last)
	if e.Count > 1 {
		text += fmt.Sprintf(" (%d times in %s)", e.Count, duration.HumanDuration(max(e.Last.Sub(e.First), 0)))
	}
	return text
}
