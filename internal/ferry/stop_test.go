package ferry

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// still is a loop in the middle of its work, on tables that are copied, whose effects
// the test runs itself.
type still struct {
	*loop
	journal *simJournal
	target  *simTarget
	said    []string
}

func newStill(t *testing.T, tables int, onBadRow OnBadRow, stopped ...*checkpoint.Stop) *still {
	t.Helper()
	return newStillOf(t, newSimSource(rand.New(rand.NewPCG(1, 1)), 1, tables, false), onBadRow, stopped...)
}

func newStillOf(t *testing.T, source *simSource, onBadRow OnBadRow, stopped ...*checkpoint.Stop) *still {
	t.Helper()
	s := &still{journal: &simJournal{onSave: func(*checkpoint.Checkpoint) {}, durable: map[int]bool{}}, target: newSimTarget(source.rng, source)}
	restored := &checkpoint.Checkpoint{Epoch: 1, Exact: true, Position: change.Position{File: "log.000001", Offset: 4}}
	var routes []Route
	for i, table := range source.tables {
		target := source.into(table.name)
		state := checkpoint.TableState{Name: table.name, Target: target, Table: table.schema, Seen: table.schema, Copy: checkpoint.CopyState{Done: true}}
		if i < len(stopped) {
			state.Stopped = stopped[i]
		}
		restored.Tables = append(restored.Tables, state)
		routes = append(routes, Route{Source: table.name, Target: target, Merged: target != table.name, Interval: time.Second, MaxBytes: 1 << 20, MaxRows: 1000, OnBadRow: onBadRow})
	}
	s.loop = newLoop(Config{
		Source: source, Target: s.target, Journal: s.journal, Memory: 1 << 20, Deployment: "d", Incarnation: "i", Routes: routes, Restored: restored,
		Notify: func(n Notice) { s.said = append(s.said, n.Table.String()+" "+n.Text) },
	}, source.now)
	s.stream = &simStream{}
	for _, table := range s.order {
		table.columns, table.described = s.target.tables[table.route.Target].columns, table.schema
	}
	return s
}

// row takes the row of one key into a table, between two transactions.
func (s *still) row(number int, id string) {
	table := s.order[number]
	rows := change.NewRows(3)
	for _, cell := range []string{id, "1", "1"} {
		rows.AddString(cell)
	}
	s.loop.take(s.now, change.Event{Kind: change.Insert, Table: table.schema, Rows: rows})
	s.settledPlaces(1)
}

func (s *still) settledPlaces(n int) {
	for range n {
		p := change.Position{File: "log.000001", Offset: s.resume.position.Offset + 10}
		s.loop.take(s.now, change.Event{Kind: change.Commit, Position: p, Resumable: true})
	}
}

