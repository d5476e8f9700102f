package emulator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a rule that makes the server misbehave. The first group says when, the
// second what; a zero field matches everything.
type Fault struct {
	// Op is query, alter (a schema change that is not fast), publish, or for HTTP fe-load,
	// be-load, get_load_state, cancel, fe-txn-begin, be-txn-begin and likewise load,
	// prepare, commit and rollback; fe and be are every request on that port.
	Op          string
	Path        string // how the path of a request begins, for fe and be
	Table       string // table of a load or of a schema change
	LabelPrefix string // label of a load
	Contains    string // a part of a statement, for query
	Skip        int    // let this many matches pass first
	Count       int    // then act this often; 0 is always

	// Statement is somebody else's: the administrator runs it before anything else. Event
	// is be-restart, leader-change, or lose-prepared, which takes the prepared transactions
	// whose labels begin with LabelPrefix. Neither goes with publish or alter.
	Statement, Event string

	Delay time.Duration // wait before doing anything else
	// Status and Body answer an HTTP request in place of doing it. Message makes a load
	// fail, or a query fail with error 1064, with that text, before anything happens.
	Status  int
	Body    string
	Message string
	// DropBefore closes the connection without doing anything; DropAfter does it all and
	// then closes the connection in place of the answer.
	DropBefore, DropAfter bool
	// PublishTimeout answers "Publish Timeout" although the load is committed.
	PublishTimeout bool
	// Hold keeps a committed load from becoming visible until the rule is removed.
	Hold bool
	// Redirect is the host, or host:port, of the redirect to the backend.
	Redirect string

	removed chan struct{} // closed when the rule is
}

// TooManyVersions is the message of a load refused for want of compaction.
const TooManyVersions = "Failed to load data into tablet 10008, because of too many versions, current/limit: 1001/1000. " +
	"You can reduce the loading job concurrency, or increase loading data batch size. If you are loading data with Routine Load, you can increase FE configs routine_load_task_consume_second and max_routine_load_batch_size."

// MemoryLimit is the message of a load that a backend has no memory for.
const MemoryLimit = "Memory of process exceed limit. Start execute plan fragment. Used: 10737418240, Limit: 10737418240. Mem usage has exceed the limit of BE"

// ShuttingDown is the message of a load that meets a backend on its way out; it is refused
// before it has a transaction.
const ShuttingDown = "Service is shutting down, please retry later!"

// LockTimeout is the message of a commit that could not have the lock of its database in
// time. What fails with it says for which database and how long.
const LockTimeout = "get database write lock timeout"

// lockTimeoutOps are the operations that commit.
var lockTimeoutOps = []string{"be-load", "be-txn-commit", "fe-txn-commit"}

// lockTimeout is the text for a commit that a backend asked for; timeout is the header.
func lockTimeout(db, timeout string) string {
	wait := int64(60000) // of the backend, for the frontend
	if seconds, err := strconv.ParseInt(timeout, 10, 32); err == nil {
		wait = max(seconds*1000/4, min(seconds*1000/2, wait))
	}
	return fmt.Sprintf("%s, database=%s, timeout=%dms", LockTimeout, db, wait*3/4)
}

type faultRules struct {
	mu    sync.Mutex
	last  int // id
	rules []*faultRule
	act   func(*Fault) error // statements and events
}

type faultRule struct {
	Fault
	id         int
	seen, done int
	failed     string // the error of the statement, when it was refused
}

// Fault adds a rule; remove takes it away again.
func (s *Server) Fault(f Fault) (remove func()) {
	id := s.faults.add(f).id
	return func() { s.faults.remove(id) }
}

// add gives a copy of the new rule.
func (fr *faultRules) add(f Fault) *faultRule {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	fr.last++
	f.removed = make(chan struct{})
	r := &faultRule{Fault: f, id: fr.last}
	fr.rules = append(fr.rules, r)
	added := *r
	return &added
}

func (fr *faultRules) remove(id int) bool {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	for i, r := range fr.rules {
		if r.id == id {
			close(r.removed)
			fr.rules = append(fr.rules[:i:i], fr.rules[i+1:]...)
			return true
		}
	}
	return false
}

func (fr *faultRules) removeAll() int {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	for _, r := range fr.rules {
		close(r.removed)
	}
	n := len(fr.rules)
	fr.rules = nil
	return n
}

func (fr *faultRules) list() []faultShown {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	out := make([]faultShown, len(fr.rules))
	for i, r := range fr.rules {
		out[i] = r.shown()
	}
	return out
}

// match finds the rule for an operation, described by the first group of fields, counts
// its use, and does what the rule does besides misanswering.
func (fr *faultRules) match(what Fault) *Fault {
	r, f := fr.find(what)
	if f == nil || f.Statement == "" && f.Event == "" {
		return f
	}
	if err := fr.act(f); err != nil {
		fr.mu.Lock()
		r.failed = messageOf(err)
		fr.mu.Unlock()
	}
	return f
}

func (fr *faultRules) find(what Fault) (*faultRule, *Fault) {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	for _, r := range fr.rules {
		if r.Op != what.Op || r.Table != "" && r.Table != what.Table || !strings.HasPrefix(what.Path, r.Path) ||
			!strings.HasPrefix(what.LabelPrefix, r.LabelPrefix) || !strings.Contains(what.Contains, r.Contains) {
			continue
		}
		r.seen++
		if r.seen <= r.Skip || r.Count > 0 && r.done >= r.Count {
			continue
		}
		r.done++
		f := r.Fault
		return r, &f
	}
	return nil, nil
}

// publishWait gives the time between the commit of a load and its rows being visible.
func (s *Server) publishWait(table, label string) (wait func()) {
	delay, held := s.cfg.PublishDelay, (chan struct{})(nil)
	if f := s.faults.match(Fault{Op: "publish", Table: table, LabelPrefix: label}); f != nil {
		delay += f.Delay
		if f.Hold {
			held = f.removed
		}
	}
	if delay > 0 {
		delay = delay/2 + rand.N(delay)
	}
	return func() {
		s.sleep(delay)
		if held != nil {
			select {
			case <-held:
			case <-s.closing:
			}
		}
	}
}
