package emulator

import (
	"os"
	"strings"
	"testing"
)

// Partial updates and merge conditions are applied again, in their order, by a restart.
func TestUpdateRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, Config{DataDir: dir})
	w.exec("CREATE DATABASE d", `CREATE TABLE d.t (k INT, a INT, b STRING DEFAULT "new") PRIMARY KEY(k)`)
	w.loaded("d.t", "1\t1\tx\n2\t2\ty\n")
	w.exec(`ALTER TABLE d.t ADD COLUMN c INT DEFAULT "7"`)
	w.loaded("d.t", "1\t5\n3\t6\n", "partial_update:true", "columns:k,a")
	w.loaded("d.t", "1\t4\tlost\t1\n2\t2\twon\t1\n", "merge_condition:a")
	w.loaded("d.t", "3\t9\n", "partial_update:true", "columns:k,c", "merge_condition:c")
	want := []string{"1|5|x|7", "2|2|won|1", "3|6|new|9"}
	w.expect("SELECT * FROM d.t ORDER BY k", want...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir}).expect("SELECT * FROM d.t ORDER BY k", want...)
}

// A load planned before a column came meets rows that have it.
func TestPartialUpdateMeetsNewSchema(t *testing.T) {
	t.Parallel()
	s := newTableStore()
	cols := []*column{{id: 1, name: "k", typ: dataType{kind: tInt}, key: true}, {id: 2, name: "a", typ: dataType{kind: tInt}, nullable: true}}
	s.addSchema(cols)
	tbl := &table{columns: cols, store: s}
	row := func(schema int, cells ...string) *delta {
		b := newRowBuilder(tbl, tbl.columns[:len(cells)], schema, 128)
		b.reset()
		for _, c := range cells {
			b.add([]byte(c))
		}
		d := &delta{}
		if err := b.put(d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	early := row(0, "1", "10")
	early.rule = &updateRule{Partial: true, Given: []int{1, 2}}
	tbl.columns = append(tbl.columns, &column{id: 3, name: "b", typ: dataType{kind: tInt}, nullable: true})
	s.addSchema(tbl.columns)
	s.apply(row(1, "1", "1", "2"))
	s.apply(early)
	rows, reader := s.snapshot(tbl.columns, keyOrder)
	got := make([]value, 3)
	reader.cells(rows[0].row, got)
	if len(rows) != 1 || got[0].i != 1 || got[1].i != 10 || got[2].i != 2 {
		t.Errorf("%d rows, %v", len(rows), got)
	}
}

func TestRejectedRecords(t *testing.T) {
	t.Parallel()
	w := start(t, Config{DataDir: t.TempDir()})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT NOT NULL) PRIMARY KEY(k)")
	for num, want := range map[string]string{
		"1":  "1\tx\tThe field (name = v, pos = 1) is out of range. Type: INT, Value length: 1, Value: x\t\n",
		"-1": "1\tx\tThe field (name = v, pos = 1) is out of range. Type: INT, Value length: 1, Value: x\t\n[2, NULL, 0]\tNULL value in non-nullable column 'v'\t\n",
	} {
		r := w.load("d.t", "1\tx\n2\t\\N\n3\t3\n", strictMode, "log_rejected_record_num:"+num)
		_, path, ok := strings.Cut(between(r.raw, `"RejectedRecordPath": "`, `"`), ":")
		if !ok || r.Status != "Fail" {
			t.Fatal(r.raw)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", num, text, err)
		}
	}
	if r := w.load("d.t", "1\tx\n", strictMode); strings.Contains(r.raw, "RejectedRecordPath") {
		t.Error(r.raw)
	}
	memory := start(t, Config{})
	memory.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT) PRIMARY KEY(k)")
	if r := memory.load("d.t", "1\n", "log_rejected_record_num:1"); !strings.Contains(r.Message, "not implemented by the embedded server: header log_rejected_record_num without a data directory") {
		t.Error(r.raw)
	}
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	inside, _, _ := strings.Cut(rest, to)
	return inside
}

// What a version does not know yet it passes over, or reads in its own way.
func TestLoadVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version, body string
		headers       []string
		want          string
	}{
		{"2.5", "1,\"a\"\n", []string{"column_separator:,", `enclose:"`}, `1|"a"`},
		{"3.0", "1,\"a\"\n", []string{"column_separator:,", `enclose:"`}, "1|a"},
		{"3.0", "1\\ta\n", []string{`column_separator:\t`}, "1|a"},
		{"3.1", "1\ta\n", []string{`column_separator:\t`}, "1|a"},
		{"3.2.6", `{"k":1,"v":"a"}`, []string{"format:json", "compression:gzip"}, "1|a"},
		{"3.0", "1\ta\n", []string{"log_rejected_record_num:x"}, "1|a"},
		{"3.3", "1\ta\n", []string{"enable_merge_commit:true"}, "1|a"},
	} {
		w := start(t, Config{Version: c.version})
		w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v STRING) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1")
		w.loaded("d.t", c.body, c.headers...)
		w.expect("SELECT * FROM d.t", c.want)
	}
	for version, cell := range map[string]string{"3.1": "\x00\xff", "3.2": "00ff"} {
		w := start(t, Config{Version: version})
		w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v VARBINARY) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1")
		r := w.load("d.t", "1\t00ff\n")
		if version == "3.2" {
			cell = "\xd3\x47\xdf" // 00ff is valid base64 as well
		}
		w.expect("SELECT * FROM d.t", "1|"+cell)
		if strings.Contains(r.raw, `"Db"`) {
			t.Error(r.raw)
		}
	}
	w := start(t, Config{Version: "4.0"})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT) PRIMARY KEY(k)")
	if r := w.load("d.t", "1\n"); !strings.Contains(r.raw, "\n    \"Db\": \"d\",\n    \"Table\": \"t\",\n") {
		t.Error(r.raw)
	}
}
