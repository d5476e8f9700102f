package ddl

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/testbed"
)

var (
	seed  = flag.Uint64("seed", 1, "first seed of the random ALTER sequences")
	seeds = flag.Int("seeds", 6, "how many sequences per server")
)

// TestRandomAlters runs random sequences of ALTER TABLE on both servers and
// compares after each statement that the server accepts.
func TestRandomAlters(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("STARFERRY_DDL_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("STARFERRY_DDL_SEEDS: %v", err)
		}
		*seed, *seeds = uint64(time.Now().UnixNano()), n
	}
	var compared atomic.Int64
	t.Cleanup(func() { t.Logf("%d random statements compared", compared.Load()) })
	for _, mariaDB := range []bool{false, true} {
		for i := range *seeds {
			number := *seed + uint64(i)
			t.Run(fmt.Sprintf("mariadb=%t/seed=%d", mariaDB, number), func(t *testing.T) {
				server := testbed.MySQL
				if mariaDB {
					server = testbed.MariaDB
				}
				g := &generator{r: rand.New(rand.NewPCG(number, 7)), mariaDB: mariaDB}
				o := newOracle(t, server(t), mariaDB)
				o.mayRefuse = true
				o.run("SET sql_mode=''")
				if g.r.IntN(3) == 0 {
					o.run("SET explicit_defaults_for_timestamp=0")
				}
				const statements = 60
				for range statements {
					if o.tables["t"] == nil {
						o.run("DROP TABLE IF EXISTS t")
						o.run(g.create())
						continue
					}
					o.run(g.alter(o.tables["t"].KeyNames(), names(o.tables["t"])))
				}
				compared.Add(int64(o.accepted))
				if o.accepted < statements/6 {
					t.Errorf("only %d statements accepted; refused:\n%s", o.accepted, strings.Join(o.refused, "\n"))
				}
			})
		}
	}
}

type generator struct {
	r       *rand.Rand
	mariaDB bool
	columns []string
}

