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

// TestATimestampBecomesTheKey of a table that is written in a zone: in the hour that the
// clock shows twice two moments are two rows.
func TestATimestampBecomesTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.grantResync(t)
	w.lenient(t, "CREATE TABLE o (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NOT NULL, v INT)",
		"INSERT INTO t VALUES (1, '2024-10-27 00:30:00', 1), (2, '2024-10-27 01:30:00', 2)")
	text := strings.Replace(w.script("", route{from: "t", to: "t"}, route{from: "o", to: "o"}), "('type' = 'mysql',", "('type' = 'mysql', 'server-time-zone' = 'Europe/Berlin',", 1)
	script := w.write(t, "keyed.sql", text)
	w.catchUp(t, script)
	w.await(t, "t", "id|at|v", "1|2024-10-27 02:30:00|1", "2|2024-10-27 02:30:00|2")
	w.lenient(t, "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (at)", "UPDATE t SET v = v + 10")
	o := w.starferry(t, "run", "--until-caught-up", script)
	if o.code != 1 || !strings.Contains(o.err, "column `at` changed its type from timestamp to timestamp (in Europe/Berlin to in UTC)") {
		t.Fatalf("%s", o)
	}
	w.resync(t, script, "t")
	w.lenient(t, "UPDATE t SET v = v + 100")
	w.catchUp(t, script)
	w.await(t, "t", "at|id|v", "2024-10-27 00:30:00|1|111", "2024-10-27 01:30:00|2|112")
	w.verify(t, 0, script)
}

// TestOtherTypesLater: a table keeps the types it was copied with, through a resync, and
// every start says what helps; a table that is stopped takes the new ones with its resync.
func TestOtherTypesLater(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--wipe"}} {
		t.Run(strings.Join(flags, ""), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.grantResync(t)
			w.lenient(t, "CREATE TABLE o (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL, day DATE)", "INSERT INTO t VALUES (1, '2024-07-01 00:30:00', NULL)")
			text := w.script("", route{from: "t", to: "t"}, route{from: "o", to: "o"})
			script := w.write(t, "types.sql", text)
			w.catchUp(t, script)
			script = w.write(t, "types.sql", strings.Replace(text, "('type' = 'mysql',", "('type' = 'mysql', 'server-time-zone' = 'Europe/Berlin', 'zero-date.behavior' = 'round',", 1))
			w.exec(t, "INSERT INTO t VALUES (2, NULL, NULL)")
			w.resync(t, script, "t", flags...)
			o := w.catchUp(t, script)
			w.await(t, "t", "id|at|day", "1|2024-07-01 00:30:00|NULL", "2|NULL|NULL")
			says := "t keeps the types it was copied with, although the script says otherwise now: `at` is in UTC, not in Europe/Berlin, with zero dates rounded; `day` is as it is, not with zero dates rounded\n   = To change them: "
			if !strings.Contains(o.out+o.err, says+"DROP TABLE") || !strings.Contains(o.out+o.err, "--data-dir NEW") {
				t.Errorf("%s", o)
			}
			w.lenient(t, "INSERT INTO t VALUES (3, '2024-07-01 00:30:00', '0000-00-00')")
			if o := w.starferry(t, "run", "--until-caught-up", script); o.code != 1 {
				t.Fatalf("%s", o)
			}
			if o := w.starferry(t, "run", "--until-caught-up", script); !strings.Contains(o.out+o.err, says+"starferry resync SCRIPT --table ") {
				t.Errorf("%s", o)
			}
			w.resync(t, script, "t", flags...)
			w.lenient(t, "INSERT INTO t VALUES (4, '2024-07-01 01:30:00', NULL)", "INSERT INTO o VALUES (1)")
			o = w.catchUp(t, script)
			w.await(t, "t", "id|at|day", "1|2024-07-01 02:30:00|NULL", "2|NULL|NULL", "3|2024-07-01 02:30:00|0001-01-01", "4|2024-07-01 03:30:00|NULL")
			if strings.Contains(o.out+o.err, "keeps the types") {
				t.Errorf("%s", o)
			}
			w.verify(t, 0, script)
		})
	}
}
