package dataset

import (
	"context"
	"database/sql"
	"fmt"
)

// Workload is a way to change rows of a table, written into the binary log by the server.
// Every row is changed once, so that no batch of a reader can merge two changes into one.
type Workload struct {
	Name string
	// Loaded is how many rows a load holds for each row that is changed.
	Loaded int
	// Empty: the table has no rows before; otherwise all of those that change.
	Empty bool
	// change is the statement for the ids between two numbers, of a table and the filled
	// table beside it.
	change func(s *Set, table, filled string) string
	// each: every row is a transaction of its own.
	each bool
}

const between = " WHERE id BETWEEN ? AND ?"

// The workloads.
var (
	Inserts = &Workload{Name: "inserts", Loaded: 1, Empty: true, change: insertFrom}
	Singles = &Workload{Name: "single-row transactions", Loaded: 1, Empty: true, each: true, change: insertFrom}
	Updates = &Workload{Name: "updates", Loaded: 1, change: func(s *Set, table, _ string) string {
		return "UPDATE " + table + " SET " + s.Change + between
	}}
	Deletes = &Workload{Name: "deletes", Loaded: 1, change: func(_ *Set, table, _ string) string {
		return "DELETE FROM " + table + between
	}}
	// KeyUpdates moves the keys far away: a delete and an insert at the target.
	KeyUpdates = &Workload{Name: "key updates", Loaded: 2, change: func(_ *Set, table, _ string) string {
		return "UPDATE " + table + " SET id = id + 1000000000" + between
	}}
)

func insertFrom(_ *Set, table, filled string) string {
	return "INSERT INTO " + table + " SELECT * FROM " + filled + between
}

// Run changes the rows 1 to count of a table, perTransaction at a time.
func (w *Workload) Run(ctx context.Context, db *sql.DB, s *Set, table, filled string, count, perTransaction int) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	statement := w.change(s, table, filled)
	if w.each {
		return runEach(ctx, conn, statement, count)
	}
	prepared, err := conn.PrepareContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("%.80s: %w", statement, err)
	}
	defer prepared.Close()
	for from := 1; from <= count; from += perTransaction {
		result, err := prepared.ExecContext(ctx, from, min(from+perTransaction-1, count))
		if err != nil {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
		want := int64(min(perTransaction, count-from+1))
		if changed, err := result.RowsAffected(); err != nil || changed != want {
			return fmt.Errorf("%.80s: %d rows instead of %d: %w", statement, changed, want, err)
		}
	}
	return nil
}

// runEach has the server loop: a client would take most of the time by asking.
func runEach(ctx context.Context, conn *sql.Conn, statement string, count int) error {
	call := fmt.Sprintf("CREATE PROCEDURE one_by_one(IN many INT) BEGIN DECLARE n INT DEFAULT 1; WHILE n <= many DO %s; SET n = n + 1; END WHILE; END",
		statement[:len(statement)-len(between)]+" WHERE id = n")
	for _, s := range []string{"SET sql_log_bin = 0", "DROP PROCEDURE IF EXISTS one_by_one", call, "SET sql_log_bin = 1",
		fmt.Sprintf("CALL one_by_one(%d)", count), "SET sql_log_bin = 0", "DROP PROCEDURE one_by_one", "SET sql_log_bin = 1"} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.80s: %w", s, err)
		}
	}
	return nil
}

// SpreadInserts inserts the rows 1 to count of a filled table into several, a few at a
// time, table after table and round again.
func SpreadInserts(ctx context.Context, db *sql.DB, database, filled string, tables []string, count int) error {
	const few = 50
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for from := 1; from <= count; from += few {
		table := database + "." + tables[from/few%len(tables)]
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s SELECT * FROM %s WHERE id BETWEEN %d AND %d", table, filled, from, min(from+few-1, count))); err != nil {
			return err
		}
	}
	return nil
}
