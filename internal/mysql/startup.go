package mysql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/ddl"
)

// A first start that does not begin with a copy begins at a place of the log that somebody
// names. Such a place lies between two transactions; and nothing tells what a table was
// there but what it is now and what statements did to it since: ChangesSince looks.
//
// Invariant: a table is read from the place on as what makes the table of now when all that
// the log says happened to it is done again. That is known for statements that only added
// columns; and rows from before them are right at the target only where those are NULL in
// them, for no row event tells of others.
//
// Rejected: taking columns from the TABLE_MAPs of binlog_row_metadata=FULL (they do not tell
// BOOLEAN, UUID and INET, defaults and generated columns, and say nothing of a table that has
// no rows before the statement).

// Begin names a place of the log: the earliest there is, one of a file, one behind a set of
// transactions, or the first transaction of a time or later.
type Begin struct {
	Earliest bool
	File     string
	Offset   uint64
	GTIDs    string
	Time     time.Time
}

// Place finds where a first stream begins.
func (s *Source) Place(ctx context.Context, b Begin) (change.Position, error) {
	switch {
	case b.GTIDs != "":
		return s.behindGTIDs(ctx, b.GTIDs)
	case b.Earliest:
		files, err := s.someFiles(ctx)
		if err != nil {
			return change.Position{}, err
		}
		return s.firstOf(ctx, files[0].name, 0)
	case b.File != "" && b.Offset <= 4:
		return s.firstOf(ctx, b.File, 0)
	case b.File != "":
		return s.between(ctx, b.File, b.Offset)
	case !b.Time.IsZero():
		return s.since(ctx, b.Time)
	}
	return s.Start(ctx)
}

// someFiles are the files of the log, of which there are some.
func (s *Source) someFiles(ctx context.Context) ([]logFile, error) {
	files, err := s.logFiles(ctx)
	if err == nil && len(files) == 0 {
		err = s.logOffProblem()
	}
	return files, err
}

func startupProblem(cause error, fix, format string, a ...any) error {
	return &diag.Problem{Code: codeStartup, Class: diag.Refused, Cause: cause, Message: fmt.Sprintf(format, a...), Fix: fix}
}

// behindGTIDs is the place behind a set of transactions.
func (s *Source) behindGTIDs(ctx context.Context, set string) (change.Position, error) {
	p := change.Position{GTIDs: compactSet(set)}
	if s.server.Flavor == MySQL && !s.server.followsGTID() {
		return p, startupProblem(nil, "name a file: 'scan.startup.specific-offset.file' and 'scan.startup.specific-offset.pos'.",
			"'scan.startup.specific-offset.gtid-set' needs GTIDs, and MySQL %s has gtid_mode=%s", s.address(), s.server.GTIDMode)
	}
	err := s.checkLog(ctx, p)
	if err != nil && diag.Find(err) == nil {
		err = startupProblem(err, "write it as the server does: SELECT @@global.gtid_executed; of MariaDB SELECT @@global.gtid_binlog_pos;", "'%s' is no set of GTIDs", set)
	}
	return p, err
}

// between checks that a place lies between two transactions.
func (s *Source) between(ctx context.Context, file string, offset uint64) (change.Position, error) {
	p := change.Position{File: file, Offset: offset, Server: s.server.ID}
	if err := s.checkLog(ctx, p); err != nil {
		return p, err
	}
	good, err := s.beginsAt(ctx, p)
	const fix = "name a place where a transaction begins: SHOW BINLOG EVENTS IN 'file'; lists them. Or name a time: 'scan.startup.mode' = 'timestamp'."
	switch {
	case diag.IsTransient(err):
		return p, err
	case err != nil:
		return p, startupProblem(err, fix, "the log of MySQL %s cannot be read from %s on", s.address(), p)
	case !good:
		return p, startupProblem(nil, fix, "%s lies inside a transaction", p)
	}
	return s.begunAt(ctx, p)
}

// begunAt notes when the file of a place was begun.
func (s *Source) begunAt(ctx context.Context, p change.Position) (_ change.Position, err error) {
	if s.server.Flavor == MariaDB && p.GTIDs == "" {
		if p.GTIDs, err = s.mariaPosition(ctx, p.File, p.Offset); err != nil {
			return p, err
		}
	}
	p.Begun, err = s.begun(ctx, p.File)
	return p, err
}

// beginsAt tells whether what comes next at a place is the beginning of a transaction, or
// nothing yet.
func (s *Source) beginsAt(ctx context.Context, p change.Position) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	d, err := s.lookInto(ctx, p)
	if err != nil {
		return false, err
	}
	for {
		e, err := d.next()
		switch {
		case errors.Is(err, errEnd):
			return true, nil
		case err != nil:
			return false, s.dumpProblem(err, p)
		case e.Artificial(), e.Kind == binlog.KindFormat, e.Kind == binlog.KindHeartbeat, e.Kind == binlog.KindHeartbeatV2:
			continue // said of the file, or of nothing
		}
		return beginsTransaction(e), nil
	}
}

