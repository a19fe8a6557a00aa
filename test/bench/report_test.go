//go:build integration

package bench

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// series is what was measured at one pace: the turns of each contender.
type series [len(names)][]turn

// report is what one run of the benchmark found.
type report struct {
	Date     time.Time
	Load     string
	Versions versions
	// Alone are turns that nobody witnessed, with pods that are ready at once: there a witness would take a
	// part of the machine, and so of the time.
	Alone, Instant, Realistic series
	// Reactions are how fast each contender noticed, seldonctl first.
	Reactions []reaction
	// Reports is what writing all reports costs.
	Reports cost
	Binary  int64
	Help    time.Duration
}

type versions struct{ Seldonctl, Kubectl, Kubernetes string }

// median is the middle, or the mean of the two in the middle.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// timed are the turns of which it is known how long the world took.
func timed(turns []turn) []turn {
	return slices.DeleteFunc(slices.Clone(turns), func(t turn) bool { return !t.timed })
}

func each[T any](turns []turn, of func(turn) T) []T {
	values := make([]T, 0, len(turns))
	for _, t := range turns {
		values = append(values, of(t))
	}
	return values
}

func (s series) median(way int, of func(turn) float64) float64 { return median(each(s[way], of)) }

// ratio is how many times as long as another way one way takes.
func (s series) ratio(way, other int) float64 {
	return s.median(way, turn.seconds) / s.median(other, turn.seconds)
}

// requests are the least and the most API requests of a turn.
func requests(turns []turn) (least, most int) {
	all := each(turns, func(t turn) int { return t.requests })
	return slices.Min(all), slices.Max(all)
}

// between words a range.
func between[T cmp.Ordered](format string, least, most T) string {
	a, b := fmt.Sprintf(format, least), fmt.Sprintf(format, most)
	if a == b {
		return a
	}
	return a + " to " + b
}

// target is what seldonctl must reach.
type target struct {
	Text, Measured string
	Met            bool
}

