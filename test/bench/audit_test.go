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
func readAudit(b *testing.B, path string) auditLog {
	b.Helper()
	file, err := os.Open(path)
	must(b, err)
	defer file.Close()
	log := auditLog{writes: map[string][]request{}}
	seen := map[string]bool{}
	for lines := json.NewDecoder(bufio.NewReader(file)); ; {
		var r request
		err := lines.Decode(&r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return log
		}
		must(b, err)
		if seen[r.AuditID] {
			continue
		}
		seen[r.AuditID] = true
		log.requests = append(log.requests, r)
		if r.wrote() {
			log.writes[r.object()] = append(log.writes[r.object()], r)
		}
	}
}

// auditLog is the API server's log, and of it the requests that may have changed something, by object.
type auditLog struct {
	requests []request
	writes   map[string][]request
}

func (r request) object() string {
	return r.ObjectRef.Resource + "/" + r.ObjectRef.Namespace + "/" + r.ObjectRef.Name
}

// of returns the requests that a contender made in a turn.
func (l auditLog) of(t turn, agent, namespace string) []request {
	var own []request
	for _, r := range l.requests {
		if strings.HasPrefix(r.UserAgent, agent) && r.ObjectRef.Namespace == namespace && !r.Received.Before(t.started) && !r.Received.After(t.ended) {
			own = append(own, r)
		}
	}
	return own
}

// audit completes the turns by what the log says of them.
func (s series) audit(b *testing.B, log auditLog, namespace string) {
	b.Helper()
	for way, turns := range s {
		for i := range turns {
			t := &turns[i]
			own := log.of(*t, agents[way], namespace)
			t.requests = len(own)
			t.took, t.timed = worldTime(t.history, own, log, namespace)
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
func worldTime(h history, own []request, log auditLog, namespace string) (time.Duration, bool) {
	var sum time.Duration
	for _, p := range phases(h, own, log, namespace) {
		if p.reached.IsZero() {
			return 0, false
		}
		sum += p.reached.Sub(p.set)
	}
	return sum, true
}

// phase is when a contender set a goal, and when the world had it; zero if the contender went on before.
type phase struct{ set, reached time.Time }

func phases(h history, own []request, log auditLog, namespace string) [len(goals)]phase {
	var found [len(goals)]phase
	for i, verb := range writes {
		for _, r := range own {
			if r.Verb == verb && r.ObjectRef.Resource == seldonDeployments.Resource {
				found[i].set = r.Received
			}
		}
	}
	for i, g := range goals {
		if found[i].set.IsZero() {
			continue
		}
		reached, ok := firstReached(h, g, log, namespace, found[i].set)
		if ok && (i+1 == len(goals) || !reached.After(found[i+1].set)) {
			found[i].reached = reached
		}
	}
	return found
}

// firstReached is when the first change after the write was accepted with which the world had the goal.
func firstReached(h history, g goal, log auditLog, namespace string, after time.Time) (time.Time, bool) {
	w := world{}
	for _, c := range h.inOrder() {
		w.take(c)
		if at := c.accepted(log, namespace); at.After(after) && g.reached(w) {
			return at, true
		}
	}
	return time.Time{}, false
}

// accepted is when the API server had carried out the request that led to a change: the last one about
// the object that it had received when the witness learned of the change.
func (c change) accepted(log auditLog, namespace string) time.Time {
	var last request
	for _, r := range log.writes[kinds[c.kind].Resource+"/"+namespace+"/"+c.name] {
		if r.Received.After(last.Received) && !r.Received.After(c.at) {
			last = r
		}
	}
	if last.Answered.After(c.at) {
		return c.at
	}
	return last.Answered
}
