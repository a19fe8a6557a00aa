//go:build integration

package integration

import (
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
	return len(made) - contradicted(made)
}

// contradicted is how many of the requests were confirming reads that showed something newer than the watches
// had, and so had to be made again: that happens by chance, on a busy machine more often, and not by how long
// pods take. Each of the two successes rests on one read of the object and one of the pods and Deployments.
func contradicted(made []request) int {
	roots, pods := 0, 0
	for _, r := range made {
		switch {
		case r.Verb == "get" && strings.Contains(r.URI, "/seldondeployments/"):
			roots++
		case r.Verb == "list" && strings.Contains(r.URI, "/pods?"):
			pods++
		}
	}
	return max(roots-2, 0) + 2*max(pods-2, 0)
}
