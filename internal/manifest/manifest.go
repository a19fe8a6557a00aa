// Package manifest turns the bytes of manifests into objects that remember where they stand: YAML of
// several documents, JSON, and lists.
//
// It knows nothing of a cluster or of what the objects mean, and reads nothing but what it is given:
// hostile files (bombs of aliases, deep nesting, duplicate keys) end in one clear line, in bounded
// time and memory.
package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The limits on what is read. No API server takes an object over 3 MiB.
const (
	maxBytes     = 10 << 20 // of all files
	maxDocuments = 1000     // objects in all files
	maxDocument  = 3 << 20  // bytes of a document
	maxDepth     = 100      // of nesting
	maxNodes     = 150_000  // values in a document, aliases resolved
	maxAllNodes  = 400_000  // values in all files
)

// Document is an object and where it was read.
type Document struct {
	Object *unstructured.Unstructured
	// File and Start, its first line, are where it was found.
	File  string
	Start int

	source chunk
	item   int // index in the list that it came in, -1 outside of one
}

// Error is a mistake in a file, or the lack of the file.
type Error struct {
	File string
	// Line is 0 where no line is to blame.
	Line int
	Text string
	// Err is the cause, where there is one.
	Err error
}

// Error returns one line, "test.yaml:3: …".
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Text)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Open reads the file at a path, or standard input where the path is "-".
func Open(path string, stdin io.Reader) ([]Document, error) {
	return new(reading).open(path, stdin)
}

// Read reads all objects of a file; name is what its errors call it.
func Read(name string, r io.Reader) ([]Document, error) { return new(reading).read(name, r) }

// reading is what has been read so far of one command's files: the limits hold for all of them together.
type reading struct {
	bytes, marks, documents int
	before                  string // "" for the first file; after it what a limit's text begins with
}

func (r *reading) open(path string, stdin io.Reader) ([]Document, error) {
	if path == "-" {
		return r.read("stdin", stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	return r.read(path, file)
}

func (r *reading) read(name string, from io.Reader) ([]Document, error) {
	data, err := io.ReadAll(io.LimitReader(from, int64(maxBytes-r.bytes)+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	whole := chunk{data: data}
	r.bytes += len(data)
	r.marks += whole.marks()
	switch {
	case r.bytes > maxBytes:
		return nil, &Error{File: name, Text: fmt.Sprintf("%slarger than %d MiB: give it in parts", r.before, maxBytes>>20)}
	case r.marks > maxAllNodes:
		return nil, &Error{File: name, Text: fmt.Sprintf("%smore than %d values: give it in parts", r.before, maxAllNodes)}
	}
	var documents []Document
	for _, c := range split(name, data) {
		found, err := c.documents()
		if err != nil {
			return nil, err
		}
		documents = append(documents, found...)
		if r.documents+len(documents) > maxDocuments {
			return nil, &Error{File: name, Line: c.line, Text: fmt.Sprintf("%smore than %d objects: give them in parts", r.before, maxDocuments)}
		}
	}
	r.documents += len(documents)
	r.before = "together with the files before it "
	if len(documents) == 0 {
		return nil, &Error{File: name, Text: "holds no objects", Err: errNothing}
	}
	return documents, nil
}

// errNothing says that a file is in order but holds no objects.
var errNothing = errors.New("no objects")

func unreadable(path string, err error) error {
	text := fmt.Sprintf("cannot be read: %v", err)
	var cause *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = "no such file"
	case errors.Is(err, fs.ErrPermission):
		text = "no permission to read it"
	case errors.As(err, &cause):
		text = fmt.Sprintf("cannot be read: %v", cause.Err)
	}
	return &Error{File: path, Text: text, Err: err}
}
