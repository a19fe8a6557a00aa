//go:build integration

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// lanes is how many lives of each contender go on at once.
const lanes = 2

// reaction is how fast one contender noticed what the world had reached.
type reaction struct {
	Way string
	// Delays are, goal by goal, the times from the API server's acceptance of the last change that the goal
	// needs to the claim, for the phase ends that were true; Claims counts all of them.
	Delays         [len(goals)][]time.Duration
	Claims, Untrue int
}

// all are the delays of all goals.
func (r reaction) all() []time.Duration { return slices.Concat(r.Delays[:]...) }

// percentile returns the delay that so many of a hundred do not exceed.
func percentile(delays []time.Duration, p int) time.Duration {
	if len(delays) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(delays))
	return sorted[max((len(sorted)*p+99)/100, 1)-1]
}

// contestant is a contender in the namespaces that are its own.
type contestant struct {
	words, slug, agent string
	contend            func(*witness) contender
	turns              [lanes][]turn
}

func (c *contestant) namespace(lane int) string { return fmt.Sprintf("%s-%d", c.slug, lane) }

// react lets the contenders take SeldonDeployments through their lives side by side, each in namespaces
// of its own, with pods that take as long as real ones.
func react(ctx context.Context, b *testing.B, lives int, program program, kubectl kubectl) []reaction {
	b.Helper()
	cluster := startCluster(ctx, b, "realistic")
	defer cluster.stop()
	contestants := []*contestant{
		{words: "`seldonctl run`", slug: "seldonctl", agent: agents[bySeldonctl], contend: func(w *witness) contender { return program.turn(cluster.kubeconfig, w) }},
		{words: "`kubectl wait`", slug: "kubectl", agent: agents[byKubectl], contend: func(w *witness) contender { return kubectl.turn(b, cluster.kubeconfig, w) }},
		{words: "polling every second", slug: "polling1", agent: pollingAgent, contend: func(w *witness) contender { return poller(b, cluster.config, w, time.Second) }},
		{words: "polling every 2 s", slug: "polling2", agent: pollingAgent, contend: func(w *witness) contender { return poller(b, cluster.config, w, 2*time.Second) }},
	}
	var lines sync.WaitGroup
	failed := make([]error, len(contestants)*lanes)
	for i, c := range contestants {
		for lane := range lanes {
			w := newPlace(ctx, b, cluster, c.namespace(lane))
			contend, n := c.contend(w), (lives+lane)/lanes
			lines.Go(func() { c.turns[lane], failed[i*lanes+lane] = inTurn(ctx, contend, w, n) })
		}
	}
	lines.Wait()
	must(b, errors.Join(failed...))
	log := readAudit(b, cluster.auditLog)
	var reactions []reaction
	for _, c := range contestants {
		reactions = append(reactions, c.reaction(log))
	}
	return reactions
}

// newPlace makes a namespace with its own witness.
func newPlace(ctx context.Context, b *testing.B, cluster *cluster, namespace string) *witness {
	b.Helper()
	client, err := dynamic.NewForConfig(as(cluster.config, "bench-witness"))
	must(b, err)
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	object.SetName(namespace)
	_, err = client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(ctx, object, metav1.CreateOptions{})
	must(b, err)
	w, err := watch(ctx, cluster.config, namespace)
	must(b, err)
	return w
}

// inTurn takes one life after the other.
func inTurn(ctx context.Context, contend contender, w *witness, lives int) ([]turn, error) {
	var turns []turn
	for range lives {
		t, err := contend(ctx)
		if err == nil {
			err = w.settle(ctx, &t)
		}
		if err != nil {
			return turns, fmt.Errorf("%s, life %d: %w", w.namespace, len(turns)+1, err)
		}
		turns = append(turns, t)
		fmt.Fprintf(os.Stderr, "  %s %.1f s\n", w.namespace, t.wall().Seconds())
	}
	return turns, nil
}

// reaction compares the claims with what the audit log says of the world.
func (c *contestant) reaction(log auditLog) reaction {
	r := reaction{Way: c.words}
	for lane, turns := range c.turns {
		for _, t := range turns {
			found := phases(t.history, log.of(t, c.agent, c.namespace(lane)), log, c.namespace(lane))
			for i, claimed := range t.claims {
				r.Claims++
				switch {
				case claimed.lacks != "":
					r.Untrue++
				case !found[i].reached.IsZero():
					r.Delays[i] = append(r.Delays[i], claimed.at.Sub(found[i].reached))
				}
			}
		}
	}
	return r
}
