package starrocks

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// What the bytes of a row cost: sysbench's narrow rows, and wide ones of every kind. Times
// are of the processor: a busy machine does not change them much.

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func narrowRows(n int) (*change.Table, *change.Rows) {
	table := &change.Table{Version: 1, Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "k", Type: change.Type{Base: change.Int}},
		{Name: "c", Type: change.Type{Base: change.Char, Length: 120}}, {Name: "pad", Type: change.Type{Base: change.Char, Length: 60}},
	}}
	rows := change.NewRows(4)
	for i := range n {
		rows.AddString(strconv.Itoa(1_000_000 + i))
		rows.AddString(strconv.Itoa(500_000 + i))
		rows.AddString(strings.Repeat("83868641912-", 10)[:119])
		rows.AddString(strings.Repeat("67847967377-", 5)[:59])
	}
	return table, rows
}

func wideRows(n int) (*change.Table, *change.Rows) {
	table := &change.Table{Version: 1, Key: []int{0}}
	var cells []string
	for _, c := range []struct {
		base change.Base
		cell string
	}{
		{change.BigInt, "4410021"}, {change.TinyInt, "-7"}, {change.SmallInt, "31000"}, {change.Int, "2000123456"}, {change.BigInt, "18446744073709551"},
		{change.Decimal, "123456.7890"}, {change.Decimal, "-99999999999.12"}, {change.Float, "65.92418"}, {change.Double, "16777217.25"},
		{change.Date, "2026-11-26"}, {change.DateTime, "2026-11-26 03:20:12.123456"}, {change.Timestamp, "2026-11-26 03:20:12"}, {change.Time, "12:34:56"}, {change.Year, "2026"},
		{change.Char, "GB"}, {change.VarChar, "a name that is as long as names are"}, {change.VarChar, "Grüße aus Zürich, 你好"}, {change.Text, strings.Repeat("a line of text. ", 6)},
		{change.Enum, "shipped"}, {change.Set, "a,b,d"}, {change.JSON, `{"id": 17, "tags": ["a", "b", "c"], "price": 12.5, "nested": {"x": null, "y": true}}`},
		{change.Blob, "\x00\x01\x02binary\xff\xfe\xfd and so on"},
	} {
		table.Columns = append(table.Columns, change.Column{Name: fmt.Sprint("c", len(cells)), Nullable: len(cells) > 0, Type: change.Type{Base: c.base}})
		cells = append(cells, c.cell)
	}
	rows := change.NewRows(len(cells))
	for i := range n {
		rows.AddString(strconv.Itoa(4_000_000 + i))
		for column, cell := range cells[1:] {
			if (i+column)%15 == 0 {
				rows.AddNull()
			} else {
				rows.AddString(cell)
			}
		}
	}
	return table, rows
}

func BenchmarkAdd(b *testing.B) {
	for _, shape := range []struct {
		name string
		make func(n int) (*change.Table, *change.Rows)
		form ferry.Form
	}{{"narrow/plain", narrowRows, plain}, {"narrow/quoted", narrowRows, quoted}, {"narrow/json", narrowRows, jsonLines}, {"wide/plain", wideRows, plain}, {"wide/json", wideRows, jsonLines}} {
		for _, op := range []ferry.Op{ferry.Upsert, ferry.Delete} {
			b.Run(shape.name+"/"+op.String(), func(b *testing.B) {
				table, rows := shape.make(50)
				benchmarkAdd(b, table, rows, shape.form, op)
			})
		}
	}
}

func benchmarkAdd(b *testing.B, table *change.Table, rows *change.Rows, form ferry.Form, op ferry.Op) {
	layout := &ferry.Layout{Source: table, KeyInputs: table.Key}
	for i, c := range table.Columns {
		layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: c.Name, From: i, Type: c.Type, Key: i == 0, Nullable: c.Nullable})
	}
	l := &loads{csv: newCSVRules([]byte{1}, []byte{2}), plan: newLayoutPlan(layout, nil)}
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	var batch *batch
	for i := range b.N {
		if i%50_000 == 0 {
			if batch != nil {
				batch.taken(&upload{})
			}
			batch = newBatch(l.plan, l.csv, form)
		}
		if added, err := batch.Add(op, rows, i%50); !added || err != nil {
			b.Fatal(added, err)
		}
	}
	b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/row")
}
