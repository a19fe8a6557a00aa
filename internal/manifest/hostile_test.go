package manifest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// The bounds that a hostile file must stay within. They are a tenth of it on an idle machine.
const (
	hostileTime   = time.Second
	hostileMemory = 256 << 20 // allocated in all, most of it never at the same time
)

// FuzzRepeated reads files that repeat a piece of text up to the largest file that is read: what costs little
// once may cost too much a million times.
func FuzzRepeated(f *testing.F) {
	for _, seed := range []struct{ before, piece, after string }{
		{"", "a: &a [*a]\n", ""},
		{"a: ", "[", ""},
		{"a: ", "{a: ", "b"},
		{"", "- ", "a"},
		{"", "? ", "a"},
		{pod + "a: ", "'", ""},
		{pod + "a: ", "\"\\", ""},
		{pod + "a: ", "!!str ", "b"},
		{"a: &a x\nb: [", "*a,", "]"},
		{"", "---\n", pod},
		{"", "...\n", pod},
		{"", "%YAML 1.2\n", pod},
		{"", "# a\n", pod},
		{"", "{}", ""},
		{"{\"a\": ", "[1,", "]"},
		{"", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`, ""},
		{"apiVersion: v1\nkind: List\nitems:\n", "- {}\n", ""},
		{"x: &x {a: b}\ny:\n", "  <<: *x\n", ""},
		{"x: &x {a: b}\ny: {<<: [", "*x,", "]}"},
		{pod + "b: |\n", "  a\n", ""},
		{pod + "b: >\n", "\n", "  a"},
		{pod + "b: ", "\xff", ""},
		{pod + "b: ", "\u2028", ""},
		{"", "\t", ""},
		{"", " ", "a: b"},
		{pod + "b: ", "1", ""},
		{pod + "b: 1e", "9", ""},
		{"", "a", ": b"},
		{"", "a:", ""},
	} {
		for _, n := range []uint32{100, 10_000, maxBytes} {
			f.Add(seed.before, seed.piece, seed.after, n)
		}
	}
	f.Fuzz(func(t *testing.T, before, piece, after string, n uint32) {
		n = min(n, uint32((maxBytes+1)/max(len(piece), 1)))
		text := before + strings.Repeat(piece, int(n)) + after
		var earlier, later runtime.MemStats
		runtime.ReadMemStats(&earlier)
		began := time.Now()
		_, err := Read("fuzz", strings.NewReader(text))
		took := time.Since(began)
		runtime.ReadMemStats(&later)
		if took > hostileTime {
			t.Errorf("%q, %q %d times, %q took %s", before, piece, n, after, took)
		}
		if used := later.TotalAlloc - earlier.TotalAlloc; used > hostileMemory {
			t.Errorf("%q, %q %d times, %q allocated %d MiB", before, piece, n, after, used>>20)
		}
		if testing.Verbose() {
			t.Logf("%s, %d MiB: %v", took, (later.TotalAlloc-earlier.TotalAlloc)>>20, err)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000) {
			t.Errorf("more than a line: %.2000v", err)
		}
	})
}
