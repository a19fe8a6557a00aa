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

// TestTheSystemsClockIsSet: how far the server's clock is ahead is known by what has passed, not by what the
// system's clock says now, which is years away here. What the server says of its own clock counts when that
// is set back, and an answer that was long on its way tells nothing new.
func TestTheSystemsClockIsSet(t *testing.T) {
	began := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	var passed, took, server time.Duration // the server's clock, beyond ours
	answers := roundTrip(func(*http.Request) (*http.Response, error) {
		date := began.Add(passed + server).Format(http.TimeFormat)
		passed += took
		return &http.Response{Header: http.Header{"Date": {date}}, Body: http.NoBody}, nil
	})
	counted := newTraffic()
	counted.clock = clock{began, func() time.Duration { return passed }}
	c := &Cluster{traffic: counted}
	for _, tc := range []struct {
		reason              string
		pause, took, server time.Duration
		want                time.Duration
	}{
		{"the first answer", time.Minute, 0, 5 * time.Second, 5 * time.Second},
		{"an answer that was long on its way", time.Minute, 20 * time.Second, 5 * time.Second, 5 * time.Second},
		{"the server's clock is set forward", time.Minute, 0, time.Hour, time.Hour},
		{"and back", time.Minute, 0, -time.Hour, -time.Hour},
	} {
		passed += tc.pause
		took, server = tc.took, tc.server
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.test", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := counted.count(answers).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if ahead, known := c.Ahead(); !known || ahead != tc.want {
			t.Errorf("%s: ahead by %s, known %v, want %s", tc.reason, ahead, known, tc.want)
		}
		if now := c.Now(); !now.Equal(began.Add(passed)) {
			t.Errorf("%s: now is %s, want %s", tc.reason, now, began.Add(passed))
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
