package cluster

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seldonctl/seldonctl/local/internal/state"
)

func testPlan(t *testing.T, config Config) (map[string]launch, state.Folder) {
	t.Helper()
	folder := state.Folder{Name: "test", Path: t.TempDir()}
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	return plan(folder, config, p), folder
}

func TestPlanHasEveryComponent(t *testing.T) {
	launches, _ := testPlan(t, Config{Pace: Instant, Nodes: 8})
	for _, name := range order() {
		if launches[name].Name != name {
			t.Errorf("no plan for %s", name)
		}
	}
	if len(launches) != len(order()) {
		t.Errorf("%d plans for %d components", len(launches), len(order()))
	}
}

func TestPlanListensOnlyOnLoopback(t *testing.T) {
	launches, _ := testPlan(t, Config{Pace: Instant, Nodes: 8, AuditLog: "/audit.jsonl"})
	address := regexp.MustCompile(`https?://([^:/]+)|\b(\d+\.\d+\.\d+\.\d+)\b`)
	for name, l := range launches {
		for _, arg := range l.Args {
			if strings.HasPrefix(arg, "--service-") { // ranges and names inside the cluster
				continue
			}
			for _, m := range address.FindAllStringSubmatch(arg, -1) {
				if host := m[1] + m[2]; host != "127.0.0.1" {
					t.Errorf("%s: %s", name, arg)
				}
			}
			if strings.Contains(arg, "http://") {
				t.Errorf("%s speaks without TLS: %s", name, arg)
			}
		}
	}
	for _, flag := range []string{"--client-cert-auth", "--peer-client-cert-auth"} {
		if !slices.Contains(launches["etcd"].Args, flag) {
			t.Errorf("etcd would answer any user of the machine: %s is missing", flag)
		}
	}
}

func TestAuditLogOnlyOnRequest(t *testing.T) {
	without, _ := testPlan(t, Config{Pace: Instant, Nodes: 8})
	if strings.Contains(strings.Join(without["kube-apiserver"].Args, " "), "audit") {
		t.Error("an audit log that nobody has asked for")
	}
	with, _ := testPlan(t, Config{Pace: Instant, Nodes: 8, AuditLog: "/audit.jsonl"})
	if !slices.Contains(with["kube-apiserver"].Args, "--audit-log-path=/audit.jsonl") {
		t.Error("no audit log")
	}
}

func TestMaterialIsPrivateAndSecretsDiffer(t *testing.T) {
	_, folder := testPlan(t, Config{})
	if err := folder.Prepare(); err != nil {
		t.Fatal(err)
	}
	if _, err := writeMaterial(folder, ports{API: 1, Kubelet: 4711}, time.Now()); err != nil {
		t.Fatal(err)
	}
	tokens, err := os.ReadFile(folder.File("pki", "tokens.csv"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(tokens)) {
		seen[strings.Split(line, ",")[0]] = true
	}
	if len(seen) != len(users()) {
		t.Errorf("%d tokens for %d users", len(seen), len(users()))
	}
	for _, part := range []string{"pki", "."} {
		entries, err := os.ReadDir(folder.File(part))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
			}
		}
	}
	kwok, err := os.ReadFile(folder.File("kwok.yaml"))
	if err != nil || !strings.Contains(string(kwok), "{Port: 4711}") || strings.Contains(string(kwok), "kind: Pod") {
		t.Errorf("kwok.yaml: %v\n%s", err, kwok)
	}
}

func TestPortsDiffer(t *testing.T) {
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	all := []int{p.API, p.Etcd, p.EtcdPeer, p.Webhook, p.Kubelet}
	slices.Sort(all)
	if len(slices.Compact(all)) != 5 || all[0] == 0 {
		t.Errorf("ports: %+v", p)
	}
}

func TestEnvironmentIsOurs(t *testing.T) {
	t.Setenv("KUBECONFIG", "/somebody/elses")
	t.Setenv("HTTPS_PROXY", "http://proxy.invalid")
	t.Setenv("ETCD_NAME", "other")
	for _, e := range environment(state.Folder{Path: "/state"}) {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains([]string{"KUBECONFIG", "HTTPS_PROXY", "ETCD_NAME"}, name) {
			t.Errorf("the components see %s", e)
		}
	}
}
