package emulator

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

// The conformance list of docs/conformance.md as tests. Every case speaks only the wire,
// so that the same cases run against a real cluster when testbed.ClusterVariable names one.

// conformanceCase is one line of the list. Its steps run in order, in a database of its own.
type conformanceCase struct {
	id string
	// private says why the case needs a server of its own, and so cannot run on a real
	// cluster: faults, limits, clocks.
	private string
	config  Config
	// since is the first version whose answer this is, "" for every version.
	since string
	steps []step
}

// step does one thing and checks what came back.
type step func(*caseRun) error

// conformanceSets are all cases; every file of cases adds its own.
var conformanceSets = [][]conformanceCase{wireCases, streamLoadCases, headerCases, csvCases, jsonCases, valueCases, ddlCases, queryCases, txnCases, multiCases, alterCases, versionCases}

func conformanceTable() []conformanceCase { return slices.Concat(conformanceSets...) }

// testCluster is what the cases run against.
type testCluster struct {
	query, fe, be  string
	user, password string
	version        string
	double         *Server // nil for a real one
}

// caseRun is one case on its way.
type caseRun struct {
	*testCluster
	db   string
	conn *sql.DB
	last wireReply              // of the latest request
	open map[string]*wireUpload // requests whose body is not complete
	mu   sync.Mutex
}

func (c *testCluster) connect(t *testing.T, database string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = c.user, c.password, "tcp", c.query, database
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// sharedCluster is the real one when it is named, else a double on free ports.
func sharedCluster(t *testing.T) *testCluster {
	t.Helper()
	named, err := testbed.NamedCluster()
	if err != nil {
		t.Fatal(err)
	}
	if named == nil {
		return doubleCluster(t, Config{})
	}
	c := &testCluster{query: named.Query, fe: named.Load, user: named.User, password: named.Password}
	return c.learn(t)
}

func doubleCluster(t *testing.T, cfg Config) *testCluster {
	t.Helper()
	w := start(t, cfg)
	c := &testCluster{query: w.QueryAddr(), fe: w.HTTPAddr(), user: "root", double: w.Server}
	return c.learn(t)
}

// learn asks the cluster for its version and for the address of a backend.
func (c *testCluster) learn(t *testing.T) *testCluster {
	t.Helper()
	db := c.connect(t, "")
	rows, err := queryRows(db, "SELECT current_version()")
	if err != nil || len(rows) != 1 {
		t.Fatalf("the version of the cluster: %q %v", rows, err)
	}
	c.version, _, _ = strings.Cut(strings.TrimPrefix(rows[0], "v"), "-")
	backends, err := queryMaps(db, "SHOW BACKENDS")
	if err != nil || len(backends) == 0 {
		t.Fatalf("the backends of the cluster: %v", err)
	}
	c.be = net.JoinHostPort(backends[0]["IP"], backends[0]["HttpPort"])
	return c
}

func queryMaps(db *sql.DB, query string) ([]map[string]string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []map[string]string
	for rows.Next() {
		cells, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = cells[i].String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// atLeast compares two versions, number by number.
func atLeast(version, since string) bool {
	var have, want [3]int
	// What is missing counts as 0, so how many numbers were found does not matter.
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2])
	_, _ = fmt.Sscanf(since, "%d.%d.%d", &want[0], &want[1], &want[2])
	return slices.Compare(have[:], want[:]) >= 0
}

func TestConformance(t *testing.T) {
	t.Parallel()
	shared := sharedCluster(t)
	var passed, failed, skipped atomic.Int32
	t.Cleanup(func() { // "make test" shows this line
		t.Logf("conformance: %d cases passed, %d failed, %d skipped", passed.Load(), failed.Load(), skipped.Load())
	})
	for i, c := range conformanceTable() {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				switch {
				case t.Failed():
					failed.Add(1)
				case t.Skipped():
					skipped.Add(1)
				default:
					passed.Add(1)
				}
			})
			runCase(t, shared, c, i)
		})
	}
}

