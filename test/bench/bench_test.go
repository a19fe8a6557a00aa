//go:build integration

// Package bench measures seldonctl against what people do today, on the embedded cluster and in one
// run: the same steps with kubectl, and a client that looks every second. An independent witness says
// of each claimed phase end whether it was true. It must know nothing of seldonctl but its output.
//
//	make bench                  measures and checks the targets
//	make bench FLAGS=-update    writes docs/benchmarks.md as well
package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

const (
	defaultNamespace = "default"
	manifest         = "../../test-resource.yaml"
	name             = "seldon-model" // of the SeldonDeployment in the manifest
	// replicas are those of the manifest, scaled what every contender scales to.
	replicas, scaled = 1, 3
	// limit bounds each wait, and total everything; nothing comes near unless it is wrong.
	limit = 2 * time.Minute
	total = 30 * time.Minute
	// A table for the documentation rests on at least so many rounds.
	leastInstant, leastRealistic, leastLives = 10, 5, 100
)

var (
	update    = flag.Bool("update", false, "write docs/benchmarks.md")
	instant   = flag.Int("instant", 12, "rounds with pods that are ready at once")
	realistic = flag.Int("realistic", leastRealistic, "rounds with pods that take as long as real ones")
	lives     = flag.Int("lives", leastLives, "lives that each contender reacts to")
)

// TestMain is also the frame in which seldonctl runs, see framed.
func TestMain(m *testing.M) {
	if os.Getenv(frameVariable) != "" {
		os.Exit(frame(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// BenchmarkLife takes a SeldonDeployment through its life in three ways and holds seldonctl to its
// targets.
func BenchmarkLife(b *testing.B) {
	if *update && (*instant < leastInstant || *realistic < leastRealistic || *lives < leastLives) {
		b.Fatalf("docs/benchmarks.md wants %d and %d rounds and %d lives at least", leastInstant, leastRealistic, leastLives)
	}
	ctx, cancel := context.WithTimeout(b.Context(), total)
	defer cancel()
	r := report{Date: time.Now(), Load: load()}
	for range b.N {
		program := buildProgram(ctx, b)
		kubectl := findKubectl(ctx, b)
		r.Binary, r.Help = program.size(b), program.help(ctx, b)
		r.Versions = versions{Seldonctl: commit(ctx, b), Kubectl: kubectl.version}
		r.Alone = measure(ctx, b, &r, "instant", *instant, program, kubectl, nobody)
		r.Instant = measure(ctx, b, &r, "instant", *instant, program, kubectl, watch)
		r.Realistic = measure(ctx, b, &r, "realistic", *realistic, program, kubectl, watch)
		r.Reactions = react(ctx, b, *lives, program, kubectl)
		r.Reports = reporting(ctx, b, leastCost, program)
	}
	fmt.Fprint(os.Stderr, r.tables())
	for _, t := range r.targets() {
		if !t.Met {
			b.Errorf("target missed: %s: it was %s", t.Text, t.Measured)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(r.Alone.ratio(bySeldonctl, byKubectl), "x-kubectl")
	b.ReportMetric(r.Alone.ratio(byPolling, bySeldonctl), "times-faster-than-polling")
	b.ReportMetric(r.Realistic.median(bySeldonctl, turn.overhead), "s-after-the-world")
	if *update {
		r.write(b)
	}
}

// measure lets the contenders take turns on one cluster, so that noise hits all of them alike, with a
// witness or without.
func measure(
	ctx context.Context, b *testing.B, r *report, pace string, rounds int, program program, kubectl kubectl,
	witnessed func(context.Context, *rest.Config, string) (*witness, error),
) series {
	b.Helper()
	cluster := startCluster(ctx, b, pace)
	defer cluster.stop()
	r.Versions.Kubernetes = cluster.version(b)
	w, err := witnessed(ctx, cluster.config, defaultNamespace)
	must(b, err)
	contenders := []contender{
		program.turn(cluster.kubeconfig, w),
		kubectl.turn(b, cluster.kubeconfig, w),
		poller(b, cluster.config, w, time.Second),
	}
	// A new cluster is slow to notice its first SeldonDeployment; that is not what is measured here.
	warmUp := contenders[byKubectl]
	if _, err := warmUp(ctx); err != nil {
		b.Fatalf("warm up: %v", err)
	}
	_, err = w.clear(ctx)
	must(b, err)
	s := series{}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "%s pods, round %d of %d:", pace, round+1, rounds)
		for way, contend := range contenders {
			t, err := contend(ctx)
			if err != nil {
				b.Fatalf("%s: %v", names[way], err)
			}
			must(b, w.settle(ctx, &t))
			s[way] = append(s[way], t)
			fmt.Fprintf(os.Stderr, "  %s %.2f s", names[way], t.wall().Seconds())
		}
		fmt.Fprintln(os.Stderr)
	}
	if !w.absent {
		s.audit(b, readAudit(b, cluster.auditLog), w.namespace)
	}
	return s
}
