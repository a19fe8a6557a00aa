//go:build integration

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kubectl is the program that people use today.
type kubectl struct{ path, version string }

// findKubectl finds it on PATH; KUBECTL names another one. Where that is the Google Cloud SDK's
// dispatcher, which asks the server for its version and then starts one of several, the newest of
// those is taken: it is faster.
func findKubectl(ctx context.Context, b *testing.B) kubectl {
	b.Helper()
	path := os.Getenv("KUBECTL")
	if path == "" {
		found, err := exec.LookPath("kubectl")
		if err != nil {
			b.Fatalf("kubectl is needed for the comparison: %v", err)
		}
		path = found
	}
	k := kubectl{path, clientVersion(ctx, b, path)}
	if !strings.Contains(k.version, "dispatcher") {
		return k
	}
	resolved, err := filepath.EvalSymlinks(path)
	must(b, err)
	behind, err := filepath.Glob(resolved + ".1.*")
	must(b, err)
	if len(behind) == 0 {
		return k
	}
	k.path = slices.Max(behind)
	k.version = clientVersion(ctx, b, k.path)
	return k
}

func clientVersion(ctx context.Context, b *testing.B, path string) string {
	b.Helper()
	out, err := exec.CommandContext(ctx, path, "version", "--client", "-o", "json").Output()
	must(b, err)
	var v struct {
		ClientVersion struct {
			GitVersion string `json:"gitVersion"`
		} `json:"clientVersion"`
	}
	must(b, json.Unmarshal(out, &v))
	return v.ClientVersion.GitVersion
}

// scaling is the edit that kubectl and the polling client write; it is the one that takes effect:
// while predictors[].replicas is there, the operator ignores spec.replicas.
var scaling = fmt.Sprintf(`[{"op":"add","path":"/spec/replicas","value":%d},{"op":"remove","path":"/spec/predictors/0/replicas"}]`, scaled)

// steps are what people write, each with the phase that they take to have ended then.
var steps = []struct {
	words []string
	phase string
}{
	{words: []string{"create", "-f", manifest}},
	{words: []string{"wait", "--for=jsonpath={.status.state}=Available", "sdep/" + name, "--timeout=" + limit.String()}, phase: "available"},
	{words: []string{"patch", "sdep", name, "--type=json", "--patch=" + scaling}},
	{words: []string{"wait", "--for=jsonpath={.status.state}=Available", "sdep/" + name, "--timeout=" + limit.String()}, phase: "scaled"},
	{words: []string{"delete", "sdep", name, "--cascade=foreground", "--wait", "--timeout=" + limit.String()}, phase: "gone"},
}

// turn is one process after the other, as in a script.
func (k kubectl) turn(b *testing.B, kubeconfig string, w *witness) contender {
	b.Helper()
	env := append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBECACHEDIR="+b.TempDir())
	return func(ctx context.Context) (turn, error) {
		t := turn{started: time.Now()}
		for _, step := range steps {
			command := exec.CommandContext(ctx, k.path, append([]string{"-n", w.namespace}, step.words...)...)
			command.Env = env
			if out, err := command.CombinedOutput(); err != nil {
				return t, fmt.Errorf("kubectl %s: %w\n%s", strings.Join(step.words, " "), err, out)
			}
			for _, g := range goals {
				if g.phase == step.phase {
					t.claims = append(t.claims, w.claimed(ctx, g))
				}
			}
		}
		t.ended = time.Now()
		return t, nil
	}
}
