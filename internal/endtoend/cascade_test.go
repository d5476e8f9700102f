package endtoend

import (
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestUnloggedCascades: MariaDB does not log the rows that a foreign key changes.
func TestUnloggedCascades(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MariaDB(t))
	w.exec(t, "CREATE TABLE parent (id INT PRIMARY KEY, code INT NOT NULL, name VARCHAR(9), UNIQUE KEY (code))",
		"CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (code) ON DELETE CASCADE ON UPDATE SET NULL)",
		"INSERT INTO parent VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')", "INSERT INTO child VALUES (1, 10), (2, 10), (3, 20), (4, 30)")
	routes := []route{{from: "parent", to: "parent"}, {from: "child", to: "child"}}
	if o := w.starferry(t, "explain", w.write(t, "warn.sql", w.script("", routes...))); o.code != 0 || !strings.Contains(o.out, "'fk.cascade' = 'repair'") {
		t.Fatal(o)
	}
	script := w.write(t, "mend.sql", w.script("SET 'fk.cascade' = 'repair';\n", routes...))
	w.catchUp(t, script)
	w.exec(t, "UPDATE parent SET name = 'harmless' WHERE id = 2")
	if o := w.catchUp(t, script); strings.Contains(o.out, "compared with") {
		t.Error("a change that no key refers to has the child compared:", o)
	}
	w.exec(t, "DELETE FROM parent WHERE id = 1", "UPDATE parent SET code = 31 WHERE id = 3")
	w.catchUp(t, script)
	w.compare(t, "parent", "parent")
	w.compare(t, "child", "child")
}

// TestLoggedCascades: MySQL 9.6 and later do, and nothing is said.
func TestLoggedCascades(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
		"INSERT INTO parent VALUES (1), (2)", "INSERT INTO child VALUES (1, 1), (2, 2)")
	script := w.write(t, "logged.sql", w.script("", route{from: "parent", to: "parent"}, route{from: "child", to: "child"}))
	if o := w.catchUp(t, script); strings.Contains(o.out, "foreign key") {
		t.Error(o)
	}
	w.exec(t, "DELETE FROM parent WHERE id = 1")
	w.catchUp(t, script)
	w.compare(t, "child", "child")
}
