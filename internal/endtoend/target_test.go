package endtoend

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// The target of a world: the cluster that testbed.ClusterVariable names, or a double of
// its own. Either is set up and read by SQL alone, as its administrator, so that what
// runs on a real cluster is what runs every day. Only w.double is not there on one.

// thisRun tells the names of two runs against one cluster apart.
var thisRun = strconv.FormatInt(time.Now().UnixNano(), 36)

func namedCluster(t testing.TB) *testbed.Cluster {
	t.Helper()
	named, err := testbed.NamedCluster()
	if err != nil {
		t.Fatal(err)
	}
	return named
}

// needsDouble skips a test that a real cluster cannot run.
func needsDouble(t testing.TB, why string) {
	t.Helper()
	if namedCluster(t) != nil {
		t.Skipf("%s names a cluster, and this needs a double: %s", testbed.ClusterVariable, why)
	}
}

// openTarget finds the cluster, or starts a double, and connects as its administrator.
func (w *world) openTarget(t testing.TB) {
	t.Helper()
	cluster := namedCluster(t)
	if cluster == nil {
		if w.double == nil {
			w.double = startDouble(t)
		}
		cluster = &testbed.Cluster{Query: w.double.QueryAddr(), Load: w.double.HTTPAddr(), User: "root"}
	}
	w.queryAddress, w.loadAddress = cluster.Query, cluster.Load
	login := mysql.NewConfig()
	login.User, login.Passwd, login.Net, login.Addr = cluster.User, cluster.Password, "tcp", cluster.Query
	login.InterpolateParams = true
	connector, err := mysql.NewConnector(login)
	if err != nil {
		t.Fatal(err)
	}
	w.admin = sql.OpenDB(connector)
	t.Cleanup(func() { w.admin.Close() })
}

func startDouble(t testing.TB) *emulator.Server {
	t.Helper()
	return startDoubleOf(t, emulator.Config{})
}

func startDoubleOf(t testing.TB, config emulator.Config) *emulator.Server {
	t.Helper()
	config.QueryAddr, config.HTTPAddr, config.BEHTTPAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	double, err := emulator.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := double.Close(); err != nil {
			t.Errorf("closing the double: %v", err)
		}
	})
	return double
}

// createTarget makes the database and the account of the world, without a right, and
// drops both with the test.
func (w *world) createTarget(t testing.TB) {
	t.Helper()
	w.target(t, "CREATE DATABASE "+w.database)
	t.Cleanup(func() { w.dropTarget(t, "DROP DATABASE IF EXISTS "+w.database+" FORCE") })
	w.target(t, fmt.Sprintf("CREATE USER '%s' IDENTIFIED BY '%s'", w.user, w.targetPassword))
	t.Cleanup(func() { w.dropTarget(t, "DROP USER '"+w.user+"'") })
}

// dropTarget runs in cleanups, when the context of the test is over.
func (w *world) dropTarget(t testing.TB, statement string) {
	if _, err := w.admin.Exec(statement); err != nil {
		t.Errorf("StarRocks: %s\n%v", statement, err)
	}
}

func (w *world) grantTarget(t testing.TB) {
	t.Helper()
	w.target(t,
		fmt.Sprintf("GRANT CREATE TABLE ON DATABASE %s TO USER '%s'", w.database, w.user),
		fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE %s TO USER '%s'", w.database, w.user))
}

// target runs statements at the target as its administrator.
func (w *world) target(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := w.admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("StarRocks: %s\n%v", statement, err)
		}
	}
}

// readTarget is a table of the target as a SELECT shows it, in the order of its first
// column.
func (w *world) readTarget(t testing.TB, table string) (columns []string, cells [][]sql.NullString) {
	t.Helper()
	w.insist(t, "reading "+table, func() (err error) {
		columns, cells, err = w.tryReadTarget(t, table)
		return err
	})
	return columns, cells
}

// insist asks StarRocks again when a leader that changes hangs up on who asks.
func (w *world) insist(t testing.TB, what string, ask func() error) {
	t.Helper()
	err := ask()
	for range 3 {
		if errors.Is(err, mysql.ErrInvalidConn) {
			err = ask()
		}
	}
	if err != nil {
		t.Fatalf("%s at StarRocks: %v", what, err)
	}
}

func (w *world) tryReadTarget(t testing.TB, table string) (columns []string, cells [][]sql.NullString, err error) {
	rows, err := w.admin.QueryContext(t.Context(), fmt.Sprintf("SELECT * FROM `%s`.`%s` ORDER BY 1", w.database, table))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	into := make([]any, len(columns))
	for rows.Next() {
		row := make([]sql.NullString, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		cells = append(cells, row)
	}
	return columns, cells, rows.Err()
}

// hasTargetTable asks the catalog.
func (w *world) hasTargetTable(t testing.TB, table string) bool {
	t.Helper()
	var n int
	w.insist(t, "looking for "+table, func() error {
		return w.admin.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
			w.database, table).Scan(&n)
	})
	return n > 0
}

// printed is a table of the target as lines, the first with the names of its columns.
func (w *world) printed(t testing.TB, table string) []string {
	t.Helper()
	columns, rows := w.readTarget(t, table)
	lines := []string{strings.Join(columns, "|")}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = "NULL"
			if cell.Valid {
				cells[i] = cell.String
			}
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return lines
}
