package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"starferry/internal/testbed/stage"
)

// writer inserts rows at a rate that does not depend on how long an insert takes, over
// one connection, so that transactions are committed in the order they are counted in.
type writer struct {
	committed atomic.Int64 // rows
	// acknowledged is when each transaction was, once write has returned.
	acknowledged []time.Time
	began, ended time.Time
}

const liveTable = "CREATE TABLE live (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)"

// write inserts so many rows a transaction and transactions a second until ctx is done;
// that is its good end. One that comes late is made up for.
func (w *writer) write(ctx context.Context, s *stage.Stage, perSecond, rows int) error {
	conn, err := s.Source.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	row := "(1, REPEAT('12345678901-', 10), REPEAT('09876543210-', 5))"
	statement := fmt.Sprintf("INSERT INTO %s.live (k, c, pad) VALUES %s%s", database, row, strings.Repeat(", "+row, rows-1))
	every := time.Second / time.Duration(perSecond)
	w.began = time.Now()
	defer func() { w.ended = time.Now() }()
	for due := w.began; ; due = due.Add(every) {
		if wait := time.Until(due); wait > 0 && sleep(ctx, wait) != nil || ctx.Err() != nil {
			return nil
		}
		// Not bound to ctx: whether a transaction that is cut off was committed is not known.
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
			return err
		}
		w.acknowledged = append(w.acknowledged, time.Now())
		w.committed.Add(int64(rows))
	}
}

// rate is rows per second.
func (w *writer) rate() float64 {
	return float64(w.committed.Load()) / w.ended.Sub(w.began).Seconds()
}
