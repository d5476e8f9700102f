package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

// Invariant: the rows of an XA transaction are in the log where it is prepared, and
// count from where it is committed, perhaps days and files later: they are held in
// between and delivered there. No checkpoint holds them. A resumable position says
// how a later stream gets to see them again:
//
//   - by MySQL's GTIDs, the prepared transaction is left out of the set until it is
//     decided, so that the server sends exactly it again;
//   - otherwise Undecided names the place where the oldest of them begins. A stream
//     is opened there, and what it reads up to the real position is looked at for
//     prepared transactions only.
//
// Ids of prepared transactions without rows of followed tables are kept in Undecided
// too: a commit of an unknown id is then one that was prepared before the first
// stream began, and its rows are in neither the stream nor a page.
//
// Rejected: rows in the checkpoint (it is written every second), and reading the rows
// again at the commit (they would have to be told from later versions).

// prepared is an XA transaction that is not decided yet.
type prepared struct {
	id    string
	begin change.Position // its group begins here; GTIDs of MariaDB before it
	rows  heldRows
	// gtid counts it as delivered, where it is left out until it is decided.
	gtid delivery
	// early are tables that it changed while they joined: they do not join before it
	// is decided, so that a page reads what it did.
	early []*tracked
}

// concerns tells whether a later stream has to see its rows again.
func (p *prepared) concerns() bool { return !p.rows.empty() || len(p.early) > 0 }

// beginXA notes that the group at hand is that of an XA PREPARE.
func (r *reader) beginXA() {
	p := &prepared{begin: change.Position{File: r.before.File, Offset: r.before.Offset}}
	if r.maria != nil {
		p.begin.GTIDs = r.maria.String()
	}
	r.group.open, r.group.transaction, r.group.xa = true, true, p
}

// hold keeps rows of an XA transaction.
func (r *reader) hold(e change.Event) error {
	rows := &r.group.xa.rows
	before := rows.bytes
	rows.add(e)
	r.held += rows.bytes - before
	if r.held <= r.source.config.HeldBytes {
		return nil
	}
	r.held -= rows.bytes
	return rows.write()
}

// xaPrepared ends the group of an XA PREPARE, or of an XA COMMIT in one phase.
func (r *reader) xaPrepared(ctx context.Context, e *binlog.Event) error {
	x, err := e.XAPrepare()
	if err != nil {
		return &parseError{err}
	}
	id := xidText(x.Global, x.Branch, int64(x.Format))
	p := r.group.xa
	if p == nil {
		return r.commit(ctx) // not seen to begin: no rows
	}
	p.id = id
	if x.OnePhase && !r.group.old {
		if err := r.deliverXA(ctx, p); err != nil {
			return err
		}
		r.forgetXA(p)
		return r.commit(ctx)
	}
	if again := r.prepared[id]; again != nil {
		r.forgetXA(again) // the server gives an id twice only after it was decided
	}
	r.prepared[id] = p
	r.source.forgetDecided(id)
	if p.concerns() && r.executed != nil {
		p.gtid, r.group.gtid = r.group.gtid, delivery{}
	}
	r.group.xa = nil
	return r.commit(ctx)
}

// xa follows what is said of XA transactions as text.
func (r *reader) xa(ctx context.Context, rest string) error {
	what, id := firstWord([]byte(rest))
	switch what {
	case "START", "BEGIN":
		if r.group.xa == nil {
			r.beginXA()
		}
		return nil
	case "END", "PREPARE": // an event of its own says so
		return nil
	}
	id = canonicalXID(id)
	p := r.prepared[id]
	switch {
	case p == nil && what == "COMMIT":
		if err := r.unknownXA(id); err != nil {
			return err
		}
	case p == nil:
	case what == "COMMIT" && !r.group.old:
		if err := r.deliverXA(ctx, p); err != nil {
			return err
		}
		fallthrough
	default:
		r.forgetXA(p)
	}
	return r.commit(ctx)
}

// forgetXA ends a transaction that is decided.
func (r *reader) forgetXA(p *prepared) {
	p.gtid.addTo(r.executed, r.maria)
	r.held -= p.rows.bytes
	p.rows.release()
	delete(r.prepared, p.id)
}

