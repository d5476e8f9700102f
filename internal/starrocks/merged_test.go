package starrocks

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

func shard(table string, columns ...change.Column) *change.Table {
	return &change.Table{Name: change.Name{Database: "shop", Table: table}, Key: []int{0}, Columns: columns}
}

func sized(name string, base change.Base, length int) change.Column {
	return change.Column{Name: name, Type: change.Type{Base: base, Length: length, Charset: "utf8mb4"}, Nullable: true}
}

func mergedSpec(properties string, shards ...*change.Table) TableSpec {
	return TableSpec{Target: change.Name{Database: "ods", Table: "all_t"}, Merged: true, Shards: shards, Simple: properties == "", Properties: properties}
}

// TestMergedTable is the union of two shards that differ in everything that they may.
func TestMergedTable(t *testing.T) {
	t.Parallel()
	five := "5"
	price := change.Column{Name: "price", Type: change.Type{Base: change.Decimal, Precision: 10, Scale: 2}}
	exact := change.Column{Name: "PRICE", Type: change.Type{Base: change.Decimal, Precision: 9, Scale: 4}}
	same := change.Column{Name: "n", Type: change.Type{Base: change.SmallInt}, Default: &five}
	m, err := Map(mergedSpec("", shard("t1", sized("id", change.Int, 0), sized("name", change.VarChar, 20), price, same),
		shard("t2", sized("id", change.BigInt, 0), sized("added", change.JSON, 0), sized("name", change.Text, 0), exact, same)), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(m.CreateStatement(0) + "\n\n")
	for _, c := range m.Columns {
		fmt.Fprintf(&b, "%s: %s: %s\n", c.Name, c.SourceType, c.Note)
	}
	for _, note := range m.Notes {
		b.WriteString(note + "\n")
	}
	golden(t, "merged.txt", b.String())
}

// TestMergedKeyClause: the two columns get into the user's clause by themselves.
func TestMergedKeyClause(t *testing.T) {
	t.Parallel()
	for properties, want := range map[string]string{
		"engine = olap primary key(id) distributed by hash(id) buckets 8":                      "engine = olap primary key(`_db_name`, `_table_name`,id) distributed by hash(id) buckets 8",
		"primary key ( _DB_NAME, _table_name, `id` ) distributed by hash(id) buckets 8":        "primary key ( _DB_NAME, _table_name, `id` ) distributed by hash(id) buckets 8",
		"PRIMARY KEY(`id`) DISTRIBUTED BY HASH(`id`) PROPERTIES (\"replication_num\" = \"1\")": "PRIMARY KEY(`_db_name`, `_table_name`,`id`) DISTRIBUTED BY HASH(`id`) PROPERTIES (\"replication_num\" = \"1\")",
	} {
		m, err := Map(mergedSpec(properties, shard("t1", sized("id", change.Int, 0))), "")
		if err != nil || !strings.HasSuffix(m.CreateStatement(0), want) || strings.Join(m.Key, " ") != "_db_name _table_name id" {
			t.Errorf("%s: %v %v\n%s", properties, err, m.Key, m.CreateStatement(0))
		}
	}
	if _, err := Map(mergedSpec("primary key(other) distributed by hash(id)", shard("t1", sized("id", change.Int, 0))), ""); diag.Find(err) == nil {
		t.Error("another key is taken")
	}
}

// TestShardsThatDiffer: everything that is in the way is said in one go.
func TestShardsThatDiffer(t *testing.T) {
	t.Parallel()
	_, err := Map(mergedSpec("", shard("t1", sized("id", change.Int, 0), sized("a", change.Int, 0), sized("b", change.Date, 0)),
		shard("t2", sized("ID", change.Int, 0), sized("a", change.VarChar, 9), sized("b", change.DateTime, 0)), shard("t3", sized("k", change.Int, 0), sized("_DB_name", change.Int, 0))), "")
	for _, want := range []string{"3 tables cannot be merged into ods.all_t", "`a` is INT in shop.t1 and VARCHAR(9) in shop.t2", "`b` is DATE in shop.t1 and DATETIME in shop.t2",
		"primary key of shop.t1 is (id), that of shop.t3 (k)", "shop.t3 has a column `_DB_name` itself"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
}

// TestMergedKeysCountTheNames: 128 bytes are less with the names of database and table.
func TestMergedKeysCountTheNames(t *testing.T) {
	t.Parallel()
	names := func(bytes int) *change.Table {
		table := shard(strings.Repeat("x", bytes-len("shop")), sized("id", change.BigInt, 0))
		return table
	}
	for bytes, refused := range map[int]bool{128 - 8 - 4: false, 128 - 8 - 4 + 1: true} {
		m, err := Map(mergedSpec("", shard("t1", sized("id", change.BigInt, 0)), names(bytes)), "")
		if p := diag.Find(err); (p != nil) != refused || p != nil && p.Code != CodeKeyLength || len(m.Notes) > 1+len(m.suffix.notes) {
			t.Errorf("%d bytes of names: %v %v", bytes, err, m.Notes)
		}
	}
	m, err := Map(mergedSpec("primary key(id) distributed by hash(id)", shard("t1", sized("id", change.VarChar, 29)), shard("table_2", sized("id", change.VarChar, 29))), "")
	if err != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "can need 131 bytes in rows of shop.table_2") {
		t.Errorf("%v %q", err, m.Notes)
	}
}

func TestWidestOfTwo(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"INT", "BIGINT", "BIGINT"}, {"TINYINT", "LARGEINT", "LARGEINT"}, {"FLOAT", "DOUBLE", "DOUBLE"}, {"VARCHAR(9)", "VARCHAR(12)", "VARCHAR(12)"},
		{"DECIMAL(10,2)", "DECIMAL(9,4)", "DECIMAL(12,4)"}, {"VARBINARY", "VARBINARY(1048576)", "VARBINARY"}, {"JSON", "JSON", "JSON"},
		{"INT", "VARCHAR(20)", ""}, {"DATE", "DATETIME", ""}, {"DECIMAL(38,0)", "DECIMAL(38,10)", ""}, {"BOOLEAN", "TINYINT", ""}, {"INT", "DECIMAL(10,0)", ""},
	} {
		for _, pair := range [][2]string{{c[0], c[1]}, {c[1], c[0]}} {
			got, ok := widest(pair[0], pair[1])
			if ok != (c[2] != "") || ok && got != c[2] {
				t.Errorf("%v: %s %v, want %s", pair, got, ok, c[2])
			}
		}
	}
}

