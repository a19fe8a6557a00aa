package report_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

// element is any XML element.
type element struct {
	XMLName  xml.Name   `xml:""`
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) (string, bool) {
	i := slices.IndexFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == name })
	if i < 0 {
		return "", false
	}
	return e.Attrs[i].Value, true
}

// rules are what Ant's schema of JUnit reports demands of an element, which Jenkins' schema takes too: its
// attributes with the form of their values, and which children may follow each other.
type rules struct {
	required, optional map[string]string
	children           string // a regular expression over their names
}

const (
	token    = `\S(.*\S)?`
	anything = `(?s).*`
	number   = `\d+`
	decimal  = `\d+(\.\d+)?`
)

var junitRules = map[string]rules{
	"testsuites": {children: `(testsuite )*`},
	"testsuite": {
		required: map[string]string{
			"package": token, "id": number, "name": token, "timestamp": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`, "hostname": token,
			"tests": number, "failures": number, "errors": number, "time": decimal,
		},
		optional: map[string]string{"skipped": number},
		children: `properties (testcase )*system-out system-err `,
	},
	"properties": {children: `(property )*`},
	"property":   {required: map[string]string{"name": token, "value": anything}},
	"testcase": {
		required: map[string]string{"name": token, "classname": token, "time": decimal},
		children: `((skipped|error|failure) )?`,
	},
	"skipped":    {optional: map[string]string{"message": anything, "type": anything}},
	"error":      {required: map[string]string{"type": anything}, optional: map[string]string{"message": anything}},
	"failure":    {required: map[string]string{"type": anything}, optional: map[string]string{"message": anything}},
	"system-out": {},
	"system-err": {},
}

func (r rules) check(t *testing.T, e element) {
	t.Helper()
	var names strings.Builder
	for _, child := range e.Children {
		names.WriteString(child.XMLName.Local + " ")
		junitRules[child.XMLName.Local].check(t, child)
	}
	if !regexp.MustCompile("^" + r.children + "$").MatchString(names.String()) {
		t.Errorf("<%s> has the children %q", e.XMLName.Local, names.String())
	}
	if len(e.Children) > 0 && strings.TrimSpace(e.Text) != "" {
		t.Errorf("<%s> has text beside its children: %q", e.XMLName.Local, e.Text)
	}
	for name, form := range r.required {
		if value, has := e.attr(name); !has || !regexp.MustCompile("^"+form+"$").MatchString(value) {
			t.Errorf("<%s> has %s=%q", e.XMLName.Local, name, value)
		}
	}
	for _, a := range e.Attrs {
		form, known := r.optional[a.Name.Local]
		if _, required := r.required[a.Name.Local]; !required && !known {
			t.Errorf("<%s> may not have the attribute %s", e.XMLName.Local, a.Name.Local)
		} else if known && !regexp.MustCompile("^"+form+"$").MatchString(a.Value) {
			t.Errorf("<%s> has %s=%q", e.XMLName.Local, a.Name.Local, a.Value)
		}
	}
}

func TestJUnitIsWhatItsConsumersTake(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			out := live(t, report.JUnit, story())
			var top element
			if err := xml.Unmarshal(out, &top); err != nil {
				t.Fatal(err)
			}
			junitRules["testsuites"].check(t, top)
			bad := 0
			for i, suite := range top.Children {
				counts := map[string]int{}
				for _, c := range suite.Children {
					if c.XMLName.Local == "testcase" {
						counts["tests"]++
					}
					for _, outcome := range c.Children {
						counts[outcome.XMLName.Local]++
					}
				}
				bad += counts["error"] + counts["failure"]
				for attr, want := range map[string]int{"id": i, "tests": counts["tests"], "failures": counts["failure"], "errors": counts["error"], "skipped": counts["skipped"]} {
					if got, _ := suite.attr(attr); got != strconv.Itoa(want) {
						t.Errorf("suite %d has %s=%s, want %d", i, attr, got, want)
					}
				}
			}
			if (bad > 0) == (name == "good" || name == "nothing") {
				t.Errorf("%d cases did not pass", bad)
			}
			for _, r := range string(out) {
				if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0x202e {
					t.Errorf("%U stands in the report", r)
				}
			}
		})
	}
}

// However much there is to tell, a report has a size that its consumers bear.
func TestReportsAreBounded(t *testing.T) {
	base := failing()
	all := slices.Clone(base[:len(base)-1])
	for i := range 5000 {
		event := base[4]
		event.Text = fmt.Sprintf("%d %s", i, strings.Repeat("long ", 300))
		all = append(all, event)
		if i < 1000 {
			p := *base[5].Problem
			p.Key = strconv.Itoa(i)
			suspected := base[5]
			suspected.Problem = &p
			all = append(all, suspected)
		}
	}
	all = append(all, base[len(base)-1])
	for extension, limit := range map[string]int{".md": 200 << 10, ".xml": 100 << 10} {
		write, err := report.For(extension)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(live(t, write, all)); n > limit {
			t.Errorf("a report in the form %s has %d bytes, at most %d are borne", extension, n, limit)
		}
	}
}

// The summary of a CI job is refused as a whole when it is too long, so that with many objects, notes and
// warnings the page tells less of each, and says so.
func TestMarkdownIsBoundedWithManyObjects(t *testing.T) {
	long := strings.Repeat("long ", 300)
	big := func(name string) []journal.Entry {
		all := failing()
		event, suspected := all[4], all[5]
		event.Text = long
		for i := range 30 {
			all = slices.Insert(all, 5, event)
			p := *suspected.Problem
			p.Key = strconv.Itoa(i)
			suspected.Text, suspected.Problem = long, &p
			all = slices.Insert(all, 5, suspected)
		}
		for i := range all {
			all[i].Root = name
		}
		return all
	}
	last := closing("Failed", "0 reached", 3)
	for reason, tc := range map[string]struct {
		objects, warnings int
		says              []string
	}{
		"60 big objects":     {60, 1, []string{"the other objects are told in one line each", "\n- FAILED (Failed, exit 3): models/m59: not available: container clf: exited"}},
		"more than a page":   {2000, 1, []string{"the other objects are told in one line each", "\n… and ", " more objects are left out."}},
		"too many warnings":  {2, 3000, []string{" more notes and warnings are left out."}},
		"warnings of one":    {1, 0, []string{"2950 more warnings are left out."}},
		"few and not so big": {3, 2, nil},
	} {
		t.Run(reason, func(t *testing.T) {
			var all []journal.Entry
			for range tc.warnings {
				all = append(all, journal.Entry{Type: journal.Warning, Text: long})
			}
			for i := range tc.objects {
				name := fmt.Sprintf("models/m%d", i)
				if tc.objects <= 60 {
					all = append(all, big(name)...)
					continue
				}
				for _, e := range failing() { // so many need not be big
					e.Root = name + strings.Repeat("x", 150)
					all = append(all, e)
				}
			}
			if tc.objects == 1 {
				for range 2999 { // beside the one of the cleanup
					all = slices.Insert(all, 1, journal.Entry{Type: journal.Warning, Root: "models/m0", Text: long})
				}
			}
			var view journal.View
			for _, e := range append(all, last) {
				view.Take(e)
			}
			var page bytes.Buffer
			if err := report.Markdown(&page, &view, append(all, last)); err != nil {
				t.Fatal(err)
			}
			if page.Len() > 1_000_000 {
				t.Errorf("the page has %d bytes", page.Len())
			}
			for _, want := range tc.says {
				if !strings.Contains(page.String(), want) {
					t.Errorf("%q is missing in %d bytes, which end in …%s", want, page.Len(), page.Bytes()[page.Len()-300:])
				}
			}
			if tc.says == nil && (strings.Count(page.String(), "\n### FAILED") != tc.objects || strings.Contains(page.String(), "one line each")) {
				t.Errorf("not every object is told in full: %s", page.String())
			}
		})
	}
}

// However far a story was recorded, a report on it never passes as a whole while there is no end.
func TestJUnitPassesOnlyWithAnEnd(t *testing.T) {
	for name, story := range map[string][]journal.Entry{
		"good": good(), "several": several(), "nothing": nothing(), "unbegun": unbegun(),
		"two good ones": together(good(), good(), closing("Reached", "2 of 2 reached", 0)),
	} {
		for n := range story {
			out := string(live(t, report.JUnit, story[:n]))
			if !strings.Contains(out, "<error ") && !strings.Contains(out, "<failure ") {
				t.Errorf("%s: the report on the first %d of %d entries passes:\n%s", name, n, len(story), out)
			}
		}
		if whole := string(live(t, report.JUnit, story)); strings.Contains(whole, `message="the story has no end`) {
			t.Errorf("%s: the report on the whole says that there is no end:\n%s", name, whole)
		}
	}
}

