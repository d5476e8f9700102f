package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The fault rules over HTTP, for the administrator only:
//
//	POST   /api/_faults       adds the rule of the body and answers it with its id
//	GET    /api/_faults       lists the rules
//	DELETE /api/_faults       removes all rules
//	DELETE /api/_faults/{id}  removes one
//
// A rule that could never act is refused: it would let a test pass for nothing.

// faultJSON is a rule as a client writes it.
type faultJSON struct {
	Op       string `json:"op"`
	Path     string `json:"path,omitempty"`
	Table    string `json:"table,omitempty"`
	Label    string `json:"label,omitempty"`
	Contains string `json:"contains,omitempty"`
	Skip     int    `json:"skip,omitempty"`
	Count    int    `json:"count,omitempty"`

	Delay          string `json:"delay,omitempty"`
	Status         int    `json:"status,omitempty"`
	Body           string `json:"body,omitempty"`
	Message        string `json:"message,omitempty"`
	Failure        string `json:"failure,omitempty"`
	Drop           string `json:"drop,omitempty"`
	PublishTimeout bool   `json:"publish_timeout,omitempty"`
	Hold           bool   `json:"hold,omitempty"`
	Redirect       string `json:"redirect,omitempty"`
	Statement      string `json:"statement,omitempty"`
	Event          string `json:"event,omitempty"`
}

// faultShown is a rule as the server lists it.
type faultShown struct {
	ID   int `json:"id"`
	Seen int `json:"seen"`
	Done int `json:"done"`
	faultJSON
	Error string `json:"error,omitempty"`
}

// failures are messages with a short name.
var failures = map[string]string{"too-many-versions": TooManyVersions, "memory-limit": MemoryLimit, "shutting-down": ShuttingDown, "lock-timeout": LockTimeout}

// faultActions are what a rule can do at each operation; "txn" stands for the operations
// of the transaction interface, on either port.
var faultActions = map[string][]string{
	"query":          {"delay", "message", "drop", "statement", "event"},
	"fe":             {"delay", "status", "drop", "statement", "event"},
	"be":             {"delay", "status", "drop", "statement", "event"},
	"fe-load":        {"delay", "status", "message", "drop before", "redirect", "statement", "event"},
	"be-load":        {"delay", "status", "message", "drop", "publish_timeout", "statement", "event"},
	"get_load_state": {"delay", "status", "drop before", "statement", "event"},
	"cancel":         {"delay", "status", "drop before", "statement", "event"},
	"publish":        {"delay", "hold"},
	"alter":          {"delay", "message"},
	"txn":            {"delay", "status", "message", "drop", "publish_timeout", "redirect", "statement", "event"},
}

var faultTxnOperations = []string{"begin", "load", "prepare", "commit", "rollback"}

func knownFaultOps() []string {
	ops := sortedNames(faultActions)
	ops = slices.DeleteFunc(ops, func(o string) bool { return o == "txn" })
	for _, port := range []string{"fe-txn-", "be-txn-"} {
		for _, o := range faultTxnOperations {
			ops = append(ops, port+o)
		}
	}
	return ops
}

// fault turns a rule into one of Go's, or says what is wrong with it.
func (j faultJSON) fault() (Fault, error) {
	f := Fault{Op: j.Op, Path: j.Path, Table: j.Table, LabelPrefix: j.Label, Contains: j.Contains, Skip: j.Skip, Count: j.Count, Status: j.Status, Body: j.Body,
		Message: j.Message, PublishTimeout: j.PublishTimeout, Hold: j.Hold, Redirect: j.Redirect, Statement: j.Statement, Event: j.Event}
	if !slices.Contains(knownFaultOps(), j.Op) {
		return f, fmt.Errorf("op %q: want one of %s", j.Op, strings.Join(knownFaultOps(), ", "))
	}
	if j.Delay != "" {
		d, err := time.ParseDuration(j.Delay)
		if err != nil || d <= 0 {
			return f, fmt.Errorf("delay %q: want a time such as 500ms or 10s", j.Delay)
		}
		f.Delay = d
	}
	if j.Failure != "" {
		if f.Message = failures[j.Failure]; f.Message == "" || j.Message != "" {
			return f, fmt.Errorf("failure %q: want one of %s, and no message", j.Failure, strings.Join(sortedNames(failures), ", "))
		}
	}
	switch j.Drop {
	case "":
	case "before":
		f.DropBefore = true
	case "after":
		f.DropAfter = true
	default:
		return f, fmt.Errorf("drop %q: want before or after", j.Drop)
	}
	switch {
	case j.Skip < 0 || j.Count < 0:
		return f, errors.New("skip and count cannot be negative")
	case j.Status != 0 && (j.Status < 200 || j.Status > 599):
		return f, fmt.Errorf("status %d: want 200 to 599", j.Status)
	case j.Body != "" && j.Status == 0:
		return f, errors.New("a body needs a status")
	case j.Event != "" && faultEvents[j.Event] == nil:
		return f, fmt.Errorf("event %q: want one of %s", j.Event, strings.Join(sortedNames(faultEvents), ", "))
	}
	if err := checkStatements(j.Statement); err != nil {
		return f, fmt.Errorf("statement: %w", err)
	}
	return f, f.checkActions()
}