// beginsTransaction tells events that only stand between two transactions, or begin one.
func beginsTransaction(e *binlog.Event) bool {
	switch e.Kind {
	case binlog.KindGTID, binlog.KindAnonymousGTID, binlog.KindTaggedGTID, binlog.KindMariaGTID,
		binlog.KindRotate, binlog.KindStop, binlog.KindPreviousGTIDs, binlog.KindMariaGTIDList, binlog.KindMariaCheckpoint:
		return true
	}
	return false
}

// since finds the first transaction of a time or later.
func (s *Source) since(ctx context.Context, t time.Time) (change.Position, error) {
	files, err := s.someFiles(ctx)
	if err != nil {
		return change.Position{}, err
	}
	seconds := t.Unix()
	var asked error
	// Of the last file that was begun in a second before; one that was begun in the same
	// second may have others of that second before it.
	at, _ := slices.BinarySearchFunc(files, seconds, func(f logFile, seconds int64) int {
		begun, err := s.begun(ctx, f.name)
		if asked = errors.Join(asked, err); int64(begun) >= seconds {
			return 1
		}
		return -1
	})
	if asked != nil {
		return change.Position{}, asked
	}
	if at == 0 {
		begun, err := s.begun(ctx, files[0].name)
		if err != nil {
			return change.Position{}, err
		}
		return change.Position{}, startupProblem(nil, "name a later time; or begin with what there is: 'scan.startup.mode' = 'earliest-offset'; or with a copy: 'initial'.",
			"the log of MySQL %s reaches back to %s only, and %s is asked for", s.address(), time.Unix(int64(begun), 0).UTC().Format(time.DateTime), t.UTC().Format(time.DateTime))
	}
	return s.firstOf(ctx, files[at-1].name, seconds)
}

