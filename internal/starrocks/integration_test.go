package starrocks_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

const tutorialProperties = "engine = olap primary key(runoob_id) distributed by hash(runoob_id) buckets 8"

func tutorialTable() *change.Table {
	utf8 := func(n int) change.Type { return change.Type{Base: change.VarChar, Length: n, Charset: "utf8mb3"} }
	return &change.Table{
		Name: change.Name{Database: "test_cdc", Table: "runoob_tbl"}, Version: 1, Key: []int{0},
		Columns: []change.Column{
			{Name: "runoob_id", Type: change.Type{Base: change.Int, Unsigned: true}},
			{Name: "runoob_title", Type: utf8(100)},
			{Name: "runoob_author", Type: utf8(40)},
			{Name: "submission_date", Type: change.Type{Base: change.Date}, Nullable: true},
			{Name: "add_col", Type: change.Type{Base: change.Int}, Nullable: true},
		},
	}
}

func code(err error) diag.Code {
	if p := diag.Find(err); p != nil {
		return p.Code
	}
	return ""
}

// TestTutorialUser walks what a user with the tutorial's one grant meets.
func TestTutorialUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := strings.ReplaceAll(w.database, "sf_test_", "u")
	w.exec(t, "CREATE USER '"+user+"' IDENTIFIED BY '123456'")
	t.Cleanup(func() { w.exec(t, "DROP USER '"+user+"'") })
	config := w.admin
	config.User, config.Password = user, diag.NewSecret("123456")
	c := w.client(t, config)
	spec := starrocks.TableSpec{Target: w.table("runoob_tbl_sr"), Source: tutorialTable(), Properties: tutorialProperties}
	step := func(want string) {
		t.Helper()
		_, err := c.Prepare(t.Context(), spec)
		p := diag.Find(err)
		if p == nil || p.Code != starrocks.CodePrivilege || p.Fix != want {
			t.Fatalf("%v\n%+v\nwant the fix %s", err, p, want)
		}
		w.exec(t, strings.TrimSuffix(p.Fix, ";"))
	}
	step(fmt.Sprintf("GRANT CREATE TABLE ON DATABASE %s TO USER '%s'@'%%';", w.database, user))
	step(fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON TABLE %s.runoob_tbl_sr TO USER '%s'@'%%';", w.database, user))
	p, err := c.Prepare(t.Context(), spec)
	if err != nil || p.Created || p.Rows != 0 {
		t.Fatal(p, err)
	}
	layout := layoutOf(spec.Source)
	load(t, c, spec.Target, layout, ferry.Upsert, rowsOf(5, "18", "first", "tom", "2022-06-22", "3", "1", "second", "tom2", "2022-06-23", "<null>"))
	load(t, c, spec.Target, layout, ferry.Upsert, rowsOf(5, "18", "new", "tom", "2022-06-22", "3"))
	load(t, c, spec.Target, layout, ferry.Delete, rowsOf(5, "1", "second", "tom2", "2022-06-23", "<null>"))
	if got := w.read(t, "SELECT * FROM "+w.database+".runoob_tbl_sr"); len(got) != 1 || got[0] != "18|new|tom|2022-06-22|3" {
		t.Errorf("%q", got)
	}
	if p, err := c.Prepare(t.Context(), spec); err != nil || p.Rows != 1 {
		t.Error(p.Rows, err)
	}
	w.exec(t, fmt.Sprintf("REVOKE INSERT ON TABLE %s.runoob_tbl_sr FROM USER '%s'@'%%'", w.database, user))
	loads := c.Loads(ferry.Route{Target: spec.Target})
	rows := rowsOf(5, "7", "x", "y", "<null>", "<null>")
	b := loads.NewBatch(layout, rows, 0)
	b.Add(ferry.Upsert, rows, 0)
	var aborted *ferry.AbortedError
	if err := loads.Send(t.Context(), label(), b); !errors.As(err, &aborted) || code(err) != starrocks.CodePrivilege {
		t.Error(err)
	}
}

func TestReplicationIsTakenFromTheRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.real {
		t.Log("how many backends a real cluster has is not known here: only that the table is created")
	}
	c := w.client(t, w.admin)
	for i, simple := range []bool{true, false} {
		properties := tutorialProperties
		if simple {
			properties = "buckets 8"
		}
		p, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: w.table(fmt.Sprint("r", i)), Source: tutorialTable(), Simple: simple, Properties: properties})
		if err != nil || !p.Created {
			t.Fatal(p, err)
		}
		if !w.real && (!strings.Contains(p.Statement, `"replication_num" = "1"`) || len(p.Notes) != 1) {
			t.Errorf("%s\n%q", p.Statement, p.Notes)
		}
	}
	_, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: w.table("r3"), Source: tutorialTable(), Simple: true, Properties: "buckets 8, replication_num=99"})
	if code(err) != starrocks.CodeReplication {
		t.Error(err)
	}
}

func TestExistingTableIsCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	w.exec(t, "CREATE TABLE "+w.database+`.other (runoob_id INT NOT NULL, extra INT NOT NULL, runoob_title VARCHAR(10) NULL, runoob_author VARCHAR(120) NOT NULL, kept INT NULL) PRIMARY KEY(runoob_id) DISTRIBUTED BY HASH(runoob_id) BUCKETS 1 PROPERTIES ("replication_num"="1")`)
	w.exec(t, "INSERT INTO "+w.database+".other VALUES (1, 1, 'a', 'b', NULL)")
	w.exec(t, "CREATE TABLE "+w.database+`.young (runoob_id BIGINT NOT NULL, runoob_title VARCHAR(300) NOT NULL, runoob_author VARCHAR(120) NOT NULL, submission_date DATE NULL) PRIMARY KEY(runoob_id) DISTRIBUTED BY HASH(runoob_id) BUCKETS 1 PROPERTIES ("replication_num"="1")`)
	young, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: w.table("young"), Source: tutorialTable(), Simple: true, Properties: "buckets 8"})
	if err != nil || len(young.Notes) != 1 || !strings.Contains(young.Notes[0], "`add_col` is missing: it is appended") {
		t.Errorf("an empty table that lacks a nullable column: %q %v", young.Notes, err)
	}
	_, err = c.Prepare(t.Context(), starrocks.TableSpec{Target: w.table("other"), Source: tutorialTable(), Simple: true, Properties: "buckets 8"})
	if code(err) != starrocks.CodeDifferent {
		t.Fatal(err)
	}
	for _, part := range []string{"`runoob_id` is INT, it would be BIGINT", "VARCHAR(10), it would be VARCHAR(300)", "`runoob_title` is NULL", "`submission_date` is missing", "`add_col` is missing", "`extra`"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "kept") {
		t.Error(err)
	}
}

