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
			if (bad > 0) == (name == "good") {
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
			for _, mark := range []string{"<script", "](", "![", "`", "://", "@team", "www."} {
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