func checkStatements(src string) error {
	all, err := splitStatements(src)
	if err != nil {
		return err
	}
	for _, toks := range all {
		if _, _, err := parseStatement(src, toks); err != nil {
			return err
		}
	}
	return nil
}

// actions are what the rule asks for, by the names of faultActions.
func (f *Fault) actions() []string {
	var out []string
	for name, asked := range map[string]bool{
		"delay": f.Delay > 0, "status": f.Status != 0, "message": f.Message != "", "drop before": f.DropBefore, "drop after": f.DropAfter,
		"publish_timeout": f.PublishTimeout, "hold": f.Hold, "redirect": f.Redirect != "", "statement": f.Statement != "", "event": f.Event != "",
	} {
		if asked {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (f *Fault) checkActions() error {
	kind := f.Op
	if strings.HasPrefix(kind, "fe-txn-") || strings.HasPrefix(kind, "be-txn-") {
		kind = "txn"
	}
	if f.Message == LockTimeout && !slices.Contains(lockTimeoutOps, f.Op) {
		return fmt.Errorf("failure lock-timeout: want one of the operations that commit, %s", strings.Join(lockTimeoutOps, ", "))
	}
	asked := f.actions()
	if len(asked) == 0 {
		return errors.New("the rule does nothing: give it a delay, status, message, failure, drop, publish_timeout, hold, redirect, statement or event")
	}
	for _, a := range asked {
		if able := faultActions[kind]; !slices.Contains(able, a) && !slices.Contains(able, strings.TrimSuffix(strings.TrimSuffix(a, " before"), " after")) {
			return fmt.Errorf("op %s cannot do %s; it can do %s", f.Op, a, strings.Join(able, ", "))
		}
	}
	return nil
}

func (r *faultRule) shown() faultShown {
	j := faultJSON{Op: r.Op, Path: r.Path, Table: r.Table, Label: r.LabelPrefix, Contains: r.Contains, Skip: r.Skip, Count: r.Count, Status: r.Status, Body: r.Body,
		Message: r.Message, PublishTimeout: r.PublishTimeout, Hold: r.Hold, Redirect: r.Redirect, Statement: r.Statement, Event: r.Event}
	if r.Delay > 0 {
		j.Delay = r.Delay.String()
	}
	switch {
	case r.DropBefore:
		j.Drop = "before"
	case r.DropAfter:
		j.Drop = "after"
	}
	return faultShown{ID: r.id, Seen: r.seen, Done: r.done, faultJSON: j, Error: r.failed}
}

// serveFaults answers /api/_faults; rest is what follows in the path.
func (s *Server) serveFaults(w http.ResponseWriter, r *http.Request, rest []string) {
	if !s.isAdministrator(w, r) {
		return
	}
	switch {
	case r.Method == http.MethodPost && len(rest) == 0:
		s.addFault(w, r)
	case r.Method == http.MethodGet && len(rest) == 0:
		faultAnswer(w, http.StatusOK, s.faults.list())
	case r.Method == http.MethodDelete && len(rest) == 0:
		faultAnswer(w, http.StatusOK, map[string]int{"removed": s.faults.removeAll()})
	case r.Method == http.MethodDelete && len(rest) == 1:
		id, err := strconv.Atoi(rest[0])
		if err != nil || !s.faults.remove(id) {
			faultAnswer(w, http.StatusNotFound, map[string]string{"error": "there is no rule " + rest[0]})
			return
		}
		faultAnswer(w, http.StatusOK, map[string]int{"removed": 1})
	default:
		faultAnswer(w, http.StatusMethodNotAllowed, map[string]string{"error": "want POST or GET or DELETE of /api/_faults, or DELETE of /api/_faults/{id}"})
	}
}

// isAdministrator tells whether the administrator asks; otherwise it has answered.
func (s *Server) isAdministrator(w http.ResponseWriter, r *http.Request) bool {
	ss, ok := s.authenticate(w, r)
	if !ok {
		return false
	}
	s.catalog.mu.RLock()
	admin := ss.account().admin
	s.catalog.mu.RUnlock()
	if !admin {
		faultAnswer(w, http.StatusForbidden, map[string]string{"error": "this is for the administrator"})
	}
	return admin
}

// maxFaultBody bounds a rule.
const maxFaultBody = 1 << 20

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var j faultJSON
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultBody))
	d.DisallowUnknownFields()
	err := d.Decode(&j)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("want one JSON object and nothing after it")
		}
	}
	var f Fault
	if err == nil {
		f, err = j.fault()
	}
	if err != nil {
		faultAnswer(w, http.StatusBadRequest, map[string]string{"error": messageOf(err)})
		return
	}
	faultAnswer(w, http.StatusOK, s.faults.add(f).shown())
}

func faultAnswer(w http.ResponseWriter, status int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}
