package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seldonctl/seldonctl/internal/kube"
)

// TestPluginPolicy holds the policy for credential plugins to deciding whether the kubeconfig's is started.
func TestPluginPolicy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugin of this test is a shell script")
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	defer server.Close()
	for _, tc := range []struct {
		policy  string
		started bool
		says    string
	}{
		{"", true, ""},
		{"AllowAll", true, ""},
		{"DenyAll", false, "not allowed"},
		{"aws, PLUGIN", true, ""},
		{"aws,gke-gcloud-auth-plugin", false, "not permitted by the credential plugin allowlist"},
		{"DenyEverything", false, "not permitted by the credential plugin allowlist"},
		{",", false, "misconfigured"},
	} {
		t.Run(strings.ReplaceAll(tc.policy, ",", " and "), func(t *testing.T) {
			home := isolate(t)
			started, plugin := filepath.Join(home, "started"), filepath.Join(home, "plugin")
			script := fmt.Sprintf("#!/bin/sh\ntouch %s\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"x\"}}'\n", started)
			config := strings.Replace(kubeconfig, "user: {token: secret}", "user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: \""+plugin+"\"}}", 1)
			config = strings.Replace(config, `"https://api.test:6443"`, `"`+server.URL+`", insecure-skip-tls-verify: true`, 1) + "current-context: here\n"
			path := filepath.Join(home, "config")
			for file, text := range map[string]string{plugin: script, path: config} {
				if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			flags := kube.Flags{Kubeconfig: path}
			for _, flag := range flags.All() {
				if flag.Name == "exec-plugin-policy" {
					*flag.Value.(*string) = strings.Replace(tc.policy, "PLUGIN", plugin, 1)
				}
			}
			cluster, err := flags.Connect(kube.Options{})
			if err == nil {
				_, _, err = cluster.Rules(context.Background(), "team")
			}
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
			if _, err := os.Stat(started); (err == nil) != tc.started {
				t.Errorf("started: %t, want %t", err == nil, tc.started)
			}
		})
	}
}