func (s *still) hasSaid(text string) bool {
	for _, line := range s.said {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

var errSchema = &diag.Problem{Code: "SF5005", Message: "the key changed"}

func TestAStoppedTableLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	for i := range 3 { // under way, queued, and in a batch
		s.row(0, fmt.Sprint(i))
		s.seal(s.order[0])
		s.tick(s.now.Add(time.Minute))
	}
	s.row(0, "in a batch")
	s.row(1, "other")
	inFlight := s.order[0].inFlight
	if inFlight == nil || len(s.order[0].queue) == 0 || s.order[0].batch == nil {
		t.Fatal("the scene is not set")
	}
	s.stopTable(s.order[0], errSchema)
	if len(s.unacked) != 1 || s.unacked[s.order[1].epoch] != 1 {
		t.Errorf("unacknowledged: %v", s.unacked)
	}
	if want := inFlight.bytes + s.order[1].batch.Bytes(); s.bytes != want {
		t.Errorf("%d bytes, want %d", s.bytes, want)
	}
	s.row(0, "late")
	if s.order[0].batch != nil || s.loop.err != nil {
		t.Errorf("a stopped table takes rows; %v", s.loop.err)
	}
	if open := s.open(); len(open) != 1 || open[0].Label != inFlight.label {
		t.Errorf("open %v", open)
	}
	s.loaded(inFlight, errSimLost)
	if open := s.open(); len(open) != 1 || open[0].Label != inFlight.label || s.order[0].queue != nil {
		t.Errorf("the load whose outcome is open is forgotten: %v", open)
	}
	if !s.hasSaid("shop.t0 is stopped, the other tables go on: error[SF5005]: the key changed\n   = To fix: starferry resync SCRIPT --table shop.t0") {
		t.Errorf("said %q", s.said)
	}
	p := s.progress()
	if p.Tables[0].Stopped != "the key changed" || p.Tables[1].Stopped != "" {
		t.Errorf("%+v", p.Tables)
	}
}

// No checkpoint that leaves out a row of a table says that the table is followed.
func TestAStopIsInEveryLaterCheckpoint(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.row(0, "lost")
	s.settledPlaces(3)
	s.stopTable(s.order[0], errSchema)
	s.tick(s.now.Add(time.Minute))
	c := s.journal.last
	if c == nil || c.Tables[0].Stopped == nil || c.Tables[1].Stopped != nil {
		t.Fatalf("%+v", c)
	}
	if stop := c.Tables[0].Stopped; stop.Code != "SF5005" || stop.Position.Offset != 4 || stop.Reason != "the key changed" || stop.Fix == "" {
		t.Errorf("%+v", stop)
	}
	s.streamEnded(s.now, errSimLost)
	s.tick(s.now.Add(time.Minute))
	if s.order[0].stopped == nil {
		t.Error("a stream that breaks lets the table go on")
	}
}

// The last table that is not stopped ends the ferry, with nothing of it saved.
func TestTheLastTableDoesNotStop(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.stopTable(s.order[0], errSchema)
	s.row(1, "bad")
	rows := change.NewRows(3)
	for range 3 {
		rows.AddString("7")
	}
	s.refusedRow(s.order[1], Upsert, rows, 0, errSimRefused)
	if p := diag.Find(s.loop.err); p == nil || !strings.Contains(p.Fix, "SET 'on-bad-row' = 'dead-letter'") || p.Code != "SF0001" {
		t.Fatal(s.loop.err)
	}
	s.tick(s.now.Add(time.Minute))
	s.save()
	if c := s.journal.last; c != nil && c.Tables[1].Stopped != nil || s.order[1].stopped != nil {
		t.Errorf("%+v", c)
	}
}

func TestAStoppedTableStaysStopped(t *testing.T) {
	t.Parallel()
	stop := &checkpoint.Stop{At: time.Unix(1_700_000_000, 0).UTC(), Code: "SF5005", Reason: "the key changed", Fix: "starferry resync SCRIPT --table shop.t0"}
	s := newStill(t, 2, StopOnBadRow, stop)
	if err := (&runner{loop: s.loop}).start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.hasSaid("shop.t0 is stopped since 2023-11-14 22:13:20 UTC: error[SF5005]: the key changed\n   = To fix: starferry resync SCRIPT --table shop.t0") {
		t.Errorf("said %q", s.said)
	}
	s.row(0, "1")
	if s.order[0].batch != nil {
		t.Error("its rows are taken")
	}
	s = newStill(t, 2, StopOnBadRow, stop, stop)
	err := (&runner{loop: s.loop}).start(t.Context())
	if p := diag.Find(err); p == nil || p.Code != codeAllStopped || !strings.Contains(p.Message, "the key changed") || p.Fix != stop.Fix {
		t.Errorf("%v", err)
	}
}

// A table that has lost its target between two runs stops, the others start.
func TestABrokenTableStopsAtTheStart(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.cfg.Broken = map[change.Name]error{s.order[0].route.Source: errSchema}
	if err := (&runner{loop: s.loop}).start(t.Context()); err != nil || s.order[0].stopped == nil {
		t.Fatal(err, s.order[0].stopped)
	}
	s = newStill(t, 1, StopOnBadRow)
	s.cfg.Broken = map[change.Name]error{s.order[0].route.Source: errSchema}
	if err := (&runner{loop: s.loop}).start(t.Context()); err == nil {
		t.Error("the only table does not start, and nobody is told")
	}
}

// Some rows are left out one by one; when it is all of them, the table stops.
func TestTooManyRefusedRowsStopTheTable(t *testing.T) {
	t.Parallel()
	refuse := func(s *still, between func(i int)) (refused int) {
		layout := &Layout{Columns: []LayoutColumn{{Name: "id", Key: true}}}
		rows := change.NewRows(1)
		rows.AddString("7")
		for s.order[0].stopped == nil && refused < 5000 {
			refused++
			s.badRow(&badRow{table: s.order[0], layout: layout, rows: rows}, errSimRefused)
			between(refused)
		}
		return refused
	}
	s := newStill(t, 2, DeadLetter)
	if n := refuse(s, func(int) {}); n != lettersInARow || s.counts.DeadLetters != lettersInARow || len(s.journal.letters) != lettersInARow {
		t.Errorf("stopped after %d rows in a row, %d letters", n, s.counts.DeadLetters)
	}
	if !s.hasSaid("error[SF5010]") || !s.hasSaid(`the row of shop.t0 with the key id="7"`) || len(s.said) != 2 {
		t.Errorf("said %q", s.said)
	}
	s = newStill(t, 2, DeadLetter)
	if n := refuse(s, func(int) { s.order[0].refused.inARow = 0 }); n != lettersPerMinute+1 {
		t.Errorf("stopped after %d rows in a minute", n)
	}
	s = newStill(t, 2, DeadLetter)
	if n := refuse(s, func(int) { s.order[0].refused.inARow = 0; s.now = s.now.Add(100 * time.Millisecond) }); n != 5000 || s.order[0].stopped != nil {
		t.Errorf("stopped after %d rows at 600 a minute", n)
	}
	if len(s.said) > 60 { // 500 s
		t.Errorf("%d messages about %d rows", len(s.said), 5000)
	}
}

func TestBackOffOfWhatCountsForNoTry(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: 500 * time.Millisecond, 1: 500 * time.Millisecond, 2: time.Second, 99: 30 * time.Second} {
		if got := backOff(n); got != want {
			t.Errorf("before try %d: %v, want %v", n, got, want)
		}
	}
}

