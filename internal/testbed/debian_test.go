package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAptProgressIsShort(t *testing.T) {
	t.Parallel()
	var got []string
	p := &aptProgress{log: func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }}
	output := "Reading package lists...\nGet:1 a\nGet:2 b\nNeed to get 5 MB of archives.\nGet:3 c\nFetched 5 MB in 1s\n"
	for i := range output { // in the worst pieces
		if n, err := p.Write([]byte(output[i : i+1])); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "Get:1 a|Need to get 5 MB of archives.|Fetched 5 MB in 1s"; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}

func TestVersionOfADownload(t *testing.T) {
	t.Parallel()
	apt := &privateApt{t.TempDir()}
	archives := filepath.Join(apt.dir, "cache/archives")
	if err := os.MkdirAll(archives, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := apt.version("mariadb-server-core"); err == nil {
		t.Error("a version of nothing")
	}
	if err := os.WriteFile(filepath.Join(archives, "mariadb-server-core_1%3a10.11.18-0+deb12u1_amd64.deb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if version, err := apt.version("mariadb-server-core"); version != "10.11.18-0+deb12u1" || err != nil {
		t.Error(version, err)
	}
}

func TestInstallLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	failure := errors.New("disk full")
	err := install(cache, "x-1", func(dir string) error {
		return errors.Join(os.WriteFile(dir+"/part", nil, 0o644), failure)
	})
	left, _ := os.ReadDir(cache)
	if !errors.Is(err, failure) || len(left) != 0 {
		t.Fatal(err, left)
	}
	if err := install(cache, "x-1", func(dir string) error { return os.WriteFile(dir+"/all", nil, 0o644) }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cache + "/x-1/all"); err != nil {
		t.Error(err)
	}
}

func TestUnderLockIsAlone(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	quiet := func(string, ...any) {}
	err := underLock(t.Context(), cache, "a", quiet, func() error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		waiting := make(chan error)
		go func() {
			waiting <- underLock(ctx, cache, "a", quiet, func() error { return errors.New("two inside") })
		}()
		if err := underLock(t.Context(), cache, "b", quiet, func() error { return nil }); err != nil {
			return err
		}
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
