//go:build integration

package integration

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// mostRequests is how many requests a whole run may need.
const mostRequests = 20

// The number of requests depends on nothing but what is done: not on how long the pods take.
func TestRequests(t *testing.T) { //nolint:tparallel // the group is awaited so that its counts can be compared
	t.Parallel()
	s := open(t)
	manifests := []string{"model.yaml", "realistic.yaml", "slow-30s.yaml"}
	counts := make([]int, len(manifests))
	t.Run("count", func(t *testing.T) {
		for i, manifest := range manifests {
			t.Run(strings.TrimSuffix(manifest, ".yaml"), func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				counts[i] = countRequests(t, s, manifest)
			})
		}
	})
	for i, manifest := range manifests {
		if counts[i] > mostRequests {
			t.Errorf("%s took %d requests, want at most %d", manifest, counts[i], mostRequests)
		}
		if counts[i] != counts[0] {
			t.Errorf("%s took %d requests, with pods that are ready at once it is %d", manifest, counts[i], counts[0])
		}
	}
}

// countRequests takes a manifest through its life as a user that only it has, by whom the API server's
// audit log tells its requests, and returns their number.
func countRequests(t *testing.T, s shop, manifest string) int {
	t.Helper()
	namespace := s.own(t)
	user := "user-of-" + namespace
	p := start(t, s, s.cluster, nil, "run", "-f", s.manifest(manifest), "-n", namespace, "-r", "3", "--as", user, "--as-group", "system:masters")
	p.exits(0)
	made := s.requests(t, user, func(r request) bool { return r.ImpersonatedUser.Username == user })
	told := regexp.MustCompile(`; (\d+) API requests;`).FindStringSubmatch(p.last())
	if told == nil {
		t.Fatalf("the last line does not tell the number of requests: %s", p.last())
	}
	if told[1] != strconv.Itoa(len(made)) {
		t.Errorf("it tells of %s requests, but the API server was sent %d", told[1], len(made))
	}
	if t.Failed() || len(made) > mostRequests {
		for _, r := range made {
			t.Logf("%s %s %s", r.Received.Format("15:04:05.000"), r.Verb, r.URI)
		}
	}
	t.Logf("%d requests in %s", len(made), p.ended.Sub(p.began))
	counts := map[string]int{}
	for _, r := range made {
		counts[r.what()]++
	}
	for what, n := range counts {
		if once := strings.HasPrefix(what, "WATCH ") || strings.HasPrefix(what, "POST ") || strings.HasPrefix(what, "DELETE "); once && n > 1 {
			t.Errorf("%s was sent %d times, want once", what, n)
		}
	}
	more := repeated(counts, 0)
	if more > mostRequests {
		t.Errorf("%d requests were repeated, more than chance explains: %v", more, counts)
	}
	return len(made) - more
}

// what says what the request wants of what, as the proxy's passages do.
func (r request) what() string {
	verbs := map[string]string{"create": http.MethodPost, "get": http.MethodGet}
	return cmp.Or(verbs[r.Verb], strings.ToUpper(r.Verb)) + " " + r.Object.Resource
}

// repeated is how many of the requests were made again: confirming reads that showed something newer than the watches
// had, and a patch that came too late for what it was made from. That happens by chance, on a busy machine more
// often, and not by how long pods take. Each of the two successes rests on one read of the object, one of the
// Deployments and one of the pods; before the first write the Deployments are listed for whether a name is taken.
// begun is with how many lists a watch begins.
func repeated(counts map[string]int, begun int) int {
	more := 0
	for what, needed := range map[string]int{
		"GET seldondeployments": 2, "LIST deployments": 3 + begun, "LIST pods": 2 + begun, "PATCH seldondeployments": 1,
	} {
		more += max(counts[what]-needed, 0)
	}
	return more
}
