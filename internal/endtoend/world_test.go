package endtoend

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/crashpoint"
	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// patience is how long anything may take before a test gives up. It is long: the
// machine may be busy with other tests, and in a soak with nothing else for minutes.
var patience = patienceOf(os.Getenv("STARFERRY_SOAK"))

func patienceOf(soak string) time.Duration {
	if soak != "" {
		return 10 * time.Minute
	}
	return 3 * time.Minute
}

var worlds atomic.Int64

// world is one source database, one StarRocks and the accounts of a script.
type world struct {
	source   *testbed.Server
	database string           // at the source and at the target
	double   *emulator.Server // nil on a cluster that testbed.ClusterVariable names
	admin    *sql.DB          // the target, as its administrator
	folder   string           // of scripts and state
	user     string           // at both sides
	// The passwords differ, so that an output tells which of them it leaks.
	sourcePassword, targetPassword string
	// Where scripts send statements and loads, and what lies in between, if anything.
	queryAddress, loadAddress string
	wires                     *wires
}

// newWorld makes a world whose accounts may do everything a ferry needs.
func newWorld(t testing.TB, source *testbed.Server) *world {
	t.Helper()
	return newWorldOn(t, source, nil)
}

// newWorldOn has a double that the test started, if any.
func newWorldOn(t testing.TB, source *testbed.Server, double *emulator.Server) *world {
	t.Helper()
	n := worlds.Add(1)
	w := &world{
		source: source, double: double, folder: t.TempDir(), database: fmt.Sprintf("sf_e2e_%s_%d", thisRun, n), user: fmt.Sprintf("ferry_%s_%d", thisRun, n),
		sourcePassword: fmt.Sprintf("pw-of-mysql-%d", 1000+n), targetPassword: fmt.Sprintf("pw-of-starrocks-%d", 1000+n),
	}
	w.sourceDatabase(t)
	w.openTarget(t)
	w.sourceAccount(t)
	w.createTarget(t)
	w.grantTarget(t)
	return w
}

