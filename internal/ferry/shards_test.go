package ferry

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
)

// newShards is a still loop of so many tables that go into one target, and one that does not.
func newShards(t *testing.T, shards int, onBadRow OnBadRow) *still {
	t.Helper()
	source := newSimSource(rand.New(rand.NewPCG(1, 1)), 1, shards+1, false)
	source.merge(shards)
	return newStillOf(t, source, onBadRow)
}

// However many shards a target has, it gets one load per interval.
func TestAThousandShardsAreOneLoad(t *testing.T) {
	t.Parallel()
	const shards = 1000
	s := newShards(t, shards, StopOnBadRow)
	for shard := range shards {
		s.order[shard].route.MaxRows = 1 << 20
		s.row(shard, "1")
	}
	s.begun(t, nil)
	if s.counts.Loads != 1 || s.counts.LoadedRows != shards {
		t.Errorf("%d loads of %d rows", s.counts.Loads, s.counts.LoadedRows)
	}
	for range 3 {
		for shard := range shards {
			s.row(shard, "2")
		}
	}
	if wait := s.begun(t, nil); wait < time.Second-tickInterval || s.counts.Loads != 2 || s.counts.LoadedRows != 4*shards {
		t.Errorf("after %s there were %d loads of %d rows", wait, s.counts.Loads, s.counts.LoadedRows)
	}
}

// A row that is refused stops its own shard, or is its own shard's dead letter.
func TestARefusedRowIsItsShards(t *testing.T) {
	t.Parallel()
	for _, onBadRow := range []OnBadRow{StopOnBadRow, DeadLetter} {
		s := newShards(t, 3, onBadRow)
		for shard := range 3 {
			s.row(shard, "1")
		}
		for range 10 {
			s.flushDue()
			s.tick(s.now.Add(time.Second))
			f := s.order[0].inFlight
			if f == nil {
				break
			}
			var answer error
			for i := range f.batch.Rows() {
				_, row, err := f.batch.Read(i)
				if err != nil {
					t.Fatal(err)
				}
				if string(row.Cell(0, 1)) == "t1" {
					answer = &RefusedError{errSimRefused}
				}
			}
			s.effects = nil
			s.apply(s.now, func() { s.loaded(f, answer) })
		}
		stopped := s.order[1].stopped != nil
		if stopped != (onBadRow == StopOnBadRow) || s.order[0].stopped != nil || s.order[2].stopped != nil || s.counts.LoadedRows != 2 || !s.order[0].drained() {
			t.Errorf("%s: stopped %v, %d rows are loaded, drained %v", onBadRow, stopped, s.counts.LoadedRows, s.order[0].drained())
		}
		if !s.hasSaid(`_table_name="t1"`) {
			t.Errorf("%s: %q", onBadRow, s.said)
		}
	}
}

// What concerns the target stops all its shards, and no other table.
func TestATargetThatIsGoneStopsItsShards(t *testing.T) {
	t.Parallel()
	s := newShards(t, 3, StopOnBadRow)
	s.row(1, "1")
	s.begun(t, &TableError{errSimRefused})
	for i, table := range s.order {
		if (table.stopped != nil) != (i < 3) {
			t.Errorf("%s: %v", table.route.Source, table.stopped)
		}
	}
	if s.err != nil || s.bytes != 0 {
		t.Errorf("%v, %d bytes", s.err, s.bytes)
	}
}

// stoppedShards are two that have stopped while a load of them is under way.
func stoppedShards(t *testing.T) (s *still, shard *table, inFlight *shipment) {
	t.Helper()
	s = newShards(t, 2, StopOnBadRow)
	shard = s.order[0]
	s.row(0, "1")
	s.seal(shard)
	s.tick(s.now.Add(time.Minute))
	if inFlight = shard.inFlight; inFlight == nil {
		t.Fatal("the scene is not set")
	}
	s.effects = nil
	for _, one := range shard.shards {
		s.stopTable(one, errSchema)
	}
	return s, shard, inFlight
}

// A shard is copied anew only when what its target had under way has ended: it could arrive
// behind the copy, and would count as one of the loads that come then.
func TestAShardComesBackBehindWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	s, shard, inFlight := stoppedShards(t)
	s.takeJob(&Job{Kind: Resync, Tables: []change.Name{shard.route.Source}, Done: func([]CheckResult, error) {}})
	s.settledPlaces(1)
	if shard.stopped == nil || len(s.effects) > 0 {
		t.Error("it does not wait for the load that is under way")
	}
	s.apply(s.now, func() { s.loaded(inFlight, errSimLost) })
	for len(s.effects) > 0 && shard.stopped != nil {
		e := s.effects[0]
		s.effects = s.effects[1:]
		s.apply(s.now, e(t.Context()))
	}
	if shard.stopped != nil || !s.target.ended[inFlight.label] || len(shard.abandoned) > 0 {
		t.Errorf("stopped %v, the load has ended %v, abandoned %v", shard.stopped, s.target.ended[inFlight.label], shard.abandoned)
	}
	for epoch, n := range s.unacked {
		if n < 0 {
			t.Errorf("%d batches of epoch %d are missing", -n, epoch)
		}
	}
}