// deliverXA hands on the rows of a transaction that commits here.
func (r *reader) deliverXA(ctx context.Context, p *prepared) error {
	if !p.rows.empty() {
		r.source.noteDecided(p.id)
	}
	return p.rows.each(ctx, func(e change.Event) error {
		one := r.tracker.find(e.Table.Name.Database, e.Table.Name.Table)
		if one == nil {
			return nil // given up since
		}
		if one.table != e.Table {
			return r.giveUp(ctx, one, &diag.Problem{Code: codeXA, Class: diag.Refused,
				Message: fmt.Sprintf("table %s was changed between the XA PREPARE and the XA COMMIT (at %s) of a transaction with rows of it", e.Table.Name, r.at)})
		}
		r.group.deliver(e.Table.Name)
		return r.put(ctx, e)
	})
}

// unknownXA: where tables are followed already, the rows of every transaction that
// was prepared since are known.
func (r *reader) unknownXA(id string) error {
	if r.group.old {
		return nil
	}
	for _, one := range r.tracker.tables {
		if !one.live() {
			continue // its pages will read what was committed
		}
		return &diag.Problem{Code: codeXA, Class: diag.Refused,
			Message: fmt.Sprintf("MySQL %s commits at %s an XA transaction (%s) that was prepared before it was followed: whether it changed a followed table is not known", r.source.address(), r.at, id),
			Fix: fmt.Sprintf("start again with an empty data directory. Transactions that are prepared then are waited for, which on MySQL needs: GRANT XA_RECOVER_ADMIN ON *.* TO %s;",
				r.source.account())}
	}
	return nil
}

// holdsEarly tells whether an undecided transaction changed a table while it joined.
func (r *reader) holdsEarly(one *tracked) bool {
	for _, p := range r.prepared {
		if slices.Contains(p.early, one) {
			return true
		}
	}
	return false
}

// undecided is what a resumable position says of the transactions that are held:
// the place to read from, then the ids without rows.
func (r *reader) undecided() string {
	if len(r.prepared) == 0 {
		return ""
	}
	var oldest *prepared
	var ids []string
	for id, p := range r.prepared {
		switch {
		case !p.concerns():
			ids = append(ids, id)
		case oldest == nil || !p.begin.Reached(oldest.begin):
			oldest = p
		}
	}
	slices.Sort(ids)
	place := ""
	if oldest != nil {
		place = oldest.begin.File + ":" + strconv.FormatUint(oldest.begin.Offset, 10) + " " + oldest.begin.GTIDs
	}
	return strings.Join(append([]string{place}, ids...), ";")
}

// readUndecided takes such a text apart. place is zero when nothing has to be read
// again.
func readUndecided(text string) (place change.Position, ids []string, err error) {
	if text == "" {
		return change.Position{}, nil, nil
	}
	parts := strings.Split(text, ";")
	if parts[0] != "" {
		where, gtids, _ := strings.Cut(parts[0], " ")
		colon := strings.LastIndexByte(where, ':')
		if colon < 0 {
			return place, nil, fmt.Errorf("'%s' is no place in a log", where)
		}
		offset, err := strconv.ParseUint(where[colon+1:], 10, 64)
		if err != nil {
			return place, nil, fmt.Errorf("'%s' is no place in a log", where)
		}
		place = change.Position{File: where[:colon], Offset: offset, GTIDs: gtids}
	}
	return place, parts[1:], nil
}

// xidText is an id as servers print it in XA COMMIT.
func xidText(global, branch []byte, format int64) string {
	return fmt.Sprintf("X'%X',X'%X',%d", global, branch, format)
}

// canonicalXID is the id of XA COMMIT and XA ROLLBACK as xidText gives it. Servers
// print the three parts always, in hexadecimal.
func canonicalXID(text string) string {
	text = strings.TrimSuffix(strings.TrimRight(strings.ToUpper(text), "; "), "ONE PHASE")
	text = strings.ReplaceAll(text, " ", "")
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = append(parts, "X''")
	}
	if len(parts) == 2 {
		parts = append(parts, "1")
	}
	return strings.Join(parts, ",")
}
