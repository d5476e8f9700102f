package endtoend

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// bad is one thing that a person can get wrong. The script of the test is right but
// for what broken does to it, or to the servers; remedy does what the error says.
type bad struct {
	name string
	// source is the server; the shared MySQL when nil.
	source func(t *testing.T) *testbed.Server
	broken func(t *testing.T, b *badWorld)
	remedy func(t *testing.T, b *badWorld)
	code   int
	says   []string // parts of the error; {database}, {user} and {query} are filled in
	// faults says why the case needs a double.
	faults string
}

// badWorld is the world of one case, its script and the flags of its run.
type badWorld struct {
	*world
	text   string // of the script
	good   string // the same before it was spoilt
	flags  []string
	forget func() // takes the fault away
}

func (b *badWorld) replace(t *testing.T, old, by string) {
	t.Helper()
	if !strings.Contains(b.text, old) {
		t.Fatalf("the script has no %q", old)
	}
	b.text = strings.ReplaceAll(b.text, old, by)
}

func rightScript(_ *testing.T, b *badWorld) { b.text = b.good }

func sourceSQL(statements ...string) func(*testing.T, *badWorld) {
	return func(t *testing.T, b *badWorld) { b.source.Exec(t, b.fill(statements)...) }
}

func targetSQL(statements ...string) func(*testing.T, *badWorld) {
	return func(t *testing.T, b *badWorld) { b.target(t, b.fill(statements)...) }
}

func (b *badWorld) fill(texts []string) []string {
	filled := make([]string, len(texts))
	for i, text := range texts {
		filled[i] = strings.NewReplacer("{database}", b.database, "{user}", b.user, "{password}", b.sourcePassword, "{query}", b.queryAddress).Replace(text)
	}
	return filled
}

func spoil(old, by string) func(*testing.T, *badWorld) {
	return func(t *testing.T, b *badWorld) { b.replace(t, b.fill([]string{old})[0], b.fill([]string{by})[0]) }
}

