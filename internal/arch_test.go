// Package internal_test holds the rules of the house that the compiler does not know.
package internal_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module           = "starferry"
	maxFileLines     = 600
	maxFunctionLines = 70
)

// mayImport names, per room, the rooms of ours that it may import. A room (with the
// folders below it, which may import one another) that is not listed fails the test:
// whoever adds a room says here where it stands.
var mayImport = map[string][]string{
	"change":     {},
	"diag":       {},
	"crashpoint": {},
	"script":     {"diag"},
	"expression": {"change", "diag"},
	"plan":       {"script", "change", "diag", "expression"},
	"checkpoint": {"change", "crashpoint", "diag"},
	"ferry":      {"change", "checkpoint", "crashpoint", "diag"},
	"mysql":      {"change", "diag", "ferry"},
	"starrocks":  {"change", "checkpoint", "crashpoint", "diag", "expression", "ferry"},
	"control":    {"change", "checkpoint", "diag", "ferry"},
	"deploy":     {"change", "diag", "expression", "script", "plan", "checkpoint", "ferry", "mysql", "starrocks", "control"},
	"emulator":   {},
	"cli":        {"change", "diag", "script", "plan", "checkpoint", "ferry", "mysql", "starrocks", "control", "deploy", "emulator"},
	"testbed":    {"emulator"},
	"endtoend":   {}, // tests only
	"cmd":        {"cli"},
	"scripts":    {"testbed", "mysql"}, // mysql/packets: the bare reader of a benchmark
}

// testsMayAlsoImport is what tests may import wherever they stand: the databases to
// test against. It does not let a room see its neighbours.
var testsMayAlsoImport = []string{"testbed"}

// endToEnd are the rooms whose tests may drive any other room. The emulator is never
// one: were it tested with the client that it is to judge, one wrong belief would
// pass on both sides.
var endToEnd = []string{"endtoend", "cli", "deploy", "mysql", "starrocks", "testbed"}

// leaves import nothing but the standard library.
var leaves = []string{"change", "crashpoint", "diag"}

// nondescript are names that say nothing, so that everything ends up under them.
var nondescript = []string{"util", "utils", "common", "helper", "helpers", "types", "model", "models", "misc", "shared", "base"}

// tooLong lists files ("internal/x/y.go") and functions ("internal/x/y.go: Name")
// that are longer than allowed. It is empty and should stay so.
var tooLong = []string{}

type pack struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// room is the first folder below internal, or the top one elsewhere.
func room(importPath string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(importPath, module+"/"), "internal/")
	name, _, _ := strings.Cut(path, "/")
	return name
}

func isOurs(importPath string) bool { return strings.HasPrefix(importPath, module+"/") }

func isStandard(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(host, ".") && !isOurs(importPath)
}

func packages(t *testing.T) []pack {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,GoFiles,Imports,TestImports,XTestImports", module+"/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("listing the packages: %v", err)
	}
	var all []pack
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p pack
		if err := decoder.Decode(&p); err != nil {
			t.Fatalf("listing the packages: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(all))
	}
	return all
}

func TestImportsPointDownwards(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, complaint := range wrongImports(p) {
			t.Error(complaint)
		}
	}
}

// wrongImports names the imports of a package that the rules forbid.
func wrongImports(p pack) []string {
	own := room(p.ImportPath)
	allowed, known := mayImport[own]
	if !known && own != "internal" {
		return []string{fmt.Sprintf("%s: the room %s is not in the table of this test; add where it stands", p.ImportPath, own)}
	}
	var wrong []string
	complain := func(imported, why string) {
		wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imported, why))
	}
	for _, imported := range p.Imports {
		switch {
		case slices.Contains(leaves, own) && !isStandard(imported):
			complain(imported, "a leaf imports the standard library alone")
		case isOurs(imported) && room(imported) != own && !slices.Contains(allowed, room(imported)):
			complain(imported, fmt.Sprintf("%s may import %v", own, allowed))
		}
	}
	for _, imported := range append(slices.Clone(p.TestImports), p.XTestImports...) {
		if isOurs(imported) && !testMayImport(own, room(imported), allowed) {
			complain(imported, fmt.Sprintf("tests of %s may import %v and %v", own, allowed, testsMayAlsoImport))
		}
	}
	return wrong
}

