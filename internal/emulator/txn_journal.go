package emulator

import (
	"encoding/binary"
	"errors"
	"time"
)

// Records of transactions. One that is prepared is written with its data, and its end
// with a reference to it, so that it survives a restart in either state. One in PREPARE
// is not written: a restart forgets it, and its label is unknown, as in StarRocks, which
// writes transactions down from PREPARED on. Of a multi-table transaction the begin is
// written, because its label stays known, and its commit with the data of every table.

// Kinds of records of transactions.
const (
	recordPrepared   = "prepared"
	recordCommitted  = "committed"
	recordAborted    = "aborted"
	recordMultiBegin = "multi-begin"
	recordMulti      = "multi"
)

// journalPart is the table that a part of the operations of a record belongs to.
type journalPart struct {
	Table string
	Bytes int
	Rows  int64 `json:",omitempty"`
}

func (j *journal) prepared(tx *transaction, parts []txnPart, counts loadCounts, timeout time.Duration, at time.Time) error {
	return j.parts(journalHead{Event: recordPrepared, Rows: counts.loaded, Span: timeout, Ended: at}, tx, parts)
}

func (j *journal) parts(head journalHead, tx *transaction, parts []txnPart) error {
	if j.file == nil {
		return nil
	}
	head.Database, head.Label, head.Kind, head.Txn, head.User, head.Begun = parts[0].table.db.name, tx.label, tx.kind, tx.id, tx.user, tx.begun
	var all []byte
	for _, p := range parts {
		ops, err := p.delta.encode()
		if err != nil {
			return err
		}
		head.Parts = append(head.Parts, journalPart{Table: p.table.name, Bytes: len(ops)})
		all = append(all, ops...)
	}
	return j.write(head, all)
}

// encode writes the operations in the form that readOps reads.
func (d *delta) encode() ([]byte, error) {
	b, err := d.rule.appendTo(nil)
	if err != nil {
		return nil, err
	}
	for _, op := range d.ops {
		flag := byte(0)
		if op.delete {
			flag = 1
		}
		b = append(b, flag)
		b = binary.AppendUvarint(b, uint64(op.key))
		b = binary.AppendUvarint(b, uint64(len(op.blob)))
		b = append(b, op.blob...)
	}
	return b, nil
}

// commitTxn writes down a commit: the data, or a reference to what was prepared.
func (j *journal) commitTxn(tx *transaction, parts []txnPart, fromPrepared bool) error {
	switch {
	case fromPrepared:
		return j.write(journalHead{Event: recordCommitted, Txn: tx.id, Label: tx.label, Database: parts[0].table.db.name}, nil)
	case len(parts) == 1 && tx.kind != multiKind:
		return j.load(parts[0].table, tx, parts[0].delta)
	}
	return j.parts(journalHead{Event: recordMulti, Rows: tx.counts.loaded}, tx, parts)
}

func (j *journal) aborted(tx *transaction) error {
	return j.write(journalHead{Event: recordAborted, Txn: tx.id, Label: tx.label, Reason: tx.reason, Database: tx.dbName}, nil)
}

func (j *journal) multiBegin(m *multiTask) error {
	return j.write(journalHead{Event: recordMultiBegin, Txn: m.txnID, Label: m.label, Database: m.db, Begun: m.begun, User: m.user}, nil)
}

// replayTxn takes one record of a transaction.
func (s *Server) replayTxn(head journalHead, ops []byte) error {
	if head.Txn > s.txnID.Load() {
		s.txnID.Store(head.Txn)
	}
	if head.Event == recordMultiBegin {
		s.multi.restore(head)
		return nil
	}
	db := s.catalog.databases[head.Database]
	if db == nil && head.Event == recordAborted {
		return nil // dropped meanwhile
	}
	if db == nil {
		return errUnknownDatabase(head.Database)
	}
	switch head.Event {
	case recordPrepared, recordMulti:
		return s.replayParts(db, head, ops)
	case recordCommitted, recordAborted:
		tx := db.labels.find(head.Label)
		if tx == nil || tx.id != head.Txn || tx.state != txnPrepared {
			return errBadRecord
		}
		if head.Event == recordAborted {
			tx.abort(head.Reason)
			return nil
		}
		for _, p := range tx.parts {
			s.replayDelta(p)
		}
		tx.state, tx.committed = txnCommitted, time.Now()
		tx.toVisible()
		return nil
	}
	return errors.Join(errBadRecord, errors.New("unknown record "+head.Event))
}

func (s *Server) replayParts(db *database, head journalHead, ops []byte) error {
	tx := &transaction{id: head.Txn, label: head.Label, user: head.User, kind: head.Kind, dbName: db.name, twoPhase: true}
	for _, p := range head.Parts {
		t := db.tables[p.Table]
		if t == nil || p.Bytes < 0 || p.Bytes > len(ops) {
			return errBadRecord
		}
		d, err := readOps(ops[:p.Bytes])
		if err != nil {
			return err
		}
		ops = ops[p.Bytes:]
		tx.parts = append(tx.parts, txnPart{t, d})
		t.reserveNumbers(d)
		tx.table = p.Table
		if head.Kind == multiKind {
			tx.tables = append(tx.tables, p.Table)
		}
	}
	counts := loadCounts{total: head.Rows, loaded: head.Rows}
	if head.Event == recordPrepared {
		db.labels.restorePrepared(tx, head, counts)
		return nil
	}
	for _, p := range tx.parts {
		s.replayDelta(p)
	}
	tx.parts = nil
	db.labels.restore(tx, head.Begun, counts)
	return nil
}

func (s *Server) replayDelta(p txnPart) {
	if !s.discards(p.table) {
		p.table.store.apply(p.delta)
	}
}

// reserveNumbers keeps what the rows of a load were numbered with from being given again, also
// while the load is only prepared.
func (t *table) reserveNumbers(d *delta) {
	t.reserveRowKeys(d)
	t.reserveAutos(d)
}

// reserveRowKeys keeps the row numbers of a replayed load from being given again: loads
// that came to nothing have used numbers, too, so counting rows would not do.
func (t *table) reserveRowKeys(d *delta) {
	if t.model != duplicateKeys {
		return
	}
	for _, op := range d.ops {
		if op.key == 8 {
			t.store.nextRow = max(t.store.nextRow, binary.BigEndian.Uint64([]byte(op.blob[:8])))
		}
	}
}

// restorePrepared remembers a prepared transaction of the journal.
func (b *labelBook) restorePrepared(tx *transaction, head journalHead, counts loadCounts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	tx.book, tx.state, tx.visible, tx.counts = b, txnPrepared, make(chan struct{}), counts
	tx.begun, tx.prepared, tx.preparedTimeout = head.Begun, head.Ended, head.Span
	b.running++
	b.byLabel[tx.label] = append(b.byLabel[tx.label], tx)
	b.order = append(b.order, tx)
}
