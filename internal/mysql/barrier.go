package mysql

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Invariant: the read view of a page is not older than what the stream had
// delivered when the page was registered. Servers hand events to readers of the log
// before the rows are visible (group commit; semi-sync AFTER_SYNC for as long as
// the acknowledgement takes), so an unguarded SELECT can bring an older row after
// the newer one.
//
// Rejected: comparing highest GTID numbers (executed sets have gaps),
// MASTER_GTID_WAIT on MariaDB (waits for replication, never on a primary), and
// LOCK TABLES for every page by default (it queues behind long writers, and new ones
// behind it). Without GTIDs it is tried once per stream and table, for a second: from
// there on the ferry knows every key touched within the window.

const (
	barrierSnapshot = "consistent snapshot"
	barrierGTID     = "gtid"
	barrierLock     = "lock"
	barrierWindow   = "window"

	// barrierWait bounds one wait for a read view that is new enough.
	barrierWait = 4 * time.Second
	minWindow   = 60 * time.Second
)

// barrierName is the best barrier this server has, or the one asked for.
func (s *Source) barrierName(info ServerInfo) string {
	switch {
	case s.config.Barrier == "lock":
		return barrierLock
	case info.Flavor == MariaDB:
		return barrierSnapshot
	case info.followsGTID():
		return barrierGTID
	}
	return barrierWindow
}

func (s *Source) barrier() ferry.Barrier {
	b := ferry.Barrier{Name: s.server.Barrier}
	if b.Name == barrierWindow {
		b.Window = s.window()
	}
	return b
}

// window is how long a commit may be in the log and not be visible: twice the
// semi-sync time-out where that is on.
func (s *Source) window() time.Duration {
	window := minWindow
	for _, prefix := range []string{"rpl_semi_sync_source_", "rpl_semi_sync_master_"} {
		if s.variables[prefix+"enabled"] != "ON" {
			continue
		}
		if ms, err := strconv.ParseInt(s.variables[prefix+"timeout"], 10, 64); err == nil {
			window = max(window, 2*time.Duration(min(ms, int64(365*24*time.Hour/time.Millisecond)))*time.Millisecond)
		}
	}
	return window
}

// readView makes the connection's next SELECT see everything delivered. The
// returned position is the read view itself where the server tells it. The read
// view is given up by releaseView.
func (s *Source) readView(ctx context.Context, conn *pageConn, request ferry.PageRequest) (*change.Position, error) {
	switch {
	case s.server.Barrier == barrierSnapshot:
		return s.snapshotView(ctx, conn, request.Delivered)
	case s.server.Barrier == barrierGTID:
		return nil, s.waitExecuted(ctx, conn, request.Delivered.GTIDs)
	case s.server.Barrier == barrierLock:
		return nil, s.waitWriters(ctx, conn, request.Table)
	case request.Exact:
		return nil, s.tryWriters(ctx, conn, request.Table)
	}
	return nil, nil // the ferry keeps the window
}

// tryWriters is waitWriters where there is another way: what a lock that is not
// allowed, or not soon to be had, stands for is ferry.ErrNoBarrier.
func (s *Source) tryWriters(ctx context.Context, conn *pageConn, table *change.Table) error {
	err := s.waitWriters(ctx, conn, table)
	switch errorCode(err) {
	case 1044, 1142, 1227, 1205:
		return fmt.Errorf("%w: %w", ferry.ErrNoBarrier, err)
	}
	return err
}

// releaseView ends the transaction of a snapshot; harmless without one.
func (s *Source) releaseView(ctx context.Context, conn *pageConn) error {
	if s.server.Barrier != barrierSnapshot {
		return nil
	}
	err := conn.exec(ctx, "ROLLBACK")
	return s.queryProblem("ending a snapshot", err)
}

// snapshotView takes consistent snapshots until one is not before delivered. The
// snapshot's position is exact: it is the low barrier and the high mark in one.
func (s *Source) snapshotView(ctx context.Context, conn *pageConn, delivered change.Position) (*change.Position, error) {
	if err := s.waitDecided(ctx); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(barrierWait)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
			if err := conn.exec(ctx, statement); err != nil {
				return nil, s.queryProblem(statement, err)
			}
		}
		at, err := s.snapshotPosition(ctx, conn)
		if err != nil {
			return nil, err
		}
		if at.Reached(change.Position{File: delivered.File, Offset: delivered.Offset}) {
			if s.seesXA() { // it may show one that commits behind its position
				return nil, nil
			}
			return &at, nil
		}
		if err := s.releaseView(ctx, conn); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, s.barrierProblem(fmt.Sprintf("its snapshots are at %s, before %s, which its log has sent already", at, delivered), nil)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (s *Source) snapshotPosition(ctx context.Context, conn *pageConn) (change.Position, error) {
	var at change.Position
	var offset string
	err := conn.each(ctx, "SHOW STATUS LIKE 'binlog_snapshot_%'", func(row []string) {
		switch row[0] {
		case "Binlog_snapshot_file":
			at.File = row[1]
		case "Binlog_snapshot_position":
			offset = row[1]
		}
	})
	if err != nil {
		return at, s.queryProblem("SHOW STATUS LIKE 'binlog_snapshot_%'", err)
	}
	if at.Offset, err = strconv.ParseUint(offset, 10, 64); err != nil || at.File == "" {
		return at, s.logOffProblem()
	}
	return at, nil
}

// waitExecuted waits until the server counts every transaction of the set as
// executed, which it does after their rows are visible.
func (s *Source) waitExecuted(ctx context.Context, conn *pageConn, set string) error {
	if set == "" {
		return nil
	}
	// The wait is a SELECT: it must end before max_execution_time ends it.
	query := fmt.Sprintf("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %d)", literal(set), int(barrierWait.Seconds()))
	timedOut, err := conn.first(ctx, query)
	if err != nil {
		return s.queryProblem("WAIT_FOR_EXECUTED_GTID_SET", err)
	}
	if len(timedOut) != 1 || timedOut[0] != "0" {
		return s.barrierProblem("transactions that its log has sent are not visible yet (semi-sync without an acknowledgement?)", nil)
	}
	return nil
}

// waitWriters waits for every transaction that has written to the table: a writer
// keeps its metadata lock until after its rows are visible.
func (s *Source) waitWriters(ctx context.Context, conn *pageConn, table *change.Table) error {
	if err := conn.exec(ctx, "SET SESSION lock_wait_timeout = 1"); err != nil {
		return s.queryProblem("SET lock_wait_timeout", err)
	}
	statement := "LOCK TABLES " + quoted(table.Database) + "." + quoted(table.Table) + " READ"
	err := conn.exec(ctx, statement)
	if err == nil {
		err = conn.exec(ctx, "UNLOCK TABLES")
	}
	reset := conn.exec(ctx, "SET SESSION lock_wait_timeout = 5")
	switch {
	case errorCode(err) == 1205:
		return s.barrierProblem(fmt.Sprintf("table %s is being written by a transaction that does not end", table.Name), err)
	case err != nil:
		return s.queryProblem(statement, err)
	}
	return s.queryProblem("SET lock_wait_timeout", reset)
}

func (s *Source) barrierProblem(why string, cause error) error {
	return &diag.Problem{Code: codeBusy, Class: diag.Transient, Cause: cause,
		Message: fmt.Sprintf("MySQL %s does not yet show what it has sent: %s", s.address(), why),
		Fix:     "nothing, if it passes; otherwise look for transactions that hang: SHOW PROCESSLIST;"}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
