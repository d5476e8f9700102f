package endtoend

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

// peak is the most memory of a program while it was looked at, in megabytes.
func peak(p *testbed.Program) (most int) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(line, "VmHWM:"); err == nil && found {
				n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
				most = max(most, n>>10)
			}
		}
		select {
		case <-p.Done():
			return most
		case <-ticker.C:
		}
	}
}

// TestATransactionLargerThanTheMemory: what a ferry needs does not depend on how large a
// transaction is.
func TestATransactionLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(2000))", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits)
	script := w.write(t, "large.sql", w.script("SET 'memory' = '32mb';\n", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	w.exec(t, "INSERT INTO t SELECT n, REPEAT('x', 1500) FROM ("+numbersUpTo(100_000)+") AS numbers")
	p := w.start(t, script, "--until-caught-up")
	most := peak(p)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v\n%s", code, err, p.Output())
	}
	// 32 MB for rows, as much garbage, and the program itself.
	if t.Logf("at most %d MB", most); most == 0 || most > 110 {
		t.Errorf("%d MB of memory for a transaction of 150 MB", most)
	}
	var rows int
	if err := w.admin.QueryRow("SELECT COUNT(*) FROM " + w.database + ".t").Scan(&rows); err != nil || rows != 100_000 {
		t.Errorf("%d rows, %v", rows, err)
	}
}