// A row lies behind After and not behind UpTo, though many transactions come in one event.
func TestWhereARefusedRowLies(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, DeadLetter)
	table := s.order[0]
	table.route.MaxRows = 1
	before := s.position
	rows := change.NewRows(3)
	for _, cell := range []string{"1", "1", "a", "2", "2", simTorn} {
		rows.AddString(cell)
	}
	end := change.Position{File: "log.000001", Offset: 900}
	s.take(s.now, change.Event{Kind: change.Insert, Table: table.schema, Rows: rows, Position: end})
	if len(table.queue) != 1 || table.queue[0].after != before || table.queue[0].upTo != end {
		t.Errorf("the load is of %+v", table.queue)
	}
	if n := len(s.journal.letters); n != 1 || s.journal.letters[0].After != before || s.journal.letters[0].UpTo != end {
		t.Errorf("the letters are %+v", s.journal.letters)
	}
}

// Rows of a table that has joined and is gone wait for the checkpoint that knows it, though the
// stream begins again behind both: who goes on from a checkpoint before would take the target
// for empty.
func TestRowsOfATableThatIsGoneWaitForItsJoin(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.savedAt, s.cfg.SaveInterval = s.now, time.Minute
	joining := s.order[0]
	schema := joining.schema
	joining.schema, joining.seen = nil, nil
	at := func() change.Position {
		return change.Position{File: "log.000001", Offset: s.resume.position.Offset + 10}
	}
	s.take(s.now, change.Event{Kind: change.Joined, Table: schema, Resumable: true, Position: at()})
	s.row(0, "1")
	s.take(s.now, change.Event{Kind: change.Dropped, Table: schema, Position: at()})
	s.settledPlaces(1)
	s.rewind()
	if !joining.unsaved {
		t.Fatal("no checkpoint knows it, and nothing waits for one")
	}
	s.stream = &simStream{}
	s.begun(t, nil)
	if joining.unsaved || s.saved.states[0].Table == nil || s.counts.LoadedRows != 1 {
		t.Errorf("unsaved %v, %d rows are loaded, the checkpoint has %v", joining.unsaved, s.counts.LoadedRows, s.saved.states[0].Table)
	}
}
