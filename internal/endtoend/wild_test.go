package endtoend

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// What a workload does when it is wild: keys swapped inside one transaction,
// savepoints, large transactions, and statements that change the tables.

// isLost tells that a server has gone, or is going, away.
func isLost(err error) bool {
	var network net.Error
	var said *mysql.MySQLError
	switch {
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.EOF), errors.As(err, &network):
		return true
	case errors.As(err, &said):
		// Shutdown in progress, killed, interrupted.
		return slices.Contains([]uint16{1053, 1927, 1317, 1152, 1158, 3169}, said.Number)
	}
	return false
}

// wildTransaction swaps keys, rolls back to a savepoint, or changes many rows.
func (l *workload) wildTransaction(ctx context.Context, conn *sql.Conn, r *rand.Rand) error {
	var statements []string
	kind := r.IntN(8)
	if kind >= 6 && !l.largeIsDue() {
		kind = 0
	}
	switch kind {
	case 0, 1, 2:
		statements = l.swap(r)
	case 3, 4:
		statements = append(append([]string{l.statement(r), "SAVEPOINT s"}, l.swap(r)...), l.statement(r), "ROLLBACK TO SAVEPOINT s", l.statement(r))
	case 5:
		statements = append(l.swap(r), l.swap(r)...)
	case 6:
		statements = append(l.large(r), l.swap(r)...)
	case 7:
		statements = append(append([]string{"SAVEPOINT s"}, l.large(r)...), "ROLLBACK TO SAVEPOINT s", l.statement(r))
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if r.IntN(10) == 0 {
		return tx.Rollback()
	}
	return tx.Commit()
}

// swap exchanges the keys of two rows, and the codes of two groups.
func (l *workload) swap(r *rand.Rand) []string {
	if r.IntN(2) == 0 {
		a, b, between := 3*(1+r.IntN(l.rows)), 3*(1+r.IntN(l.rows)), 4_000_000_000+r.IntN(200_000_000)
		return []string{
			fmt.Sprintf("UPDATE orders SET id = %d WHERE id = %d", between, a),
			fmt.Sprintf("UPDATE orders SET id = %d, amount = amount + 1 WHERE id = %d", a, b),
			fmt.Sprintf("UPDATE orders SET id = %d WHERE id = %d", b, between),
		}
	}
	a, b, between := r.IntN(100), r.IntN(100), r.IntN(1e9)
	return []string{
		fmt.Sprintf("UPDATE notes SET code = 'b%d' WHERE code = 'k%02d'", between, a),
		fmt.Sprintf("UPDATE notes SET code = 'K%02d' WHERE code = 'k%02d'", a, b),
		fmt.Sprintf("UPDATE notes SET code = 'k%02d' WHERE code = 'b%d'", b, between),
	}
}

// largeEvery keeps what is written within what a ferry with loads of 1 MB can follow, however
// fast the source is: what lags more and more cannot be compared while rows change.
const largeEvery = 3 * time.Second

func (l *workload) largeIsDue() bool {
	last, now := l.largeAt.Load(), time.Now().UnixNano()
	return now-last >= int64(largeEvery) && l.largeAt.CompareAndSwap(last, now)
}

// large changes thousands of rows, some megabytes of log.
func (l *workload) large(r *rand.Rand) []string {
	from := r.IntN(3 * l.rows)
	return []string{
		fmt.Sprintf("DELETE FROM orders WHERE id BETWEEN %d AND %d", from, from+9000),
		fmt.Sprintf("INSERT IGNORE INTO orders (id, customer, amount, state, note) SELECT %d + 3 * n, 'large', n, 'new', REPEAT('%c', 150) FROM (%s) AS numbers WHERE n < 3000", from, 'a'+r.IntN(26), numbersUpTo(10_000)),
		fmt.Sprintf("UPDATE orders SET amount = amount + %d WHERE id BETWEEN %d AND %d", 1+r.IntN(9), from, from+9000),
	}
}

// alteration is a schema change that is carried to the target.
type alteration struct {
	table   string
	columns []string // that were added and may go again
	n       int
}

// next are statements to be run in order, to their end: old rows have what a renamed
// column held only when they are written again.
func (a *alteration) next(r *rand.Rand) []string {
	a.n++
	name := fmt.Sprintf("extra_%d", a.n) // no name comes twice: what is kept of a dropped column stays
	alter := "ALTER TABLE " + a.table + " "
	place := []string{"", " FIRST", " AFTER " + map[string]string{"orders": "customer", "notes": "part"}[a.table]}[r.IntN(3)]
	switch kind := r.IntN(8); {
	case kind < 2:
		a.columns = append(a.columns, name)
		return []string{alter + fmt.Sprintf("ADD COLUMN %s INT DEFAULT %d%s", name, r.IntN(100), place)}
	case kind == 2:
		a.columns = append(a.columns, name)
		return []string{alter + fmt.Sprintf("ADD COLUMN %s VARCHAR(20)%s", name, place), fmt.Sprintf("UPDATE %s SET %s = 'written' LIMIT 50", a.table, name)}
	case kind == 3:
		a.columns = append(a.columns, name)
		return []string{alter + fmt.Sprintf("ADD COLUMN %s VARCHAR(20) DEFAULT 'before'", name), alter + fmt.Sprintf("ALTER COLUMN %s SET DEFAULT 'after'", name)}
	case kind == 4 && len(a.columns) > 0:
		at := r.IntN(len(a.columns))
		gone := a.columns[at]
		a.columns = slices.Delete(a.columns, at, at+1)
		return []string{alter + "DROP COLUMN " + gone}
	case kind == 5 && len(a.columns) > 0:
		at := r.IntN(len(a.columns))
		was := a.columns[at]
		a.columns[at] = name
		touch := map[string]string{"orders": "amount = amount + 1", "notes": "weight = COALESCE(weight, 0) + 1"}[a.table]
		return []string{alter + fmt.Sprintf("RENAME COLUMN %s TO %s", was, name), "UPDATE " + a.table + " SET " + touch}
	case kind == 6:
		return []string{alter + fmt.Sprintf("ADD INDEX i_%d (%s)", a.n, map[string]string{"orders": "customer", "notes": "weight"}[a.table])}
	}
	return []string{alter + fmt.Sprintf("ENGINE = InnoDB, COMMENT = 'built anew %d'", a.n)}
}

// alterNowAndThen changes the tables until ctx ends. A change that was begun is
// brought to its end, however often the server goes away meanwhile.
func (l *workload) alterNowAndThen(ctx context.Context, t testing.TB, r *rand.Rand) {
	tables := []*alteration{{table: "orders"}, {table: "notes"}}
	for pause(ctx, r, 300, 2500) {
		for _, statement := range tables[r.IntN(len(tables))].next(r) {
			if err := l.insist(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
				return
			}
			l.altered.Add(1)
		}
	}
}

// insist runs a statement until it is done, or was done before its answer was lost.
func (l *workload) insist(statement string) error {
	deadline := time.Now().Add(patience)
	for {
		err := l.once(statement)
		var refused *mysql.MySQLError
		switch {
		case err == nil:
			return nil
		case time.Now().After(deadline):
			return err
		case errors.As(err, &refused) && slices.Contains([]uint16{1060, 1061, 1091, 1054}, refused.Number):
			return nil // it has the column or index already, or no longer
		case !isLost(err) && !(refused != nil && slices.Contains([]uint16{1205, 1213, 1020, 1859}, refused.Number)):
			return err // 1859: InnoDB took rows that came while it built an index for duplicates
		}
		time.Sleep(50 * time.Millisecond) // nothing signals that the server is back
	}
}

func (l *workload) once(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.placed.RLock()
	defer l.placed.RUnlock()
	conn, err := l.w.source.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, one := range []string{"USE " + l.w.database, "SET SESSION lock_wait_timeout = 20, innodb_lock_wait_timeout = 20, sql_mode = ''", statement} {
		if _, err := conn.ExecContext(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for a random while, in milliseconds; false means that ctx has ended.
func pause(ctx context.Context, r *rand.Rand, least, most int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(least+r.IntN(most-least)) * time.Millisecond):
		return true
	}
}
