package kube_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// follow watches for a while of virtual time and returns what came. All goroutines must have ended
// then, or synctest panics.
func follow(t *testing.T, s *apiServer, target engine.Target, while time.Duration) []string {
	t.Helper()
	cluster := s.connect()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	out := make(chan snapshot.Change)
	go func() {
		defer close(out)
		cluster.Watch(ctx, target, out)
	}()
	var got []string
	for c := range out {
		if c.Type != snapshot.Listed { // TestWatchTellsWhatThereIs is about them
			got = append(got, describe(c))
		}
	}
	if asked := cluster.Requests(); asked != len(s.asked()) {
		t.Errorf("Requests() = %d, the server saw %d", asked, len(s.asked()))
	}
	return got
}

const http1 = 1

func TestWatch(t *testing.T) {
	a5, b6 := thing("a", "ua", 5), thing("b", "ub", 6)
	start := send(added(a5), added(b6), listed(9))
	begun := []string{"Seen a/ua@5", "Seen b/ub@6", "Synced"}
	cases := []struct {
		name     string
		script   []step
		proto    int
		while    time.Duration
		want     []string
		requests []string // with their times; nil where the script's order says enough
	}{
		{
			name:   "list and changes come through one request",
			script: []step{on("WATCHLIST", start, send(modified(thing("a", "ua", 10)), upTo(12), removed(thing("b", "ub", 13))), hold)},
			want:   append(begun[:3:3], "Seen a/ua@10", "Deleted b/ub@13"),
		},
		{
			name:   "what changes during the list is part of it",
			script: []step{on("WATCHLIST", send(added(a5), upTo(6), modified(thing("a", "ua", 7)), added(b6), removed(thing("b", "ub", 8)), listed(9)), hold)},
			want:   []string{"Seen a/ua@7", "Synced"},
		},
		{
			name: "a clean end is resumed at once and silently, from the last bookmark",
			script: []step{
				on("WATCHLIST", start, send(upTo(20)), pause(300*time.Second)),
				on("WATCH 20", send(modified(thing("a", "ua", 21))), pause(5*time.Second)),
				on("WATCH 21", hold),
			},
			while:    400 * time.Second,
			want:     append(begun[:3:3], "Seen a/ua@21"),
			requests: []string{"0s WATCHLIST", "5m0s WATCH 20", "5m5s WATCH 21"},
		},
		{
			name: "a message that was cut off is never taken in",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second), send(modified(thing("a", "ua", 10))[:40]), cut),
				on("WATCH 9", send(modified(thing("a", "ua", 10))), hold),
			},
			want: append(begun[:3:3], "Seen a/ua@10"),
		},
		{
			name: "a list that was cut off is asked for again",
			script: []step{
				on("WATCHLIST", send(added(a5)), cut),
				on("WATCHLIST", start, hold),
			},
			want:     append([]string{"Lost: watch seldondeployments in ns: the watch ended: unexpected EOF"}, append(begun[:3:3], "Restored")...),
			requests: []string{"0s WATCHLIST", "200ms WATCHLIST"},
		},
		{
			name: "an expired version in the stream leads to a list, which shows what was missed",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second), send(failure(410, metav1.StatusReasonExpired))),
				on("WATCHLIST", send(added(thing("b", "new", 31)), added(thing("c", "uc", 32)), listed(33)), hold),
			},
			want:     append(begun[:3:3], "Deleted a/ua@5", "Deleted b/ub@6", "Seen b/new@31", "Seen c/uc@32"),
			requests: []string{"0s WATCHLIST", "2s WATCHLIST"},
		},
		{
			name: "an expired version in the answer leads to a list, which repeats nothing",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(410, metav1.StatusReasonGone)),
				on("WATCHLIST", start, hold),
			},
			want:     begun,
			requests: []string{"0s WATCHLIST", "2s WATCH 9", "2s WATCHLIST"},
		},
		{
			name: "versions that expire at once are not asked for in a tight loop",
			script: []step{
				on("WATCHLIST", start, send(failure(410, metav1.StatusReasonExpired))),
				on("WATCHLIST", start, send(failure(410, metav1.StatusReasonExpired))),
				on("WATCHLIST", start, hold),
			},
			want:     append(begun[:3:3], "Lost Expired", "Restored"),
			requests: []string{"0s WATCHLIST", "0s WATCHLIST", "400ms WATCHLIST"},
		},
		{
			name:   "a name that passes to another object yields the deletion that was missed",
			script: []step{on("WATCHLIST", start, send(added(thing("a", "other", 10))), hold)},
			want:   append(begun[:3:3], "Deleted a/ua@5", "Seen a/other@10"),
		},
		{
			name:   "a forbidden kind is denied and left alone",
			script: []step{on("WATCHLIST", status(403, metav1.StatusReasonForbidden))},
			while:  time.Hour,
			want:   []string{"Denied Forbidden"},
		},
		{
			name:   "a kind that is not served is denied and left alone",
			script: []step{on("WATCHLIST", status(404, metav1.StatusReasonNotFound))},
			while:  time.Hour,
			want:   []string{"Denied NotFound"},
		},
		{
			name: "a permission that is missing for a moment only does not end the watch",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", start, hold),
			},
			want: append(begun[:3:3], "Lost Forbidden", "Restored"),
		},
		{
			name: "a permission that is taken away for good is denied after a while",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", status(403, metav1.StatusReasonForbidden)),
				on("WATCHLIST", status(403, metav1.StatusReasonForbidden)),
			},
			while: time.Hour,
			want:  append(begun[:3:3], "Lost Forbidden", "Denied Forbidden"),
		},
		{
			name: "a server in trouble is asked ever more rarely, but within 5 s of its return",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(500, metav1.StatusReasonInternalError)),
				on("WATCHLIST", unreachable), on("WATCHLIST", unreachable), on("WATCHLIST", unreachable),
				on("WATCHLIST", unreachable), on("WATCHLIST", unreachable), on("WATCHLIST", unreachable),
				on("WATCHLIST", start, hold),
			},
			while: time.Minute,
			want: append(begun[:3:3], "Lost InternalError",
				`Lost: watch seldondeployments in ns: connection refused`, "Restored"),
			requests: []string{
				"0s WATCHLIST", "2s WATCH 9", "2.4s WATCHLIST", "3.2s WATCHLIST", "4.8s WATCHLIST",
				"8s WATCHLIST", "12s WATCHLIST", "16s WATCHLIST", "20s WATCHLIST",
			},
		},
		{
			name:   "a server that was never reached is waited for",
			script: []step{on("WATCHLIST", unreachable), on("WATCHLIST", start, hold)},
			want: append([]string{`Lost: watch seldondeployments in ns: connection refused`},
				"Seen a/ua@5", "Seen b/ub@6", "Synced", "Restored"),
		},
		{
			name: "the server's wish for rest is granted",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(429, metav1.StatusReasonTooManyRequests, "Retry-After: 7")),
				on("WATCHLIST", status(429, metav1.StatusReasonTooManyRequests)),
				on("WATCHLIST", start, hold),
			},
			while:    time.Minute,
			want:     append(begun[:3:3], "Lost TooManyRequests", "Restored"),
			requests: []string{"0s WATCHLIST", "2s WATCH 9", "9s WATCHLIST", "9.8s WATCHLIST"},
		},
		{
			name: "but no longer than the API server itself would wish",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(429, metav1.StatusReasonTooManyRequests, "Retry-After: 600")),
				on("WATCHLIST", start, hold),
			},
			while:    time.Minute,
			want:     append(begun[:3:3], "Lost TooManyRequests", "Restored"),
			requests: []string{"0s WATCHLIST", "2s WATCH 9", "34s WATCHLIST"},
		},
		{
			name: "a proxy that names a time is asked again within 5 s all the same",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second)),
				on("WATCH 9", status(503, metav1.StatusReasonServiceUnavailable, "Retry-After: 600")),
				on("WATCHLIST", status(503, metav1.StatusReasonServiceUnavailable, "Retry-After: 2")),
				on("WATCHLIST", start, hold),
			},
			while:    time.Minute,
			want:     append(begun[:3:3], "Lost ServiceUnavailable", "Restored"),
			requests: []string{"0s WATCHLIST", "2s WATCH 9", "6s WATCHLIST", "8s WATCHLIST"},
		},
		{
			name: "credentials that have expired are renewed once without a word",
			script: []step{
				on("WATCHLIST", status(401, metav1.StatusReasonUnauthorized)),
				on("WATCHLIST", start, hold),
			},
			want:     begun,
			requests: []string{"0s WATCHLIST", "0s WATCHLIST"},
		},
		{
			name: "credentials that stay refused are said",
			script: []step{
				on("WATCHLIST", status(401, metav1.StatusReasonUnauthorized)),
				on("WATCHLIST", status(401, metav1.StatusReasonUnauthorized)),
				on("WATCHLIST", start, hold),
			},
			want: append([]string{"Lost Unauthorized"}, append(begun[:3:3], "Restored")...),
		},
		{
			name: "a server that refuses to list within a watch is listed",
			script: []step{
				on("WATCHLIST", status(422, metav1.StatusReasonInvalid)),
				on("LIST", send(listOf(9, b6, a5))),
				on("WATCH 9", send(removed(thing("a", "ua", 10))), pause(2*time.Second), send(failure(410, metav1.StatusReasonExpired))),
				on("LIST", send(listOf(20))),
				on("WATCH 20", hold),
			},
			want: append(begun[:3:3], "Deleted a/ua@10", "Deleted b/ub@6"),
		},
		{
			name: "a server that does not know of lists within a watch is listed after 3 s",
			script: []step{
				on("WATCHLIST", send(added(a5)), pause(time.Second), send(added(b6)), hold),
				on("LIST", send(listOf(9, a5, b6))),
				on("WATCH 9", pause(2*time.Second), send(failure(410, metav1.StatusReasonGone))),
				on("LIST", send(listOf(20, a5))),
				on("WATCH 20", hold),
			},
			want:     append(begun[:3:3], "Deleted b/ub@6"),
			requests: []string{"0s WATCHLIST", "4s LIST", "4s WATCH 9", "6s LIST", "6s WATCH 20"},
		},
		{
			name:   "a server that does not begin to answer is given up after 30 s",
			script: []step{on("WATCHLIST", hang), on("WATCHLIST", start, hold)},
			while:  time.Minute,
			want: append([]string{"Lost: watch seldondeployments in ns: no answer within 30s: context deadline exceeded"},
				append(begun[:3:3], "Restored")...),
			requests: []string{"0s WATCHLIST", "30.2s WATCHLIST"},
		},
		{
			name: "a server that does not begin to answer a resumed watch is lost after 3 s",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second), cut),
				on("WATCH 9", hang),
				on("WATCHLIST", pause(8*time.Second), start, hold),
			},
			while:    time.Minute,
			want:     append(begun[:3:3], "Lost: watch seldondeployments in ns: no answer within 3s: context deadline exceeded", "Restored"),
			requests: []string{"0s WATCHLIST", "2s WATCH 9", "5.4s WATCHLIST"},
		},
		{
			name: "a list from the past is refused",
			script: []step{
				on("WATCHLIST", start, send(modified(thing("a", "ua", 40))), pause(2*time.Second), send(failure(410, metav1.StatusReasonExpired))),
				on("WATCHLIST", send(added(a5), listed(30)), hold),
				on("WATCHLIST", send(added(thing("a", "ua", 40)), added(b6), listed(41)), hold),
			},
			want: append(begun[:3:3], "Seen a/ua@40",
				"Lost: watch seldondeployments in ns: the server sent a list that is older than what it has already shown (30 after 40)", "Restored"),
		},
		{
			name:   "an old state of an object is dropped",
			script: []step{on("WATCHLIST", start, send(modified(thing("b", "ub", 11)), modified(thing("b", "ub", 10))), hold)},
			want:   append(begun[:3:3], "Seen b/ub@11"),
		},
		{
			name: "watches that end at once are not renewed in a tight loop",
			script: []step{
				on("WATCHLIST", start), on("WATCH 9", send()), on("WATCHLIST", start, hold),
			},
			want:     append(begun[:3:3], "Lost: watch seldondeployments in ns: the watch ended: EOF", "Restored"),
			requests: []string{"0s WATCHLIST", "0s WATCH 9", "400ms WATCHLIST"},
		},
		{
			name: "an error in the stream that passes is nothing to speak of",
			script: []step{
				on("WATCHLIST", start, pause(2*time.Second), send(failure(500, metav1.StatusReasonInternalError))),
				on("WATCH 9", hold),
			},
			want: begun,
		},
		{
			name: "without pings a silent watch is begun anew every 15 s",
			script: []step{
				on("WATCHLIST", start, hold),
				on("WATCHLIST", send(added(a5), listed(12)), hold),
				on("WATCHLIST", send(added(a5), listed(14)), hold),
			},
			proto:    http1,
			while:    40 * time.Second,
			want:     append(begun[:3:3], "Deleted b/ub@6"),
			requests: []string{"0s WATCHLIST", "15s WATCHLIST", "30s WATCHLIST"},
		},
		{
			name: "and where that needs a list which gets no answer, it is lost",
			script: []step{
				on("WATCHLIST", status(400, metav1.StatusReasonBadRequest)), on("LIST", send(listOf(9, a5, b6))), on("WATCH 9", hold),
				on("LIST", hang), on("LIST", hang), on("LIST", send(listOf(20, a5, b6))), on("WATCH 20", hold),
			},
			proto:    http1,
			while:    70 * time.Second,
			want:     append(begun[:3:3], "Lost: watch seldondeployments in ns: no answer within 30s: context deadline exceeded", "Restored"),
			requests: []string{"0s WATCHLIST", "0s LIST", "0s WATCH 9", "15s LIST", "30.2s LIST", "1m0.6s LIST", "1m0.6s WATCH 20"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.script...)
				if c.proto != 0 {
					s.proto = c.proto
				}
				while := c.while
				if while == 0 {
					while = 10 * time.Second
				}
				got := follow(t, s, target(), while)
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("changes (-want +got):\n%s", d)
				}
				if d := cmp.Diff(c.requests, s.asked()); c.requests != nil && d != "" {
					t.Errorf("requests (-want +got):\n%s", d)
				}
			})
		})
	}
}

