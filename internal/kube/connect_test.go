package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// isolate hides the machine's own cluster configuration.
func isolate(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", filepath.Join(home, "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
	return home
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://api.test:6443"}}]
contexts: [{name: here, context: {cluster: c, user: u, namespace: team}}, {name: there, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: secret}}]
`

func TestConnect(t *testing.T) {
	home := isolate(t)
	file := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full, noCurrent := file("full", kubeconfig+"current-context: here\n"), file("nocurrent", kubeconfig)
	cases := []struct {
		name, kubeconfig, context, server string
		want                              string
		none                              bool
	}{
		{name: "nothing at all", none: true},
		{name: "no current context", kubeconfig: noCurrent, none: true},
		{name: "the current context", kubeconfig: full, want: "here https://api.test:6443 team"},
		{name: "another context", kubeconfig: noCurrent, context: "there", want: "there https://api.test:6443 default"},
		{name: "only a server", server: "http://localhost:8080", want: " http://localhost:8080 default"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.kubeconfig != "" {
				t.Setenv("KUBECONFIG", c.kubeconfig)
			}
			flags := parse(t, "--context", c.context, "--server", c.server)
			cluster, err := flags.Connect(kube.Options{})
			if errors.Is(err, kube.ErrNoCluster) != c.none || (err != nil) != c.none {
				t.Fatalf("got error %v", err)
			}
			if c.none {
				return
			}
			context, server, namespace := cluster.Where()
			if got := fmt.Sprintf("%s %s %s", context, server, namespace); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestConnectToABrokenConfiguration(t *testing.T) {
	home := isolate(t)
	for name, flags := range map[string]*kube.Flags{
		"a file that is not there":        parse(t, "--kubeconfig", filepath.Join(home, "missing")),
		"a context that is not there":     parse(t, "--context", "absent"),
		"a user's extra that is no pair":  parse(t, "--server", "http://api.test", "--as", "a", "--as-user-extra", "b"),
		"a server that is not an address": parse(t, "--server", "http://a b"),
	} {
		if _, err := flags.Connect(kube.Options{}); err == nil || errors.Is(err, kube.ErrNoCluster) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func parse(t *testing.T, args ...string) *kube.Flags {
	t.Helper()
	var flags kube.Flags
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	for _, f := range flags.All() {
		switch value := f.Value.(type) {
		case *string:
			set.StringVarP(value, f.Name, f.Short, "", f.Usage)
		case *bool:
			set.BoolVarP(value, f.Name, f.Short, false, f.Usage)
		case *[]string:
			set.StringArrayVarP(value, f.Name, f.Short, nil, f.Usage)
		}
	}
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &flags
}

// TestHTTP talks to a real server over HTTP/2 and HTTP/1.1.
func TestHTTP(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			ended := make(chan struct{})
			var agent string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				agent = r.UserAgent()
				if (r.ProtoMajor == 2) != http2 {
					t.Errorf("came by %s", r.Proto)
				}
				send(added(thing("m", "um", 1)), listed(2))(w, r)
				hold(w, r)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			config := &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
			cluster, err := kube.New(config, kube.Options{Version: "1.2.3"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, done := make(chan snapshot.Change), make(chan struct{})
			go func() {
				cluster.Watch(ctx, target(), out)
				close(done)
			}()
			if first, second, third := <-out, <-out, <-out; first.Type != snapshot.Seen || second.Type != snapshot.Listed || third.Type != snapshot.Synced {
				t.Errorf("got %s, %s, %s", describe(first), describe(second), describe(third))
			}
			cancel()
			<-done
			<-ended
			if !strings.HasPrefix(agent, "seldonctl/1.2.3") {
				t.Errorf("user agent %q", agent)
			}
		})
	}
}
