package mysql

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

func TestOffsetsAreCountedIn64Bits(t *testing.T) {
	t.Parallel()
	const g4 = 1 << 32
	for _, c := range []struct {
		least uint64
		low   uint32
		want  uint64
	}{
		{5, 100, 100}, {100, 100, 100}, {101, 100, g4 + 100}, {g4 - 10, 20, g4 + 20}, {3*g4 + 7, 8, 3*g4 + 8}, {3*g4 + 7, 6, 4*g4 + 6},
	} {
		if got := endOffset(c.least, c.low); got != c.want {
			t.Errorf("endOffset(%d, %d) = %d, want %d", c.least, c.low, got, c.want)
		}
	}
	r := &reader{}
	r.at.Offset = g4 - 50
	r.advance(&binlog.Event{Size: 100, End: 50})
	if r.at.Offset != g4+50 {
		t.Error(r.at.Offset)
	}
	r.advance(&binlog.Event{Size: 100, End: 0})
	r.advance(&binlog.Event{Size: 100, End: 7, Flags: binlog.FlagArtificial})
	if r.at.Offset != g4+150 {
		t.Error(r.at.Offset)
	}
	if r.at.File = "bin.1"; r.canResume() {
		t.Error("a dump by file cannot be asked for behind 4 GiB")
	}
}

func TestFactsOfASession(t *testing.T) {
	t.Parallel()
	vars := []byte{0, 1, 2, 3, 4, 1, 4, 0, 16, 0, 0, 0, 0, 0, 6, 3, 's', 't', 'd', 3, 1, 0, 1, 0, 4, 8, 0, 8, 0, 255, 0,
		5, 3, 'U', 'T', 'C', 8, 31, 0, 11, 1, 'u', 1, 'h', 12, 2, 'a', 0, 'b', 'c', 0, 13, 1, 2, 3, 16, 1, 17, 1, 2, 3, 4, 5, 6, 7, 8, 18, 45, 0, 200, 1}
	f, ok := readFacts(vars)
	if !ok || f.sqlMode != 4|1<<20 || f.clientCollation != 8 || f.serverCollation != 255 || f.databaseDefault != 31 ||
		f.utf8mb4Collation != 45 || f.explicitDefaults == nil || !*f.explicitDefaults {
		t.Errorf("%+v %v", f, ok)
	}
	if _, ok := readFacts(vars[:10]); ok {
		t.Error("cut short and not noticed")
	}
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 12, 254, 11, 1, 'a'})
	f.Fuzz(func(t *testing.T, vars []byte) { readFacts(vars) })
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	q := newQueue(3 * eventCost)
	put := func(ctx context.Context, e change.Event) error {
		return errors.Join(q.put(ctx, &e), q.flush(ctx))
	}
	for i := range 3 {
		if err := put(t.Context(), change.Event{Kind: change.Commit, Position: change.Position{Offset: uint64(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := put(full, change.Event{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a full queue takes more")
	}
	last := errors.New("the end")
	q.end(last)
	events, err := q.take()
	if err != nil || len(events) != 3 || events[2].Position.Offset != 2 {
		t.Errorf("%v %v", events, err)
	}
	if err := put(full, change.Event{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("what the taker has in hand does not count")
	}
	if _, err := q.take(); err != last {
		t.Error(err)
	}
	rows := change.NewRows(1)
	rows.AddBytes(make([]byte, 10*eventCost))
	alone := newQueue(eventCost)
	if err := alone.put(t.Context(), &change.Event{Rows: rows}); err != nil || alone.flush(t.Context()) != nil {
		t.Error("an event larger than the queue does not pass when alone")
	}
}

func TestTheQueueHandsOverInOrderWhateverTheBatches(t *testing.T) {
	t.Parallel()
	const events = 20_000
	q := newQueue(4 * batchBytes)
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range events {
			e := change.Event{Kind: change.Commit, Position: change.Position{Offset: uint64(i)}}
			if random.IntN(4) == 0 {
				e.Rows = change.NewRows(1)
				e.Rows.AddBytes(make([]byte, random.IntN(1<<random.IntN(18))))
			}
			if q.put(t.Context(), &e) != nil || random.IntN(10) == 0 && q.flush(t.Context()) != nil {
				return
			}
		}
		q.end(errors.Join(q.flush(t.Context()), io.EOF))
	}()
	for i := 0; ; {
		taken, err := q.take()
		if err != nil {
			if !errors.Is(err, io.EOF) || i != events {
				t.Errorf("%d events, then %v", i, err)
			}
			break
		}
		if len(taken) == 0 {
			<-q.filled
		}
		for _, e := range taken {
			if e.Position.Offset != uint64(i) {
				t.Fatalf("event %d: %v", i, e.Position)
			}
			i++
		}
	}
	if q.bytes != 0 {
		t.Errorf("%d bytes are counted in an empty queue", q.bytes)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][3]int{"9.7.4": {9, 7, 4}, "5.7.44-log": {5, 7, 44}, "10.11.19-MariaDB-log": {10, 11, 19}, "5.5.5-10.5.1-MariaDB": {10, 5, 1}, "": {}} {
		if a, b, c := versionNumbers(version); [3]int{a, b, c} != want {
			t.Errorf("%s: %d.%d.%d", version, a, b, c)
		}
	}
	s := &Source{server: ServerInfo{Flavor: MySQL, Major: 5, Minor: 6, Patch: 50}}
	wantProblem(t, s.checkVersion(), codeVersion, diag.Refused, "5.7")
	s.server = ServerInfo{Flavor: MariaDB, Major: 10, Minor: 4}
	wantProblem(t, s.checkVersion(), codeVersion, diag.Refused, "10.5")
}

func TestWordsOfTransactionControl(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"BEGIN": {"BEGIN", ""}, " commit;": {"COMMIT", ";"}, "ROLLBACK TO `x`": {"ROLLBACK", "TO `x`"}, "XA START X'61',X'',1": {"XA", "START X'61',X'',1"}, "": {"", ""},
	} {
		if word, rest := firstWord([]byte(text)); word != want[0] || rest != want[1] {
			t.Errorf("%q: %q %q", text, word, rest)
		}
	}
}

func TestTextOfStatements(t *testing.T) {
	t.Parallel()
	if text, err := utf8Text([]byte("ALTER TABLE caf\xe9 -- \x80"), "latin1"); err != nil || text != "ALTER TABLE café -- €" {
		t.Error(text, err)
	}
	if _, err := utf8Text([]byte("`\x95\x5c`"), "sjis"); err == nil {
		t.Error("sjis was read as if it were ASCII")
	}
	if len([]rune(string(latin1(0x9f)))) != 1 || latin1(0x9f) != 'Ÿ' || latin1(0x81) != '\u0081' {
		t.Error("code page 1252")
	}
}

func TestReplicaUUIDIsOnePerServerID(t *testing.T) {
	t.Parallel()
	first, again, other := replicaUUID(7), replicaUUID(7), replicaUUID(8)
	if first != again || first == other || len(first) != 36 {
		t.Error(first, again, other)
	}
}
