package endtoend

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// seed is what a test's chances are drawn from: STARFERRY_SEED or the clock.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv("STARFERRY_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("STARFERRY_SEED: %v", err)
		}
	}
	t.Logf("repeat with STARFERRY_SEED=%d", n)
	return n
}

// workload changes two tables from several connections at once.
//
// orders has a number as its key and many rows; notes has a key of text and number,
// the text under a collation for which 'Ab' and 'aB' are equal although their bytes
// are not.
type workload struct {
	w     *world
	seed  uint64
	rows  int  // of orders in the beginning, with the ids 3, 6, 9 …
	parts int  // of each of the 100 codes of notes in the beginning; 100 when 0
	wild  bool // servers may die, and transactions are worse
	gap   bool // there may be no table for a moment
	small bool // no statement changes hundreds of rows
	// change is what a writer does instead, again and again.
	change func(context.Context, *sql.Conn, *rand.Rand) error
	added  atomic.Bool

	// placed guards w.source, which a switch-over changes while nobody writes.
	placed sync.RWMutex

	stop          context.CancelFunc
	wait          sync.WaitGroup
	done, altered atomic.Int64 // transactions, and statements that changed a table
	largeAt       atomic.Int64 // when the last large transaction was, in nanoseconds
}

const fillDigits = "INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)"

// numbersUpTo selects the numbers n from 0 to a power of ten that is not below limit.
func numbersUpTo(limit int) string {
	sum, from := "0", ""
	for digit, power := 0, 1; power < limit; digit, power = digit+1, power*10 {
		sum += fmt.Sprintf(" + %d * d%d.d", power, digit)
		from += fmt.Sprintf(", digits d%d", digit)
	}
	return "SELECT " + sum + " AS n FROM " + strings.TrimPrefix(from, ", ")
}

// fill makes both tables.
func (l *workload) fill(t testing.TB) {
	t.Helper()
	l.w.exec(t,
		`CREATE TABLE orders (
			id INT UNSIGNED NOT NULL PRIMARY KEY, customer VARCHAR(40) NOT NULL, amount DECIMAL(14,3) NOT NULL,
			state ENUM('new','paid','gone') NOT NULL, placed DATETIME(3), note TEXT)`,
		`CREATE TABLE notes (
			code VARCHAR(12) COLLATE utf8mb4_general_ci NOT NULL, part SMALLINT NOT NULL, body VARCHAR(200), weight DOUBLE,
			PRIMARY KEY (code, part))`,
		"CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits,
		fmt.Sprintf(`INSERT INTO orders SELECT 3 * n + 3, CONCAT('customer ', n %% 977), n / 8, 1 + n %% 3,
			'2024-01-01 00:00:00.125' + INTERVAL n SECOND, CONCAT('note ', REPEAT('x', n %% 50)) FROM (%s) AS numbers WHERE n < %d`, numbersUpTo(l.rows), l.rows),
		fmt.Sprintf(`INSERT INTO notes SELECT CONCAT('k', a.d, b.d), 10 * c.d + e.d, CONCAT('body ', c.d), 1 / (1 + e.d)
			FROM digits a, digits b, digits c, digits e WHERE 10 * c.d + e.d < %d`, cmp.Or(l.parts, 100)))
}

// begin starts the writers; end stops them and waits.
func (l *workload) begin(t testing.TB, writers int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	for i := range writers {
		l.wait.Go(func() { l.write(ctx, t, rand.New(rand.NewPCG(l.seed, uint64(i)))) })
	}
	t.Cleanup(l.end)
}

func (l *workload) end() {
	l.stop()
	l.wait.Wait()
}

func (l *workload) write(ctx context.Context, t testing.TB, r *rand.Rand) {
	for ctx.Err() == nil {
		err := l.session(ctx, r)
		switch {
		case ctx.Err() != nil:
		case err == nil || l.wild && isLost(err):
			time.Sleep(50 * time.Millisecond) // nothing signals that the server is back
		default:
			t.Errorf("a writer: %v", err)
			return
		}
	}
}

