package ferry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
)

const (
	tickInterval    = 10 * time.Millisecond
	publishInterval = 100 * time.Millisecond
	// stopTimeout is less than what the usual supervisors wait before they kill.
	stopTimeout = 8 * time.Second
)

// Run ferries until ctx is cancelled, the end of the log as asked at start is
// visible (Config.UntilCaughtUp), or something fails. A cancelled ctx is a graceful
// stop and no error, also when it ends with rows unsent: nothing is lost, the next start
// goes on from the last checkpoint.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := recoverEpoch(ctx, cfg)
	if err != nil {
		return fmt.Errorf("settling the last run: %w", err)
	}
	for {
		l, err := run(ctx, cfg)
		var back *redo
		if !errors.As(err, &back) {
			return err
		}
		if ctx.Err() != nil { // the next start goes back
			l.sayUnsent()
			return nil
		}
		if cfg, err = l.after(back); err != nil {
			return err
		}
		if cfg.wait(ctx, cfg.carried.pause()) != nil {
			return nil
		}
	}
}

// run runs one loop.
func run(ctx context.Context, cfg Config) (*loop, error) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &runner{loop: newLoop(cfg, time.Now()), work: work, results: make(chan func()), ticker: time.NewTicker(tickInterval)}
	defer r.close(cancel)

	if err := r.start(ctx); err != nil {
		return nil, err
	}
	r.loop.firstSave()
	r.loop.carryOnJobs()
	r.loop.tick(time.Now())
	for r.loop.err == nil && !r.loop.done {
		r.follow()
		r.runEffects()
		r.step(ctx)
	}
	r.publish(time.Now())
	if r.loop.err == nil && ctx.Err() == nil {
		return r.loop, r.loop.stopProblems() // caught up, but for these
	}
	return r.loop, r.loop.err
}

// runner gives the loop what it asks for: effects run in goroutines, events come from the
// stream.
type runner struct {
	loop        *loop
	work        context.Context
	group       sync.WaitGroup
	results     chan func()
	ticker      *time.Ticker
	publishedAt time.Time
	phase       phase // as published
	stopAt      time.Time

	stream Stream         // the loop's, when it was looked at last
	events []change.Event // taken from it, and not by the loop
	// more: something waits in the stream, perhaps, that Ready does not tell of again.
	more bool
}

// always is ready: something is there.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// start settles what an earlier process left, and finds where to begin.
func (r *runner) start(ctx context.Context) error {
	l := r.loop
	if err := l.settleEarlier(ctx); err != nil {
		return fmt.Errorf("settling the loads of the last run: %w", err)
	}
	crashpoint.Here("earlier-loads-settled")
	if err := l.restoreShadows(ctx); err != nil {
		return err
	}
	l.sayStopped()
	for _, t := range l.order {
		if err := cmp.Or(l.cfg.carried.broken[t.names()], l.cfg.Broken[t.route.Target]); err != nil {
			l.stopTable(t, err)
		}
	}
	if l.err != nil {
		return l.err
	}
	if l.resume.position.IsZero() {
		from := l.cfg.From
		if from.IsZero() {
			var err error
			if from, err = l.cfg.Source.Start(ctx); err != nil {
				return err
			}
		}
		l.resume.position = from
		l.settled.position = from
	}
	if l.cfg.UntilCaughtUp && l.until.IsZero() {
		end, err := l.cfg.Source.End(ctx)
		if err != nil {
			return err
		}
		l.until = end
	}
	crashpoint.Here("start-known")
	return nil
}

// step waits for the next thing to happen and lets the loop take it.
func (r *runner) step(ctx context.Context) {
	var ready <-chan struct{}
	switch {
	case r.stream == nil || !r.loop.wants():
	case r.more:
		ready = always
	default:
		ready = r.stream.Ready()
	}
	stop := ctx.Done()
	if r.loop.stopping {
		stop = nil
	}
	select {
	case <-ready:
		r.takeEvents()
	case result := <-r.results:
		r.loop.apply(time.Now(), result)
	case job := <-r.loop.cfg.Jobs:
		r.loop.takeJob(job)
	case <-r.ticker.C:
		r.loop.tick(time.Now())
	case <-stop:
		r.stopAt = time.Now().Add(r.loop.stopTimeout())
		r.loop.stop(time.Now())
	}
	now := time.Now()
	// A picture of many tables is drawn more rarely, unless it shows something else.
	since := now.Sub(r.publishedAt)
	if since >= publishInterval*time.Duration(1+len(r.loop.order)/200) || since >= publishInterval && r.phase != r.loop.phase() {
		r.publish(now)
	}
	if !r.stopAt.IsZero() && now.After(r.stopAt) {
		r.loop.giveUp()
	}
}

// phase is what a picture begins with.
type phase struct{ follows, reads bool }

func (l *loop) phase() phase { return phase{follows: l.stream != nil, reads: len(l.passes) > 0} }

// handOver is how many bytes of events the loop takes at a time: it is to hear soon of what
// has come of its effects.
const handOver = 1 << 20

// takeEvents hands the loop what has been read, until it does not want more.
func (r *runner) takeEvents() {
	now := time.Now()
	var err error
	r.more = true
	for bytes := 0; bytes < handOver && r.loop.wants(); r.events = r.events[1:] {
		if len(r.events) == 0 {
			if r.events, err = r.stream.Take(); len(r.events) == 0 {
				r.more = false
				break
			}
		}
		event := &r.events[0]
		bytes += eventBytes(event)
		r.loop.take(now, *event)
		event.ReleaseRows() // batches hold copies
	}
	if r.more {
		r.loop.advance()
	} else {
		r.loop.tick(now) // nothing waits: what was taken is to go
	}
	if err != nil {
		r.letGo()
		r.loop.streamEnded(now, err)
	}
}

// eventBytes is what an event holds in memory, roughly.
func eventBytes(event *change.Event) int {
	const fixed = 128
	if event.Rows == nil {
		return fixed
	}
	return fixed + event.Rows.Bytes()
}

// follow turns to the stream that the loop has opened, and ends one it has let go of: before
// another is opened, which the server would take for the same reader.
func (r *runner) follow() {
	if r.stream != nil && r.stream != r.loop.stream {
		r.letGo()
	}
	r.stream = r.loop.stream
}

// letGo ends the stream.
func (r *runner) letGo() {
	r.stream.Close()
	r.stream, r.events, r.more = nil, nil, false
}

func (r *runner) runEffects() {
	for _, e := range r.loop.effects {
		r.group.Go(func() {
			apply := e(r.work)
			select {
			case r.results <- apply:
			case <-r.work.Done():
			}
		})
	}
	r.loop.effects = r.loop.effects[:0]
}

func (r *runner) publish(now time.Time) {
	r.publishedAt, r.phase = now, r.loop.phase()
	if r.loop.cfg.Publish != nil {
		r.loop.cfg.Publish(r.loop.progress())
	}
}

// close ends everything that was begun and waits for it.
func (r *runner) close(cancel context.CancelFunc) {
	cancel()
	r.ticker.Stop()
	if r.stream != nil && r.stream != r.loop.stream {
		r.stream.Close()
	}
	if r.loop.stream != nil {
		r.loop.stream.Close()
	}
	r.group.Wait()
}

func (l *loop) stopTimeout() time.Duration {
	if l.cfg.StopTimeout > 0 {
		return l.cfg.StopTimeout
	}
	return stopTimeout
}
