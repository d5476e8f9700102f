package testbed

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a wire that can go bad: a TCP port of 127.0.0.1 that leads to another
// address, until it is told to cut, stall, delay or refuse. Connections that are cut
// end with a reset, as those of a dead host do.
type Proxy struct {
	listener net.Listener
	pumps    sync.WaitGroup

	mu      sync.Mutex
	target  string
	open    map[net.Conn]struct{}
	closed  bool
	refuses bool
	delay   time.Duration
	flows   chan struct{} // closed while bytes flow
}

// NewProxy listens for connections to target. Close ends it.
func NewProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a proxy to %s: %w", target, err)
	}
	p := &Proxy{target: target, listener: listener, open: map[net.Conn]struct{}{}, flows: make(chan struct{})}
	close(p.flows)
	p.pumps.Go(p.accept)
	return p, nil
}

// ProxyTo is NewProxy for a test.
func ProxyTo(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Port is the number of its port.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Connections is how many are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// Cut resets every connection; new ones are served.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		reset(conn)
	}
}

// Point leads new connections to another address. Those that are open stay.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Refuse resets new connections, or no longer.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = on
}

// Stall lets no byte through in either direction, as a dead switch does: connections
// stay open, and new ones too are accepted and hear nothing. Flow ends it.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isClosed(p.flows) && !p.closed {
		p.flows = make(chan struct{})
	}
}

// Flow lets bytes through again, at once and without delay.
func (p *Proxy) Flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = 0
	if !isClosed(p.flows) {
		close(p.flows)
	}
}

// Delay holds every piece of a connection's bytes back for a while.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close() // can only have been closed before
	p.Flow()
	p.Cut()
	p.pumps.Wait()
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// reset closes a connection so that its peer is told at once and cannot take it for
// an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is gone
	}
	conn.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		if !p.keep(client, true) {
			reset(client)
			continue
		}
		p.pumps.Go(func() { p.serve(client) })
	}
}

// keep remembers an open connection; false means that it is not wanted.
func (p *Proxy) keep(conn net.Conn, fresh bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || (fresh && p.refuses) {
		return false
	}
	p.open[conn] = struct{}{}
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// serve joins two connections. When one ends, so does the other.
func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil || !p.keep(server, false) {
		reset(client)
		if err == nil {
			reset(server)
		}
		return
	}
	defer p.drop(server)
	var both sync.WaitGroup
	both.Go(func() { p.pump(server, client) })
	both.Go(func() { p.pump(client, server) })
	both.Wait()
}

func (p *Proxy) pump(to, from net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.hold()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold waits until bytes may go on.
func (p *Proxy) hold() {
	p.mu.Lock()
	flows, delay := p.flows, p.delay
	p.mu.Unlock()
	<-flows
	if delay > 0 {
		time.Sleep(delay) // what it is for
	}
}
