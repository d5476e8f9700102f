package mysql

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/mysql/packets"
)

// pageConn is a connection that pages are read over: its session is set, and the answers'
// packets are read without an allocation for each. It belongs to one goroutine.
//
// Rejected: database/sql with RawBytes, which costs four allocations and half of the time
// of a narrow row, twenty of a wide one, and cannot read the rest of an answer over.
type pageConn struct {
	client  *client.Conn
	raw     net.Conn // closed by any goroutine
	packets *packets.Reader
	command []byte // the packet of the statement at hand
	// broken: where the next answer begins is not known, or there will be none.
	broken bool
	used   time.Time   // when it was given back
	reaper *time.Timer // closes it when nobody takes it
}

// restBytes is how much of an answer that is not wanted any more is read over: what costs
// less than another connection.
const restBytes = 1 << 20

// dialPage logs in and sets the session.
func (s *Source) dialPage(ctx context.Context) (*pageConn, error) {
	silence := s.config.Silence + readMargin // a statement may take seconds before the server says anything
	conn, raw, err := s.logIn(ctx, func(c *client.Conn) {
		c.ReadTimeout, c.WriteTimeout = silence, silence
		c.BufferSize = 4 << 10 // for the login only
		c.UnsetCapability(gomysql.CLIENT_QUERY_ATTRIBUTES)
	})
	if err != nil {
		return nil, err
	}
	c := &pageConn{client: conn, raw: raw, packets: packets.NewReader(conn.Conn.Conn, silence)}
	if err := s.setSession(ctx, c); err != nil {
		c.close()
		return nil, s.loginProblem(err)
	}
	return c, nil
}

// close may be called twice; what it answers then is of no interest.
func (c *pageConn) close() { _ = c.raw.Close() }

// quit takes leave of the server, which would log a mere end as an error.
func (c *pageConn) quit() { _ = c.client.Quit() }

// query runs a statement and hands on its rows, as packets.Value takes them apart; none
// when it answers with none. An error of row ends the reading. A context that ends closes
// the connection.
func (c *pageConn) query(ctx context.Context, statement string, row func(columns int, row []byte) error) (err error) {
	c.broken = true // until the answer has been read to its end
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.close)
	defer func() {
		if !stop() {
			c.broken, err = true, ctx.Err()
		}
	}()
	c.command = append(append(c.command[:0], 0, 0, 0, 0, gomysql.COM_QUERY), statement...)
	c.client.ResetSequence()
	if err := c.client.WritePacket(c.command); err != nil {
		return err
	}
	answer, err := c.packets.Answer()
	if err != nil || answer.Columns == 0 {
		return c.ended(err)
	}
	for {
		p, err := answer.Row()
		if err == io.EOF {
			return c.ended(nil)
		}
		if err != nil {
			return c.ended(err)
		}
		if err := row(answer.Columns, p); err != nil {
			c.readOver(&answer)
			return err
		}
	}
}

// ended is behind the last packet that could be read: whole answers, and errors of the
// server, leave a connection that can be used further.
func (c *pageConn) ended(err error) error {
	// What stands behind an answer is the server's farewell.
	c.broken = err != nil && errorCode(err) == 0 || c.packets.Buffered()
	return err
}

// readOver reads the rest of an answer, unless there is much of it.
func (c *pageConn) readOver(answer *packets.Answer) {
	for left := restBytes; ; {
		n, err := answer.Ahead()
		if left -= n; err != nil || left < 0 {
			return
		}
		if _, err := answer.Row(); err == io.EOF {
			_ = c.ended(nil)
			return
		} else if err != nil {
			_ = c.ended(err) // the rest was not wanted, nor is what became of it
			return
		}
	}
}

// exec runs a statement whose answer says nothing.
func (c *pageConn) exec(ctx context.Context, statement string) error {
	return c.query(ctx, statement, func(int, []byte) error { return nil })
}

// each runs a statement and hands on its rows as text; NULL is "".
func (c *pageConn) each(ctx context.Context, statement string, row func(values []string)) error {
	return c.query(ctx, statement, func(columns int, p []byte) error {
		values := make([]string, columns)
		for i := range values {
			value, rest, ok := packets.Value(p)
			if !ok {
				return packets.ErrMalformed
			}
			values[i], p = string(value), rest
		}
		row(values)
		return nil
	})
}

// first is the first row of an answer; nil when there is none.
func (c *pageConn) first(ctx context.Context, statement string) (values []string, err error) {
	err = c.each(ctx, statement, func(row []string) {
		if values == nil {
			values = row
		}
	})
	return values, err
}
