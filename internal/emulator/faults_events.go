package emulator

import (
	"net"
	"net/http"
	"strings"
	"sync"
)

// faultEvents are what can happen to the cluster while a request is on its way.
var faultEvents = map[string]func(s *Server, f *Fault){
	"be-restart":    func(s *Server, _ *Fault) { s.RestartBackend() },
	"leader-change": func(s *Server, _ *Fault) { s.ChangeLeader() },
	"lose-prepared": func(s *Server, f *Fault) { s.LosePrepared(f.LabelPrefix) },
}

// RestartBackend is the backend ending and starting again: its connections are cut, with
// the loads on them, and it has forgotten every open transaction.
func (s *Server) RestartBackend() {
	closeAll(&s.beConns)
	s.forgetBackendTxns()
}

// ChangeLeader is another frontend becoming the leader: connections to the old one are
// cut, those of the query port included.
func (s *Server) ChangeLeader() {
	closeAll(&s.feConns)
	s.forgetLeaderMemory()
	s.sessions.Range(func(_, conn any) bool {
		_ = conn.(net.Conn).Close() // it may be closed already
		return true
	})
}

// LosePrepared aborts the prepared transactions whose labels begin with prefix, as their
// timeout would, and tells how many.
func (s *Server) LosePrepared(prefix string) (lost int) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	for _, db := range s.catalog.databases {
		for _, tx := range db.labels.prepared(prefix) {
			// A journal that cannot be written shows at the next request.
			_, _ = s.abortPrepared(tx, expiredReason)
			lost++
		}
	}
	return lost
}

func (b *labelBook) prepared(prefix string) []*transaction {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*transaction
	for _, tx := range b.order {
		if tx.state == txnPrepared && strings.HasPrefix(tx.label, prefix) {
			out = append(out, tx)
		}
	}
	return out
}

// act does what a rule asks for besides misanswering: somebody else's statement, and
// events. The error of the statement is kept for the listing.
func (s *Server) act(f *Fault) error {
	var err error
	if f.Statement != "" {
		ss := s.newSession(s.cfg.User)
		_, err = ss.execute(f.Statement)
	}
	if event := faultEvents[f.Event]; event != nil {
		event(s, f)
	}
	return err
}

// withFaults applies the rules for every request of a port.
func (s *Server) withFaults(op string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, faultPath) && op == "fe" {
			h(w, r)
			return
		}
		f := s.faults.match(Fault{Op: op, Path: r.URL.Path, Table: requestTable(r), LabelPrefix: requestLabel(r)})
		if s.applyFault(w, f) {
			return
		}
		if f != nil && f.DropAfter {
			h(&silentWriter{header: http.Header{}}, r)
			hangUp(w)
			return
		}
		h(w, r)
	}
}

const faultPath = "/api/_faults"

func requestLabel(r *http.Request) string {
	if l := r.Header.Get("label"); l != "" {
		return l
	}
	return r.URL.Query().Get("label")
}

func requestTable(r *http.Request) string {
	if parts, ok := pathParts(r); ok && len(parts) == 4 {
		return parts[2]
	}
	return r.Header.Get("table")
}

// silentWriter swallows an answer that the client will not get.
type silentWriter struct{ header http.Header }

func (w *silentWriter) Header() http.Header         { return w.header }
func (w *silentWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *silentWriter) WriteHeader(int)             {}

// connections are the open ones of an HTTP port.
type connections struct{ sync.Map }

func (c *connections) track(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.Store(conn, nil)
	case http.StateClosed, http.StateHijacked:
		c.Delete(conn)
	}
}

func closeAll(conns *connections) {
	conns.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close() // it may be closed already
		return true
	})
}
