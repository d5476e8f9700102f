package crashpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPointsAreWhereTheListSays: the list is what the tests of the whole walk.
func TestPointsAreWhereTheListSays(t *testing.T) {
	t.Parallel()
	listed := map[Point]bool{}
	for _, p := range Points {
		if listed[p] {
			t.Errorf("%s is listed twice", p.Name)
		}
		listed[p] = true
	}
	called := calls(t)
	for p, times := range called {
		switch {
		case !listed[p]:
			t.Errorf("Here(%q) in %s is not in the list", p.Name, p.Where)
		case times > 1:
			t.Errorf("Here(%q) is called %d times: a crash there would not say where", p.Name, times)
		}
	}
	for p := range maps.Keys(listed) {
		if called[p] == 0 {
			t.Errorf("%s is not called in %s", p.Name, p.Where)
		}
	}
}

// calls finds every call of Here outside of tests.
func calls(t *testing.T) map[Point]int {
	t.Helper()
	found := map[Point]int{}
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok {
				continue
			}
			for _, name := range namesIn(function) {
				found[Point{name, room + ": " + function.Name.Name}]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// namesIn are the names of the points of one function.
func namesIn(function *ast.FuncDecl) (names []string) {
	ast.Inspect(function, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Here" {
			return true
		}
		if of, ok := selector.X.(*ast.Ident); !ok || of.Name != "crashpoint" {
			return true
		}
		name := "not a literal"
		if literal, ok := call.Args[0].(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				name = text
			}
		}
		names = append(names, name)
		return true
	})
	return slices.Clip(names)
}
