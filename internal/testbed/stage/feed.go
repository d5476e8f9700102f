package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ownTables begins the names of tables that the product keeps at the target for itself.
const ownTables = "_starferry"

// Visible is a transaction that became visible at the stand-in, by the clock of this machine.
type Visible struct {
	Committed, At time.Time
	// Rows are those of one database, upserts and deletes.
	Rows int64
}

// Feed is what becomes visible in one database, as it happens.
type Feed struct {
	C      <-chan Visible // closed when the feed ends
	err    error          // once C is closed
	cancel context.CancelFunc
}

// Watch listens to what becomes visible in a database of the target from now on.
func (s *Stage) Watch(ctx context.Context, database string) (*Feed, error) {
	ctx, cancel := context.WithCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.LoadAddr+"/api/_visible", nil)
	if err != nil {
		cancel()
		return nil, err
	}
	request.SetBasicAuth("root", "")
	answer, err := http.DefaultClient.Do(request)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the stand-in does not say what becomes visible: %s", answer.Status)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	events := make(chan Visible, 1<<16)
	f := &Feed{C: events, cancel: cancel}
	go func() {
		defer close(events)
		defer answer.Body.Close()
		for lines := json.NewDecoder(answer.Body); ; {
			var e struct {
				Committed, Visible int64
				Tables             []struct {
					Database, Table string
					Rows            int64
				}
			}
			if f.err = lines.Decode(&e); f.err != nil {
				return
			}
			v := Visible{Committed: time.Unix(0, e.Committed), At: time.Unix(0, e.Visible)}
			for _, t := range e.Tables {
				if t.Database == database && !strings.HasPrefix(t.Table, ownTables) {
					v.Rows += t.Rows
				}
			}
			select {
			case events <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return f, nil
}

// Close ends the feed.
func (f *Feed) Close() {
	f.cancel()
	for range f.C { // until it has ended
	}
}

// Next waits for the next transaction with rows, no longer than patience.
func (f *Feed) Next(ctx context.Context, patience time.Duration) (Visible, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case v, open := <-f.C:
			if !open {
				return v, fmt.Errorf("the stand-in ended what it says: %w", f.err)
			}
			if v.Rows > 0 {
				return v, nil
			}
		case <-ctx.Done():
			return Visible{}, context.Cause(ctx)
		case <-timer.C:
			return Visible{}, fmt.Errorf("nothing became visible for %v", patience)
		}
	}
}
