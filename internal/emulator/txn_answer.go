package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The answers of transaction operations. A backend writes its fields in a fixed order,
// indented by four; the frontend prints an unordered map, indented by two, so that its
// order is that of a hash table. Both always come with HTTP status 200.

// answerField is one member of an answer.
type answerField struct {
	name  string
	value any // string or integer
}

func writeFields(indent int, fields []answerField) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		text := fmt.Sprint(f.value)
		if s, ok := f.value.(string); ok {
			text = jsonText(s)
		}
		fmt.Fprintf(&b, "\n%s\"%s\": %s", strings.Repeat(" ", indent), f.name, text)
	}
	b.WriteString("\n}")
	return b.String()
}

// Status codes of a backend, as it spells them.
const (
	statusOK             = "OK"
	statusCancelled      = "CANCELLED"
	statusAnalysis       = "ANALYSIS_ERROR"
	statusInternal       = "INTERNAL_ERROR"
	statusTimeout        = "TIMEOUT"
	statusPublishTimeout = "PUBLISH_TIMEOUT"
	statusLabelExists    = "LABEL_ALREADY_EXISTS"
	statusInvalid        = "INVALID_ARGUMENT"
	statusAborted        = "ABORTED"
	statusUnavailable    = "SERVICE_UNAVAILABLE"
	statusMemory         = "MEM_LIMIT_EXCEEDED"
	statusDataQuality    = "DATA_QUALITY_ERROR"
	statusNoTxn          = "TXN_NOT_EXISTS"
	statusBusy           = "TXN_IN_PROCESSING"
)

// txnError is a status other than OK.
type txnError struct {
	code, message string
	existing      string // of LABEL_ALREADY_EXISTS: RUNNING or FINISHED
}

func (e *txnError) Error() string { return e.message }

func txnFail(code, format string, args ...any) *txnError {
	return &txnError{code: code, message: fmt.Sprintf(format, args...)}
}

// knownStatus are the failures that have a status of their own, by the start of their text.
var knownStatus = []struct{ prefix, code string }{
	{"too many filtered rows", statusInternal},
	{"primary key size exceed the limit", statusCancelled},
	{"Failed to load data into tablet", statusUnavailable},
	{"parse error", statusDataQuality},
	{"the value should be array type", statusDataQuality},
	{"The parameter 'skip_header'", statusInternal},
	{"The size of", statusInternal},
	{"receive body", statusInternal},
	{"unknown data format", statusInternal},
	{"not implemented by the embedded server", statusInternal},
	{"no valid Basic authorization", statusInternal},
	{"Invalid timeout format", statusInvalid},
	{"Invalid strict mode format", statusInvalid},
	{"Invalid load mem limit format", statusInvalid},
	{"load_mem_limit must", statusInvalid},
	{"exec_mem_limit must", statusInvalid},
	{"Invalid load_dop format", statusInvalid},
	{"Can not specify both", statusInvalid},
	{"Only one of http header", statusInvalid},
}

// asTxnError gives an error of the load path its status. What the frontend refuses, at
// begin, plan or commit, is an analysis error to a backend.
func asTxnError(err error) *txnError {
	switch e := err.(type) {
	case nil:
		return nil
	case *txnError:
		return e
	case *errLabelUsed:
		f := &txnError{code: statusLabelExists, message: e.Error(), existing: "FINISHED"}
		if e.running {
			f.existing = "RUNNING"
		}
		return f
	}
	text := messageOf(err)
	for _, k := range knownStatus {
		if strings.HasPrefix(text, k.prefix) {
			return &txnError{code: k.code, message: text}
		}
	}
	return &txnError{code: statusAnalysis, message: text}
}

