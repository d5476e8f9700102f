package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

var orders = change.Name{Database: "shop", Table: "orders"}

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path, "orders")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func reopen(t *testing.T, d *Dir) *Dir {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, d.Path())
}

func wantProblem(t *testing.T, err error, code diag.Code, parts ...string) {
	t.Helper()
	p := diag.Find(err)
	if p == nil || p.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if p.Fix == "" {
		t.Errorf("%s has no fix", code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error()+p.Fix, part) {
			t.Errorf("%q is not in %q / %q", part, err, p.Fix)
		}
	}
}

func TestANewDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "state")
	d := open(t, path)
	if r, err := d.Recover(); !reflect.DeepEqual(r, Recovery{}) || err != nil {
		t.Errorf("%v, %v", r, err)
	}
	id, incarnation := d.Identity(), d.Incarnation()
	if len(id.Deployment) != 8 || id.ServerID < 1<<24 || id.Name != "orders" || len(incarnation) != 8 {
		t.Errorf("%+v, %s", id, incarnation)
	}
	d = reopen(t, d)
	defer d.Close()
	if d.Identity() != id || d.Incarnation() == incarnation {
		t.Errorf("%+v, %s", d.Identity(), d.Incarnation())
	}
	other := open(t, t.TempDir())
	defer other.Close()
	if other.Identity().Deployment == id.Deployment || other.Identity().ServerID == id.ServerID {
		t.Error("two directories have one identity")
	}
}

