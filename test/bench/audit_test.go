//go:build integration

package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// request is one line of the API server's audit log.
type request struct {
	AuditID   string `json:"auditID"`
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		Resource  string `json:"resource"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
	Answered time.Time `json:"stageTimestamp"`
}

// wrote reports whether the request may have changed something.
func (r request) wrote() bool {
	return r.ResponseStatus.Code < 300 && !slices.Contains([]string{"get", "list", "watch"}, r.Verb)
}

// readAudit reads the log. A watch has a line for its beginning and one for its end; the first counts.
func readAudit(b *testing.B, path string) []request {
	b.Helper()
	file, err := os.Open(path)
	must(b, err)
	defer file.Close()
	var requests []request
	seen := map[string]bool{}
	for lines := json.NewDecoder(bufio.NewReader(file)); ; {
		var r request
		err := lines.Decode(&r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return requests
		}
		must(b, err)
		if !seen[r.AuditID] {
			seen[r.AuditID] = true
			requests = append(requests, r)
		}
	}
}

// audit completes the turns by what the log says of them.
func (s series) audit(b *testing.B, log []request) {
	b.Helper()
	for way, turns := range s {
		for i := range turns {
			t := &turns[i]
			var own []request
			for _, r := range log {
				if strings.HasPrefix(r.UserAgent, agents[way]) && !r.Received.Before(t.started) && !r.Received.After(t.ended) {
					own = append(own, r)
				}
			}
			t.requests = len(own)
			t.took, t.timed = worldTime(t.history, own, log)
			if !t.timed && way == bySeldonctl {
				b.Errorf("the audit log does not tell how long the world took in turn %d of seldonctl", i+1)
			}
		}
	}
}

// writes are the verbs with which a life is begun, scaled and ended.
var writes = [...]string{"create", "patch", "delete"}

// worldTime sums, over the phases, the time from the receipt of the contender's write to the moment at
// which the last change that the goal needs was accepted. It is not known if the contender went on
// before the goal was reached.
func worldTime(h history, own, log []request) (time.Duration, bool) {
	var sum time.Duration
	var set [len(goals)]time.Time
	for i, verb := range writes {
		for _, r := range own {
			if r.Verb == verb && r.ObjectRef.Resource == seldonDeployments.Resource {
				set[i] = r.Received
			}
		}
		if set[i].IsZero() {
			return 0, false
		}
	}
	for i, g := range goals {
		reached, ok := firstReached(h, g, log, set[i])
		if !ok || i+1 < len(goals) && reached.After(set[i+1]) {
			return 0, false
		}
		sum += reached.Sub(set[i])
	}
	return sum, true
}

// firstReached is when the first change after the write was accepted with which the world had the goal.
func firstReached(h history, g goal, log []request, after time.Time) (time.Time, bool) {
	w := world{}
	for _, c := range h.inOrder() {
		w.take(c)
		if at := c.accepted(log); at.After(after) && g.reached(w) {
			return at, true
		}
	}
	return time.Time{}, false
}

// accepted is when the API server had carried out the request that led to a change: the last one about
// the object that it had received when the witness learned of the change.
func (c change) accepted(log []request) time.Time {
	var last request
	for _, r := range log {
		about := r.ObjectRef.Resource == kinds[c.kind].Resource && r.ObjectRef.Name == c.name && r.ObjectRef.Namespace == namespace
		if about && r.wrote() && r.Received.After(last.Received) && !r.Received.After(c.at) {
			last = r
		}
	}
	if last.Answered.After(c.at) {
		return c.at
	}
	return last.Answered
}