// sourceDatabase makes the database at the source, dropped with the test.
func (w *world) sourceDatabase(t testing.TB) {
	t.Helper()
	source := w.source // the world may move to another
	source.Exec(t, "CREATE DATABASE "+w.database)
	t.Cleanup(func() {
		if source.PID() == 0 {
			return
		}
		ctx := context.Background() // the test's own is over
		conn, err := source.DB().Conn(ctx)
		if err != nil {
			t.Errorf("dropping the database: %v", err)
			return
		}
		defer conn.Close()
		for _, statement := range []string{"SET lock_wait_timeout = 20", "DROP DATABASE IF EXISTS " + w.database} {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

func (w *world) sourceAccount(t testing.TB) {
	t.Helper()
	w.source.Exec(t, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", w.user, w.sourcePassword))
	t.Cleanup(func() {
		if _, err := w.source.DB().Exec("DROP USER IF EXISTS '" + w.user + "'@'%'"); err != nil && w.source.PID() != 0 {
			t.Errorf("dropping the account: %v", err)
		}
	})
	w.source.Exec(t, w.sourceGrants()...)
}

func (w *world) sourceGrants() []string {
	return []string{
		fmt.Sprintf("GRANT SELECT, LOCK TABLES ON %s.* TO '%s'@'%%'", w.database, w.user),
		fmt.Sprintf("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '%s'@'%%'", w.user),
	}
}

// exec runs statements in the source database, as root.
func (w *world) exec(t testing.TB, statements ...string) {
	t.Helper()
	w.source.Exec(t, append([]string{"USE " + w.database}, statements...)...)
}

// route is one CREATE TABLE … AS TABLE of a script.
type route struct {
	from, to string   // table names
	with     []string // further options of the target, "'key' = 'value'"
}

// sourcePort is where scripts find the source.
func (w *world) sourcePort() int {
	if w.wires != nil {
		return w.wires.source.Port()
	}
	return w.source.Port
}

// script writes one that keeps these tables in step, in simple mode and flushing
// five times a second, after the given settings.
func (w *world) script(settings string, routes ...route) string {
	var b strings.Builder
	b.WriteString(settings)
	fmt.Fprintf(&b, `
CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '%s', 'port' = '%d',
  'username' = '%s', 'password' = '%s', 'default-database' = '%s');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%s',
  'username' = '%[3]s', 'password' = '%s', 'dbname' = '%[5]s');
USE CATALOG sr;
`, w.source.Host, w.sourcePort(), w.user, w.sourcePassword, w.database, w.queryAddress, w.targetPassword)
	for _, r := range routes {
		fmt.Fprintf(&b, `
CREATE TABLE IF NOT EXISTS %s WITH (
  'starrocks.create.table.properties' = 'buckets 4',
  'starrocks.create.table.mode' = 'simple',
  'database-name' = '%s', 'jdbc-url' = 'jdbc:mysql://%s', 'load-url' = '%s', 'table-name' = '%[1]s',
  'username' = '%[5]s', 'password' = '%s',
  'sink.properties.row_delimiter' = '\x02', 'sink.properties.column_separator' = '\x01'`,
			r.to, w.database, w.queryAddress, w.loadAddress, w.user, w.targetPassword)
		with := r.with
		if with == nil {
			with = []string{"'sink.buffer-flush.interval-ms' = '200'"}
		}
		if w.wires != nil {
			with = append(slices.Clone(with), w.wires.redirect)
		}
		for _, option := range with {
			b.WriteString(",\n  " + option)
		}
		fmt.Fprintf(&b, `
)
AS TABLE mysql.%s.%s
/*+ OPTIONS ('connector' = 'mysql-cdc', 'hostname' = '%s', 'port' = '%d', 'username' = '%s', 'password' = '%s',
  'database-name' = '%[1]s', 'table-name' = '%[2]s') */;
`, w.database, r.from, w.source.Host, w.sourcePort(), w.user, w.sourcePassword)
	}
	return b.String()
}

// write puts a script into a file of the world.
func (w *world) write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outcome is what a finished process said.
type outcome struct {
	code     int
	out, err string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit code %d\n--- standard output\n%s--- standard error\n%s", o.code, o.out, o.err)
}

// starferry runs the binary to its end, in a process of its own.
func (w *world) starferry(t testing.TB, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, testbed.Binary(t), args...)
	cmd.Dir = w.folder
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) || ctx.Err() != nil {
		t.Fatalf("starferry %s: %v, %v\n%s%s", strings.Join(args, " "), err, ctx.Err(), &out, &said)
	}
	o := outcome{cmd.ProcessState.ExitCode(), out.String(), said.String()}
	w.checkSecrets(t, o.out+o.err)
	return o
}

// catchUp runs a script until everything is visible; it must end well.
func (w *world) catchUp(t testing.TB, script string) outcome {
	t.Helper()
	o := w.starferry(t, "run", "--until-caught-up", script)
	if o.code != 0 {
		t.Fatalf("run --until-caught-up: %s", o)
	}
	return o
}

// start runs a script in the background.
func (w *world) start(t testing.TB, script string, flags ...string) *testbed.Program {
	t.Helper()
	return testbed.RunBinary(t, testbed.RunOptions{Dir: w.folder, Args: append(append([]string{"run"}, flags...), script)})
}

// startToCrash runs a script in the background, to crash at a point for the n-th time.
func (w *world) startToCrash(t testing.TB, point string, n int, script string, flags ...string) *testbed.Program {
	t.Helper()
	return testbed.RunBinary(t, testbed.RunOptions{
		Dir: w.folder, Args: append(append([]string{"run"}, flags...), script),
		Tags: []string{"crashpoints"}, Env: []string{fmt.Sprintf("%s=%s:%d", crashpoint.Variable, point, n)},
	})
}

// hasCrashed tells of a program that has ended whether it crashed at its point.
func hasCrashed(p *testbed.Program) bool { return strings.Contains(p.Output(), "crash at ") }

// stop ends a run in good order.
func (w *world) stop(t testing.TB, p *testbed.Program) {
	t.Helper()
	p.Interrupt()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("after Ctrl-C: exit code %d, %v\n%s", code, err, p.Output())
	}
	w.checkSecrets(t, p.Output())
}

// waitLine waits for a line of a program's output.
func waitLine(t testing.TB, p *testbed.Program, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := p.WaitLine(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func (w *world) checkSecrets(t testing.TB, output string) {
	t.Helper()
	for _, password := range []string{w.sourcePassword, w.targetPassword} {
		if strings.Contains(output, password) {
			t.Errorf("the output tells the password %s:\n%s", password, output)
		}
	}
	for _, trace := range []string{"goroutine ", "panic:", "runtime error", ".go:"} {
		if strings.Contains(output, trace) {
			t.Errorf("the output looks like a stack trace (%q):\n%s", trace, output)
		}
	}
}

// eventually waits until a condition holds; why says what is still missing.
func eventually(t testing.TB, condition func() (why string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		why := condition()
		if why == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still not after %v: %s", patience, why)
		}
		time.Sleep(20 * time.Millisecond) // nothing signals what another process has loaded
	}
}

// summary reads the numbers of a run's last line: rows, copied, loads, …
func summary(t testing.TB, output string) map[string]int {
	t.Helper()
	numbers := map[string]int{}
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "stopped rows=") && !strings.HasPrefix(line, "failed rows=") {
			continue
		}
		line = strings.NewReplacer("(copied ", "copied=", ", +", " inserted=", " ~", " updated=", " -", " deleted=", ")", "").Replace(line)
		for _, field := range strings.Fields(line) {
			if name, value, ok := strings.Cut(field, "="); ok {
				if n, err := strconv.Atoi(value); err == nil {
					numbers[name] = n
				}
			}
		}
	}
	if len(numbers) == 0 {
		t.Fatalf("no summary line in:\n%s", output)
	}
	return numbers
}
