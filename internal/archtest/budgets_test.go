package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// The budgets: what is larger has a second thing in it that wants a place of its own.
const (
	maxFileLines       = 400
	maxFunctionLines   = 80
	maxPackageFiles    = 12
	maxInterfaceMethod = 4
)

// clocks are the functions of package time that read the clock or wait for it.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

func TestFilesAndFunctionsAreSmall(t *testing.T) {
	var findings []string
	files := map[string]int{}
	for _, file := range everyFile(t) {
		if file.test || file.generated {
			continue
		}
		files[path.Dir(file.path)]++
		if file.lines > maxFileLines {
			findings = append(findings, fmt.Sprintf("%s has %d lines; at most %d", file.path, file.lines, maxFileLines))
		}
		for _, function := range functions(file) {
			first := file.positions.Position(function.Pos()).Line
			last := file.positions.Position(function.End()).Line
			if lines := last - first + 1; lines > maxFunctionLines {
				findings = append(findings, fmt.Sprintf("%s: %s has %d lines; at most %d", file.line(function.Pos()), function.Name.Name, lines, maxFunctionLines))
			}
		}
	}
	for folder, count := range files {
		if count > maxPackageFiles {
			findings = append(findings, fmt.Sprintf("%s has %d files; at most %d", folder, count, maxPackageFiles))
		}
	}
	report(t, findings)
}

func TestInterfacesAreSmall(t *testing.T) {
	var findings []string
	for _, file := range everyFile(t) {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if found, ok := node.(*ast.InterfaceType); ok && found.Methods.NumFields() > maxInterfaceMethod {
				findings = append(findings, fmt.Sprintf("%s: an interface of %d methods; at most %d", file.line(node.Pos()), found.Methods.NumFields(), maxInterfaceMethod))
			}
			return true
		})
	}
	report(t, findings)
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	described := map[string]bool{}
	for _, file := range everyFile(t) {
		if file.test || ignored(file) {
			continue
		}
		folder := path.Dir(file.path)
		start := "Package " + file.syntax.Name.Name + " "
		if file.syntax.Name.Name == "main" {
			start = "Command "
		}
		described[folder] = described[folder] || strings.HasPrefix(file.syntax.Doc.Text(), start)
	}
	var findings []string
	for folder, ok := range described {
		if !ok {
			findings = append(findings, folder+` has no package comment ("Package x …", for a program "Command x …")`)
		}
	}
	report(t, findings)
}

// What happens before main cannot be passed anything, and nobody sees it happen.
func TestNothingHappensBeforeMain(t *testing.T) {
	var findings []string
	for _, file := range everyFile(t) {
		for _, function := range functions(file) {
			if function.Name.Name == "init" && function.Recv == nil {
				findings = append(findings, file.line(function.Pos())+": init()")
			}
		}
	}
	report(t, findings)
}

// Facts and judgement are given the time: the same input gives the same answer at any hour.
func TestPureRoomsReadNoClock(t *testing.T) {
	var findings []string
	for _, file := range mainModule(t) {
		if !rooms[file.room()].pure || file.test {
			continue
		}
		for _, used := range selectors(file, "time") {
			if slices.Contains(clocks, used.Sel.Name) {
				findings = append(findings, file.line(used.Pos())+": time."+used.Sel.Name+" in "+file.room()+"; take the time as an argument")
			}
		}
	}
	report(t, findings)
}

// A program ends in one place, main, and speaks through the streams that it was given.
func TestOnlyMainEndsAndOnlyGivenStreamsSpeak(t *testing.T) {
	forbidden := map[string][]string{
		"os":  {"Exit", "Stdin", "Stdout", "Stderr"},
		"log": {"Fatal", "Fatalf", "Fatalln", "Print", "Printf", "Println"},
		"fmt": {"Print", "Printf", "Println"},
	}
	var findings []string
	for _, file := range mainModule(t) {
		if file.test || file.room() == "cmd" {
			continue
		}
		for from, names := range forbidden {
			for _, used := range selectors(file, from) {
				if slices.Contains(names, used.Sel.Name) {
					findings = append(findings, file.line(used.Pos())+": "+from+"."+used.Sel.Name+" belongs to cmd/; take a stream, return an error")
				}
			}
		}
	}
	report(t, findings)
}

func everyFile(t *testing.T) []*sourceFile {
	t.Helper()
	return append(mainModule(t), localModule(t)...)
}

func functions(file *sourceFile) []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, declaration := range file.syntax.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			found = append(found, function)
		}
	}
	return found
}

// selectors returns the uses of an imported package's names, under whatever name it is imported.
func selectors(file *sourceFile, imported string) []*ast.SelectorExpr {
	var local []string
	for _, spec := range file.syntax.Imports {
		if spec.Path.Value != `"`+imported+`"` {
			continue
		}
		if spec.Name != nil {
			local = append(local, spec.Name.Name)
		} else {
			local = append(local, path.Base(imported))
		}
	}
	var found []*ast.SelectorExpr
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		used, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if name, ok := used.X.(*ast.Ident); ok && slices.Contains(local, name.Name) {
			found = append(found, used)
		}
		return true
	})
	return found
}
