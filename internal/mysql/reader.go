package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"sync"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

// Invariant: at.Offset is the end, in 64 bits, of the last event that was handled,
// and a position is called resumable only between two groups (a group is what the
// server logs at once: a transaction or a DDL). The header's end position has 32
// bits and is only used to correct the count: servers leave out events that a
// reader has already (GTID) without saying how long they were.

const resumeEvery = 20 * time.Millisecond

// reader turns the events of a dump into the events of the stream. It belongs to
// one goroutine; mu lets the timer of settle look in while it waits.
type reader struct {
	source  *Source
	dump    *dump
	queue   *queue
	tracker *tracker

	mu       sync.Mutex
	at       change.Position
	byFile   bool                  // the stream was asked for by file and offset
	passed   string                // the last torn file that was passed
	begun    uint32                // when the file at hand was begun; 0 when not known
	before   change.Position       // where the group at hand begins
	executed *gomysql.MysqlGTIDSet // nil when the server is not followed by GTID
	maria    mariaGTIDs            // nil unless MariaDB
	group    group
	// clockAhead is how far the server's clock is ahead of ours.
	clockAhead time.Duration
	// behind is the position the stream was opened at, while it reads what lies before
	// for transactions that were prepared; by GTID when that is of another server.
	behind      *change.Position
	behindGTIDs mariaGTIDs
	prepared    map[string]*prepared // XA transactions that are not decided
	held        int                  // bytes of their rows in memory
	time        time.Time
	maps        map[uint64]*mapped // by table id
	packed      binlog.Payload     // the compressed transaction at hand
	inner       binlog.Event       // the event at hand in it
	tag         gomysql.Tag        // of the last GTID that had one
	owed        bool               // a boundary was passed that no resumable event told of
	told        time.Time          // when the last resumable event was put
	timer       *time.Timer
	happened    []happening  // in the group at hand
	rowsPut     *change.Rows // those of the last rows event of any group
	together    bool         // several tables join: they are told of when all have
}

func newReader(s *Source, d *dump, q *queue, from, asked change.Position) (*reader, error) {
	r := &reader{source: s, dump: d, queue: q, at: change.Position{File: asked.File, Offset: asked.Offset},
		byFile: !s.opensByGTID(asked), maps: map[uint64]*mapped{}, prepared: map[string]*prepared{}}
	r.group.undo.most = s.config.HeldBytes
	if !r.byFile {
		// The server tells where in its files it begins; the position's own file may
		// be that of another server.
		r.at = change.Position{}
	}
	_, ids, err := readUndecided(from.Undecided)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r.prepared[id] = &prepared{id: id}
	}
	if s.server.followsGTID() {
		set, err := gomysql.ParseMysqlGTIDSet(from.GTIDs)
		if err != nil {
			return nil, err
		}
		r.executed = set.(*gomysql.MysqlGTIDSet)
		return r, nil
	}
	if asked != from {
		r.behind = &from
	}
	if s.server.Flavor != MariaDB {
		return r, nil
	}
	if r.maria, err = parseMariaGTIDs(asked.GTIDs); err != nil {
		return nil, err
	}
	if r.behind != nil && !r.byFile {
		r.behindGTIDs, err = parseMariaGTIDs(from.GTIDs)
	}
	return r, err
}

// run reads until the dump or ctx ends.
func (r *reader) run(ctx context.Context) error {
	r.timer = time.AfterFunc(time.Hour, func() { r.settle(ctx) })
	defer r.close()
	for {
		e, err := r.next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.mu.Lock()
		if err == nil {
			err = r.burst(ctx, e)
		}
		if r.source.torn(err) {
			err = r.passTorn(ctx, err)
		}
		if flushed := r.queue.flush(ctx); err == nil {
			err = flushed
		}
		r.mu.Unlock()
		if err != nil {
			return r.ended(ctx, err)
		}
	}
}

// burst handles an event and what has arrived behind it.
func (r *reader) burst(ctx context.Context, e *binlog.Event) error {
	for {
		if err := r.handle(ctx, e); err != nil {
			return err
		}
		if r.dump.drained() {
			if r.owed && !r.group.open {
				r.timer.Reset(resumeEvery)
			}
			return nil
		}
		var err error
		if e, err = r.next(); err != nil {
			return err
		}
	}
}

func (r *reader) next() (*binlog.Event, error) {
	e, err := r.dump.next()
	if err != nil {
		return nil, &dumpError{err}
	}
	return e, nil
}

