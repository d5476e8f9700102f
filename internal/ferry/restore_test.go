package ferry

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// restored is a loop that goes on from a table's state, with its stream open.
func restored(t *testing.T, state checkpoint.TableState) (*loop, *simulation) {
	t.Helper()
	source := newSimSource(rand.New(rand.NewPCG(1, 1)), 1, 1, false)
	s := &simulation{source: source, target: newSimTarget(source.rng, source), simProcess: &simProcess{journal: &simJournal{onSave: func(*checkpoint.Checkpoint) {}}}}
	l := newLoop(Config{
		Source: source, Pages: source, Target: s.target, Mirror: s.target, Journal: s.journal, Memory: 1 << 20, Deployment: "d", Incarnation: "i",
		Routes:   []Route{{Source: source.tables[0].name, Target: source.tables[0].name, Interval: time.Hour, MaxBytes: 1 << 20, MaxRows: 1000}},
		Restored: &checkpoint.Checkpoint{Epoch: 1, Position: change.Position{File: "log.000001", Offset: 4}, Tables: []checkpoint.TableState{state}},
	}, source.now)
	return l, s
}

// settleEffects runs effects, and what they begin, until there are none.
func settleEffects(t *testing.T, l *loop) {
	t.Helper()
	for range 100 {
		if len(l.effects) == 0 {
			return
		}
		e := l.effects[0]
		l.effects = l.effects[1:]
		l.apply(l.now.Add(time.Minute), e(t.Context()))
	}
	t.Fatal("effects without end")
}

func insertOf(schema *change.Table) change.Event {
	rows := change.NewRows(len(schema.Columns))
	for range schema.Columns {
		rows.AddString("1")
	}
	return change.Event{Kind: change.Insert, Table: schema, Rows: rows, Position: change.Position{File: "log.000001", Offset: 90}}
}

// What a row with the new schema is refused for is refused after every restart, also
// when the checkpoint was made between the ALTER and its first row.
func TestRefusedChangeStaysRefused(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	old := &change.Table{Name: name, Version: 1, Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.VarChar, Length: 10}}, {Name: "v", Type: change.Type{Base: change.BigInt}}, {Name: "a", Type: change.Type{Base: change.Int}, Nullable: true}}}
	altered := *old
	altered.Version = 2
	altered.Columns = append([]change.Column(nil), old.Columns...)
	altered.Columns[2].Type = change.Type{Base: change.BigInt}

	l, _ := restored(t, checkpoint.TableState{Name: name, Target: name, Table: &altered, Seen: old, Copy: checkpoint.CopyState{Done: true}})
	l.stream = &simStream{}
	l.take(l.now, insertOf(&altered))
	settleEffects(t, l)
	if l.err == nil || !strings.Contains(l.err.Error(), "from int to bigint") {
		t.Errorf("%v", l.err)
	}
}

func TestStateOfAnotherTargetIsNotTaken(t *testing.T) {
	t.Parallel()
	name, other := change.Name{Database: "shop", Table: "t0"}, change.Name{Database: "shop", Table: "other"}
	schema := schemaOf(idColumn)
	l, _ := restored(t, checkpoint.TableState{Name: name, Target: other, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true, Rows: 3}})
	if l.order[0].schema != nil || l.order[0].copy.Done {
		t.Error("the copy into another table counts as done")
	}
	l, _ = restored(t, checkpoint.TableState{Name: name, Table: schema, Copy: checkpoint.CopyState{Done: true}})
	if l.order[0].schema == nil {
		t.Error("a state that names no target is not taken")
	}
}

// A copy that meets another key order begins again: its place in the old order says
// nothing.
func TestCopyBeginsAgainWhenTheKeyChanges(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	text := func(collation string) *change.Table {
		return &change.Table{Name: name, Key: []int{0}, Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.VarChar, Length: 9, Charset: "utf8mb4", Collation: collation}}}}
	}
	after := change.NewRows(1)
	after.AddString("c")
	l, _ := restored(t, checkpoint.TableState{Name: name, Target: name, Table: text("utf8mb4_0900_ai_ci"), Copy: checkpoint.CopyState{Spans: []checkpoint.Span{{After: after}}}})
	l.stream = &simStream{}
	l.take(l.now, change.Event{Kind: change.Altered, Table: text("utf8mb4_bin"), Position: change.Position{File: "log.000001", Offset: 50}})
	if left := l.order[0].copying.spans; len(left) != 1 || left[0].after != nil || l.order[0].copy.Spans != nil {
		t.Error("the copy goes on in the middle of another order")
	}
}

// A page that fills the memory must not stop the stream it waits for.
func TestPageAsLargeAsTheMemory(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	l, _ := restored(t, checkpoint.TableState{Name: name, Target: name, Table: schemaOf(idColumn)})
	l.stream = &simStream{}
	l.pages = []*page{{pass: l.order[0].copying, bytes: 2 << 20}}
	l.bytes = 2 << 20
	if !l.wants() {
		t.Error("the loop takes no event while its page waits for one")
	}
	l.bytes += 1 << 20
	if l.wants() {
		t.Error("the memory is full and the loop takes more")
	}
}

