package mysql

import (
	"context"
	"net"

	"github.com/go-mysql-org/go-mysql/client"
)

// logIn opens a connection whose packets we read ourselves: the client library shakes
// hands, encrypts and logs in, and sends what we ask for. raw may be closed by any
// goroutine, everything else belongs to one.
func (s *Source) logIn(ctx context.Context, configure func(*client.Conn)) (conn *client.Conn, raw net.Conn, err error) {
	timeout, cancel := context.WithTimeout(ctx, s.config.ConnectTimeout)
	defer cancel()
	dialer := &net.Dialer{}
	logged := func() bool { return true }
	dial := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		if raw, err = dialer.DialContext(ctx, network, address); err == nil {
			logged = context.AfterFunc(timeout, func() { _ = raw.Close() }) // only ends the login
		}
		return raw, err
	}
	conn, err = client.ConnectWithDialer(timeout, "tcp", s.address(), s.config.User, s.config.Password.Reveal(), "", dial,
		func(c *client.Conn) error {
			c.SetTLSConfig(s.tls)
			c.SetAttributes(map[string]string{"program_name": "starferry"})
			configure(c)
			return nil
		})
	if !logged() {
		err = context.DeadlineExceeded
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		return nil, nil, s.loginProblem(err)
	}
	return conn, raw, nil
}
