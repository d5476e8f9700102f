package expression

import (
	"errors"
	"strings"
	"testing"

	"starferry/internal/change"
)

// columns are those that the expressions of these tests read.
func columns(name string) (Type, string) {
	types := map[string]string{"i": "INT", "b": "BIGINT", "d": "DECIMAL(10,2)", "f": "DOUBLE", "s": "VARCHAR(80)", "day": "DATE", "at": "DATETIME", "yes": "BOOLEAN", "doc": "JSON"}
	t, ok := TypeOf(types[strings.ToLower(name)])
	if !ok {
		return t, "no column " + name + " to read"
	}
	return t, ""
}

func TestExpressionsInTheDialectOfStarRocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, sql, typ string }{
		{"NOW()", "NOW()", "DATETIME"},
		{"current_timestamp", "NOW()", "DATETIME"},
		{"CURRENT_DATE", "CURRENT_DATE()", "DATE"},
		{"COALESCE(CAST(DATE_FORMAT(at,'yyyyMMdd') AS STRING),'__DEFAULT__')", "COALESCE(CAST(DATE_FORMAT(CAST(`at` AS DATETIME), '%Y%m%d') AS VARCHAR(65533)), '__DEFAULT__')", "VARCHAR(11)"},
		{"DATE_FORMAT(day, 'yyyy-MM-dd''T''HH:mm 100%')", "DATE_FORMAT(CAST(`day` AS DATE), '%Y-%m-%dT%H:%i 100%%')", "VARCHAR(21)"},
		{"i + 1 * -2", "(CAST(`i` AS INT) + (1 * -2))", "BIGINT"},
		{"i - i - i", "((CAST(`i` AS INT) - CAST(`i` AS INT)) - CAST(`i` AS INT))", "BIGINT"},
		{"(i + 1) / 2", "(CAST((CAST(`i` AS INT) + 1) AS DOUBLE) / CAST(2 AS DOUBLE))", "DOUBLE"},
		{"- - i", "(- (- CAST(`i` AS INT)))", "BIGINT"},
		{"`i` % 7", "(CAST(`i` AS INT) % 7)", "BIGINT"},
		{"s || '-' || i", "CONCAT(CONCAT(CAST(`s` AS VARCHAR(65533)), '-'), CAST(`i` AS INT))", "VARCHAR(92)"},
		{"'it''s a \\ and\na line'", `'it\'s a \\ and\na line'`, "VARCHAR(19)"},
		{"NOT i = 1 AND s LIKE 'a%' OR at IS NOT NULL", "(((NOT (CAST(`i` AS INT) = 1)) AND (CAST(`s` AS VARCHAR(65533)) LIKE 'a%')) OR (CAST(`at` AS DATETIME) IS NOT NULL))", "BOOLEAN"},
		{"i NOT IN (1, 2)", "(CAST(`i` AS INT) NOT IN (1, 2))", "BOOLEAN"},
		{"i BETWEEN 1 AND 2 AND yes", "((CAST(`i` AS INT) BETWEEN 1 AND 2) AND CAST(`yes` AS BOOLEAN))", "BOOLEAN"},
		{"CASE s WHEN 'a' THEN 1 ELSE i END", "CASE WHEN (CAST(`s` AS VARCHAR(65533)) = 'a') THEN 1 ELSE CAST(`i` AS INT) END", "BIGINT"},
		{"IF(i != 1, d, 1)", "IF((CAST(`i` AS INT) <> 1), CAST(`d` AS DECIMAL(10,2)), 1)", "DOUBLE"},
		{"CAST(s AS VARCHAR(3))", "SUBSTRING(CAST(CAST(`s` AS VARCHAR(65533)) AS VARCHAR(65533)), 1, 3)", "VARCHAR(12)"},
		{"SUBSTR(s, 1, 2) /* two */", "SUBSTRING(CAST(`s` AS VARCHAR(65533)), 1, 2)", "VARCHAR(8)"},
		{"CAST(s AS DECIMAL(10, 2))", "CAST(CAST(`s` AS VARCHAR(65533)) AS DECIMAL(10,2))", "DECIMAL(10,2)"},
		{"MD5(UPPER(s))", "MD5(UPPER(CAST(`s` AS VARCHAR(65533))))", "VARCHAR(32)"},
	} {
		x, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		typed, err := x.Resolve(columns)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if typed.SQL() != c.sql || typed.Type().SQL != c.typ {
			t.Errorf("%s is\n%s %s, not\n%s %s", c.text, typed.SQL(), typed.Type().SQL, c.sql, c.typ)
		}
	}
}

func TestExpressionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, at, says string }{
		{"", "", "found the end"}, {"i +", "", "found the end"}, {"i i", "i", "expected an operator"}, {"SOUNDEX(s)", "SOUNDEX", "no function SOUNDEX"},
		{"UPPER()", "UPPER", "UPPER(text)"}, {"NOW(3)", "NOW", "NOW()"}, {"t.i", "t", "by its name alone"}, {"(i", "", "expected )"}, {"'open", "'open", "never closed"},
		{"CAST(i AS BLOB)", "BLOB", "nothing can be cast to BLOB"}, {"1.2.3", "1.2.3", "no number"}, {"i = 'a'", "i = 'a'", "cannot be compared"},
		{"DATE_FORMAT(at, 'YYYY')", "DATE_FORMAT(at, 'YYYY')", "YYYY in its pattern"}, {"DATE_FORMAT(s, 'yyyy')", "DATE_FORMAT(s, 'yyyy')", "takes a DATE or DATETIME"},
		{"doc", "doc", "no column doc"}, {"nowhere + 1", "nowhere", "no column nowhere"}, {"NULL", "NULL", "has no type"}, {"CAST(yes AS STRING)", "CAST(yes AS STRING)", "in different ways"},
		{"UPPER(i)", "UPPER(i)", "takes a text"}, {"COALESCE(i, s)", "COALESCE(i, s)", "do not go together"}, {"IF(i, 1, 2)", "IF(i, 1, 2)", "not a condition"},
		{"SELECT", "SELECT", "expected a column"}, {"i == 1", "==", "found =="}, {"i = 1 && i = 2", "&&", "found &&"}, {"DATE_FORMT(at, 'yyyy')", "DATE_FORMT", "no function DATE_FORMT"}, {"s + 1", "s + 1", "takes numbers"}, {"'a\x00'", "'a\x00'", "control characters"}, {"s LIKE s", "s", "a pattern in quotes"}, {`s LIKE 'a\_b'`, `s LIKE 'a\_b'`, "a backslash"}, {strings.Repeat("(", 100), "(", "nested too deep"},
		{strings.Repeat("1+", 1001) + "1", "+", "too long"},
	} {
		x, err := Parse(c.text)
		if err == nil {
			_, err = x.Resolve(columns)
		}
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Message, c.says) || wrong.Fix == "" {
			t.Errorf("%q: want %q, got %v", c.text, c.says, err)
			continue
		}
		if got := c.text[wrong.At.Start:wrong.At.End]; got != c.at {
			t.Errorf("%q: the error is at %q, not %q", c.text, got, c.at)
		}
	}
}

func tableOfTests() *change.Table {
	return &change.Table{Name: change.Name{Database: "d", Table: "t"}, Columns: []change.Column{
		{Name: "i", Type: change.Type{Base: change.Int}}, {Name: "d", Type: change.Type{Base: change.Decimal, Precision: 10, Scale: 2}},
		{Name: "s", Type: change.Type{Base: change.VarChar, Length: 20, Charset: "utf8mb4"}}, {Name: "at", Type: change.Type{Base: change.DateTime, Fraction: 3}},
		{Name: "day", Type: change.Type{Base: change.Date}}, {Name: "f", Type: change.Type{Base: change.Double}}, {Name: "yes", Type: change.Type{Base: change.Boolean}},
	}}
}

