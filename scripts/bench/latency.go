package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"starferry/internal/testbed"
	"starferry/internal/testbed/stage"
)

// delays is how long rows took from the commit in MySQL, as its client learns of it,
// until they were visible, and what of it was the stand-in's own publishing. Milliseconds.
type delays struct {
	Wanted    int       `json:"rows_per_second_wanted"`
	Rate      float64   `json:"rows_per_second"`
	Interval  int       `json:"flush_interval_ms"`
	Publish   string    `json:"publish_delay"`
	Visible   quantiles `json:"commit_to_visible_ms"`
	Published quantiles `json:"publish_ms"`
	Loads     int       `json:"loads"`
	CPU       float64   `json:"cpu_percent_of_a_core"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

const latencyName = "latency"

// speeds are transactions per second and rows of each: one client over one connection
// does not commit ten thousand times a second.
var speeds = []struct{ transactions, rows int }{{100, 1}, {1000, 1}, {1000, 10}}

var intervals = []int{0, 100, 1000}

// measureLatency measures with the publish delay of the rest, and with none: that is our own share.
func measureLatency(ctx context.Context, b *bench) error {
	publish := b.publish
	defer func() { b.publish = publish }()
	for _, b.publish = range []time.Duration{publish, 0} {
		err := b.play(ctx, true, sourceFlags, func(s *stage.Stage) error {
			if err := s.Exec(ctx, "CREATE DATABASE "+database, "USE "+database, liveTable); err != nil {
				return err
			}
			if _, err := s.Target.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
				return err
			}
			for _, interval := range intervals {
				for _, speed := range speeds {
					if b.publish == 0 && interval > 0 {
						continue // it is the interval then that is measured
					}
					one, err := b.delay(ctx, s, interval, speed.transactions, speed.rows)
					if err != nil {
						return err
					}
					say("latency: %d rows/s, interval %d ms, publishing %v: p50 %.1f ms, p99 %.1f ms", one.Wanted, interval, b.publish, one.Visible.P50, one.Visible.P99)
					b.report.Latency = append(b.report.Latency, one)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) delay(ctx context.Context, s *stage.Stage, interval, transactions, rows int) (one delays, err error) {
	if err := s.Logged(ctx, "TRUNCATE TABLE "+database+".live"); err != nil {
		return one, err
	}
	p, err := b.streaming(ctx, s, interval, fmt.Sprintf("latency-%v-%d-%d", b.publish, interval, transactions*rows))
	if err != nil {
		return one, err
	}
	defer p.Kill()
	feed, err := s.Watch(ctx, database)
	if err != nil {
		return one, err
	}
	defer feed.Close()
	last := 10 * time.Second
	if b.quick {
		last = 3 * time.Second
	}
	writing, cancel := context.WithTimeout(ctx, last)
	defer cancel()
	w, wrote := &writer{}, make(chan error, 1)
	cpu := stage.CPU(p.PID())
	go func() { wrote <- w.write(writing, s, transactions, rows) }()
	var shown []stage.Visible
	for seen, done := int64(0), false; !done || seen < w.committed.Load(); {
		select {
		case err := <-wrote:
			if err != nil {
				return one, err
			}
			done = true
			continue
		case v, open := <-feed.C:
			if !open {
				return one, errors.New("the stand-in ended what it says")
			}
			seen, shown = seen+v.Rows, append(shown, v)
		case <-time.After(silence):
			return one, fmt.Errorf("%d of %d rows are visible\n%s", seen, w.committed.Load(), p.Output())
		}
	}
	one = delays{Wanted: transactions * rows, Rate: w.rate(), Interval: interval, Publish: b.publish.String(), Loads: len(shown)}
	one.CPU = 100 * (stage.CPU(p.PID()) - cpu).Seconds() / w.ended.Sub(w.began).Seconds()
	one.Visible, one.Published = w.delays(shown, rows)
	return one, stage.Interrupted(ctx, p)
}

// streaming starts a run and waits until it only follows the log.
func (b *bench) streaming(ctx context.Context, s *stage.Stage, interval int, dataDir string) (*testbed.Program, error) {
	script, err := s.Write(stage.Script{Name: "latency", Database: database, Tables: []string{"live"}, From: noTLS,
		Sink: fmt.Sprintf(", 'sink.buffer-flush.interval-ms' = '%d'", interval)})
	if err != nil {
		return nil, err
	}
	p, err := s.Run("run", "--data-dir", dataDir, "--progress-interval", "100ms", script)
	if err != nil {
		return nil, err
	}
	_, err = p.WaitLine(ctx, "state=streaming")
	return p, err
}

// delays pairs the commits with what became visible: of one table, both come in one order.
func (w *writer) delays(shown []stage.Visible, rows int) (visible, publish quantiles) {
	var all, published []float64
	seen, next := int64(0), 0
	for _, v := range shown {
		published = append(published, milliseconds(v.At.Sub(v.Committed)))
		for seen += v.Rows; next < len(w.acknowledged) && int64((next+1)*rows) <= seen; next++ {
			// It may be visible before the client has heard of its commit.
			all = append(all, milliseconds(max(0, v.At.Sub(w.acknowledged[next]))))
		}
	}
	return quantilesOf(all), quantilesOf(published)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantilesOf(values []float64) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(q float64) float64 { return values[int(q*float64(len(values)-1))] }
	return quantiles{at(0.5), at(0.99), at(1)}
}