// A stream that breaks while the target is emptied brings older rows again, and the
// TRUNCATE behind them: what was emptied for the first one does not count.
func TestEmptiedForAStreamThatBroke(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	schema := schemaOf(idColumn)
	schema.Name = name
	l, s := restored(t, checkpoint.TableState{Name: name, Target: name, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true}})
	s.target.rng = rand.New(rand.NewPCG(2, 2)) // no errors
	l.cfg.Shaper = s.target
	truncate := change.Event{Kind: change.Truncated, Table: schema, Position: change.Position{File: "log.000001", Offset: 50}}
	l.stream = &simStream{source: s.source}
	l.take(l.now, truncate)
	effects := l.effects
	l.effects = nil
	if l.held == nil || len(effects) != 1 {
		t.Fatalf("held %v, effects %d", l.held, len(effects))
	}
	l.streamEnded(l.now, errSimLost)
	l.apply(l.now, effects[0](t.Context()))
	l.stream = &simStream{source: s.source}
	l.opening = false
	l.take(l.now, truncate)
	if l.held == nil {
		t.Error("the TRUNCATE of the second stream counts as done by the first")
	}
}

// A comparison that was told of is over for a restart too, wherever that begins: the
// next one would join it, and say of rows that they are equal which it compared before.
func TestToldCheckIsOver(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	schema := schemaOf(idColumn)
	l, _ := restored(t, checkpoint.TableState{Name: name, Target: name, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true}})
	for _, repair := range []bool{false, true} {
		l.beginCheck(l.order[0], checkpoint.CheckState{Repair: repair})
		l.resume.states = l.tableStates()
		l.markHere()
		l.atResume = false // a transaction goes on, no place to end at
		l.endCheck(l.order[0].check, nil)
		if over := l.lastMark().states[0].Check == nil && l.resume.states[0].Check == nil; over == repair {
			t.Errorf("repair %v: over %v; what a repair has on its way must come again", repair, over)
		}
	}
}

// The target's keys are read when it shows what was taken before the comparison began: a
// row on its way then, of a table that lost rows without row events, would stay for good.
func TestTargetKeysAreReadBehindWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	schema := newSimSource(rand.New(rand.NewPCG(1, 1)), 1, 1, false).tables[0].schema
	l, s := restored(t, checkpoint.TableState{Name: name, Target: name, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true}})
	table := l.order[0]
	l.stream = &simStream{source: s.source}
	table.columns, table.described = s.target.tables[name].columns, schema
	l.take(l.now, insertOf(schema))
	for _, again := range []bool{false, true} {
		if table.batch == nil {
			l.take(l.now, insertOf(table.schema))
			table.check.asking = false
		}
		if again {
			l.startCheckOver(table.check)
		} else {
			l.beginCheck(table, checkpoint.CheckState{Repair: true})
		}
		table.check.forwards.spans = nil
		if l.readTargetKeys(table.check); table.check.asking {
			t.Errorf("again %v: they are read while a row is on its way", again)
		}
		table.batch, table.queue, table.inFlight = nil, nil, nil // visible
		if l.readTargetKeys(table.check); !table.check.asking {
			t.Errorf("again %v: they are not read when it is visible", again)
		}
		table.check.asking = false
	}
}

// What a resync's shadow was compared for is not forgotten by a restart: its rows may have
// changed without row events, and it is about to take its table's place.
func TestComparisonOfAShadowGoesOn(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	schema := schemaOf(idColumn)
	state := checkpoint.TableState{Name: name, Target: name, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true}}
	l, s := restored(t, state)
	state.Target, state.ShadowOf, state.Identity, state.Check = shadowName(name), name, "1", &checkpoint.CheckState{Repair: true}
	s.target.tables[state.Target] = &simTargetTable{identity: "1"}
	l.cfg.Restored.Tables, l.cfg.Shaper = append(l.cfg.Restored.Tables, state), s.target
	if err := l.restoreShadows(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shadow := l.order[1]; shadow.check == nil || !shadow.check.state.Repair {
		t.Error("it is forgotten")
	}
}

// A table may stop while a page of it is judged: the target cannot take the row that would
// mend it. The page is gone with the table.
func TestRowThatCannotBeMendedStopsItsTable(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "shop", Table: "t0"}
	schema := newSimSource(rand.New(rand.NewPCG(1, 1)), 1, 1, false).tables[0].schema
	l, s := restored(t, checkpoint.TableState{Name: name, Target: name, Table: schema, Seen: schema, Copy: checkpoint.CopyState{Done: true}})
	l.newTable(Route{Source: change.Name{Database: "shop", Table: "t1"}})
	table := l.order[0]
	table.layout = newLayout(schema, s.target.tables[name].columns)
	l.beginCheck(table, checkpoint.CheckState{Repair: true})
	keys, rows := change.NewRows(1), change.NewRows(3)
	keys.AddString("k1")
	for _, cell := range []string{"k1", "1", simTorn} {
		rows.AddString(cell)
	}
	p := &page{pass: table.check.forwards, request: PageRequest{Table: schema, Keys: keys}, rows: rows, gone: make([]bool, 1),
		doubts: []doubt{{key: "k1", looks: looksToDecide - 1}}, comparison: &comparison{keys: []int{0}}}
	l.pages, table.pages, table.check.inquiry = []*page{p}, []*page{p}, p
	l.compared(table.check, p, table.layout, change.NewRows(3), []int{-1})
	if table.stopped == nil || len(l.pages) > 0 || l.err != nil {
		t.Errorf("stopped %v, %d pages, %v", table.stopped, len(l.pages), l.err)
	}
}

// Who asked for a repair is told when the target shows what was mended: a redo before that
// takes it back.
func TestARepairIsToldWhenItShows(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	table, told := s.order[0], 0
	s.beginCheck(table, checkpoint.CheckState{Repair: true}, &Job{Done: func([]CheckResult, error) { told++ }, left: 1})
	table.check.forwards.spans, table.check.exhausted, table.check.state.Missing = nil, true, 1
	s.row(0, "mended")
	s.advanceChecks()
	if told > 0 || table.drained() {
		t.Errorf("told %d times before, drained %v", told, table.drained())
	}
	s.begun(t, nil)
	s.advanceChecks()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
