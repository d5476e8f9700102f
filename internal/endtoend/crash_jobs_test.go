package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/crashpoint"
	"starferry/internal/testbed"
)

// jobAt are the points that only a job comes to, and the job that does.
var jobAt = map[string][]string{
	"verify-page-compared": {"verify"},
	"shadow-created":       {"resync", "--yes", "--table"},
	"shadow-filled":        {"resync", "--yes", "--table"},
	"swapped":              {"resync", "--yes", "--table"},
	"wiped":                {"resync", "--yes", "--wipe", "--table"},
}

// crashInJob crashes a job while the source is written to, and has the next process go
// on with it: what was begun is part of the checkpoint.
func crashInJob(t *testing.T, point string) {
	chance := seed(t)
	w := newWorld(t, testbed.MySQL(t))
	w.target(t, fmt.Sprintf("GRANT DELETE, DROP ON ALL TABLES IN DATABASE %s TO USER '%s'", w.database, w.user))
	load := &workload{w: w, seed: chance, rows: 3000, parts: 20}
	load.fill(t)
	script := w.write(t, "job.sql", w.script("SET 'snapshot.page-size' = '64kb';\n", route{from: "orders", to: "orders"}, route{from: "notes", to: "notes"}))
	w.catchUp(t, script)
	args := append([]string(nil), jobAt[point]...)
	if args[len(args)-1] == "--table" {
		args = append(args, w.database+".orders")
	}
	load.begin(t, 2)
	p := testbed.RunBinary(t, testbed.RunOptions{
		Dir: w.folder, Args: append(args, script), Tags: []string{"crashpoints"}, Env: []string{fmt.Sprintf("%s=%s:1", crashpoint.Variable, point)},
	})
	if <-p.Done(); !strings.Contains(p.Output(), fmt.Sprintf("crash at %s, time 1\n", point)) {
		t.Fatalf("it has not crashed at %s:\n%s", point, p.Output())
	}
	w.catchUp(t, script) // goes on with the job, while the writers go on
	load.end()
	if o := w.starferry(t, "verify", script); o.code != 0 {
		t.Error(o)
	}
	w.compare(t, "orders", "orders")
	w.compare(t, "notes", "notes")
}