// ended is why the stream ends.
func (r *reader) ended(ctx context.Context, err error) error {
	var dump *dumpError
	var parse *parseError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &dump), errors.As(err, &parse):
		return r.source.dumpProblem(err, r.position())
	}
	return err
}

func (r *reader) close() {
	r.timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packed.Close()
	for _, p := range r.prepared {
		p.rows.release()
	}
	if r.group.xa != nil {
		r.group.xa.rows.release()
	}
}

func (r *reader) position() change.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// handle moves past one event of the log.
func (r *reader) handle(ctx context.Context, e *binlog.Event) error {
	if e.Time != 0 && !r.group.timed {
		r.time = time.Unix(int64(e.Time), 0).Add(-r.clockAhead)
	}
	if !r.group.open {
		r.before = r.at
	}
	switch e.Kind {
	case binlog.KindRotate:
		return r.rotate(ctx, e)
	case binlog.KindFormat:
		if err := r.startFile(ctx, e); err != nil {
			return err
		}
		return r.boundary(ctx)
	case binlog.KindHeartbeat, binlog.KindHeartbeatV2:
		return r.heartbeat(ctx, e)
	case binlog.KindPayload:
		return r.payload(ctx, e)
	}
	r.advance(e)
	if err := r.step(ctx, e); err != nil {
		return err
	}
	return r.boundary(ctx)
}

// advance counts an event. Artificial events are not in the file.
func (r *reader) advance(e *binlog.Event) {
	if e.Artificial() {
		return
	}
	if e.End == 0 {
		r.at.Offset += uint64(e.Size)
		return
	}
	r.at.Offset = endOffset(r.at.Offset+1, e.End)
}

// endOffset is the first offset from least on whose low 32 bits are low.
func endOffset(least uint64, low uint32) uint64 {
	offset := least&^uint64(math.MaxUint32) | uint64(low)
	if offset < least {
		offset += 1 << 32
	}
	return offset
}

func (r *reader) rotate(ctx context.Context, e *binlog.Event) error {
	next, err := e.Rotate()
	if err != nil {
		return &parseError{err}
	}
	if name := string(next.File); name != r.at.File {
		r.at.File = name
		r.at.Offset = next.Offset
		r.begun = 0
	} else {
		r.at.Offset = max(r.at.Offset, next.Offset)
	}
	return r.boundary(ctx)
}

// startFile handles the event that every file begins with. The server sends it
// again, without a position, when it starts in the middle of a file.
func (r *reader) startFile(ctx context.Context, e *binlog.Event) error {
	format, err := e.Format()
	if err != nil {
		return &parseError{err}
	}
	if r.group.open && format.Created != 0 {
		if err := r.abandoned(ctx); err != nil {
			return err
		}
	}
	clear(r.maps) // table ids begin anew when a server restarts, which always begins a file
	r.begun = e.Time
	if e.End != 0 && !e.Artificial() && r.at.Offset <= 4 {
		r.advance(e)
	}
	// By file, the place is known now; by GTID, not before the server has skipped
	// what was delivered.
	r.owed = r.owed || r.byFile
	return nil
}

// heartbeat tells where the end of the log is when nothing happens, and how far the
// server has skipped what this reader has already.
func (r *reader) heartbeat(ctx context.Context, e *binlog.Event) error {
	if r.group.open {
		return nil
	}
	told, err := e.Heartbeat()
	if err != nil {
		return &parseError{err}
	}
	at := change.Position{File: string(told.File), Offset: told.Offset}
	if told.Short && at.File == r.at.File {
		at.Offset = endOffset(r.at.Offset, uint32(told.Offset))
	}
	if at.File != r.at.File {
		r.begun = 0
	}
	if at.Reached(r.at) {
		r.at = at
	}
	r.owed, r.time = true, time.Time{} // nothing waits: an idle server has no lag
	return r.boundary(ctx)
}

// payload handles a compressed transaction: its events are those of an ordinary
// one, and it counts as a whole.
func (r *reader) payload(ctx context.Context, e *binlog.Event) error {
	empty := true
	err := r.unpack(e, func(inner *binlog.Event, last bool) error {
		if empty = false; last {
			r.advance(e)
		}
		return r.step(ctx, inner)
	})
	if err != nil {
		return err
	}
	if empty {
		r.advance(e)
	}
	return r.boundary(ctx)
}

// unpack hands on the events of a compressed transaction, and with each whether it is the
// last.
func (r *reader) unpack(e *binlog.Event, each func(inner *binlog.Event, last bool) error) error {
	if err := r.packed.Open(e); err != nil {
		return &parseError{err}
	}
	for last := false; !last; {
		var err error
		last, err = r.packed.Next(&r.inner)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &parseError{err}
		}
		if err := each(&r.inner, last); err != nil {
			return err
		}
	}
	return nil
}

