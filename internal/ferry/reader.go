package ferry

import (
	"context"
	"sync"

	"starferry/internal/change"
)

// reader reads a stream ahead of the loop. What waits between the two is bounded in
// bytes, not in events: one event may be a row of megabytes or a heartbeat. The
// loop takes everything that waits at once, so a busy loop pays the hand-over once
// for many events and an idle one gets each event immediately.
type reader struct {
	stream Stream
	cancel context.CancelFunc
	ended  sync.WaitGroup
	// ready holds a token while events or the error that ended the stream wait.
	ready chan struct{}

	head  []change.Event // taken from waiting; the loop's
	taken int            // so many of head are processed

	mutex   sync.Mutex
	room    *sync.Cond
	waiting []change.Event
	bytes   int // of waiting and head
	limit   int
	closed  bool
	err     error
}

func startReader(ctx context.Context, stream Stream, limit int) *reader {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{stream: stream, cancel: cancel, limit: max(limit, 1), ready: make(chan struct{}, 1)}
	r.room = sync.NewCond(&r.mutex)
	r.ended.Go(func() { r.read(ctx) })
	return r
}

func (r *reader) read(ctx context.Context) {
	for {
		event, err := r.stream.Next(ctx)
		r.mutex.Lock()
		for err == nil && r.bytes >= r.limit && !r.closed {
			r.room.Wait()
		}
		if err != nil {
			r.err = err
		} else {
			r.waiting = append(r.waiting, event)
			r.bytes += eventBytes(&event)
		}
		closed := r.closed
		r.mutex.Unlock()
		select {
		case r.ready <- struct{}{}:
		default:
		}
		if err != nil || closed {
			return
		}
	}
}

// events returns what is to be processed next, in order, and the error that ended
// the stream when nothing is left before it.
func (r *reader) events() ([]change.Event, error) {
	if r.taken < len(r.head) {
		return r.head[r.taken:], nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.head, r.waiting, r.taken = r.waiting, r.head[:0], 0
	if len(r.head) == 0 {
		return nil, r.err
	}
	return r.head, nil
}

// processed forgets the next n events of the head, which hold so many bytes, and makes room
// for as many more. It tells that nothing waits.
func (r *reader) processed(n, bytes int) (drained bool) {
	done := r.head[r.taken : r.taken+n]
	for i := range done {
		done[i].ReleaseRows() // batches hold copies
	}
	clear(done)
	r.taken += n
	r.mutex.Lock()
	r.bytes -= bytes
	drained = r.taken == len(r.head) && len(r.waiting) == 0
	more := !drained || r.err != nil
	r.mutex.Unlock()
	r.room.Signal()
	if more {
		select {
		case r.ready <- struct{}{}:
		default:
		}
	}
	return drained
}

// close ends the stream and waits for the reading goroutine.
func (r *reader) close() {
	r.cancel()
	r.mutex.Lock()
	r.closed = true
	r.mutex.Unlock()
	r.room.Broadcast()
	r.stream.Close()
	r.ended.Wait()
}

// eventBytes is what an event holds in memory, roughly.
func eventBytes(event *change.Event) int {
	const fixed = 128
	if event.Rows == nil {
		return fixed
	}
	return fixed + event.Rows.Bytes()
}
