package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// documents returns the objects of one document: one, or those of a list.
func (c chunk) documents() ([]Document, error) {
	node, err := c.node()
	if err != nil {
		return nil, err
	}
	value, err := c.value()
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, c.fail(lineOf(node), "want a Kubernetes object, got "+kindOf(value))
	}
	d := Document{File: c.file, Start: c.at(lineOf(node)), source: c, item: -1}
	kind, _ := object["kind"].(string)
	items, isList := object["items"].([]any)
	if !isList || !strings.HasSuffix(kind, "List") {
		d.Object = &unstructured.Unstructured{Object: object}
		return []Document{d}, d.check()
	}
	if len(items) > maxDocuments {
		return nil, c.fail(lineOf(node), fmt.Sprintf("more than %d objects: give them in parts", maxDocuments))
	}
	var documents []Document
	for i, item := range items {
		d := Document{File: c.file, Start: c.at(lineOf(itemAt(node, i))), source: c, item: i}
		object, ok := item.(map[string]any)
		if !ok {
			return nil, &Error{File: c.file, Line: d.Start, Text: fmt.Sprintf("items[%d]: want a Kubernetes object, got %s", i, kindOf(item))}
		}
		d.Object = &unstructured.Unstructured{Object: object}
		if err := d.check(); err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// check wants what every object must have.
func (d Document) check() error {
	for _, path := range []string{"apiVersion", "kind", "metadata", "metadata.name"} {
		var value any = d.Object.Object
		for key := range strings.SplitSeq(path, ".") {
			m, _ := value.(map[string]any)
			value = m[key]
		}
		if text, ok := value.(string); ok && text != "" && path != "metadata" {
			continue
		}
		if _, ok := value.(map[string]any); ok && path == "metadata" {
			continue
		}
		text := path + " is missing"
		switch {
		case value != nil && value != "" && path == "metadata":
			text = fmt.Sprintf("metadata is %s, want an object", kindOf(value))
		case value != nil && value != "":
			text = fmt.Sprintf("%s is %s, want a string", path, kindOf(value))
		}
		return &Error{File: d.File, Line: d.nearest(path), Text: text}
	}
	return nil
}

// value decodes the document the way kubectl does; whole numbers become int64.
func (c chunk) value() (any, error) {
	data := c.data
	if !c.json {
		var err error
		if data, err = sigsyaml.YAMLToJSON(c.data); err != nil {
			return nil, c.syntax(err)
		}
	}
	// Within an object the converter of Kubernetes keeps whole numbers whole.
	var within map[string]any
	if err := kjson.Unmarshal([]byte(`{"value":`+string(data)+`}`), &within); err != nil {
		return nil, c.fail(1, "not readable: "+err.Error())
	}
	return within["value"], nil
}

// node parses the document into positions and refuses what is hostile. It is nil for an empty
// document, and for JSON that the YAML parser does not take.
func (c chunk) node() (*yaml.Node, error) {
	if len(c.data) > maxDocument {
		return nil, c.fail(1, fmt.Sprintf("an object larger than %d MiB, which no API server takes", maxDocument>>20))
	}
	if c.marks() > maxNodes {
		return nil, c.fail(1, fmt.Sprintf("an object of more than %d values", maxNodes))
	}
	if line := c.tooDeep(); line > 0 {
		return nil, c.fail(line, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	node, err := c.parse()
	if err != nil && c.json {
		return nil, c.strict()
	}
	if err != nil {
		return nil, c.syntax(err)
	}
	if node == nil {
		return nil, nil //nolint:nilnil // an empty document is no mistake
	}
	w := walk{chunk: c, anchored: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	if _, err := w.measure(node, 0); err != nil {
		return nil, err
	}
	return node, nil
}

func (c chunk) parse() (*yaml.Node, error) {
	var root yaml.Node
	data := c.data
	if c.json {
		data = spaces(data)
	}
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err //nolint:wrapcheck // the caller takes its words apart to find the line
	}
	if len(root.Content) == 0 {
		return nil, nil //nolint:nilnil // see node
	}
	return root.Content[0], nil
}

// strict looks for duplicate keys in JSON without positions.
func (c chunk) strict() error {
	var v any
	mistakes, err := sigsjson.UnmarshalStrict(c.data, &v)
	if err != nil {
		return c.fail(1, "not readable: "+err.Error())
	}
	if len(mistakes) > 0 {
		return c.fail(1, mistakes[0].Error())
	}
	return nil
}

// at turns a line of the chunk into one of the file.
func (c chunk) at(line int) int { return c.line + max(line, 1) - 1 }

func (c chunk) fail(line int, text string) error {
	return &Error{File: c.file, Line: c.at(line), Text: text}
}

// syntax makes one line of a parser's error.
func (c chunk) syntax(err error) error {
	text := strings.ReplaceAll(err.Error(), "error converting YAML to JSON: ", "")
	text = strings.TrimPrefix(text, "yaml: ")
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "unmarshal errors:\n  "), "\n")
	line := 1
	if _, scanErr := fmt.Sscanf(text, "line %d:", &line); scanErr == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	if strings.Contains(text, "cannot start any token") {
		text += " (if it is a tab: YAML is indented with spaces)"
	}
	return c.fail(line, "not YAML: "+text)
}

func lineOf(n *yaml.Node) int {
	if n == nil {
		return 1
	}
	return n.Line
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		if r := []rune(v); len(r) > 40 {
			v = string(r[:39]) + "…"
		}
		return fmt.Sprintf("the text %q", v)
	}
	return fmt.Sprintf("%v", v)
}
