package ferry

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

var errOfSource = &diag.Problem{Code: "SF3000", Message: "a row cannot be read", Fix: "mend the server."}

// asked is a source that notes what it was asked for.
type asked struct {
	Source
	followed, join []string
}

func (a *asked) Open(_ context.Context, _ change.Position, follow Follow) (Stream, error) {
	a.followed, a.join = nil, nil
	for _, t := range follow.Known {
		a.followed = append(a.followed, t.Name.Table)
	}
	for _, name := range follow.Join {
		a.join = append(a.join, name.Table)
	}
	return &simStream{source: &simSource{}}, nil
}

// opens wants the next stream to be asked for these tables.
func (s *still) opens(t *testing.T, followed, join string) {
	t.Helper()
	source := &asked{Source: s.cfg.Source}
	s.cfg.Source = source
	s.openAfter = time.Time{}
	s.openStream()
	if len(s.effects) == 0 {
		t.Fatal("no stream is opened")
	}
	for _, e := range s.effects {
		e(t.Context())()
	}
	s.effects = nil
	if strings.Join(source.followed, " ") != followed || strings.Join(source.join, " ") != join {
		t.Errorf("asked for %q and to join %q, want %q and %q", source.followed, source.join, followed, join)
	}
}

// unread says that a table cannot be read.
func (s *still) unread(number int) {
	s.loop.take(s.now, change.Event{Kind: change.Unreadable, Table: &change.Table{Name: s.order[number].route.Source}, Cause: errOfSource})
}

func TestAnUnreadableTableIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newStill(t, 3, StopOnBadRow)
	s.cfg.Shaper = s.target
	s.row(0, "lost")
	s.settledPlaces(2)
	s.unread(0)
	if s.loop.err != nil || s.order[0].stopped == nil || s.order[1].stopped != nil {
		t.Fatal(s.loop.err)
	}
	if fix := s.order[0].stopped.Fix; fix != "mend the server.\nThen copy the table anew: starferry resync SCRIPT --table shop.t0" {
		t.Errorf("fix %q", fix)
	}
	s.tick(s.now.Add(time.Minute))
	if c := s.journal.last; c == nil || c.Tables[0].Stopped == nil || c.Tables[0].Table != nil || c.Tables[1].Table == nil {
		t.Fatalf("%+v", c)
	}
	s.streamEnded(s.now, errSimLost)
	s.opens(t, "t1 t2", "")

	// The next process.
	cfg := s.cfg
	cfg.Restored = s.journal.last
	s.loop = newLoop(cfg, s.now)
	if s.order[0].dropped {
		t.Error("it counts as gone at the source")
	}
	s.opens(t, "t1 t2", "")
	var results []CheckResult
	job := func(kind JobKind) {
		results = nil
		s.takeJob(&Job{Kind: kind, Tables: []change.Name{s.order[0].route.Source}, Done: func(r []CheckResult, err error) { results = r }})
	}
	if job(Verify); len(results) != 1 || !strings.Contains(results[0].Err.Error(), "a row cannot be read") {
		t.Errorf("verify: %+v", results)
	}

	// A resync has it join, where the loop stands.
	job(Resync)
	s.advance()
	if s.stream == nil {
		t.Error("the stream is let go of in the middle of something")
	}
	s.settledPlaces(1)
	s.advance()
	if s.stream != nil {
		t.Fatal("the stream goes on without the table")
	}
	s.opens(t, "t1 t2", "t0")
	s.settledPlaces(1)
	if s.advance(); s.stream == nil {
		t.Error("the table was asked for, and is again")
	}
	joined := &change.Table{Name: s.order[0].route.Source, Version: 1, Key: []int{0}, Columns: s.order[1].schema.Columns}
	s.loop.take(s.now, change.Event{Kind: change.Joined, Table: joined, Resumable: true})
	if s.resyncs[0].busy != true || s.order[0].schema != joined {
		t.Error("the shadow is not made")
	}
	s.streamEnded(s.now, errSimLost)
	s.opens(t, "t0 t1 t2", "")
	s.unread(0) // again: of another kind, or the shadow's time
	if len(s.resyncs) != 0 || len(results) != 1 || results[0].Err == nil {
		t.Errorf("the resync waits for what does not come: %+v", results)
	}
	for _, e := range s.effects { // the shadow is made meanwhile
		e(t.Context())()
	}
	s.streamEnded(s.now, errSimLost)
	s.opens(t, "t1 t2", "")
}

// A stopped table that is not there when a resync has it join.
func TestAResyncOfATableThatIsGone(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow, &checkpoint.Stop{Code: "SF3000", Reason: "why"})
	s.order[0].schema, s.states = nil, nil
	s.resume.states = s.tableStates()
	s.stream = nil
	s.opens(t, "t1", "")
	var results []CheckResult
	s.takeJob(&Job{Kind: Resync, Tables: []change.Name{s.order[0].route.Source}, Done: func(r []CheckResult, err error) { results = r }})
	s.settledPlaces(1)
	s.advance()
	s.opens(t, "t1", "t0")
	s.loop.take(s.now, change.Event{Kind: change.Dropped, Table: &change.Table{Name: s.order[0].route.Source}, Statement: "no such table"})
	if len(results) != 1 || results[0].Err == nil || !strings.Contains(results[0].Err.Error(), "is gone at the source (no such table)") {
		t.Errorf("%+v", results)
	}
	if s.order[0].stopped == nil || s.order[0].dropped {
		t.Error("it is not stopped any more")
	}
}

