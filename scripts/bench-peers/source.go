package main

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"starferry/internal/testbed"
)

const (
	database = "peers"
	user     = "peer"
	password = "peer-Secret-1"

	insertsAtOnce = 1000 // rows of a statement that fills a table

	// A transaction of the log inserts, updates and deletes so many rows.
	inserted, updated, deleted = 50, 40, 10
	changesOfEach              = inserted + updated + deleted
)

// source is the server that everybody reads from.
type source struct {
	server *testbed.Server
}

func startSource(ctx context.Context, flavor testbed.Flavor) (*source, error) {
	// Rows in memory, and the time zone that the programs are told.
	flags := []string{"--innodb-buffer-pool-size=2G", "--default-time-zone=+00:00"}
	if flavor == testbed.MySQLFlavor {
		flags = append(flags, "--innodb-redo-log-capacity=2G")
	} else {
		flags = append(flags, "--innodb-log-file-size=1G")
	}
	server, err := testbed.Start(ctx, testbed.Options{Flavor: flavor, Args: flags, Log: say})
	if err != nil {
		return nil, err
	}
	s := &source{server}
	return s, s.exec(ctx, "CREATE DATABASE "+database, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", user, password),
		// What Debezium's documentation asks for, which includes what the others ask for.
		fmt.Sprintf("GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO '%s'@'%%'", user))
}

func (s *source) end() error { return s.server.Stop() }

func (s *source) name() string { return fmt.Sprintf("%s %s", s.server.Flavor, s.server.Version) }

// exec runs statements in one session.
func (s *source) exec(ctx context.Context, statements ...string) error {
	conn, err := s.server.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	return nil
}

// fill makes a table, without a log of it.
func (s *source) fill(ctx context.Context, t *set, rows int) error {
	statements := []string{"SET sql_log_bin = 0", "USE " + database, "DROP TABLE IF EXISTS " + t.name, fmt.Sprintf("CREATE TABLE %s (%s)", t.name, t.columns)}
	for id := 1; id <= rows; id += insertsAtOnce {
		statements = append(statements, t.insert(id, min(insertsAtOnce, rows-id+1)))
	}
	return s.exec(ctx, append(statements, "ANALYZE TABLE "+t.name, "SET sql_log_bin = 1")...)
}

// insert is a statement for the rows with the ids from first on.
func (t *set) insert(first, count int) string {
	statement := fmt.Appendf(nil, "INSERT INTO %s.%s VALUES ", database, t.name)
	for id := first; id < first+count; id++ {
		if id > first {
			statement = append(statement, ',')
		}
		statement = t.row(statement, rand.New(rand.NewPCG(uint64(id), 7)), id)
	}
	return string(statement)
}

// change writes the log: updates run upwards through the first half of the rows that were
// copied, deletes downwards through the other one.
func (s *source) change(ctx context.Context, t *set, rows, changes int) error {
	statements := []string{"USE " + database}
	for i := range changes / changesOfEach {
		first, last := 1+i*updated, rows-i*deleted
		statements = append(statements, "BEGIN", t.insert(rows+1+i*inserted, inserted),
			fmt.Sprintf("UPDATE %s SET %s WHERE id BETWEEN %d AND %d", t.name, t.change, first, first+updated-1),
			fmt.Sprintf("DELETE FROM %s WHERE id BETWEEN %d AND %d", t.name, last-deleted+1, last), "COMMIT")
	}
	return s.exec(ctx, statements...)
}

// content is what a table holds: how many rows, a sum that is cheap to ask for, and the
// digest of all cells.
type content struct {
	rows   int64
	sum    string
	digest uint64
}

func (s *source) content(ctx context.Context, t *set) (content, error) {
	return contentOf(ctx, s.server.DB(), t)
}

func contentOf(ctx context.Context, db *sql.DB, t *set) (c content, err error) {
	if c.rows, err = countOf(ctx, db, t); err != nil {
		return c, err
	}
	if c.sum, err = sumOf(ctx, db, t); err != nil {
		return c, err
	}
	c.digest, err = digestOf(ctx, db, t)
	return c, err
}

func countOf(ctx context.Context, db *sql.DB, t *set) (n int64, err error) {
	err = db.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s.%s", database, t.name)).Scan(&n)
	return n, err
}

func sumOf(ctx context.Context, db *sql.DB, t *set) (sum string, err error) {
	err = db.QueryRowContext(ctx, fmt.Sprintf("SELECT %s FROM %s.%s", t.sum, database, t.name)).Scan(&sum)
	return sum, err
}

// digestOf reads all rows in the order of the key.
func digestOf(ctx context.Context, db *sql.DB, t *set) (uint64, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s.%s ORDER BY id", t.cells, database, t.name))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	cells, into := make([]sql.RawBytes, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	digest := fnv.New64a()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		for _, cell := range cells {
			if cell == nil {
				digest.Write([]byte{0})
			}
			digest.Write(cell)
			digest.Write([]byte{1})
		}
	}
	return digest.Sum64(), rows.Err()
}