// beReply is a backend's answer. c is nil where the backend answers about a label without
// its context: then there are no names in it.
func (s *Server) beReply(op, label string, c *txnContext, err *txnError) string {
	status, message := statusOK, ""
	if err != nil {
		status, message = err.code, err.message
	}
	fields := []answerField{{"Status", status}}
	switch status {
	case statusLabelExists:
		fields = append(fields, answerField{"ExistingJobStatus", err.existing})
	case statusBusy:
		fields = append(fields, answerField{"Label", label})
	}
	fields = append(fields, answerField{"Message", message})
	db, table := "", ""
	if c != nil {
		db, table = c.db, c.table
	}
	if s.has(featureLoadNames) {
		fields = append(fields, answerField{"Db", db}, answerField{"Table", table})
	}
	if err == nil {
		fields = append(fields, answerField{"Label", label})
		if c != nil {
			fields = append(fields, c.report(op)...)
		}
	}
	if c != nil && c.errorURL != "" {
		fields = append(fields, answerField{"ErrorURL", c.errorURL})
	}
	return writeFields(4, fields)
}

// report is what an operation that went well tells.
func (c *txnContext) report(op string) []answerField {
	ms := time.Duration.Milliseconds
	switch op {
	case "begin":
		return []answerField{{"TxnId", c.tx.id}, {"BeginTxnTimeMs", ms(c.beginTook)}}
	case "load":
		return []answerField{{"TxnId", c.tx.id}, {"LoadBytes", c.received}, {"StreamLoadPlanTimeMs", ms(c.planTook)}, {"ReceivedDataTimeMs", ms(c.receiveTook)}}
	case "prepare", "commit":
		n := c.counts
		return []answerField{{"TxnId", c.tx.id}, {"NumberTotalRows", n.total}, {"NumberLoadedRows", n.loaded}, {"NumberFilteredRows", n.filtered},
			{"NumberUnselectedRows", n.unselected}, {"LoadBytes", c.allReceived}, {"LoadTimeMs", ms(time.Since(c.begun))}, {"StreamLoadPlanTimeMs", ms(c.planTook)},
			{"ReceivedDataTimeMs", ms(c.allReceiveTook)}, {"WriteDataTimeMs", ms(c.allReceiveTook)}, {"CommitAndPublishTimeMs", ms(c.commitTook)}}
	}
	return nil
}

// feResult is an answer of the frontend: what was put into its map, in the order in
// which it was put.
type feResult struct {
	status, message string
	fields          []answerField
}

func (r *feResult) put(name string, value any) {
	for i, f := range r.fields {
		if f.name == name {
			r.fields[i].value = value
			return
		}
	}
	r.fields = append(r.fields, answerField{name, value})
}

func (r *feResult) fail(message string) { r.status, r.message = "FAILED", message }

func (r *feResult) json() string {
	status := r.status
	if status == "" {
		status = statusOK
	}
	all := append(slices.Clone(r.fields), answerField{"Status", status}, answerField{"Message", r.message})
	slots := 8
	for len(all)*4 > slots*3 {
		slots *= 2
	}
	slices.SortStableFunc(all, func(a, b answerField) int { return slotOf(a.name, slots) - slotOf(b.name, slots) })
	// The frontend's printer writes these two characters as escapes, too.
	return strings.NewReplacer("'", `\u0027`, "=", `\u003d`).Replace(writeFields(2, all))
}

// slotOf is the place of a name in a hash table of the frontend's language.
func slotOf(name string, slots int) int {
	var h uint32
	for _, c := range []byte(name) {
		h = h*31 + uint32(c)
	}
	return int((h ^ h>>16) & uint32(slots-1))
}

func sendFE(w http.ResponseWriter, r *feResult) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, r.json())
}

func sendBE(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, text)
}

// feError is an exception of the frontend: the name of its class is part of the answer.
type feError struct{ class, text string }

func (e *feError) Error() string { return "class " + e.class + ": " + e.text }

// loadError is the general exception of loading, which was renamed in 3.5.
func (s *Server) loadError(format string, args ...any) error {
	class := "com.starrocks.common.StarRocksException"
	if !s.cfg.release.atLeast(release{3, 5, 0}) {
		class = "com.starrocks.common.UserException"
	}
	return &feError{class, fmt.Sprintf(format, args...)}
}
