package testbed

import (
	"os"
	"strings"
	"testing"
)

// DocSection holds a part of a page of docs against what the code says. It stands behind
// a line "<!-- name … -->" and ends before "<!-- end -->". With update it is written anew.
func DocSection(t testing.TB, path, name, text string, update bool) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), "<!-- "+name+" ")
	mark, rest, marked := strings.Cut(rest, "-->\n")
	is, tail, ends := strings.Cut(rest, "<!-- end -->")
	if !found || !marked || !ends {
		t.Fatalf("%s has no section %s", path, name)
	}
	if is == text {
		return
	}
	if !update {
		t.Errorf("%s: section %s says\n%s\nbut it should say\n%s\nRun the test with -update.", path, name, is, text)
		return
	}
	if err := os.WriteFile(path, []byte(head+"<!-- "+name+" "+mark+"-->\n"+text+"<!-- end -->"+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
