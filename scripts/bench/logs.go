package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"starferry/internal/testbed/dataset"
	"starferry/internal/testbed/stage"
)

// measureLog writes changes into the log and has them read by starts behind the same stop,
// again and again: nothing else writes.
func (r *roads) measureLog(ctx context.Context, c roadCase, m *measured) (err error) {
	tables := []string{"changes"}
	if c.tables > 1 {
		for i := range c.tables {
			tables = append(tables, fmt.Sprintf("changes_%d", i))
		}
		tables = tables[1:]
	}
	defer func() { err = errors.Join(err, r.drop(ctx, tables)) }()
	if err := r.prepare(ctx, c, tables, m.Rows); err != nil {
		return err
	}
	base, err := r.newLog(ctx)
	if err != nil {
		return err
	}
	// One row that no workload touches.
	last := fmt.Sprintf("INSERT INTO %s.%s SELECT * FROM %[1]s.%[3]s_one", database, tables[0], c.set.Name)
	if !c.work.Empty {
		last = fmt.Sprintf("UPDATE %s.%s SET %s WHERE id = %d", database, tables[0], c.set.Change, m.Rows+1)
	}
	if err := r.Logged(ctx, last); err != nil {
		return err
	}
	script, err := r.logScript(base, tables)
	if err != nil {
		return err
	}
	if err := r.base(ctx, script, m); err != nil {
		return err
	}
	if r.before, err = r.stopped(ctx, script); err != nil {
		return err
	}
	defer func() { r.before = stopped{} }()
	if c.work.Empty {
		if err := r.Exec(ctx, "DELETE FROM "+database+"."+tables[0]); err != nil {
			return err
		}
	}
	first, err := r.newLog(ctx)
	if err != nil {
		return err
	}
	say("writing %d rows into the log: %s", m.Rows, c.work.Name)
	if err := r.write(ctx, c, tables, m.Rows); err != nil {
		return err
	}
	files, err := r.logsFrom(ctx, first)
	if err != nil {
		return err
	}
	return r.repeated(ctx, m, script, int64(m.Rows*c.work.Loaded),
		func() (reading, error) { return readByMysqlbinlog(ctx, r.Stage, files) },
		func() (reading, error) { return drainSocket(ctx, r.Stage, "log", first) })
}

// prepare makes the tables; with the rows that are to be changed, and one more.
func (r *roads) prepare(ctx context.Context, c roadCase, tables []string, rows int) error {
	statements := []string{"USE " + database}
	for _, t := range tables {
		statements = append(statements, c.set.Create(t))
	}
	if !c.work.Empty {
		copied := fmt.Sprintf("INSERT INTO %s SELECT * FROM %s WHERE id <= %d", tables[0], c.set.Name, rows)
		more := fmt.Sprintf("INSERT INTO %s SELECT * FROM %s_one", tables[0], c.set.Name)
		move := fmt.Sprintf("UPDATE %s SET id = %d WHERE id = 1", tables[0], rows+1)
		statements = append(statements, more, move, copied)
	}
	return r.Exec(ctx, statements...)
}

// write writes the workload; of several tables each gets its share, in transactions that
// go round.
func (r *roads) write(ctx context.Context, c roadCase, tables []string, rows int) error {
	filled := database + "." + c.set.Name
	if len(tables) == 1 {
		return c.work.Run(ctx, r.Source.DB(), c.set, database+"."+tables[0], filled, rows, perTransaction)
	}
	return dataset.SpreadInserts(ctx, r.Source.DB(), database, filled, tables, rows)
}

// logScript has the log read from the begin of a file on, by a first start.
func (r *roads) logScript(file string, tables []string) (string, error) {
	from := fmt.Sprintf(", 'scan.startup.mode' = 'specific-offset', 'scan.startup.specific-offset.file' = '%s', 'scan.startup.specific-offset.pos' = '4'", file)
	return r.script(from, tables...)
}

// newLog begins a file of the log and answers with its name.
func (r *roads) newLog(ctx context.Context) (string, error) {
	if err := r.Logged(ctx, "FLUSH BINARY LOGS"); err != nil {
		return "", err
	}
	files, err := r.logsFrom(ctx, "")
	if err != nil {
		return "", err
	}
	return files[len(files)-1], nil
}

// logsFrom lists the files of the log from one on.
func (r *roads) logsFrom(ctx context.Context, first string) (files []string, err error) {
	rows, err := r.Source.DB().QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var file, size, encrypted string
		if err := rows.Scan(&file, &size, &encrypted); err != nil {
			return nil, err
		}
		if file >= first {
			files = append(files, file)
		}
	}
	return files, rows.Err()
}

// stopped is what a run left that was stopped when all was visible.
type stopped struct {
	dir      string     // its state directory; "" when nothing was run before
	position [][]string // the rows that say how far it came, if it keeps them at the target
}

const positionTable = database + "._starferry_position"

// stopped runs the script until all is visible.
func (r *roads) stopped(ctx context.Context, script string) (left stopped, err error) {
	r.runs++
	left.dir = fmt.Sprintf("state-%d", r.runs)
	if err := r.putBack(ctx, left.dir); err != nil {
		return left, err
	}
	p, err := r.Run("run", "--data-dir", left.dir, "--until-caught-up", script)
	if err == nil {
		err = stage.Ended(ctx, p)
	}
	if err != nil || r.settings != positionInside {
		return left, err
	}
	rows, err := r.Target.QueryContext(ctx, "SELECT deployment, incarnation, epoch, state FROM "+positionTable)
	if err != nil {
		return left, err
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]string, 4)
		if err := rows.Scan(&row[0], &row[1], &row[2], &row[3]); err != nil {
			return left, err
		}
		left.position = append(left.position, row)
	}
	return left, rows.Err()
}

// putBack makes a state directory, and what the target has of it, what the stopped run left.
func (r *roads) putBack(ctx context.Context, dir string) error {
	if r.before.dir == "" {
		_, err := r.Target.ExecContext(ctx, "DROP TABLE IF EXISTS "+positionTable+" FORCE")
		return err
	}
	for _, row := range r.before.position {
		if _, err := r.Target.ExecContext(ctx, "INSERT INTO "+positionTable+" VALUES (?, ?, ?, ?)", row[0], row[1], row[2], row[3]); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(r.Dir, dir), os.DirFS(filepath.Join(r.Dir, r.before.dir)))
}

// drop removes the tables and what the log holds of them, on both sides.
func (r *roads) drop(ctx context.Context, tables []string) error {
	if err := r.Exec(ctx, "USE "+database, "DROP TABLE IF EXISTS "+strings.Join(tables, ", ")); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := r.Target.ExecContext(ctx, "DROP TABLE IF EXISTS "+database+"."+t+" FORCE"); err != nil {
			return err
		}
	}
	file, err := r.newLog(ctx)
	if err != nil {
		return err
	}
	return r.Logged(ctx, "PURGE BINARY LOGS TO '"+file+"'")
}
