package mysql

import (
	"context"
	"sync"

	"starferry/internal/change"
)

// queue hands events from the reader to Take, bounded in bytes: an event counts what its
// rows hold. It hands them over in batches, when there is nothing more to read at the
// moment or when a batch is full, so that a busy log pays for the hand-over once for many
// events and an idle one gets each event at once. One event larger than the bound passes
// when nothing else is in the queue. It is the only queue between the socket and the loop.
type queue struct {
	// filling is the reader's.
	filling batch

	mu     sync.Mutex
	ready  []batch
	head   int // of ready
	bytes  int // of ready and taken: what the taker has in hand counts
	limit  int
	err    error            // the reader's last word; delivered after the events
	spare  [][]change.Event // what batches were in
	filled chan struct{}    // capacity 1: something was put in
	freed  chan struct{}    // capacity 1: something was taken out

	taken batch // the taker's, until it takes the next
}

type batch struct {
	events []change.Event
	bytes  int
}

const (
	// eventCost is what an event costs beside its rows.
	eventCost = 256
	// batchBytes is how much is handed over at once.
	batchBytes = 64 << 10
	// sparesMax is how many used batches are kept for others.
	sparesMax = 32
)

func newQueue(limit int) *queue {
	return &queue{limit: limit, filled: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

func cost(e *change.Event) int {
	if e.Rows == nil {
		return eventCost
	}
	return eventCost + e.Rows.Bytes()
}

// put appends an event, and hands over the batch when it is full.
func (q *queue) put(ctx context.Context, e *change.Event) error {
	if q.filling.events == nil {
		q.filling.events = make([]change.Event, 0, batchBytes/eventCost)
	}
	q.filling.events = append(q.filling.events, *e)
	return q.grown(ctx, cost(e))
}

// grown counts bytes that the last event has more.
func (q *queue) grown(ctx context.Context, n int) error {
	if q.filling.bytes += n; q.filling.bytes < batchBytes {
		return nil
	}
	return q.flush(ctx)
}

// behindCommit tells that what was put last, and is not handed over, is the end of a
// transaction that no stream can be opened behind.
func (q *queue) behindCommit() bool {
	n := len(q.filling.events)
	return n > 0 && q.filling.events[n-1].Kind == change.Commit && !q.filling.events[n-1].Resumable
}

// lastRows is the event that was put last, while it is not handed over, if it has rows; else
// nil. Such a Commit does not count.
func (q *queue) lastRows() *change.Event {
	n := len(q.filling.events)
	if q.behindCommit() {
		n--
	}
	if n == 0 || q.filling.events[n-1].Rows == nil {
		return nil
	}
	return &q.filling.events[n-1]
}

// goOn forgets such a Commit: the rows of the next transaction follow.
func (q *queue) goOn() {
	if q.behindCommit() {
		q.filling.events = q.filling.events[:len(q.filling.events)-1]
		q.filling.bytes -= eventCost
	}
}

// flush hands over what was put, and waits while the queue is full.
func (q *queue) flush(ctx context.Context) error {
	if len(q.filling.events) == 0 {
		return nil
	}
	for {
		q.mu.Lock()
		if q.bytes == 0 || q.bytes+q.filling.bytes <= q.limit {
			q.add()
			q.mu.Unlock()
			signal(q.filled)
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// add makes ready what was put, with what waits before it if that is little.
func (q *queue) add() {
	q.bytes += q.filling.bytes
	if n := len(q.ready); n > q.head && q.ready[n-1].bytes+q.filling.bytes <= batchBytes {
		before := &q.ready[n-1]
		before.events = append(before.events, q.filling.events...)
		before.bytes += q.filling.bytes
		clear(q.filling.events)
		q.filling = batch{events: q.filling.events[:0]}
		return
	}
	if q.head > 64 && q.head*2 > len(q.ready) {
		q.ready, q.head = append(q.ready[:0], q.ready[q.head:]...), 0
	}
	q.ready = append(q.ready, q.filling)
	q.filling = batch{}
	if n := len(q.spare); n > 0 {
		q.filling.events, q.spare = q.spare[n-1], q.spare[:n-1]
	}
}

// end says that no event follows, and why.
func (q *queue) end(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	signal(q.filled)
}

// take gives up the batch that was taken last for the next, and tells of the end behind
// the last one.
func (q *queue) take() ([]change.Event, error) {
	clear(q.taken.events) // what is kept for other events holds no rows
	q.mu.Lock()
	used := q.taken
	q.bytes -= used.bytes
	q.taken = batch{}
	if used.events != nil && len(q.spare) < sparesMax {
		q.spare = append(q.spare, used.events[:0])
	}
	err := q.err
	if q.head < len(q.ready) {
		q.taken, q.ready[q.head] = q.ready[q.head], batch{}
		q.head++
		err = nil
	} else {
		q.ready, q.head = q.ready[:0], 0
	}
	q.mu.Unlock()
	if used.bytes > 0 {
		signal(q.freed)
	}
	return q.taken.events, err
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
