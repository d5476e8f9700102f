package mysql

import (
	"context"
	"math"
	"sync"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// queueBytes bounds what the reader has decoded and nobody has taken.
const queueBytes = 32 << 20

// Stream delivers the changes of one server in the order of its log.
type Stream struct {
	source *Source
	queue  *queue
	cancel context.CancelFunc
	dump   *dump
	done   sync.WaitGroup
}

var _ ferry.Stream = (*Stream)(nil)

// Open starts a stream behind from. It refuses a position whose log is purged or
// that the server does not have; tables of join are joined as soon as the stream
// has passed the end of the log of now.
func (s *Source) Open(ctx context.Context, from change.Position, followed []*change.Table, join []change.Name) (ferry.Stream, error) {
	if err := s.checkLog(ctx, from); err != nil {
		return nil, err
	}
	dump, err := s.openDump(ctx, from)
	if err != nil {
		return nil, s.openProblem(err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stream := &Stream{source: s, queue: newQueue(queueBytes), cancel: cancel, dump: dump}
	r, err := newReader(s, dump, stream.queue, from)
	if err == nil {
		r.tracker, err = s.newTracker(ctx, followed, join)
	}
	if err != nil {
		cancel()
		dump.close()
		return nil, err
	}
	stream.done.Add(1)
	go func() {
		defer stream.done.Done()
		stream.queue.end(r.run(running))
	}()
	return stream, nil
}

// openProblem: the server was reached before, so that it cannot be reached now may pass.
func (s *Source) openProblem(err error) error { return s.reconnectProblem(err) }

// Next waits for the next event. After an error that is not ctx's the stream is of
// no more use.
func (s *Stream) Next(ctx context.Context) (change.Event, error) { return s.queue.take(ctx) }

// Server identifies the server the stream reads from.
func (s *Stream) Server() string { return s.source.server.ID }

// Barrier says how pages are kept from being older than what was delivered.
func (s *Stream) Barrier() ferry.Barrier { return s.source.barrier() }

// Close ends the stream and returns when its goroutine has.
func (s *Stream) Close() error {
	s.cancel()
	s.dump.close()
	s.done.Wait()
	return nil
}

// checkLog says clearly, before the server says it in its own way, that the log
// behind from is not to be had.
func (s *Source) checkLog(ctx context.Context, from change.Position) error {
	if s.server.followsGTID() {
		if _, err := gomysql.ParseMysqlGTIDSet(from.GTIDs); err != nil {
			return &diag.Problem{Code: codeConfig, Class: diag.Refused, Message: "position '" + from.GTIDs + "' is not a set of GTIDs", Cause: err,
				Fix: "start again with an empty data directory: the server is followed by GTID now and was not when the position was saved."}
		}
		return s.checkExecuted(ctx, from.GTIDs)
	}
	if from.File == "" {
		return &diag.Problem{Code: codeConfig, Class: diag.Refused, Message: "the position names no file of the binary log",
			Fix: "start again with an empty data directory."}
	}
	if from.Offset > math.MaxUint32 {
		return &diag.Problem{Code: codeLog, Class: diag.Refused,
			Message: "position " + from.String() + " lies behind 4 GiB of its file, which a reader by file and position cannot ask for",
			Fix:     "FLUSH BINARY LOGS; then start again. With gtid_mode=ON there is no such limit."}
	}
	size, first, found, err := s.logFile(ctx, from.File)
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

// checkExecuted: everything delivered must be in the server's executed set, and
// nothing that comes next may be purged.
func (s *Source) checkExecuted(ctx context.Context, delivered string) error {
	for tries := 0; ; tries++ {
		lacks, purged, err := s.missing(ctx, delivered)
		switch {
		case err != nil:
			return err
		case purged != "":
			return s.purgedProblem("it purged transactions "+purged+", which were not delivered yet", nil)
		case lacks == "":
			return nil
		case tries >= failoverTries:
			return s.beyondProblem("it lacks transactions "+lacks, nil)
		case tries == 0:
			s.config.Notify("MySQL %s lacks transactions %s that were delivered; waiting up to %s for them", s.address(), lacks, failoverTries*failoverPause)
		}
		if err := sleep(ctx, failoverPause); err != nil {
			return err
		}
	}
}
