package ddl

import (
	"testing"

	"starferry/internal/change"
)

// What only adds columns that take NULL can be undone, and done again.
func TestUndo(t *testing.T) {
	t.Parallel()
	s := Session{Database: "d", MariaDB: true, ExplicitDefaultsForTimestamp: true, DatabaseCharset: "utf8mb4", DatabaseCollation: "utf8mb4_bin"}
	parse := func(text string) Statement {
		statement, err := Parse(text, s)
		if err != nil {
			t.Fatal(err)
		}
		return statement
	}
	before := parse("CREATE TABLE t (a INT, b VARCHAR(9), c INT NOT NULL, PRIMARY KEY (c, a))").(*CreateTable).Table
	for text, undone := range map[string]bool{
		"ADD x INT": true,
		"ADD x INT FIRST, ADD y TEXT AFTER b, COMMENT 'more'": true,
		"ADD COLUMN (x DATE, y TIMESTAMP NULL)":               true,
		"ADD INDEX (b), ADD x INT AFTER a":                    true,
		"ADD x INT DEFAULT 7":                                 false,
		"ADD x INT DEFAULT (1 + 1)":                           false,
		"ADD x INT AS (a + 1)":                                false,
		"ADD x TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP":      false,
		"ADD x INT NOT NULL":                                  false,
		"ADD IF NOT EXISTS x INT":                             false,
		"ADD x INT, DROP b":                                   false,
		"ADD x INT, MODIFY b VARCHAR(10)":                     false,
		"ADD x INT, RENAME COLUMN b TO y":                     false,
		"ADD x INT, RENAME TO u":                              false,
		"ADD x INT, DEFAULT CHARSET latin1":                   false,
		"DROP PRIMARY KEY, ADD PRIMARY KEY (c)":               false,
	} {
		alter := parse("ALTER TABLE t " + text).(*AlterTable)
		after, err := Apply(before, alter, s)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, ok := Undo(after, alter)
		if ok != undone {
			t.Errorf("%s: undone %v", text, ok)
		}
		if !ok {
			continue
		}
		got.Comment = before.Comment // which is not known
		if !Same(got, before) {
			t.Errorf("%s undone is %+v, not %+v", text, got, before)
		}
		again, err := Apply(got, alter, s)
		if err != nil || !Same(again, after) {
			t.Errorf("%s done again is %+v (%v), not %+v", text, again, err, after)
		}
	}
	if _, ok := Undo(before, parse("ALTER TABLE t ADD b INT").(*AlterTable)); !ok {
		t.Error("it takes away what stands there: who asks does it again, and compares")
	}
	if _, ok := Undo(&change.Table{}, parse("ALTER TABLE t ADD b INT").(*AlterTable)); ok {
		t.Error("a column that is not there was taken away")
	}
}
