//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas is the name under which the schemas of docs/schema know each other.
const schemas = "https://github.com/seldonctl/seldonctl/blob/main/docs/schema/"

// schemaOf compiles one of the schemas. What it does not name is refused, so that nothing comes out that it
// does not describe.
func schemaOf(name string) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, each := range []string{"journal.v1.json", "report.v1.json"} {
		data, err := os.ReadFile("../../docs/schema/" + each)
		if err != nil {
			return nil, err
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		closeObjects(schema)
		if err := compiler.AddResource(schemas+each, schema); err != nil {
			return nil, err
		}
	}
	return compiler.Compile(schemas + name)
}

func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		for _, value := range s {
			closeObjects(value)
		}
		if _, ok := s["properties"].(map[string]any); ok {
			s["additionalProperties"] = false
		}
	case []any:
		for _, value := range s {
			closeObjects(value)
		}
	}
}

// follow checks a document, or each line of a journal, against its schema.
func follow(name string, data []byte) error {
	schema, err := schemaOf(name)
	if err != nil {
		return err
	}
	documents := [][]byte{data}
	if strings.HasPrefix(name, "journal") {
		documents = bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	}
	for _, document := range documents {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
		if err != nil {
			return fmt.Errorf("%w in %s", err, document)
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("%w\n%s", err, document)
		}
	}
	return nil
}

// follows SCHEMA FILE checks that a file is what the schema says.
func scriptFollows(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(follow(args[0], []byte(ts.ReadFile(args[1]))))
}

// signal TERM|INT sends a signal to the program in the background.
func scriptSignal(ts *testscript.TestScript, _ bool, args []string) {
	s := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[0]]
	ts.Check((*ts.Value(underWay).(**program)).command.Process.Signal(s))
}

// extensions are those of all forms of reports.
var extensions = []string{".xml", ".json", ".jsonl", ".md", ".html"}

// reported starts a run that makes every report.
func reported(t *testing.T, s shop, manifest string, args ...string) (trial, string) {
	t.Helper()
	return reportedOn(t, s, s.kubeconfig, append([]string{"-f", s.manifest(manifest)}, args...)...)
}

func reportedOn(t *testing.T, s shop, kubeconfig string, args ...string) (trial, string) {
	t.Helper()
	base := filepath.Join(t.TempDir(), "report")
	args = append([]string{"run"}, args...)
	for _, extension := range extensions {
		args = append(args, "--report", base+extension)
	}
	command := exec.Command(s.seldonctl, args...)
	command.Env = environment(kubeconfig)
	return startCommand(t, command, nil), base
}

// mustBeWhole checks that all reports are there, tell the end with that code, and are those that can be made
// of the journal afterwards.
func mustBeWhole(t *testing.T, s shop, base string, code int) {
	t.Helper()
	mustBeWholeOf(t, s, base, code, 1)
}