// Where nothing was to be done there is still a result: systems take a report without any for a mistake.
func TestJUnitHasAlwaysACase(t *testing.T) {
	for reason, story := range map[string][]journal.Entry{"a claim": nothing(), "an end alone": {closing("Reached", "done", 0)}} {
		if out := string(live(t, report.JUnit, story)); !strings.Contains(out, "<testcase ") {
			t.Errorf("%s: there is no case in\n%s", reason, out)
		}
	}
}

var escaped = regexp.MustCompile(`\\[[:punct:]]`)

// Hostile text stays text in Markdown: what is neither escaped nor in a code span has no mark of the
// language that we did not put there.
func TestMarkdownKeepsTextText(t *testing.T) {
	var fence string
	columns := 0
	for line := range strings.Lines(string(live(t, report.Markdown, hostile()))) {
		line = strings.TrimRight(line, "\n")
		if marks := strings.TrimRight(line, "tex"); len(marks) >= 3 && strings.Trim(marks, "`") == "" && (fence == "" || marks == fence) {
			if fence == "" {
				fence = marks
			} else {
				fence = ""
			}
			continue
		}
		if fence != "" {
			continue
		}
		bare := escaped.ReplaceAllString(line, "")
		if !strings.HasPrefix(line, "Next: ") && !strings.HasPrefix(line, "Where: ") {
			for _, mark := range []string{"<script", "](", "![", "`", "://", "@team", "www.", "#1", "GH-3", ":tada:"} {
				if strings.Contains(bare, mark) {
					t.Errorf("%q stands unescaped in: %s", mark, line)
				}
			}
		}
		if pipes := strings.Count(bare, "|"); pipes > 0 && !strings.HasPrefix(line, "Next: ") {
			if columns != 0 && pipes != columns {
				t.Errorf("a row of %d marks in a table of %d: %s", pipes, columns, line)
			}
			columns = pipes
		} else {
			columns = 0
		}
		if regexp.MustCompile(`^\s*(::|#{3,} h|# )`).MatchString(line) {
			t.Errorf("a line begins with a mark that we did not write: %s", line)
		}
	}
	if fence != "" {
		t.Error("a block of code is not closed")
	}
}

func TestAnnotations(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			var view journal.View
			entries := story()
			for _, e := range entries {
				view.Take(e)
			}
			var out bytes.Buffer
			if err := report.Annotations(&out, &view, entries, func(file string) string { return "deploy/" + file }); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if !regexp.MustCompile(`^::(error|warning) (file=[^,:]+,line=\d+,)?title=[^,:]+::[^\r\n]+\n$`).MatchString(line) {
					t.Errorf("this is no annotation: %q", line)
				}
			}
			golden(t, "testdata/"+name+".annotations", out.Bytes())
		})
	}
}

func TestAnnotationsAreAtMostTenOfAKind(t *testing.T) {
	all := failing()
	for range 30 {
		all = slices.Insert(all, 1, good()[2])
	}
	var view journal.View
	for _, e := range all {
		view.Take(e)
	}
	var out bytes.Buffer
	if err := report.Annotations(&out, &view, all, func(file string) string { return file }); err != nil {
		t.Fatal(err)
	}
	if errs, warnings := strings.Count(out.String(), "::error "), strings.Count(out.String(), "::warning "); errs != 1 || warnings != 10 {
		t.Errorf("%d errors and %d warnings, want 1 and 10", errs, warnings)
	}
}
