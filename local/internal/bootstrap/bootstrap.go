// Package bootstrap puts into a fresh API server what makes it the cluster that users expect: the SeldonDeployment kind, the operator's namespace, rights
// and webhook, and the nodes; and it proves that all of it works. It must never know how the components are run.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a cluster that is being set up.
type Cluster struct {
	core       kubernetes.Interface
	extensions apiextensions.Interface
	dynamic    dynamic.Interface
}

// Options are what the set-up needs to know.
type Options struct {
	Nodes, PodsPerNode int
	// WebhookURL is where the operator stand-in answers, with a certificate of the authority CA.
	WebhookURL string
	CA         []byte
}

// New connects to the cluster of a kubeconfig.
func New(kubeconfig []byte) (*Cluster, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	config.Timeout = 10 * time.Second
	config.UserAgent = "seldonctl-local"
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	extensions, err := apiextensions.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	return &Cluster{core: core, extensions: extensions, dynamic: dynamicClient}, nil
}

// WaitForServer waits until the API server says that it is ready.
func (c *Cluster) WaitForServer(ctx context.Context) error {
	return until(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := c.core.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err != nil {
			return fmt.Errorf("ask the API server whether it is ready: %w", err)
		}
		return nil
	})
}

// until repeats a look until it finds nothing wrong, and says on what it ended otherwise.
func until(ctx context.Context, look func(context.Context) error) error {
	const pause = 40 * time.Millisecond
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last seen: %w)", context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

// errNotYet is what until hears as long as something is not there.
var errNotYet = errors.New("not yet")

// created turns "it is there already" into success.
func created(what string, err error) error {
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return fmt.Errorf("create %s: %w", what, err)
}
