package ferry

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// Rows that the target refuses.
//
// A target takes a load as a whole or not at all, and often does not say which rows
// it is about. So a refused batch is halved, and the halves are sent in order under
// labels of their own, until single rows are left: with one bad row in n it takes
// about 2·log2(n) loads, whose bytes together are less than twice the batch's. The
// order of a key's rows stays what it was.
//
// What becomes of a refused row is Route.OnBadRow.

// OnBadRow says what a row does that the target refuses.
type OnBadRow uint8

const (
	// StopOnBadRow stops the row's table.
	StopOnBadRow OnBadRow = iota
	// DeadLetter writes the row to a file and leaves it out.
	DeadLetter
)

func (o OnBadRow) String() string { return [...]string{"stop", "dead-letter"}[o] }

const (
	// lettersPerMinute and lettersInARow are how many rows of a table may be left out:
	// with more of them something else is wrong than a row, and finding each costs the
	// target dozens of loads.
	lettersPerMinute = 1000
	lettersInARow    = 100
	// lettersSaid is how often rows that are left out are announced.
	lettersSaid = 10 * time.Second
)

// refusals is what was refused of one table.
type refusals struct {
	total  uint64
	inARow int // without a row that was taken between
	since  time.Time
	recent int // since then
	saidAt time.Time
	unsaid int // since saidAt
}

// failTable takes an error that no waiting solves: one of the table alone stops it,
// any other ends the ferry.
func (l *loop) failTable(t *table, err error) {
	var alone *TableError
	if errors.As(err, &alone) {
		l.stopTable(t, alone.Cause)
		return
	}
	l.fail(err)
}

// failTarget takes an error that concerns all that goes to a target: it stops every shard of it.
func (l *loop) failTarget(t *table, err error) {
	var alone *TableError
	switch {
	case len(t.shards) == 1 || !errors.As(err, &alone):
		l.failTable(t, err)
	case l.isExact() && !t.drained():
		l.goBack(alone.Cause, t.shards...)
	case !l.othersGoOn(t.shards...):
		l.fail(alone.Cause)
	default:
		for _, one := range t.shards {
			l.stopTable(one, alone.Cause)
		}
	}
}

// refusedLoad takes back a batch whose rows the target refuses.
func (l *loop) refusedLoad(s *shipment, cause error) {
	t := s.table
	if s.batch.Rows() > 1 {
		if !s.part {
			l.notify(Warning, t.route.Target, fmt.Sprintf("refuses a load of %d rows; looking for those at fault: %v", s.batch.Rows(), cause))
		}
		l.halve(s)
		return
	}
	op, rows, err := s.batch.Read(0)
	if err != nil {
		l.fail(fmt.Errorf("reading a refused row of %s again: %w", t.route.Source, err))
		return
	}
	l.badRow(&badRow{table: s.tableOf(rows), op: op, layout: s.batch.Layout(), rows: rows, after: s.after, upTo: s.upTo}, cause)
	l.release(s)
}

// halve puts the halves of a refused batch before everything else of the table.
func (l *loop) halve(s *shipment) {
	t := s.table
	first, second := s.batch.Split()
	parts := []*shipment{}
	for _, batch := range []Batch{first, second} {
		parts = append(parts, &shipment{
			table: t, batch: batch, bytes: batch.Bytes(), epoch: s.epoch, begun: s.begun, after: s.after, upTo: s.upTo, part: true, joining: s.joining,
		})
	}
	l.bytes += parts[0].bytes + parts[1].bytes - s.bytes
	l.unacked[s.epoch]++
	t.queue = append(parts, t.queue...)
}

// badRow is one refused row: its cells are those of the layout's columns.
type badRow struct {
	table       *table
	op          Op
	layout      *Layout
	rows        *change.Rows
	after, upTo change.Position
}

