package mysql

import (
	"context"
	"slices"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

// group is the group of events at hand.
type group struct {
	open        bool          // a GTID event or BEGIN was seen
	transaction bool          // rows may follow; XID, COMMIT or ROLLBACK ends it
	delivered   []change.Name // tables with rows that were handed on
	undo        undo          // these rows
	rows        *change.Rows  // those of its last rows event, while more may go with them
	xa          *prepared     // it is that of an XA PREPARE
	// old: it lies before the position the stream was opened at, and only what was
	// prepared in it is looked for.
	old   bool
	timed bool // it says when it was committed, which its events tell only as when their statements began
	alter alterPhase
	gtid  delivery
}

// forgetGroup forgets a group that nothing has ended.
func (r *reader) forgetGroup() {
	if r.group.open {
		r.group.clear()
	}
}

// clear ends a group: the next is in the memory of the last.
func (g *group) clear() {
	g.undo.clear()
	*g = group{delivered: g.delivered[:0], undo: g.undo}
}

// delivery is what is counted when a transaction is delivered; nothing in the zero value.
type delivery struct {
	mysql  bool
	id     [16]byte
	tag    gomysql.Tag
	number int64

	maria  bool
	domain uint32
	last   mariaGTID
}

// addTo counts it in the one of the two that its server is followed by.
func (d *delivery) addTo(executed *gomysql.MysqlGTIDSet, maria mariaGTIDs) {
	switch {
	case d.mysql:
		addGTID(executed, d.id, d.tag, d.number)
	case d.maria:
		maria[d.domain] = d.last
	}
}

func (g *group) deliver(name change.Name) {
	if !slices.Contains(g.delivered, name) {
		g.delivered = append(g.delivered, name)
	}
}

// alterPhase is MariaDB's two-phase ALTER: the statement is logged when it starts
// and again when it ends.
type alterPhase uint8

const (
	alterWhole alterPhase = iota
	alterStarts
	alterCommits
	alterRollsBack
)

// mapsMax is how many table ids are known at once. Every statement tells its own again.
const mapsMax = 1 << 14

func (r *reader) openGroup(e *binlog.Event) error {
	g, err := e.GTID()
	if err != nil {
		return &parseError{err}
	}
	if len(r.maps) > mapsMax {
		clear(r.maps)
	}
	r.forgetGroup()
	r.group.undo.passed(r.at)
	r.group.open, r.group.old = true, r.behind != nil && !r.before.Reached(*r.behind)
	if g.CommitTime != 0 {
		r.time, r.group.timed = time.UnixMicro(int64(g.CommitTime)).Add(-r.clockAhead), true
	}
	if g.Anonymous || r.executed == nil {
		return nil
	}
	r.group.gtid = delivery{mysql: true, id: g.ID, number: g.Number}
	if len(g.Tag) > 0 {
		if string(g.Tag) != r.tag.String() {
			r.tag = gomysql.NewTag(string(g.Tag))
		}
		r.group.gtid.tag = r.tag
	}
	return nil
}

// addGTID counts a transaction as delivered.
func addGTID(set *gomysql.MysqlGTIDSet, id [16]byte, tag gomysql.Tag, number int64) {
	tags, ok := (*set)[id]
	if !ok {
		set.AddGTIDWithTag(id, tag, number)
		return
	}
	// The usual case, the next number of the last interval, without sorting.
	if list := tags[tag]; len(list) > 0 && list[len(list)-1].Stop == number {
		list[len(list)-1].Stop = number + 1
		return
	}
	set.AddGTIDWithTag(id, tag, number)
}

// openMariaGroup: MariaDB's GTID event is also the BEGIN of its transaction.
func (r *reader) openMariaGroup(e *binlog.Event) error {
	g, err := e.MariaGTID()
	if err != nil {
		return &parseError{err}
	}
	if len(r.maps) > mapsMax {
		clear(r.maps)
	}
	standalone := g.Flags&binlog.MariaStandalone != 0
	r.forgetGroup()
	r.group.undo.passed(r.at)
	r.group.open, r.group.transaction = true, !standalone
	if r.maria != nil {
		r.group.gtid = delivery{maria: true, domain: g.Domain, last: mariaGTID{g.Server, g.Sequence}}
	}
	switch {
	case r.behind == nil:
	case r.behindGTIDs != nil:
		r.group.old = r.behindGTIDs.holds(g.Domain, g.Sequence)
	default:
		r.group.old = !r.before.Reached(*r.behind)
	}
	if g.Flags&binlog.MariaPreparedXA != 0 {
		r.beginXA()
	}
	switch {
	case !standalone || !r.source.server.atLeast(10, 8, 0): // two-phase ALTER came with 10.8
	case g.Further&binlog.MariaStartAlter != 0:
		r.group.alter = alterStarts
	case g.Further&binlog.MariaCommitAlter != 0:
		r.group.alter = alterCommits
	case g.Further&binlog.MariaRollbackAlter != 0:
		r.group.alter = alterRollsBack
	}
	return nil
}

// commit ends a group.
func (r *reader) commit(ctx context.Context) error {
	delivered := len(r.group.delivered) > 0
	r.group.gtid.addTo(r.executed, r.maria)
	r.group.clear()
	r.owed = true
	if delivered {
		e := change.Event{Kind: change.Commit, Position: r.at, Time: r.time}
		if r.resumeDue() {
			r.makeResumable(&e)
		}
		if err := r.queue.put(ctx, &e); err != nil {
			return err
		}
	}
	return r.tell(ctx)
}

func join(names []change.Name) string {
	var list []string
	for _, name := range names {
		list = append(list, name.String())
	}
	return strings.Join(list, ", ")
}
