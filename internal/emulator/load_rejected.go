package emulator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keepRejected writes the rows that a load refused into a file on the backend, one line
// each: the row, the reason, and the name of the source, which a stream has not.
func (s *Server) keepRejected(l *loader, res *loadResult) error {
	if len(l.rejected) == 0 {
		return nil
	}
	dir := filepath.Join(s.cfg.DataDir, "rejected_record")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("rejected records: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%d_%s", res.txnID, res.label))
	if err := os.WriteFile(path, []byte(strings.Join(l.rejected, "")), 0o600); err != nil {
		return fmt.Errorf("rejected records: %w", err)
	}
	host, _ := splitAddr(s.BEHTTPAddr())
	res.rejectedPath = host + ":" + path
	return nil
}

// reject keeps a row for the file of rejected records.
func (l *loader) reject(reason, row string) {
	if n := l.plan.opts.rejectedRecords; n == -1 || len(l.rejected) < n {
		l.rejected = append(l.rejected, row+"\t"+reason+"\t\n")
	}
}
