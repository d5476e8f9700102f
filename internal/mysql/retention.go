package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"starferry/internal/change"
)

// Retention is how long the log behind a position will still be there. Servers
// delete whole files, a while after they were closed or when all files together are
// too large; the file that is being written is never deleted.
type Retention struct {
	// Limited is false where the server says of no limit, or not of this position.
	Limited bool
	// Left is the time until the file may be deleted, Kept how long files are kept.
	Left, Kept time.Duration
	Setting    string // what says so, as "binlog_expire_logs_seconds = 86400"
	File       string
}

// Short tells that it is time to do something about it.
func (r Retention) Short() bool {
	return r.Limited && (r.Left < time.Hour || r.Left < r.Kept/3)
}

// Retention looks at how long the log behind a resumable position will be kept.
func (s *Source) Retention(ctx context.Context, from change.Position) (Retention, error) {
	if from.Server != s.server.ID {
		return Retention{}, nil
	}
	if place, _, err := readUndecided(from.Undecided); err == nil && place.File != "" {
		from = place
	}
	limits, err := s.limits(ctx)
	if err != nil {
		return Retention{}, err
	}
	files, err := s.logFiles(ctx)
	if err != nil {
		return Retention{}, err
	}
	at := 0
	for at < len(files) && files[at].name != from.File {
		at++
	}
	if at >= len(files)-1 || limits.age == 0 && limits.size == 0 {
		return Retention{}, nil // the last one, or gone: a stream would say so
	}
	// The file was closed when the next was begun.
	closed, err := s.begun(ctx, files[at+1].name)
	if err != nil {
		return Retention{}, err
	}
	ahead, err := s.clockAhead(ctx)
	if err != nil {
		return Retention{}, err
	}
	since := s.config.Now().Add(ahead).Sub(time.Unix(int64(closed), 0))
	return limits.retention(files, at, since), nil
}

// logLimits are the settings that make a server delete files.
type logLimits struct {
	age     time.Duration
	ageName string // with its value
	size    uint64 // of all files together
	sizeSet string
}

// retention says what the limits mean for file number at, which was closed a while
// ago.
func (l logLimits) retention(files []logFile, at int, since time.Duration) Retention {
	r := Retention{File: files[at].name}
	if l.age > 0 {
		r.Limited, r.Kept, r.Left, r.Setting = true, l.age, l.age-since, l.ageName
	}
	if l.size == 0 {
		return r
	}
	var behind uint64 // written since it was closed
	for _, f := range files[at+1:] {
		behind += f.size
	}
	if since <= 0 || behind == 0 {
		return r
	}
	room := float64(l.size) - float64(behind+files[at].size)
	rate := float64(behind) / since.Seconds()
	left := time.Duration(max(room, 0) / rate * float64(time.Second))
	if !r.Limited || left < r.Left {
		r.Limited, r.Left, r.Setting = true, left, l.sizeSet
		r.Kept = time.Duration(float64(l.size) / rate * float64(time.Second))
	}
	return r
}

// limits reads the settings as they are now: they can be set at any time.
func (s *Source) limits(ctx context.Context) (logLimits, error) {
	const statement = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_expire_logs_auto_purge', 'binlog_expire_logs_seconds', 'expire_logs_days', 'max_binlog_total_size', 'binlog_space_limit')"
	values := map[string]string{}
	if err := eachPair(ctx, s.db, statement, func(name, value string) { values[name] = value }); err != nil {
		return logLimits{}, s.queryProblem(statement, err)
	}
	number := func(name string) float64 {
		n, err := strconv.ParseFloat(values[name], 64)
		if err != nil {
			return 0 // the server has no such setting
		}
		return n
	}
	var l logLimits
	if values["binlog_expire_logs_auto_purge"] != "OFF" {
		if seconds := number("binlog_expire_logs_seconds"); seconds > 0 {
			l.age = time.Duration(seconds * float64(time.Second))
			l.ageName = "binlog_expire_logs_seconds = " + values["binlog_expire_logs_seconds"]
		} else if days := number("expire_logs_days"); days > 0 {
			l.age = time.Duration(days * 24 * float64(time.Hour))
			l.ageName = "expire_logs_days = " + values["expire_logs_days"]
		}
	}
	for _, name := range []string{"max_binlog_total_size", "binlog_space_limit"} {
		if size := number(name); size > 0 {
			l.size, l.sizeSet = uint64(size), name+" = "+values[name]
		}
	}
	return l, nil
}

// Advice is what to do when the log will not be kept long enough.
func (r Retention) Advice() string {
	return fmt.Sprintf("the source keeps %s, which a restart would begin with, for about %s more (%s). Let the target catch up, or keep the log longer: SET GLOBAL %s",
		r.File, max(r.Left, 0).Round(time.Minute), r.Setting, r.longer())
}

func (r Retention) longer() string {
	const week = 7 * 24 * time.Hour
	var name string
	if _, err := fmt.Sscanf(r.Setting, "%s =", &name); err != nil {
		return r.Setting + ";"
	}
	switch name {
	case "expire_logs_days":
		return fmt.Sprintf("expire_logs_days = %d;", int((max(2*r.Kept, week)+24*time.Hour-1).Hours()/24))
	case "binlog_expire_logs_seconds":
		return fmt.Sprintf("binlog_expire_logs_seconds = %d;", int(max(2*r.Kept, week).Seconds()))
	}
	return name + " = …;"
}

// logFile is a file of the binary log.
type logFile struct {
	name string
	size uint64
}

// logFiles are the files of the log, oldest first.
func (s *Source) logFiles(ctx context.Context) ([]logFile, error) {
	rows, err := s.db.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, s.queryProblem("SHOW BINARY LOGS", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, s.queryProblem("SHOW BINARY LOGS", err)
	}
	targets := make([]any, len(columns))
	for i := range targets {
		targets[i] = new(sql.RawBytes)
	}
	var files []logFile
	for rows.Next() {
		var f logFile
		targets[0], targets[1] = &f.name, &f.size
		if err := rows.Scan(targets...); err != nil {
			return nil, s.queryProblem("SHOW BINARY LOGS", err)
		}
		files = append(files, f)
	}
	return files, s.queryProblem("SHOW BINARY LOGS", rows.Err())
}
