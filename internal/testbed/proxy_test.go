package testbed

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers every line with the same line.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

type line struct {
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *Proxy) *line {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &line{conn, bufio.NewReader(conn)}
}

// ask says a line and waits for the answer.
func (l *line) ask(text string, patience time.Duration) error {
	if _, err := l.Write([]byte(text + "\n")); err != nil {
		return err
	}
	return l.hear(patience)
}

func (l *line) hear(patience time.Duration) error {
	if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := l.lines.ReadString('\n')
	return err
}

func TestProxy(t *testing.T) {
	t.Parallel()
	const long, short = time.Minute, 50 * time.Millisecond
	p := ProxyTo(t, echo(t))
	first := dial(t, p)
	if err := first.ask("hello", long); err != nil {
		t.Fatal(err)
	}
	p.Stall()
	p.Stall() // twice is once
	second := dial(t, p)
	for _, l := range []*line{first, second} {
		if err := l.ask("are you there", short); err == nil {
			t.Error("an answer through a wire that stalls")
		}
	}
	p.Flow()
	p.Flow()
	for _, l := range []*line{first, second} {
		if err := l.hear(long); err != nil {
			t.Errorf("what was held back is lost: %v", err)
		}
	}
	p.Delay(short)
	began := time.Now()
	if err := first.ask("slow", long); err != nil || time.Since(began) < short {
		t.Error(err, time.Since(began))
	}
	p.Cut()
	if err := first.ask("cut", long); err == nil {
		t.Error("an answer through a wire that is cut")
	}
	p.Refuse(true)
	if conn, err := net.Dial("tcp", p.Addr()); err == nil { // the reset may be faster
		refused := &line{conn, bufio.NewReader(conn)}
		if err := refused.ask("refused", long); err == nil {
			t.Error("an answer of a proxy that refuses")
		}
		conn.Close()
	}
	p.Refuse(false)
	if err := dial(t, p).ask("again", long); err != nil {
		t.Error(err)
	}
	p.Stall()
	third := dial(t, p)
	p.Close()
	if err := third.ask("closed", long); err == nil {
		t.Error("an answer of a proxy that is closed")
	}
}