// step handles an event inside or between groups.
func (r *reader) step(ctx context.Context, e *binlog.Event) error {
	if e.Kind.HasRows() {
		return r.rows(ctx, e)
	}
	switch e.Kind {
	case binlog.KindGTID, binlog.KindAnonymousGTID, binlog.KindTaggedGTID:
		return r.openGroup(e)
	case binlog.KindMariaGTID:
		return r.openMariaGroup(e)
	case binlog.KindQuery, binlog.KindMariaQuery, binlog.KindLoadQuery:
		q, err := e.Query()
		if err != nil {
			return &parseError{err}
		}
		return r.query(ctx, &q)
	case binlog.KindXID:
		return r.commit(ctx)
	case binlog.KindTableMap:
		return r.tableMap(e)
	case binlog.KindXAPrepare:
		return r.xaPrepared(ctx, e)
	case binlog.KindIncident:
		return &diag.Problem{Code: codeLog, Class: diag.Refused,
			Message: fmt.Sprintf("MySQL %s says at %s that changes are missing from its log (an incident event)", r.source.address(), r.at),
			Fix:     "start again with an empty data directory to copy the tables anew."}
	}
	return nil
}

// resumeDue: often enough, and not where the position cannot be asked for again (the
// offset of a dump by file has 32 bits; the server rotates right behind such a
// transaction).
func (r *reader) resumeDue() bool {
	return r.dump.in.Arrived().Sub(r.told) >= resumeEvery && r.canResume()
}

func (r *reader) canResume() bool {
	return r.at.File != "" && r.behind == nil && (r.executed != nil || r.maria != nil || r.at.Offset <= math.MaxUint32)
}

// reached is the place behind what was handed on, with a transaction of which only a part
// was, for asking whether a server has all that; zero when that is not known.
func (r *reader) reached() change.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := change.Event{}
	if r.behind != nil {
		return e.Position
	}
	r.makeResumable(&e)
	e.Position.Undecided = ""
	switch part := len(r.group.delivered) > 0; {
	case part && r.executed != nil:
		with := r.executed.Clone().(*gomysql.MysqlGTIDSet)
		r.group.gtid.addTo(with, nil)
		e.Position.GTIDs = with.String()
	case part && r.maria != nil:
		with := maps.Clone(r.maria)
		r.group.gtid.addTo(nil, with)
		e.Position.GTIDs = with.String()
	case r.group.open && !part:
		e.Position.File, e.Position.Offset = r.before.File, r.before.Offset
	}
	return e.Position
}

func (r *reader) makeResumable(e *change.Event) {
	e.Resumable = true
	e.Position = r.at
	e.Position.Server, e.Position.Begun = r.source.server.ID, r.begun
	e.Position.Undecided = r.undecided()
	switch {
	case r.executed != nil:
		e.Position.GTIDs = r.executed.String()
	case r.maria != nil:
		e.Position.GTIDs = r.maria.String()
	}
	r.owed = false
	r.told = time.Now()
}

// boundary is called behind every event: between groups tables join, and a position
// is told of now and then.
func (r *reader) boundary(ctx context.Context) error {
	if r.group.open || !r.passedBehind() {
		return nil
	}
	if err := r.join(ctx); err != nil {
		return err
	}
	if !r.owed {
		return nil
	}
	if r.resumeDue() {
		return r.progress(ctx)
	}
	return nil
}

// passedBehind tells whether the position the stream was opened at is reached.
func (r *reader) passedBehind() bool {
	if r.behind == nil {
		return true
	}
	if r.behindGTIDs != nil && !r.maria.reached(r.behindGTIDs) || r.behindGTIDs == nil && !r.at.Reached(*r.behind) {
		return false
	}
	r.behind, r.behindGTIDs = nil, nil
	return true
}

func (r *reader) progress(ctx context.Context) error {
	e := change.Event{Kind: change.Progress, Time: r.time}
	r.makeResumable(&e)
	return r.queue.put(ctx, &e)
}

// settle tells, when the log is quiet, how far it was read.
func (r *reader) settle(ctx context.Context) {
	if !r.mu.TryLock() {
		r.timer.Reset(resumeEvery)
		return
	}
	defer r.mu.Unlock()
	if !r.owed || r.group.open || !r.canResume() || ctx.Err() != nil {
		return
	}
	// An error is ctx's: run ends with it too.
	if r.progress(ctx) == nil {
		_ = r.queue.flush(ctx)
	}
}
