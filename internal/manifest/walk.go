package manifest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// walk measures a tree of nodes without following an alias twice.
type walk struct {
	chunk    chunk
	anchored map[*yaml.Node]extent
	open     map[*yaml.Node]bool // nodes whose measuring has begun
}

// extent is how many values a node stands for and how deep they nest, aliases resolved.
type extent struct{ values, depth int }

// measure refuses nodes that are too large or too deep, hold themselves, or have a key twice.
func (w walk) measure(n *yaml.Node, depth int) (extent, error) {
	whole := extent{values: 1}
	if n.Kind == yaml.AliasNode {
		if w.open[n.Alias] {
			return whole, w.chunk.fail(n.Line, fmt.Sprintf("the anchor %q holds itself", n.Value))
		}
		whole = w.anchored[n.Alias]
	}
	if depth+whole.depth > maxDepth {
		return whole, w.chunk.fail(n.Line, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	w.open[n] = true
	defer delete(w.open, n)
	if n.Kind == yaml.MappingNode {
		if err := w.unique(n); err != nil {
			return whole, err
		}
	}
	for _, child := range n.Content {
		part, err := w.measure(child, depth+1)
		if err != nil {
			return whole, err
		}
		whole.depth = max(whole.depth, part.depth+1)
		if whole.values += part.values; whole.values > maxNodes {
			return whole, w.chunk.fail(n.Line, fmt.Sprintf("an object of more than %d values, aliases counted", maxNodes))
		}
	}
	if n.Anchor != "" {
		w.anchored[n] = whole
	}
	return whole, nil
}

// unique refuses a mapping that has a key twice.
func (w walk) unique(n *yaml.Node) error {
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return w.chunk.fail(key.Line, "a key that is not a plain word")
		}
		if first, twice := lines[key.Value]; twice {
			return w.chunk.fail(key.Line, fmt.Sprintf("the key %q is there twice, first on line %d", key.Value, w.chunk.at(first)))
		}
		lines[key.Value] = key.Line
	}
	return nil
}

// marks counts the characters of the text that could begin a value: a bound on what parsing it can cost.
func (c chunk) marks() int {
	n := 0
	for _, mark := range []string{"\n", ",", "[", "{", "- "} {
		n += bytes.Count(c.data, []byte(mark))
	}
	return n
}

// tooDeep returns the line on which brackets, block lists on one line or indentation could be
// nested deeper than the limit, long before a parser would give up; 0 where none is.
func (c chunk) tooDeep() int {
	depth, line := 0, 1
	for _, b := range c.data {
		switch b {
		case '\n':
			line++
		case '[', '{':
			if depth++; depth > 10*maxDepth {
				return line // Even as text in a string: no honest object has so many.
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return 0
}

// spaces returns JSON with its tabs, which only ever stand between values, as spaces: the YAML
// parser does not take them.
func spaces(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\t"), []byte(" ")) }