// Rows of a shard that no checkpoint knows wait, those that were taken before do not.
func TestRowsBeforeAJoinGoFirst(t *testing.T) {
	t.Parallel()
	s := newShards(t, 2, StopOnBadRow)
	s.savedAt = s.now
	joining := s.order[1]
	schema := joining.schema
	joining.schema, joining.seen = nil, nil
	s.row(0, "1")
	s.take(s.now, change.Event{Kind: change.Joined, Table: schema, Resumable: true, Position: change.Position{File: "log.000001", Offset: s.resume.position.Offset + 10}})
	s.row(1, "1")
	s.begun(t, nil)
	if s.counts.LoadedRows != 1 {
		t.Fatalf("%d rows are loaded", s.counts.LoadedRows)
	}
	s.begun(t, nil)
	if joining.unsaved || s.counts.LoadedRows != 2 {
		t.Errorf("unsaved %v, %d rows are loaded", joining.unsaved, s.counts.LoadedRows)
	}
}

// How a shard stands beside the columns of its target.
func TestShardBesideItsTarget(t *testing.T) {
	t.Parallel()
	a, b := column("a", change.Int, true), column("b", change.Int, false)
	target := []TargetColumn{{Name: "_db_name", Key: true}, {Name: "_table_name", Key: true}, {Name: "id", Key: true}, {Name: "a", Nullable: true}}
	for _, c := range []struct {
		schema           *change.Table
		missing, refused string
	}{
		{schemaOf(idColumn, a), "", ""},
		{schemaOf(idColumn), "", ""},
		{schemaOf(idColumn, a, b), "b", ""},
		{schemaOf(idColumn, column("_Table_Name", change.Int, true)), "", "has a column `_table_name` itself"},
		{schemaOf(column("other", change.Int, false)), "", "primary key"},
	} {
		s := &table{route: Route{Merged: true, Source: change.Name{Database: "d", Table: "t"}}, columns: target}
		missing, refused := s.fit(c.schema)
		names := make([]string, len(missing))
		for i := range missing {
			names[i] = missing[i].Name
		}
		if c.refused == "" && strings.Join(names, " ") != c.missing || !strings.Contains(strings.Join(refused, "; "), c.refused) || (c.refused == "") != (len(refused) == 0) {
			t.Errorf("%v: missing %v, refused %q", c.schema.Columns, names, refused)
		}
	}
	layout := (&table{route: Route{Merged: true, Source: change.Name{Database: "shop", Table: "t7"}}, columns: target}).layoutOf(schemaOf(idColumn))
	var filled []string
	for _, c := range layout.Columns {
		filled = append(filled, fmt.Sprintf("%s %d", c.Constant, c.From))
	}
	if got := strings.Join(filled, ","); got != "shop -1,t7 -1, 0, -1" {
		t.Error(got)
	}
}

// A column that has come with another shard: its rows are mended where they may not have
// what the source has there.
func TestColumnsOfOtherShardsAreMended(t *testing.T) {
	t.Parallel()
	seven := "7"
	a := column("a", change.Int, true)
	withDefault, required := a, column("a", change.Int, false)
	withDefault.Default = &seven
	old := schemaOf(idColumn)
	for _, c := range []struct {
		column   change.Column
		byTarget bool
		appended []string
		mends    bool
	}{
		{a, false, nil, false}, {a, true, nil, true}, {withDefault, false, nil, true}, {required, false, nil, true}, {withDefault, true, []string{"a"}, false},
	} {
		s := &table{route: Route{Merged: true}, seen: old, appended: c.appended, columns: []TargetColumn{{Name: "id", Key: true}, {Name: "a", Nullable: true, Default: c.byTarget}}}
		if why := s.mendsFor(schemaOf(idColumn, c.column)); (len(why) > 0) != c.mends {
			t.Errorf("%+v: %q", c, why)
		}
	}
}

// In a merged target nothing is dropped, renamed or made NOT NULL because one shard is.
func TestEvolveLeavesTheOtherShardsColumns(t *testing.T) {
	t.Parallel()
	p := SchemaPolicy{Behavior: Evolve, merged: true}
	for _, c := range policyCases {
		old, new := c.tables()
		v := p.judge(schemaChanges(old, new))
		want := map[string]string{"renamed": "", "dropped": "", "NOT NULL": ""}
		wanted, ok := want[c.name]
		if !ok {
			wanted = c.evolve
		}
		if v.String() != wanted {
			t.Errorf("%s: %q, want %q", c.name, v.String(), wanted)
		}
	}
}

// A load that nobody waited for any more is not one of those that come, whoever made its target
// alive again meanwhile.
func TestANewShardOfAStoppedTarget(t *testing.T) {
	t.Parallel()
	s, shard, inFlight := stoppedShards(t)
	route := shard.route
	route.Source.Table = "comes later"
	s.addTable(route, "")
	s.apply(s.now, func() { s.loaded(inFlight, errSimLost) })
	if len(s.unacked) > 0 || len(shard.queue) > 0 || shard.inFlight != nil || s.bytes != 0 {
		t.Errorf("unacknowledged %v, %d loads wait, %d bytes", s.unacked, len(shard.queue), s.bytes)
	}
}
