package cli

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"starferry/internal/diag"
)

// TestProfiles: what benchmarks and "go tool pprof" read is there, what may hold a secret
// is not, and a port that is taken is a clear answer.
func TestProfiles(t *testing.T) {
	t.Parallel()
	said := &buffer{}
	a := &app{Stdio: Stdio{Err: said}}
	stop, err := a.servesProfiles("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://\S+/debug/pprof/`).FindString(said.String())
	for path, want := range map[string]string{"": "goroutine", "heap?debug=1": "# Mallocs = ", "../memstats": `"Mallocs":`, "profile?seconds=0.1": "", "cmdline": "404"} {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(path, err)
		}
		body, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil || len(body) == 0 || !strings.Contains(string(body), want) || (res.StatusCode == http.StatusOK) != (path != "cmdline") {
			t.Errorf("%s: %s, %v: %.100q", path, res.Status, err, body)
		}
	}
	_, err = a.servesProfiles(strings.Split(url, "/")[2])
	if p := diag.Find(err); p == nil || p.Code != CodeProfiles {
		t.Error(err)
	}
	stop()
	if res, err := http.Get(url); err == nil {
		t.Errorf("still there: %s", res.Status)
		_ = res.Body.Close()
	}
	if strings.Contains(said.String(), "not served") {
		t.Error(said)
	}
}
