// Package dataset makes the rows that benchmarks are run on: the same ones for the same
// seed, on any machine, fast enough that filling a server is bound by the server.
//
// A Set is a shape of rows. Rows are written as the text that LOAD DATA reads, and are
// loaded without a binary log. What a log is measured with is written by the server
// itself from a filled table (workload.go), in transactions of a known size.
package dataset

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
)

// Set is a shape of rows. Its key is the column id, which counts from 1.
type Set struct {
	Name string
	// Columns is what stands between the brackets of CREATE TABLE.
	Columns string
	Width   int // how many columns
	// Change is what an UPDATE of a row sets, all of it new values.
	Change string
	// load is what LOAD DATA does with the fields, "" when they are the columns.
	load string
	// appendRow appends the text of a row, with its end.
	appendRow func(dst []byte, r *random, id int) []byte
}

// Sets are all sets.
var Sets = []*Set{Narrow, Wide}

// Create is the statement that makes an empty table of the set.
func (s *Set) Create(table string) string {
	return fmt.Sprintf("CREATE TABLE %s (%s)", table, s.Columns)
}

// Write writes rows with the ids from to from+count-1, as LOAD DATA reads them with its defaults.
func (s *Set) Write(w io.Writer, seed uint64, from, count int) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	row := make([]byte, 0, 4<<10)
	for id := from; id < from+count; id++ {
		r := newRandom(seed, id)
		row = s.appendRow(row[:0], &r, id)
		if _, err := buffered.Write(row); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// Fill makes a table with count rows in a database, by way of a file in dir, which the
// server has to be able to read. Nothing of it is in the binary log.
func (s *Set) Fill(ctx context.Context, db *sql.DB, dir, table string, seed uint64, count int) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	path := filepath.Join(dir, "rows-of-"+s.Name)
	if err := s.writeFile(path, seed, count); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	for _, statement := range []string{
		"SET sql_log_bin = 0, unique_checks = 0, foreign_key_checks = 0", s.Create(table),
		fmt.Sprintf("LOAD DATA INFILE '%s' INTO TABLE %s CHARACTER SET utf8mb4 %s", path, table, s.load),
		"ANALYZE NO_WRITE_TO_BINLOG TABLE " + table,
		"SET sql_log_bin = 1, unique_checks = 1, foreign_key_checks = 1",
	} {
		if _, err = conn.ExecContext(ctx, statement); err != nil {
			err = fmt.Errorf("%.80s: %w", statement, err)
			break
		}
	}
	return errors.Join(err, os.Remove(path))
}

func (s *Set) writeFile(path string, seed uint64, count int) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(s.Write(file, seed, 1, count), file.Close())
}

// random is SplitMix64. Each row has its own, so that a row is the same whichever rows
// are made with it.
type random struct{ state uint64 }

func newRandom(seed uint64, row int) random {
	r := random{seed*0x9e3779b97f4a7c15 + uint64(row)}
	r.state = r.next()
	return r
}

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1.
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.next(), n)
	return high
}
