package emulator

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestQuerySeesOneMoment: the tables of a transaction become visible at one instant, also
// to a query that reads them one after another, or one of them twice.
func TestQuerySeesOneMoment(t *testing.T) {
	t.Parallel()
	const rows, rounds = 2000, 60
	w := start(t, Config{})
	var values []string
	for i := range rows {
		values = append(values, fmt.Sprintf("(%d)", i))
	}
	w.exec("CREATE DATABASE d")
	var tables []*table
	for _, name := range []string{"t", "u"} {
		w.exec("CREATE TABLE d."+name+" (id INT) PRIMARY KEY (id)", "INSERT INTO d."+name+" VALUES "+strings.Join(values, ","))
		table, err := w.catalog.table(tableName{"d", name})
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.emptyAndFill(tables, rounds) }()
	for {
		for _, query := range []string{
			"SELECT (SELECT count(*) FROM d.t) - (SELECT count(*) FROM d.u)",
			"SELECT sum(n) FROM (SELECT count(*) AS n FROM d.u UNION ALL SELECT -count(*) FROM d.t) AS x",
			"SELECT (SELECT count(*) FROM d.t) - count(*) FROM d.t",
		} {
			var n int
			if err := w.db.QueryRow(query).Scan(&n); err != nil || n != 0 {
				t.Fatalf("%s: %d, %v", query, n, err)
			}
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

// emptyAndFill takes all rows from the tables and puts them back, in transactions of all
// of them.
func (w *world) emptyAndFill(tables []*table, rounds int) error {
	empty, fill := make([]txnPart, len(tables)), make([]txnPart, len(tables))
	for i, t := range tables {
		empty[i], fill[i] = txnPart{t, &delta{}}, txnPart{t, &delta{}}
		stored, _ := t.store.snapshot(t.columns, anyOrder)
		for _, r := range stored {
			empty[i].delta.remove([]byte(r.key))
			fill[i].delta.put([]byte(r.key), []byte(r.row))
		}
	}
	for n := range rounds {
		parts := empty
		if n%2 == 1 {
			parts = fill
		}
		tx := &transaction{id: w.txnID.Add(1), label: fmt.Sprintf("x%d", n), table: "t", user: "root", kind: "MULTI_STATEMENT_STREAM_LOAD"}
		if err := tables[0].db.labels.begin(tx, 10); err != nil {
			return err
		}
		if err := w.commitParts(tx, parts, loadCounts{}); err != nil {
			return err
		}
		if err := w.Settle(context.Background(), "d", "t"); err != nil {
			return err
		}
	}
	return nil
}
