package ddl

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestStatements prints what Parse makes of every line of testdata/statements.sql
// (lines starting with "mariadb:" are MariaDB's) and compares with the golden file.
func TestStatements(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(string(source)), "\n") {
		text, mariaDB := strings.CutPrefix(line, "mariadb: ")
		s := Session{Database: "d", MariaDB: mariaDB, ExplicitDefaultsForTimestamp: true, DatabaseCharset: "utf8mb4"}
		statement, err := Parse(text, s)
		fmt.Fprintf(&b, "%s\n  %s\n", line, printed(statement, err))
	}
	const golden = "testdata/statements.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("differs from %s; got\n%s", golden, b.String())
	}
}

func printed(statement Statement, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	if create, ok := statement.(*CreateTable); ok && create.Problem != nil {
		return fmt.Sprintf("problem: %v", create.Problem)
	}
	text, err := json.Marshal(statement)
	if err != nil {
		return err.Error()
	}
	var changes []string
	if alter, ok := statement.(*AlterTable); ok {
		for _, one := range alter.Changes {
			changes = append(changes, strings.TrimPrefix(fmt.Sprintf("%T", one), "*ddl."))
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(fmt.Sprintf("%T", statement), "*ddl.") + " " + string(text) + " " + strings.Join(changes, " "))
}

// TestUnsupportedNamesTheClause: what is not handled stops its table, with the
// clause, a code and a remedy.
func TestUnsupportedNamesTheClause(t *testing.T) {
	t.Parallel()
	table := &change.Table{
		Name: change.Name{Database: "d", Table: "t"}, Version: 3, Charset: "utf8mb4", Collation: "utf8mb4_bin", Key: []int{0},
		Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "v", Type: change.Type{Base: change.Int}, Nullable: true}},
	}
	for alter, clause := range map[string]string{
		"ALTER TABLE t ADD SYSTEM VERSIONING":                             "ADD SYSTEM VERSIONING",
		"ALTER TABLE t ADD a INT, DROP SYSTEM VERSIONING":                 "DROP SYSTEM VERSIONING",
		"ALTER TABLE t ADD a FANCYTYPE(3) NOT NULL, ADD b INT":            "ADD a FANCYTYPE(3) NOT NULL",
		"ALTER TABLE t FROBNICATE THE COLUMNS":                            "FROBNICATE THE COLUMNS",
		"ALTER TABLE t MODIFY v INT SPARKLING":                            "MODIFY v INT SPARKLING",
		"ALTER TABLE t ADD rs TIMESTAMP(6) GENERATED ALWAYS AS ROW START": "ADD rs TIMESTAMP(6) GENERATED ALWAYS AS ROW START",
		"ALTER TABLE t CONVERT TO CHARACTER SET binary":                   "CONVERT TO CHARACTER SET binary",
		"ALTER TABLE t DROP nope":                                         "nope",
		"ALTER TABLE t ADD v INT":                                         "v",
		"ALTER TABLE t ADD a INT AFTER nope":                              "nope",
		"ALTER TABLE t ADD PRIMARY KEY (v)":                               "ADD PRIMARY KEY",
		"ALTER TABLE t ADD c VARCHAR(3) DEFAULT 'x":                       "ADD c VARCHAR(3) DEFAULT",
		"ALTER TABLE t ADD c INT)":                                        "ADD c INT",
		"ALTER TABLE t ADD c DATETIME DEFAULT '2020-01-02 03:04:05.9'":    "DEFAULT 2020-01-02 03:04:05.9",
		"ALTER TABLE t ADD c TIME DEFAULT '1 2:3:4'":                      "DEFAULT 1 2:3:4",
		"ALTER TABLE t ADD c DATE DEFAULT '2020-02-31'":                   "DEFAULT 2020-02-31",
		"ALTER TABLE t ADD c INT DEFAULT DATE'2020-01-02'":                "DEFAULT 2020-01-02",
		"ALTER TABLE t MODIFY v DECIMAL(5,2) DEFAULT '12x'":               "DEFAULT 12x",
		"ALTER TABLE t ADD c VARCHAR(9) DEFAULT 1e-3":                     "DEFAULT 1e-3",
		"ALTER TABLE t ADD c VARCHAR(9) DEFAULT _latin1'é'":               "DEFAULT é",
		"ALTER TABLE t ADD c ENUM('a','b') DEFAULT TRUE":                  "DEFAULT 1",
		"ALTER TABLE t ALTER v SET DEFAULT 25e-1":                         "SET DEFAULT 25e-1",
	} {
		s := Session{Database: "d", MariaDB: true, ExplicitDefaultsForTimestamp: true}
		statement, err := Parse(alter, s)
		if err != nil {
			t.Errorf("%s: %v", alter, err)
			continue
		}
		next, err := Apply(table, statement.(*AlterTable), s)
		var u *Unsupported
		if !errors.As(err, &u) || u.Clause != clause || next != nil {
			t.Errorf("%s: %v, table %v; want the clause %q", alter, err, next, clause)
			continue
		}
		if p := diag.Find(err); p == nil || p.Fix == "" || !strings.HasPrefix(string(p.Code), "SF34") || !strings.Contains(p.Message, "d.t") {
			t.Errorf("%s: no problem to act on: %v", alter, p)
		}
	}
}

