package mysql

import (
	"context"
	"slices"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
)

// group is the group of events at hand.
type group struct {
	open        bool          // a GTID event or BEGIN was seen
	transaction bool          // rows may follow; XID, COMMIT or ROLLBACK ends it
	delivered   []change.Name // tables with rows that were handed on
	undo        undo          // these rows
	xa          *prepared     // it is that of an XA PREPARE
	// old: it lies before the position the stream was opened at, and only what was
	// prepared in it is looked for.
	old   bool
	alter alterPhase
	gtid  func() // adds its GTID to those delivered
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

func (r *reader) openGroup(kind replication.EventType, e *replication.GTIDEvent) {
	r.group = group{open: true, old: r.behind != nil && !r.before.Reached(*r.behind)}
	if t := e.ImmediateCommitTime(); !t.IsZero() {
		r.time = t.Add(-r.clockAhead)
	}
	if kind == replication.ANONYMOUS_GTID_EVENT || r.executed == nil {
		return
	}
	var id [16]byte
	copy(id[:], e.SID)
	tag, number := e.Tag, e.GNO
	r.group.gtid = func() { addGTID(r.executed, id, tag, number) }
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

const (
	mariaGroupCommit = 2   // the event carries a commit id
	mariaPreparedXA  = 64  // XA PREPARE
	mariaCompletedXA = 128 // XA COMMIT, XA ROLLBACK
	mariaExtraAlter  = 2   // further flags: START, COMMIT, ROLLBACK ALTER
	mariaExtraCommit = 4
	mariaExtraBack   = 8
)

// openMariaGroup: MariaDB's GTID event is also the BEGIN of its transaction.
func (r *reader) openMariaGroup(e *replication.BinlogEvent, event *replication.MariadbGTIDEvent) error {
	domain, id := event.GTID.DomainID, mariaGTID{event.GTID.ServerID, event.GTID.SequenceNumber}
	r.group = group{open: true, transaction: !event.IsStandalone(), gtid: func() { r.maria[domain] = id }}
	switch {
	case r.behind == nil:
	case r.behindGTIDs != nil:
		r.group.old = r.behindGTIDs.holds(domain, id.sequence)
	default:
		r.group.old = !r.before.Reached(*r.behind)
	}
	if event.Flags&mariaPreparedXA != 0 {
		r.beginXA()
	}
	// Behind sequence number, domain and flags: a commit id, the name of an XA
	// transaction, further flags, each only when there is one; then zeros up to 19.
	body := e.RawData[min(replication.EventHeaderSize+13, len(e.RawData)):]
	body = body[:max(0, len(body)-r.dump.checksum)]
	skip := 0
	if event.Flags&mariaGroupCommit != 0 {
		skip = 8
	}
	if event.Flags&(mariaPreparedXA|mariaCompletedXA) != 0 && len(body) >= skip+6 {
		skip += 6 + int(body[skip+4]) + int(body[skip+5])
	}
	if event.IsStandalone() && len(body) > skip {
		switch extra := body[skip]; {
		case !r.source.server.atLeast(10, 8, 0): // two-phase ALTER came with 10.8
		case extra&mariaExtraAlter != 0:
			r.group.alter = alterStarts
		case extra&mariaExtraCommit != 0:
			r.group.alter = alterCommits
		case extra&mariaExtraBack != 0:
			r.group.alter = alterRollsBack
		}
	}
	return nil
}

// commit ends a group.
func (r *reader) commit(ctx context.Context) error {
	delivered := len(r.group.delivered) > 0
	if r.group.gtid != nil {
		r.group.gtid()
	}
	r.group, r.owed = group{}, true
	if delivered {
		e := change.Event{Kind: change.Commit, Position: r.at, Time: r.time}
		if r.resumeDue() {
			r.makeResumable(&e)
		}
		if err := r.queue.put(ctx, e); err != nil {
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
