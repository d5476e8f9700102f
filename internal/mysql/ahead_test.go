package mysql

import (
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// aheadCases are statements on t (id INT PRIMARY KEY, a INT) of which the stream does not
// know what they make of it: the server is asked, and the log read ahead, though rows and
// statements on other tables follow.
var aheadCases = []struct {
	name, run string
	want      string
}{
	{"a table that was there before the stream takes the name", `
		RENAME TABLE t TO t_old, before TO t; INSERT INTO t VALUES (1, 2, 3); DROP TABLE t_old; CREATE TABLE t_more (id INT); INSERT INTO t VALUES (4, 5, 6); ANALYZE TABLE t;
		CREATE INDEX i ON t (z); UPDATE t SET z = 7 WHERE id = 4`,
		`replaced t 2 (id,y,z); insert t 1|2|3; commit; insert t 4|5|6; commit; update t 4|5|6 to 4|5|7; commit`},
	{"two tables change places", `
		RENAME TABLE t TO x, u TO t, x TO u; INSERT INTO t VALUES (1); INSERT INTO u VALUES (2, 3)`,
		`replaced t 2 (id); replaced u 2 (id,a); insert t 1; commit; insert u 2|3; commit`},
	{"three tables go round", `
		RENAME TABLE t TO x, u TO t, before TO u; INSERT INTO t VALUES (1); INSERT INTO u VALUES (2, 3, 4)`,
		`replaced t 2 (id); replaced u 2 (id,y,z); insert t 1; commit; insert u 2|3|4; commit`},
	{"a statement that cannot be read", "INSERT INTO t VALUES (1, 2); SET NAMES gbk; ALTER TABLE t ADD COLUMN c INT COMMENT '\xc4\xe3\xba\xc3'; SET NAMES utf8mb4; INSERT INTO t VALUES (2, 3, 4); INSERT INTO u VALUES (1)",
		`insert t 1|2; commit; replaced t 2 (id,a,c); insert t 2|3|4; commit; insert u 1; commit`},
}

func TestWhatTheLogDoesNotTellIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, c := range aheadCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, server *testbed.Server) {
				db := server.Database(t)
				use := []string{"USE " + db}
				server.Exec(t, append(use, "CREATE TABLE t (id INT PRIMARY KEY, a INT)", "CREATE TABLE u (id INT PRIMARY KEY)", "CREATE TABLE `before` (id INT PRIMARY KEY, y INT, z INT)")...)
				s := connect(t, server)
				stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"}, change.Name{Database: db, Table: "u"})
				for joined := 0; joined < 2; {
					if next(t, stream).Kind == change.Joined {
						joined++
					}
				}
				for _, one := range strings.Split(strings.ReplaceAll(c.run, "before", "`before`"), ";") {
					use = append(use, strings.TrimSpace(one))
				}
				server.Exec(t, use...)
				events := until(t, s, stream)
				compare(t, script(events), strings.Split(strings.Join(strings.Fields(c.want), " "), "; "))
				checkPositions(t, events)
			})
		})
	}
}