// TestShardsShareABatch: rows of two shards are in one load, each with its names, and come
// back as they were; nothing is allocated for them.
func TestShardsShareABatch(t *testing.T) {
	l := testLoads(t, LoadOptions{})
	other := *l
	layouts := []*ferry.Layout{}
	for _, name := range []string{"t1", "t,2"} {
		source := &change.Table{Name: change.Name{Database: "shop", Table: name}, Key: []int{0}, Columns: []change.Column{sized("id", change.Int, 0), sized("doc", change.JSON, 0), sized("bytes", change.VarBinary, 9)}}
		layout := &ferry.Layout{Source: source, Columns: []ferry.LayoutColumn{
			{Name: "_db_name", From: -1, Constant: []byte("shop"), Key: true, Type: text}, {Name: "_table_name", From: -1, Constant: []byte(name), Key: true, Type: text},
			{Name: "id", From: 0, Key: true, Type: source.Columns[0].Type}, {Name: "doc", From: 1, Nullable: true, Type: source.Columns[1].Type}, {Name: "bytes", From: 2, Nullable: true, Type: source.Columns[2].Type},
		}}
		layouts = append(layouts, layout)
	}
	layouts[1].Columns[3].From, layouts[1].Columns[4].From = -1, -1 // of the target's kinds all the same
	rows := change.NewRows(3)
	rows.AddString("1")
	rows.AddString(`{"a": 1}`)
	rows.AddString("\x00\xff")
	b := l.NewBatch(layouts[0], rows, 0)
	if carried, err := b.Add(ferry.Upsert, rows, 0); !carried || err != nil {
		t.Fatal(carried, err)
	}
	if !other.Continue(b, layouts[1]) {
		t.Fatal("the two have other columns")
	}
	if carried, err := b.Add(ferry.Delete, rows, 0); !carried || err != nil {
		t.Fatal(carried, err)
	}
	for i, want := range []string{"shop t1 1 {\"a\": 1} \x00\xff", "shop t,2 1 NULL NULL"} {
		op, row, err := b.Read(i)
		if err != nil || op != ferry.Op(i) {
			t.Fatal(op, err)
		}
		var cells []string
		for c := range row.Width() {
			cell := string(row.Cell(0, c))
			if row.Null(0, c) {
				cell = "NULL"
			}
			cells = append(cells, cell)
		}
		if got := strings.Join(cells, " "); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	one := b.(*batch)
	one.body.pieces = append(one.body.pieces, roomyPiece())
	if n := testing.AllocsPerRun(1000, func() {
		l.Continue(b, layouts[0])
		b.Add(ferry.Upsert, rows, 0)
		other.Continue(b, layouts[1])
		b.Add(ferry.Upsert, rows, 0)
	}); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
	stranger := *layouts[1]
	stranger.Columns = stranger.Columns[:4]
	if l.Continue(b, &stranger) {
		t.Error("rows without a column go on in one load")
	}
}

// TestOneShardIsReadAlone: what is compared and mended are the rows of the shard.
func TestOneShardIsReadAlone(t *testing.T) {
	t.Parallel()
	source := shard("it's", sized("id", change.Int, 0), sized("v", change.Int, 0))
	r, err := newReading(change.Name{Database: "ods", Table: "all_t"}, &ferry.Layout{Source: source, Columns: []ferry.LayoutColumn{
		{Name: "_db_name", From: -1, Constant: []byte("shop"), Key: true}, {Name: "_table_name", From: -1, Constant: []byte("it's"), Key: true}, {Name: "id", Key: true}, {Name: "v", From: 1},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := change.NewRows(1)
	key.AddString("7")
	const part = "FROM `ods`.`all_t` WHERE `_db_name` = \"shop\" AND `_table_name` = \"it's\""
	rows, _ := r.rowsQuery(key, 0)
	for got, want := range map[string]string{
		rows: "SELECT `id`, `v` " + part + " AND ((", r.keysQuery(nil, 5): "SELECT `id` " + part + " ORDER BY `id` LIMIT 5",
		r.keysQuery(key, 5): "SELECT `id` " + part + " AND (`id` > 7) ORDER BY `id` LIMIT 5",
	} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
