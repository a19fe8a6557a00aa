// Package operator is the stand-in for the Seldon Core operator: controller-runtime around the pure model in internal/simseldon. It reads from caches as the real one
// does, so that it acts on stale reads as the real one does, executes what the model says, and answers as the validating webhook.
//
// It must decide nothing itself: whatever the real operator was seen to do belongs into the model.
package operator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// component is what the real operator's events name as their source.
const component = "seldon-controller-manager"

// program is the name of the real operator's program, and so the field manager of what it writes.
const program = "manager"

// byOwner is the index of objects by the UID of their controller.
const byOwner = ".metadata.controller"

// Options are what the stand-in is started with.
type Options struct {
	Kubeconfig string
	// WebhookPort is where the webhook listens, on 127.0.0.1.
	WebhookPort int
	CertFile    string
	KeyFile     string
	Switches    simseldon.Switches
}

// Run runs the stand-in until the context ends.
func Run(ctx context.Context, opts Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	logger := logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	log.SetLogger(logger)
	mgr, err := newManager(opts.Kubeconfig, logger)
	if err != nil {
		return err
	}
	if err := watch(ctx, mgr, opts.Switches); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- serveWebhook(ctx, opts) }()
	go func() { ended <- mgr.Start(ctx) }()
	first := <-ended
	cancel()
	return errors.Join(first, <-ended)
}

func newManager(kubeconfig string, logger logr.Logger) (manager.Manager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	// The client's own limit would hold up many SeldonDeployments at once; the API server's fairness remains.
	config.QPS, config.Burst = 500, 1000
	config.UserAgent = program + "/v1.17.1" // what comes before the slash becomes the field manager
	mgr, err := manager.New(config, manager.Options{
		Scheme:  scheme.Scheme,
		Logger:  logger,
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Client:  client.Options{Cache: &client.CacheOptions{Unstructured: true}},
	})
	if err != nil {
		return nil, fmt.Errorf("make the operator's manager: %w", err)
	}
	return mgr, nil
}

// watch sets up the one controller. As with the real one, a change of a pod, an autoscaler or a disruption budget wakes nobody.
func watch(ctx context.Context, mgr manager.Manager, switches simseldon.Switches) error {
	for _, kind := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, kind, byOwner, ownerUID); err != nil {
			return fmt.Errorf("index %T by owner: %w", kind, err)
		}
	}
	r := &reconciler{
		client:   mgr.GetClient(),
		recorder: mgr.GetEventRecorderFor(component), //nolint:staticcheck // the real one writes core/v1 events
		switches: switches,
	}
	err := builder.ControllerManagedBy(mgr).Named(component).For(blank()).Owns(&appsv1.Deployment{}).Owns(&corev1.Service{}).Complete(r)
	if err != nil {
		return fmt.Errorf("make the operator's controller: %w", err)
	}
	return nil
}

func ownerUID(object client.Object) []string {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return []string{string(owner.UID)}
	}
	return nil
}
