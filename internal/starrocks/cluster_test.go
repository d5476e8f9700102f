package starrocks_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/emulator"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
	"starferry/internal/testbed"
)

// world is a cluster to test against: the one that testbed.ClusterVariable names, or
// an embedded one.
type world struct {
	admin    starrocks.Config
	db       *sql.DB
	database string
	real     bool
	double   *emulator.Server // nil when real
}

func newWorld(t *testing.T) *world {
	t.Helper()
	named, err := testbed.NamedCluster()
	if err != nil {
		t.Fatal(err)
	}
	if named == nil {
		return newDouble(t, emulator.Config{})
	}
	w := &world{real: true}
	w.admin = starrocks.Config{Query: []string{named.Query}, Load: []string{named.Load}, User: named.User, Password: diag.NewSecret(named.Password)}
	w.connect(t)
	return w
}

// newDouble is an embedded cluster in any case.
func newDouble(t *testing.T, c emulator.Config) *world {
	t.Helper()
	c.QueryAddr, c.HTTPAddr, c.BEHTTPAddr, c.User = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "root"
	server, err := emulator.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w := &world{double: server, admin: starrocks.Config{Query: []string{server.QueryAddr()}, Load: []string{server.HTTPAddr()}, User: "root"}}
	w.connect(t)
	return w
}

// connect opens the way around the client, and creates the database.
func (w *world) connect(t *testing.T) {
	t.Helper()
	w.database = fmt.Sprintf("sf_test_%d", time.Now().UnixNano())
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = w.admin.User, w.admin.Password.Reveal(), "tcp", w.admin.Query[0]
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	w.db = sql.OpenDB(connector)
	t.Cleanup(func() { w.db.Close() })
	w.exec(t, "CREATE DATABASE "+w.database)
	t.Cleanup(func() { w.exec(t, "DROP DATABASE "+w.database+" FORCE") })
}

func (w *world) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := w.db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// read gives the rows of a query as texts, NULL as <null>.
func (w *world) read(t *testing.T, query string) []string {
	t.Helper()
	rows, err := w.db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var answer []string
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		pointers := make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = c.String
			if !c.Valid {
				texts[i] = "<null>"
			}
		}
		answer = append(answer, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return answer
}

func (w *world) client(t *testing.T, config starrocks.Config) *starrocks.Client {
	t.Helper()
	c, err := starrocks.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (w *world) table(name string) change.Name {
	return change.Name{Database: w.database, Table: name}
}

func layoutOf(source *change.Table) *ferry.Layout {
	layout := &ferry.Layout{Source: source}
	for i := range source.Columns {
		layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: source.Columns[i].Name, From: i, Type: source.Columns[i].Type, Key: source.IsKey(i)})
	}
	return layout
}

var labels atomic.Int64

func label() string { return fmt.Sprintf("sf_test_%d_%d", started, labels.Add(1)) }

// started tells the labels of two runs against a real cluster apart.
var started = time.Now().UnixNano()

// load sends rows, in as many batches as their forms need, and tells how many.
func load(t *testing.T, c *starrocks.Client, target change.Name, layout *ferry.Layout, op ferry.Op, rows *change.Rows) (batches int) {
	t.Helper()
	loads := c.Loads(ferry.Route{Target: target})
	var batch ferry.Batch
	flush := func() {
		if batch != nil {
			batches++
			if err := loads.Send(context.Background(), label(), batch); err != nil {
				t.Fatal(err)
			}
		}
		batch = nil
	}
	for row := range rows.Len() {
		if batch != nil && carried(t, batch, op, rows, row) {
			continue
		}
		flush()
		batch = loads.NewBatch(layout, rows, row)
		if !carried(t, batch, op, rows, row) {
			t.Fatalf("row %d fits no form", row)
		}
	}
	flush()
	return batches
}

// rowsOf makes rows of texts; <null> is NULL.
func rowsOf(width int, cells ...string) *change.Rows {
	rows := change.NewRows(width)
	for _, cell := range cells {
		if cell == "<null>" {
			rows.AddNull()
			continue
		}
		rows.AddString(cell)
	}
	return rows
}

func carried(t testing.TB, batch ferry.Batch, op ferry.Op, rows *change.Rows, row int) bool {
	t.Helper()
	added, err := batch.Add(op, rows, row)
	if err != nil {
		t.Fatal(err)
	}
	return added
}
