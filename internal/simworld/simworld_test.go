package simworld_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

func TestMain(m *testing.M) {
	flag.Uint64("histories", 0, "how many histories TestHistories lives through; 0: 800, or 100 with -short")
	flag.Uint64("first", 1, "the seed of the first of them")
	flag.Uint64("seed", 0, "the one seed that TestHistories repeats and tells; 0: all")
	flag.Bool("table", false, "whether TestHistories counts what came about in which phase")
	flag.String("mutant", "", "the deliberate bug with which TestHistories runs")
	flag.Parse()
	debug.SetGCPercent(4000)
	os.Exit(m.Run())
}

// histories is how many to live through.
func histories() uint64 {
	switch n := option("histories"); {
	case n > 0:
		return n
	case testing.Short():
		return 100
	}
	return 800
}

func option(name string) uint64 {
	n, _ := strconv.ParseUint(flag.Lookup(name).Value.String(), 10, 64)
	return n
}

// TestHistories lives through seeded histories and holds what the program said against what was true.
func TestHistories(t *testing.T) {
	shapes := shapes(t)
	m := mutantNamed(t, flag.Lookup("mutant").Value.String())
	if seed := option("seed"); seed != 0 {
		h := play(t, draw(seed, shapes), m)
		t.Log("\n" + h.String())
		for _, wrong := range judged(h) {
			t.Error(wrong)
		}
		return
	}
	began := time.Now()
	first := option("first")
	found := live(t, shapes, first, histories(), m, 0)
	t.Logf("%d histories in %s", histories(), time.Since(began).Round(time.Millisecond))
	for i, f := range found {
		if i < 20 {
			t.Errorf("%s\n\tgo test ./internal/simworld -run TestHistories -seed=%d", f, f.seed)
		}
	}
	if len(found) > 0 {
		t.Errorf("%d of the histories went wrong: %v", len(found), tally(found))
		t.Log("\n" + play(t, draw(found[0].seed, shapes), m).String())
	}
}

// TestRepeats: a seed is a history; what is printed for it is what happened. Only what happens in the
// same instant is in no order, because the order of goroutines is Go's: how many changes of one instant
// a line of progress sums up, and how many requests a run begins in the instant in which it ends, is not
// compared.
func TestRepeats(t *testing.T) {
	shapes := shapes(t)
	requests := regexp.MustCompile(`\d+ (API )?requests`)
	lines := func(seed uint64) []string {
		told := strings.Split(requests.ReplaceAllString(play(t, draw(seed, shapes), nil).String(), "requests"), "\n")
		told = slices.DeleteFunc(told, func(line string) bool { return strings.Contains(line, "/progress") })
		slices.Sort(told)
		return told
	}
	for seed := range uint64(60) {
		if diff := cmp.Diff(lines(seed+1), lines(seed+1)); diff != "" {
			t.Errorf("seed %d: two histories:\n%s", seed+1, diff)
		}
	}
}

// finding is a history that went wrong.
type finding struct {
	seed  uint64
	wrong []violation
}

func (f finding) String() string { return fmt.Sprintf("seed %d: %v", f.seed, f.wrong) }

func tally(found []finding) map[string]int {
	counts := map[string]int{}
	for _, f := range found {
		for _, v := range f.wrong {
			counts[v.oracle]++
		}
	}
	return counts
}

// live lives through n histories on all cores, and stops at the limit of findings, if there is one.
func live(t *testing.T, shapes []recorded.Shape, first, n uint64, m *mutant, limit int) []finding {
	var mu sync.Mutex
	var found []finding
	seen := newTable()
	next := first
	t.Run("lives", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for {
					mu.Lock()
					seed, over := next, next >= first+n || limit > 0 && len(found) >= limit
					next++
					mu.Unlock()
					if over {
						return
					}
					h := play(t, draw(seed, shapes), m)
					wrong := judged(h)
					mu.Lock()
					seen.add(h)
					mu.Unlock()
					if len(wrong) > 0 && m != nil && limit > 0 && len(judged(play(t, draw(seed, shapes), nil))) > 0 {
						continue // it is wrong without the bug too
					}
					if len(wrong) > 0 {
						mu.Lock()
						found = append(found, finding{seed, wrong})
						mu.Unlock()
					}
				}
			})
		}
	})
	if flag.Lookup("table").Value.String() == "true" {
		t.Log("\n" + seen.String())
	}
	return found
}

// table counts what came about in which phase, and how the runs ended.
type table struct{ cells map[string]map[string]int }

func newTable() *table { return &table{map[string]map[string]int{}} }

func (c *table) count(row, column string) {
	if c.cells[row] == nil {
		c.cells[row] = map[string]int{}
	}
	c.cells[row][column]++
}

func (c *table) add(h *history) {
	for _, f := range append(h.world.Fired(), h.world.Happened()...) {
		c.count(f.Kind, f.Phase)
	}
	for _, phase := range h.interrupted {
		c.count("Ctrl-C", phase)
	}
	if h.rival > 0 {
		c.count("second user", "all")
	}
	for _, p := range h.programs {
		c.count("exit "+string(p.reason), "all")
	}
}

// String writes the table in Markdown.
func (c *table) String() string {
	columns := []string{"connect", "available", "scaled", "gone", "cleanup", "all"}
	var b strings.Builder
	fmt.Fprintf(&b, "| what | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---:|", len(columns)))
	for _, row := range slices.Sorted(maps.Keys(c.cells)) {
		fmt.Fprintf(&b, "| %s |", row)
		for _, column := range columns {
			fmt.Fprintf(&b, " %d |", c.cells[row][column])
		}
		b.WriteString("\n")
	}
	return b.String()
}