// firstOf finds the first transaction of that second or later, from a file on; the end of
// the log if there is none.
func (s *Source) firstOf(ctx context.Context, file string, seconds int64) (change.Position, error) {
	if err := s.checkLog(ctx, change.Position{File: file, Offset: 4, Server: s.server.ID}); err != nil {
		return change.Position{}, err
	}
	end, err := s.Start(ctx)
	if err != nil {
		return end, err
	}
	found := end
	err = s.scan(ctx, change.Position{File: file, Offset: 4}, end, func(at change.Position, e *binlog.Event) (bool, error) {
		switch e.Kind {
		case binlog.KindGTID, binlog.KindAnonymousGTID, binlog.KindTaggedGTID, binlog.KindMariaGTID:
			if int64(e.Time) >= seconds {
				found = at
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil || found == end {
		return end, err
	}
	found.Server = s.server.ID
	return s.begunAt(ctx, found)
}

// scan reads the log from one place to another, as nobody's replica, and hands on its
// events with the places where they begin, until visit says that it has enough. Rows are not
// to be looked at.
func (s *Source) scan(ctx context.Context, from, until change.Position, visit func(at change.Position, e *binlog.Event) (more bool, err error)) error {
	if from.File != "" && from.Reached(until) {
		return nil
	}
	if from.Offset > math.MaxUint32 {
		return startupProblem(nil, "name another place.", "%s lies behind 4 GiB of its file, where a log cannot be asked for", from)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	d, err := s.lookInto(ctx, from)
	if err != nil {
		return err
	}
	r := &reader{source: s, at: change.Position{File: from.File, Offset: from.Offset}} // counts offsets only
	for !r.at.Reached(until) {
		e, err := d.next()
		if errors.Is(err, errEnd) { // behind which the last that was left out may not be told of
			return nil
		}
		if s.torn(err) {
			// What is missing there, if anything is, a stream will say.
			next, err := s.fileBehind(ctx, r.at, err)
			if err != nil {
				return err
			}
			d.close()
			if d, err = s.lookInto(ctx, change.Position{File: next, Offset: 4}); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return s.dumpProblem(err, r.at)
		}
		switch e.Kind {
		case binlog.KindFormat:
			if r.at.Offset < uint64(e.End) && r.at.Offset == 4 {
				r.at.Offset = uint64(e.End)
			}
			continue
		case binlog.KindHeartbeat, binlog.KindHeartbeatV2:
			if from.File == "" { // what is left out is told of so
				r.at.Offset = max(r.at.Offset, uint64(e.End))
			}
			continue
		case binlog.KindRotate:
			next, err := e.Rotate()
			if err != nil {
				return s.dumpProblem(&parseError{err}, r.at)
			}
			if file := string(next.File); file != r.at.File {
				r.at = change.Position{File: file, Offset: next.Offset}
			}
			continue
		}
		if !e.Artificial() {
			more, err := visit(r.at, e)
			if err != nil {
				return s.dumpProblem(&parseError{err}, r.at)
			}
			if !more {
				return nil
			}
		}
		r.advance(e)
	}
	return nil
}

// lookInto asks for the log as nobody's replica, on a connection that ends with ctx.
func (s *Source) lookInto(ctx context.Context, from change.Position) (*dump, error) {
	d, err := s.dialDump(ctx)
	if err != nil {
		return nil, s.reconnectProblem(err)
	}
	context.AfterFunc(ctx, d.close)
	if err := d.prepare(s, ""); err != nil {
		return nil, err
	}
	if from.File == "" {
		err = d.ask(s, from, nobody)
	} else {
		err = d.askFile(from, nobody)
	}
	if err != nil {
		return nil, s.queryProblem("asking for the binary log", err)
	}
	d.parser.RowsUnread = true
	return d, nil
}

// Changes are what statements behind a place of the log did to tables.
type Changes struct {
	// Created are tables that were created behind it, or may have been (IF NOT EXISTS is
	// logged for one that is there too): they are to be copied.
	Created map[change.Name]bool
	// Before are the tables that got columns since, as they were there.
	Before map[change.Name]*change.Table
	// Altered are the other tables that are not what they were there, and the first
	// statement that may have changed each.
	Altered map[change.Name]string

	added map[change.Name][]addition
}

// addition is an ALTER that may have added columns and done nothing else.
type addition struct {
	alter   *ddl.AlterTable
	session ddl.Session
	said    string
}

// ChangesSince reads the log from a place to its end for statements that may have changed
// what these tables are.
func (s *Source) ChangesSince(ctx context.Context, from change.Position, tables []*change.Table) (Changes, error) {
	found := Changes{Created: map[change.Name]bool{}, Before: map[change.Name]*change.Table{}, Altered: map[change.Name]string{}, added: map[change.Name][]addition{}}
	until, err := s.End(ctx)
	if err != nil {
		return found, err
	}
	names := make([]change.Name, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	r := &reader{source: s}
	err = s.scan(ctx, from, until, func(at change.Position, e *binlog.Event) (bool, error) {
		if !e.IsQuery() {
			return true, nil
		}
		query, err := e.Query()
		if err == nil {
			r.note(ctx, &found, names, at, &query)
		}
		return true, err
	})
	for _, t := range tables {
		added := found.added[t.Name]
		if len(added) == 0 || found.Altered[t.Name] != "" || found.Before[t.Name] != nil {
			continue
		}
		if before := s.rewind(t, added); before != nil {
			found.Before[t.Name] = before
		} else {
			found.Altered[t.Name] = added[0].said
		}
	}
	return found, err
}

// rewind is what a table was before columns were added to it; nil when adding them again
// does not make what it is now.
func (s *Source) rewind(now *change.Table, added []addition) *change.Table {
	before, ok := now, true
	for _, a := range slices.Backward(added) {
		if before, ok = ddl.Undo(before, a.alter); !ok {
			return nil
		}
	}
	again := before
	for _, a := range added {
		next, err := ddl.Apply(again, a.alter, a.session)
		if err != nil {
			return nil
		}
		again = s.config.Treatment.of(next, again)
	}
	if !ddl.Same(again, now) {
		return nil
	}
	return before
}

// note notes what a statement does to tables.
func (r *reader) note(ctx context.Context, found *Changes, names []change.Name, at change.Position, q *binlog.Query) {
	if word, _ := firstWord(q.Text); word == "BEGIN" || word == "COMMIT" || word == "SAVEPOINT" {
		return
	}
	text, session, err := r.session(q)
	var parsed ddl.Statement
	if err == nil {
		parsed, err = ddl.Parse(text, session)
	}
	if err == nil && (changesNothing(parsed) || q.Error != 0 && !appliesInSpite(parsed)) {
		return
	}
	said := fmt.Sprintf("at %s: %s", at, excerpt(text))
	for _, name := range names {
		is := func(n change.Name) bool { return r.source.foldName(n) == r.source.foldName(name) }
		switch s := parsed.(type) {
		case *ddl.CreateTable:
			if is(s.Name) && !s.Temporary {
				found.Created[name] = true
				delete(found.Altered, name)
				delete(found.added, name)
			}
			continue
		case *ddl.AlterTable:
			if is(s.Name) && s.RenameTo == nil && !found.Created[name] {
				found.added[name] = append(found.added[name], addition{s, session, said})
			}
			if s.RenameTo == nil {
				continue
			}
		}
		if !found.Created[name] && found.Altered[name] == "" && r.mayConcern(string(q.Database), text, name) {
			found.Altered[name] = said
		}
	}
}

// changesNothing tells a statement after which every table is what it was.
func changesNothing(statement ddl.Statement) bool {
	switch s := statement.(type) {
	case *ddl.TruncateTable, *ddl.RowsByStatement, *ddl.Other, *ddl.CreateDatabase, *ddl.AlterDatabase:
		return true
	case *ddl.AlterTable:
		return len(s.Changes) == 0 && s.RenameTo == nil
	case nil:
		return true
	}
	return false
}