func (r *report) targets() []target {
	ours := slices.Concat(r.Instant[bySeldonctl], r.Realistic[bySeldonctl])
	toKubectl, toPolling := r.Alone.ratio(bySeldonctl, byKubectl), r.Alone.ratio(byPolling, bySeldonctl)
	late := r.Realistic.median(bySeldonctl, turn.overhead)
	untrue := falseClaims(ours)
	least, most := requests(ours)
	peak := slices.Max(each(ours, func(t turn) int64 { return t.peak }))
	claims := len(ours)*len(goals) + r.Reactions[0].Claims
	untrue += r.Reactions[0].Untrue
	slowest, polled := percentile(r.Reactions[0].all(), 99), percentile(r.Reactions[byPolling].all(), 50)
	help := float64(r.Help) / float64(time.Millisecond)
	return append([]target{
		{"instant pods: at most 1.2 times the time of the kubectl steps", fmt.Sprintf("%.2f times", toKubectl), toKubectl <= 1.2},
		{"instant pods: at least 5 times faster than polling every second", fmt.Sprintf("%.1f times", toPolling), toPolling >= 5},
		{"realistic pods: at most 0.5 s longer than the world itself took", fmt.Sprintf("%.2f s longer", late), late <= 0.5},
		{"99 of 100 reactions within half the median of polling every second", fmt.Sprintf("%.2f times", float64(slowest)/float64(polled)), 2*slowest <= polled},
		{"no false phase end", fmt.Sprintf("%d of %d", untrue, claims), untrue == 0},
		{"at most 20 API requests for a run", between("%d", least, most), most <= 20},
		{"peak memory under 60 MB", megabytes(peak), peak < 60e6},
		{"stripped binary under 40 MB", megabytes(r.Binary), r.Binary < 40e6},
		{"`seldonctl --help` under 50 ms", fmt.Sprintf("%.0f ms", help), help < 50},
	}, r.Reports.targets()...)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// tables are the figures in Markdown.
func (r *report) tables() string {
	var s strings.Builder
	for _, p := range []struct {
		title         string
		times, series series
	}{
		{fmt.Sprintf("Pods that are ready at once (%d rounds for the time, %d with a witness for the rest)", len(r.Alone[0]), len(r.Instant[0])), r.Alone, r.Instant},
		{fmt.Sprintf("Pods that take as long as real ones (%d rounds)", len(r.Realistic[0])), r.Realistic, r.Realistic},
	} {
		fmt.Fprintf(&s, "\n## %s\n\n", p.title)
		s.WriteString("| | time, against kubectl's | median time (range) | longer than the world took | false phase ends | API requests |\n|---|---|---|---|---|---|\n")
		for way, words := range [...]string{"`seldonctl run`", "the steps with kubectl", "a client that polls every second"} {
			fmt.Fprintf(&s, "| %s | %s |\n", words, strings.Join(p.series.row(way, p.times), " | "))
		}
	}
	fmt.Fprintf(&s, "\n## Reaction (%d lives of each, %d of each at once)\n\n", r.Reactions[0].Claims/len(goals), lanes)
	s.WriteString("| | true phase ends timed | median (available, scaled, gone) | 99th percentile | median, against seldonctl's | false phase ends |\n|---|---|---|---|---|---|\n")
	for _, one := range r.Reactions {
		fmt.Fprintf(&s, "| %s |\n", strings.Join(one.row(r.Reactions[0]), " | "))
	}
	s.WriteString("\n## Targets\n\n| target | measured | |\n|---|---|---|\n")
	for _, t := range r.targets() {
		fmt.Fprintf(&s, "| %s | %s | %s |\n", t.Text, t.Measured, map[bool]string{true: "met", false: "**missed**"}[t.Met])
	}
	return s.String()
}

func (r reaction) row(ours reaction) []string {
	var goals []string
	for _, delays := range r.Delays {
		goals = append(goals, milliseconds(percentile(delays, 50)))
	}
	middle := percentile(r.all(), 50)
	return []string{
		r.Way, strconv.Itoa(len(r.all())), fmt.Sprintf("%s (%s)", milliseconds(middle), strings.Join(goals, ", ")), milliseconds(percentile(r.all(), 99)),
		fmt.Sprintf("%.1f", float64(middle)/float64(percentile(ours.all(), 50))), fmt.Sprintf("%d of %d", r.Untrue, r.Claims),
	}
}

func (s series) row(way int, times series) []string {
	turns := s[way]
	walls := each(times[way], turn.seconds)
	least, most := requests(turns)
	late := "not known: it went on too early"
	if known := timed(turns); len(known) > 0 {
		late = fmt.Sprintf("%.2f s", median(each(known, turn.overhead)))
		if len(known) < len(turns) {
			late += fmt.Sprintf(" (in the %d turns without a false end)", len(known))
		}
	}
	return []string{
		fmt.Sprintf("%.2f", times.ratio(way, byKubectl)),
		fmt.Sprintf("%.2f s (%s)", median(walls), between("%.2f", slices.Min(walls), slices.Max(walls))),
		late,
		fmt.Sprintf("%d of %d", falseClaims(turns), len(turns)*len(goals)),
		between("%d", least, most),
	}
}

// page is docs/benchmarks.md.
const page = `# Benchmarks

How long a whole life of a SeldonDeployment takes (create, wait until available, scale to %d, wait, delete, wait until gone), and how often a
phase end that was claimed was not true, in three ways:

- **seldonctl**: ` + "`seldonctl run -f test-resource.yaml -r %d`" + `, the whole process.
- **kubectl**: the same steps as people write them: create, wait for ` + "`.status.state`" + ` to be ` + "`Available`" + `, patch, wait for the same again, delete in the
  foreground and wait.
- **polling**: a small Go client that looks at the SeldonDeployment at once and then every second; after the scaling it also waits for
  ` + "`.status.replicas`" + `.

They take turns on one embedded cluster, round after round, so that noise hits all alike. Compare the figures of one column with each other; on another
machine they differ.
%s
## How it is measured

- A **false phase end** is one at which the world did not have the goal. An independent witness decides: it watches Deployments and pods for
  itself, and where its watches do not show the goal at the moment of the claim, a read begun at that moment does. The goal is that the Deployment has
  the wanted replicas updated, ready and available by its present spec, with as many ready pods; gone is that nothing is left. kubectl's second wait
  can end on the state that the operator wrote before it saw the new replicas; then its time is that of a shorter way.
- **Longer than the world took** is the wall time less the time that the cluster needed, from the API server's audit log: the sum over the phases of the time from
  the receipt of the write to the acceptance of the last change that the goal needs. It contains the start of the process and everything that
  is done before the first write.
- **Reaction** is the time from the API server's acceptance of the last change that a goal needs (the operator's Available included) to the claim: the
  line on stdout, the end of the ` + "`kubectl wait`" + ` or ` + "`kubectl delete --wait`" + ` process, the return of the poll. Each contender has namespaces of its own, and all
  go on side by side. A false end has no reaction time, nor has a goal that was given up by the next write. Before a claim seldonctl reads once more what it
  rests on; ` + "`kubectl wait`" + ` does not, and is faster by that read and false as often as the last column says.
- **API requests** are those of the audit log with the contender's user agent, watches included. **Peak memory** is the process's largest resident set. The
  time of ` + "`--help`" + ` is the median of 20.
- The **cost of reports** is from runs without any and with all five forms, which take turns on one cluster with pods that are ready at once: medians of %d each.
- The times with pods that are ready at once are from turns without the witness, whose watches would take their part of so few cores.
- kubectl has its discovery cache from a round before, which is not counted.

Pods are simulated, and the operator is a stand-in; the control plane is real.

## This run

%s, on %s shared by the cluster, the witness and the contenders (%s/%s, load %s at the beginning). seldonctl %s; kubectl %s;
Kubernetes %s; %s.

To repeat it (about 13 minutes after the build, and kubectl is needed): ` + "`make bench`" + `, or ` + "`make bench FLAGS=-update`" + ` to write this page.
`

// write writes docs/benchmarks.md.
func (r *report) write(b *testing.B) {
	b.Helper()
	text := fmt.Sprintf(page, scaled, scaled, r.tables(), len(r.Reports.with), r.Date.UTC().Format(time.DateOnly), cores(), runtime.GOOS, runtime.GOARCH,
		cmp.Or(r.Load, "unknown"), r.Versions.Seldonctl, r.Versions.Kubectl, r.Versions.Kubernetes, runtime.Version())
	must(b, os.WriteFile("../../docs/benchmarks.md", []byte(text), 0o644))
}

func cores() string {
	if runtime.NumCPU() == 1 {
		return "1 core"
	}
	return fmt.Sprintf("%d cores", runtime.NumCPU())
}
