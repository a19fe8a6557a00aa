package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seldonctl/seldonctl/local/internal/bootstrap"
	"github.com/seldonctl/seldonctl/local/internal/component"
)

// start brings the cluster to the point where it can be used, and says each step in plain words.
func (s *session) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s.listener.Progress(fmt.Sprintf("Starting a Kubernetes control plane with simulated nodes (cluster %s)", s.folder.Name))

	if err := s.launch(component.Etcd, component.APIServer); err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(s.folder.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	boot, err := bootstrap.New(kubeconfig)
	if err != nil {
		return err
	}
	answers := func(ctx context.Context) error { return errors.Join(boot.CreateCRD(ctx), boot.WaitForServer(ctx)) }
	if err := s.step(ctx, "etcd and the API server answer", answers); err != nil {
		return err
	}
	if err := s.launch(component.Scheduler, component.Kwok, component.Kubelet); err != nil {
		return err
	}
	// The garbage collector looks for new kinds only every 30 s: the kind has to be there before it starts.
	if err := s.step(ctx, "the API server serves SeldonDeployments", boot.WaitForCRD); err != nil {
		return err
	}
	if err := s.launch(component.Controller, component.Operator); err != nil {
		return err
	}
	install := func(ctx context.Context) error {
		return boot.Install(ctx, bootstrap.Options{Nodes: s.config.Nodes, PodsPerNode: PodsPerNode, WebhookURL: s.webhookURL(), CA: s.ca})
	}
	steps := []struct {
		words string
		do    func(context.Context) error
	}{
		{fmt.Sprintf("%d nodes are registered", s.config.Nodes), install},
		{"the nodes are ready", boot.WaitForNodes},
		{"the Seldon operator's webhook answers", boot.ProveWebhook},
		{"a SeldonDeployment has lived and died", boot.ProveLife},
	}
	for _, step := range steps {
		if err := s.step(ctx, step.words, step.do); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) webhookURL() string {
	return "https://" + loopback(s.ports.Webhook) + "/validate-machinelearning-seldon-io-v1-seldondeployment"
}

func (s *session) launch(names ...string) error {
	for _, name := range names {
		if err := s.children.start(s.launches[name]); err != nil {
			return err
		}
	}
	return s.record()
}

func (s *session) step(ctx context.Context, words string, do func(context.Context) error) error {
	begun := time.Now()
	if err := do(ctx); err != nil {
		if ctx.Err() != nil && time.Since(s.begun) >= startLimit {
			return fmt.Errorf("the cluster did not come up within %s: waiting until %s: %w", startLimit, words, err)
		}
		return fmt.Errorf("waiting until %s: %w", words, err)
	}
	s.listener.Progress(fmt.Sprintf("  %5s  %s", seconds(time.Since(begun)), words))
	return nil
}
