package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
)

// The elements of a JUnit report, in the order and with the attributes that both Ant's schema and
// Jenkins' ask for. The outermost one has no attributes, which Ant's does not know.
type (
	testSuites struct {
		XMLName xml.Name    `xml:"testsuites"`
		Suites  []testSuite `xml:"testsuite"`
	}
	testSuite struct {
		Package    string     `xml:"package,attr"`
		ID         int        `xml:"id,attr"`
		Name       string     `xml:"name,attr"`
		Timestamp  string     `xml:"timestamp,attr"`
		Hostname   string     `xml:"hostname,attr"`
		Tests      int        `xml:"tests,attr"`
		Failures   int        `xml:"failures,attr"`
		Errors     int        `xml:"errors,attr"`
		Skipped    int        `xml:"skipped,attr"`
		Time       string     `xml:"time,attr"`
		Properties []property `xml:"properties>property"`
		Cases      []testCase `xml:"testcase"`
		SystemOut  string     `xml:"system-out"`
		SystemErr  string     `xml:"system-err"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testCase struct {
		Name      string   `xml:"name,attr"`
		ClassName string   `xml:"classname,attr"`
		Time      string   `xml:"time,attr"`
		Skipped   *message `xml:"skipped"`
		Error     *message `xml:"error"`
		Failure   *message `xml:"failure"`
	}
	message struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// storyLimit bounds the story that a suite carries as its standard output, in bytes.
const storyLimit = 64 << 10

// JUnit writes the report as JUnit XML: a suite for each object, a case for each phase.
func JUnit(w io.Writer, v *journal.View, entries []journal.Entry) error {
	s := read(v, entries)
	var all testSuites
	for _, r := range s.roots {
		suite := suiteOf(r)
		suite.SystemErr = logs(r)
		suite.properties(v, r.End)
		if err := suite.tell(s.parts[r.Name]); err != nil {
			return err
		}
		all.add(v, suite)
	}
	if rest := commandSuite(s, all); rest != nil {
		rest.properties(v, s.end)
		if err := rest.tell(s.parts[""]); err != nil {
			return err
		}
		all.add(v, *rest)
	}
	data, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	// No attribute holds a line break, and in a text one may stand as it is.
	data = bytes.ReplaceAll(data, []byte("&#xA;"), []byte("\n"))
	if _, err := io.WriteString(w, xml.Header+string(data)+"\n"); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func suiteOf(r root) testSuite {
	suite := testSuite{Name: render.Clean(r.Name), Time: secondsOf(lasted(r))}
	class := render.Clean(r.namespace()) + "." + render.Clean(r.name())
	for _, p := range r.Phases {
		suite.Cases = append(suite.Cases, caseOf(class, p))
	}
	switch {
	case !r.begun():
		suite.Cases = append(suite.Cases, testCase{
			Name: "end", ClassName: class, Time: secondsOf(0), Skipped: &message{Message: render.Clean(r.End.Text), Type: "NotBegun"},
		})
	case r.End == nil || r.End.End.Exit == 0 || failing(suite.Cases):
	default: // it did not end well, but in no phase: interrupted before the first, for example
		suite.Cases = append(suite.Cases, endCase(class, r.End))
	}
	return suite
}

// endCase is a case for an end that no phase tells.
func endCase(class string, end *journal.Entry) testCase {
	return testCase{Name: "end", ClassName: class, Time: secondsOf(0), Error: &message{Message: render.Clean(end.Text), Type: render.Clean(end.Reason)}}
}

// commandSuite is a suite for what is no object's: what was told of the whole command, and an end that no
// case tells otherwise. It is nil where there is nothing of the kind. A report on a command that did not
// end, or not well, is never one in which every case passed.
func commandSuite(s story, all testSuites) *testSuite {
	suite := testSuite{Name: "seldonctl", Time: secondsOf(0)}
	for _, e := range s.remarks {
		switch e.Type {
		case journal.Failure, journal.Claim, journal.Skipped:
			suite.Cases = append(suite.Cases, caseOf("seldonctl", &journal.PhaseView{Name: e.Phase, Began: max(e.Elapsed-e.Took, 0), Ended: e.Elapsed, Result: &e}))
		default: // it stands in the story
		}
	}
	told := failing(suite.Cases) || slices.ContainsFunc(all.Suites, func(other testSuite) bool { return failing(other.Cases) })
	switch {
	case told:
	case !s.ended():
		suite.Cases = append(suite.Cases, testCase{
			Name: "end", ClassName: "seldonctl", Time: secondsOf(0), Error: &message{Message: "the story has no end: whoever told it was stopped", Type: "Unfinished"},
		})
	case s.end.End.Exit != 0:
		suite.Cases = append(suite.Cases, endCase("seldonctl", s.end))
	case len(all.Suites) == 0 && len(suite.Cases) == 0: // there was nothing to do, which is no lack of results
		suite.Cases = append(suite.Cases, testCase{Name: "end", ClassName: "seldonctl", Time: secondsOf(0)})
	}
	if len(suite.Cases) == 0 && len(s.remarks) == 0 {
		return nil
	}
	return &suite
}

func failing(cases []testCase) bool {
	for _, c := range cases {
		if c.Failure != nil || c.Error != nil {
			return true
		}
	}
	return false
}

// workload are the reasons by which the object under test failed. With any other the test itself could
// not be carried out, which JUnit calls an error.
var workload = map[string]bool{"Failed": true, "TimedOut": true, "Vanished": true, "Leftover": true, "Conflict": true}

func caseOf(class string, p *journal.PhaseView) testCase {
	c := testCase{Name: string(p.Name), ClassName: class, Time: secondsOf(p.Ended - p.Began)}
	switch result(p) {
	case unfinished:
		c.Error = &message{Message: "not finished", Type: "Unfinished", Text: render.Clean(p.Text)}
	case skipped:
		c.Skipped = &message{Message: render.Clean(p.Result.Text), Type: render.Clean(p.Result.Reason)}
	case failed:
		told := &message{Message: render.Clean(p.Result.Text), Type: render.Clean(p.Result.Reason), Text: explanation(*p.Result)}
		if p.Result.Problem != nil || workload[p.Result.Reason] {
			c.Failure = told
		} else {
			c.Error = told
		}
	}
	return c
}

// explanation is what a failure says beside its first sentence, as lines: the chain of causes, the last
// words of a container, what to do next.
func explanation(e journal.Entry) string {
	var lines []string
	if e.Source != "" {
		lines = append(lines, render.Clean(e.Source))
	}
	for _, detail := range bounded(e.Details) {
		lines = append(lines, indented(detail))
	}
	if e.Hint != "" {
		lines = append(lines, "next: "+render.Clean(e.Hint))
	}
	return strings.Join(lines, "\n")
}

// logs are the last words of the containers that failed an object's phases.
func logs(r root) string {
	var lines []string
	for _, p := range r.Phases {
		if p.Result == nil || len(p.Result.Log) == 0 {
			continue
		}
		lines = append(lines, "the end of the log of: "+render.Clean(p.Result.Text))
		for _, line := range p.Result.Log {
			lines = append(lines, "  "+indented(line))
		}
	}
	return strings.Join(lines, "\n")
}

// indented cleans a line and keeps its indentation.
func indented(line string) string {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	return strings.Repeat(" ", min(indent, 40)) + render.Clean(line)
}

// detailLimit bounds the lines that a report shows below one sentence.
const detailLimit = 50

// bounded returns the first of many lines and says how many are left out.
func bounded(lines []string) []string {
	if len(lines) <= detailLimit {
		return lines
	}
	return append(lines[:detailLimit:detailLimit], fmt.Sprintf("… and %d more", len(lines)-detailLimit))
}

func (s *testSuite) properties(v *journal.View, end *journal.Entry) {
	s.Properties = append(s.Properties, property{"where", render.Clean(v.Where)})
	if end != nil && end.End != nil {
		s.Properties = append(s.Properties,
			property{"exit", strconv.Itoa(end.End.Exit)},
			property{"reason", render.Clean(end.Reason)},
			property{"requests", strconv.Itoa(end.End.Requests)},
			property{"simulated", strconv.FormatBool(end.End.Simulated)})
	}
}

// tell gives the suite the story in plain lines; of a long one the beginning and the end.
func (s *testSuite) tell(entries []journal.Entry) error {
	var out bytes.Buffer
	lines := render.NewLines(&out, false)
	for _, e := range entries {
		if err := lines.Write(e); err != nil {
			return err
		}
	}
	text := out.String()
	if over := len(text) - storyLimit; over > 0 {
		head := strings.LastIndexByte(text[:storyLimit/2], '\n') + 1
		tail := len(text) - storyLimit/2
		tail += strings.IndexByte(text[tail:], '\n') + 1
		text = fmt.Sprintf("%s… (%d lines left out)\n%s", text[:head], strings.Count(text[head:tail], "\n"), text[tail:])
	}
	s.SystemOut = text
	return nil
}

func (all *testSuites) add(v *journal.View, s testSuite) {
	s.Package, s.ID, s.Hostname = "seldonctl", len(all.Suites), "localhost"
	s.Timestamp = v.Began.UTC().Format("2006-01-02T15:04:05")
	s.Tests = len(s.Cases)
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	all.Suites = append(all.Suites, s)
}

// lasted is how long an object's part of the command took.
func lasted(r root) time.Duration {
	if r.End != nil && r.End.Took > 0 {
		return r.End.Took
	}
	if n := len(r.Phases); n > 0 {
		return r.Phases[n-1].Ended - r.Phases[0].Began
	}
	return 0
}

func secondsOf(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
