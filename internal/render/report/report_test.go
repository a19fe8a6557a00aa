package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var stories = map[string]func() []journal.Entry{
	"good": good, "failing": failing, "stopped": stopped, "refused": refused, "several": several, "hostile": hostile,
	"nothing": nothing, "unbegun": unbegun,
}

// live makes a report as a command does, which writes entries one by one.
func live(t *testing.T, write report.Writer, entries []journal.Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	keeper := report.NewKeeper(nil, []report.Report{func(v *journal.View, entries []journal.Entry) error { return write(&out, v, entries) }})
	for _, e := range entries {
		e.At = e.At.In(time.FixedZone("east", 3600)) // as a local clock gives it
		if err := keeper.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := keeper.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEveryFormOfEveryStory(t *testing.T) {
	for name, story := range stories {
		for _, extension := range report.Extensions() {
			if extension == ".html" {
				continue // the picture has files of its own
			}
			t.Run(name+extension, func(t *testing.T) {
				write, err := report.For("x" + extension)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", name+extension), live(t, write, story()))
			})
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReportsFromAJournalAreThoseMadeLive(t *testing.T) {
	for name, story := range stories {
		var recorded bytes.Buffer // as it happens
		lines := report.NewLines(&recorded)
		for _, e := range story() {
			if err := lines.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := report.Read(bytes.NewReader(recorded.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var view journal.View
		for _, e := range entries {
			view.Take(e)
		}
		for _, extension := range report.Extensions() {
			t.Run(name+extension, func(t *testing.T) {
				write, err := report.For("x" + extension)
				if err != nil {
					t.Fatal(err)
				}
				var afterwards bytes.Buffer
				if err := write(&afterwards, &view, entries); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(live(t, write, story())), afterwards.String()); diff != "" {
					t.Errorf("live and afterwards differ (-live +afterwards):\n%s", diff)
				}
				if extension == ".jsonl" && !bytes.Equal(recorded.Bytes(), afterwards.Bytes()) {
					t.Error("the journal as it happens is not the one that is written at the end")
				}
			})
		}
	}
}

// A file in another form must not be taken for a report, and one whose writer was killed is taken as far
// as it goes.
func TestReadingAJournal(t *testing.T) {
	whole := string(live(t, report.Journal, good()))
	for reason, tc := range map[string]struct {
		text    string
		entries int
		says    string
		torn    bool
	}{
		"whole":                        {text: whole, entries: 17},
		"without the last line break":  {text: strings.TrimSuffix(whole, "\n"), entries: 17},
		"with empty lines":             {text: strings.Replace(whole, "\n", "\n\n", 2), entries: 17},
		"torn":                         {text: whole[:len(whole)-20], entries: 16, torn: true},
		"only the header":              {text: whole[:strings.Index(whole, "\n")+1]},
		"nothing":                      {says: "this is not a journal"},
		"a torn header":                {text: whole[:20], says: "this is not a journal"},
		"something else":               {text: "context c\n", says: "this is not a journal"},
		"a report":                     {text: string(live(t, report.JSON, good())), says: "this is not a journal"},
		"of another version":           {text: strings.Replace(whole, "seldonctl/v1", "seldonctl/v9", 1), says: `of version "seldonctl/v9"`},
		"with a broken line within it": {text: strings.Replace(whole, `{"at"`, `{"at`, 1), says: "line 2 of the journal"},
	} {
		t.Run(reason, func(t *testing.T) {
			entries, err := report.Read(strings.NewReader(tc.text))
			switch {
			case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("error %v, want %q", err, tc.says)
			case tc.says == "" && errors.Is(err, report.ErrTorn) != tc.torn:
				t.Errorf("error %v", err)
			case len(entries) != tc.entries:
				t.Errorf("%d entries, want %d", len(entries), tc.entries)
			}
		})
	}
}

func TestUnknownForm(t *testing.T) {
	for _, path := range []string{"x.pdf", "x", "", "md", "x.md.gz"} {
		if _, err := report.For(path); err == nil || !strings.Contains(err.Error(), ".html, .json, .jsonl, .md, .xml") {
			t.Errorf("For(%q): %v", path, err)
		}
	}
	if _, err := report.For("UP.XML"); err != nil {
		t.Error(err)
	}
}

// When a cleanup begins, whoever waits for the reports may not wait for its end. But however many objects
// are cleaned up, what is made before the end is bounded by the time that this takes.
func TestReportsAreThereBeforeACleanup(t *testing.T) {
	at := func(seconds float64, e journal.Entry) journal.Entry {
		e.Elapsed = time.Duration(seconds * float64(time.Second))
		e.At = began.Add(e.Elapsed)
		return e
	}
	start := func(root string) journal.Entry {
		return journal.Entry{Type: journal.PhaseStart, Phase: journal.Cleanup, Root: root, Text: "deleting it"}
	}
	waiting := journal.Entry{Type: journal.PhaseStart, Phase: journal.Wait, Root: "ns/a", Text: "waiting"}
	ended := journal.Entry{Type: journal.Closing, Facts: journal.Facts{End: &journal.End{Exit: 3}}}
	many := []journal.Entry{at(0, waiting)}
	for i := range 60 {
		many = append(many, at(5+float64(i)/10, start(fmt.Sprintf("ns/m%d", i))))
	}
	for reason, tc := range map[string]struct {
		told []journal.Entry
		made []time.Duration // how far the story was at each early report; the last is that of Close
	}{
		"no cleanup":                    {[]journal.Entry{at(0, waiting), at(30, ended)}, []time.Duration{30}},
		"one":                           {[]journal.Entry{at(0, waiting), at(5, start("ns/a")), at(7, ended)}, []time.Duration{5, 7}},
		"sixty in 6 s":                  {append(many, at(12, ended)), []time.Duration{5, 12}},
		"one that takes long":           {[]journal.Entry{at(5, start("ns/a")), at(14, start("ns/b")), at(15, start("ns/c")), at(24, start("ns/d")), at(26, ended)}, []time.Duration{5, 15, 26}},
		"a namespace that is the run's": {[]journal.Entry{at(0, waiting), at(5, journal.Entry{Type: journal.Progress, Phase: journal.Cleanup, Text: "is deleted with all that is in it"}), at(9, ended)}, []time.Duration{5, 9}},
		"at once":                       {[]journal.Entry{at(0, start("ns/a")), at(1, start("ns/b")), at(2, ended)}, []time.Duration{0, 2}},
	} {
		t.Run(reason, func(t *testing.T) {
			var made []time.Duration
			early := func(_ *journal.View, entries []journal.Entry) error {
				made = append(made, entries[len(entries)-1].Elapsed/time.Second)
				return nil
			}
			final := 0
			keeper := report.NewKeeper([]report.Report{early}, []report.Report{func(*journal.View, []journal.Entry) error { final++; return nil }})
			for _, e := range tc.told {
				if err := keeper.Write(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := keeper.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.made, made); diff != "" || final != 1 {
				t.Errorf("%d final reports; early ones (-want +got):\n%s", final, diff)
			}
		})
	}
}

// One report that cannot be made, or whose writer panics, takes nothing from the others.
func TestEveryReportIsMade(t *testing.T) {
	made := 0
	bad := errors.New("disk full")
	fails := func(*journal.View, []journal.Entry) error { return bad }
	panics := func(v *journal.View, _ []journal.Entry) error { _ = v.Roots[0]; return nil }
	works := func(*journal.View, []journal.Entry) error { made++; return nil }
	keeper := report.NewKeeper([]report.Report{fails, panics, works}, []report.Report{panics, fails, works})
	if err := keeper.Close(); !errors.Is(err, bad) || strings.Count(err.Error(), "index out of range") != 2 || made != 2 {
		t.Errorf("error %v, %d reports made, want 2", err, made)
	}
}

// Real output is what the schemas in docs/schema say, and they say all that is in it.
func TestOutputFollowsTheSchemas(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, name := range []string{"journal.v1.json", "report.v1.json"} {
		data, err := os.ReadFile("../../../docs/schema/" + name)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		describes(t, name, schema)
		if err := compiler.AddResource("https://github.com/seldonctl/seldonctl/blob/main/docs/schema/"+name, closed(schema)); err != nil {
			t.Fatal(err)
		}
	}
	reports, err := compiler.Compile("https://github.com/seldonctl/seldonctl/blob/main/docs/schema/report.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := compiler.Compile("https://github.com/seldonctl/seldonctl/blob/main/docs/schema/journal.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			valid(t, reports, live(t, report.JSON, story()))
			for line := range bytes.Lines(live(t, report.Journal, story())) {
				valid(t, lines, line)
			}
		})
	}
}

func valid(t *testing.T, schema *jsonschema.Schema, data []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
}

// closed forbids in every object what its schema does not name.
func closed(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		for key, value := range s {
			s[key] = closed(value)
		}
		if properties, ok := s["properties"].(map[string]any); ok && properties["properties"] == nil {
			s["additionalProperties"] = false
		}
	case []any:
		for i := range s {
			s[i] = closed(s[i])
		}
	}
	return schema
}

// describes checks that a schema says of itself and of each definition what it is.
func describes(t *testing.T, name string, schema any) {
	t.Helper()
	top, _ := schema.(map[string]any)
	if text, _ := top["description"].(string); !strings.Contains(text, "seconds") || !strings.HasSuffix(top["$id"].(string), name) {
		t.Errorf("%s does not say in which unit its numbers are, or under which name it is found", name)
	}
}

// What machines read keeps every value as it was, and yet nothing of it can steer a terminal or a CI log.
func TestMachineFormsAreExactAndHarmless(t *testing.T) {
	for _, write := range []report.Writer{report.JSON, report.Journal} {
		out := live(t, write, hostile())
		for _, r := range string(out) {
			if r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
				t.Errorf("%U stands in the output", r)
			}
		}
		for line := range bytes.Lines(out) {
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte("::")) || bytes.Contains(line, []byte("##vso[")) {
				t.Errorf("a command of a CI system stands in the output: %s", line)
			}
		}
	}
	var document struct {
		Objects []struct {
			Events []struct {
				Text string `json:"text"`
			} `json:"events"`
		} `json:"objects"`
	}
	if err := json.Unmarshal(live(t, report.JSON, hostile()), &document); err != nil {
		t.Fatal(err)
	}
	want := strings.ToValidUTF8(evil, "\ufffd") + "Back-off restarting failed container"
	if diff := cmp.Diff(want, document.Objects[0].Events[0].Text); diff != "" {
		t.Errorf("a text is not what it was (-want +got):\n%s", diff)
	}
}