// refusedRow is a row that was refused before it was in any batch.
func (l *loop) refusedRow(t *table, op Op, rows *change.Rows, row int, cause error) {
	cells := change.NewRows(len(t.layout.Columns))
	for _, c := range t.layout.Columns {
		switch {
		case c.Constant != nil:
			cells.AddBytes(c.Constant)
		case c.From < 0 || rows.Null(row, c.From):
			cells.AddNull()
		default:
			cells.AddBytes(rows.Cell(row, c.From))
		}
	}
	l.badRow(&badRow{table: t, op: op, layout: t.layout, rows: cells, after: l.position, upTo: l.upTo}, cause)
}

// badRow stops the table, or leaves the row out.
func (l *loop) badRow(b *badRow, cause error) {
	t := b.table
	problem := &diag.Problem{
		Code: codeRefusedRow, Cause: cause,
		Message: fmt.Sprintf("StarRocks cannot take the row of %s with the key %s", t.route.Source, b.key()),
		Fix:     fmt.Sprintf("correct the row at the source, or let %s take it", t.route.Target),
	}
	if found := diag.Find(cause); found != nil {
		problem.Code = found.Code
		if found.Fix != "" {
			problem.Fix = strings.TrimSuffix(found.Fix, ".")
		}
	}
	problem.Fix += "; or have such rows left out and written to a file: SET 'on-bad-row' = 'dead-letter';"
	if t.route.OnBadRow == StopOnBadRow {
		l.stopTable(t, problem)
		return
	}
	if err := l.cfg.Journal.Letter(b.letter(l.now, problem.Code, cause)); err != nil {
		l.fail(err)
		return
	}
	l.counts.DeadLetters++
	l.countRefused(t, problem)
}

// countRefused announces rows that are left out, and stops a table that has too many.
func (l *loop) countRefused(t *table, problem *diag.Problem) {
	r := &t.refused
	r.total++
	r.inARow++
	r.recent++
	if r.recent == 1 || l.now.Sub(r.since) > time.Minute {
		r.since, r.recent = l.now, 1
	}
	if r.recent > lettersPerMinute || r.inARow >= lettersInARow {
		l.stopTable(t, &diag.Problem{
			Code:    codeTooManyRefused,
			Message: fmt.Sprintf("%d rows of %s were refused in %s, too many to leave out one by one; the last", r.recent, t.route.Source, max(l.now.Sub(r.since), time.Second).Round(time.Second)),
			Cause:   problem,
			Fix:     fmt.Sprintf("find out why %s refuses them: the rows and the reasons are in the dead letters of the table.", t.route.Target),
		})
		return
	}
	r.unsaid++
	if r.saidAt.IsZero() || l.now.Sub(r.saidAt) >= lettersSaid {
		more := ""
		if r.unsaid > 1 {
			more = fmt.Sprintf(" (and %d more since the last such message)", r.unsaid-1)
		}
		l.notify(Warning, t.route.Source, fmt.Sprintf("a row is left out and in the dead letters%s: %v", more, problem))
		r.saidAt, r.unsaid = l.now, 0
	}
}

// key is the row's key for people: id="4410021", name="x".
func (b *badRow) key() string {
	key := ""
	for i, c := range b.layout.Columns {
		if !c.Key {
			continue
		}
		if key != "" {
			key += ", "
		}
		key += fmt.Sprintf("%s=%q", c.Name, b.rows.Cell(0, i))
	}
	return key
}

func (b *badRow) letter(now time.Time, code diag.Code, cause error) *checkpoint.Letter {
	letter := &checkpoint.Letter{
		At: now, Source: b.table.route.Source, Target: b.table.route.Target, After: b.after, UpTo: b.upTo,
		Op: b.op.String(), Code: string(code), Reason: cause.Error(),
	}
	for i, c := range b.layout.Columns {
		cell := checkpoint.LetterCell{Column: c.Name, Value: b.rows.Cell(0, i), Null: b.rows.Null(0, i)}
		letter.Row = append(letter.Row, cell)
		if c.Key {
			letter.Key = append(letter.Key, cell)
		}
	}
	return letter
}
