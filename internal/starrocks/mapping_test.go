package starrocks

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/expression"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
	}
}

func literalDefault(s string) *string { return &s }

// tutorialTable is the table every beginner starts with.
func tutorialTable() *change.Table {
	return &change.Table{
		Name: change.Name{Database: "test_cdc", Table: "runoob_tbl"}, Version: 1, Key: []int{0}, Charset: "utf8mb3",
		Columns: []change.Column{
			{Name: "runoob_id", Type: change.Type{Base: change.Int, Unsigned: true}, AutoIncrement: true},
			{Name: "runoob_title", Type: change.Type{Base: change.VarChar, Length: 100, Charset: "utf8mb3"}},
			{Name: "runoob_author", Type: change.Type{Base: change.VarChar, Length: 40, Charset: "utf8mb3"}},
			{Name: "submission_date", Type: change.Type{Base: change.Date}, Nullable: true},
			{Name: "add_col", Type: change.Type{Base: change.Int}, Nullable: true},
		},
	}
}

// zooTable has every type that is carried, a key that does not lead, and names and
// comments that need quoting.
func zooTable() *change.Table {
	t := &change.Table{Name: change.Name{Database: "z", Table: "zoo `x`"}, Key: []int{3, 0}, Comment: `it's "quoted" \ here`}
	add := func(name string, typ change.Type, more ...func(*change.Column)) {
		c := change.Column{Name: name, Type: typ, Nullable: true}
		for _, f := range more {
			f(&c)
		}
		t.Columns = append(t.Columns, c)
	}
	def := func(s string) func(*change.Column) { return func(c *change.Column) { c.Default = literalDefault(s) } }
	notNull := func(c *change.Column) { c.Nullable = false }
	utf8 := func(b change.Base, n int) change.Type { return change.Type{Base: b, Length: n, Charset: "utf8mb4"} }
	add("amount", change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, notNull)
	for _, b := range []change.Base{change.TinyInt, change.SmallInt} {
		add(b.String(), change.Type{Base: b}, def("-5"))
	}
	add("id", utf8(change.Char, 20), notNull, def(""))
	for _, b := range []change.Base{change.TinyInt, change.SmallInt, change.MediumInt, change.Int, change.BigInt} {
		add(b.String()+"_u", change.Type{Base: b, Unsigned: true}, notNull, def("5"))
	}
	add("flag", change.Type{Base: change.TinyInt, Length: 1}, def("1"))
	add("order", change.Type{Base: change.MediumInt}, func(c *change.Column) { c.Comment = `a "b" \` })
	add("tick`ed", change.Type{Base: change.BigInt})
	add("bit8", change.Type{Base: change.Bit, Length: 8}, def("b'101'"))
	add("bit64", change.Type{Base: change.Bit, Length: 64})
	add("d38", change.Type{Base: change.Decimal, Precision: 38, Scale: 10}, def("0.5"))
	add("d65", change.Type{Base: change.Decimal, Precision: 65, Scale: 30})
	add("f", change.Type{Base: change.Float}, def("0.1"))
	add("f2", change.Type{Base: change.Float}, def("0.5"))
	add("dbl", change.Type{Base: change.Double}, def("0.1"))
	add("latin", change.Type{Base: change.VarChar, Length: 10, Charset: "latin1"}, def(`x"y\`))
	add("ascii", change.Type{Base: change.VarChar, Length: 10, Charset: "ascii"})
	add("empty", utf8(change.VarChar, 0))
	add("wide", utf8(change.VarChar, 16383))
	for _, b := range []change.Base{change.TinyText, change.Text, change.MediumText, change.LongText} {
		add(b.String(), utf8(b, 0))
	}
	add("e", change.Type{Base: change.Enum, Members: []string{"a", "größer"}}, def("a"))
	add("s", change.Type{Base: change.Set, Members: []string{"a", "bc", "d"}})
	add("doc", change.Type{Base: change.JSON})
	add("day", change.Type{Base: change.Date}, def("0000-00-00"))
	add("dt", change.Type{Base: change.DateTime, Fraction: 6}, def("2020-01-02 03:04:05.000000"))
	add("ts", change.Type{Base: change.Timestamp}, func(c *change.Column) { c.DefaultExpression = "CURRENT_TIMESTAMP" })
	add("tm", change.Type{Base: change.Time, Fraction: 3})
	add("y", change.Type{Base: change.Year})
	add("bit1", change.Type{Base: change.Bit, Length: 1}, def("b'1'"))
	add("truth", change.Type{Base: change.Boolean}, def("1"))
	add("ts_zone", change.Type{Base: change.Timestamp, Zone: "Asia/Shanghai", ZeroDates: change.NullZeroDates}, notNull)
	add("day_null", change.Type{Base: change.Date, ZeroDates: change.NullZeroDates}, def("0000-00-00"), notNull)
	add("bin", change.Type{Base: change.Binary, Length: 16}, def("x"))
	for _, b := range []change.Base{change.Blob, change.LongBlob, change.Geometry, change.UUID, change.INET4, change.INET6} {
		add(b.String(), change.Type{Base: b})
	}
	add("vec", change.Type{Base: change.Vector, Length: 3})
	add("gen", change.Type{Base: change.Int}, func(c *change.Column) { c.Generated = true })
	return t
}

const tutorialProperties = "engine = olap primary key(runoob_id) distributed by hash(runoob_id) buckets 8"

func TestMapGolden(t *testing.T) {
	t.Parallel()
	target := change.Name{Database: "test_cdc", Table: "runoob_tbl_sr"}
	for name, c := range map[string]struct {
		spec        TableSpec
		version     string
		replication int
	}{
		"tutorial_normal":      {TableSpec{Target: target, Source: tutorialTable(), Properties: tutorialProperties}, "", 0},
		"tutorial_normal_repl": {TableSpec{Target: target, Source: tutorialTable(), Properties: tutorialProperties}, "", 1},
		"tutorial_simple":      {TableSpec{Target: target, Source: tutorialTable(), Simple: true, Properties: "buckets 8"}, "", 0},
		"tutorial_simple_repl": {TableSpec{Target: target, Source: tutorialTable(), Simple: true, Properties: "buckets=8, \"compression\" = \"LZ4\""}, "", 1},
		"properties_repl":      {TableSpec{Target: target, Source: tutorialTable(), Properties: "primary key (`runoob_id`) properties (\"compression\"=\"LZ4\");"}, "", 2},
		"own_repl":             {TableSpec{Target: target, Source: tutorialTable(), Simple: true, Properties: "replication_num=1"}, "", 3},
		"zoo":                  {TableSpec{Target: change.Name{Database: "z", Table: "zoo `x`"}, Source: zooTable(), Simple: true, Properties: "BUCKETS 4"}, "3.5.2-abc", 0},
		"zoo_4":                {TableSpec{Target: change.Name{Database: "z", Table: "zoo"}, Source: zooTable(), Properties: "PRIMARY KEY(amount, id)"}, "4.0.1-abc", 0},
		"shaped_simple":        {TableSpec{Target: target, Source: tutorialTable(), Simple: true, Properties: "buckets 8", Shape: shapeOfTests()}, "3.3.0", 1},
		"shaped_normal":        {TableSpec{Target: target, Source: tutorialTable(), Properties: "engine=olap primary key(day, runoob_id, runoob_title) distributed by hash(runoob_id) properties(\"compression\"=\"LZ4\")", Shape: shapeOfTests()}, "", 1},
	} {
		m, err := Map(c.spec, c.version)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b strings.Builder
		b.WriteString(m.CreateStatement(c.replication) + ";\n")
		for _, note := range m.Notes {
			fmt.Fprintf(&b, "-- %s\n", note)
		}
		for _, column := range m.Columns {
			if column.Note != "" {
				fmt.Fprintf(&b, "-- %s %s: %s\n", column.Name, column.SourceType, column.Note)
			}
		}
		golden(t, name+".sql", b.String())
	}
}

func computedOfTests(name, text string) expression.Computed {
	x, err := expression.Parse(text)
	if err != nil {
		panic(err)
	}
	return expression.Computed{Name: name, Value: x}
}

func shapeOfTests() expression.Shape {
	day := computedOfTests("day", "COALESCE(CAST(DATE_FORMAT(submission_date, 'yyyyMMdd') AS STRING), 'none')")
	day.Comment = "of it"
	loaded := computedOfTests("loaded", "NOW()")
	loaded.First = true
	twice := computedOfTests("twice", "add_col * 2")
	twice.After = "submission_date"
	return expression.Shape{Computed: []expression.Computed{loaded, day, twice, computedOfTests("last", "UPPER(runoob_title)")},
		Key: []string{"day", "runoob_id", "runoob_title"}, Partition: []string{"day"}, Comment: "it's shaped", LeftOut: []string{"runoob_author"}}
}

func TestMapRefusesShapesThatCannotBe(t *testing.T) {
	t.Parallel()
	for says, shape := range map[string]func(*expression.Shape){
		"but the primary key of":              func(s *expression.Shape) { s.Key = []string{"day", "runoob_title"} },
		"statement says PRIMARY KEY (nowhere": func(s *expression.Shape) { s.Key = []string{"nowhere", "runoob_id"} },
		"may be NULL at the source":           func(s *expression.Shape) { s.Key = []string{"day", "runoob_id", "add_col"} },
		"another one each time":               func(s *expression.Shape) { s.Key = []string{"loaded", "day", "runoob_id"} },
		"PARTITIONED BY `runoob_title`":       func(s *expression.Shape) { s.Key, s.Partition = []string{"day", "runoob_id"}, []string{"runoob_title"} },
		"DROP COLUMN names `gone`":            func(s *expression.Shape) { s.LeftOut = []string{"gone"} },
		"which is part of the key":            func(s *expression.Shape) { s.LeftOut = []string{"runoob_id"} },
		"AFTER `gone`":                        func(s *expression.Shape) { s.Computed[2].After = "gone" },
		"has one of that name":                func(s *expression.Shape) { s.Computed[3].Name = "ADD_COL" },
		"has no column `nowhere`":             func(s *expression.Shape) { s.Computed[3] = computedOfTests("x", "nowhere + 1") },
		"DOUBLE, which no key can be":         func(s *expression.Shape) { s.Computed[1] = computedOfTests("day", "add_col / 2") },
		"no such column name":                 func(s *expression.Shape) { s.Computed[3].Name = "__op" },
	} {
		spec := TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Simple: true, Properties: "buckets 8", Shape: shapeOfTests()}
		shape(&spec.Shape)
		_, err := Map(spec, "")
		if p := diag.Find(err); p == nil || p.Fix == "" || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	spec := TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Simple: true, Properties: "buckets 8", Shape: shapeOfTests()}
	if _, err := Map(spec, "3.0.9"); err == nil || !strings.Contains(err.Error(), "needs StarRocks 3.1") {
		t.Error(err)
	}
	spec.Simple, spec.Properties = false, "primary key(runoob_id)"
	if _, err := Map(spec, ""); err == nil || !strings.Contains(err.Error(), "write the same key in both") && !strings.Contains(err.Error(), "and primary key(runoob_id)") {
		t.Error(err)
	}
}

func TestMapRefusesEverythingInOneGo(t *testing.T) {
	t.Parallel()
	source := &change.Table{Name: change.Name{Database: "d", Table: "t"}, Key: []int{0}, Columns: []change.Column{
		{Name: "k", Type: change.Type{Base: change.Double}},
		{Name: "b", Type: change.Type{Base: change.Unknown}},
		{Name: "g", Type: change.Type{Base: change.Unknown}},
		{Name: "__op", Type: change.Type{Base: change.Int}},
		{Name: "a=b", Type: change.Type{Base: change.Unknown}},
	}}
	_, err := Map(TableSpec{Target: source.Name, Source: source, Simple: true, Properties: "buckets none"}, "")
	var several diag.Problems
	if !errors.As(err, &several) {
		t.Fatal(err)
	}
	var codes []string
	for _, one := range several {
		p := diag.Find(one)
		if p == nil || p.Fix == "" {
			t.Fatalf("%v has no remedy", one)
		}
		codes = append(codes, string(p.Code))
	}
	want := []diag.Code{CodeProperties, CodeKeyType, CodeType, CodeType, CodeColumnName, CodeType, CodeColumnName}
	if got := strings.Join(codes, " "); got != strings.Trim(fmt.Sprint(want), "[]") {
		t.Errorf("%s, want %v", got, want)
	}
}

func TestMapRefusesWhatTheSuffixGetsWrong(t *testing.T) {
	t.Parallel()
	withoutKey := tutorialTable()
	withoutKey.Key = nil
	for _, c := range []struct {
		source     *change.Table
		simple     bool
		properties string
		want       diag.Code
	}{
		{withoutKey, true, "buckets 8", CodeNoKey},
		{nil, false, "distributed by hash(runoob_id)", CodeProperties},
		{nil, false, "primary key(runoob_title)", CodeProperties},
		{nil, false, "primary key(runoob_id, runoob_title)", CodeProperties},
		{nil, false, "primary key(runoob_id, RUNOOB_ID)", CodeProperties},
		{nil, false, "duplicate key(runoob_id) distributed by random", CodeProperties},
		{nil, false, "primary key(runoob_id) comment 'open", CodeProperties},
		{nil, true, "engine = olap primary key(runoob_id)", CodeProperties},
		{nil, true, "buckets", CodeProperties},
		{nil, true, "buckets 0", CodeProperties},
		{nil, true, "replication_num=", CodeProperties},
	} {
		source := c.source
		if source == nil {
			source = tutorialTable()
		}
		_, err := Map(TableSpec{Target: source.Name, Source: source, Simple: c.simple, Properties: c.properties}, "")
		if p := diag.Find(err); p == nil || p.Code != c.want {
			t.Errorf("%q: %v, want %s", c.properties, err, c.want)
		}
	}
}

func TestLongKeysAreSaid(t *testing.T) {
	t.Parallel()
	source := tutorialTable()
	source.Key = []int{1}
	m, err := Map(TableSpec{Target: source.Name, Source: source, Simple: true, Properties: "buckets 1"}, "")
	if err != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "300 bytes") {
		t.Error(m.Notes, err)
	}
}

func TestDifferencesAreAllListed(t *testing.T) {
	t.Parallel()
	m, err := Map(TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Simple: true, Properties: "buckets 8"}, "")
	if err != nil {
		t.Fatal(err)
	}
	same := []existingColumn{
		{name: "runoob_id", typ: normalType("bigint(20)"), key: true},
		{name: "Runoob_Title", typ: normalType("varchar(300)")},
		{name: "add_col", typ: normalType("int(11)"), nullable: true, def: literalDefault("7")},
		{name: "runoob_author", typ: normalType("varchar(120)")},
		{name: "submission_date", typ: normalType("date"), nullable: true},
		{name: "old", typ: normalType("decimal64(10, 2)"), nullable: true},
	}
	differences, _, notes := m.differences(same, []string{"RUNOOB_ID"})
	if len(differences) != 0 || len(notes) != 2 {
		t.Errorf("%q %q", differences, notes)
	}
	other := []existingColumn{
		{name: "runoob_id", typ: "INT", key: true},
		{name: "runoob_title", typ: "VARCHAR(300)", key: true, nullable: true},
		{name: "runoob_author", typ: "VARCHAR(120)"},
		{name: "submission_date", typ: "DATE", nullable: true},
		{name: "extra", typ: "INT"},
	}
	differences, missing, _ := m.differences(other, []string{"runoob_id", "runoob_title"})
	if len(missing) != 1 || missing[0].Name != "add_col" {
		t.Errorf("missing %v", missing)
	}
	golden(t, "differences.txt", strings.Join(differences, "\n")+"\n")
	if differences, _, _ := m.differences(same, nil); len(differences) != 1 {
		t.Error(differences)
	}
}

func TestTypesOfDescAreSpelledAsOurs(t *testing.T) {
	t.Parallel()
	for shown, want := range map[string]string{
		"tinyint(4)": "TINYINT", "tinyint(1)": "BOOLEAN", "smallint(6)": "SMALLINT", "int(11)": "INT", "bigint(20)": "BIGINT", "largeint(40)": "LARGEINT", "bigint(20) unsigned": "LARGEINT",
		"varchar(300)": "VARCHAR(300)", "string": "VARCHAR(65533)", "decimal(10, 2)": "DECIMAL(10,2)", "DECIMAL128(38,10)": "DECIMAL(38,10)", "datetime": "DATETIME", "json": "JSON", "float": "FLOAT",
	} {
		if got := normalType(shown); got != want {
			t.Errorf("%s: %s, want %s", shown, got, want)
		}
	}
}

func TestAlterPrivilegeIsReadFromGrants(t *testing.T) {
	t.Parallel()
	table := change.Name{Database: "d", Table: "t"}
	for _, c := range []struct {
		grants []string
		lacks  bool
	}{
		{nil, false},
		{[]string{"GRANT SELECT, INSERT ON TABLE d.t TO USER 'u'@'%'"}, true},
		{[]string{"GRANT SELECT, INSERT, ALTER ON TABLE d.t TO USER 'u'@'%'"}, false},
		{[]string{"GRANT ALTER ON TABLE d.other, d.t TO USER 'u'@'%'"}, false},
		{[]string{"GRANT ALTER ON TABLE d.other TO USER 'u'@'%'"}, true},
		{[]string{"GRANT ALTER ON DATABASE d TO USER 'u'@'%'"}, true},
		{[]string{"GRANT CREATE TABLE ON DATABASE d TO USER 'u'@'%'", "GRANT ALL ON ALL TABLES IN DATABASE d TO USER 'u'@'%'"}, false},
		{[]string{"GRANT ALL ON ALL TABLES IN DATABASE other TO USER 'u'@'%'"}, true},
		{[]string{"GRANT ALTER ON ALL TABLES IN ALL DATABASES TO USER 'u'@'%'"}, false},
		{[]string{"GRANT 'root' TO 'root'@'%'"}, false},
		{[]string{"GRANT 'public' TO 'u'@'%'", "GRANT CREATE TABLE ON DATABASE d TO USER 'u'@'%'"}, true},
		{[]string{"GRANT ALTER ON `d`.`t` TO USER 'u'@'%'"}, false},
	} {
		if got := grantsLackAlter(c.grants, table); got != c.lacks {
			t.Errorf("%q: %v", c.grants, got)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	f.Add("primary key(`a``b`, c) comment 'it''s' /* x */ -- y\n properties(\"k\"=\"v\")")
	f.Fuzz(func(t *testing.T, sql string) {
		tokens, _ := tokenize(sql)
		last := 0
		for _, token := range tokens {
			if token.start < last || token.end <= token.start || token.end > len(sql) {
				t.Fatalf("%v in %q", token, sql)
			}
			last = token.end
		}
		_, _ = Map(TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Properties: sql}, "")
		_, _ = Map(TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Properties: sql, Simple: true}, "")
		m, err := Map(TableSpec{Target: tutorialTable().Name, Source: tutorialTable(), Properties: sql}, "")
		if err == nil {
			m.CreateStatement(1)
		}
	})
}
