package endtoend

import (
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// treatedScript is a script whose source takes some types for something else.
func (w *world) treatedScript(t *testing.T, options string) string {
	text := strings.Replace(w.script("", route{from: "t", to: "t"}), "('type' = 'mysql',", "('type' = 'mysql', "+options+",", 1)
	return w.write(t, "treated.sql", text)
}

const treatedTable = "CREATE TABLE t (id INT PRIMARY KEY, flag TINYINT(1) NOT NULL, at TIMESTAMP(3) NULL, day DATE NOT NULL, seen DATETIME NULL, n TINYINT(2))"

// TestTreatmentsAreTheSameOnBothPaths: booleans, a zone, and dates that are none.
func TestTreatmentsAreTheSameOnBothPaths(t *testing.T) {
	t.Parallel()
	rows := "(%d1, 1, '2024-10-27 00:30:00.5', '2024-02-29', '0000-00-00 00:00:00', 2), (%d2, 0, '2024-07-01 00:00:00', '2024-02-00', '2024-00-10 01:02:03', -1)"
	for behavior, want := range map[string][]string{
		"CONVERT_TO_NULL": {"1|2024-10-27 02:30:00.500000|2024-02-29|NULL|2", "0|2024-07-01 02:00:00|NULL|NULL|-1"},
		"round":           {"1|2024-10-27 02:30:00.500000|2024-02-29|0001-01-01 00:00:00|2", "0|2024-07-01 02:00:00|2024-02-01|2024-01-01 01:02:03|-1"},
	} {
		for name, start := range bothServers {
			t.Run(behavior+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, start(t))
				w.lenient(t, treatedTable, "INSERT INTO t VALUES "+strings.ReplaceAll(rows, "%d", "1"))
				script := w.treatedScript(t, "'server-time-zone' = 'Europe/Berlin', 'treat-tinyint1-as-boolean.enabled' = 'true', 'jdbc.properties.zeroDateTimeBehavior' = '"+behavior+"'")
				w.catchUp(t, script)
				w.lenient(t, "INSERT INTO t VALUES "+strings.ReplaceAll(rows, "%d", "2"), "ALTER TABLE t ADD COLUMN later TIMESTAMP NULL",
					"INSERT INTO t VALUES (31, 1, NULL, '2024-01-01', NULL, NULL, '2024-01-01 00:00:00')")
				w.catchUp(t, script)
				names, cells := w.readTarget(t, "t")
				if strings.Join(names, " ") != "id flag at day seen n later" || len(cells) != 5 {
					t.Fatalf("%q %d rows", names, len(cells))
				}
				for _, row := range cells {
					var texts []string
					for _, cell := range row[1:6] {
						text := "NULL"
						if cell.Valid {
							text = cell.String
						}
						texts = append(texts, text)
					}
					id, got := row[0].String, strings.Join(texts, "|")
					switch {
					case id == "31" && row[6].String != "2024-01-01 01:00:00":
						t.Errorf("the column added later has %v", row[6])
					case id != "31" && got != want[id[1]-'1']:
						t.Errorf("row %s: %s, want %s", id, got, want[id[1]-'1'])
					}
				}
				w.verify(t, 0, script)
			})
		}
	}
}

// TestWhatATreatmentCannotCarryStopsTheTable, with the remedy.
func TestWhatATreatmentCannotCarryStopsTheTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ options, insert, says, fix string }{
		"a number that is no boolean": {"'treat-tinyint1-as-boolean.enabled' = 'true'", "(7, 2, NULL, '2024-01-01', NULL, 0)", "`flag` is neither 0 nor 1", "treat-tinyint1-as-boolean"},
		"a date that is none":         {"'server-time-zone' = 'UTC'", "(7, 2, NULL, '0000-00-00', NULL, 0)", "`day` is no date of the calendar", "'zero-date.behavior'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.lenient(t, treatedTable)
			script := w.treatedScript(t, c.options)
			w.catchUp(t, script)
			w.lenient(t, "INSERT INTO t VALUES "+c.insert)
			o := w.starferry(t, "run", "--until-caught-up", script)
			if o.code != 1 || !strings.Contains(o.err, c.says) || !strings.Contains(o.err, `key id="7"`) || !strings.Contains(o.err, c.fix) {
				t.Errorf("%s", o)
			}
		})
	}
}

// lenient runs statements in a session that stores dates that are none.
func (w *world) lenient(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := w.source.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range append([]string{"SET sql_mode = '', time_zone = '+00:00'", "USE " + w.database}, statements...) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if _, err := conn.ExecContext(t.Context(), "SET sql_mode = DEFAULT, time_zone = DEFAULT"); err != nil {
		t.Fatal(err)
	}
}
