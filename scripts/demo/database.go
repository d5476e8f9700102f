package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const targetDatabase = "ods"

// databaseStatement follows all tables, also those that come later.
const databaseStatement = `CREATE DATABASE IF NOT EXISTS sr.` + targetDatabase + ` WITH (
  'starrocks.create.table.properties' = 'buckets 8',
  'starrocks.create.table.mode'       = 'simple',
  'load-url'                          = '{starrocks http}'
)
AS DATABASE mysql.` + database + `;
`

func (d *demo) databaseArgs(verb string, more ...string) []string {
	return append([]string{verb, filepath.Join(d.dir, "database.sql"), "--data-dir", "state"}, more...)
}

// followDatabase follows a whole database, of which a table is created meanwhile.
func (d *demo) followDatabase(ctx context.Context) error {
	heading("A whole database, with one statement")
	if err := d.mysql.test.show(ctx,
		"CREATE TABLE orders (id INT PRIMARY KEY, customer VARCHAR(40), amount DECIMAL(10,2))",
		"INSERT INTO orders WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)\nSELECT i, CONCAT('customer ', i), i / 4 FROM n"); err != nil {
		return err
	}
	if err := d.starrocks.show(ctx,
		"CREATE DATABASE "+targetDatabase,
		fmt.Sprintf("GRANT CREATE TABLE ON DATABASE %s TO %s", targetDatabase, testUser),
		fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE %s TO %s", targetDatabase, testUser)); err != nil {
		return err
	}
	script := d.fillIn(catalogs+databaseStatement, d.mysql.password)
	if err := os.WriteFile(filepath.Join(d.dir, "database.sql"), []byte(script), 0o600); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	fmt.Println("\n    " + strings.ReplaceAll(strings.TrimSpace(d.fillIn(databaseStatement, "")), "\n", "\n    "))
	fmt.Println("\n  $ starferry run database.sql &")
	var err error
	if d.whole, err = d.start("database", d.databaseArgs("run")...); err != nil {
		return err
	}
	if err := d.awaitCount(ctx, "orders", "1000"); err != nil {
		return err
	}
	fmt.Println("\n  A table that is created now is followed too, from the same stream:")
	if err := d.mysql.test.show(ctx,
		"CREATE TABLE reviews (id INT PRIMARY KEY, stars INT)", "INSERT INTO reviews VALUES (1, 5), (2, 4), (3, 5)"); err != nil {
		return err
	}
	return d.awaitCount(ctx, "reviews", "3")
}

// awaitCount waits until a target table has so many rows.
func (d *demo) awaitCount(ctx context.Context, name, count string) error {
	statement := "SELECT COUNT(*) AS n FROM " + targetDatabase + "." + name
	got, err := d.awaitTable(ctx, d.whole, statement, &table{names: []string{"n"}, rows: [][]string{{count}}})
	if err != nil {
		return err
	}
	d.starrocks.print(statement)
	fmt.Println(got.indented())
	return nil
}

// killFerry kills the ferry in the middle of a change, changes more, and compares all rows
// after the next run.
func (d *demo) killFerry(ctx context.Context) error {
	heading("kill -9 in the middle of a change, and more changes while nobody runs")
	if err := d.mysql.test.show(ctx, "UPDATE orders SET amount = amount + 1"); err != nil {
		return err
	}
	fmt.Printf("  $ kill -9 %d\n", d.whole.PID())
	d.whole.Kill()
	if err := d.mysql.test.show(ctx, "DELETE FROM orders WHERE id % 3 = 0", "UPDATE orders SET customer = NULL WHERE id % 5 = 0", "INSERT INTO reviews VALUES (4, 1)"); err != nil {
		return err
	}
	fmt.Println("\n  $ starferry run database.sql --until-caught-up")
	if err := d.succeed(ctx, "again", d.databaseArgs("run", "--until-caught-up")...); err != nil {
		return err
	}
	fmt.Println("\n  $ starferry verify database.sql")
	return d.succeed(ctx, "verify", d.databaseArgs("verify")...)
}

// succeed runs the binary to its end, which must be a good one.
func (d *demo) succeed(ctx context.Context, log string, args ...string) error {
	code, _, err := d.finish(ctx, log, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("starferry %s ended with exit code %d", args[0], code)
	}
	return err
}
