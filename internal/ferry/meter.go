package ferry

import "time"

// meter knows how fast something goes, by what was done in the last seconds, and when it
// may be over.
type meter struct {
	began   time.Time // zero before the first sample
	samples []sample  // one a second, oldest first
	phase   string
}

type sample struct {
	at   time.Time
	rows uint64
}

const (
	meterInterval = time.Second
	meterSpan     = 10 * time.Second
)

// add notes how much was done by now. Another phase begins anew.
func (m *meter) add(now time.Time, phase string, rows uint64) {
	if n := len(m.samples); phase != m.phase || n > 0 && rows < m.samples[n-1].rows {
		*m = meter{phase: phase}
	}
	if len(m.samples) == 0 {
		m.began = now
	} else if now.Sub(m.samples[len(m.samples)-1].at) < meterInterval {
		return
	}
	m.samples = append(m.samples, sample{now, rows})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= meterSpan {
		m.samples = m.samples[1:]
	}
}

// rate is rows per second, 0 before it is known.
func (m *meter) rate() float64 {
	if len(m.samples) < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	return float64(last.rows-first.rows) / last.at.Sub(first.at).Seconds()
}

// left is about how long the rest takes, 0 while that is not known: before 1 % or 10 s,
// and beyond the estimate.
func (m *meter) left(now time.Time, rows, estimate uint64) time.Duration {
	rate := m.rate()
	if rate == 0 || rows >= estimate || (rows*100 < estimate && now.Sub(m.began) < meterSpan) {
		return 0
	}
	return time.Duration(float64(estimate-rows) / rate * float64(time.Second))
}
