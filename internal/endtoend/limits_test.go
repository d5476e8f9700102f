package endtoend

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// limits are values that MySQL holds and StarRocks does not: what the table looks like,
// the rows it takes and the one it does not, and what is said, before and then.
var limits = map[string]struct {
	create, good, bad string
	before, says      []string
	key               string // of the bad row, as the dead letters have it
}{
	"a long key": {
		create: "CREATE TABLE t (name VARCHAR(200) CHARACTER SET utf8mb4 PRIMARY KEY, n INT)",
		good:   "('short', 1), (REPEAT('é', 64), 2)", bad: "(REPEAT('x', 129), 3)",
		before: []string{"primary_key_limit_size", "800 bytes", "be.conf"}, says: []string{"primary_key_limit_size", "primary key size exceed"},
		key: strings.Repeat("x", 129),
	},
	"a long text": {
		create: "CREATE TABLE t (name VARCHAR(20) PRIMARY KEY, n LONGTEXT)",
		good:   "('short', 'x'), ('long', REPEAT('x', 1048576))", bad: "('longer', REPEAT('x', 1048577))",
		before: []string{"more than 1 MiB"}, says: []string{"out of range"},
		key: "longer",
	},
	"many bytes": {
		create: "CREATE TABLE t (name VARCHAR(20) PRIMARY KEY, n LONGBLOB)",
		good:   "('short', x'00ff'), ('long', REPEAT(x'ff', 1048576))", bad: "('longer', REPEAT(x'ff', 1048577))",
		before: []string{"more than 1 MiB"}, says: []string{"is too long"},
		key: "longer",
	},
}

// TestWhatStarRocksCannotHold is said before a start; then such a row stops the table, or
// goes to the dead letters, with its key and the reason.
func TestWhatStarRocksCannotHold(t *testing.T) {
	t.Parallel()
	for what, c := range limits {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, c.create, "INSERT INTO t VALUES "+c.good)
			script := w.write(t, "limits.sql", w.script("", route{from: "t", to: "t"}))
			explained := w.starferry(t, "explain", script)
			first := w.catchUp(t, script)
			for _, part := range c.before {
				if !strings.Contains(explained.out, part) || !strings.Contains(first.out, part) {
					t.Errorf("nobody says %q before: %s\n%s", part, explained, first)
				}
			}
			w.compare(t, "t", "t")
			w.exec(t, "INSERT INTO t VALUES "+c.bad, "INSERT INTO t VALUES ('after', NULL)")
			o := w.starferry(t, "run", "--until-caught-up", script)
			for _, part := range append(c.says, fmt.Sprintf("name=%q", c.key), "'on-bad-row' = 'dead-letter'") {
				if o.code != 1 || !strings.Contains(o.err, part) {
					t.Errorf("the table does not stop with %q: %s", part, o)
				}
			}
			w.write(t, "limits.sql", w.script("SET 'on-bad-row' = 'dead-letter';", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			letters := readLetters(t, filepath.Join(w.folder, ".starferry", "limits", "dead-letter", w.database+".t.jsonl"))
			if len(letters) != 1 || letters[0].Key["name"] != c.key || !strings.Contains(letters[0].Reason, c.says[len(c.says)-1]) {
				t.Errorf("letters %.400v", letters)
			}
			w.exec(t, "DELETE FROM t WHERE name = '"+c.key+"'")
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		})
	}
}
