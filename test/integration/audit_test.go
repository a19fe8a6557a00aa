//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// request is one request of seldonctl as the API server's audit log tells it.
type request struct {
	ID               string    `json:"auditID"`
	Verb             string    `json:"verb"`
	URI              string    `json:"requestURI"`
	UserAgent        string    `json:"userAgent"`
	Received         time.Time `json:"requestReceivedTimestamp"`
	ImpersonatedUser struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	Object struct {
		Resource  string `json:"resource"`
		Namespace string `json:"namespace"`
	} `json:"objectRef"`
}

// requests returns the requests of seldonctl that are wanted, each once, oldest first. Those that contain
// a word are looked at: the log holds what all tests and the whole cluster did.
func (c *cluster) requests(t *testing.T, containing string, wanted func(request) bool) []request {
	t.Helper()
	file, err := os.Open(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var all []request
	known := map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(containing)) || !bytes.Contains(lines.Bytes(), []byte(`"userAgent":"seldonctl/`)) {
			continue
		}
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if !known[r.ID] && strings.HasPrefix(r.UserAgent, "seldonctl/") && wanted(r) {
			known[r.ID] = true
			all = append(all, r)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// deletions returns the DELETEs of SeldonDeployments in a namespace.
func (c *cluster) deletions(t *testing.T, namespace string) []request {
	t.Helper()
	return c.requests(t, namespace, func(r request) bool {
		return r.Object.Namespace == namespace && r.Object.Resource == "seldondeployments" && r.Verb == "delete"
	})
}
