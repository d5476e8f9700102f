package endtoend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// auditor reads the bank's tables at the target again and again, and checks every state
// that they show.
type auditor struct {
	b    *bank
	stop context.CancelFunc
	wait sync.WaitGroup

	mu     sync.Mutex
	last   map[string]int64 // trips, by table
	looks  int              // states that were looked at
	states int              // that were another than the one before
	wrong  []string         // what exactly-once rules out
}

// sums are what one query shows of a table.
type sums struct {
	table                       string
	rows, balance, share, trips int64
}

func (s sums) String() string {
	return fmt.Sprintf("%s: %d rows, balance %d, share %d, trips %d", s.table, s.rows, s.balance, s.share, s.trips)
}

// audit begins; the copies are visible.
func (b *bank) audit(t testing.TB) *auditor {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a := &auditor{b: b, stop: cancel, last: map[string]int64{}}
	a.wait.Go(func() {
		for ctx.Err() == nil && len(a.found()) == 0 {
			a.look(ctx, t, bankTables[0])
			a.look(ctx, t, bankTables[1])
			a.look(ctx, t, bankTables...)
			time.Sleep(time.Millisecond) // the readers of a warehouse are not alone either
		}
	})
	t.Cleanup(func() { cancel(); a.wait.Wait() })
	return a
}

// look takes one state, of one table or of both in one query.
func (a *auditor) look(ctx context.Context, t testing.TB, tables ...string) {
	var queries []string
	for _, table := range tables {
		queries = append(queries, fmt.Sprintf("SELECT '%s', COUNT(*), SUM(balance), SUM(share), SUM(trips) FROM %s.%[1]s", table, a.b.w.database))
	}
	seen, err := a.query(ctx, strings.Join(queries, " UNION ALL "))
	switch {
	case ctx.Err() != nil, errors.Is(err, mysql.ErrInvalidConn): // or a leader has gone
		return
	case err != nil:
		t.Errorf("the auditor: %v", err)
		a.stop()
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks++
	moved := false
	var share int64
	for _, s := range seen {
		share += s.share
		if s.balance != int64(a.b.accounts*deposit) {
			a.wrong = append(a.wrong, fmt.Sprintf("the balances are not %d: %v", a.b.accounts*deposit, s))
		}
		if s.trips < a.last[s.table] {
			a.wrong = append(a.wrong, fmt.Sprintf("a step back from %d trips: %v", a.last[s.table], s))
		}
		moved = moved || s.trips > a.last[s.table]
		a.last[s.table] = s.trips
	}
	if moved {
		a.states++
	}
	if len(tables) > 1 && a.b.inside && share != int64(len(tables)*a.b.accounts*deposit) {
		a.wrong = append(a.wrong, fmt.Sprintf("the shares of both tables are %d, not %d: %v", share, len(tables)*a.b.accounts*deposit, seen))
	}
}

func (a *auditor) query(ctx context.Context, query string) (seen []sums, err error) {
	rows, err := a.b.w.admin.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s sums
		if err := rows.Scan(&s.table, &s.rows, &s.balance, &s.share, &s.trips); err != nil {
			return nil, err
		}
		seen = append(seen, s)
	}
	return seen, rows.Err()
}

func (a *auditor) found() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wrong
}

func (a *auditor) seen() (looks, states int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.looks, a.states
}

// await waits until so many more states were seen.
func (a *auditor) await(t testing.TB, states int) {
	t.Helper()
	_, before := a.seen()
	eventually(t, func() string {
		if _, now := a.seen(); now < before+states && len(a.found()) == 0 {
			return fmt.Sprintf("%d states of %d were seen", now-before, states)
		}
		return ""
	})
}

// end stops the auditor and says what it has found.
func (a *auditor) end(t testing.TB) {
	t.Helper()
	a.stop()
	a.wait.Wait()
	looks, states := a.seen()
	for _, wrong := range a.found() {
		t.Errorf("state %d, look %d: %s", states, looks, wrong)
	}
	t.Logf("%d states of the target in %d looks are states of the source", states, looks)
}