func TestApplyKeepsThePointerWhenNothingChanges(t *testing.T) {
	t.Parallel()
	s := Session{Database: "d", ExplicitDefaultsForTimestamp: true, DatabaseCharset: "utf8mb4"}
	made, err := Parse("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5) DEFAULT 'x') COMMENT 'c'", s)
	if err != nil {
		t.Fatal(err)
	}
	table := made.(*CreateTable).Table
	for alter, same := range map[string]bool{
		"ALTER TABLE t ADD INDEX (v), ENGINE=InnoDB, ALGORITHM=INPLACE": true,
		"ALTER TABLE t FORCE": true, "ALTER TABLE t DROP PARTITION p0, p1": true, "ALTER TABLE t": true,
		"ALTER TABLE t MODIFY v VARCHAR(5) DEFAULT 'x', COMMENT='c'": true,
		"ALTER TABLE t RENAME INDEX a TO b, DISABLE KEYS":            true,
		"ALTER TABLE t DROP v, ADD v VARCHAR(5) DEFAULT 'x'":         false, // no row has its old value
		"ALTER TABLE t MODIFY v VARCHAR(5)":                          false,
		"ALTER TABLE t DEFAULT CHARSET latin1":                       false,
		"ALTER TABLE t COMMENT 'other'":                              false,
		"ALTER TABLE t RENAME u":                                     false,
		"ALTER TABLE t DROP PRIMARY KEY":                             false,
		"ALTER TABLE t MODIFY id INT AFTER v":                        false,
	} {
		statement, err := Parse(alter, s)
		if err != nil {
			t.Fatal(err)
		}
		next, err := Apply(table, statement.(*AlterTable), s)
		if err != nil {
			t.Errorf("%s: %v", alter, err)
			continue
		}
		if (next == table) != same || !same && next.Version != 2 {
			t.Errorf("%s: same pointer %t, version %d", alter, next == table, next.Version)
		}
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]change.Type{
		"int(10) unsigned zerofill":           {Base: change.Int, Unsigned: true, Zerofill: true, Length: 10},
		"int(11)":                             {Base: change.Int},
		"tinyint(1)":                          {Base: change.TinyInt, Length: 1},
		"tinyint(4)":                          {Base: change.TinyInt},
		"decimal(10,2)":                       {Base: change.Decimal, Precision: 10, Scale: 2},
		"double(8,3) unsigned":                {Base: change.Double, Precision: 8, Scale: 3, Unsigned: true},
		"timestamp(6)":                        {Base: change.Timestamp, Fraction: 6},
		"enum('a','it''s','x,y)')":            {Base: change.Enum, Members: []string{"a", "it's", "x,y)"}, Charset: "utf8mb3", Collation: "utf8mb3_bin"},
		"varchar(20) /*M!100301 COMPRESSED*/": {Base: change.VarChar, Length: 20, Charset: "utf8mb3", Collation: "utf8mb3_bin"},
		"datetime /* mariadb-5.3 */":          {Base: change.DateTime},
		"varbinary(8)":                        {Base: change.VarBinary, Length: 8},
		"bit(3)":                              {Base: change.Bit, Length: 3},
		"vector(3)":                           {Base: change.Vector, Length: 3},
		"uuid":                                {Base: change.UUID},
		"inet6":                               {Base: change.INET6},
		"geomcollection":                      {Base: change.Geometry},
		"json":                                {Base: change.JSON},
		"year(4)":                             {Base: change.Year},
	} {
		got, err := ParseType(text, "utf8", "utf8_bin")
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "frob(3)", "int(", "enum('a", "int garbage", "(3)"} {
		if got, err := ParseType(text, "", ""); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

func TestSessionModes(t *testing.T) {
	t.Parallel()
	s := Session{MariaDB: true}
	if s.SetModes(4 | 1<<20 | 1 | 1<<9); !s.ANSIQuotes || !s.NoBackslashEscapes || !s.RealAsFloat || !s.OracleMode {
		t.Errorf("%+v", s)
	}
	if a, b := SessionModes(1 << 3); a || b {
		t.Error("modes where there are none")
	}
}
