package deploy

import (
	"context"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/mysql"
)

// A log that is deleted before it was read ends a deployment, so it is said while
// there is still time.

const (
	retentionInterval = time.Minute
	retentionRepeat   = 10 * time.Minute
)

// logKeeper is the source, for the one question asked here.
type logKeeper interface {
	Retention(ctx context.Context, from change.Position) (mysql.Retention, error)
}

// logWatch says when what a restart would begin with will not be kept much longer.
type logWatch struct {
	source logKeeper
	out    *printer
	now    func() time.Time
	saidAt time.Time // zero while there is nothing to say
}

// watchLog looks at how long the source keeps its log, until stop is called.
func watchLog(ctx context.Context, source logKeeper, out *printer) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { (&logWatch{source: source, out: out, now: time.Now}).run(ctx) })
	return func() { cancel(); watch.Wait() }
}

// run looks every minute until ctx ends.
func (w *logWatch) run(ctx context.Context) {
	ticker := time.NewTicker(retentionInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look(ctx)
		}
	}
}

func (w *logWatch) look(ctx context.Context) {
	saved := w.out.saved()
	if saved.File == "" {
		return
	}
	r, err := w.source.Retention(ctx, saved)
	switch {
	case err != nil:
		// A source that does not answer is the ferry's to say; what was said last stands.
	case !r.Short():
		if !w.saidAt.IsZero() {
			w.out.say("the source keeps its log long enough again")
		}
		w.saidAt = time.Time{}
		w.out.setLogLeft("")
	default:
		w.out.setLogLeft(max(r.Left, 0).Round(time.Minute).String())
		if now := w.now(); now.Sub(w.saidAt) >= retentionRepeat {
			w.saidAt = now
			w.out.say("warning: " + r.Advice())
		}
	}
}
