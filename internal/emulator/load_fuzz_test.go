package emulator

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The scanner accepts exactly what encoding/json accepts, and reads the same strings.
func FuzzJSONScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e+3,true,false,null,"x\u00e9\n\ud83d\ude00"],"b":{}}`, `[[[]]]`, `"\u12"`, `-01`, `1.`, `{"a" : 1 , }`, `nul`, `"` + "\x1f" + `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) || bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxJSONDepth {
			return
		}
		from := skipBlanks(text, 0)
		end := skipValue(text, from, 0)
		whole := end >= 0 && skipBlanks(text, end) == len(text)
		if whole != json.Valid(text) {
			t.Fatalf("%q: the scanner says %v", text, whole)
		}
		if !whole || text[from] != '"' {
			return
		}
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := unescapeJSON(text[from:end]); ok && string(got) != want || !ok && !strings.ContainsRune(want, utf8.RuneError) {
			t.Fatalf("%q: got %q %v, want %q", text, got, ok, want)
		}
	})
}

// Whatever the headers and the body are, the accounts add up and the rows can be read.
func FuzzLoadUpdate(f *testing.F) {
	f.Add("id,v", "id > 1 and v <> 'x'", "d", true, "1,a\n2,b\n")
	f.Add("id,t,d=cast(t as decimal(9,2)),__op=if(id=1,1,0)", "", "", true, "1,2.5\n2,x\n")
	f.Add("", "coalesce(v, 'y') like '%y%'", "D", false, "1,\\N,3\n")
	f.Fuzz(func(t *testing.T, columns, where, condition string, partial bool, body string) {
		cols := []*column{{id: 1, name: "id", typ: dataType{kind: tInt}, key: true}, {id: 2, name: "v", typ: dataType{kind: tVarchar, length: 10}, nullable: true}, {id: 3, name: "d", typ: dataType{kind: tDecimal, precision: 9, scale: 2}}}
		tbl := &table{name: "t", columns: cols, store: newTableStore()}
		tbl.store.addSchema(cols)
		s := &Server{catalog: newCatalog()}
		o := &loadOptions{columns: columns, where: where, columnSeparator: []byte(","), rowDelimiter: []byte("\n"), location: time.UTC, update: updateOptions{partial: partial, mode: "row", condition: condition}}
		plan, err := s.planLoad(tbl, o)
		if err != nil {
			return
		}
		for range 2 {
			l := &loader{plan: plan, delta: &delta{rule: plan.update}, builder: newRowBuilder(tbl, cols, 0, 128)}
			if err := l.load(strings.NewReader(body)); err != nil {
				return
			}
			if c := l.counts; c.total != c.loaded+c.filtered+c.unselected || int64(len(l.delta.ops)) != c.loaded {
				t.Fatalf("%+v, %d kept", c, len(l.delta.ops))
			}
			text, err := l.delta.rule.appendTo(nil)
			if err != nil {
				t.Fatal(err)
			}
			if d, err := readOps(text); err != nil || (d.rule == nil) != (l.delta.rule == nil) {
				t.Fatalf("the rule %s is read as %v %v", text, d, err)
			}
			tbl.store.apply(l.delta)
		}
		rows, reader := tbl.store.snapshot(cols, keyOrder)
		for _, r := range rows {
			reader.cells(r.row, make([]value, len(cols)))
		}
	})
}

// A path is read or refused, and a document is searched without a panic.
func FuzzJSONPath(f *testing.F) {
	f.Add(`$.a."b.c"[1].*[*]`, `{"a":{"b.c":[1,{"x":[2]}]}}`)
	f.Add(`$`, `{}`)
	f.Fuzz(func(t *testing.T, path, doc string) {
		p, err := parseJSONPath(path)
		text := []byte(doc)
		if err != nil || !utf8.Valid(text) || len(text) == 0 || text[0] != '{' || skipValue(text, 0, 0) != len(text) {
			return
		}
		if found, _ := p.find(text); found != nil && skipValue(found, 0, 0) != len(found) {
			t.Fatalf("%s in %s: %q", path, doc, found)
		}
	})
}

// A delimiter is one to fifty bytes, or refused.
func FuzzDelimiter(f *testing.F) {
	for _, s := range []string{`\x01`, `0x0102`, `\X`, `\t`, "|@|", `\n\t`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := delimiter(text, "\t", "column separator"); err == nil && (len(d) == 0 || len(d) > 50) {
			t.Fatalf("%q is %q", text, d)
		}
	})
}
