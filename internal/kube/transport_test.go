package kube

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
)

// TestDeadConnectionsAreNoticed looks for the pings that are beyond the reach of virtual time.
func TestDeadConnectionsAreNoticed(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	pem, err := cert.EncodeCertificates(server.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*rest.Config{
		"plain":             {Host: "http://api.test"},
		"own CA":            {Host: "https://api.test", TLSClientConfig: rest.TLSClientConfig{CAData: pem}},
		"CA file and token": {Host: "https://api.test", TLSClientConfig: rest.TLSClientConfig{CAFile: ca}, BearerToken: "t"},
		"impersonation":     {Host: "https://api.test", Impersonate: rest.ImpersonationConfig{UserName: "u"}},
	} {
		cluster, err := New(config, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		transport := innermost(cluster.client.Client.Transport)
		if transport == nil || transport == http.DefaultTransport {
			t.Fatalf("%s: there is no transport of its own", name)
		}
		if h := transport.HTTP2; h == nil || h.SendPingTimeout+h.PingTimeout > 20*time.Second || h.SendPingTimeout == 0 {
			t.Errorf("%s: a dead connection is noticed with %+v", name, h)
		}
		if cluster.client.Client.Timeout != 0 {
			t.Errorf("%s: watches end after %s", name, cluster.client.Client.Timeout)
		}
	}
}

func innermost(rt http.RoundTripper) *http.Transport {
	for {
		switch t := rt.(type) {
		case *http.Transport:
			return t
		case utilnet.RoundTripperWrapper:
			rt = t.WrappedRoundTripper()
		default:
			return nil
		}
	}
}
