package render

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// terminal is a small virtual terminal. It knows the escape sequences that the live view may use and
// complains of all others. Like most terminals it breaks its lines anew when it is made narrower.
type terminal struct {
	t      *testing.T
	mu     sync.Mutex
	width  int
	height int
	rows   [][]rune // scrollback and screen
	row    int      // the cursor's, in rows
	column int
	hidden bool
	writes int
	fail   error
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	return &terminal{t: t, width: width, height: height, rows: [][]rune{nil}}
}

func (v *terminal) size() (width, height int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.width, v.height
}

func (v *terminal) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil {
		return 0, v.fail
	}
	v.writes++
	for text := []rune(string(p)); len(text) > 0; {
		text = text[v.take(text):]
	}
	if v.hidden || v.column != 0 {
		v.t.Errorf("between two frames the cursor is hidden or not in the first column")
	}
	return len(p), nil
}

// take shows the first character or follows the first escape sequence.
func (v *terminal) take(text []rune) int {
	switch text[0] {
	case '\x1b':
		return v.follow(text)
	case '\r':
		v.column = 0
	case '\n':
		if v.row++; v.row == len(v.rows) {
			v.rows = append(v.rows, nil)
		}
	default:
		if v.column == v.width {
			v.column = 0
			v.take([]rune{'\n'})
		}
		line := v.rows[v.row]
		for len(line) <= v.column {
			line = append(line, ' ')
		}
		line[v.column] = text[0]
		v.rows[v.row] = line
		v.column++
	}
	return 1
}

func (v *terminal) follow(text []rune) int {
	end := 2
	for end < len(text) && (text[end] < '@' || text[end] > '~') {
		end++
	}
	sequence := string(text[1 : end+1])
	var up int
	switch {
	case sequence == "[?25l":
		v.hidden = true
	case sequence == "[?25h":
		v.hidden = false
	case sequence == "[K":
		v.rows[v.row] = v.rows[v.row][:min(v.column, len(v.rows[v.row]))]
	case sequence == "[J":
		if v.row == max(len(v.rows)-v.height, 0) && v.column == 0 && len(slices.Concat(v.rows[v.row:]...)) > 0 {
			v.t.Errorf("the whole window is erased, which tmux keeps in its scrollback")
		}
		v.rows[v.row] = v.rows[v.row][:min(v.column, len(v.rows[v.row]))]
		v.rows = v.rows[:v.row+1]
	case strings.HasSuffix(sequence, "m"):
	case sequence == "[A":
		up = 1
	default:
		if _, err := fmt.Sscanf(sequence, "[%dA", &up); err != nil {
			v.t.Errorf("an escape sequence that the view must not use: %q", sequence)
		}
	}
	v.row = max(v.row-up, len(v.rows)-v.height, 0)
	return end + 1
}

// resize makes the window narrower or wider.
func (v *terminal) resize(width int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var rows [][]rune
	for i, line := range v.rows {
		if i == v.row {
			v.row = len(rows)
		}
		for ; len(line) > width; line = line[width:] {
			rows = append(rows, line[:width])
		}
		rows = append(rows, line)
	}
	v.rows, v.width = rows, width
}

func (v *terminal) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for _, row := range v.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (v *terminal) drawn() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writes
}

// inTime moves a story to the present and plays it with its pauses.
func inTime(t *testing.T, l *Live, entries []journal.Entry) {
	t.Helper()
	start := time.Now()
	for _, e := range entries {
		time.Sleep(time.Until(start.Add(e.Elapsed)))
		e.At = time.Now()
		if p := e.Problem; p != nil {
			moved := *p
			moved.Since, moved.Until = start.Add(p.Since.Sub(began)), start.Add(p.Until.Sub(began))
			e.Problem = &moved
		}
		if err := l.Write(e); err != nil {
			t.Fatal(err)
		}
	}
}

func liveOn(v *terminal, colour bool) *Live {
	return NewLive(v, LiveOptions{Size: v.size, Colour: colour, UTF8: true})
}

