package mysql

import (
	"sync"

	"starferry/internal/change"
)

// pageSizes learns how many bytes a row of a table has, for the LIMIT.
type pageSizes struct {
	mu    sync.Mutex
	limit map[change.Name]int
	row   map[change.Name]float64
	// told are the servers' own averages where they were read with other things, 0 where
	// the server has none.
	told map[change.Name]int
}

const (
	firstLimit = 256
	maxLimit   = 200_000
)

// next is the LIMIT for a page of at most bytes.
func (p *pageSizes) next(table change.Name, bytes int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := firstLimit
	if row := p.row[table]; row > 0 {
		limit = int(float64(bytes)/row) + 1
	}
	if upper := p.limit[table]; upper > 0 {
		limit = min(limit, upper)
	}
	return min(max(limit, 1), maxLimit)
}

// tell notes what a server says of a row.
func (p *pageSizes) tell(table change.Name, average int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told == nil {
		p.told = map[change.Name]int{}
	}
	p.told[table] = average
}

// average is what the server has said of a row.
func (p *pageSizes) average(table change.Name) (bytes int, told bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes, told = p.told[table]
	return bytes, told
}

// saw notes a page that went well.
func (p *pageSizes) saw(table change.Name, rows, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.row == nil {
		p.row, p.limit = map[change.Name]float64{}, map[change.Name]int{}
	}
	if upper := p.limit[table]; upper > 0 {
		p.limit[table] = min(2*upper, maxLimit) // a slow page was an exception until proven otherwise
	}
	if rows == 0 {
		return
	}
	size := max(1, float64(bytes)/float64(rows))
	if old := p.row[table]; old > 0 {
		size = 0.5*old + 0.5*size
	}
	p.row[table] = size
}

// slow notes a page that the server's time limit ended: the next is half as long.
func (p *pageSizes) slow(table change.Name, limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.row == nil {
		p.row, p.limit = map[change.Name]float64{}, map[change.Name]int{}
	}
	p.limit[table] = max(1, limit/2)
}

func (p *pageSizes) unknown(table change.Name) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.row[table] == 0
}
