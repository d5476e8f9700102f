package emulator

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// serveFE is the frontend: it checks a load and sends the client to a backend; it never
// reads a body, so the client is never told to continue.
func (s *Server) serveFE(w http.ResponseWriter, r *http.Request) {
	parts, ok := pathParts(r)
	switch {
	case ok && len(parts) == 4 && parts[3] == "_stream_load" && r.Method == http.MethodPut:
		s.feLoad(w, r, parts[1], parts[2])
	case ok && len(parts) == 3 && parts[2] == "get_load_state" && r.Method == http.MethodGet:
		s.feLoadState(w, r, parts[1])
	case ok && len(parts) == 4 && parts[3] == "_cancel" && r.Method == http.MethodPost:
		s.feCancel(w, r, parts[1], parts[2])
	case ok && len(parts) == 3 && parts[1] == "transaction" && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		s.feTransaction(w, r, parts[2])
	case ok && len(parts) >= 2 && parts[1] == "_faults":
		s.serveFaults(w, r, parts[2:])
	case ok && len(parts) == 2 && parts[1] == "_visible" && r.Method == http.MethodGet:
		s.serveVisible(w, r)
	case r.URL.Path == "/api/health":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"online_backend_num":%d,"total_backend_num":%d,"status":"OK","code":"0","msg":"Success","message":"OK"}`, s.cfg.Backends, s.cfg.Backends)
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
}

// pathParts splits /api/a/b into its decoded parts.
func pathParts(r *http.Request) ([]string, bool) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil {
			return nil, false
		}
		parts[i] = text
	}
	return parts, parts[0] == "api"
}

// feLoad follows the order of StarRocks: Expect, names, privilege, node, redirect.
func (s *Server) feLoad(w http.ResponseWriter, r *http.Request, db, tbl string) {
	w.Header().Set("Connection", "close")
	fault := s.faults.match(Fault{Op: "fe-load", Table: tbl, LabelPrefix: r.Header.Get("label")})
	if s.applyFault(w, fault) {
		return
	}
	if r.ProtoAtLeast(1, 1) && !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		feFailed(w, "There is no 100-continue header")
		return
	}
	ss, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	switch {
	case db == "":
		feFailed(w, "No database selected.")
		return
	case tbl == "":
		feFailed(w, "No table selected.")
		return
	}
	if err := ss.mayLoad(db, tbl); err != nil {
		unauthorized(w, messageOf(err))
		return
	}
	if h := s.knownHeaders(r.Header); wantsMerge(h) && !s.feMerge(w, h, fault) {
		return
	}
	if fault != nil && fault.Message != "" {
		feFailed(w, fault.Message)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Location", "http://"+s.redirectTarget(r, fault)+r.URL.RequestURI())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// redirectTarget names the backend by another host name than the one that was dialled.
func (s *Server) redirectTarget(r *http.Request, fault *Fault) string {
	host := s.cfg.RedirectHost
	_, port := splitAddr(s.BEHTTPAddr())
	if fault != nil && fault.Redirect != "" {
		host = fault.Redirect
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
	}
	if host == "" {
		dialled, _ := splitAddr(r.Host)
		host = "127.0.0.1"
		if dialled == host {
			host = "localhost"
		}
	}
	return net.JoinHostPort(host, port)
}

// mayLoad checks INSERT. An unknown table is not refused here but by the backend, unless
// the user could not load it anyway.
func (ss *session) mayLoad(db, tbl string) error {
	c := ss.server.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, err := c.table(tableName{db, tbl})
	switch {
	case err != nil && ss.account().admin:
		return nil
	case err != nil || !ss.canTable("INSERT", t):
		return errDenied("INSERT", "TABLE "+tbl)
	}
	return nil
}

// authenticate checks HTTP Basic; otherwise it has answered 401.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (*session, bool) {
	name, password, ok := basicAuth(r)
	if !ok {
		unauthorized(w, "Need auth information.")
		return nil, false
	}
	remote, _ := splitAddr(r.RemoteAddr)
	if !s.checkPassword(name, password) {
		unauthorized(w, fmt.Sprintf("Access denied for %s@%s", name, remote))
		return nil, false
	}
	ss := s.newSession(name)
	ss.remote = remote
	return ss, true
}

// basicAuth reads the header; a cluster after an @ in the user name is dropped.
func basicAuth(r *http.Request) (name, password string, ok bool) {
	name, password, ok = r.BasicAuth()
	name, _, _ = strings.Cut(name, "@")
	return name, password, ok
}

func (s *Server) checkPassword(name, password string) bool {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	u := s.catalog.users[name]
	return u != nil && u.matchesPassword(password)
}

func (s *Server) feLoadState(w http.ResponseWriter, r *http.Request, dbName string) {
	label := r.URL.Query().Get("label")
	if s.httpFault(w, Fault{Op: "get_load_state", LabelPrefix: label}) {
		return
	}
	if _, ok := s.authenticate(w, r); !ok {
		return
	}
	if label == "" {
		feEnvelope(w, http.StatusOK, "FAILED", "No label selected.")
		return
	}
	s.catalog.mu.RLock()
	db := s.catalog.databases[dbName]
	s.catalog.mu.RUnlock()
	if db == nil {
		feEnvelope(w, http.StatusOK, "FAILED", "unknown database, database="+dbName)
		return
	}
	state, reason := db.labels.state(label)
	b := []byte(`{"state":` + jsonText(state.String()))
	if state != txnUnknown {
		b = append(b, `,"reason":`+jsonText(reason)...)
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write(append(b, `,"status":"OK","code":"0","msg":"Success","message":"OK"}`...)) // the client may be gone
}

func (s *Server) feCancel(w http.ResponseWriter, r *http.Request, dbName, tbl string) {
	label := r.URL.Query().Get("label")
	if s.httpFault(w, Fault{Op: "cancel", Table: tbl, LabelPrefix: label}) {
		return
	}
	ss, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	if label == "" {
		feEnvelope(w, http.StatusOK, "FAILED", "No label selected.")
		return
	}
	if err := ss.mayLoad(dbName, tbl); err != nil {
		unauthorized(w, messageOf(err))
		return
	}
	s.catalog.mu.RLock()
	db := s.catalog.databases[dbName]
	s.catalog.mu.RUnlock()
	if db == nil {
		feEnvelope(w, http.StatusOK, "FAILED", "unknown database, database="+dbName)
		return
	}
	if err := db.labels.cancel(label); err != nil {
		feEnvelope(w, http.StatusOK, "FAILED", messageOf(err))
		return
	}
	feEnvelope(w, http.StatusOK, "OK", "OK")
}

func jsonText(s string) string {
	b, err := json.Marshal(strings.ToValidUTF8(s, "?"))
	if err != nil {
		return `""`
	}
	return string(b)
}

// feEnvelope is the lower-case envelope of the frontend.
func feEnvelope(w http.ResponseWriter, code int, status, message string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(code)
	if status == "OK" {
		fmt.Fprint(w, `{"status":"OK","code":"0","msg":"Success","message":"OK"}`)
		return
	}
	m := jsonText(message)
	fmt.Fprintf(w, `{"status":"FAILED","code":"1","msg":%s,"message":%s}`, m, m)
}

// feFailed is the envelope of an exception in the load action: status 200 all the same.
func feFailed(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `{"Status":"FAILED","Message":%s}`, jsonText("class com.starrocks.common.DdlException: "+message))
}

func unauthorized(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Basic realm=""`)
	feEnvelope(w, http.StatusUnauthorized, "FAILED", message)
}

// httpFault applies the part of a rule that comes before the work; true means that the
// request is over.
func (s *Server) httpFault(w http.ResponseWriter, what Fault) bool {
	return s.applyFault(w, s.faults.match(what))
}

func (s *Server) applyFault(w http.ResponseWriter, f *Fault) bool {
	if f == nil {
		return false
	}
	s.sleep(f.Delay)
	switch {
	case f.DropBefore:
		hangUp(w)
		return true
	case f.Status != 0:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body)) // the client may be gone
		return true
	}
	return false
}

// hangUp closes the connection in place of an answer.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			_ = c.Close() // nothing was promised on it
			return
		}
	}
	panic(http.ErrAbortHandler)
}