func TestTheZooIsCreatedAsMappedAndLoaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	typ := func(b change.Base, length int) change.Type {
		return change.Type{Base: b, Length: length, Charset: "utf8mb4"}
	}
	source := &change.Table{Name: change.Name{Database: "z", Table: "zoo"}, Key: []int{1, 0}, Comment: `it's a "zoo" \ here`}
	cells := map[bool][]string{}
	add := func(name string, t change.Type, a, b string) {
		text := ""
		if t.Base == change.Int {
			text = "7"
		}
		column := change.Column{Name: name, Type: t, Nullable: true, Comment: `"` + name + `"`}
		if t.Base == change.VarChar || text != "" {
			column.Default = &text
		}
		source.Columns = append(source.Columns, column)
		cells[false], cells[true] = append(cells[false], a), append(cells[true], b)
	}
	add("amount", change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, "1.50", "-99999999.99")
	add("id", typ(change.VarChar, 12), "", "größer\x01")
	add("tiny", change.Type{Base: change.TinyInt}, "-128", "127")
	add("tinyu", change.Type{Base: change.TinyInt, Unsigned: true}, "0", "255")
	add("smallu", change.Type{Base: change.SmallInt, Unsigned: true}, "0", "65535")
	add("mediumu", change.Type{Base: change.MediumInt, Unsigned: true}, "0", "16777215")
	add("order", change.Type{Base: change.Int}, "-2147483648", "2147483647")
	add("intu", change.Type{Base: change.Int, Unsigned: true}, "0", "4294967295")
	add("big", change.Type{Base: change.BigInt}, "-9223372036854775808", "9223372036854775807")
	add("bigu", change.Type{Base: change.BigInt, Unsigned: true}, "0", "18446744073709551615")
	add("tick`ed", change.Type{Base: change.Bit, Length: 64}, "1", "18446744073709551615")
	add("d38", change.Type{Base: change.Decimal, Precision: 38, Scale: 10}, "0.0000000001", "-9999999999999999999999999999.9999999999")
	add("d65", change.Type{Base: change.Decimal, Precision: 65, Scale: 0}, "1", strings.Repeat("9", 65))
	add("day", change.Type{Base: change.Date}, "0001-01-01", "9999-12-31")
	add("dt", change.Type{Base: change.DateTime, Fraction: 6}, "2020-01-02 03:04:05.123456", "<null>")
	add("tm", change.Type{Base: change.Time, Fraction: 6}, "-838:59:59.000000", "00:00:00.000001")
	add("y", change.Type{Base: change.Year}, "0", "2155")
	add("body", typ(change.LongText, 0), "a\tb\nc", strings.Repeat("é", 1000))
	spec := starrocks.TableSpec{Target: w.table("zoo"), Source: source, Simple: true, Properties: "buckets 2"}
	p, err := c.Prepare(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Prepare(t.Context(), spec); err != nil || again.Created {
		t.Fatal(p.Statement, err)
	}
	names := make([]string, len(source.Columns))
	for i := range source.Columns {
		names[i] = "`" + strings.ReplaceAll(source.Columns[i].Name, "`", "``") + "`"
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + w.database + ".zoo ORDER BY tiny"
	for _, format := range []string{"csv", "json"} {
		if err := c.Configure(spec.Target, starrocks.LoadOptions{ColumnSeparator: `\x01`, RowDelimiter: `\x02`, Headers: map[string]string{"format": format}}); err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(len(source.Columns), append(append([]string(nil), cells[false]...), cells[true]...)...)
		load(t, c, spec.Target, layoutOf(source), ferry.Upsert, rows)
		got := w.read(t, query)
		if len(got) != 2 || got[0] != strings.Join(cells[false], "|") || got[1] != strings.Join(cells[true], "|") {
			t.Errorf("%s:\n%q\nwant\n%q\n%q", format, got, cells[false], cells[true])
		}
		load(t, c, spec.Target, layoutOf(source), ferry.Delete, rows)
		if got := w.read(t, query); len(got) != 0 {
			t.Errorf("%s: deletes left %q", format, got)
		}
	}
}

// TestAnyTextTravels: every byte of UTF-8 text, and what the forms might trip over.
func TestAnyTextTravels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := &change.Table{Name: change.Name{Database: "s", Table: "bytes"}, Key: []int{0}, Columns: []change.Column{
		{Name: "k", Type: change.Type{Base: change.VarChar, Length: 20, Charset: "utf8mb4"}},
		{Name: "v", Type: change.Type{Base: change.Text, Charset: "utf8mb4"}, Nullable: true},
	}}
	spec := starrocks.TableSpec{Target: w.table("bytes"), Source: source, Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	texts := []string{"", `\N`, `\\N`, `\`, `"`, `""`, `"a`, `a"b`, "\\\"", "\r\n", " ", " a ", "null", "{}", "é", "𝄞", "\ufeffx", "'", ",", "<null>"}
	for b := range 128 {
		texts = append(texts, string(rune(b)), "x"+string(rune(b)), `q"`+string(rune(b)))
	}
	for i, o := range []starrocks.LoadOptions{{}, {ColumnSeparator: `\x01`, RowDelimiter: `\x02`}, {ColumnSeparator: "|@|", RowDelimiter: `\x0d0a`}, {ColumnSeparator: ",", RowDelimiter: `"`}, {ColumnSeparator: "0"}} {
		if err := c.Configure(spec.Target, o); err != nil {
			t.Fatal(err)
		}
		rows := change.NewRows(2)
		want := map[string]bool{}
		for n, text := range texts {
			key := fmt.Sprintf("%d.%03d %s", i, n, text)
			want[key] = true
			rows.AddString(key)
			if text == "<null>" {
				rows.AddNull()
			} else {
				rows.AddString(text)
			}
		}
		batches := load(t, c, spec.Target, layoutOf(source), ferry.Upsert, rows)
		if o.ColumnSeparator == "0" && batches != 1 {
			t.Errorf("%d batches", batches)
		}
		got := map[string]string{}
		for _, line := range w.read(t, fmt.Sprintf("SELECT k, v FROM %s.bytes WHERE k >= '%d.' AND k < '%d.'", w.database, i, i+1)) {
			key := line[:5]
			got[key] = line[5:]
		}
		if len(got) != len(texts) {
			t.Errorf("%+v: %d rows, want %d", o, len(got), len(texts))
		}
		for n, text := range texts {
			key := fmt.Sprintf("%d.%03d", i, n)
			if got[key] != " "+text+"|"+text {
				t.Errorf("%+v %s: %q, want %q", o, key, got[key], text)
			}
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := &change.Table{Name: change.Name{Database: "s", Table: "docs"}, Key: []int{0}, Columns: []change.Column{
		{Name: "k", Type: change.Type{Base: change.Int}},
		{Name: "doc", Type: change.Type{Base: change.JSON}, Nullable: true},
	}}
	spec := starrocks.TableSpec{Target: w.table("docs"), Source: source, Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	load(t, c, spec.Target, layoutOf(source), ferry.Upsert, rowsOf(2, "1", `{"a": 1}`, "2", `[1, "x"]`, "3", `"text"`, "4", `12`, "5", `true`, "6", "null", "7", "<null>"))
	want := []string{`1|{"a": 1}`, `2|[1, "x"]`, `3|"text"`, `4|12`, `5|true`, `6|<null>`, `7|<null>`}
	if got := w.read(t, "SELECT k, doc FROM "+w.database+".docs ORDER BY k"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
}

func TestColumnsAreAppended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := tutorialTable()
	spec := starrocks.TableSpec{Target: w.table("grows"), Source: source, Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	load(t, c, spec.Target, layoutOf(source), ferry.Upsert, rowsOf(5, "1", "a", "b", "<null>", "<null>"))
	five := "5"
	added := []change.Column{{Name: "add_col2", Type: change.Type{Base: change.Int}, Nullable: true}, {Name: "with default", Type: change.Type{Base: change.BigInt, Unsigned: true}, Nullable: true, Default: &five, Comment: "x"}}
	if err := c.Resume(t.Context(), spec.Target); err != nil {
		t.Error(err)
	}
	if err := c.Resume(t.Context(), w.table("none")); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
	for range 2 {
		if _, err := c.AddColumns(t.Context(), spec.Target, added); err != nil {
			t.Fatal(err)
		}
	}
	columns, err := c.Columns(t.Context(), spec.Target, source)
	if err != nil || len(columns) != 7 || columns[5].Name != "add_col2" || !columns[6].Nullable || !columns[0].Key || columns[0].Nullable || columns[1].Key {
		t.Fatalf("%+v %v", columns, err)
	}
	other := *source
	other.Columns = append([]change.Column(nil), source.Columns...)
	other.Columns[4].Type = change.Type{Base: change.BigInt}
	if _, err := c.Columns(t.Context(), spec.Target, &other); code(err) != starrocks.CodeDifferent {
		t.Errorf("a column of another type: %v", err)
	}
	notes, err := c.AddColumns(t.Context(), spec.Target, []change.Column{{Name: "add_col2", Type: change.Type{Base: change.Int}, Nullable: true, Generated: true}})
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "`add_col2` is NULL in the rows that exist") {
		t.Errorf("%q %v", notes, err)
	}
	wide := *source
	wide.Columns = append(append([]change.Column(nil), source.Columns...), added...)
	load(t, c, spec.Target, layoutOf(&wide), ferry.Upsert, rowsOf(7, "2", "a", "b", "<null>", "<null>", "2", "<null>"))
	if got := w.read(t, "SELECT runoob_id, add_col2, `with default` FROM "+w.database+".grows ORDER BY runoob_id"); strings.Join(got, ",") != "1|<null>|5,2|2|<null>" {
		t.Errorf("%q", got)
	}
	_, err = c.AddColumns(t.Context(), spec.Target, []change.Column{{Name: "b", Type: change.Type{Base: change.Unknown}}})
	if code(err) != starrocks.CodeType {
		t.Error(err)
	}
	if _, err := c.AddColumns(t.Context(), w.table("none"), added); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
}

func TestRefusedRowsAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	spec := starrocks.TableSpec{Target: w.table("strict"), Source: tutorialTable(), Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	loads := c.Loads(ferry.Route{Target: spec.Target})
	rows := rowsOf(5, "1", "fits", "b", "<null>", "<null>", "2", strings.Repeat("x", 301), "b", "<null>", "<null>")
	batch := loads.NewBatch(layoutOf(spec.Source), rows, 0)
	batch.Add(ferry.Upsert, rows, 0)
	batch.Add(ferry.Upsert, rows, 1)
	used := label()
	err := loads.Send(t.Context(), used, batch)
	var refused *ferry.RefusedError
	if !errors.As(err, &refused) || code(err) != starrocks.CodeLoadRefused || !strings.Contains(err.Error(), "xxxxxxxx") {
		t.Fatal(err)
	}
	if got := w.read(t, "SELECT COUNT(*) FROM "+w.database+".strict"); got[0] != "0" {
		t.Errorf("%q", got)
	}
	if err := c.Settle(t.Context(), spec.Target, []string{used, label()}); err != nil {
		t.Error(err)
	}
}

func TestALabelThatThisProcessUsedIsSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	spec := starrocks.TableSpec{Target: w.table("labels"), Source: tutorialTable(), Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	loads := c.Loads(ferry.Route{Target: spec.Target})
	rows := rowsOf(5, "1", "a", "b", "<null>", "<null>")
	used := label()
	for range 2 {
		batch := loads.NewBatch(layoutOf(spec.Source), rows, 0)
		batch.Add(ferry.Upsert, rows, 0)
		if err := loads.Send(t.Context(), used, batch); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := w.admin
	wrong.Password = diag.NewSecret("not-the-password")
	_, err := starrocks.Connect(t.Context(), wrong)
	if p := diag.Find(err); p == nil || p.Code != starrocks.CodeLogin || p.Class != diag.Unusable || strings.Contains(err.Error(), "not-the-password") {
		t.Error(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := listener.Addr().String()
	listener.Close()
	gone := w.admin
	gone.Query = []string{dead}
	_, err = starrocks.Connect(t.Context(), gone)
	if p := diag.Find(err); p == nil || p.Code != starrocks.CodeUnreachable || p.Class != diag.Unusable || !strings.Contains(p.Message, dead) {
		t.Error(err)
	}
	second := w.admin
	second.Query = []string{dead, w.admin.Query[0]}
	if c := w.client(t, second); c.Version() == "" {
		t.Error("no version")
	}
	noLoad := w.admin
	noLoad.Load = []string{dead}
	_, err = w.client(t, noLoad).Prepare(t.Context(), starrocks.TableSpec{Target: w.table("x"), Source: tutorialTable(), Simple: true, Properties: "buckets 1"})
	if p := diag.Find(err); p == nil || p.Code != starrocks.CodeUnreachable || p.Class != diag.Unusable {
		t.Error(err)
	}
	_, err = w.client(t, w.admin).Prepare(t.Context(), starrocks.TableSpec{Target: change.Name{Database: "sf_no_such", Table: "x"}, Source: tutorialTable(), Simple: true, Properties: "buckets 1"})
	if code(err) != starrocks.CodeNoDatabase {
		t.Error(err)
	}
}