// TestWatchTellsWhatThereIs: after each list all UIDs are told, because others may have been learnt from
// a read, of whose deletion no watch tells.
func TestWatchTellsWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t,
			on("WATCHLIST", send(added(thing("a", "ua", 5)), listed(9)), pause(2*time.Second), send(failure(410, metav1.StatusReasonExpired))),
			on("WATCHLIST", send(added(thing("b", "ub", 11)), listed(12)), hold))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		out := make(chan snapshot.Change)
		go func() {
			defer close(out)
			s.connect().Watch(ctx, target(), out)
		}()
		var got []string
		for c := range out {
			if c.Type == snapshot.Listed {
				got = append(got, fmt.Sprint(c.Version, c.There))
			}
		}
		if d := cmp.Diff([]string{"9map[ua:true]", "12map[ub:true]"}, got); d != "" {
			t.Errorf("lists (-want +got):\n%s", d)
		}
	})
}

// TestDeletionsTellTheirVersion: so that what only lost its label can be told from what is dead when it is
// shown again.
func TestDeletionsTellTheirVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t,
			on("WATCHLIST", send(added(thing("a", "ua", 5)), added(thing("b", "ub", 6)), added(thing("c", "uc", 7)), listed(9),
				removed(thing("a", "ua", 11)), added(thing("b", "other", 13))), pause(2*time.Second), send(failure(410, metav1.StatusReasonExpired))),
			on("WATCHLIST", send(added(thing("b", "other", 13)), listed(20)), hold))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		out := make(chan snapshot.Change)
		go func() {
			defer close(out)
			s.connect().Watch(ctx, target(), out)
		}()
		got := map[string]string{}
		for c := range out {
			if c.Type == snapshot.Deleted {
				got[string(c.Object.GetUID())] = c.Version
			}
		}
		if d := cmp.Diff(map[string]string{"ua": "11", "ub": "13", "uc": "20"}, got); d != "" {
			t.Errorf("versions (-want +got):\n%s", d)
		}
	})
}
