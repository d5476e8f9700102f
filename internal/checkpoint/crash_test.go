package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// step is one thing done to the disk, in order.
type step struct {
	kind     string // create, append, write, sync, rename, remove, folder
	path, to string
	data     []byte
	size     int64
}

// recorder is a disk that writes down every step and may refuse some.
type recorder struct {
	root  string
	steps []step
	// refuse, when set, makes step number n fail; half of a refused write is done.
	refuse func(n int) error
}

func (r *recorder) take(s step) error {
	n := len(r.steps)
	if r.refuse != nil {
		if err := r.refuse(n); err != nil {
			r.steps = append(r.steps, step{kind: "refused"})
			return &os.PathError{Op: s.kind, Path: s.path, Err: err}
		}
	}
	s.path = strings.TrimPrefix(s.path, r.root)
	s.to = strings.TrimPrefix(s.to, r.root)
	r.steps = append(r.steps, s)
	return nil
}

func (r *recorder) Create(path string) (file, error) {
	if err := r.take(step{kind: "create", path: path}); err != nil {
		return nil, err
	}
	f, err := osDisk{}.Create(path)
	return &recordedFile{r, path, f}, err
}

func (r *recorder) Append(path string, size int64) (file, error) {
	if err := r.take(step{kind: "append", path: path, size: size}); err != nil {
		return nil, err
	}
	f, err := osDisk{}.Append(path, size)
	return &recordedFile{r, path, f}, err
}

func (r *recorder) Rename(from, to string) error {
	if err := r.take(step{kind: "rename", path: from, to: to}); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (r *recorder) Remove(path string) error {
	if err := r.take(step{kind: "remove", path: path}); err != nil {
		return err
	}
	return os.Remove(path)
}

func (r *recorder) Sync(folder string) error {
	return r.take(step{kind: "folder", path: folder})
}

type recordedFile struct {
	r    *recorder
	path string
	f    file
}

func (f *recordedFile) Write(p []byte) (int, error) {
	if err := f.r.take(step{kind: "write", path: f.path, data: bytes.Clone(p)}); err != nil {
		n, _ := f.f.Write(p[:len(p)/2])
		return n, err
	}
	return f.f.Write(p)
}

func (f *recordedFile) Sync() error  { return f.r.take(step{kind: "sync", path: f.path}) }
func (f *recordedFile) Close() error { return f.f.Close() }

// lazyDisk syncs nothing: what is read back at once needs no disk.
type lazyDisk struct{ osDisk }

func (lazyDisk) Sync(string) error { return nil }

func (lazyDisk) Create(path string) (file, error) {
	f, err := osDisk{}.Create(path)
	return lazyFile{f}, err
}

func (lazyDisk) Append(path string, size int64) (file, error) {
	f, err := osDisk{}.Append(path, size)
	return lazyFile{f}, err
}

type lazyFile struct{ file }

func (lazyFile) Sync() error { return nil }

// inode is a file's content as the process sees it, and as it is certain to
// survive a crash.
type inode struct{ content, durable []byte }

// crashed is what a disk may hold when it crashed after some steps.
type crashed struct {
	entries, durable map[string]*inode
}

func crashAfter(steps []step) crashed {
	c := crashed{map[string]*inode{}, map[string]*inode{}}
	for _, s := range steps {
		switch s.kind {
		case "create":
			c.entries[s.path] = &inode{}
		case "append":
			if c.entries[s.path] == nil {
				c.entries[s.path] = &inode{}
			}
			c.entries[s.path].content = c.entries[s.path].content[:s.size]
		case "write":
			c.entries[s.path].content = append(c.entries[s.path].content, s.data...)
		case "sync":
			c.entries[s.path].durable = bytes.Clone(c.entries[s.path].content)
		case "rename":
			c.entries[s.to] = c.entries[s.path]
			delete(c.entries, s.path)
		case "remove":
			delete(c.entries, s.path)
		case "folder":
			inFolder := func(path string) bool { return filepath.Dir(path) == filepath.Clean("/"+s.path) }
			for path := range c.durable {
				if inFolder(path) {
					delete(c.durable, path)
				}
			}
			for path, node := range c.entries {
				if inFolder(path) {
					c.durable[path] = node
				}
			}
		}
	}
	return c
}

// outcomes are the ways in which what was not synced may have gone.
func (c crashed) outcomes() map[string]map[string][]byte {
	out := map[string]map[string][]byte{}
	contents := map[string]func(*inode) []byte{
		"everything reached the disk": func(n *inode) []byte { return n.content },
		"only what was synced":        func(n *inode) []byte { return n.durable },
		"half of what was not synced": func(n *inode) []byte { return n.content[:(len(n.durable)+len(n.content))/2] },
		"all but the last byte":       func(n *inode) []byte { return n.content[:max(len(n.durable), len(n.content)-1)] },
		"zeros for what was not synced": func(n *inode) []byte {
			return append(bytes.Clone(n.durable), make([]byte, len(n.content)-len(n.durable))...)
		},
	}
	for name, content := range contents {
		for folder, entries := range map[string]map[string]*inode{"new folder entries": c.entries, "old folder entries": c.durable} {
			files := map[string][]byte{}
			for path, node := range entries {
				files[path] = content(node)
			}
			same := func(other map[string][]byte) bool { return maps.EqualFunc(files, other, bytes.Equal) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(out)), same) {
				out[name+", "+folder] = files
			}
		}
	}
	return out
}

