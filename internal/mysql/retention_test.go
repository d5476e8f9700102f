package mysql

import (
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// TestTimeLeftOfTheLog: a position in the file being written is in no danger; one in
// a file that was closed is, when little is left.
func TestTimeLeftOfTheLog(t *testing.T) {
	t.Parallel()
	for _, server := range []*testbed.Server{testbed.MySQL(t, "--max-connections=100"), testbed.MariaDB(t, "--max-connections=100")} {
		s := connect(t, server)
		from := start(t, s)
		left := func(at change.Position) Retention {
			t.Helper()
			r, err := s.Retention(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		server.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 90000")
		if r := left(from); r.Limited || r.Short() {
			t.Errorf("in the last file: %+v", r)
		}
		server.Exec(t, "FLUSH BINARY LOGS")
		r := left(from)
		if !r.Limited || r.Short() || r.Kept != 90000*time.Second || r.Left > r.Kept+2*time.Second || r.Left < r.Kept-time.Minute || r.File != from.File {
			t.Errorf("just closed: %+v", r)
		}
		server.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 3000")
		if r := left(from); !r.Short() || !strings.Contains(r.Advice(), "for about 50m0s more (binlog_expire_logs_seconds = 3000)") ||
			!strings.Contains(r.Advice(), "SET GLOBAL binlog_expire_logs_seconds = 604800;") {
			t.Errorf("%+v: %s", r, r.Advice())
		}
		// What an undecided transaction needs is kept in an earlier file.
		now := start(t, s)
		now.Undecided = from.File + ":4 "
		if r := left(now); r.File != from.File || !r.Short() {
			t.Errorf("with an undecided transaction: %+v", r)
		}
		if r := left(change.Position{File: from.File, Server: "another"}); r.Limited {
			t.Errorf("of another server: %+v", r)
		}
		server.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 0")
		if r := left(from); r.Limited {
			t.Errorf("kept for ever: %+v", r)
		}
	}
}

func TestTimeLeftBySize(t *testing.T) {
	t.Parallel()
	files := []logFile{{"a", 100}, {"b", 100}, {"c", 100}}
	l := logLimits{size: 1000, sizeSet: "max_binlog_total_size = 1000", age: 24 * time.Hour, ageName: "expire_logs_days = 1"}
	// 200 bytes in 20 minutes: 700 more take 70.
	r := l.retention(files, 0, 20*time.Minute)
	if r.Left.Round(time.Second) != 70*time.Minute || r.Short() || !strings.Contains(r.Advice(), "max_binlog_total_size") {
		t.Errorf("%+v", r)
	}
	if r := l.retention(files, 0, 23*time.Hour+30*time.Minute); !r.Short() || r.Left != 30*time.Minute || !strings.Contains(r.Advice(), "SET GLOBAL expire_logs_days = 7;") {
		t.Errorf("%+v %s", r, r.Advice())
	}
	l.size = 250
	if r := l.retention(files, 0, 20*time.Minute); !r.Short() || r.Left != 0 {
		t.Errorf("%+v", r)
	}
}
