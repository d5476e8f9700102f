package script

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/diag"
)

var update = flag.Bool("update", false, "write what is printed now into the golden files")

const divider = "\n----------\n"

// TestGolden parses the part of each file before the dashes and compares the tree
// and the findings with the part after them.
func TestGolden(t *testing.T) {
	if !*update { // other tests read the files
		t.Parallel()
	}
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".golden"), func(t *testing.T) {
			if !*update {
				t.Parallel()
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(data), divider)
			var b strings.Builder
			s, findings := Parse(&diag.File{Name: "x.sql", Text: input})
			b.WriteString(dump(s))
			for _, f := range findings {
				f.Print(&b)
			}
			if *update {
				if err := os.WriteFile(path, []byte(input+divider+b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if b.String() != want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}