func TestEverythingComesBack(t *testing.T) {
	t.Parallel()
	anyBytes := make([]byte, 256)
	for i := range anyBytes {
		anyBytes[i] = byte(i)
	}
	literal := string(anyBytes)
	table := &change.Table{
		Name: orders, Version: 7, Key: []int{1, 0}, Charset: "utf8mb4", Collation: "c", Comment: "\xff",
		Columns: []change.Column{
			{Name: "id", Type: change.Type{Base: change.BigInt, Unsigned: true, Zerofill: true, Length: 20}, AutoIncrement: true},
			{Name: "größe", Type: change.Type{Base: change.Set, Charset: "latin1", Collation: "l", Members: []string{"a", "\x80"}}, Nullable: true, Default: &literal},
			{Name: "n", Type: change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, DefaultExpression: "uuid()", Generated: true, Invisible: true, Comment: "x"},
			{Name: "t", Type: change.Type{Base: change.Timestamp, Fraction: 6}},
		},
	}
	after := change.NewRows(4)
	after.AddBytes(anyBytes)
	after.AddNull()
	after.AddString("")
	after.AddString(`\N "☃" </script>` + "\x00")
	want := &Checkpoint{
		Epoch: 1<<64 - 1, Position: change.Position{File: "f.000009", Offset: 1<<64 - 1, GTIDs: "a:1-5"}, Server: "uuid",
		Tables: []TableState{
			{Table: table, Name: orders, Copy: CopyState{Spans: []Span{{After: after}, {}, {Until: after}}, Rows: 1<<64 - 1},
				Check: &CheckState{Repair: true, Reason: "partitions", Forwards: true, Spans: []Span{{After: after}}, After: after, Doubts: after, Compared: 7, Missing: 1, Different: 2, Superfluous: 3, Undecided: 4,
					Again: true, Keys: 5, Examples: []Difference{{Missing, "id=\"1\"", ""}, {Different, "id=\"\xff\"", "v"}}}},
			{Name: change.Name{Database: "shop", Table: "not yet"}},
			{Table: table, Name: orders, Copy: CopyState{Wipe: true}, ShadowOf: orders, Identity: "10042"},
			{Table: table, Name: orders, Copy: CopyState{Done: true}, Stopped: &Stop{
				At: time.Unix(1_700_000_000, 7).UTC(), Position: change.Position{File: "f.000009", Offset: 1<<64 - 1, GTIDs: "a:1-5"},
				Code: "SF5005", Reason: "bad \xff\n", Fix: "x;",
			}},
		},
		Open:     []Label{{orders, "l1"}},
		Prepared: []Label{{orders, "p1"}, {change.Name{Database: "shop"}, "\xff"}},
		Exact:    true,
	}
	d := open(t, t.TempDir())
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	defer d.Close()
	r, err := d.Recover()
	if err != nil || r.Unsettled == nil {
		t.Fatal(r, err)
	}
	got := r.Unsettled
	if got.Tables[0].Table != got.Tables[2].Table {
		t.Error("one schema came back as two")
	}
	gotAfter := got.Tables[0].Copy.Spans[0].After
	for c := range 4 {
		if string(gotAfter.Cell(0, c)) != string(after.Cell(0, c)) || gotAfter.Null(0, c) != after.Null(0, c) {
			t.Errorf("cell %d: %q", c, gotAfter.Cell(0, c))
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryTypeHasAName(t *testing.T) {
	t.Parallel()
	if len(bases) != int(change.Boolean)+1 {
		t.Fatalf("%d types", len(bases))
	}
	for b := range bases {
		want := change.Type{Base: change.Base(b), Zone: "+08:00", ZeroDates: change.RoundZeroDates}
		if got, err := typeOut(want).in(); err != nil || !got.Equal(want) {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
	}
	if _, err := (typeDocument{Base: "hologram"}).in(); !isDamage(err) {
		t.Error(err)
	}
}

func TestLabelsOfEarlierProcesses(t *testing.T) {
	t.Parallel()
	label := func(n int) []Label { return []Label{{orders, fmt.Sprint("l", n)}} }
	note := func(d *Dir, n int) {
		if err := d.Note(label(n)); err != nil {
			t.Fatal(err)
		}
	}
	open := func(d *Dir, want ...string) {
		t.Helper()
		r, err := d.Recover()
		var got []string
		for _, l := range r.Open {
			got = append(got, l.Label)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	d := openAndNote(t, note)
	open(d) // its own are not open labels
	d = reopen(t, d)
	open(d, "l1", "l2")
	note(d, 3)
	open(d, "l1", "l2")
	d = reopen(t, d)
	open(d, "l1", "l2", "l3")
	if err := d.Save(&Checkpoint{Open: label(3)}); err != nil {
		t.Fatal(err)
	}
	open(d, "l1", "l2", "l3") // of the processes before this one
	note(d, 4)
	d = reopen(t, d)
	open(d, "l3", "l4")
	if err := d.Save(&Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	defer d.Close()
	open(d)
}

func openAndNote(t *testing.T, note func(*Dir, int)) *Dir {
	d := open(t, t.TempDir())
	note(d, 1)
	note(d, 2)
	return d
}

func TestTornAndDamagedLabels(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for n := range 3 {
		if err := d.Note([]Label{{orders, fmt.Sprint("l", n)}}); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(numbered(d.path, labelsPrefix, d.noted))
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	line := len(content) / 3
	for cut := range content {
		if n := decoded(content[:cut]); n.err != nil || len(n.labels)+len(n.settled) != cut/line {
			t.Fatalf("cut at %d: %+v", cut, n)
		}
	}
	for at := range content {
		spoilt := slices.Clone(content)
		spoilt[at] ^= 0x10
		n := decoded(spoilt)
		if at == 2*line-1 { // without the last line's beginning it looks torn
			continue
		}
		if at < 2*line && !isDamage(n.err) || at >= 2*line && (n.err != nil || len(n.labels) != 2) {
			t.Fatalf("spoilt at %d: %+v", at, n)
		}
	}
	if err := os.WriteFile(numbered(d.path, labelsPrefix, d.noted), append([]byte("x"), content...), 0o600); err != nil {
		t.Fatal(err)
	}
	d = open(t, d.Path())
	defer d.Close()
	_, err = d.Recover()
	wantProblem(t, err, CodeDamaged, "labels-", "line 1")
}

func decoded(content []byte) (n notes) {
	n.decode(content)
	return n
}

func TestADamagedCheckpointFallsBackToTheOneBefore(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (path string, checkpoints []string) {
		d := open(t, t.TempDir())
		for epoch := 1; epoch <= 3; epoch++ {
			if err := d.Note([]Label{{orders, fmt.Sprint("before ", epoch)}}); err != nil {
				t.Fatal(err)
			}
			c := epochOf(epoch)
			c.Prepared = nil
			if err := d.Save(c); err != nil {
				t.Fatal(err)
			}
		}
		d.Close()
		return d.Path(), []string{numbered(d.path, checkpointPrefix, 3), numbered(d.path, checkpointPrefix, 4)}
	}
	t.Run("the newest", func(t *testing.T) {
		t.Parallel()
		path, files := setup(t)
		spoil(t, files[1])
		d := open(t, path)
		r, err := d.Recover()
		if err != nil || r.Settled.Epoch != 2 || !r.FloorUnknown || !strings.Contains(d.Notice(), files[1]) || !strings.Contains(d.Notice(), "end of the source's log") {
			t.Fatal(r, err, d.Notice())
		}
		if !slices.Contains(r.Open, Label{orders, "before 3"}) || slices.Contains(r.Open, Label{orders, "before 2"}) {
			t.Errorf("%v", r.Open)
		}
		// The damaged one goes, not the one that was good.
		if err := errors.Join(d.Save(epochOf(4)), d.Settled(4)); err != nil {
			t.Fatal(err)
		}
		spoil(t, numbered(d.path, checkpointPrefix, d.sequence))
		d = reopen(t, d)
		defer d.Close()
		if r, err := d.Recover(); err != nil || r.Settled.Epoch != 2 {
			t.Error(r, err)
		}
	})
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		path, files := setup(t)
		spoil(t, files[0])
		spoil(t, files[1])
		d := open(t, path)
		defer d.Close()
		_, err := d.Recover()
		wantProblem(t, err, CodeDamaged, files[1], "checksum")
		wantProblem(t, d.Save(epochOf(4)), CodeDamaged)
	})
	t.Run("its schema", func(t *testing.T) {
		t.Parallel()
		path, _ := setup(t)
		schemas, err := filepath.Glob(filepath.Join(path, schemasFolder, "*"))
		if err != nil || len(schemas) != 2 { // one is of the history
			t.Fatal(schemas, err)
		}
		if err := os.Remove(schemas[1]); err != nil {
			t.Fatal(err)
		}
		d := open(t, path)
		defer d.Close()
		_, err = d.Recover()
		wantProblem(t, err, CodeDamaged, schemas[1], "missing")
	})
	t.Run("the identity", func(t *testing.T) {
		t.Parallel()
		path, _ := setup(t)
		spoil(t, filepath.Join(path, "identity"))
		_, err := Open(path, "orders")
		wantProblem(t, err, CodeDamaged, "identity")
		if err := os.Remove(filepath.Join(path, "identity")); err != nil {
			t.Fatal(err)
		}
		_, err = Open(path, "orders")
		wantProblem(t, err, CodeUnreadable, "identity")
	})
}

func TestEveryFlippedBitIsSeen(t *testing.T) {
	t.Parallel()
	content := seal("checkpoint", []byte(`{"epoch":1}`))
	if got, err := unseal("p", "checkpoint", content); err != nil || string(got) != `{"epoch":1}` {
		t.Fatalf("%s, %v", got, err)
	}
	for at := range content {
		for bit := range 8 {
			spoilt := slices.Clone(content)
			spoilt[at] ^= 1 << bit
			if _, err := unseal("p", "checkpoint", spoilt); !isDamage(err) {
				t.Errorf("byte %d, bit %d: %v", at, bit, err)
			}
		}
		if _, err := unseal("p", "checkpoint", content[:at]); !isDamage(err) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	if _, err := unseal("p", "identity", content); !isDamage(err) {
		t.Error(err)
	}
}

func TestAStateOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for epoch := 1; epoch <= 2; epoch++ {
		if err := d.Save(epochOf(epoch)); err != nil {
			t.Fatal(err)
		}
	}
	newer := sealAs(Format+1, "checkpoint", []byte("whatever comes then"))
	if err := os.WriteFile(numbered(d.path, checkpointPrefix, d.sequence), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	defer d.Close()
	_, err := d.Recover()
	wantProblem(t, err, CodeNewer, "format 3", "newer version of starferry")
	wantProblem(t, d.Save(epochOf(3)), CodeNewer)
}

func TestTwoProcessesOnOneDirectory(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	_, err := Open(d.Path(), "orders")
	wantProblem(t, err, CodeLocked, d.Path(), fmt.Sprint("process ", os.Getpid(), " on "), "since 20", "--data-dir")
	reopen(t, d).Close()
}

func TestADirectoryOfAnotherDeployment(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	d.Close()
	_, err := Open(d.Path(), "crm")
	wantProblem(t, err, CodeForeign, "'orders'", "'crm'", "SET 'pipeline.name' = 'orders';")
}

func TestAPathThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, "orders")
	wantProblem(t, err, CodeUnwritable, path, "--data-dir")
	_, err = Open("/proc/starferry", "orders")
	wantProblem(t, err, CodeUnwritable, "/proc/starferry")
}

func TestAReadOnlyDiskIsNamed(t *testing.T) {
	t.Parallel()
	r := &recorder{root: t.TempDir(), refuse: func(int) error { return syscall.EROFS }}
	_, errs := play(t, r, false)
	wantProblem(t, errors.Join(errs...), CodeUnwritable, r.root, "read-only")
}

func TestOnlyWhatIsNeededIsKept(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	defer d.Close()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	d.now = func() time.Time { at = at.Add(time.Second); return at }
	for n := range 30 {
		if err := d.Note([]Label{{orders, fmt.Sprint(n)}}); err != nil {
			t.Fatal(err)
		}
		fresh := *schemasOfHistory[0]
		fresh.Version = n
		if err := d.Save(&Checkpoint{Epoch: uint64(n), Tables: []TableState{{Table: &fresh}, {Table: schemasOfHistory[1]}}}); err != nil {
			t.Fatal(err)
		}
	}
	count := map[string]int{}
	for _, pattern := range []string{"checkpoint-*", "history/*", "labels-*", "schemas/*", "*.tmp"} {
		found, err := filepath.Glob(filepath.Join(d.Path(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		count[pattern] = len(found)
	}
	want := map[string]int{"checkpoint-*": 2, "history/*": 1, "labels-*": 1, "schemas/*": 4, "*.tmp": 0}
	if !reflect.DeepEqual(count, want) || len(d.schemas) != 4 {
		t.Errorf("%v, want %v; %d schemas in memory", count, want, len(d.schemas))
	}
}

// Schemas that were written for a checkpoint that did not come about go with the next one.
func TestSchemasOfAFailedSaveGo(t *testing.T) {
	t.Parallel()
	r := &recorder{root: t.TempDir()}
	d, err := openOn(r, r.root, "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := &Checkpoint{Epoch: 1}
	for _, schema := range schemasOfHistory[:3] {
		c.Tables = append(c.Tables, TableState{Table: schema, Seen: schema})
	}
	whole := len(r.steps) + 4 // create, write, sync and rename of the first
	r.refuse = func(n int) error {
		if n == whole {
			return syscall.ENOSPC
		}
		return nil
	}
	wantProblem(t, d.Save(c), CodeFull)
	if err := d.Save(c); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(r.root, schemasFolder))
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"000000000004", "000000000005", "000000000006"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v (%v), want %v", names, err, want)
	}
}

func TestADirectoryAdoptsADeployment(t *testing.T) {
	t.Parallel()
	lost := open(t, filepath.Join(t.TempDir(), "lost"))
	was := lost.Identity()
	d := open(t, filepath.Join(t.TempDir(), "new"))
	incarnation := d.Incarnation()
	if d.Identity().Deployment == was.Deployment {
		t.Fatal("two directories of one identity")
	}
	if err := d.Adopt(was.Deployment); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	if got := d.Identity(); got.Deployment != was.Deployment || got.ServerID != was.ServerID || got.Name != was.Name || d.Incarnation() == incarnation {
		t.Errorf("%+v of incarnation %s, want %+v", got, d.Incarnation(), was)
	}
	if err := d.Save(&Checkpoint{Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	if err := d.Adopt("00000000"); err == nil || d.Identity().Deployment != was.Deployment {
		t.Errorf("with a checkpoint it becomes another's: %v", err)
	}
	if err := d.Adopt(was.Deployment); err != nil {
		t.Error(err)
	}
}
