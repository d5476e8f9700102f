package starrocks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// loadReply is the answer to a load, read by key: versions differ in what they send
// and in which order.
type loadReply struct {
	Status               string
	ExistingJobStatus    string
	Message              string
	Msg                  string
	NumberLoadedRows     *int64
	NumberFilteredRows   int64
	NumberUnselectedRows int64
	LoadBytes            *int64
	ErrorURL             string
	unparseable          bool
}

func readReply(body []byte) loadReply {
	var r loadReply
	if err := json.Unmarshal(body, &r); err != nil || r.Status == "" {
		r.unparseable = true
	}
	if r.Message == "" {
		r.Message = r.Msg
	}
	return r
}

// transientTexts are parts of messages after which the same load may well succeed.
var transientTexts = []string{
	"too many versions", "too large compaction score", "current running txns", "memory", "mem_limit", "mem limit",
	"timeout", "timed out", "time out", "no backend alive", "no alive", "shutting down", "concurrent limit", "cuncurrent limit",
	"try again", "retry", "rpc", "connection", "unavailable", "not alive", "quorum", "too busy", "leader", "lock",
}

// goneTexts are parts of messages of a transaction that is not there any more; they are
// looked for first. Another one may well succeed.
var goneTexts = []string{
	"stream load task", "transaction with label", "no transaction found", "can't find the transaction", "current transaction is aborted",
	"can not commit", "hasn't send any data",
}

// refusedTexts are parts of messages after which it will fail again until somebody
// changes something; they are looked for next.
var refusedTexts = []string{
	"too many filtered rows", "more than max filter rate", "failed to find table", "primary key size exceed", "parse error", "unknown database", "unknown table", "does not exist",
	"access denied", "no valid basic authorization", "need auth", "has no source field", "duplicate column", "mapping column", "has no default value",
	"can not be specified", "only primary key table", "label format error", "unknown data format", "invalid ", "exceed the max size",
	"no rows were imported", "column separator", "don't equal", "out of range", "too long",
}

// classOf says whether a failure is worth trying again. A failure of an unknown kind
// inside StarRocks is: it is announced with every try, whereas stopping for what
// passes would need somebody to come.
func classOf(message string) diag.Class {
	text := strings.ToLower(message)
	switch {
	case holdsGone(message):
		return diag.Transient
	case holdsAny(text, refusedTexts):
		return diag.Refused
	case holdsAny(text, transientTexts):
		return diag.Transient
	}
	if strings.Contains(text, "ddlexception") || strings.Contains(text, "analysisexception") {
		return diag.Refused
	}
	return diag.Transient
}

// rowTexts are parts of messages that speak of rows of the load: without them StarRocks
// would take the others.
var rowTexts = []string{
	"too many filtered rows", "more than max filter rate", "no rows were imported", "primary key size exceed", "out of range", "too long", "exceed the max size",
	"parse error", "invalid utf-8", "don't equal",
}

// busyTexts are parts of messages of a StarRocks that would rather have fewer loads.
var busyTexts = []string{
	"too many versions", "too large compaction score", "current running txns", "memory", "mem_limit", "mem limit",
	"concurrent limit", "cuncurrent limit", "too busy",
}

// holdsGone tells that a message speaks of a transaction that is not there any more.
func holdsGone(message string) bool { return holdsAny(strings.ToLower(message), goneTexts) }

func holdsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// failure is the error of a load that StarRocks did not take and never will under its
// label.
func (l *loads) failure(b *batch, message, errorRows string) error {
	return failure(fmt.Sprintf("a load of %d rows into table %s", b.rows, readableTable(l.target)), l.target.Database, message, errorRows)
}

// failure is the error of something that StarRocks did not take.
func failure(what, database, message, errorRows string) error {
	p := failureProblem(what, database, message, errorRows)
	text := strings.ToLower(message)
	switch {
	case p.Class == diag.Transient:
		return &ferry.AbortedError{Cause: p, Busy: holdsAny(text, busyTexts)}
	case p.Code == CodeNoDatabase:
		return &ferry.AbortedError{Cause: p}
	case errorRows != "" || holdsAny(text, rowTexts):
		return &ferry.RefusedError{Cause: p}
	}
	return &ferry.AbortedError{Cause: &ferry.TableError{Cause: p}}
}

func failureProblem(what, database, message, errorRows string) *diag.Problem {
	p := &diag.Problem{
		Code: CodeLoadFailed, Class: classOf(message),
		Message: fmt.Sprintf("StarRocks did not take %s: %s", what, message),
	}
	if errorRows != "" {
		p.Message += "\n" + errorRows
	}
	text := strings.ToLower(message)
	switch {
	case p.Class == diag.Transient && strings.Contains(text, "too many versions"):
		p.Fix = "load less often: raise 'sink.buffer-flush.interval-ms' to 5000 or more."
	case p.Class == diag.Transient:
		p.Fix = "see to the state of the StarRocks cluster: SHOW BACKENDS;"
	case strings.Contains(text, "primary key size"):
		p.Code = CodeLoadRefused
		p.Fix = "a key is longer than primary_key_limit_size (128 bytes) of the backends: raise it there, or choose a shorter primary key."
	case strings.Contains(text, "unknown database"):
		p.Code = CodeNoDatabase
		p.Fix = fmt.Sprintf("restore the database; or CREATE DATABASE %s; and start with a new --data-dir: the tables are created and copied anew.", readableName(database))
	case holdsAny(text, []string{"unknown table", "failed to find table"}):
		p.Code = CodeNoTable
		p.Fix = "restore the table; or start with a new --data-dir: the table is created and copied anew."
	default:
		p.Code = CodeLoadRefused
		p.Fix = "correct the rows at the source, or let the target column take them: the lines above say which and why."
		if errorRows == "" {
			p.Fix = "change what the message names, then start again; nothing is lost, the position is kept."
		}
	}
	return p
}
