//go:build integration

package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const pollingAgent = "bench-polling"

// poller is a client as one writes it in an hour: after each write it looks at the object, at once
// and then again and again, until its status is what was asked for.
func poller(b *testing.B, config *rest.Config, w *witness, every time.Duration) contender {
	b.Helper()
	client, err := dynamic.NewForConfig(as(config, pollingAgent))
	must(b, err)
	text, err := os.ReadFile(manifest)
	must(b, err)
	object := &unstructured.Unstructured{}
	must(b, yaml.Unmarshal(text, &object.Object))
	p := polling{client: client.Resource(seldonDeployments).Namespace(w.namespace), every: every}
	return func(ctx context.Context) (turn, error) {
		t := turn{started: time.Now()}
		writes := [...]func() error{
			func() error { return second(p.client.Create(ctx, object.DeepCopy(), metav1.CreateOptions{})) },
			func() error {
				return second(p.client.Patch(ctx, name, types.JSONPatchType, []byte(scaling), metav1.PatchOptions{}))
			},
			func() error {
				foreground := metav1.DeletePropagationForeground
				return p.client.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &foreground})
			},
		}
		for i, g := range goals {
			if err := writes[i](); err != nil {
				return t, fmt.Errorf("write for %s: %w", g.phase, err)
			}
			if err := p.until(ctx, g); err != nil {
				return t, fmt.Errorf("wait until %s: %w", g.phase, err)
			}
			t.claims = append(t.claims, w.claimed(ctx, g))
		}
		t.ended = time.Now()
		return t, nil
	}
}

type polling struct {
	client dynamic.ResourceInterface
	every  time.Duration
}

func (p polling) until(ctx context.Context, g goal) error {
	return wait.PollUntilContextTimeout(ctx, p.every, limit, true, func(ctx context.Context) (bool, error) {
		object, err := p.client.Get(ctx, name, metav1.GetOptions{})
		switch {
		case g.replicas == 0:
			return apierrors.IsNotFound(err), ignoreNotFound(err)
		case err != nil:
			return false, err
		}
		state, _, _ := unstructured.NestedString(object.Object, "status", "state")
		has, _, _ := unstructured.NestedInt64(object.Object, "status", "replicas")
		return state == "Available" && (g.phase == "available" || has == g.replicas), nil
	})
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func second[T any](_ T, err error) error { return err }
