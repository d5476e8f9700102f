package emulator

import (
	"testing"
)

func TestParseRelease(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		since release
		want  bool
	}{
		{"3.5", release{3, 5, 4}, true}, {"3.5.3", release{3, 5, 4}, false}, {"4.0", release{3, 5, 4}, true}, {"2.5", release{3, 0, 0}, false}, {"10.1", release{4, 0, 0}, true},
	} {
		r, err := parseRelease(c.text)
		if err != nil || r.atLeast(c.since) != c.want {
			t.Errorf("%s at least %v: %v %v", c.text, c.since, r.atLeast(c.since), err)
		}
	}
	for _, bad := range []string{"", "3", "2.4", "3.x", "3.5.4.1", "-3.5", "v3.5", "3.", "1.9"} {
		if _, err := parseRelease(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// What went into several lines at once is there from another patch on in each of them.
func TestBackports(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"3.4": false, "3.5.8": false, "3.5.9": true, "3.5": true, "4.0.1": false, "4.0.2": true, "4.0": true, "4.1.0": true} {
		cfg, err := Config{Version: version}.withDefaults()
		if err != nil || cfg.has(featureLoadNames) != want {
			t.Errorf("%s has Db and Table in the answer to a load: %v %v", version, !want, err)
		}
	}
}

// TestVersions asks servers of every generation the same questions.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version, handshake             string
		database, table, column, right uint16
		wide                           bool
	}{
		{"2.5", "5.1.0", 1049, 1051, 1054, 1252, false},
		{"3.3", "5.1.0", 5501, 5502, 1054, 5203, false},
		{"3.5", "8.0.33", 5501, 5502, 5509, 5203, false},
		{"4.0", "8.0.33", 5501, 5502, 5509, 5203, true},
	} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			w := start(t, Config{Version: c.version})
			w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k)", "CREATE USER u", "GRANT SELECT ON TABLE d.t TO u")
			refused(t, w.db, "USE nope", c.database, "Unknown database 'nope'")
			refused(t, w.db, "SELECT * FROM d.nope", c.table, "Unknown table 'd.nope'")
			refused(t, w.db, "ALTER TABLE d.t RENAME COLUMN x TO y", c.column, "Unknown column 'x' in 't'")
			refused(t, open(t, w.Server, "u", "", ""), "DROP TABLE d.t", c.right, "Access denied")
			for _, q := range []string{"SELECT version()", "SELECT @@version"} {
				if rows, err := queryRows(w.db, q); err != nil || len(rows) != 1 || rows[0] != c.handshake {
					t.Errorf("%s: %q %v", q, rows, err)
				}
			}
			_, err := w.db.Exec("CREATE TABLE d.w (k INT, v DECIMAL(76,10)) PRIMARY KEY(k)")
			if (err == nil) != c.wide {
				t.Errorf("a wide decimal: %v", err)
			}
		})
	}
	if s, err := Start(Config{Version: "2.4"}); err == nil {
		t.Error("2.4 was accepted", s.Close())
	}
}
