package emulator

import (
	"strconv"
	"strings"
	"time"
)

// ADMIN SHOW FRONTEND CONFIG lists those settings of a frontend that the double has, too.

func (p *parser) adminStatement() statement {
	p.expect("ADMIN")
	if !p.accept("SHOW") {
		p.refuse("ADMIN")
		return nil
	}
	p.expect("FRONTEND")
	p.expect("CONFIG")
	st := showStmt{what: "frontend config", limit: -1}
	if p.accept("LIKE") {
		st.like, st.hasLike = p.expectString(), true
	}
	return st
}

func (ss *session) showFrontendConfig() (*relation, error) {
	if !ss.can("OPERATE", "SYSTEM", 0, 0) {
		return nil, errDenied("OPERATE", "SYSTEM")
	}
	cfg := &ss.server.cfg
	seconds := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	var rows [][]value
	for _, c := range [][3]string{
		{"empty_load_as_error", "true", "boolean"},
		{"label_clean_interval_second", seconds(cfg.LabelCleanInterval), "int"},
		{"label_keep_max_num", strconv.Itoa(cfg.LabelKeepNum), "int"},
		{"label_keep_max_second", seconds(cfg.LabelKeep), "int"},
		{"max_running_txn_num_per_db", strconv.Itoa(cfg.MaxRunningTxns), "int"},
		{"prepared_transaction_default_timeout_second", seconds(cfg.PreparedTimeout), "int"},
		{"stream_load_default_timeout_second", seconds(cfg.LoadTimeout), "int"},
		{"stream_load_task_keep_max_num", strconv.Itoa(maxMultiTasks), "int"},
		{"transaction_clean_interval_second", seconds(txnTick), "int"},
	} {
		// Of these only the two intervals are read once, at the start.
		mutable := strconv.FormatBool(!strings.HasSuffix(c[0], "_interval_second"))
		rows = append(rows, texts(c[0], "[]", c[1], c[2], mutable, ""))
	}
	return virtual("", []string{"Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"}, rows), nil
}
