// Package kube is the hand that touches the cluster: it connects, watches, reads and writes through
// the Kubernetes API, and is the only room that may import client-go and cli-runtime.
//
// It passes on what the API server says and keeps watches alive; it never judges what that means,
// never repeats a write whose outcome is unknown, and never prints.
package kube

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// requestLimit is how long one request may take that is not a watch.
const requestLimit = 30 * time.Second

// fieldManager is the name under which the API server notes our writes.
const fieldManager = "seldonctl"

// Cluster is a connection to one Kubernetes cluster. It is safe for concurrent use.
type Cluster struct {
	client  *rest.RESTClient
	limit   time.Duration
	jitter  func() float64
	traffic *traffic
	where   where
}

type where struct{ context, server, namespace string }

// Where tells which cluster this is: the kubeconfig's context (empty inside a cluster or with
// --server alone), the API server's address, and the namespace that the context prescribes.
func (c *Cluster) Where() (context, server, namespace string) {
	return c.where.context, c.where.server, c.where.namespace
}

// Requests returns how many requests have been sent so far, watches and repeats included.
func (c *Cluster) Requests() int { return c.traffic.total() }

// Verbs returns how many requests have been sent by method, with WATCH for watches.
func (c *Cluster) Verbs() map[string]int { return c.traffic.byVerb() }

// Probes returns how many watches were begun anew only because they were silent on a connection
// that cannot be probed otherwise (HTTP/1.1). Requests counts them too.
func (c *Cluster) Probes() int { return int(c.traffic.probes.Load()) }

// Now returns the time by the clock that Ahead is about. It is the system's as it was when New was called,
// and nobody sets it.
func (c *Cluster) Now() time.Time { return c.traffic.clock.now() }

// Ahead returns how far the server's clock is ahead of Now, at least, and whether that is known.
func (c *Cluster) Ahead() (ahead time.Duration, known bool) {
	c.traffic.mu.Lock()
	defer c.traffic.mu.Unlock()
	if c.traffic.ahead == nil {
		return 0, false
	}
	return *c.traffic.ahead, true
}

// Options are what a connection needs beside the connection flags. The zero value is usable.
type Options struct {
	// Version is this program's version, for the user agent.
	Version string
	// Logger takes what client-go logs; nil discards it.
	Logger *slog.Logger
	// Requested, if not nil, is called after each request, from the goroutine that sent it.
	Requested func(Exchange)
	// Jitter returns a number in [0,1) by which delays are varied; nil draws it at random.
	Jitter func() float64
}

// New prepares a connection from a client-go configuration, which is not changed. It sends no request.
func New(config *rest.Config, opts Options) (*Cluster, error) {
	config = rest.CopyConfig(config)
	limit := requestLimit
	if config.Timeout > 0 {
		limit = min(limit, config.Timeout)
	}
	config.Timeout = 0 // It would end the watches too.
	config.QPS = -1    // The server's own fairness decides.
	config.UserAgent = "seldonctl/" + cmp.Or(opts.Version, "dev")
	config.WarningHandler = rest.NoWarnings{} // Writes hand out their warnings themselves.
	config.ContentType = runtime.ContentTypeJSON
	config.NegotiatedSerializer = statusDecoder()
	traffic := newTraffic()
	traffic.told = opts.Requested
	probed := config.Transport == nil
	if probed {
		if config.Proxy == nil {
			// Stated, so that client-go makes a transport of our own instead of sharing a cached one.
			config.Proxy = http.ProxyFromEnvironment
		}
		if config.Dial == nil {
			config.Dial = dialer().DialContext
		}
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		if probed {
			probeHTTP2(next)
		}
		return traffic.count(next)
	})
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	jitter := opts.Jitter
	if jitter == nil {
		jitter = rand.Float64
	}
	return &Cluster{
		client: client, limit: limit, jitter: jitter, traffic: traffic,
		where: where{server: config.Host, namespace: metav1.NamespaceDefault},
	}, nil
}

// dialer gives up on a host that does not answer, and has the kernel notice a dead peer within 20 s
// where HTTP/2 pings cannot.
func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         10 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
	}
}

// statusDecoder knows the one type that client-go must decode itself: the Status of an error.
func statusDecoder() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return serializer.NewCodecFactory(scheme).WithoutConversion()
}

// silence directs what client-go logs, which goes to stderr otherwise.
func silence(logger *slog.Logger) {
	if logger == nil {
		klog.SetLogger(klog.Logger{})
		return
	}
	klog.SetSlogLogger(logger)
}
