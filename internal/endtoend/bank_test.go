package endtoend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// bank is a workload that moves money between the accounts of two tables.
//
// The balances of a table move within it, so that their sum is the same at every place
// between two transactions. Shares move from one table into the other in one transaction:
// only their sum over both tables stays. The tellers, rows with negative ids, count the
// transactions of their table: the sum of trips only grows.
type bank struct {
	workload
	accounts int // of each table in the beginning, with the ids 1, 2, 3 …
	inside   bool
}

const (
	tellers = 8
	// deposit is the balance, and the share, of each account in the beginning.
	deposit = 1000
)

var bankTables = []string{"accounts_a", "accounts_b"}

func newBank(t testing.TB, w *world, accounts int, inside bool) *bank {
	t.Helper()
	b := &bank{workload: workload{w: w, seed: seed(t)}, accounts: accounts, inside: inside}
	b.change = b.transfer
	w.exec(t, "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits)
	for _, table := range bankTables {
		w.exec(t,
			fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, owner VARCHAR(40) NOT NULL, balance BIGINT NOT NULL, share BIGINT NOT NULL, trips BIGINT NOT NULL, memo TEXT)", table),
			fmt.Sprintf("INSERT INTO %s SELECT n + 1, CONCAT('owner ', n), %d, %[2]d, 0, NULL FROM (%s) AS numbers WHERE n < %d", table, deposit, numbersUpTo(accounts), accounts),
			fmt.Sprintf("INSERT INTO %s SELECT -n - 1, 'teller', 0, 0, 0, NULL FROM (%s) AS numbers WHERE n < %d", table, numbersUpTo(tellers), tellers))
	}
	return b
}

// exactly are the settings of exactly-once with a checkpoint every so often.
func (b *bank) exactly(interval string) string {
	settings := fmt.Sprintf("SET 'execution.checkpointing.interval' = '%s';\nSET 'snapshot.page-size' = '64kb';\n", interval)
	if b.inside {
		settings += "SET 'delivery.exactly-once' = 'position-inside';\n"
	}
	return settings
}

// script keeps the tables of the bank in step, exactly once.
func (b *bank) script(t testing.TB, settings string, with ...string) string {
	t.Helper()
	return b.w.write(t, "bank.sql", b.text(settings, with...))
}

func (b *bank) text(settings string, with ...string) string {
	with = append([]string{"'sink.semantic' = 'exactly-once'"}, with...)
	return b.w.script(settings, route{"accounts_a", "accounts_a", with}, route{"accounts_b", "accounts_b", with})
}

// errElsewhere: an account is not there, and the transaction is given up.
var errElsewhere = errors.New("an account is not there")

// transfer is one transaction of one to four moves.
func (b *bank) transfer(ctx context.Context, conn *sql.Conn, r *rand.Rand) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for range 1 + r.IntN(2)*r.IntN(4) {
		if err := b.move(ctx, bankTransaction{ctx, tx}, r); errors.Is(err, errElsewhere) {
			return tx.Rollback()
		} else if err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if r.IntN(12) == 0 {
		return tx.Rollback()
	}
	return tx.Commit()
}

type bankTransaction struct {
	ctx context.Context
	tx  *sql.Tx
}

// change runs a statement that has to concern rows, as many as there may be.
func (x bankTransaction) change(format string, a ...any) (rows int64, err error) {
	result, err := x.tx.ExecContext(x.ctx, fmt.Sprintf(format, a...))
	if err != nil {
		return 0, err
	}
	if rows, err = result.RowsAffected(); err == nil && rows == 0 {
		err = errElsewhere
	}
	return rows, err
}

// all runs statements that have to concern one row each.
func (x bankTransaction) all(statements ...string) error {
	for _, statement := range statements {
		if _, err := x.change("%s", statement); err != nil {
			return err
		}
	}
	return nil
}

func (b *bank) move(ctx context.Context, x bankTransaction, r *rand.Rand) error {
	id := func() int { return 1 + r.IntN(b.accounts) }
	amount, here := 1+r.IntN(500), r.IntN(2)
	table, other := bankTables[here], bankTables[1-here]
	served := fmt.Sprintf("UPDATE %%s SET trips = trips + 1 WHERE id = -%d", 1+r.IntN(tellers))
	give := fmt.Sprintf("UPDATE %s SET balance = balance + %d WHERE id = %d", table, amount, id())
	var err error
	switch kind := r.IntN(16); kind {
	case 0, 1, 2, 3:
		err = x.all(fmt.Sprintf("UPDATE %s SET balance = balance - %d WHERE id = %d", table, amount, id()), give)
	case 4, 5, 6:
		// Always in the same order, or the writers would do little but meet in deadlocks.
		amount := amount - 2*amount*here
		err = x.all(fmt.Sprintf("UPDATE accounts_a SET share = share - %d WHERE id = %d", amount, id()),
			fmt.Sprintf("UPDATE accounts_b SET share = share + %d WHERE id = %d", amount, id()), fmt.Sprintf(served, other))
	case 7:
		_, err = x.change("UPDATE %s SET id = %d WHERE id = %d", table, id(), id()) // often there is one
	case 8:
		from, to, between := id(), id(), 1_000_000+r.IntN(1_000_000)
		err = x.all(fmt.Sprintf("UPDATE %s SET id = %d WHERE id = %d", table, between, from), fmt.Sprintf("UPDATE %s SET id = %d WHERE id = %d", table, from, to),
			fmt.Sprintf("UPDATE %s SET id = %d WHERE id = %d", table, to, between))
	case 9, 10:
		err = b.closeAccount(x, table, id(), id())
	case 11, 12:
		if err = x.all(fmt.Sprintf("UPDATE %s SET balance = balance - %d, share = share - 7 WHERE id = %d", table, amount, id())); err == nil {
			_, err = x.change("INSERT INTO %s (id, owner, balance, share, trips, memo) VALUES (%d, 'new', %d, 7, 0, '%s')", table, id(), amount, texts[r.IntN(len(texts))]+" ")
		}
	case 13, 14:
		var payers int64
		from := id()
		if payers, err = x.change("UPDATE %s SET balance = balance - 3 WHERE id BETWEEN %d AND %d", table, from, from+r.IntN(60)); err == nil {
			_, err = x.change("UPDATE %s SET balance = balance + %d WHERE id = %d", table, 3*payers, id())
		}
	default:
		_, err = x.change("UPDATE %s SET memo = '%s%d' WHERE id = %d", table, texts[r.IntN(len(texts))], r.IntN(100), id())
	}
	if err != nil {
		return err
	}
	return x.all(fmt.Sprintf(served, table))
}

// closeAccount gives what an account has to another one.
func (b *bank) closeAccount(x bankTransaction, table string, id, heir int) error {
	var balance, share int
	err := x.tx.QueryRowContext(x.ctx, fmt.Sprintf("SELECT balance, share FROM %s WHERE id = %d FOR UPDATE", table, id)).Scan(&balance, &share)
	if errors.Is(err, sql.ErrNoRows) {
		return errElsewhere
	}
	if err != nil {
		return err
	}
	// One that is there already has to take it, so that there is always somebody who has it.
	return x.all(fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, id),
		fmt.Sprintf("UPDATE %s SET balance = balance + %d, share = share + %d, owner = 'heir of %d' WHERE id = %d", table, balance, share, id, heir))
}
