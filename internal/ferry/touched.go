package ferry

import "time"

// touched remembers which keys of a table changed, and when, while that matters: from
// the registration of the oldest page that is being read, or longer by a window on
// servers where a commit may be in the log for a while before it is visible and
// nothing can be asked about it. One memory serves all pages of the table: a key
// counts for a page if it changed after the page's registration less the window.
// Times are those of arrival. Exact bytes, not hashes: a row that the stream did not
// deliver must never be dropped.
type touched struct {
	window time.Duration // 0: the server has a better barrier
	since  time.Time     // nothing before this moment is known
	noLock bool          // an exact page was asked for in vain

	last  map[string]*touch
	order []queued // oldest first
	head  int      // the first of order that is not forgotten
	bytes int
}

type touch struct {
	key string
	at  time.Time
}

// queued is a key by the time of a change of it that is not later than its last.
type queued struct {
	*touch
	at time.Time
}

// touchCost is what a key costs beside its bytes, roughly.
const touchCost = 120

func (m *touched) add(now time.Time, key []byte) {
	if known := m.last[string(key)]; known != nil {
		known.at = now
		return
	}
	if m.last == nil {
		m.last = map[string]*touch{}
	}
	one := &touch{string(key), now}
	m.last[one.key] = one
	m.order = append(m.order, queued{one, now})
	m.bytes += touchCost + len(key)
}

// has tells whether a key changed at or after from.
func (m *touched) has(key []byte, from time.Time) bool {
	known := m.last[string(key)]
	return known != nil && !known.at.Before(from)
}

// forget lets go of the keys whose last change was before horizon.
func (m *touched) forget(horizon time.Time) {
	for m.head < len(m.order) && m.order[m.head].at.Before(horizon) {
		one := m.order[m.head].touch
		m.order[m.head] = queued{}
		m.head++
		if one.at.Before(horizon) {
			delete(m.last, one.key)
			m.bytes -= touchCost + len(one.key)
		} else { // it changed again: its turn comes later
			m.order = append(m.order, queued{one, one.at})
		}
	}
	if m.head > len(m.order)/2 {
		m.order = append(m.order[:0], m.order[m.head:]...)
		m.head = 0
	}
}

// clear forgets everything: what is known begins now.
func (m *touched) clear(now time.Time) {
	m.since, m.last, m.order, m.head, m.bytes = now, nil, nil, 0, 0
}

// wait is how long until a whole window is known.
func (m *touched) wait(now time.Time) time.Duration {
	if m.window == 0 {
		return 0
	}
	return m.window - now.Sub(m.since)
}
