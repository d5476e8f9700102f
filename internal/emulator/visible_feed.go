package emulator

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// visibleEvent is a transaction that became visible. Times are nanoseconds since 1970 by
// the server's clock.
type visibleEvent struct {
	Committed int64          `json:"committed"`
	Visible   int64          `json:"visible"`
	Tables    []visibleTable `json:"tables"`
}

// visibleTable is what a transaction did to one table; Rows counts upserts and deletes.
type visibleTable struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
}

// maxUnreadEvents is how far a reader of the feed may be behind before it is cut off.
const maxUnreadEvents = 1 << 20

// visibleFeed tells whoever listens what becomes visible, in that order for each table.
// StarRocks has nothing like it: a benchmark would have to poll, and would measure that.
type visibleFeed struct {
	mu      sync.Mutex
	readers map[*feedReader]bool
}

type feedReader struct {
	events []visibleEvent
	more   chan struct{}
	late   bool
}

func (f *visibleFeed) join() *feedReader {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == nil {
		f.readers = map[*feedReader]bool{}
	}
	r := &feedReader{more: make(chan struct{}, 1)}
	f.readers[r] = true
	return r
}

func (f *visibleFeed) leave(r *feedReader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
}

// tell is called by the transaction that became visible, before the next one of its tables may.
func (f *visibleFeed) tell(parts []txnPart, committed time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.readers) == 0 {
		return
	}
	e := visibleEvent{Committed: committed.UnixNano(), Visible: time.Now().UnixNano()}
	for _, p := range parts {
		e.Tables = append(e.Tables, visibleTable{p.table.db.name, p.table.name, p.delta.changes()})
	}
	for r := range f.readers {
		if r.late = r.late || len(r.events) >= maxUnreadEvents; r.late {
			r.events = nil
		} else {
			r.events = append(r.events, e)
		}
		select {
		case r.more <- struct{}{}:
		default: // it knows already
		}
	}
}

func (f *visibleFeed) take(r *feedReader) (events []visibleEvent, late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	events, r.events = r.events, nil
	return events, r.late
}

// serveVisible is GET /api/_visible: a line of JSON for every transaction that becomes
// visible, until the client goes. The head of the answer says that it listens.
func (s *Server) serveVisible(w http.ResponseWriter, r *http.Request) {
	if !s.isAdministrator(w, r) {
		return
	}
	reader := s.visible.join()
	defer s.visible.leave(reader)
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for {
		events, late := s.visible.take(reader)
		for _, e := range events {
			if lines.Encode(e) != nil {
				return // it has gone
			}
		}
		if late || control.Flush() != nil {
			return
		}
		select {
		case <-reader.more:
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
	}
}