// history is what a process did and when, in steps.
type history struct {
	opened   int // steps done when Open returned
	identity Identity
	saves    []happened // in order; epoch i+1
	settled  []happened // likewise; the Save itself where nothing was prepared
	notes    []happened
	letters  []int // the epochs whose letter was written
}

type happened struct {
	begin, end int
	ok         bool
	labels     []Label
}

const (
	historyLength = 5
	voidEpoch     = 3 // is never settled
)

// play runs a process that notes and saves, ending with notes, until the first error
// or on through errors.
func play(t *testing.T, r *recorder, onward bool) (*history, []error) {
	t.Helper()
	h := &history{}
	var errs []error
	d, err := openOn(r, r.root, "orders")
	if err != nil {
		return h, []error{err}
	}
	defer d.Close()
	h.opened, h.identity = len(r.steps), d.Identity()
	for epoch := 1; ; epoch++ {
		for n := range 3 {
			note := happened{begin: len(r.steps), labels: []Label{
				{change.Name{Database: "d", Table: "t"}, fmt.Sprintf("e%d_%d_a", epoch, n)},
				{change.Name{Database: "d", Table: "u"}, fmt.Sprintf("e%d_%d_b", epoch, n)},
			}}
			err := d.Note(note.labels)
			note.end, note.ok = len(r.steps), err == nil
			h.notes = append(h.notes, note)
			if errs = appendError(errs, err); err != nil && !onward {
				return h, errs
			}
		}
		if epoch > historyLength {
			return h, errs
		}
		err := d.Letter(letterOf(epoch))
		if err == nil {
			h.letters = append(h.letters, epoch)
		}
		if errs = appendError(errs, err); err != nil && !onward {
			return h, errs
		}
		save := happened{begin: len(r.steps)}
		err = d.Save(epochOf(epoch))
		save.end, save.ok = len(r.steps), err == nil
		h.saves, h.settled = append(h.saves, save), append(h.settled, save)
		if errs = appendError(errs, err); err != nil && !onward {
			return h, errs
		}
		if epoch == 1 {
			continue // nothing prepared
		}
		settled := happened{begin: len(r.steps)}
		if err == nil && epoch != voidEpoch {
			err = d.Settled(uint64(epoch))
			settled.ok = err == nil
		} else {
			settled.begin = math.MaxInt
		}
		settled.end = len(r.steps)
		h.settled[epoch-1] = settled
		if errs = appendError(errs, err); err != nil && !onward {
			return h, errs
		}
	}
}

func appendError(errs []error, err error) []error {
	if err != nil {
		return append(errs, err)
	}
	return errs
}

var schemasOfHistory = func() (tables []*change.Table) {
	for v := 1; v <= historyLength; v++ {
		t := &change.Table{Name: change.Name{Database: "s", Table: "t"}, Version: v, Key: []int{0}}
		for c := range v {
			t.Columns = append(t.Columns, change.Column{Name: fmt.Sprintf("c%d", c), Type: change.Type{Base: change.Int}})
		}
		tables = append(tables, t)
	}
	return tables
}()

