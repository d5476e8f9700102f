package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestNamesThatAreTakenAgain: what a column of an earlier life of its name has left at the
// target is not taken for the new one's, whatever the policy.
func TestNamesThatAreTakenAgain(t *testing.T) {
	t.Parallel()
	changes := map[string][]string{ // "" is a restart
		"freed":   {"ALTER TABLE freed RENAME COLUMN a TO b, ADD COLUMN a INT DEFAULT 7", "INSERT INTO freed (id, a, b) VALUES (2, 20, 21)"},
		"atonce":  {"ALTER TABLE atonce DROP COLUMN a, ADD COLUMN a INT DEFAULT 7", "INSERT INTO atonce (id, a) VALUES (2, 20)"},
		"between": {"ALTER TABLE between_ DROP COLUMN a", "INSERT INTO between_ (id) VALUES (2)", "ALTER TABLE between_ ADD COLUMN a INT DEFAULT 9", "INSERT INTO between_ (id, a) VALUES (3, 30)"},
		"later":   {"ALTER TABLE later DROP COLUMN a", "INSERT INTO later (id) VALUES (2)", "", "ALTER TABLE later ADD COLUMN a INT DEFAULT 9", "INSERT INTO later (id, a) VALUES (3, 30)"},
		"back":    {"ALTER TABLE back RENAME COLUMN a TO b", "INSERT INTO back (id, b) VALUES (2, 20)", "UPDATE back SET b = b + 1", "ALTER TABLE back RENAME COLUMN b TO a", "INSERT INTO back (id, a) VALUES (3, 30)"},
	}
	for _, behavior := range []string{"ctas", "immediate", "evolve"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
				var routes []route
				for name := range changes {
					if name == "between" {
						name = "between_"
					}
					w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, a INT, c INT)", name), fmt.Sprintf("INSERT INTO %s VALUES (1, 11, 1)", name))
					routes = append(routes, route{name, name, with})
				}
				script := w.write(t, "names.sql", w.script("SET 'schema.change.behavior' = '"+behavior+"';\n"+settings, routes...))
				w.catchUp(t, script)
				for _, statements := range changes {
					if at := slices.Index(statements, ""); at >= 0 {
						w.exec(t, statements[:at]...)
						w.catchUp(t, script)
						statements = statements[at+1:]
					}
					w.exec(t, statements...)
				}
				w.catchUp(t, script)
				for _, r := range routes {
					w.compare(t, r.from, r.from)
				}
			})
		})
	}
}

// TestDefaultsNoEventBrings: with evolve rows that exist have what they have at the source.
func TestDefaultsNoEventBrings(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT)", "INSERT INTO t VALUES (1, 11), (2, 12)")
		script := w.write(t, "t.sql", w.script("SET 'schema.change.behavior' = 'evolve';\n"+settings, route{"t", "t", with}))
		w.catchUp(t, script)
		for i, point := range []string{"alter-sent", "columns-added", "schema-carried"} {
			w.exec(t, fmt.Sprintf("ALTER TABLE t ADD COLUMN e%[1]d INT DEFAULT (1 + 1), ADD COLUMN g%[1]d INT AS (a + 1) STORED, ADD COLUMN f%[1]d FLOAT DEFAULT 1.5, ADD COLUMN d%[1]d DATE DEFAULT '2024-01-01'", i))
			p := w.startToCrash(t, point, 1, script)
			if ended(t, p); !hasCrashed(p) {
				t.Fatalf("it has not crashed at %s: %s", point, p.Output())
			}
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		}
	})
}

// TestIgnoredTypesAreNeverCut: a value that the column as it was cannot hold whole stops
// the table.
func TestIgnoredTypesAreNeverCut(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, from, to, first, then string }{
		{"bits", "BIT(1)", "BIT(8)", "1", "5"},
		{"fraction", "DECIMAL(10,2)", "DECIMAL(20,6)", "1.5", "1.234567"},
		{"double_", "FLOAT", "DOUBLE", "0.5", "1.23456789012345"},
		{"moment", "DATE", "DATETIME", "'2024-01-01'", "'2024-01-01 12:34:56'"},
		{"part", "INT", "DECIMAL(10,2)", "3", "3.75"},
		{"half", "INT", "DOUBLE", "3", "2.75"},
		{"words", "DATE", "VARCHAR(40)", "'2024-01-01'", "'2024-01-01 23:59:59.9'"},
	}
	w := ways[0].worldOf(t, testbed.MySQL(t), quickAlters.target)
	routes := []route{{from: "fits", to: "fits"}}
	w.exec(t, "CREATE TABLE fits (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO fits VALUES (1, '1')")
	for _, c := range cases {
		w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v %s)", c.name, c.from), fmt.Sprintf("INSERT INTO %s VALUES (1, %s)", c.name, c.first))
		routes = append(routes, route{from: c.name, to: c.name})
	}
	script := w.write(t, "ignored.sql", w.script("SET 'schema.change.behavior' = 'ignore';\n", routes...))
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE fits MODIFY v INT", "INSERT INTO fits VALUES (2, 22)")
	for _, c := range cases {
		w.exec(t, fmt.Sprintf("ALTER TABLE %s MODIFY v %s", c.name, c.to), fmt.Sprintf("INSERT INTO %s VALUES (2, %s)", c.name, c.then))
	}
	o := w.starferry(t, "run", "--until-caught-up", script)
	for _, c := range cases {
		if !strings.Contains(o.out, w.database+"."+c.name+" is stopped, the other tables go on") {
			t.Errorf("%s is not stopped: %s", c.name, o)
		}
		if lines := w.printed(t, c.name); len(lines) != 2 {
			t.Errorf("%s has %q", c.name, lines)
		}
	}
	w.compare(t, "fits", "fits")
}

// TestWhatWasLeftOutIsNotGuessedLater: a policy that leaves no column out finds one that
// an earlier policy did.
func TestWhatWasLeftOutIsNotGuessedLater(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.grantResync(t)
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT)", "INSERT INTO t VALUES (1, 11)", "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)")
		script := w.write(t, "t.sql", w.script("SET 'schema.change.behavior' = 'ignore';\n"+settings, route{"t", "t", with}, route{"u", "u", with}))
		w.catchUp(t, script)
		w.exec(t, "ALTER TABLE t ADD COLUMN c INT DEFAULT 7", "INSERT INTO t VALUES (2, 20, 5)")
		w.catchUp(t, script)
		script = w.write(t, "t.sql", w.script(settings, route{"t", "t", with}, route{"u", "u", with}))
		w.exec(t, "INSERT INTO t VALUES (3, 30, 6)", "INSERT INTO u VALUES (2)")
		o := w.starferry(t, "run", "--until-caught-up", script)
		if !strings.Contains(o.out+o.err, "column `c` was left out by an earlier policy") || !strings.Contains(o.out+o.err, "starferry resync") {
			t.Errorf("%s", o)
		}
		w.awaitEqual(t, "u")
		w.resync(t, script, "t")
		w.catchUp(t, script)
		w.compare(t, "t", "t")
	})
}