// TestLive plays a story on a virtual terminal and looks at it in the middle and at the end.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 80, 24)
		l := liveOn(v, true)
		inTime(t, l, deleting())
		time.Sleep(2500 * time.Millisecond)
		shown := v.text()
		for _, want := range []string{"    0.1s  phase    available: waiting", "── 0:35 ───", "▸ cleanup 0:04 of 2:00", "3 terminating 0:03"} {
			if !strings.Contains(shown, want) {
				t.Errorf("%q is not on the screen:\n%s", want, shown)
			}
		}
		if strings.Count(shown, "── 0:") != 1 {
			t.Errorf("not one picture:\n%s", shown)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want := `context c, server https://127.0.0.1:6443, namespace models
    0.1s  phase    available: waiting until it is available (at most 2m0s)
   12.4s  OK       available: 1 of 1 ready (12.3 s)
   13.0s  phase    scaled: waiting until it is scaled to 3 (at most 2m0s)
   19.1s  problem  container transformer of pod
                   mnist-default-1-transformer-66d9c4-zz9qp: ErrImagePull: rpc
                   error: code = NotFound desc = failed to pull and unpack image
                   "registry.example.com/models/mnist-transformer:1.5.0": failed
                   to resolve reference: not found (a failure if it lasts 30s)
                   next: kubectl describe pod -n models mnist-default-1-transfor
mer-66d9c4-zz9qp
   30.0s  FAILED   interrupted
   31.0s  phase    cleanup: deleting it in the foreground and waiting until
                   nothing is left (at most 2m0s)
`
		if diff := cmp.Diff(want, v.text()); diff != "" {
			t.Errorf("what stays (-want +got):\n%s", diff)
		}
	})
}

// TestLiveTellsProblemsOnce: a problem that passed, and one that became the failure, are told with that.
func TestLiveTellsProblemsOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		last journal.EntryType
		want string
	}{
		"passed": {journal.Healed, "   20.0s  healed   Pod/mnist-default-1-transformer-66d9c4-zz9qp it ended\n"},
		"failed": {journal.Failure, "   20.0s  FAILED   it ended\n"},
		"missed": {journal.Claim, "   19.1s  problem  it began\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newTerminal(t, 100, 24)
				l := liveOn(v, false)
				story := &teller{root: "mnist"}
				story.phase(1, journal.Scale, "waiting")
				story.problem(19.1, journal.Suspicion, "it began")
				if tc.last == journal.Claim {
					story.tell(20, journal.Entry{Type: journal.Claim, Text: "it ended"})
				} else {
					story.problem(20, tc.last, "it ended")
				}
				inTime(t, l, story.entries)
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if got := v.text(); strings.Count(got, tc.want) != 1 || (tc.last != journal.Claim) == strings.Contains(got, "it began") {
					t.Errorf("want once %q in\n%s", tc.want, got)
				}
			})
		})
	}
}

// TestLiveFoldsProblems tells what is wrong with all pods of a Deployment once.
func TestLiveFoldsProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 160, 24)
		l := liveOn(v, false)
		inTime(t, l, manyPods())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := v.text(); strings.Count(got, "  problem  ") != 1 || !strings.Contains(got, ", and 49 more like it") {
			t.Errorf("not folded:\n%s", got)
		}
	})
}

// TestLiveTellsWhatIsAround: what is told of no custom resource has no place in the picture.
func TestLiveTellsWhatIsAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 100, 24)
		l := liveOn(v, false)
		entries := scaling()
		space := &snapshot.Ref{Kind: "Namespace", Name: "own"}
		for i, kind := range []journal.EntryType{journal.Progress, journal.Event, journal.Alarm} {
			entries = append(entries, journal.Entry{Type: kind, Phase: journal.Cleanup, Elapsed: time.Duration(40+i) * time.Second, Object: space, Reason: "Why", Text: "is deleted"})
		}
		inTime(t, l, entries)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want := "   40.0s  state    Namespace/own is deleted\n   41.0s  event    Namespace/own Why: is deleted\n   42.0s  EVENT    Namespace/own Why: is deleted\n"
		if got := v.text(); !strings.Contains(got, want) || strings.Contains(got, "  event    Pod/") {
			t.Errorf("want %q in\n%s", want, got)
		}
	})
}

