package journal

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
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

// logs are the logs that were asked for during a goal, by container and kind of end.
type logs struct {
	reads map[string]*logRead
	asked int
}

func newLogs() logs { return logs{reads: map[string]*logRead{}} }

type logRead struct {
	asked time.Time
	exits int32 // how often the container had ended then
	done  bool
	lines []string
	err   error
}

// logKey identifies what is asked for: what a container says before it runs out of memory is not why it ended before.
func logKey(p judge.Problem) string { return string(p.Class) + "/" + p.Log.Key() }

// wantLog asks for the log of a problem's container: once, and where that told nothing again when it has ended
// once more. Between the end of a run and the reading of its log the kubelet may have begun the next.
func (s *step) wantLog(p judge.Problem) {
	if p.Log == nil || s.logs.asked >= logsAtMost || s.Log != nil {
		return
	}
	key := logKey(p)
	if read := s.logs.reads[key]; read != nil && (!read.done || len(read.lines) > 0 || p.Log.Exits <= read.exits) {
		return
	}
	s.logs.asked++
	s.logs.reads[key] = &logRead{asked: s.now, exits: p.Log.Exits}
	s.Log = &LogWant{Key: key, Log: *p.Log}
}

// awaitLog returns until when the verdict waits for the log of its cause; zero: not at all.
func (s *step) awaitLog(cause *judge.Held) time.Time {
	s.wantLog(cause.Problem)
	read := s.logs.of(cause.Problem)
	if read == nil || read.done {
		return time.Time{}
	}
	if until := read.asked.Add(logPatience); s.now.Before(until) {
		return until
	}
	return time.Time{}
}

func (l logs) answer(in LogDone) {
	if read := l.reads[in.Key]; read != nil {
		read.done, read.lines, read.err = true, in.Lines, in.Err
	}
}

// of returns the read of the log of a problem's container, or nil.
func (l logs) of(p judge.Problem) *logRead {
	if p.Log == nil {
		return nil
	}
	return l.reads[logKey(p)]
}

// LastWords returns what the container of a problem said last, as far as it was read: the lines, and the same for
// telling.
func (s *State) LastWords(p judge.Problem) (lines, words []string) {
	read := s.logs.of(p)
	switch {
	case read == nil || !read.done:
		return nil, nil
	case read.err != nil:
		return nil, []string{"its log cannot be read: " + read.err.Error()}
	case len(read.lines) == 0:
		return nil, []string{"its log is empty"}
	}
	words = []string{"its last words:"}
	if gist := judge.Gist(read.lines); gist != "" {
		words = []string{"its last words (" + gist + "):"}
	}
	for _, line := range read.lines[max(0, len(read.lines)-logLines):] {
		words = append(words, "  "+line)
	}
	return read.lines, words
}

// unready returns those of a kind that are pods which are not ready and neither leave nor have ended, or Deployments or
// ReplicaSets for which nothing can be made.
func (s *State) unready(kind snapshot.Kind) []types.UID {
	var found []types.UID
	for _, o := range s.snap.Living(kind) {
		switch o := o.(type) {
		case *corev1.Pod:
			switch state, _ := judge.StateOf(s.snap, o); state {
			case judge.PodReady, judge.PodTerminating, judge.PodEnded:
			default:
				found = append(found, o.UID)
			}
		case *appsv1.Deployment:
			if judge.Unmade(o) != nil {
				found = append(found, o.UID)
			}
		case *appsv1.ReplicaSet:
			if slices.ContainsFunc(o.Status.Conditions, func(c appsv1.ReplicaSetCondition) bool { return c.Type == appsv1.ReplicaSetReplicaFailure }) {
				found = append(found, o.UID)
			}
		}
	}
	return found
}

// Ill reports whether a pod below the custom resource was not ready already when it was first listed, or could not be made, so that
// the watch of Events, which begins with the present, may have missed why.
func (s *State) Ill(root types.UID) bool {
	return slices.ContainsFunc(s.ill, func(uid types.UID) bool { return s.snap.Within(root, uid) })
}

// recall takes in Events of the past. They explain and are no news, so they are not told.
func (s *step) recall(in Recalled) {
	for _, e := range in.Events {
		s.snap.Set(e)
	}
	if in.Err != nil {
		s.snap.SetComplete(snapshot.Event, false)
		s.tell(Entry{Type: Warning, Reason: "EventsUnread", Text: "the events from before cannot be read, going on with less: " + errText(in.Err)})
	}
}
