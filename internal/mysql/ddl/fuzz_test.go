package ddl

import (
	"os"
	"strings"
	"testing"

	"starferry/internal/change"
)

func seedCorpus(f *testing.F, add func(string)) {
	f.Helper()
	corpus, err := os.ReadFile("testdata/corpus.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(corpus), "\n") {
		for _, flavor := range []string{"mysql", "mariadb"} {
			if statement, ok := corpusLine(line, flavor); ok {
				add(statement)
			}
		}
	}
}

func sessionOf(flags uint8) Session {
	return Session{
		Database: "d", MariaDB: flags&1 != 0, ANSIQuotes: flags&2 != 0, NoBackslashEscapes: flags&4 != 0,
		ExplicitDefaultsForTimestamp: flags&8 != 0, GenerateInvisiblePrimaryKey: flags&16 != 0,
		OracleMode: flags&32 != 0, RealAsFloat: flags&64 != 0, DatabaseCharset: "utf8mb4",
	}
}

// FuzzParse: whatever the text, Parse ends, does not panic, and gives either a
// statement or an error; a table it makes is sound.
func FuzzParse(f *testing.F) {
	seedCorpus(f, func(s string) { f.Add(s, uint8(0)); f.Add(s, uint8(1)) })
	f.Fuzz(func(t *testing.T, text string, flags uint8) {
		statement, err := Parse(text, sessionOf(flags))
		if (statement == nil) == (err == nil) {
			t.Fatalf("statement %v, error %v", statement, err)
		}
		if create, ok := statement.(*CreateTable); ok && create.Table != nil {
			sound(t, create.Table)
		}
	})
}

// FuzzApply: an ALTER on a table gives a sound table or an error, and leaves the
// table it is given as it was.
func FuzzApply(f *testing.F) {
	const create = "CREATE TABLE t (a INT, b VARCHAR(9), `c d` TIMESTAMP NULL, e ENUM('x','y'), PRIMARY KEY (b, a)) CHARSET latin1"
	seedCorpus(f, func(s string) {
		if strings.HasPrefix(s, "ALTER TABLE") {
			f.Add(create, s, uint8(0))
			f.Add(create, s, uint8(1))
		}
	})
	f.Fuzz(func(t *testing.T, create, alter string, flags uint8) {
		s := sessionOf(flags)
		made, _ := Parse(create, s)
		c, ok := made.(*CreateTable)
		if !ok || c.Table == nil {
			return
		}
		altered, _ := Parse(alter, s)
		a, ok := altered.(*AlterTable)
		if !ok {
			return
		}
		again, _ := Parse(create, s)
		next, err := Apply(c.Table, a, s)
		if !Same(c.Table, again.(*CreateTable).Table) {
			t.Fatal("Apply changed the table it was given")
		}
		if err == nil {
			sound(t, next)
		}
	})
}

func sound(t *testing.T, table *change.Table) {
	t.Helper()
	for i, column := range table.Columns {
		if table.Index(column.Name) != i {
			t.Errorf("column %q stands twice", column.Name)
		}
		if column.Type.Base == change.Unknown {
			t.Errorf("column %q has no type", column.Name)
		}
	}
	for _, i := range table.Key {
		if i < 0 || i >= len(table.Columns) || table.Columns[i].Nullable {
			t.Errorf("key %v of %d columns", table.Key, len(table.Columns))
		}
	}
}
