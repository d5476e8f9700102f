package testbed

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDocSections(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("# Page\n<!-- a from here -->\nold\n<!-- end -->\n<!-- b -->\nstays\n<!-- end -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	DocSection(t, path, "a", "new\n", true)
	DocSection(t, path, "a", "new\n", false)
	DocSection(t, path, "b", "stays\n", false)
	page, err := os.ReadFile(path)
	if err != nil || string(page) != "# Page\n<!-- a from here -->\nnew\n<!-- end -->\n<!-- b -->\nstays\n<!-- end -->\n" {
		t.Errorf("%v\n%s", err, page)
	}
}
