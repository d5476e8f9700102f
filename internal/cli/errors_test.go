package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// room is one package with codes and the numbers that are its own.
type room struct {
	folder, title string
	first, last   int
}

// rooms are in the order of the page; the first that fits a folder counts.
var rooms = []room{
	{"script", "The text of a script", 1000, 1199},
	{"plan", "What a script asks for", 2000, 2999},
	{"mysql/ddl", "The source: schema changes", 3400, 3499},
	{"mysql/cells", "The source: values", 3500, 3599},
	{"mysql", "The source", 3000, 3999},
	{"starrocks", "The target", 4000, 4999},
	{"ferry", "The running ferry", 5000, 5099},
	{"checkpoint", "The state directory", 6000, 6099},
	{"cli", "The command line", 7000, 7099},
	{"deploy", "The command line", 7000, 7099},
	{"control", "Asking a running deployment", 7100, 7199},
}

type declared struct {
	code, meaning string
	number        int
	room          int
	place         string
}

// TestErrorsPage keeps docs/errors.md in step with the codes that the packages
// declare: run it with -update after a change.
func TestErrorsPage(t *testing.T) {
	t.Parallel()
	codes := declaredCodes(t)
	byCode := map[string]declared{}
	for _, c := range codes {
		if before, twice := byCode[c.code]; twice {
			t.Errorf("%s is declared at %s and at %s", c.code, before.place, c.place)
		}
		byCode[c.code] = c
		if r := rooms[c.room]; c.number < r.first || c.number > r.last {
			t.Errorf("%s: %s is not between SF%d and SF%d", c.place, c.code, r.first, r.last)
		}
		if c.meaning == "" {
			t.Errorf("%s: %s has no comment that says what it means", c.place, c.code)
		}
	}
	slices.SortFunc(codes, func(a, b declared) int { return strings.Compare(a.code, b.code) })
	var page strings.Builder
	page.WriteString("# Error codes\n\nA code never changes its meaning. Every error that carries one names the object it speaks of and,\n" +
		"behind `To fix:`, what helps.\n" +
		"This page is made from the constants of the program: `go test ./internal/cli -update` writes it.\n")
	title := ""
	for _, c := range codes {
		if next := rooms[c.room].title; next != title {
			title = next
			fmt.Fprintf(&page, "\n## %s\n\n| code | meaning |\n|---|---|\n", title)
		}
		fmt.Fprintf(&page, "| %s | %s |\n", c.code, strings.ReplaceAll(c.meaning, "|", `\|`))
	}
	golden(t, filepath.Join("..", "..", "docs", "errors.md"), page.String())
}

// declaredCodes reads the constants of all codes.go.
func declaredCodes(t *testing.T) []declared {
	t.Helper()
	var codes []declared
	files := token.NewFileSet()
	eachSource(t, func(path string) {
		if filepath.Base(path) != "codes.go" {
			return
		}
		parsed, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), filepath.Clean("..")+string(filepath.Separator)))
		home := slices.IndexFunc(rooms, func(r room) bool { return folder == r.folder || strings.HasPrefix(folder, r.folder+"/") })
		if home < 0 {
			t.Errorf("%s: no codes are set apart for %s", path, folder)
			return
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok || len(value.Values) != 1 {
				return true
			}
			literal, ok := value.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			code, err := strconv.Unquote(literal.Value)
			if err != nil || !codeForm.MatchString(code) {
				t.Errorf("%s: %s is no code", files.Position(literal.Pos()), literal.Value)
				return true
			}
			number, err := strconv.Atoi(code[2:])
			if err != nil {
				t.Fatal(err)
			}
			meaning := value.Comment.Text()
			if meaning == "" {
				meaning = value.Doc.Text()
			}
			codes = append(codes, declared{
				code: code, number: number, room: home, place: files.Position(value.Pos()).String(),
				meaning: meaningOf(meaning),
			})
			return true
		})
	})
	if len(codes) == 0 {
		t.Fatal("no codes found")
	}
	return codes
}

// meaningOf is a comment as one phrase: with or without the constant's name before
// it and a full stop behind.
func meaningOf(comment string) string {
	phrase := strings.Join(strings.Fields(comment), " ")
	return strings.TrimSuffix(constantName.ReplaceAllString(phrase, ""), ".")
}

var constantName = regexp.MustCompile(`^[Cc]ode\w+:? (?:means |is )?`)

var codeForm = regexp.MustCompile(`^SF\d{4}$`)

// TestCodesAreWrittenOnce finds codes that are used without being declared.
func TestCodesAreWrittenOnce(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	eachSource(t, func(path string) {
		if filepath.Base(path) == "codes.go" || strings.HasSuffix(path, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && codeForm.MatchString(text) {
					t.Errorf("%s: %s belongs into codes.go", files.Position(literal.Pos()), text)
				}
			}
			return true
		})
	})
}

// eachSource visits all Go files of the internal packages.
func eachSource(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".go"):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
