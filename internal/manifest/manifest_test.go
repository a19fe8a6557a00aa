package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sigsyaml "sigs.k8s.io/yaml"
)

const pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n"

func TestRead(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		want         []string // kind, name and first line
	}{
		"one":               {"the common case", pod, []string{"Pod a 1"}},
		"several":           {"empty ones do not count", "# c\n---\n" + pod + "---\n---\n# x\n---\n" + pod, []string{"Pod a 3", "Pod a 11"}},
		"after a comment":   {"it begins at its first key", "# licence\n\n" + pod, []string{"Pod a 3"}},
		"mark with comment": {"as Helm writes them", "--- # Source: x\n" + pod, []string{"Pod a 2"}},
		"end mark":          {"what follows it is another document", pod + "...\n---\n" + pod, []string{"Pod a 1", "Pod a 7"}},
		"directive":         {"belongs to what follows", "%YAML 1.2\n---\n" + pod, []string{"Pod a 3"}},
		"Windows":           {"line ends and byte order mark", "\xef\xbb\xbf" + strings.ReplaceAll("---\n"+pod, "\n", "\r\n"), []string{"Pod a 2"}},
		"json":              {"with tabs", "{\n\t\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"a\"}\n}\n", []string{"Pod a 1"}},
		"json, several": {
			"one after another", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\n\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"}}",
			[]string{"Pod a 1", "Pod b 3"},
		},
		"json in YAML's clothes": {"flow style", "{apiVersion: v1, kind: Pod, metadata: {name: a}}", []string{"Pod a 1"}},
		"list": {
			"its items are the objects", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
			[]string{"Pod a 4", "Pod b 7"},
		},
		"list of a kind": {"named after it", "apiVersion: v1\nkind: PodList\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]", []string{"Pod a 3"}},
		"mark in a text": {"only at the beginning of a line", pod + "data:\n  x: |\n    a\n    ---\n    b\n", []string{"Pod a 1"}},
		"surrogates":     {"JSON that YAML does not know", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","annotations":{"x":"\ud83d\ude00"}}}`, []string{"Pod a 1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			documents, err := Read("test.yaml", strings.NewReader(c.text))
			if err != nil {
				t.Fatalf("%v: %s", err, c.reason)
			}
			var got []string
			for _, d := range documents {
				got = append(got, fmt.Sprintf("%s %s %d", d.Object.GetKind(), d.Object.GetName(), d.Start))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	var bomb, chain strings.Builder
	bomb.WriteString("a: &a [x,x,x,x,x,x,x,x,x]\n")
	for _, c := range "bcdefghi" {
		fmt.Fprintf(&bomb, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	chain.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 200; i++ {
		fmt.Fprintf(&chain, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	cases := map[string]struct{ reason, text, want string }{
		"nothing":            {"an empty file", "# nothing\n", "test.yaml: holds no objects"},
		"text":               {"not an object", "hello\n", `test.yaml:1: want a Kubernetes object, got the text "hello"`},
		"list":               {"nor is this", "---\n- a\n", "test.yaml:2: want a Kubernetes object, got a list"},
		"json list":          {"nor this", "[1]", "test.yaml:1: want a Kubernetes object, got a list"},
		"bad indentation":    {"the parser's line, counted in the file", pod + "---\na: b\n  c: d\n", "test.yaml:7: not YAML: mapping values are not allowed in this context"},
		"tab":                {"with what to do", "a:\n\tb: c\n", "test.yaml:2: not YAML: found character that cannot start any token (if it is a tab: YAML is indented with spaces)"},
		"no kind":            {"what every object has", "apiVersion: v1\nmetadata: {name: a}\n", "test.yaml:1: kind is missing"},
		"no apiVersion":      {"what every object has", "---\nkind: Pod\n", "test.yaml:2: apiVersion is missing"},
		"no name":            {"at the line of metadata", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "test.yaml:3: metadata.name is missing"},
		"no metadata":        {"what every object has", "apiVersion: v1\nkind: Pod\n", "test.yaml:1: metadata is missing"},
		"name is a number":   {"quotes are forgotten", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 12\n", "test.yaml:4: metadata.name is 12, want a string"},
		"metadata is a text": {"wrong types", "apiVersion: v1\nkind: Pod\nmetadata: a\n", `test.yaml:3: metadata is the text "a", want an object`},
		"duplicate key":      {"the second one's line", pod + "  name: b\n", `test.yaml:5: the key "name" is there twice, first on line 4`},
		"duplicate in JSON":  {"the same", "{\"kind\": \"Pod\",\n\"kind\": \"Pod\"}", `test.yaml:2: the key "kind" is there twice, first on line 1`},
		"duplicate in JSON that is not YAML": {
			"without positions", `{"x":"\ud83d\ude00","kind":"Pod","kind":"Pod"}`, `test.yaml:1: duplicate field "kind"`,
		},
		"item without kind": {"its own line", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  metadata: {name: a}\n", "test.yaml:4: kind is missing"},
		"item is a text":    {"its own line", "apiVersion: v1\nkind: List\nitems:\n- apiVersion\n", `test.yaml:4: items[0]: want a Kubernetes object, got the text "apiVersion"`},
		"alias bomb":        {"before it is resolved", bomb.String(), "test.yaml:6: an object of more than 150000 values, aliases counted"},
		"chain of aliases":  {"deep without looking it", chain.String(), "test.yaml:100: nested deeper than 100 levels"},
		"self":              {"an anchor in itself", "a: &a [*a]\n", `test.yaml:1: the anchor "a" holds itself`},
		"deep flow":         {"cheaply", strings.Repeat("[", 100_000), "test.yaml:1: nested deeper than 100 levels"},
		"deep flow, closed": {"not so deep that the text shows it", "a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "test.yaml:1: nested deeper than 100 levels"},
		"deep block":        {"by indentation", deepBlock(200), "test.yaml:101: nested deeper than 100 levels"},
		"deep JSON":         {"braces", strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500), "test.yaml:1: nested deeper than 100 levels"},
		"large document":    {"no API server takes it", pod + "data: " + strings.Repeat("x", maxDocument), "test.yaml:1: an object larger than 3 MiB, which no API server takes"},
		"many values":       {"cheaply", strings.Repeat("a:\n", 300_000), "test.yaml:1: an object of more than 150000 values"},
		"many in all":       {"each document is in order", strings.Repeat("---\n"+pod, 100_000), "test.yaml: more than 400000 values: give it in parts"},
		"many documents":    {"of any size", strings.Repeat("---\n"+pod, 1001), "test.yaml:5001: more than 1000 objects: give them in parts"},
		"many items":        {"of any size", "apiVersion: v1\nkind: List\nitems:\n" + strings.Repeat("- {}\n", 1001), "test.yaml:1: more than 1000 objects: give them in parts"},
		"large file":        {"of whatever", strings.Repeat("#\n", maxBytes/2+1), "test.yaml: larger than 10 MiB: give it in parts"},
		"infinity":          {"no JSON", pod + "x: .inf\n", "test.yaml:1: not YAML: json: unsupported value: +Inf"},
		"binary":            {"not text", "\x00\x01\x02", "test.yaml:1: not YAML: control characters are not allowed"},
		"key of keys":       {"no JSON", "{a: b}: c\n", "test.yaml:1: a key that is not a plain word"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Read("test.yaml", strings.NewReader(c.text))
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
			var mistake *Error
			if !errors.As(err, &mistake) || mistake.Error() != c.want {
				t.Errorf("got  %v\nwant %s\n%s", err, c.want, c.reason)
			}
		})
	}
}

func deepBlock(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

const misplaced = `# a comment
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: m
  annotations:
    seldon.io/no.engine: "true"
spec:
  shared: &shared
    image: x
    ports:
    - containerPort: 1
  predictors:
  - name: main
    hpaSpec: {maxReplicas: 3}
    componentSpecs:
    - strategy: {}
      spec:
        replicas: 1
        containers:
        - name: clf
          <<: *shared
        - *shared
`

func TestLine(t *testing.T) {
	cases := []struct {
		path   string
		reason string
		line   int
		exact  bool
	}{
		{"", "the object", 2, true},
		{"spec.predictors[0].hpaSpec", "as in a Warning header", 15, true},
		{"spec.predictors[0].componentSpecs[0].spec.replicas", "deep inside", 19, true},
		{".spec.predictors[0].componentSpecs[0].strategy", "as in a refusal", 17, true},
		{"spec.predictors[0]", "an element", 14, true},
		{"metadata.annotations[seldon.io/no.engine]", "a key with dots", 7, true},
		{"metadata.annotations.seldon.io/no.engine", "the same without brackets", 7, true},
		{"spec.predictors[0].componentSpecs[0].spec.containers[0].image", "merged in", 10, true},
		{"spec.predictors[0].componentSpecs[0].spec.containers[1].ports[0]", "behind an alias", 12, true},
		{"spec.predictors[0].componentSpecs[0].spec.containers[1].ports[0].name", "not there: the nearest", 12, false},
		{"spec.predictors[7].name", "no such element", 13, false},
		{"spec.predictors.name", "a list has no keys", 13, false},
		{"status", "not there", 2, false},
		{"spec.predictors[0", "not a path", 13, false},
	}
	text := "---\n" + strings.TrimSuffix(pod, "\n") + "\n---\n" + misplaced
	documents, err := Read("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Count(text, "\n") - strings.Count(misplaced, "\n")
	for _, c := range cases {
		line, exact := documents[1].Line(c.path)
		if line-before != c.line || exact != c.exact {
			t.Errorf("Line(%q) = %d, %t; want %d, %t: %s", c.path, line-before, exact, c.line, c.exact, c.reason)
		}
	}
	if got := documents[0].Position("metadata.name"); got != "test.yaml:5" {
		t.Errorf("Position = %s", got)
	}
}

func TestLineInListsAndJSON(t *testing.T) {
	text := "{\n\t\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n\t{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"a\",\n\t\"labels\": {\"x\": \"y\"}}}]}"
	documents, err := Read("test.json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if line, ok := documents[0].Line("metadata.labels.x"); line != 5 || !ok {
		t.Errorf("line %d, %t; want 5", line, ok)
	}
}

func TestWholeNumbersStayWhole(t *testing.T) {
	documents, err := Read("x", strings.NewReader(pod+"a: 3\nb: 1.5\nc: 9007199254740993\nd: 1e3\ne: yes\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": int64(3), "b": 1.5, "c": int64(9007199254740993), "d": int64(1000), "e": true}
	for key, value := range want {
		if got := documents[0].Object.Object[key]; got != value {
			t.Errorf("%s is %T %v, want %T %v", key, got, got, value, value)
		}
	}
	documents[0].Object.DeepCopy() // panics on what is not JSON's
}

func TestOpen(t *testing.T) {
	if documents, err := Open("-", strings.NewReader(pod)); err != nil || documents[0].File != "stdin" {
		t.Errorf("stdin: %v, %v", documents, err)
	}
	missing := filepath.Join(t.TempDir(), "test-resource.yaml")
	_, err := Open(missing, nil)
	if err == nil || err.Error() != missing+": no such file" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	folder := t.TempDir()
	if _, err = Open(folder, nil); err == nil || err.Error() != folder+": cannot be read: is a directory" {
		t.Errorf("folder: %v", err)
	}
	file := filepath.Join(folder, "a.yaml")
	if err := os.WriteFile(file, []byte(pod), 0o600); err != nil {
		t.Fatal(err)
	}
	if documents, err := Open(file, nil); err != nil || documents[0].Position("kind") != file+":2" {
		t.Errorf("file: %v, %v", documents, err)
	}
}

func TestReadsTheRecordedManifests(t *testing.T) {
	for _, pattern := range []string{"*.yaml", "*.json", "refused/*.yaml"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "recorded", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no recordings: %v", err)
		}
		for _, file := range files {
			_, err := Open(file, nil)
			if strings.HasSuffix(file, ".json") != (err != nil) {
				t.Errorf("%s: %v", file, err) // the JSON ones are no objects
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{pod, misplaced, "{\"a\": 1}", "- a", "a: &a [*a]", "---\n...\n%x", "a:\n\tb", "? a\n: b", "<<: {a: b}", "kind: List\nitems: [1]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, err := Read("fuzz", bytes.NewReader(data))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("more than a line: %v", err)
			}
			return
		}
		for _, d := range documents {
			d.Object.DeepCopy()
			if line, ok := d.Line("metadata.name"); !ok || line < 1 {
				t.Errorf("metadata.name is there, but on line %d, %t", line, ok)
			}
			d.Line(string(data))
		}
		if len(documents) != 1 || documents[0].item >= 0 {
			return
		}
		var other map[string]any
		plain, err := sigsyaml.YAMLToJSON(documents[0].source.data)
		if err != nil || json.Unmarshal(plain, &other) != nil {
			return
		}
		if got := documents[0].Object.GetName(); other["metadata"].(map[string]any)["name"] != got {
			t.Errorf("kubectl reads %v, we read %s", other["metadata"], got)
		}
	})
}