// TestLiveIsCalm counts the frames: ten a second at most, one a second while only time passes, none
// before there is anything to show.
func TestLiveIsCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 80, 24)
		l := liveOn(v, false)
		defer l.Close()
		time.Sleep(5 * time.Second)
		if n := v.drawn(); n != 0 {
			t.Errorf("%d frames before the first entry", n)
		}
		start := time.Now()
		pod := &snapshot.Ref{Kind: "Pod", Name: "p", UID: "p"}
		for i := range 2000 {
			time.Sleep(time.Millisecond)
			_ = l.Write(journal.Entry{Type: journal.Event, Root: "r", At: time.Now(), Elapsed: time.Since(start), Object: pod, Text: strconv.Itoa(i)})
		}
		flood := v.drawn()
		if flood < 10 || flood > 21 {
			t.Errorf("%d frames in 2 s of changes", flood)
		}
		time.Sleep(time.Second)
		before := v.drawn()
		time.Sleep(20 * time.Second)
		if n := v.drawn() - before; n < 19 || n > 21 {
			t.Errorf("%d frames in 20 s of nothing", n)
		}
	})
}

// TestLiveInAResizedWindow leaves no rest of former pictures behind.
func TestLiveInAResizedWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 140, 100)
		l := liveOn(v, true)
		inTime(t, l, scaling())
		for _, width := range []int{80, 61, 40, 100, 33, 140} {
			v.resize(width)
			time.Sleep(300 * time.Millisecond)
			if got := v.text(); strings.Count(got, "── 0:") != 1 {
				t.Errorf("not one picture at width %d:\n%s", width, got)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := v.text(); strings.ContainsAny(got, "─█▸") {
			t.Errorf("a rest of the picture:\n%s", got)
		}
	})
}

// TestLiveWithoutATerminal goes on when the terminal has gone, and says so at the end.
func TestLiveWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 80, 24)
		v.fail = errors.New("gone")
		l := liveOn(v, false)
		inTime(t, l, deleting())
		if err := l.Close(); !errors.Is(err, v.fail) {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestLiveOutlivesItsMistakes: what goes wrong in drawing must not end a command that has things to
// remove on a cluster.
func TestLiveOutlivesItsMistakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(t, 300, 24)
		asked := 0
		l := NewLive(v, LiveOptions{UTF8: true, Size: func() (width, height int) {
			if asked++; asked > 30 {
				panic("no size")
			}
			return 80, 24
		}})
		inTime(t, l, deleting())
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		var want bytes.Buffer
		lines := NewLines(&want, false)
		for _, e := range deleting() {
			if e.Elapsed > 4*time.Second {
				_ = lines.Write(e)
			}
		}
		if got := v.text(); !strings.Contains(got, want.String()[strings.LastIndex(want.String(), "   31.1s"):]) ||
			!strings.Contains(got, "   24.0s  EVENT") || strings.Count(got, "warning  the live view cannot be drawn (no size); it goes on in lines\n") != 1 {
			t.Errorf("the rest of the story is not told in lines:\n%s", got)
		}
	})
}

// TestLiveInASmallWindow fills the window with the picture.
func TestLiveInASmallWindow(t *testing.T) {
	for _, height := range []int{1, 2, 5, 10} {
		synctest.Test(t, func(t *testing.T) {
			v := newTerminal(t, 40, height)
			l := liveOn(v, false)
			inTime(t, l, deleting())
			time.Sleep(time.Second)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got := v.text(); strings.ContainsAny(got, "─█▸") || !strings.Contains(got, "   30.0s  FAILED   interrupted") {
				t.Errorf("a rest of the picture in %d rows:\n%s", height, got)
			}
		})
	}
}

type stalled struct{ free chan struct{} }

func (s stalled) Write(p []byte) (int, error) { <-s.free; return len(p), nil }

// TestLiveOnAStalledTerminal: behind a queue it keeps nobody waiting.
func TestLiveOnAStalledTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		q := NewQueue(NewLive(stalled{free}, LiveOptions{Size: func() (width, height int) { return 80, 24 }}), time.Second)
		begun := time.Now()
		for _, e := range deleting() {
			time.Sleep(time.Second)
			if err := q.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); !errors.Is(err, ErrStalled) {
			t.Errorf("Close: %v, want ErrStalled", err)
		}
		if took := time.Since(begun) - time.Duration(len(deleting()))*time.Second; took != time.Second {
			t.Errorf("the story was kept waiting for %s", took)
		}
		close(free)
	})
}