// TestConditionsOnRows counts allocations, so that nothing may run beside it.
func TestConditionsOnRows(t *testing.T) {
	row := func(cells ...string) *change.Rows {
		rows := change.NewRows(len(cells))
		for _, c := range cells {
			if c == "NULL" {
				rows.AddNull()
			} else {
				rows.AddBytes([]byte(c))
			}
		}
		return rows
	}
	full := row("-12", "1.50", "Änd_er%", "2026-03-09 10:00:00.000", "2026-03-09", "1.5", "1")
	empty := row("NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL")
	for text, want := range map[string][2]bool{
		"i = -12": {true, false}, "i <> -12": {}, "i < 3": {true, false}, "i > -100": {true, false}, "NOT i > -3": {true, false}, "i BETWEEN -20 AND -12": {true, false},
		"i NOT BETWEEN -20 AND -12": {}, "i IN (1, -12.0)": {true, false}, "i NOT IN (1, 2)": {true, false}, "i NOT IN (1, NULL)": {}, "i IN (-12, NULL)": {true, false},
		"i IS NULL": {false, true}, "i IS NOT NULL": {true, false}, "d = 1.5": {true, false}, "d >= 1.500": {true, false}, "d > 1.49": {true, false}, "d < 10": {true, false},
		"s = 'Änd_er%'": {true, false}, "s = 'änd_er%'": {}, "s LIKE '_nd%'": {true, false}, "s LIKE '%er_'": {true, false}, "s NOT LIKE 'x%'": {true, false}, "s LIKE ''": {},
		"s > 'Z'": {true, false}, "at = '2026-03-09 10:00:00'": {true, false}, "at >= '2026-03-09'": {true, false}, "at < day": {}, "day <= at": {true, false}, "day = '2026-03-09'": {true, false},
		"i = 1 OR s IS NULL OR day > '2025-01-01'": {true, true}, "i = 1 AND s = 'x'": {}, "NOT (i = 1 OR s = 'x')": {true, false}, "yes": {true, false}, "NOT yes": {}, "yes = TRUE": {true, false}, "yes = 0": {},
		"TRUE": {true, true}, "NULL = i": {}, "i = NULL OR TRUE": {true, true},
	} {
		x, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := x.CheckCondition(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		c, err := x.On(tableOfTests())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := [2]bool{c.Keeps(full, 0), c.Keeps(empty, 0)}; got != want {
			t.Errorf("%s keeps %v, not %v", text, got, want)
		}
		if n := testing.AllocsPerRun(10, func() { c.Keeps(full, 0) }); n != 0 {
			t.Errorf("%s allocates %v times", text, n)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"i": "no condition", "UPPER(s) = 'A'": "calls no functions", "i + 1 = 2": "computes nothing", "f > 1": "not compared", "i = 'a'": "is not", "s = 1": "is not",
		"at > 'yesterday'": "is not", "day = '2026-02-30'": "is not", "s = day": "cannot be compared", "nowhere = 1": "no column", "i LIKE 'a'": "takes a column of text", "i IN (1, 'a')": "different kinds",
	} {
		x, err := Parse(text)
		if err == nil {
			if err = x.CheckCondition(); err == nil {
				_, err = x.On(tableOfTests())
			}
		}
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Message, says) {
			t.Errorf("%s: want %q, got %v", text, says, err)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, fn := range Functions() {
		f.Add(fn.Example)
	}
	f.Add("CASE s WHEN 'a' THEN 1 ELSE i END || `x``y` NOT IN (1, -2.5) -- end")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse(text)
		if err == nil {
			x.Check()
			x.CheckCondition()
			x.Columns()
			if c, err := x.On(tableOfTests()); err == nil {
				rows := change.NewRows(7)
				for range 7 {
					rows.AddBytes([]byte("1"))
				}
				c.Keeps(rows, 0)
			}
			var typed *Typed
			if typed, err = x.Resolve(columns); err == nil {
				if strings.ContainsAny(typed.SQL(), "\r\n") {
					t.Fatalf("%q is more than one line", typed.SQL())
				}
			}
		}
		var wrong *Error
		if err != nil && (!errors.As(err, &wrong) || wrong.At.Start < 0 || wrong.At.End > len(text) || wrong.At.Start > wrong.At.End) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