func runCase(t *testing.T, shared *testCluster, c conformanceCase, number int) {
	on := shared
	switch {
	case c.private != "" && shared.double == nil:
		t.Skip("needs a server of its own: " + c.private)
	case c.private != "":
		on = doubleCluster(t, c.config)
	}
	if c.since != "" && !atLeast(on.version, c.since) {
		t.Skipf("since %s, this is %s", c.since, on.version)
	}
	r := &caseRun{testCluster: on, db: fmt.Sprintf("sf_conf_%d_%d", time.Now().UnixNano(), number), open: map[string]*wireUpload{}}
	admin := on.connect(t, "")
	if _, err := admin.Exec("CREATE DATABASE " + r.db); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE IF EXISTS " + r.db + " FORCE"); err != nil {
			t.Error(err)
		}
	})
	r.conn = on.connect(t, r.db)
	for i, s := range c.steps {
		if err := s(r); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// fill puts in what a case cannot know: {db}, its database, and {one}, the property that
// lets a table be made on a single backend.
func (r *caseRun) fill(text string) string {
	return strings.NewReplacer("{db}", r.db, "{one}", `PROPERTIES("replication_num"="1")`).Replace(text)
}

// runs executes statements that must succeed.
func runs(statements ...string) step {
	return func(r *caseRun) error {
		for _, st := range statements {
			if _, err := r.conn.Exec(r.fill(st)); err != nil {
				return fmt.Errorf("%s\n%w", st, err)
			}
		}
		return nil
	}
}

// withTable creates a primary key table t of the given columns, keyed by the first.
func withTable(columns string) step { return tableNamed("t", columns) }

func tableNamed(name, columns string) step {
	key, _, _ := strings.Cut(columns, " ")
	return runs("CREATE TABLE " + name + " (" + columns + ") PRIMARY KEY(" + key + ") DISTRIBUTED BY HASH(" + key + ") BUCKETS 1 {one}")
}

// selects expects a result: cells joined by |, NULL as NULL, every cell may be a glob.
func selects(query string, want ...string) step {
	return func(r *caseRun) error {
		got, err := queryRows(r.conn, r.fill(query))
		if err != nil {
			return fmt.Errorf("%s\n%w", query, err)
		}
		same := len(got) == len(want)
		for i := 0; same && i < len(got); i++ {
			same = got[i] == r.fill(want[i]) || globMatch(r.fill(want[i]), got[i])
		}
		if !same {
			return fmt.Errorf("%s\n got %q\nwant %q", query, got, want)
		}
		return nil
	}
}

// refuses expects an error whose text matches the glob, with one of the codes: both
// generations of a code are right on a cluster of any age.
func refuses(statement, message string, codes ...uint16) step {
	return func(r *caseRun) error {
		_, err := r.conn.Exec(r.fill(statement))
		var my *mysql.MySQLError
		switch {
		case !errors.As(err, &my):
			return fmt.Errorf("%s\n got %v, want a refusal", statement, err)
		case !slices.Contains(codes, my.Number) || !globMatch(r.fill(message), my.Message):
			return fmt.Errorf("%s\n got %d %s\nwant %d %s", statement, my.Number, my.Message, codes, message)
		}
		return nil
	}
}

// faulty adds a fault to the double; only cases with a server of their own use it.
func faulty(f Fault) step {
	return func(r *caseRun) error {
		r.double.Fault(f)
		return nil
	}
}

// together runs steps at the same time.
func together(steps ...step) step {
	return func(r *caseRun) error {
		errs := make([]error, len(steps))
		var wg sync.WaitGroup
		for i, s := range steps {
			wg.Go(func() { errs[i] = s(r) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// eventually repeats a step until it succeeds, for at most 15 s: states that change by
// themselves send no signal over the wire.
func eventually(s step) step {
	return func(r *caseRun) error {
		end := time.Now().Add(15 * time.Second)
		for {
			err := s(r)
			if err == nil || time.Now().After(end) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
