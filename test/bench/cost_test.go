//go:build integration

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// cost is what all reports together cost a run: the turns without them and with them.
type cost struct{ without, with []turn }

// leastCost is how many turns of each a table for the documentation rests on.
const leastCost = 40

// reporting lets runs without reports and with all of them take turns.
func reporting(ctx context.Context, b *testing.B, rounds int, program program) cost {
	b.Helper()
	cluster := startCluster(ctx, b, "instant")
	defer cluster.stop()
	w, err := nobody(ctx, cluster.config, defaultNamespace)
	must(b, err)
	var flags []string
	for _, form := range []string{"html", "xml", "json", "jsonl", "md"} {
		flags = append(flags, "--report", filepath.Join(b.TempDir(), "run."+form))
	}
	bare, reported := program.turn(cluster.kubeconfig, w), program.turn(cluster.kubeconfig, w, flags...)
	take := func(contend contender) turn {
		t, err := contend(ctx)
		must(b, err)
		must(b, w.settle(ctx, &t))
		return t
	}
	take(reported) // a new cluster is slow to notice its first SeldonDeployment
	var c cost
	for round := range rounds {
		// The lengths of turns come and go in a rhythm, with which no fixed order may fall in.
		if round%2 == 0 {
			c.without, c.with = append(c.without, take(bare)), append(c.with, take(reported))
		} else {
			c.with, c.without = append(c.with, take(reported)), append(c.without, take(bare))
		}
		fmt.Fprintf(os.Stderr, "reports, round %d of %d: %.2f s without, %.2f s with\n", round+1, rounds, c.without[round].seconds(), c.with[round].seconds())
	}
	return c
}

// BenchmarkReports measures the cost of reports alone.
func BenchmarkReports(b *testing.B) {
	program := buildProgram(b.Context(), b)
	for _, t := range reporting(b.Context(), b, leastCost, program).targets() {
		fmt.Fprintf(os.Stderr, "%s: %s\n", t.Text, t.Measured)
	}
}

// longer is how many times as long a run with reports takes.
func (c cost) longer() float64 {
	return median(each(c.with, turn.seconds)) / median(each(c.without, turn.seconds))
}

// memory is how many bytes more a run with reports takes.
func (c cost) memory() int64 {
	peak := func(t turn) int64 { return t.peak }
	return median(each(c.with, peak)) - median(each(c.without, peak))
}

func (c cost) targets() []target {
	return []target{
		{"with all reports: at most 5 % longer", fmt.Sprintf("%.3f times the time", c.longer()), c.longer() <= 1.05},
		{"with all reports: at most 20 MB more", megabytes(c.memory()) + " more", c.memory() <= 20e6},
	}
}