// session writes over one connection until it ends.
func (l *workload) session(ctx context.Context, r *rand.Rand) error {
	l.placed.RLock()
	server := l.w.source
	l.placed.RUnlock()
	conn, err := server.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range []string{"USE " + l.w.database, "SET SESSION innodb_lock_wait_timeout = 2, lock_wait_timeout = 20, sql_mode = ''"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	for ctx.Err() == nil {
		transaction := l.transaction
		switch {
		case l.change != nil:
			transaction = l.change
		case l.wild && r.IntN(4) == 0:
			transaction = l.wildTransaction
		}
		l.placed.RLock()
		moved := l.w.source != server
		if !moved {
			err = transaction(ctx, conn, r)
		}
		l.placed.RUnlock()
		if moved {
			return nil
		}
		var refused *mysql.MySQLError
		switch {
		case err == nil:
			l.done.Add(1)
		case errors.As(err, &refused) && (slices.Contains([]uint16{1062, 1205, 1213, 1020}, refused.Number) || l.gap && refused.Number == 1146):
			// A key that exists, a lock, a deadlock: part of life.
		default:
			return err
		}
		// The source shall not be busy with nothing but the writers.
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
	}
	return nil
}

// transaction runs one to six statements and commits or, sometimes, rolls back.
func (l *workload) transaction(ctx context.Context, conn *sql.Conn, r *rand.Rand) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for range 1 + r.IntN(6)*r.IntN(2) {
		if _, err := tx.ExecContext(ctx, l.statement(r)); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if r.IntN(12) == 0 {
		return tx.Rollback()
	}
	return tx.Commit()
}

// texts are values that separators, quotes and NULL marks hide in.
var texts = []string{"plain", "", `back\\slash`, `\\N`, `tab\tnew\nline`, "\x01", "a\x02b", `quote "''"`, "é€😀", `\0`, "NULL", "{\"a\":1}"}

func (l *workload) statement(r *rand.Rand) string {
	id := func() int { return 1 + r.IntN(3*l.rows+300) }
	text := func() string { return texts[r.IntN(len(texts))] + strconv.Itoa(r.IntN(100)) }
	code := func() string { return []string{"k", "K"}[r.IntN(2)] + fmt.Sprintf("%02d", r.IntN(110)) }
	kind := r.IntN(26)
	if l.small && kind >= 15 && kind <= 17 {
		kind = 0
	}
	switch kind {
	case 0, 1, 2, 3:
		return fmt.Sprintf("INSERT INTO orders (id, customer, amount, state, placed, note) VALUES (%d, '%s', %d.%03d, 'new', NOW(3), '%s')", id(), text(), r.IntN(1e6), r.IntN(1000), text())
	case 4, 5:
		return fmt.Sprintf("REPLACE INTO orders (id, customer, amount, state) VALUES (%d, '%s', -%d, 'paid'), (%d, 'b', 2, 'gone')", id(), text(), r.IntN(1e6), id())
	case 6, 7, 8, 9:
		return fmt.Sprintf("UPDATE orders SET amount = amount + 1, note = '%s' WHERE id BETWEEN %d AND %[2]d + 7", text(), id())
	case 10, 11:
		return fmt.Sprintf("DELETE FROM orders WHERE id BETWEEN %d AND %[1]d + 4", id())
	case 12, 13:
		return fmt.Sprintf("UPDATE orders SET id = %d WHERE id >= %d ORDER BY id LIMIT 1", id(), id())
	case 14:
		return fmt.Sprintf("UPDATE orders SET id = id + 1 WHERE id BETWEEN %d AND %[1]d + 30 ORDER BY id DESC", id())
	case 15:
		return fmt.Sprintf("UPDATE orders SET state = 1 + id %% 3, placed = NULL WHERE id BETWEEN %d AND %[1]d + 6000", id())
	case 16:
		return fmt.Sprintf("DELETE FROM orders WHERE id BETWEEN %d AND %[1]d + 600", id())
	case 17:
		return fmt.Sprintf("INSERT IGNORE INTO orders (id, customer, amount, state, placed, note) SELECT %d + d.d + 10 * e.d + 100 * f.d, 'many', 1, 'new', NULL, REPEAT('%s', 5) FROM digits d, digits e, digits f", id(), text())
	case 18, 19:
		return fmt.Sprintf("INSERT INTO notes (code, part, body, weight) VALUES ('%s', %d, '%s', %d / 7) ON DUPLICATE KEY UPDATE body = VALUES(body)", code(), r.IntN(100), text(), r.IntN(1e6))
	case 20:
		return fmt.Sprintf("UPDATE notes SET code = '%s' WHERE code = '%[1]s'", code()) // other bytes, the same key
	case 21:
		return fmt.Sprintf("UPDATE notes SET code = '%s', weight = NULL WHERE code = '%s' AND part < 5", code(), code())
	case 22:
		return fmt.Sprintf("DELETE FROM notes WHERE code = '%s' AND part > %d", code(), r.IntN(100))
	case 23:
		return fmt.Sprintf("DELETE FROM notes WHERE part = %d", r.IntN(100))
	case 24:
		return fmt.Sprintf("INSERT IGNORE INTO notes (code, part, body, weight) SELECT CONCAT('K', d.d, e.d), %d, '%s', RAND() FROM digits d, digits e", r.IntN(100), text())
	}
	if l.added.Load() {
		return fmt.Sprintf("UPDATE orders o, notes n SET o.channel = '%s', n.level = %d WHERE o.id = %d AND n.part = %d", text(), r.IntN(100), id(), r.IntN(100))
	}
	return fmt.Sprintf("UPDATE orders SET customer = '%s' WHERE id = %d", text(), id())
}

// addColumns is the schema change in the middle: one column with a default at the
// end, one without in the middle.
func (l *workload) addColumns(t testing.TB) {
	t.Helper()
	l.w.exec(t, "SET lock_wait_timeout = 20", "ALTER TABLE orders ADD COLUMN channel VARCHAR(30) DEFAULT 'web'",
		"ALTER TABLE notes ADD COLUMN level INT AFTER part")
	l.added.Store(true)
}
