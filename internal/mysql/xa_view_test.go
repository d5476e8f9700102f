package mysql

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/testbed"
)

// TestPageIsNotOlderThanAnXACommit: what the stream has delivered at an XA COMMIT is
// in every page that is asked for afterwards.
func TestPageIsNotOlderThanAnXACommit(t *testing.T) {
	t.Parallel()
	eachXAServer(t, func(t *testing.T, server *testbed.Server) {
		server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v INT)", "INSERT INTO x.t VALUES (1, 0)")
		s := connect(t, server)
		if s.Server().Barrier == barrierWindow {
			return // there the ferry keeps the window
		}
		stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		table := describe(t, s, "x", "t")
		ctx, stop := context.WithCancel(t.Context())
		written := make(chan error, 1)
		go func() { written <- writeXA(ctx, server) }()
		checked := 0
		for seen := 0; checked < 300; {
			e := next(t, stream)
			if e.Kind == change.Update {
				seen, _ = strconv.Atoi(string(e.Rows.Cell(e.Rows.Len()-1, 1)))
			}
			if !e.Resumable || seen == 0 {
				continue
			}
			page, err := s.ReadPage(t.Context(), pageRequest(table, e.Position))
			if err != nil {
				t.Fatal(err)
			}
			if v, err := strconv.Atoi(string(page.Rows.Cell(0, 1))); err != nil || v < seen {
				t.Fatalf("delivered %d at %v, a page then brings %d", seen, e.Position, v)
			}
			checked++
		}
		stop()
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	})
}

// writeXA counts a row up, each time by an XA transaction, until ctx ends.
func writeXA(ctx context.Context, server *testbed.Server) error {
	conn, err := server.DB().Conn(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	defer conn.Close()
	for n := 1; ctx.Err() == nil; n++ {
		for _, statement := range []string{
			fmt.Sprintf("XA START 'n%d'", n), fmt.Sprintf("UPDATE x.t SET v = %d", n), fmt.Sprintf("XA END 'n%d'", n),
			fmt.Sprintf("XA PREPARE 'n%d'", n), fmt.Sprintf("XA COMMIT 'n%d'", n),
		} {
			if _, err := conn.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

// TestDecidedXAIsWaitedFor: a page of MariaDB waits for what is listed as prepared and
// was delivered as committed.
func TestDecidedXAIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--max-connections=100")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v INT)")
	prepare(t, server, "slow", "INSERT INTO x.t VALUES (1, 1)")
	s := connect(t, server)
	s.noteDecided("X'736C6F77',X'',1")
	s.noteDecided("X'00',X'',1") // visible already
	request := pageRequest(describe(t, s, "x", "t"), start(t, s))
	_, err := s.ReadPage(t.Context(), request)
	wantProblem(t, err, codeBusy, diag.Transient, "XA transactions")
	server.Exec(t, "XA COMMIT 'slow'")
	page, err := s.ReadPage(t.Context(), request)
	if err != nil || page.Rows.Len() != 1 || len(s.decided.ids) != 0 {
		t.Errorf("%v, %v", err, s.decided.ids)
	}
	s.noteDecided("again")
	s.forgetDecided("again")
	if err := s.waitDecided(t.Context()); err != nil {
		t.Error(err)
	}
}
