package journal

import (
	"time"

	"github.com/seldonctl/seldonctl/internal/judge"
)

const (
	// logsAtMost bounds how many logs are read for one goal: a hundred pods that crash alike have
	// the same to say.
	logsAtMost = 3
	// logPatience is how long a verdict waits for the log of its cause.
	logPatience = 2 * time.Second
	// logLines is how many lines of a log are told.
	logLines = 10
)

// logs are the logs that were asked for, by the key of the problem.
type logs map[string]*logRead

type logRead struct {
	asked time.Time
	done  bool
	lines []string
	err   error
}

// wantLog asks for the log of a problem's container, once.
func (s *step) wantLog(p judge.Problem) {
	if p.Log == nil || s.logs[p.Key] != nil || len(s.logs) >= logsAtMost || s.Log != nil {
		return
	}
	s.logs[p.Key] = &logRead{asked: s.now}
	s.Log = &LogWant{Key: p.Key, Log: *p.Log}
}

// awaitLog returns until when the verdict waits for the log of its cause; zero: not at all.
func (s *step) awaitLog(cause *judge.Held) time.Time {
	s.wantLog(cause.Problem)
	read := s.logs[cause.Key]
	if read == nil || read.done {
		return time.Time{}
	}
	if until := read.asked.Add(logPatience); s.now.Before(until) {
		return until
	}
	return time.Time{}
}

func (l logs) answer(in LogDone) {
	if read := l[in.Key]; read != nil {
		read.done, read.lines, read.err = true, in.Lines, in.Err
	}
}

// lines returns the last lines of a problem's container, where they were read.
func (l logs) lines(key string) []string {
	if read := l[key]; read != nil && read.done {
		return read.lines
	}
	return nil
}

// words returns what a problem's container said last, for telling.
func (l logs) words(key string) []string {
	read := l[key]
	switch {
	case read == nil || !read.done:
		return nil
	case read.err != nil:
		return []string{"its log cannot be read: " + read.err.Error()}
	case len(read.lines) == 0:
		return []string{"its log is empty"}
	}
	words := []string{"its last words:"}
	if gist := judge.Gist(read.lines); gist != "" {
		words = []string{"its last words (" + gist + "):"}
	}
	for _, line := range read.lines[max(0, len(read.lines)-logLines):] {
		words = append(words, "  "+line)
	}
	return words
}