// epochOf is the checkpoint of an epoch: the schema changes with every second one. All
// but the first have prepared transactions.
func epochOf(epoch int) *Checkpoint {
	var prepared []Label
	if epoch > 1 {
		prepared = []Label{{change.Name{Database: "d", Table: "u"}, fmt.Sprintf("e%d_0_b", epoch)}}
	}
	after := change.NewRows(1)
	after.AddString(fmt.Sprint(epoch * 100))
	return &Checkpoint{
		Epoch: uint64(epoch), Position: change.Position{File: "binlog.000001", Offset: uint64(epoch)}, Server: "s1",
		Tables: []TableState{{
			Table: schemasOfHistory[epoch/2], Name: change.Name{Database: "s", Table: "t"}, Copy: CopyState{Spans: []Span{{After: after}}, Rows: uint64(epoch)},
		}},
		Open:     []Label{{change.Name{Database: "d", Table: "t"}, fmt.Sprintf("e%d_1_a", epoch)}},
		Prepared: prepared,
	}
}

func letterOf(epoch int) *Letter {
	return &Letter{Source: orders, Op: "upsert", Reason: fmt.Sprintf("reason %d", epoch)}
}

// checkLetters wants every letter that a finished Save was to make durable, in order,
// and each on a line of its own once another was written behind them.
func checkLetters(t *testing.T, d *Dir, written []int, certain int) {
	t.Helper()
	if err := d.Letter(letterOf(99)); err != nil {
		t.Errorf("no more letters: %v", err)
	}
	content, err := os.ReadFile(d.LetterPath(orders))
	if err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for i, line := range lines {
		want := 99
		if i < len(lines)-1 {
			want = written[min(i, len(written)-1)]
		}
		var l struct{ Reason string }
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Reason != letterOf(want).Reason {
			t.Errorf("letter %d is %q: %v", i, line, err)
		}
	}
	durable := 0
	for durable < len(written) && written[durable] <= certain {
		durable++
	}
	if len(lines)-1 < durable {
		t.Errorf("%d letters, want at least %d", len(lines)-1, durable)
	}
}

// check opens what is left and holds it against what the process had been told.
func check(t *testing.T, root string, h *history, steps int) {
	t.Helper()
	d, err := openOn(lazyDisk{}, root, "orders")
	if err != nil {
		t.Errorf("cannot be opened: %v", err)
		return
	}
	defer d.Close()
	if steps >= h.opened && h.opened > 0 && d.Identity() != h.identity {
		t.Errorf("identity is now %+v", d.Identity())
	}
	r, err := d.Recover()
	if err != nil {
		t.Errorf("no checkpoint: %v", err)
		return
	}
	if d.Notice() != "" || r.FloorUnknown || r.Lost != nil {
		t.Errorf("a checkpoint was passed over: %s, %+v", d.Notice(), r)
	}
	settled, begin := 0, 0
	if c := r.Settled; c != nil {
		settled, begin = int(c.Epoch), h.saves[c.Epoch-1].begin
		checkEpoch(t, c)
		if !slices.Contains(r.Open, c.Open[0]) {
			t.Errorf("the checkpoint's own open label is not in %v", r.Open)
		}
	}
	wantBetween(t, "settled", settled, h.settled, steps)
	newest := settled
	if c := r.Unsettled; c != nil {
		newest = int(c.Epoch)
		checkEpoch(t, c)
	}
	certain := wantBetween(t, "saved", newest, h.saves, steps)
	if newest < settled {
		t.Errorf("epoch %d is settled and %d the newest", settled, newest)
	}
	checkVoid(t, &r, settled, newest)
	if void := h.saves; len(void) >= voidEpoch && void[voidEpoch-1].ok && settled < voidEpoch && newest > voidEpoch && len(r.Void) != 1 {
		t.Errorf("void between %d and %d: %v", settled, newest, r.Void)
	}
	for _, note := range h.notes {
		if !note.ok || note.end > steps || note.begin < begin {
			continue
		}
		for _, l := range note.labels {
			if slices.Contains(r.Open, l) == (r.Unsettled != nil && slices.Contains(r.Unsettled.Prepared, l)) {
				t.Errorf("label %s, epoch %d came back with %v", l.Label, newest, r.Open)
			}
		}
	}
	checkLetters(t, d, h.letters, certain)
	if err := errors.Join(d.Save(epochOf(historyLength)), d.Settled(historyLength)); err != nil {
		t.Errorf("cannot go on: %v", err)
	}
}

