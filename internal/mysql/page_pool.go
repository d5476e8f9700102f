package mysql

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pagePool keeps the connections of pages between them: as many as are in use at a time,
// of which the callers know the bound, and each for a minute.
type pagePool struct {
	source *Source
	room   chan struct{} // bounds those in use

	mu     sync.Mutex
	idle   []*pageConn // the last is the one used last
	closed bool
}

const (
	idleFor = time.Minute
	// trustFor is how long a connection counts as alive after it was used.
	trustFor = 50 * time.Millisecond
)

func newPagePool(s *Source) *pagePool {
	return &pagePool{source: s, room: make(chan struct{}, maxConnections)}
}

// with lends a connection. Behind an error it may be in a transaction, or set otherwise:
// it is not used any more.
func (p *pagePool) with(ctx context.Context, use func(c *pageConn) error) error {
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return p.source.reconnectProblem(ctx.Err())
	}
	defer func() { <-p.room }()
	c, err := p.take(ctx)
	if err != nil {
		return p.source.reconnectProblem(err)
	}
	err = use(c)
	if err != nil {
		c.broken = true
	}
	p.giveBack(c)
	return err
}

// take is a connection that was alive a moment ago.
func (p *pagePool) take(ctx context.Context) (*pageConn, error) {
	for {
		p.mu.Lock()
		if len(p.idle) == 0 {
			p.mu.Unlock()
			return p.source.dialPage(ctx)
		}
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		p.mu.Unlock()
		c.reaper.Stop()
		if time.Since(c.used) < trustFor || c.exec(ctx, "DO 0") == nil {
			return c, nil
		}
		c.close()
	}
}

// giveBack keeps a connection, or closes one that is broken.
func (p *pagePool) giveBack(c *pageConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.broken:
		c.close()
		return
	case p.closed:
		c.quit()
		return
	}
	c.used = time.Now()
	p.idle = append(p.idle, c)
	c.reaper = time.AfterFunc(idleFor, func() { p.reap(c) })
}

// reap closes a connection that nobody has taken.
func (p *pagePool) reap(c *pageConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		c.quit()
	}
}

// close ends the connections that are idle now, and the others when they come back.
func (p *pagePool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.reaper.Stop()
		c.quit()
	}
	p.idle = nil
}