func (g *generator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

// typed gives a type, and a default that fits it.
func (g *generator) typed() (typ, value string) {
	switch g.r.IntN(9) {
	case 0, 1:
		return g.pick("INT", "BIGINT UNSIGNED", "TINYINT(1)", "BOOL", "SMALLINT(4) ZEROFILL", "MEDIUMINT", "INT UNSIGNED", "YEAR"), g.pick("7", "'1'", "0", "1e1", "99")
	case 2:
		return g.pick("DECIMAL(10,2)", "DEC", "NUMERIC(20,5) UNSIGNED", "DOUBLE", "FLOAT(30)", "DOUBLE PRECISION", "REAL", "FLOAT"), g.pick("1.25", "'2'", "3", "0.5")
	case 3:
		return g.pick("VARCHAR(5)", "CHAR(7)", "NCHAR(3)", "VARCHAR(9) BINARY", "VARCHAR(4) CHARSET latin1", "CHAR(3) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", "VARCHAR(6) COLLATE utf8mb4_unicode_ci", "CHAR(4) ASCII"), g.pick("'a'", "''", "'it''s'", `'b\\c'`)
	case 4:
		return g.pick("TEXT", "TINYTEXT", "MEDIUMTEXT CHARSET latin1", "TEXT(100)", "BLOB", "LONGTEXT", "LONG VARCHAR", "JSON"), ""
	case 5:
		return g.pick("TIMESTAMP", "TIMESTAMP(3)", "TIMESTAMP NULL"), g.pick("'2020-01-02 03:04:05'", "'2021-1-2'")
	case 6:
		return g.pick("DATE", "DATETIME", "DATETIME(6)"), g.pick("'2020-01-02'", "20200102")
	case 7:
		return g.pick("ENUM('a','b')", "SET('a','b','c')", "ENUM('b','a') CHARSET latin1"), g.pick("'a'", "'B'", "'b'")
	}
	return g.pick("BINARY(3)", "VARBINARY(9)", "BIT(5)", "CHAR(2) BYTE"), g.pick("'a'", "b'101'")
}

// anyLiteral gives a default that servers may take for a column of another kind, or refuse.
func (g *generator) anyLiteral() string {
	return g.pick("0", "'0'", "-0", "-0.4", "007", "'007'", "' 7'", "-7", "'-7'", "1.5", "'2.5'", "25e-1", "1e3", "'1e1'", ".5", "-.5", "0.005", "101", "TRUE", "FALSE",
		"0x41", "x'4142'", "b'101'", "'A'", "'b,a'", "' x '", "'ab  '", "'2020-1-2 3:4:5'", "'2020-01-02 03:04:05.12'", "'2020-01-02 03:04:05.9999'", "20200102030405", "200102",
		"'2020-01-02T03:04:05'", "'20.1.2'", "'10:11'", "'-10:11:12.4'", "'10:11:12.7'", "1011", "'1 2:3:4'", "2155", "99", "'69'", "'0000-00-00'", "'2020-00-00'", "'1970-01-01 00:00:01'",
		"N'a'", "_latin1'a'", "_utf8mb4'é'", "DATE'2020-01-02'", "TIME'10:11:12'", "TIMESTAMP'2020-01-02 03:04:05'", "12345678901234567890.123", "1e20", "3.14159265358979")
}

func (g *generator) definition() string {
	typ, value := g.typed()
	attributes := []string{typ}
	if g.r.IntN(6) == 0 && len(g.columns) > 0 && !strings.HasPrefix(typ, "TIMESTAMP") {
		return typ + fmt.Sprintf(" AS (%s) ", g.pick("1", "NULL", "1+2")) + g.pick("VIRTUAL", "STORED", "")
	}
	if g.r.IntN(3) == 0 {
		attributes = append(attributes, g.pick("NOT NULL", "NULL"))
	}
	if value != "" && g.r.IntN(3) == 0 {
		if g.r.IntN(5) == 0 {
			value = g.anyLiteral()
		}
		attributes = append(attributes, "DEFAULT "+value)
	}
	if g.r.IntN(6) == 0 {
		attributes = append(attributes, "COMMENT 'c, "+g.pick("x", "y")+"'")
	}
	if g.r.IntN(9) == 0 {
		attributes = append(attributes, "INVISIBLE")
	}
	return strings.Join(attributes, " ")
}

func (g *generator) name() string {
	name := g.pick("a", "b", "c", "d", "e", "f", "g", "`h i`", "`key`")
	for g.r.IntN(8) > 0 && slices.Contains(g.columns, strings.Trim(name, "`")) {
		name = g.pick("a", "b", "c", "d", "e", "f", "g", "i", "j", "k", "`key`")
	}
	return name
}

// known gives a column that the table has, most of the time; name one that it has not.
func (g *generator) known() string {
	if len(g.columns) > 0 && g.r.IntN(25) > 0 {
		return "`" + g.columns[g.r.IntN(len(g.columns))] + "`"
	}
	return g.name()
}

func (g *generator) create() string {
	key := ""
	if g.r.IntN(2) == 0 {
		key = ", PRIMARY KEY (a, b)"
	}
	return fmt.Sprintf("CREATE TABLE t (a INT, b VARCHAR(9), c %s, d %s%s) %s", g.definition(), g.definition(), key,
		g.pick("", "CHARSET latin1", "CHARSET utf8mb4 COLLATE utf8mb4_bin", "COLLATE utf8mb3_bin"))
}

func (g *generator) place() string {
	switch g.r.IntN(5) {
	case 0:
		return " FIRST"
	case 1, 2:
		return " AFTER " + g.known()
	}
	return ""
}

func (g *generator) alter(key []string, columns string) string {
	g.columns = strings.Fields(strings.ReplaceAll(columns, "h i", ""))
	clauses := make([]string, 1+g.r.IntN(4))
	for i := range clauses {
		clauses[i] = g.clause(key)
	}
	return "ALTER TABLE t " + strings.Join(clauses, ", ")
}

func (g *generator) clause(key []string) string {
	switch n := g.r.IntN(24); {
	case n < 6:
		return "ADD " + g.pick("", "COLUMN ") + g.name() + " " + g.definition() + g.place()
	case n < 9:
		return "DROP " + g.pick("", "COLUMN ") + g.known()
	case n < 12:
		return "MODIFY " + g.known() + " " + g.definition() + g.place()
	case n < 15:
		return "CHANGE " + g.known() + " " + g.name() + " " + g.definition() + g.place()
	case n < 17:
		return "RENAME COLUMN " + g.known() + " TO " + g.name()
	case n == 17:
		return "ALTER " + g.known() + g.pick(" DROP DEFAULT", " SET DEFAULT 1", " SET DEFAULT NULL")
	case n == 18:
		return "ADD (" + g.name() + " " + g.definition() + ", " + g.name() + " " + g.definition() + ")"
	case n == 19 && len(key) > 0:
		return "DROP PRIMARY KEY"
	case n == 20:
		return "ADD PRIMARY KEY (" + g.known() + ")"
	case n == 21:
		return g.pick("DEFAULT CHARSET latin1", "CHARSET=utf8mb4", "COLLATE utf8mb4_bin", "CONVERT TO CHARACTER SET utf8mb4", "CONVERT TO CHARACTER SET latin1", "CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_bin")
	case n == 22 && g.mariaDB:
		return g.pick("ADD COLUMN IF NOT EXISTS "+g.name()+" INT", "DROP COLUMN IF EXISTS "+g.name(), "MODIFY IF EXISTS "+g.name()+" BIGINT", "RENAME COLUMN IF EXISTS "+g.name()+" TO "+g.name())
	}
	return g.pick("COMMENT 'x'", "ENGINE=InnoDB", "FORCE", "ADD INDEX ("+g.known()+")", "ROW_FORMAT=DYNAMIC")
}
