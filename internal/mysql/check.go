package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Check tells whether the server can be a source for these tables: version, binary
// log and its format, privileges, filters. Every failure comes with the statement
// that fixes it, and all of them in one error.
func (s *Source) Check(ctx context.Context, tables []change.Name) error {
	problems := []error{s.checkVersion(), s.checkSettings()}
	if s.variables["log_bin"] == "ON" {
		grants, err := s.checkGrants(ctx, tables)
		if err != nil {
			return err
		}
		problems = append(problems, grants)
		if grants == nil {
			rest, err := s.checkTopology(ctx, tables)
			if err != nil {
				return err
			}
			problems = append(problems, rest)
		}
	}
	return diag.Join(problems...)
}

func (s *Source) checkVersion() error {
	ok := s.server.atLeast(5, 7, 0)
	if s.server.Flavor == MariaDB {
		ok = s.server.atLeast(10, 5, 0)
	}
	if ok {
		return nil
	}
	return &diag.Problem{Code: codeVersion, Class: diag.Refused,
		Message: fmt.Sprintf("%s %s at %s is too old", s.server.Flavor, s.server.Version, s.address()),
		Fix:     "MySQL 5.7 or MariaDB 10.5 is the oldest that is followed: upgrade the server."}
}

// checkSettings looks at what the log must hold. A global format does not bind
// sessions: those that log statements are found in the log itself.
func (s *Source) checkSettings() error {
	if s.variables["log_bin"] != "ON" {
		return s.logOffProblem()
	}
	var problems []error
	wrong := func(code diag.Code, name, want, why string) {
		value, has := s.variables[name]
		if !has || strings.EqualFold(value, want) {
			return
		}
		set := want
		if want == "" {
			set = "''"
		}
		problems = append(problems, &diag.Problem{Code: code, Class: diag.Refused,
			Message: fmt.Sprintf("%s of MySQL %s is '%s': %s", name, s.address(), value, why),
			Fix:     fmt.Sprintf("SET GLOBAL %s = %s;  and in the server's configuration, under [mysqld]: %[1]s=%s; sessions that are open keep the old value until they reconnect.", name, set, want)})
	}
	wrong(codeLogFormat, "binlog_format", "ROW", "the log must hold rows")
	wrong(codeRowImage, "binlog_row_image", "FULL", "rows must be logged with all their columns")
	wrong(codeRowOptions, "binlog_row_value_options", "", "rows must be logged with their whole values")
	return diag.Join(problems...)
}

func (s *Source) logOffProblem() error {
	return &diag.Problem{Code: codeLogOff, Class: diag.Refused,
		Message: fmt.Sprintf("MySQL %s writes no binary log (log_bin is OFF)", s.address()),
		Fix:     "in the server's configuration, under [mysqld]: log_bin=mysql-bin, server_id=1, binlog_format=ROW; then restart the server."}
}

// checkTopology: a replica must log what it applies, and no filter may hide a
// followed database.
func (s *Source) checkTopology(ctx context.Context, tables []change.Name) (problem, err error) {
	var problems []error
	logsUpdates := s.variables["log_replica_updates"]
	if logsUpdates == "" {
		logsUpdates = s.variables["log_slave_updates"]
	}
	if logsUpdates == "OFF" {
		replica, err := s.isReplica(ctx)
		if err != nil {
			return nil, err
		}
		if replica {
			problems = append(problems, &diag.Problem{Code: codeReplicaLog, Class: diag.Refused,
				Message: fmt.Sprintf("MySQL %s is a replica that does not log what it applies", s.address()),
				Fix:     "in the server's configuration, under [mysqld]: log_replica_updates=ON (log_slave_updates before 8.0.26); then restart it; or follow its source."})
		}
	}
	filter, err := s.checkFilters(ctx, tables)
	return diag.Join(append(problems, filter)...), err
}

// isReplica tells whether the server applies another's log. Without the privilege
// to ask, it counts as none.
func (s *Source) isReplica(ctx context.Context) (bool, error) {
	statement := "SHOW REPLICA STATUS"
	if s.server.Flavor == MySQL && !s.server.atLeast(8, 0, 22) {
		statement = "SHOW SLAVE STATUS"
	}
	rows, err := s.db.QueryContext(ctx, statement)
	if code := errorCode(err); code == 1227 || code == 1142 {
		return false, nil
	}
	if err != nil {
		return false, s.queryProblem(statement, err)
	}
	defer rows.Close()
	return rows.Next(), s.queryProblem(statement, rows.Err())
}

func (s *Source) checkFilters(ctx context.Context, tables []change.Name) (problem, err error) {
	rows, err := s.db.QueryContext(ctx, s.statusStatement())
	if err != nil {
		return nil, s.queryProblem(s.statusStatement(), err)
	}
	defer rows.Close()
	var only, ignored []string
	var file, offset, do, ignore string
	columns, err := rows.Columns()
	if err != nil {
		return nil, s.queryProblem(s.statusStatement(), err)
	}
	rest := new(string)
	targets := []any{&file, &offset, &do, &ignore, rest, rest}[:min(6, len(columns))]
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, s.queryProblem(s.statusStatement(), err)
		}
		only, ignored = list(do), list(ignore)
	}
	if err := rows.Err(); err != nil {
		return nil, s.queryProblem(s.statusStatement(), err)
	}
	var problems []error
	var done []string
	for _, name := range tables {
		if slices.Contains(done, name.Database) {
			continue
		}
		done = append(done, name.Database)
		if filter := hides(name.Database, only, ignored); filter != "" {
			problems = append(problems, &diag.Problem{Code: codeLogFilter, Class: diag.Refused,
				Message: fmt.Sprintf("MySQL %s does not log changes of database '%s' (%s)", s.address(), name.Database, filter),
				Fix:     fmt.Sprintf("take %s out of the server's configuration, or add the database to it; then restart the server.", filter)})
		}
	}
	return diag.Join(problems...), nil
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// hides names the filter that keeps a database out of the log.
func hides(database string, only, ignored []string) string {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, database) })
	}
	switch {
	case len(only) > 0 && !has(only):
		return "binlog_do_db"
	case has(ignored):
		return "binlog_ignore_db"
	}
	return ""
}
