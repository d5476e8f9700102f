package mysql

import (
	"context"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Invariant: a row is decoded with the version of its table that was in force at
// its place in the log, or not at all. information_schema speaks of now and the
// stream of then, so a table joins by P1 = end of the log, read its schema, P2 =
// end of the log: it is followed from P2 on, its rows before are dropped (its first
// page is read later), and a DDL that may concern it in (P1, P2] has the join begin
// again. From there on versions advance by the DDL in the log.
//
// Rejected: reading information_schema when a DDL passes (wrong under lag), a read
// lock at start (stops the source), relying on binlog_row_metadata=FULL (not the
// default anywhere).

// tracked is one followed table.
type tracked struct {
	name  change.Name // as asked for
	table *change.Table
	was   *change.Table // what it was before it went; nil while it has not
	state trackedState
	// While joining.
	p1, p2  change.Position
	again   bool
	problem error // why it cannot join
	// version is the last that was given out.
	version int
}

type trackedState uint8

const (
	joining   trackedState = iota
	following              // table is in force
	arriving               // table is in force when the statement at hand is done
	absent                 // there is no table of this name at this place in the log
	lost                   // its rows cannot be read, and are of no interest any more
)

// tracker knows the followed tables by their folded names.
type tracker struct {
	source *Source
	tables map[change.Name]*tracked
	// others are columns of tables that nobody follows, see others.go.
	others others
	// databases are the default collations that CREATE and ALTER DATABASE set.
	databases map[string]string
	// waiting is the number of tables that join.
	waiting int
	// earlier are the XA transactions that were prepared when the first table was to
	// join; nil before.
	earlier []string
}

func (s *Source) foldName(n change.Name) change.Name {
	return change.Name{Database: s.fold(n.Database), Table: s.fold(n.Table)}
}

// newTracker restores what is known of tables and begins the join of the others.
func (s *Source) newTracker(ctx context.Context, follow ferry.Follow) (*tracker, error) {
	t := &tracker{source: s, tables: map[change.Name]*tracked{}, databases: map[string]string{}}
	for _, table := range follow.Known {
		t.tables[s.foldName(table.Name)] = &tracked{name: table.Name, table: table, state: following, version: table.Version}
	}
	for _, table := range follow.Gone {
		t.tables[s.foldName(table.Name)] = &tracked{name: table.Name, was: table, state: absent, version: table.Version}
	}
	joins := make([]*tracked, len(follow.Join))
	for i, name := range follow.Join {
		joins[i] = &tracked{name: name}
		t.tables[s.foldName(name)] = joins[i]
	}
	t.waiting = len(joins)
	return t, t.beginJoin(ctx, joins)
}

// live tells whether there is a table whose schema is known.
func (one *tracked) live() bool { return one.state == following || one.state == arriving }

func (t *tracker) find(database, table string) *tracked {
	return t.tables[change.Name{Database: t.source.fold(database), Table: t.source.fold(table)}]
}

// joinTries bounds the waits for a DDL or an XA transaction that stands in the way.
const joinTries = 60

// beginJoin reads P1, the schemas and P2, or notes why a table cannot join.
func (t *tracker) beginJoin(ctx context.Context, ones []*tracked) error {
	if len(ones) == 0 {
		return nil
	}
	for tries := 0; ; tries++ {
		err := t.tryJoin(ctx, ones)
		if err == nil || !diag.IsTransient(err) || tries == joinTries {
			return err
		}
		which := "table " + ones[0].name.String()
		if len(ones) > 1 {
			which += fmt.Sprintf(" and %d more", len(ones)-1)
		}
		t.source.config.Notify("%s cannot join yet: %v", which, err)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (t *tracker) tryJoin(ctx context.Context, ones []*tracked) error {
	s := t.source
	if err := t.checkPrepared(ctx, ones[0].name); err != nil {
		return err
	}
	p1, err := s.End(ctx)
	if err != nil {
		return err
	}
	names := make([]change.Name, len(ones))
	for i, one := range ones {
		names[i], one.problem = one.name, nil
	}
	// A DDL is in the log before it is visible in information_schema; it keeps its
	// lock until then, and this waits for it.
	err = s.openAll(ctx, names, func(name change.Name, err error) error {
		switch {
		case isSchemaChange(err):
			return nil
		case denied(errorCode(err)):
			err = s.grantProblem("SELECT", quotedTable(name), err)
		default:
			if err = s.queryProblem("opening table "+name.String(), err); diag.Find(err) == nil || diag.IsTransient(err) {
				return err
			}
		}
		t.tables[s.foldName(name)].problem = err
		return nil
	})
	if err != nil {
		return err
	}
	described, err := s.describeAll(ctx, names)
	if err != nil {
		return err
	}
	p2, err := s.End(ctx)
	if err != nil {
		return err
	}
	for i, one := range ones {
		table := described[i].table
		switch p := diag.Find(described[i].problem); {
		case p == nil:
		case p.Code == codeNoTable || p.Code == codeNoDatabase:
			table = nil
			s.config.Notify("there is no table %s at the source now; it joins when it is created", one.name)
		default:
			one.problem = firstOf(one.problem, described[i].problem)
		}
		one.p1, one.p2, one.again, one.table, one.state = p1, p2, false, table, joining
	}
	return nil
}

// checkPrepared waits for XA transactions that were prepared before the stream can
// see them: their rows are in neither the stream nor a page. Those that are prepared
// from now on are in the stream.
func (t *tracker) checkPrepared(ctx context.Context, name change.Name) error {
	if t.earlier != nil && len(t.earlier) == 0 {
		return nil
	}
	now, err := t.source.preparedNow(ctx)
	if err != nil {
		return err
	}
	if t.earlier == nil {
		t.earlier = now
	}
	left := []string{}
	for _, id := range t.earlier {
		if slices.Contains(now, id) {
			left = append(left, id)
		}
	}
	t.earlier = left
	n := len(left)
	if n == 0 {
		return nil
	}
	return &diag.Problem{Code: codeXA, Class: diag.Transient,
		Message: fmt.Sprintf("%d XA transactions are prepared on MySQL %s and may have changed table %s; waiting until they are committed or rolled back", n, t.source.address(), name),
		Fix:     "XA RECOVER; then XA COMMIT or XA ROLLBACK each of them."}
}

// preparedNow are the XA transactions that are prepared and not decided, for telling
// them apart. Without the privilege to ask, none: a commit of one of them is noticed
// later.
func (s *Source) preparedNow(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "XA RECOVER")
	if code := errorCode(err); code == 1401 || code == 1227 || code == 1399 {
		return []string{}, nil
	}
	if err != nil {
		return nil, s.queryProblem("XA RECOVER", err)
	}
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var format, global, branch int64
		var data string
		if err := rows.Scan(&format, &global, &branch, &data); err != nil {
			return nil, s.queryProblem("XA RECOVER", err)
		}
		at := min(int(global), len(data))
		ids = append(ids, xidText([]byte(data[:at]), []byte(data[at:]), format))
	}
	return ids, s.queryProblem("XA RECOVER", rows.Err())
}

// join lets tables join that the stream has reached the second mark of.
func (r *reader) join(ctx context.Context) error {
	t := r.tracker
	if t.waiting == 0 {
		return nil
	}
	r.together = true
	defer func() { r.together = false }()
	for _, one := range t.tables {
		if one.state != joining || one.problem == nil && (!r.at.Reached(one.p2) || !r.canResume() || r.holdsEarly(one)) {
			continue
		}
		if err := r.joinOne(ctx, one); err != nil {
			return err
		}
	}
	return r.tell(ctx)
}

// joinOne ends the join of a table, or begins it again.
func (r *reader) joinOne(ctx context.Context, one *tracked) error {
	t := r.tracker
	if one.again && one.problem == nil {
		r.source.config.Notify("table %s was changed while it joined; reading its schema again", one.name)
		if err := r.queue.flush(ctx); err != nil {
			return err
		}
		if err := t.beginJoin(ctx, []*tracked{one}); err != nil {
			return err
		}
		if one.problem == nil && !r.at.Reached(one.p2) {
			return nil
		}
	}
	if one.problem != nil {
		return r.giveUp(ctx, one, one.problem)
	}
	t.waiting--
	if one.table == nil {
		one.state, r.owed = absent, true
		return r.put(ctx, change.Event{Kind: change.Dropped, Table: &change.Table{Name: one.name}, Statement: "there was no such table when it was to join"})
	}
	return r.joined(ctx, one, one.table, "")
}

// joined puts a schema in force from here on, or from the end of the group at hand:
// a Joined is a place to resume at, and rows that its own statement brought (CREATE
// TABLE … SELECT) are read by its pages.
func (r *reader) joined(ctx context.Context, one *tracked, table *change.Table, statement string) error {
	if err := r.source.usable(table); err != nil {
		return r.giveUp(ctx, one, err)
	}
	one.version++
	arrived := r.source.config.Treatment.of(table, nil)
	arrived.Name, arrived.Version = one.name, one.version
	one.table, one.state = arrived, arriving
	r.happened = append(r.happened, happening{change.Event{Kind: change.Joined, Table: one.table, Statement: statement}, one})
	if r.group.open || r.together {
		return nil
	}
	return r.tell(ctx)
}

// happening is an event that is delivered when its group has ended, and its table.
type happening struct {
	event change.Event
	one   *tracked
}

// tell delivers what happened in the group that has ended. Behind a new schema a place to
// begin at comes before any row.
func (r *reader) tell(ctx context.Context) error {
	unplaced := false
	for i, h := range r.happened {
		e := h.event
		e.Position, e.Time = r.at, r.time
		isChange := e.Kind == change.Altered || e.Kind == change.Replaced
		switch unplaced = unplaced || isChange; {
		case isChange && i == len(r.happened)-1 && r.canResume():
			r.makeResumable(&e)
		case e.Kind == change.Joined:
			if h.one.state == arriving && h.one.table == e.Table {
				h.one.state = following
			}
			if !slices.ContainsFunc(r.happened[i+1:], func(h happening) bool { return h.event.Kind == change.Joined }) {
				r.makeResumable(&e) // one place for all that join here
			}
		}
		r.owed = true
		if err := r.queue.put(ctx, &e); err != nil {
			return err
		}
		unplaced = unplaced && !e.Resumable
	}
	r.happened = r.happened[:0]
	if unplaced && r.canResume() {
		return r.progress(ctx)
	}
	return nil
}

// put hands on an event that ends here.
func (r *reader) put(ctx context.Context, e change.Event) error {
	e.Position, e.Time = r.at, r.time
	return r.queue.put(ctx, &e)
}
