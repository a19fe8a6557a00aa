//go:build integration

package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// builtBinary is where the build puts the embedded cluster; SELDONCTL_LOCAL names another one.
const builtBinary = "../../bin/seldonctl-local"

// cluster is an embedded cluster.
type cluster struct {
	config     *rest.Config
	kubeconfig string
	auditLog   string
	command    *exec.Cmd
	lifeline   io.Closer
}

func startCluster(ctx context.Context, b *testing.B, pace string) *cluster {
	b.Helper()
	binary := os.Getenv("SELDONCTL_LOCAL")
	if binary == "" {
		binary = builtBinary
	}
	c := &cluster{auditLog: filepath.Join(b.TempDir(), "audit.jsonl")}
	c.command = exec.CommandContext(ctx, binary, "up", "--ephemeral", "--pace="+pace, "--audit-log="+c.auditLog)
	var told bytes.Buffer
	c.command.Stderr = &told
	stdout, err := c.command.StdoutPipe()
	must(b, err)
	c.lifeline, err = c.command.StdinPipe()
	must(b, err)
	if err := c.command.Start(); err != nil {
		b.Fatalf("start %s (build it with `make local`, or name another one in SELDONCTL_LOCAL): %v", binary, err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if path, found := strings.CutPrefix(lines.Text(), "KUBECONFIG="); found {
			c.kubeconfig = path
			c.config, err = clientcmd.BuildConfigFromFlags("", path)
			must(b, err)
			return c
		}
	}
	c.stop()
	b.Fatalf("the embedded cluster did not start:\n%s", told.String())
	return nil
}

// stop ends the cluster, which leaves nothing.
func (c *cluster) stop() {
	_ = c.lifeline.Close()
	_ = c.command.Wait()
}

func (c *cluster) version(b *testing.B) string {
	b.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(c.config)
	must(b, err)
	v, err := client.ServerVersion()
	must(b, err)
	return v.GitVersion
}

// as returns the cluster's configuration for a client that gives itself a name and does not hold
// itself back.
func as(config *rest.Config, agent string) *rest.Config {
	c := rest.CopyConfig(config)
	c.UserAgent, c.QPS = agent, -1
	return c
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// load says how busy the machine was at the beginning, where that can be known.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