// With no other table the ferry ends, and says what to do about this one; so it does when
// the table goes to several targets, none of which stops first.
func TestTheLastReadableTableEndsTheFerry(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.stopTable(s.order[0], errSchema)
	s.unread(1)
	p := diag.Find(s.loop.err)
	if p == nil || p.Code != "SF3000" || p.Error() != "a row cannot be read" || !strings.HasPrefix(p.Fix, "mend the server.\nThen: DROP TABLE ") || !strings.Contains(p.Fix, "the position is kept") {
		t.Errorf("%v", s.loop.err)
	}
	s = twoTargets(t, 1)
	if s.unread(0); s.loop.err == nil || s.order[0].stopped != nil || s.order[1].stopped != nil {
		t.Errorf("%v", s.loop.err)
	}
	s = twoTargets(t, 2)
	if s.unread(0); s.loop.err != nil || s.order[0].stopped == nil || s.order[1].stopped != nil || s.order[2].stopped == nil {
		t.Errorf("%v", s.loop.err)
	}
	if s.order[2].schema != nil || !s.order[2].unread {
		t.Error("the source is asked for the table for its second target")
	}
}

// twoTargets lets the first table go to a second target.
func twoTargets(t *testing.T, tables int) *still {
	t.Helper()
	s := newStill(t, tables, StopOnBadRow)
	cfg := s.cfg
	second := cfg.Routes[0]
	second.Target.Table += "_2"
	s.target.tables[second.Target] = s.target.tables[cfg.Routes[0].Target]
	cfg.Routes = append(slices.Clone(cfg.Routes), second)
	restored := *cfg.Restored
	state := restored.Tables[0]
	state.Target = second.Target
	restored.Tables = append(slices.Clone(restored.Tables), state)
	cfg.Restored = &restored
	s.loop = newLoop(cfg, s.now)
	s.stream = &simStream{}
	return s
}

// What a page says of a table counts like what its rows say.
func TestATableThatLooksOtherThanItsLogIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newStill(t, 2, StopOnBadRow)
	s.looksOther(s.order[0], errOfSource)
	if stop := s.order[0].stopped; stop == nil || stop.Code != string(codeChangedOutsideLog) || stop.Fix != "starferry resync SCRIPT --table shop.t0" || s.order[0].schema != nil {
		t.Errorf("%+v", stop)
	}
	s.loop.take(s.now, change.Event{Kind: change.Altered, Table: s.order[1].schema, Resumable: true})
	altered := *s.order[1].schema
	altered.Name = s.order[0].route.Source
	s.loop.take(s.now, change.Event{Kind: change.Altered, Table: &altered}) // the stream at hand says more
	s.row(1, "x")
	s.streamEnded(s.now, errSimLost)
	s.opens(t, "t1", "")
	s = newStill(t, 1, StopOnBadRow)
	if s.looksOther(s.order[0], errOfSource); s.loop.err == nil || !strings.Contains(diag.Find(s.loop.err).Fix, "DROP TABLE") {
		t.Errorf("%v", s.loop.err)
	}
}

// TestOtherTypesCountForAStoppedTable, which joins anew for its resync; one that goes on,
// or whose rows another route needs, keeps its schema.
func TestOtherTypesCountForAStoppedTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retyped, stopped, shared bool
		followed, join           string
	}{
		"stopped":          {retyped: true, stopped: true, followed: "t1", join: "t0"},
		"the same types":   {stopped: true, followed: "t0 t1"},
		"it goes on":       {retyped: true, followed: "t0 t1"},
		"and another does": {retyped: true, stopped: true, shared: true, followed: "t0 t1"},
	} {
		for _, kind := range []JobKind{Resync, Wipe} {
			var stops []*checkpoint.Stop
			if c.stopped {
				stops = append(stops, &checkpoint.Stop{Code: "SF3000", Reason: "why"})
			}
			s := newStill(t, 2, StopOnBadRow, stops...)
			first := s.order[0]
			s.cfg.Retyped = func(table *change.Table) bool { return c.retyped && table == first.schema }
			if c.shared {
				s.tables[first.route.Source] = append(s.tables[first.route.Source], &table{route: first.route, schema: first.schema})
			}
			if err := s.takeTable(&Job{Kind: kind}, first); err != nil {
				t.Fatal(err)
			}
			if known := s.resume.states == nil || s.resume.states[0].Table != nil; known != (c.join == "") {
				t.Errorf("%s: a restart knows its schema: %t", name, known)
			}
			s.stream = nil
			s.opens(t, c.followed, c.join)
		}
	}
}