// mustBeWholeOf checks the reports about so many objects.
func mustBeWholeOf(t *testing.T, s shop, base string, code, objects int) {
	t.Helper()
	files := map[string][]byte{}
	for _, extension := range extensions {
		data, err := os.ReadFile(base + extension)
		if err != nil {
			t.Fatal(err)
		}
		files[extension] = data
		again := base + "-again" + extension
		if out, err := exec.Command(s.seldonctl, "report", base+".jsonl", "--report", again).CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v: %s", err, out)
		}
		if afterwards, err := os.ReadFile(again); err != nil || !bytes.Equal(afterwards, data) {
			t.Errorf("the report in the form %s is another one afterwards (%v)", extension, err)
		}
	}
	for name, extension := range map[string]string{"report.v1.json": ".json", "journal.v1.json": ".jsonl"} {
		if err := follow(name, files[extension]); err != nil {
			t.Error(err)
		}
	}
	var document struct {
		Complete bool `json:"complete"`
		Exit     *int `json:"exit"`
	}
	if err := json.Unmarshal(files[".json"], &document); err != nil || !document.Complete || document.Exit == nil || *document.Exit != code {
		t.Errorf("the document does not tell the end with %d: %v, %+v", code, err, document)
	}
	var suites struct {
		Suites []struct {
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(files[".xml"], &suites); err != nil || len(suites.Suites) != objects {
		t.Errorf("the JUnit report is not about %d objects: %v, %+v", objects, err, suites)
	}
	wrong := 0
	for _, suite := range suites.Suites {
		wrong += suite.Failures + suite.Errors
	}
	if (wrong > 0) != (code != 0) {
		t.Errorf("the JUnit report does not tell the end with %d: %+v", code, suites)
	}
	if !strings.Contains(string(files[".md"]), fmt.Sprintf("; exit %d\n", code)) {
		t.Errorf("the Markdown does not tell the end with %d:\n%s", code, files[".md"])
	}
}

func TestReportsAreWholeOnEveryWayOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, by := range signals {
		for phase, in := range phases {
			t.Run(name+"/"+phase, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				namespace := s.own(t)
				p, base := reported(t, s, in.manifest, "-n", namespace)
				p.await(in.begins)
				p.signal(by.signal)
				p.exits(by.code)
				mustBeWhole(t, s, base, by.code)
			})
		}
	}
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		namespace := s.own(t)
		p, base := reported(t, s, "realistic.yaml", "-n", namespace)
		p.await(phases["available"].begins)
		if err := s.finalize(t.Context(), "seldondeployments", namespace, "realistic", "test.seldonctl/hold"); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGTERM)
		p.await(`phase +cleanup: `)
		p.signal(syscall.SIGTERM)
		p.exits(143)
		mustBeWhole(t, s, base, 143)
		if err := s.finalize(t.Context(), "seldondeployments", namespace, "realistic", ""); err != nil {
			t.Fatal(err)
		}
	})
	for reason, tc := range map[string]struct {
		manifest string
		code     int
		args     []string
	}{
		"success":  {"model.yaml", 0, nil},
		"failure":  {"crash-loop.yaml", 3, nil},
		"timeout":  {"never-ready.yaml", 6, []string{"--timeout=10s", "--fail-fast=off"}},
		"deadline": {"never-ready.yaml", 6, []string{"--deadline=10s", "--fail-fast=off"}},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			p, base := reported(t, s, tc.manifest, append(tc.args, "-n", s.own(t))...)
			p.exits(tc.code)
			mustBeWhole(t, s, base, tc.code)
		})
	}
}

// The signal may come before anything is known of the object, or while several go side by side.
func TestReportsAreWholeFromTheBeginningOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, by := range signals {
		t.Run(name+"/connecting", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			kubeconfig, arrived := deafServer(t, s.cluster)
			p, base := reportedOn(t, s, kubeconfig, "-f", s.manifest("realistic.yaml"))
			<-arrived
			p.signal(by.signal)
			p.exits(by.code)
			mustBeWhole(t, s, base, by.code)
		})
		t.Run(name+"/creating", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			held := detainCreations(t, s.cluster, namespace)
			p, base := reported(t, s, "realistic.yaml", "-n", namespace)
			<-held.arrived
			p.signal(by.signal)
			p.exits(by.code)
			held.release()
			mustBeWhole(t, s, base, by.code)
		})
		t.Run(name+"/several", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			p, base := reportedOn(t, s, s.kubeconfig, "-n", namespace, "-f", s.manifest("never-ready.yaml"), "-f", s.manifest("realistic.yaml"))
			p.await(`phase +\[never-ready\] available`)
			p.await(`phase +\[realistic\] available`)
			p.signal(by.signal)
			p.exits(by.code)
			mustBeWholeOf(t, s, base, by.code, 2)
			s.mustBeEmpty(t, namespace)
		})
	}
	t.Run("several/success", func(t *testing.T) {
		t.Parallel()
		sit(t, otherSeats)
		p, base := reportedOn(t, s, s.kubeconfig, "-n", s.own(t), "-f", s.manifest("model.yaml"), "-f", s.manifest("realistic.yaml"))
		p.exits(0)
		mustBeWholeOf(t, s, base, 0, 2)
	})
}