// deaf is an address where nobody listens.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func deafPort(t *testing.T) string {
	_, port, err := net.SplitHostPort(deaf(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

var badScripts = []bad{
	{name: "unknown option", broken: spoil("'sink.buffer-flush.interval-ms'", "'sink.buffer-flush.intervall-ms'"), remedy: rightScript,
		code: 1, says: []string{"'sink.buffer-flush.intervall-ms'", "did you mean", "bad.sql:", "^^^"}},
	{name: "unclosed quote", broken: spoil("'simple',", "'simple,"), remedy: rightScript, code: 1, says: []string{"bad.sql:", "^", "quote"}},
	{name: "unknown catalog", broken: spoil("USE CATALOG sr", "USE CATALOG st"), remedy: rightScript, code: 1, says: []string{"st", "bad.sql:"}},
	{name: "dead letters, exactly-once", broken: spoil("'sink.buffer-flush.interval-ms' = '200'", "'sink.semantic' = 'exactly-once', 'on-bad-row' = 'dead-letter'"), remedy: rightScript,
		code: 1, says: []string{"'on-bad-row'", "exactly-once", "'stop'"}},
	{name: "no such file", broken: func(t *testing.T, b *badWorld) {
		b.flags = []string{"not_there.sql"}
	}, remedy: func(_ *testing.T, b *badWorld) { b.flags = nil }, code: 2, says: []string{"not_there.sql"}},
}

var badSources = []bad{
	{name: "wrong MySQL password", broken: sourceSQL("ALTER USER '{user}'@'%' IDENTIFIED BY 'another one'"),
		remedy: sourceSQL("ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'"), code: 2, says: []string{"MySQL 127.0.0.1:", "user '{user}'"}},
	{name: "unreachable MySQL", broken: func(t *testing.T, b *badWorld) {
		b.replace(t, fmt.Sprintf("'%d'", b.source.Port), "'"+deafPort(t)+"'")
	}, remedy: rightScript, code: 2, says: []string{"no connection to MySQL 127.0.0.1:"}},
	{name: "no such host", broken: spoil("'hostname' = '127.0.0.1'", "'hostname' = 'no-such-host.invalid'"), remedy: rightScript, code: 2,
		says: []string{"no connection to MySQL no-such-host.invalid:"}},
	{name: "missing source table", broken: sourceSQL("RENAME TABLE {database}.t TO {database}.elsewhere"),
		remedy: sourceSQL("RENAME TABLE {database}.elsewhere TO {database}.t"), code: 1, says: []string{"{database}.t"}},
	{name: "table without primary key", broken: sourceSQL("ALTER TABLE {database}.t DROP PRIMARY KEY"),
		remedy: sourceSQL("ALTER TABLE {database}.t ADD PRIMARY KEY (id)"), code: 1, says: []string{"{database}.t", "primary key", "ALTER TABLE"}},
	{name: "a view", broken: sourceSQL("RENAME TABLE {database}.t TO {database}.base", "CREATE VIEW {database}.t AS SELECT * FROM {database}.base"),
		remedy: sourceSQL("DROP VIEW {database}.t", "RENAME TABLE {database}.base TO {database}.t"), code: 1, says: []string{"{database}.t", "view"}},
	{name: "a type that is not carried", source: mariaDB, broken: sourceSQL("ALTER TABLE {database}.t ADD COLUMN place VARCHAR(100) COMPRESSED"),
		remedy: sourceSQL("ALTER TABLE {database}.t DROP COLUMN place"), code: 1, says: []string{"{database}.t", "`place`"}},
	{name: "no SELECT", broken: sourceSQL("REVOKE SELECT ON {database}.* FROM '{user}'@'%'"),
		remedy: sourceSQL("GRANT SELECT ON `{database}`.`t` TO '{user}'@'%'"), code: 1, says: []string{"GRANT SELECT ON `{database}`.`t` TO '{user}'@'%';"}},
	{name: "no REPLICATION SLAVE", broken: sourceSQL("REVOKE REPLICATION SLAVE ON *.* FROM '{user}'@'%'"),
		remedy: sourceSQL("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'"), code: 1, says: []string{"GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%';"}},
	{name: "no REPLICATION CLIENT", broken: sourceSQL("REVOKE REPLICATION CLIENT ON *.* FROM '{user}'@'%'"),
		remedy: sourceSQL("GRANT REPLICATION CLIENT ON *.* TO '{user}'@'%'"), code: 1, says: []string{"GRANT REPLICATION CLIENT ON *.* TO '{user}'@'%';"}},
	{name: "no BINLOG MONITOR", source: mariaDB, broken: sourceSQL("REVOKE BINLOG MONITOR ON *.* FROM '{user}'@'%'"),
		remedy: sourceSQL("GRANT BINLOG MONITOR ON *.* TO '{user}'@'%'"), code: 1, says: []string{"GRANT BINLOG MONITOR ON *.* TO '{user}'@'%';"}},
	{name: "log_bin off", source: func(t *testing.T) *testbed.Server {
		return testbed.MySQL(t, "--skip-log-bin", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
	},
		remedy: followAnother, code: 1, says: []string{"log_bin", "[mysqld]"}},
	{name: "binlog_row_image", source: func(t *testing.T) *testbed.Server { return testbed.MySQL(t, "--binlog-row-image=MINIMAL") },
		remedy: sourceSQL("SET GLOBAL binlog_row_image = FULL"), code: 1, says: []string{"binlog_row_image", "'MINIMAL'", "SET GLOBAL binlog_row_image = FULL;"}},
	{name: "binlog_format", source: func(t *testing.T) *testbed.Server { return testbed.MariaDB(t, "--binlog-format=STATEMENT") },
		remedy: sourceSQL("SET GLOBAL binlog_format = ROW"), code: 1, says: []string{"binlog_format", "'STATEMENT'", "SET GLOBAL binlog_format = ROW;"}},
}

func mariaDB(t *testing.T) *testbed.Server { return testbed.MariaDB(t) }

// followAnother has the script point at a server that can be followed.
func followAnother(t *testing.T, b *badWorld) {
	old := fmt.Sprintf("'%d'", b.source.Port)
	b.source = testbed.MySQL(t)
	b.source.Exec(t, "CREATE DATABASE IF NOT EXISTS "+b.database)
	b.sourceAccount(t)
	b.exec(t, badTable...)
	b.replace(t, old, fmt.Sprintf("'%d'", b.source.Port))
}

var badTargets = []bad{
	{name: "wrong StarRocks password", broken: targetSQL("ALTER USER '{user}' IDENTIFIED BY 'another one'"), remedy: func(t *testing.T, b *badWorld) {
		b.target(t, fmt.Sprintf("ALTER USER '%s' IDENTIFIED BY '%s'", b.user, b.targetPassword))
	}, code: 2, says: []string{"StarRocks {query}", "user '{user}'"}},
	{name: "unreachable query port", broken: func(t *testing.T, b *badWorld) { b.replace(t, b.queryAddress, deaf(t)) }, remedy: rightScript, code: 2,
		says: []string{"StarRocks cannot be reached at 127.0.0.1:", "jdbc-url"}},
	{name: "unreachable load port", broken: func(t *testing.T, b *badWorld) { b.replace(t, b.loadAddress, deaf(t)) }, remedy: rightScript, code: 2,
		says: []string{"StarRocks cannot be reached for loads at 127.0.0.1:", "load-url"}},
	{name: "load port is the query port", broken: func(t *testing.T, b *badWorld) {
		b.replace(t, "'load-url' = '"+b.loadAddress+"'", "'load-url' = '"+b.queryAddress+"'")
	}, remedy: rightScript, code: 2, says: []string{"load-url"}},
	{name: "missing target database", broken: targetSQL("DROP DATABASE {database}"), remedy: func(t *testing.T, b *badWorld) {
		b.target(t, "CREATE DATABASE "+b.database)
		b.grantTarget(t)
	}, code: 1, says: []string{"{database}"}},
	{name: "no CREATE TABLE", broken: targetSQL("REVOKE CREATE TABLE ON DATABASE {database} FROM USER '{user}'"),
		remedy: targetSQL("GRANT CREATE TABLE ON DATABASE {database} TO USER '{user}'@'%'"), code: 1, says: []string{"GRANT CREATE TABLE ON DATABASE {database} TO USER '{user}'@'%';"}},
	{name: "no INSERT", broken: targetSQL("REVOKE INSERT ON ALL TABLES IN DATABASE {database} FROM USER '{user}'"),
		remedy: targetSQL("GRANT SELECT, INSERT, ALTER ON TABLE {database}.t TO USER '{user}'@'%'"), code: 1,
		says: []string{"GRANT SELECT, INSERT, ALTER ON TABLE {database}.t TO USER '{user}'@'%';"}},
	{name: "no rights at all", broken: targetSQL("REVOKE SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE {database} FROM USER '{user}'"),
		remedy: targetSQL("GRANT SELECT, INSERT, ALTER ON TABLE {database}.t TO USER '{user}'@'%'"), code: 1,
		says: []string{"SELECT, INSERT, ALTER", "GRANT SELECT, INSERT, ALTER ON TABLE {database}.t TO USER '{user}'@'%';"}},
	{name: "another target table", broken: targetSQL(`CREATE TABLE {database}.t (id INT NOT NULL, extra INT NOT NULL, a VARCHAR(7) NOT NULL) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")`),
		remedy: targetSQL("DROP TABLE {database}.t"), code: 1,
		says: []string{"{database}.t", "column `id` is INT, it would be BIGINT", "column `a` is VARCHAR(7)", "column `a` is NOT NULL, it would be NULL", "column `b` is missing", "column `extra` INT NOT NULL", "DROP TABLE {database}.t;"}},
	{name: "another key", broken: targetSQL(`CREATE TABLE {database}.t (id BIGINT NOT NULL, a VARCHAR(400) NULL, b INT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")`),
		remedy: targetSQL("DROP TABLE {database}.t"), code: 1, says: []string{"{database}.t", "it is not a PRIMARY KEY table"}},
	{name: "StarRocks refuses a load", faults: "a load is refused by a fault", broken: func(t *testing.T, b *badWorld) {
		b.forget = b.double.Fault(emulator.Fault{Op: "be-load", Message: "Primary-key index exceed the limit. tablet_id: 7: Value is out of range"})
	}, remedy: func(_ *testing.T, b *badWorld) { b.forget() }, code: 1, says: []string{"{database}.t", "out of range"}},
	{name: "a value that does not fit", broken: sourceSQL("ALTER TABLE {database}.t ADD COLUMN long_one LONGTEXT", "UPDATE {database}.t SET long_one = REPEAT('x', 1048577) WHERE id = 2"),
		remedy: sourceSQL("UPDATE {database}.t SET long_one = 'short' WHERE id = 2"), code: 1, says: []string{"{database}.t", "long_one"}},
	{name: "properties StarRocks refuses", broken: spoil("'buckets 4'", `'buckets 4 properties ("no_such_property" = "1")'`), remedy: rightScript, code: 1, says: []string{"{database}.t", "starrocks.create.table.properties"}},
}

var badTable = []string{"CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, a VARCHAR(100), b INT)", "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2)"}

// TestBadInput: one clear error, the right exit code, no secret, no stack trace; and
// after the remedy the same script runs with the same state.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for kind, cases := range map[string][]bad{"script": badScripts, "source": badSources, "target": badTargets, "folder": badFolders} {
		for _, c := range cases {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t)
			})
		}
	}
}