func testMayImport(own, imported string, allowed []string) bool {
	if imported == own || slices.Contains(allowed, imported) || slices.Contains(testsMayAlsoImport, imported) {
		return true
	}
	return slices.Contains(endToEnd, own)
}

func TestWrongImportsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		pack pack
		ok   bool
	}{
		{"a leaf with a library", pack{ImportPath: "starferry/internal/diag", Imports: []string{"github.com/x/y"}}, false},
		{"a leaf with the standard library", pack{ImportPath: "starferry/internal/diag", Imports: []string{"encoding/json"}}, true},
		{"the loop sees the source", pack{ImportPath: "starferry/internal/ferry", Imports: []string{"starferry/internal/mysql"}}, false},
		{"the loop's test sees the source", pack{ImportPath: "starferry/internal/ferry", TestImports: []string{"starferry/internal/mysql"}}, false},
		{"a folder below a room", pack{ImportPath: "starferry/internal/mysql/ddl", Imports: []string{"starferry/internal/emulator"}}, false},
		{"folders of one room", pack{ImportPath: "starferry/internal/mysql", Imports: []string{"starferry/internal/mysql/ddl"}}, true},
		{"the double sees ours", pack{ImportPath: "starferry/internal/emulator", Imports: []string{"starferry/internal/diag"}}, false},
		{"the double's test sees ours", pack{ImportPath: "starferry/internal/emulator", XTestImports: []string{"starferry/internal/starrocks"}}, false},
		{"the client's test sees the double", pack{ImportPath: "starferry/internal/starrocks", TestImports: []string{"starferry/internal/emulator"}}, true},
		{"the client sees the double", pack{ImportPath: "starferry/internal/starrocks", Imports: []string{"starferry/internal/emulator"}}, false},
		{"the product sees the testbed", pack{ImportPath: "starferry/internal/cli", Imports: []string{"starferry/internal/testbed"}}, false},
		{"a test sees the testbed", pack{ImportPath: "starferry/internal/mysql", TestImports: []string{"starferry/internal/testbed"}}, true},
		{"a script sees the testbed", pack{ImportPath: "starferry/scripts/demo", Imports: []string{"starferry/internal/testbed"}}, true},
		{"a room nobody has placed", pack{ImportPath: "starferry/internal/new"}, false},
	} {
		if got := wrongImports(c.pack); (len(got) == 0) != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestPackagesHaveTellingNames(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if slices.Contains(nondescript, p.Name) || slices.Contains(nondescript, filepath.Base(p.ImportPath)) {
			t.Errorf("%s: the name says nothing of what the package is about", p.ImportPath)
		}
	}
}

func TestFilesAndFunctionsFitAScreen(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
			if err != nil {
				t.Errorf("reading %s: %v", path, err)
				continue
			}
			place := strings.TrimPrefix(p.ImportPath, module+"/") + "/" + name
			for _, complaint := range longParts(files, parsed, place) {
				t.Error(complaint)
			}
		}
	}
}

func longParts(files *token.FileSet, file *ast.File, place string) []string {
	var long []string
	note := func(what string, lines, limit int) {
		if lines > limit && !slices.Contains(tooLong, what) {
			long = append(long, fmt.Sprintf("%s has %d lines, at most %d are allowed", what, lines, limit))
		}
	}
	note(place, files.File(file.FileStart).LineCount(), maxFileLines)
	ast.Inspect(file, func(node ast.Node) bool {
		if f, ok := node.(*ast.FuncDecl); ok {
			note(place+": "+f.Name.Name, files.Position(f.End()).Line-files.Position(f.Pos()).Line+1, maxFunctionLines)
		}
		return true
	})
	return long
}

func TestLongPartsAreFound(t *testing.T) {
	t.Parallel()
	for lines, want := range map[int]int{maxFunctionLines - 2: 0, maxFunctionLines - 1: 1, maxFileLines: 2} {
		files := token.NewFileSet()
		source := "package p\n\nfunc long() {\n" + strings.Repeat("\t_ = 1\n", lines) + "}\n"
		file, err := parser.ParseFile(files, "p.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := longParts(files, file, "p/p.go"); len(got) != want {
			t.Errorf("%d statements: %v", lines, got)
		}
	}
}