// wantBetween wants the newest epoch to be the last of which something was certain after
// so many steps, or one of those that had begun; it returns the former.
func wantBetween(t *testing.T, what string, epoch int, of []happened, steps int) (certain int) {
	t.Helper()
	possible := 0
	for i, s := range of {
		if s.ok && s.end <= steps {
			certain = i + 1
		}
		if s.begin <= steps {
			possible = i + 1
		}
	}
	if epoch < certain || epoch > possible {
		t.Errorf("%s: epoch %d came back, want %d to %d", what, epoch, certain, possible)
	}
	return certain
}

func checkEpoch(t *testing.T, c *Checkpoint) {
	t.Helper()
	epoch := int(c.Epoch)
	if len(c.Tables[0].Table.Columns) != epoch/2+1 || string(c.Tables[0].Copy.Spans[0].After.Cell(0, 0)) != fmt.Sprint(epoch*100) ||
		!slices.Equal(c.Prepared, epochOf(epoch).Prepared) {
		t.Errorf("epoch %d came back as %+v", epoch, c)
	}
}

// checkVoid wants everything between to be void, and what it had prepared to be open.
func checkVoid(t *testing.T, r *Recovery, settled, newest int) {
	t.Helper()
	last := settled
	for _, c := range r.Void {
		checkEpoch(t, c)
		if int(c.Epoch) <= last || int(c.Epoch) >= newest {
			t.Errorf("epoch %d is void, %d settled, %d the newest", c.Epoch, settled, newest)
		}
		last = int(c.Epoch)
		for _, l := range c.Prepared {
			if !slices.Contains(r.Open, l) {
				t.Errorf("%s of a void checkpoint is not open: %v", l.Label, r.Open)
			}
		}
	}
}

func TestACrashAtAnyStepLeavesAReadableState(t *testing.T) {
	t.Parallel()
	r := &recorder{root: t.TempDir()}
	h, errs := play(t, r, false)
	if errs != nil || len(h.saves) != historyLength {
		t.Fatal(errs)
	}
	tried := 0
	for n := range len(r.steps) + 1 {
		for name, files := range crashAfter(r.steps[:n]).outcomes() {
			root := t.TempDir()
			for _, folder := range []string{schemasFolder, lettersFolder, historyFolder} {
				if err := os.Mkdir(filepath.Join(root, folder), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for path, content := range files {
				if err := os.WriteFile(filepath.Join(root, path), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			check(t, root, h, n)
			if t.Failed() {
				t.Fatalf("after %d of %d steps, %s", n, len(r.steps), name)
			}
			tried++
		}
	}
	t.Logf("%d crashes", tried)
}

func TestAFullDiskIsAProblemAndLeavesTheLastCheckpoint(t *testing.T) {
	t.Parallel()
	complete := &recorder{root: t.TempDir()}
	if _, errs := play(t, complete, false); errs != nil {
		t.Fatal(errs)
	}
	for _, onward := range []bool{false, true} { // full from then on; full for one step
		for n := range complete.steps {
			r := &recorder{root: t.TempDir()}
			r.refuse = func(step int) error {
				if step == n || step > n && !onward {
					return syscall.ENOSPC
				}
				return nil
			}
			h, errs := play(t, r, onward)
			if len(errs) == 0 {
				t.Fatalf("step %d: no error", n)
			}
			for _, err := range errs {
				p := diag.Find(err)
				if p == nil || p.Code != CodeFull || !strings.Contains(p.Message, r.root) || p.Fix == "" {
					t.Fatalf("step %d: %v", n, err)
				}
			}
			check(t, r.root, h, len(r.steps))
			if t.Failed() {
				t.Fatalf("refused step %d (%+v), going on: %v", n, complete.steps[n].kind, onward)
			}
		}
	}
}
