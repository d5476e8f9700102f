package emulator

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// journal keeps every change in one file, in the order in which they took effect; a
// start replays it. Invariant: a record is on the disk before its statement or load is
// answered. A record cut off by a crash was never answered and is dropped. Rejected:
// snapshots of the state, which a server for demos and tests does not need.
//
// A record is its length, the CRC-32 of its body, and the body: a JSON head, its length
// first, then for loads the operations. Without a data directory file is nil.
type journal struct {
	mu   sync.Mutex
	file *os.File
	lock *os.File
}

type journalHead struct {
	Statement string    `json:",omitempty"`
	Database  string    `json:",omitempty"`
	User      string    `json:",omitempty"`
	Table     string    `json:",omitempty"`
	Label     string    `json:",omitempty"`
	Kind      string    `json:",omitempty"`
	Txn       int64     `json:",omitempty"`
	Begun     time.Time `json:",omitzero"`  // of a load or a statement
	Zone      string    `json:",omitempty"` // time zone of the statement's session
	Alter     string    `json:",omitempty"` // the end of the schema change of a table: its state
	Reason    string    `json:",omitempty"` // why it was cancelled
	Rows      int64     `json:",omitempty"`

	Event string        `json:",omitempty"` // of a transaction that is no plain load
	Parts []journalPart `json:",omitempty"`
	Span  time.Duration `json:",omitempty"` // timeout of a prepared one
	Ended time.Time     `json:",omitzero"`  // when it was prepared
}

const journalName = "journal"

var journalMagic = []byte("SRJ1\n")

func (j *journal) statement(ss *session, src string) error {
	return j.write(journalHead{Statement: src, Database: ss.db, User: ss.user, Begun: ss.started, Zone: ss.variableText("time_zone")}, nil)
}

// alter writes down the end of a schema change.
func (j *journal) alter(job *alterJob, failure string) error {
	head := journalHead{Database: job.table.db.name, Table: job.table.name, Alter: string(alterFinished), Begun: job.start, Reason: failure}
	if failure != "" {
		head.Alter = string(alterCancelled)
	}
	return j.write(head, nil)
}

func (j *journal) load(t *table, tx *transaction, d *delta) error {
	if j.file == nil {
		return nil
	}
	head := journalHead{Database: t.db.name, Table: t.name, Label: tx.label, Kind: tx.kind, Txn: tx.id, User: tx.user, Begun: tx.begun, Rows: tx.counts.loaded}
	b, err := d.encode()
	if err != nil {
		return err
	}
	return j.write(head, b)
}

func (j *journal) write(head journalHead, ops []byte) error {
	if j.file == nil {
		return nil
	}
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	body := append(binary.AppendUvarint(nil, uint64(len(text))), text...)
	body = append(body, ops...)
	record := binary.LittleEndian.AppendUint64(nil, uint64(len(body)))
	record = binary.LittleEndian.AppendUint32(record, crc32.ChecksumIEEE(body))
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(record, body...)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return j.file.Sync()
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	// Not with the file alone: a process that is being started may have a copy of it yet.
	return errors.Join(j.file.Close(), syscall.Flock(int(j.lock.Fd()), syscall.LOCK_UN), j.lock.Close())
}

// openJournal locks the directory, replays what is there and appends from then on.
func (s *Server) openJournal(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("data directory %s is used by another server: %w", dir, err), lock.Close())
	}
	file, err := os.OpenFile(filepath.Join(dir, journalName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return errors.Join(fmt.Errorf("data directory: %w", err), lock.Close())
	}
	if err := s.replay(file); err != nil {
		return errors.Join(fmt.Errorf("data directory %s: %w", dir, err), file.Close(), lock.Close())
	}
	s.journal.file, s.journal.lock = file, lock
	return nil
}

