package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Line returns the line of a field in the file. The path is in the API server's syntax,
// "spec.predictors[0].name"; a field that is not there has the line of the nearest one around it
// that is, and false.
func (d Document) Line(path string) (int, bool) { return d.Lines()(path) }

// Lines returns Line for many paths: the document is taken apart once.
func (d Document) Lines() func(path string) (int, bool) {
	parsed := sync.OnceValues(d.source.parse)
	return func(path string) (int, bool) {
		node, err := parsed()
		return d.lineIn(node, err, path)
	}
}

func (d Document) lineIn(node *yaml.Node, err error, path string) (int, bool) {
	if err != nil || node == nil {
		return d.Start, false
	}
	line := node.Line
	if d.item >= 0 {
		item := itemAt(node, d.item)
		if item == nil {
			return d.Start, false
		}
		line, node = item.Line, resolve(item)
	}
	rest := strings.TrimPrefix(path, ".")
	for rest != "" {
		var at, next *yaml.Node
		if at, next, rest = follow(node, rest); next == nil {
			return d.source.at(line), false
		}
		line, node = at.Line, resolve(next)
	}
	return d.source.at(line), true
}

// itemAt returns an item of a list as it stands there, or nil.
func itemAt(list *yaml.Node, index int) *yaml.Node {
	items := valueOf(list, "items")
	if items == nil || index >= len(items.Content) {
		return nil
	}
	return items.Content[index]
}

// Position returns where a field, or the nearest one around it, stands: "test.yaml:12".
func (d Document) Position(path string) string { return fmt.Sprintf("%s:%d", d.File, d.nearest(path)) }

func (d Document) nearest(path string) int {
	line, _ := d.Line(path)
	return line
}

// follow takes the first step of a path: the node whose line is meant, the value there, and the rest
// of the path. The value is nil where the step leads nowhere.
func follow(n *yaml.Node, path string) (at, value *yaml.Node, rest string) {
	if inside, after, ok := bracket(path); ok {
		rest = strings.TrimPrefix(after, ".")
		if n.Kind == yaml.MappingNode {
			if key := keyOf(n, inside); key != nil {
				return key, valueOf(n, inside), rest
			}
			return nil, nil, ""
		}
		i, err := strconv.Atoi(inside)
		if err != nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
			return nil, nil, ""
		}
		return n.Content[i], n.Content[i], rest
	}
	// Keys may hold dots themselves: the longest one that fits is meant.
	best := ""
	for _, key := range keys(n, 0) {
		if after, ok := strings.CutPrefix(path, key.Value); ok && len(key.Value) > len(best) &&
			(after == "" || after[0] == '.' || after[0] == '[') {
			at, best = key, key.Value
		}
	}
	if at == nil {
		return nil, nil, ""
	}
	return at, valueOf(n, best), strings.TrimPrefix(path[len(best):], ".")
}

// bracket splits a path that begins with "[…]".
func bracket(path string) (inside, after string, ok bool) {
	if !strings.HasPrefix(path, "[") {
		return "", "", false
	}
	inside, after, ok = strings.Cut(path[1:], "]")
	return strings.Trim(inside, `"'`), after, ok
}

// keys returns the keys of a mapping, those that it merges in included, its own first.
func keys(n *yaml.Node, depth int) []*yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	var own, merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			own = append(own, n.Content[i])
			continue
		}
		for _, from := range sources(n.Content[i+1]) {
			merged = append(merged, keys(from, depth+1)...)
		}
	}
	return append(own, merged...)
}

// sources returns the mappings that a merge key takes in.
func sources(n *yaml.Node) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	var all []*yaml.Node
	for _, each := range n.Content {
		all = append(all, resolve(each))
	}
	return all
}

func keyOf(n *yaml.Node, name string) *yaml.Node {
	for _, key := range keys(n, 0) {
		if key.Value == name {
			return key
		}
	}
	return nil
}

// valueOf returns the value of a key, looked up as keys does; nil where there is none.
func valueOf(n *yaml.Node, name string) *yaml.Node { return valueIn(n, name, 0) }

func valueIn(n *yaml.Node, name string, depth int) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name && name != "<<" {
			return resolve(n.Content[i+1])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			continue
		}
		for _, from := range sources(n.Content[i+1]) {
			if found := valueIn(from, name, depth+1); found != nil {
				return found
			}
		}
	}
	return nil
}

// resolve returns the node that an alias stands for, or the node itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}
