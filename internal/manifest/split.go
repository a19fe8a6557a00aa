package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// chunk is the text of one document.
type chunk struct {
	file string
	line int // of its first byte, from 1
	data []byte
	json bool
}

// split cuts a file into its documents; those that hold nothing but comments are left out.
func split(file string, data []byte) []chunk {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if chunks, ok := splitJSON(file, data); ok {
		return chunks
	}
	var chunks []chunk
	start, startLine, line := 0, 1, 1
	cut := func(end int) {
		if c := (chunk{file: file, line: startLine, data: data[start:end]}); !c.empty() {
			chunks = append(chunks, c)
		}
		start, startLine = end, line
	}
	for at := 0; at < len(data); line++ {
		next := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		switch text := bytes.TrimRight(data[at:next], "\r\n"); {
		case marks(text, "---"):
			cut(at)
		case marks(text, "..."):
			cut(at)
			start, startLine = next, line+1
		}
		at = next
	}
	cut(len(data))
	return chunks
}

// marks reports whether a line is the mark of a document's start or end.
func marks(line []byte, mark string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(mark))
	return ok && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t')
}

// splitJSON cuts a file of JSON values; ok is false where it is something else.
func splitJSON(file string, data []byte) (chunks []chunk, ok bool) {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	line, counted := 1, 0
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return chunks, true
		}
		if err != nil {
			return nil, false
		}
		start := int(d.InputOffset()) - len(raw)
		line += bytes.Count(data[counted:start], []byte("\n"))
		counted = start
		chunks = append(chunks, chunk{file: file, line: line, data: raw, json: true})
		if len(chunks) > maxDocuments {
			return chunks, true
		}
	}
}

// empty reports whether the document holds only blanks, comments, directives and marks.
func (c chunk) empty() bool {
	for line := range bytes.Lines(c.data) {
		text := bytes.TrimSpace(line)
		if marks(text, "---") {
			text = bytes.TrimSpace(text[3:])
		}
		if len(text) > 0 && text[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}