func (c bad) run(t *testing.T) {
	if c.faults != "" {
		needsDouble(t, c.faults)
	}
	source := testbed.MySQL
	if c.source != nil {
		source = func(testing.TB, ...string) *testbed.Server { return c.source(t) }
	}
	b := &badWorld{world: newWorld(t, source(t))}
	b.exec(t, badTable...)
	b.text = b.script("", route{from: "t", to: "t"})
	b.good = b.text
	if c.broken != nil {
		c.broken(t, b)
	}
	b.expectOneError(t, c)
	c.remedy(t, b)
	o := b.try(t)
	if o.code != 0 {
		t.Fatalf("after the remedy: %s", o)
	}
	b.compare(t, "t", "t")
}

func (b *badWorld) try(t *testing.T) outcome {
	t.Helper()
	path := b.write(t, "bad.sql", b.text)
	if len(b.flags) > 0 && !strings.HasPrefix(b.flags[0], "--") {
		path = b.flags[0]
		return b.starferry(t, "run", "--until-caught-up", path)
	}
	return b.starferry(t, append(append([]string{"run", "--until-caught-up"}, b.flags...), path)...)
}

func (b *badWorld) expectOneError(t *testing.T, c bad) {
	t.Helper()
	o := b.try(t)
	if o.code != c.code {
		t.Errorf("want exit code %d: %s", c.code, o)
	}
	if strings.Count(o.err, "error[SF") != 1 || strings.Count(o.err, "To fix: ") != 1 || strings.Contains(o.err, "error: ") {
		t.Errorf("want one error with one remedy: %s", o)
	}
	for _, part := range b.fill(c.says) {
		if !strings.Contains(o.err, part) {
			t.Errorf("the error does not say %q: %s", part, o)
		}
	}
	if strings.Contains(o.out, "error[") {
		t.Errorf("an error on standard output: %s", o)
	}
}

// readOnlyFolder is one that this process, whoever runs it, cannot write to.
func readOnlyFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) }) // so that it can be removed
	if f, err := os.Create(filepath.Join(folder, "root may")); err == nil {
		f.Close()
		return "/proc/1/no-folder" // where not even root may
	}
	return folder
}
