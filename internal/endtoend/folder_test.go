package endtoend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"starferry/internal/testbed"
)

// What can be wrong with the data directory.
var badFolders = []bad{
	{name: "not writable", broken: func(t *testing.T, b *badWorld) { b.flags = []string{"--data-dir", readOnlyFolder(t)} },
		remedy: func(_ *testing.T, b *badWorld) { b.flags = nil }, code: 2, says: []string{"--data-dir"}},
	{name: "a file in its place", broken: func(t *testing.T, b *badWorld) {
		b.write(t, "state", "not a folder")
		b.flags = []string{"--data-dir", "state"}
	}, remedy: func(t *testing.T, b *badWorld) {
		if err := os.Remove(filepath.Join(b.folder, "state")); err != nil {
			t.Fatal(err)
		}
	}, code: 2, says: []string{"state", "--data-dir"}},
	{name: "full from the start", broken: func(t *testing.T, b *badWorld) {
		disk := newSmallDisk(t)
		disk.fill(t, "bad")
		b.flags, b.forget = []string{"--data-dir", disk.path}, func() { disk.free(t) }
	}, remedy: func(_ *testing.T, b *badWorld) { b.forget() }, code: 2, says: []string{"free some space"}},
	{name: "in use", broken: func(t *testing.T, b *badWorld) {
		p := b.start(t, b.world.write(t, "bad.sql", b.text), "--data-dir", "state")
		waitLine(t, p, "copied: 2 rows")
		b.flags, b.forget = []string{"--data-dir", "state"}, func() { b.stop(t, p) }
	}, remedy: func(_ *testing.T, b *badWorld) { b.forget() }, code: 2, says: []string{"state/bad", "in use by process"}},
}

// smallDisk is a folder that can get full: a file system of its own where this
// process may mount one, else one whose next files lead to /dev/full. Either way it
// is the kernel that says ENOSPC.
type smallDisk struct {
	path    string
	mounted bool
}

func newSmallDisk(t *testing.T) *smallDisk {
	t.Helper()
	d := &smallDisk{path: t.TempDir()}
	err := syscall.Mount("none", d.path, "tmpfs", 0, "size=256k")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return d
	}
	if err != nil {
		t.Fatalf("mounting a small file system: %v", err)
	}
	d.mounted = true
	t.Cleanup(func() {
		if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", d.path, err)
		}
	})
	return d
}

func (d *smallDisk) filler() string { return filepath.Join(d.path, "filler") }

// fill leaves no room for a deployment's files.
func (d *smallDisk) fill(t *testing.T, deployment string) {
	t.Helper()
	if !d.mounted {
		d.leadToFull(t, deployment)
		return
	}
	f, err := os.Create(d.filler())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 1024))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling a disk: %v", err)
	}
}

// leadToFull takes the names of what is written next.
func (d *smallDisk) leadToFull(t *testing.T, deployment string) {
	t.Helper()
	state := filepath.Join(d.path, deployment)
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	names := []string{"identity.tmp"}
	for n := range 1000 {
		names = append(names, fmt.Sprintf("checkpoint-%012d.tmp", n))
	}
	for _, name := range names {
		if err := os.Symlink("/dev/full", filepath.Join(state, name)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
}

func (d *smallDisk) free(t *testing.T) {
	t.Helper()
	links, err := filepath.Glob(filepath.Join(d.path, "*", "*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	if d.mounted {
		links = []string{d.filler()}
	}
	for _, path := range links {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFillsUp: the disk of the data directory gets full while the ferry runs.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	disks := map[string]*smallDisk{"dev full": {path: t.TempDir()}}
	if d := newSmallDisk(t); d.mounted {
		disks["a file system"] = d
	}
	for name, disk := range disks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, badTable...)
			script := w.write(t, "full.sql", w.script("", route{from: "t", to: "t"}))
			p := w.start(t, script, "--data-dir", disk.path)
			waitLine(t, p, "copied: 2 rows")
			disk.fill(t, "full")
			w.exec(t, "INSERT INTO t VALUES (3, 'three', 3)")
			waitLine(t, p, "failed rows=")
			<-p.Done()
			output := p.Output()
			w.checkSecrets(t, output)
			if strings.Count(output, "error[SF6003]") != 1 || !strings.Contains(output, disk.path) || !strings.Contains(output, "To fix: free some space") {
				t.Errorf("the error does not say what happened:\n%s", output)
			}
			w.exec(t, "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (4, 'four', 4)")
			disk.free(t)
			o := w.starferry(t, "run", "--until-caught-up", "--data-dir", disk.path, script)
			if o.code != 0 || strings.Contains(o.out, "joined") {
				t.Errorf("after the remedy it goes on from the last checkpoint: %s", o)
			}
			w.compare(t, "t", "t")
		})
	}
}