func (s *Server) replay(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < int64(len(journalMagic)) {
		if err := file.Truncate(0); err != nil {
			return err
		}
		if _, err := file.WriteAt(journalMagic, 0); err != nil {
			return err
		}
		_, err := file.Seek(int64(len(journalMagic)), io.SeekStart)
		return errors.Join(err, file.Sync())
	}
	r := bufio.NewReaderSize(file, 1<<20)
	magic := make([]byte, len(journalMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != string(journalMagic) {
		return fmt.Errorf("%s is not a journal of this server", journalName)
	}
	at := int64(len(journalMagic))
	ss := s.newSession(s.cfg.User)
	ss.replaying = true
	for {
		body, n, err := readRecord(r, info.Size()-at)
		if err != nil {
			return err
		}
		if body == nil {
			break
		}
		if err := s.replayRecord(ss, body); err != nil {
			return fmt.Errorf("journal at byte %d: %w", at, err)
		}
		at += n
	}
	if err := file.Truncate(at); err != nil {
		return err
	}
	_, err = file.Seek(at, io.SeekStart)
	return err
}

// readRecord reads one record; body nil is the end, a record cut off included. A bad
// checksum with more records behind it is damage, and an error.
func readRecord(r *bufio.Reader, left int64) (body []byte, size int64, err error) {
	var head [12]byte
	if left < int64(len(head)) {
		return nil, 0, nil
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	n := binary.LittleEndian.Uint64(head[:8])
	if n > uint64(left-int64(len(head))) {
		return nil, 0, nil
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, 0, err
	}
	size = int64(len(head)) + int64(n)
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(head[8:]) {
		if size == left {
			return nil, 0, nil
		}
		return nil, 0, errors.New("the journal is damaged: a checksum is wrong")
	}
	return body, size, nil
}

var errBadRecord = errors.New("the journal is damaged: a record cannot be read")

func (s *Server) replayRecord(ss *session, body []byte) error {
	n, w := binary.Uvarint(body)
	if w <= 0 || n > uint64(len(body)-w) {
		return errBadRecord
	}
	var head journalHead
	if err := json.Unmarshal(body[w:w+int(n)], &head); err != nil {
		return errBadRecord
	}
	ops := body[w+int(n):]
	if head.Statement != "" {
		ss.db, ss.user, ss.started = head.Database, head.User, head.Begun
		ss.vars["time_zone"] = cmp.Or(head.Zone, "UTC")
		_, err := ss.execute(head.Statement)
		return err
	}
	if head.Event != "" {
		return s.replayTxn(head, ops)
	}
	t, err := s.catalog.table(tableName{head.Database, head.Table})
	if err != nil {
		return err
	}
	if head.Alter != "" {
		if t.alter == nil {
			return errBadRecord
		}
		t.alter.finish(head.Reason, head.Begun)
		return nil
	}
	d, err := readOps(ops)
	if err != nil {
		return err
	}
	tx := &transaction{id: head.Txn, label: head.Label, table: head.Table, user: head.User, kind: head.Kind}
	if head.Txn > s.txnID.Load() {
		s.txnID.Store(head.Txn)
	}
	// A label that the clean-up had forgotten may be there again: only the latest counts.
	t.db.labels.restore(tx, head.Begun, loadCounts{total: head.Rows, loaded: head.Rows})
	if !s.discards(t) {
		t.store.apply(d)
	}
	t.reserveNumbers(d)
	return nil
}

func readOps(b []byte) (*delta, error) {
	d := &delta{}
	for len(b) > 0 {
		flag := b[0]
		key, w1 := binary.Uvarint(b[1:])
		if w1 <= 0 {
			return nil, errBadRecord
		}
		size, w2 := binary.Uvarint(b[1+w1:])
		if w2 <= 0 {
			return nil, errBadRecord
		}
		b = b[1+w1+w2:]
		if size > uint64(len(b)) || key > size {
			return nil, errBadRecord
		}
		if flag == ruleFlag {
			if d.rule, b = readRule(b[:size]), b[size:]; d.rule == nil {
				return nil, errBadRecord
			}
			continue
		}
		d.ops = append(d.ops, deltaOp{blob: string(b[:size]), key: int32(key), delete: flag == 1})
		b = b[size:]
	}
	return d, nil
}
