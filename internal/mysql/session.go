package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"starferry/internal/diag"
)

// Invariant: no statement of ours runs in a session whose settings come from the
// server's globals. A global READ-UNCOMMITTED would copy rows that never were,
// autocommit=0 would pin an old read view, sql_select_limit would cut a page in
// silence. So every connection sets what it depends on and reads it back before
// anything else; hoping for sane defaults was the alternative.

const (
	// pageLimit ends a page's SELECT at the server, so that a DDL never queues long
	// behind it.
	pageLimit = 5 * time.Second
	// readMargin is how much longer than a stream, which has heartbeats, a connection
	// waits for the server to say anything.
	readMargin = 10 * time.Second
	noLimit    = "18446744073709551615"
)

// setting is one variable of a session: what it is set to, and what SHOW says then.
type setting struct {
	name, set, shown string
}

// settings are those that this server has.
func (s *Source) settings() []setting {
	all := []setting{
		{"autocommit", "1", "ON"},
		{"sql_mode", "''", ""},
		{"time_zone", "'+00:00'", "+00:00"},
		{"sql_select_limit", noLimit, noLimit},
		{"sql_big_selects", "1", "ON"},
		{"sql_auto_is_null", "0", "OFF"},
		{"lock_wait_timeout", "5", "5"},
		{"innodb_lock_wait_timeout", "5", "5"},
		{"net_write_timeout", "600", "600"},
		{"wait_timeout", "3600", "3600"},
		{"max_execution_time", strconv.FormatInt(pageLimit.Milliseconds(), 10), strconv.FormatInt(pageLimit.Milliseconds(), 10)},
		{"show_gipk_in_create_table_and_information_schema", "ON", "ON"},
		{"transaction_isolation", "'READ-COMMITTED'", "READ-COMMITTED"},
		{"tx_isolation", "'READ-COMMITTED'", "READ-COMMITTED"},
		{"transaction_read_only", "0", "OFF"},
	}
	if s.server.Flavor == MariaDB {
		all = append(all,
			setting{"max_statement_time", strconv.Itoa(int(pageLimit.Seconds())), fmt.Sprintf("%.6f", pageLimit.Seconds())},
			setting{"tx_read_only", "0", "OFF"})
	}
	var had []setting
	for _, one := range all {
		if _, ok := s.variables[one.name]; ok {
			had = append(had, one)
		}
	}
	return had
}

// setStatements set a session; the character set has a statement of its own, since
// SET NAMES is what every version of both servers knows.
func (s *Source) setStatements() []string {
	var list []string
	for _, one := range s.settings() {
		list = append(list, "SESSION "+one.name+" = "+one.set)
	}
	return []string{"SET NAMES utf8mb4", "SET " + strings.Join(list, ", ")}
}

// sessionConnector makes the connections of the pool.
type sessionConnector struct {
	driver.Connector
	source *Source
}

// Connect opens a connection, sets its session and reads it back.
func (c *sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.source.setSession(ctx, driverTalk{conn}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// talk is a connection, by which client library ever.
type talk interface {
	exec(ctx context.Context, statement string) error
	// each hands on the rows of an answer as text.
	each(ctx context.Context, statement string, row func(values []string)) error
}

func (s *Source) setSession(ctx context.Context, conn talk) error {
	for _, statement := range s.setStatements() {
		if err := conn.exec(ctx, statement); err != nil {
			return fmt.Errorf("setting the session (%s): %w", statement, err)
		}
	}
	expected := append(s.settings(),
		setting{name: "character_set_client", shown: "utf8mb4"}, setting{name: "character_set_results", shown: "utf8mb4"})
	names := strings.Join(identityVariables, "', '")
	for _, one := range expected {
		names += "', '" + one.name
	}
	shown := map[string]string{}
	err := conn.each(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN ('"+names+"')", func(row []string) { shown[strings.ToLower(row[0])] = row[1] })
	if err != nil {
		return fmt.Errorf("reading the session back: %w", err)
	}
	for _, one := range expected {
		if got := shown[one.name]; !strings.EqualFold(got, one.shown) {
			return &diag.Problem{Code: codeSession, Class: diag.Refused,
				Message: fmt.Sprintf("%s %s keeps %s = '%s' in a session that set it to %s", s.server.Flavor, s.address(), one.name, got, one.shown),
				Fix:     "let the session choose this setting: a proxy or init_connect between here and the server overrides it."}
		}
	}
	if id := s.sessionIdentity(shown); id != s.server.ID && s.server.ID != "" {
		return s.otherServer(id)
	}
	return nil
}

// identityVariables tell which server it is.
var identityVariables = []string{"server_uuid", "server_id", "hostname", "datadir"}

// sessionIdentity is the server this session talks to. The address may lead to
// another one than at Connect.
func (s *Source) sessionIdentity(shown map[string]string) string {
	return identity(s.server.Flavor, shown["server_uuid"], shown["server_id"], shown["hostname"], shown["datadir"])
}

// driverTalk is a connection of the pool.
type driverTalk struct{ driver.Conn }

func (c driverTalk) exec(ctx context.Context, statement string) error {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return errNotDirect
	}
	_, err := execer.ExecContext(ctx, statement, nil)
	return err
}

func (c driverTalk) each(ctx context.Context, statement string, row func(values []string)) error {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return errNotDirect
	}
	rows, err := queryer.QueryContext(ctx, statement, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	cells := make([]driver.Value, len(rows.Columns()))
	values := make([]string, len(cells))
	for {
		switch err := rows.Next(cells); err {
		case nil:
			for i := range cells {
				values[i] = text(cells[i])
			}
			row(values)
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

var errNotDirect = errors.New("the MySQL driver of this build has no direct statements")

func text(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}
