package emulator

import (
	"strings"
	"sync"
	"time"
)

// Fault is a rule that makes the server misbehave. The first group says when, the
// second what; a zero field matches everything.
type Fault struct {
	// Op is query, fe-load, be-load, get_load_state, cancel or publish.
	Op          string
	Table       string // table of a load
	LabelPrefix string // label of a load
	Contains    string // a part of a statement, for query
	Skip        int    // let this many matches pass first
	Count       int    // then act this often; 0 is always

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
}

// TooManyVersions is the message of a load refused for want of compaction.
const TooManyVersions = "Failed to load data into tablet 10008, because of too many versions, current/limit: 1001/1000. " +
	"You can reduce the loading job concurrency, or increase loading data batch size. If you are loading data with Routine Load, you can increase FE configs routine_load_task_consume_second and max_routine_load_batch_size."

type faultRules struct {
	mu    sync.Mutex
	rules []*faultRule
}

type faultRule struct {
	Fault
	seen, done int
}

// Fault adds a rule; remove takes it away again.
func (s *Server) Fault(f Fault) (remove func()) {
	r := &faultRule{Fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = append(s.faults.rules, r)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		for i, x := range s.faults.rules {
			if x == r {
				s.faults.rules = append(s.faults.rules[:i:i], s.faults.rules[i+1:]...)
				return
			}
		}
	}
}

// match finds the rule for an operation, described by the first group of fields, and
// counts its use.
func (fr *faultRules) match(what Fault) *Fault {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	for _, r := range fr.rules {
		if r.Op != what.Op || r.Table != "" && r.Table != what.Table ||
			!strings.HasPrefix(what.LabelPrefix, r.LabelPrefix) || !strings.Contains(what.Contains, r.Contains) {
			continue
		}
		r.seen++
		if r.seen <= r.Skip || r.Count > 0 && r.done >= r.Count {
			continue
		}
		r.done++
		f := r.Fault
		return &f
	}
	return nil
}
