package starrocks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

const (
	// atATime is how many statements a client sends at a time at most.
	atATime  = 8
	idleTime = time.Minute // that a connection is kept
)

// Client is a connection to one cluster. Its methods may be called from several
// goroutines.
type Client struct {
	config  Config
	db      *sql.DB
	http    *http.Client
	version string
	// frontend is the index of the HTTP address that answered last.
	frontend atomic.Int32

	mu      sync.Mutex
	options map[change.Name]LoadOptions
	// declared is how targets are created, by their names.
	declared map[change.Name]TableSpec
	// shadows are tables that are to take the place of others.
	shadows map[change.Name]change.Name
	// asked is what the tables that are made ready one after the other need to know once.
	asked asked
	// open are the transactions that this process has begun.
	open map[checkpoint.Label]*opened
	// wait is how polling waits; a test replaces it.
	wait func(ctx context.Context, d time.Duration) error
}

// Connect logs in on the first query address that answers. The error is a Problem
// of class Unusable: no address answers, the password is wrong.
func Connect(ctx context.Context, config Config) (*Client, error) {
	config = config.withDefaults()
	if len(config.Query) == 0 || len(config.Load) == 0 {
		return nil, &diag.Problem{
			Code: CodeConfig, Class: diag.Unusable,
			Message: "no StarRocks address is given",
			Fix:     "set 'jdbc-url' = 'jdbc:mysql://host:9030' and 'load-url' = 'host:8030'.",
		}
	}
	c := newClient(config)
	connector, err := mysql.NewConnector(c.driverConfig())
	if err != nil {
		return nil, &diag.Problem{Code: CodeConfig, Class: diag.Unusable, Message: "the StarRocks connection cannot be configured", Cause: err}
	}
	c.db = sql.OpenDB(connector)
	c.db.SetMaxOpenConns(atATime)
	c.db.SetMaxIdleConns(atATime) // tables that are made ready together use all of them, again and again
	c.db.SetConnMaxIdleTime(idleTime)
	if err := c.db.QueryRowContext(ctx, "SELECT current_version()").Scan(&c.version); err != nil {
		c.Close()
		return nil, c.connectProblem(err)
	}
	return c, nil
}

// newClient is a client that has not logged in.
func newClient(config Config) *Client {
	return &Client{config: config, http: newHTTPClient(config), options: map[change.Name]LoadOptions{},
		declared: map[change.Name]TableSpec{}, shadows: map[change.Name]change.Name{}, open: map[checkpoint.Label]*opened{}, wait: sleep}
}

func (c *Client) driverConfig() *mysql.Config {
	d := mysql.NewConfig()
	d.User, d.Passwd = c.config.User, c.config.Password.Reveal()
	d.Net, d.Addr = "tcp", c.config.Query[0]
	// StarRocks prepares nothing but SELECT.
	d.InterpolateParams = true
	d.AllowNativePasswords = true
	d.Logger = silent{}
	// The frontends are equal: whichever answers serves. The driver asks again for
	// every new connection, so a frontend that goes away is replaced by the next.
	d.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var failed []error
		for _, address := range c.config.Query {
			dialer := net.Dialer{Timeout: c.config.ConnectTimeout}
			connection, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				return connection, nil
			}
			failed = append(failed, err)
		}
		return nil, &unreachable{failed}
	}
	return d
}

// unreachable is the dial error of all query addresses together.
type unreachable struct{ causes []error }

func (u *unreachable) Error() string   { return errors.Join(u.causes...).Error() }
func (u *unreachable) Unwrap() []error { return u.causes }

// silent keeps the driver from writing to standard error: its errors come back as
// errors too.
type silent struct{}

func (silent) Print(...any) {}

func (c *Client) connectProblem(err error) error {
	hosts := strings.Join(c.config.Query, ", ")
	var server *mysql.MySQLError
	if errors.As(err, &server) && (server.Number == 1045 || server.Number == 1044) {
		return &diag.Problem{
			Code: CodeLogin, Class: diag.Unusable,
			Message: fmt.Sprintf("StarRocks %s does not let user '%s' in: wrong user or password", hosts, c.config.User),
			Fix:     fmt.Sprintf("check 'username' and 'password', or set the password: ALTER USER '%s' IDENTIFIED BY '…';", c.config.User),
			Cause:   err,
		}
	}
	if errors.As(err, &server) {
		return &diag.Problem{Code: CodeSQL, Class: diag.Unusable, Message: fmt.Sprintf("StarRocks %s refuses to say its version", hosts),
			Fix: "check that the address is the query port of a StarRocks frontend, usually 9030.", Cause: err}
	}
	return &diag.Problem{
		Code: CodeUnreachable, Class: diag.Unusable,
		Message: fmt.Sprintf("StarRocks cannot be reached at %s", hosts),
		Fix:     "check host and port in 'jdbc-url' (the frontends' query port, usually 9030), the network between here and there, and that StarRocks runs.",
		Cause:   err,
	}
}

// Version is what current_version() says: "3.3.5-6d81f75".
func (c *Client) Version() string { return c.version }

// Close ends the connections. Loads under way end by their context.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return c.db.Close()
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
