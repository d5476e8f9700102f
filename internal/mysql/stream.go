package mysql

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// queueBytes bounds what the reader has decoded and nobody has taken.
const queueBytes = 2 << 20

// Stream delivers the changes of one server in the order of its log.
type Stream struct {
	source *Source
	queue  *queue
	cancel context.CancelFunc // closes the connection too
	reader *reader
	done   sync.WaitGroup
}

var _ ferry.Stream = (*Stream)(nil)

// Open starts a stream behind from. It refuses a position whose log is purged or
// that the server does not have; tables that are to join do as soon as the stream has
// passed the end of the log of now.
func (s *Source) Open(ctx context.Context, from change.Position, follow ferry.Follow) (ferry.Stream, error) {
	from, asked, err := s.whereToBegin(ctx, from)
	if err != nil {
		return nil, err
	}
	ahead, err := s.clockAhead(ctx)
	if err != nil {
		return nil, err
	}
	dump, err := s.openDump(ctx, asked)
	if err != nil {
		return nil, s.reconnectProblem(err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(running, dump.close)
	stream := &Stream{source: s, queue: newQueue(queueBytes), cancel: cancel}
	r, err := newReader(s, dump, stream.queue, from, asked)
	if err == nil {
		r.clockAhead = ahead
		r.tracker, err = s.newTracker(ctx, follow)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	stream.reader = r
	stream.done.Add(1)
	go func() {
		defer stream.done.Done()
		stream.queue.end(r.run(running))
	}()
	return stream, nil
}

// whereToBegin checks the log behind from, and says where to ask for it: earlier
// than from when a transaction was prepared before and is not decided.
func (s *Source) whereToBegin(ctx context.Context, from change.Position) (_, asked change.Position, err error) {
	place, _, err := readUndecided(from.Undecided)
	if err != nil {
		return from, from, &diag.Problem{Code: codeConfig, Class: diag.Refused, Message: "the position cannot be read", Cause: err,
			Fix: "start again with an empty data directory."}
	}
	if s.server.Flavor == MariaDB && from.GTIDs == "" && from.Server == s.server.ID {
		if from.GTIDs, err = s.mariaPosition(ctx, from.File, from.Offset); err != nil {
			return from, from, err
		}
	}
	asked = from
	if place.File != "" && !s.server.followsGTID() {
		asked = change.Position{File: place.File, Offset: place.Offset, GTIDs: place.GTIDs, Server: from.Server}
		if err := s.checkLog(ctx, asked); err != nil {
			return from, from, err
		}
	}
	if err := s.checkLog(ctx, from); err != nil {
		return from, from, err
	}
	if s.server.followsGTID() && from.GTIDs == "" {
		from.GTIDs, err = s.executedAt(ctx, from)
	}
	return from, asked, err
}

// clockAhead is how far the server's clock is ahead of ours, to about half of what
// the question takes: event times are told by our clock.
func (s *Source) clockAhead(ctx context.Context) (time.Duration, error) {
	asked := s.config.Now()
	var micros int64
	if err := s.db.QueryRowContext(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)").Scan(&micros); err != nil {
		return 0, s.queryProblem("asking for the time", err)
	}
	took := s.config.Now().Sub(asked)
	return time.UnixMicro(micros).Sub(asked.Add(took / 2)), nil
}

// Ready tells that there is something to take.
func (s *Stream) Ready() <-chan struct{} { return s.queue.filled }

// Take hands over events that were read. After an error the stream is of no more use.
func (s *Stream) Take() ([]change.Event, error) { return s.queue.take() }

// Server identifies the server the stream reads from.
func (s *Stream) Server() string { return s.source.server.ID }

// Barrier says how pages are kept from being older than what was delivered.
func (s *Stream) Barrier() ferry.Barrier { return s.source.barrier() }

// reached is the place behind what was handed on. It may lie behind the last position that
// was told.
func (s *Stream) reached() change.Position { return s.reader.reached() }

// fail ends the stream with an error, from any goroutine.
func (s *Stream) fail(err error) {
	s.queue.end(err)
	s.cancel()
}

// Close ends the stream and returns when its goroutine has.
func (s *Stream) Close() error {
	s.cancel()
	s.done.Wait()
	return nil
}

// checkLog says clearly, before the server says it in its own way, that the log
// behind from is not to be had.
func (s *Source) checkLog(ctx context.Context, from change.Position) error {
	same := from.Server == "" || from.Server == s.server.ID
	if same && from.Begun != 0 {
		if err := s.checkFile(ctx, from); err != nil {
			return err
		}
	}
	switch {
	case s.server.followsGTID() && from.GTIDs != "": // else it has none yet, or had none then
		return s.checkExecuted(ctx, from)
	case s.server.Flavor == MariaDB && s.opensByGTID(from):
		lacks, err := s.mariaLacks(ctx, from.GTIDs)
		if err == nil && lacks != "" {
			err = s.lacksProblem(lacks)
		}
		return err
	case !same:
		return s.foreignProblem(from)
	case from.File == "":
		return &diag.Problem{Code: codeConfig, Class: diag.Refused, Message: "the position names no file of the binary log",
			Fix: "start again with an empty data directory."}
	case from.Offset > math.MaxUint32:
		return &diag.Problem{Code: codeLog, Class: diag.Refused,
			Message: "position " + from.String() + " lies behind 4 GiB of its file, which a reader by file and position cannot ask for",
			Fix:     "FLUSH BINARY LOGS; then start again. With gtid_mode=ON there is no such limit."}
	}
	size, first, found, err := s.findFile(ctx, from.File)
	switch {
	case err != nil:
		return err
	case !found && (change.Position{File: from.File}).Compare(change.Position{File: first}) < 0:
		return s.purgedProblem("it begins with file "+first+", the position is "+from.String(), nil)
	case !found:
		return s.beyondProblem("there is no file "+from.File, nil)
	case size < from.Offset:
		return s.beyondProblem("the position is "+from.String()+" and the file ends before", nil)
	}
	return nil
}

// checkFile: a server whose data were put back to an earlier state writes files of
// the same names again, and gives the same GTIDs to other transactions.
func (s *Source) checkFile(ctx context.Context, from change.Position) error {
	size, _, found, err := s.findFile(ctx, from.File)
	if err != nil || !found {
		return err // what that means depends on how the server is followed
	}
	if size < from.Offset {
		return s.beyondProblem("the position is "+from.String()+" and the file ends before", nil)
	}
	begun, err := s.begun(ctx, from.File)
	if err != nil || begun == from.Begun {
		return err
	}
	at := func(seconds uint32) string { return time.Unix(int64(seconds), 0).UTC().Format(time.DateTime) }
	return s.beyondProblem(fmt.Sprintf("its file %s was begun at %s, the one that was read at %s: the server's data were put back to an earlier state", from.File, at(begun), at(from.Begun)), nil)
}

// checkExecuted: everything delivered must be in the server's executed set, and
// nothing that comes next may be purged.
func (s *Source) checkExecuted(ctx context.Context, from change.Position) error {
	if _, err := gomysql.ParseMysqlGTIDSet(from.GTIDs); err != nil {
		return &diag.Problem{Code: codeConfig, Class: diag.Refused, Message: "position '" + from.GTIDs + "' is not a set of GTIDs", Cause: err,
			Fix: "start again with an empty data directory: the server is followed by GTID now and was not when the position was saved."}
	}
	lacks, purged, err := s.missing(ctx, from.GTIDs)
	switch {
	case err != nil:
		return err
	case lacks != "":
		return s.lacksProblem(lacks)
	case purged != "":
		return s.purgedProblem("it purged transactions "+purged+", which were not delivered yet", nil)
	}
	return nil
}

// foreignProblem is a position of another server where nothing else is to be had.
func (s *Source) foreignProblem(from change.Position) error {
	return &diag.Problem{Code: codeForeign, Class: diag.Refused,
		Message: fmt.Sprintf("position %s is of server %s, and MySQL %s is server %s: without GTIDs a position of one server means nothing on another", from, from.Server, s.address(), s.server.ID),
		Fix:     "give the address of the server that was followed, or start again with an empty data directory to copy the tables anew; with gtid_mode=ON servers can take each other's place."}
}
