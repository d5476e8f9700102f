package emulator

import (
	"fmt"
	"strings"
	"time"
)

// trackingSQL is how the log of a load's bad rows is read with SQL.
func trackingSQL(job int64) string {
	return fmt.Sprintf("SELECT tracking_log FROM information_schema.load_tracking_logs WHERE JOB_ID=%d", job)
}

// account keeps what a load counted and what was wrong with its rows, whether it commits
// or not.
func (tx *transaction) account(counts loadCounts, lines []string) {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	tx.counts = counts
	tx.log = strings.Join(lines, "\n")
}

func (tx *transaction) abortReason() string {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	return tx.reason
}

// progress is how far a load is.
func (tx *transaction) progress() string {
	switch {
	case tx.kind == mergeKind && tx.window > 0 && tx.ended.IsZero() && tx.committed.IsZero():
		return fmt.Sprintf("Merge Window %.2f%%", min(1, float64(time.Since(tx.begun))/float64(tx.window))*100)
	case tx.kind == mergeKind:
		return "Merge Window 100.00%"
	case tx.state == txnVisible:
		return "100%"
	}
	return "0%"
}

// trackingRows are the logs of bad rows of one database.
func (ss *session) trackingRows(db *database) [][]value {
	var rows [][]value
	for _, tx := range db.labels.list() {
		if tx.log == "" {
			continue
		}
		for _, name := range tx.tableNames() {
			if t := db.tables[name]; t != nil && ss.account().anyOnTable(t) {
				rows = append(rows, []value{intValue(tx.id), textValue(tx.label), textValue(db.name), textValue(tx.log), textValue(tx.kind)})
				break
			}
		}
	}
	return rows
}
