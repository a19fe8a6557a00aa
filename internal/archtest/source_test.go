package archtest

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/seldonctl/seldonctl"

// sourceFile is one parsed Go file.
type sourceFile struct {
	// path is the file's place in the repository, with slashes.
	path string
	// test says that it is a test file.
	test bool
	// generated says that a program wrote it, so that its size is nobody's choice.
	generated bool
	lines     int
	syntax    *ast.File
	positions *token.FileSet
}

// room returns the file's room: the folder below internal/ that holds it, or "cmd" or "test".
func (f *sourceFile) room() string {
	parts := strings.Split(f.path, "/")
	if parts[0] == "internal" {
		return parts[1]
	}
	return parts[0]
}

// imports returns the paths that the file imports.
func (f *sourceFile) imports() []string {
	paths := make([]string, 0, len(f.syntax.Imports))
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, name)
		}
	}
	return paths
}

// line returns the place of a node as "file:line".
func (f *sourceFile) line(at token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.positions.Position(at).Line)
}

// mainModule returns the files of the main module, localModule those of the embedded cluster's.
func mainModule(t *testing.T) []*sourceFile {
	t.Helper()
	return slices.Concat(parse(t, "internal"), parse(t, "cmd"), parse(t, "test"))
}

func localModule(t *testing.T) []*sourceFile {
	t.Helper()
	return parse(t, "local")
}

// parse reads every Go file below a folder of the repository, whatever its build constraints.
func parse(t *testing.T, folder string) []*sourceFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []*sourceFile
	walk := func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "vendor"):
			return filepath.SkipDir
		case entry.IsDir() || path.Ext(entry.Name()) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		positions := token.NewFileSet()
		syntax, err := parser.ParseFile(positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files = append(files, &sourceFile{
			path:      filepath.ToSlash(relative),
			test:      strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(syntax),
			lines:     strings.Count(string(text), "\n"),
			syntax:    syntax,
			positions: positions,
		})
		return nil
	}
	if err := filepath.WalkDir(filepath.Join(root, folder), walk); err != nil {
		t.Fatalf("read the Go files below %s: %v", folder, err)
	}
	if len(files) == 0 {
		t.Fatalf("there are no Go files below %s: the test looks in the wrong place", folder)
	}
	return files
}

// ignored reports whether a build constraint keeps the file out of every build ("//go:build ignore").
func ignored(f *sourceFile) bool {
	for _, group := range f.syntax.Comments {
		for _, comment := range group.List {
			expression, err := constraint.Parse(comment.Text)
			if err == nil && !expression.Eval(func(tag string) bool { return tag != "ignore" }) &&
				strings.Contains(comment.Text, "ignore") {
				return true
			}
		}
	}
	return false
}

// report fails the test with one line per finding, in a stable order, each once.
func report(t *testing.T, findings []string) {
	t.Helper()
	slices.Sort(findings)
	for _, finding := range slices.Compact(findings) {
		t.Error(finding)
	}
}
