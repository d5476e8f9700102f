package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a running server. Its methods may be used by any number of goroutines.
type Server struct {
	cfg     Config
	catalog *catalog
	journal *journal
	faults  faultRules

	query, feListener, beListener net.Listener
	fe, be                        *http.Server

	feConns, beConns connections

	requests   sync.RWMutex // held for reading by every HTTP request; Close waits for them
	moment     sync.RWMutex // held for reading by every query, and while rows become visible
	closing    chan struct{}
	closeOnce  sync.Once
	background sync.WaitGroup

	sessions  sync.Map // *session → net.Conn
	sessionID atomic.Uint32
	txnID     atomic.Int64
	committed atomic.Int64
	errorLogs errorLogs

	txns         txnContexts
	multi        multiTasks
	merges       mergedLoads
	coordinators coordinatorCache
	visible      visibleFeed
}

// Start opens the three ports and, with a data directory, restores what was there. All
// ports accept when it returns.
func Start(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, catalog: newCatalog(), closing: make(chan struct{}), journal: &journal{}}
	s.txnID.Store(1000)
	s.faults.act = s.act
	s.catalog.users[cfg.User] = &user{name: cfg.User, hash: passwordHash(cfg.Password), admin: true}
	if cfg.DataDir != "" {
		if err := s.openJournal(cfg.DataDir); err != nil {
			return nil, err
		}
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.background.Go(s.serveQueries)
	s.background.Go(s.cleanLabelsRegularly)
	s.background.Go(s.tickTransactionsRegularly)
	s.background.Go(s.runAltersRegularly)
	s.serveHTTP(s.fe, s.feListener)
	s.serveHTTP(s.be, s.beListener)
	return s, nil
}

func (s *Server) listen() error {
	open := func(l *net.Listener, addr, what string) error {
		var err error
		if *l, err = net.Listen("tcp", addr); err != nil {
			return fmt.Errorf("%s port: %w", what, err)
		}
		return nil
	}
	if err := open(&s.query, s.cfg.QueryAddr, "query"); err != nil {
		return err
	}
	if err := open(&s.feListener, s.cfg.HTTPAddr, "frontend HTTP"); err != nil {
		return err
	}
	if err := open(&s.beListener, s.cfg.BEHTTPAddr, "backend HTTP"); err != nil {
		return err
	}
	s.fe = &http.Server{Handler: s.request(s.withFaults("fe", s.serveFE)), ReadHeaderTimeout: time.Minute, ConnState: s.feConns.track}
	s.be = &http.Server{Handler: s.request(s.withFaults("be", s.serveBE)), ReadHeaderTimeout: time.Minute, ConnState: s.beConns.track}
	return nil
}

func (s *Server) serveHTTP(h *http.Server, l net.Listener) {
	s.background.Go(func() {
		// Serve always ends with an error; Close is the only way it ends here.
		_ = h.Serve(l)
	})
}

// request makes Close wait for a handler, which may be committing.
func (s *Server) request(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.requests.TryRLock() {
			hangUp(w)
			return
		}
		defer s.requests.RUnlock()
		h(w, r)
	})
}

// Close stops the server: connections are cut, committed loads are made visible.
func (s *Server) Close() error {
	var errs []error
	s.closeOnce.Do(func() {
		close(s.closing)
		if s.query != nil {
			errs = append(errs, s.query.Close())
		}
		for _, h := range []*http.Server{s.fe, s.be} {
			if h != nil {
				errs = append(errs, h.Close())
			}
		}
		s.requests.Lock() // never given back: no request starts from here on
		for _, l := range []net.Listener{s.feListener, s.beListener} {
			if l != nil {
				_ = l.Close() // closed already when its server ran
			}
		}
		s.sessions.Range(func(_, conn any) bool {
			_ = conn.(net.Conn).Close()
			return true
		})
		s.txns.forget("the server is closed")
		s.background.Wait()
		errs = append(errs, s.journal.close())
	})
	return errors.Join(errs...)
}

// QueryAddr is the address of the MySQL-protocol port.
func (s *Server) QueryAddr() string { return s.query.Addr().String() }

// HTTPAddr is the address of the frontend's HTTP port.
func (s *Server) HTTPAddr() string { return s.feListener.Addr().String() }

// BEHTTPAddr is the address of the backend's HTTP port.
func (s *Server) BEHTTPAddr() string { return s.beListener.Addr().String() }

// Loads is the number of transactions committed since the start, INSERT and DELETE
// statements included.
func (s *Server) Loads() int { return int(s.committed.Load()) }

// LabelState is UNKNOWN, PREPARE, PREPARED, COMMITTED, VISIBLE or ABORTED.
func (s *Server) LabelState(database, label string) string {
	s.catalog.mu.RLock()
	db := s.catalog.databases[database]
	s.catalog.mu.RUnlock()
	if db == nil {
		return txnUnknown.String()
	}
	state, _ := db.labels.state(label)
	return state.String()
}

// Settle waits until every committed load of a table is visible.
func (s *Server) Settle(ctx context.Context, database, table string) error {
	s.catalog.mu.RLock()
	t, err := s.catalog.table(tableName{database, table})
	s.catalog.mu.RUnlock()
	if err != nil {
		return err
	}
	t.store.mu.RLock()
	done := t.store.published
	t.store.mu.RUnlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rows returns the visible rows of a table ordered by key, as the text SELECT prints;
// NULL is nil.
func (s *Server) Rows(database, table string) (columns []string, rows [][]*string, err error) {
	s.catalog.mu.RLock()
	t, err := s.catalog.table(tableName{database, table})
	if err != nil {
		s.catalog.mu.RUnlock()
		return nil, nil, err
	}
	cols := t.columns
	stored, reader := t.store.snapshot(cols, keyOrder)
	s.catalog.mu.RUnlock()
	for _, c := range cols {
		columns = append(columns, c.name)
	}
	cells := make([]value, len(cols))
	for _, r := range stored {
		reader.cells(r.row, cells)
		out := make([]*string, len(cols))
		for i, v := range cells {
			if v.kind != vNull {
				text := v.printed(cols[i].typ)
				out[i] = &text
			}
		}
		rows = append(rows, out)
	}
	return columns, rows, nil
}

// CleanLabels forgets labels at once, as the regular tick does.
func (s *Server) CleanLabels() {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	for _, db := range s.catalog.databases {
		db.labels.clean(s.cfg.LabelKeep, s.cfg.LabelKeepNum)
	}
}

func (s *Server) cleanLabelsRegularly() {
	tick := time.NewTicker(s.cfg.LabelCleanInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.CleanLabels()
		}
	}
}

// printed is the text of a value in a column of the given type.
func (v value) printed(t dataType) string {
	if v.kind == vFloat && t.kind == tFloat {
		return formatDouble(v.f, 32)
	}
	return v.text()
}
