package mysql

import (
	"context"
	"sync"

	"starferry/internal/change"
)

// queue hands events from the reader to Next, bounded in bytes: an event counts
// what its rows hold. One event larger than the bound passes when nothing else is
// in the queue.
type queue struct {
	mu     sync.Mutex
	events []change.Event
	head   int
	bytes  int
	limit  int
	err    error         // the reader's last word; delivered after the events
	filled chan struct{} // capacity 1: something was put in
	freed  chan struct{} // capacity 1: something was taken out
}

// eventCost is what an event costs beside its rows.
const eventCost = 256

func newQueue(limit int) *queue {
	return &queue{limit: limit, filled: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

func cost(e *change.Event) int {
	if e.Rows == nil {
		return eventCost
	}
	return eventCost + e.Rows.Bytes()
}

// put appends an event and waits while the queue is full.
func (q *queue) put(ctx context.Context, e change.Event) error {
	n := cost(&e)
	for {
		q.mu.Lock()
		if q.head == len(q.events) || q.bytes+n <= q.limit {
			q.events = append(q.events, e)
			q.bytes += n
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

// end says that no event follows, and why.
func (q *queue) end(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	signal(q.filled)
}

// take waits for the next event.
func (q *queue) take(ctx context.Context) (change.Event, error) {
	for {
		q.mu.Lock()
		if q.head < len(q.events) {
			e := q.events[q.head]
			q.events[q.head] = change.Event{}
			q.head++
			q.bytes -= cost(&e)
			if q.head == len(q.events) {
				q.events, q.head = q.events[:0], 0
			} else if q.head > 1024 && q.head*2 > len(q.events) {
				q.events = append(q.events[:0], q.events[q.head:]...)
				q.head = 0
			}
			q.mu.Unlock()
			signal(q.freed)
			return e, nil
		}
		err := q.err
		q.mu.Unlock()
		if err != nil {
			return change.Event{}, err
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			return change.Event{}, ctx.Err()
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
