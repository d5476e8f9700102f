package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
)

type keeper struct {
	left time.Duration
	err  error
	of   change.Position
}

func (k *keeper) Retention(_ context.Context, from change.Position) (mysql.Retention, error) {
	k.of = from
	return mysql.Retention{Limited: true, Left: k.left, Kept: 30 * time.Hour, Setting: "binlog_expire_logs_seconds = 108000", File: from.File}, k.err
}

func TestLogThatIsDeletedSoonIsAnnounced(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newPrinter(Options{Out: &out, ProgressInterval: time.Hour}, "orders")
	now, k := start, &keeper{left: 9 * time.Hour}
	w := &logWatch{source: k, out: p, now: func() time.Time { return now }}
	look := func(after, left time.Duration) string {
		now, k.left = start.Add(after), left
		w.look(t.Context())
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if p.picture == nil {
			return ""
		}
		return progressLine("orders", p.picture, nil, p.logLeft)
	}
	look(0, time.Minute) // nothing is saved yet: nothing is asked
	if k.of.File != "" {
		t.Error("asked for nothing")
	}
	p.progress(&ferry.Progress{State: ferry.Streaming, Saved: change.Position{File: "binlog.000003", Offset: 7}, Position: change.Position{File: "binlog.000009"}})
	if line := look(time.Minute, 9*time.Hour); !strings.Contains(line, "log-left=9h0m0s") || k.of.File != "binlog.000003" {
		t.Error(line, k.of)
	}
	look(2*time.Minute, 8*time.Hour) // said already
	k.err = errors.New("no connection")
	if line := look(3*time.Minute, time.Minute); !strings.Contains(line, "log-left=8h0m0s") {
		t.Error(line)
	}
	k.err = nil
	look(12*time.Minute, 7*time.Hour)
	if line := look(13*time.Minute, 20*time.Hour); strings.Contains(line, "log-left") {
		t.Error(line)
	}
	p.close(nil)
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || !strings.Contains(lines[0], "warning: the source keeps binlog.000003, which a restart would begin with, for about 9h0m0s more") ||
		!strings.Contains(lines[1], "7h0m0s more") || !strings.Contains(lines[2], "long enough again") {
		t.Errorf("printed %q", lines)
	}
}
