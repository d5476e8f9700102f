package mysql

import (
	"context"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/testbed"
)

// TestVisibilityGap forces the gap open in which a server has sent a transaction and
// does not show it: semi-sync waits, after the log and before the engine, for an
// acknowledgement that never comes. A page that is asked for in the gap waits, and
// without the barrier it would have brought the older row.
func TestVisibilityGap(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--plugin-load-add=semisync_source.so", "--rpl-semi-sync-source-wait-point=AFTER_SYNC", "--rpl-semi-sync-source-wait-no-replica=ON",
		"--rpl-semi-sync-source-timeout=600000")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v INT)", "INSERT INTO x.t VALUES (1, 1)")
	s := connect(t, server)
	stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
	for next(t, stream).Kind != change.Joined {
	}
	table := describe(t, s, "x", "t")
	server.Exec(t, "SET GLOBAL rpl_semi_sync_source_enabled = ON")
	committed := make(chan error, 1)
	go func() {
		_, err := server.DB().ExecContext(context.WithoutCancel(t.Context()), "UPDATE x.t SET v = 2")
		committed <- err
	}()
	var delivered change.Position
	updated := false
	for !updated || delivered.File == "" {
		e := next(t, stream)
		updated = updated || e.Kind == change.Update
		if updated && e.Resumable {
			delivered = e.Position
		}
	}
	value := func() (v int) {
		t.Helper()
		if err := server.DB().QueryRow("SELECT v FROM x.t").Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := value(); v != 1 {
		t.Fatalf("no gap: the server shows %d", v)
	}
	// Without a barrier: the older row, and a high mark that the stream has passed.
	page, err := s.ReadPage(t.Context(), pageRequest(table, change.Position{}))
	if err != nil || row(page.Rows, 0) != "1|1" || !delivered.Reached(page.High) {
		t.Fatalf("page %v up to %v, delivered %v, %v", page.Rows, page.High, delivered, err)
	}
	// With it the page waits, at first in vain.
	_, err = s.ReadPage(t.Context(), pageRequest(table, delivered))
	wantProblem(t, err, codeBusy, diag.Transient, "not visible yet")
	type answer struct {
		row string
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		for {
			page, err := s.ReadPage(t.Context(), pageRequest(table, delivered))
			if diag.IsTransient(err) {
				continue
			}
			if err != nil {
				answers <- answer{err: err}
				return
			}
			answers <- answer{row: row(page.Rows, 0)}
			return
		}
	}()
	select {
	case a := <-answers:
		t.Fatalf("the page did not wait: %+v", a)
	case <-time.After(time.Second): // still waiting: nothing can signal that
	}
	server.Exec(t, "SET GLOBAL rpl_semi_sync_source_enabled = OFF")
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.err != nil || a.row != "1|2" {
		t.Errorf("the page brought %+v", a)
	}
}
