package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Config says how to reach and read one server.
type Config struct {
	Host     string
	Port     int
	User     string
	Password diag.Secret
	// ServerID is what the stream registers as; the same for every run of a
	// deployment, different from every server's and every other deployment's.
	ServerID uint32
	// TLS is "preferred" (the default when empty), "disabled", "required" or
	// "verify-identity".
	TLS string
	// ConnectTimeout bounds one attempt to connect; 10 s when zero.
	ConnectTimeout time.Duration
	// Barrier is "auto" (the default when empty) or "lock".
	Barrier string
	// Heartbeat is how often an idle server says where its log ends; 500 ms when
	// zero, at most 1 s.
	Heartbeat time.Duration
	// PauseThreads is how many threads may run at the server before it is Busy; 0 for
	// any number.
	PauseThreads int
	// Failover are further servers that hold the same data, for Servers, and
	// FailoverWait how long one that lacks delivered transactions is waited for; a
	// minute when zero.
	Failover     []Host
	FailoverWait time.Duration
	// Silence is how long the server may say nothing on a stream, heartbeats included,
	// before the connection counts as lost; 30 s when zero.
	Silence time.Duration
	// HeldBytes bounds what is held in memory of undecided XA transactions, the rest of
	// which is kept in a temporary file, and of a transaction that may yet be rolled back,
	// the rest of which is read again then; 32 MiB when zero.
	HeldBytes int
	// Treatment is what becomes of some types.
	Treatment Treatment
	// Wants tells of a table that no stream was opened with whether it is followed when it
	// comes into being; may be called from any goroutine. Nil: none is.
	Wants func(change.Name) bool
	// Now is our clock, for tests; time.Now when nil.
	Now func() time.Time
	// Notify takes sentences for people: what is being waited for, and why. May be
	// nil; may be called from any goroutine.
	Notify func(format string, a ...any)
}

const (
	defaultConnectTimeout = 10 * time.Second
	defaultHeartbeat      = 500 * time.Millisecond
	maxHeartbeat          = time.Second
	defaultSilence        = 30 * time.Second
	defaultHeldBytes      = 32 << 20
	maxConnections        = 8
)

// Source is one MySQL or MariaDB server as a source of changes.
type Source struct {
	config Config
	db     *sql.DB
	server ServerInfo
	// variables are the server's global variables at Connect, by lower-case name.
	variables map[string]string
	// collations maps the numbers that the log uses to names.
	collations map[uint64]collation
	// defaults are the default collations of charsets.
	defaults    map[string]string
	currentUser string      // user@host as the server matched it
	tls         *tls.Config // for the connections whose packets we read; nil without TLS
	pages       *pagePool
	sizes       *pageSizes

	mu      sync.Mutex
	dumpID  uint32 // the connection of the last stream
	decided xaCommits
}

var (
	_ ferry.Source = (*Source)(nil)
	_ ferry.Pages  = (*Source)(nil)
)

type collation struct{ name, charset string }

// Connect logs in, sets and reads back the session, and learns what kind of server
// this is. Errors are *diag.Problem of class Unusable when the address, the login
// or TLS is wrong.
func Connect(ctx context.Context, config Config) (*Source, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{config: config, variables: map[string]string{}, sizes: &pageSizes{}}
	s.pages = newPagePool(s)
	if err := s.learn(ctx); err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(s.driverConfig())
	if err != nil {
		return nil, s.loginProblem(err)
	}
	s.db = sql.OpenDB(&sessionConnector{Connector: connector, source: s})
	s.db.SetMaxOpenConns(maxConnections)
	s.db.SetMaxIdleConns(2)
	s.db.SetConnMaxIdleTime(time.Minute)
	if err := s.db.PingContext(ctx); err != nil {
		s.db.Close()
		return nil, s.loginProblem(err)
	}
	if err := s.db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&s.currentUser); err != nil {
		s.db.Close()
		return nil, s.queryProblem("asking for CURRENT_USER()", err)
	}
	return s, nil
}

// Close ends the connections of the Source; streams are closed by themselves.
func (s *Source) Close() error {
	s.pages.close()
	return s.db.Close()
}

func (c Config) withDefaults() (Config, error) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = defaultConnectTimeout
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = defaultHeartbeat
	}
	c.Heartbeat = min(c.Heartbeat, maxHeartbeat)
	if c.FailoverWait == 0 {
		c.FailoverWait = defaultFailoverWait
	}
	if c.Silence == 0 {
		c.Silence = defaultSilence
	}
	if c.HeldBytes == 0 {
		c.HeldBytes = defaultHeldBytes
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TLS == "" {
		c.TLS = "preferred"
	}
	if c.Barrier == "" {
		c.Barrier = "auto"
	}
	if c.Notify == nil {
		c.Notify = func(string, ...any) {}
	}
	if c.Port == 0 {
		c.Port = 3306
	}
	switch {
	case c.ServerID == 0:
		return c, &diag.Problem{Code: codeConfig, Class: diag.Unusable, Message: "the server id to read the binary log with is 0",
			Fix: "give the deployment a server-id that no server and no other deployment uses."}
	case c.TLS != "preferred" && c.TLS != "disabled" && c.TLS != "required" && c.TLS != "verify-identity":
		return c, &diag.Problem{Code: codeConfig, Class: diag.Unusable, Message: fmt.Sprintf("unknown TLS mode '%s'", c.TLS),
			Fix: "use one of preferred, disabled, required, verify-identity."}
	case c.Barrier != "auto" && c.Barrier != "lock":
		return c, &diag.Problem{Code: codeConfig, Class: diag.Unusable, Message: fmt.Sprintf("unknown snapshot barrier '%s'", c.Barrier),
			Fix: "use one of auto, lock."}
	}
	return c, nil
}

// address is host:port, for connecting and for people.
func (s *Source) address() string {
	return net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port))
}

// driverConfig is how the control connections are made.
func (s *Source) driverConfig() *driver.Config {
	c := driver.NewConfig()
	c.User = s.config.User
	c.Passwd = s.config.Password.Reveal()
	c.Net = "tcp"
	c.Addr = s.address()
	c.Timeout = s.config.ConnectTimeout
	// A statement of ours may take seconds before the server says anything.
	c.ReadTimeout = s.config.Silence + readMargin
	c.WriteTimeout = s.config.Silence + readMargin
	c.Collation = "utf8mb4_general_ci"
	c.MaxAllowedPacket = 0 // as large as the server sends
	c.Logger = &driver.NopLogger{}
	c.ConnectionAttributes = "program_name:starferry"
	c.TLSConfig = map[string]string{
		"preferred": "preferred", "disabled": "false", "required": "skip-verify", "verify-identity": "true",
	}[s.config.TLS]
	return c
}

// packetsTLS is the TLS configuration of the stream's and the pages' connections: the
// same as the control connection got, so that "preferred" means the same on all.
func (s *Source) packetsTLS(encrypted bool) *tls.Config {
	if !encrypted {
		return nil
	}
	return &tls.Config{
		ServerName:         s.config.Host,
		InsecureSkipVerify: s.config.TLS != "verify-identity", // "required" encrypts and does not verify, as MySQL's own client
		MinVersion:         tls.VersionTLS12,
	}
}

// learn reads, over a connection of its own, what the sessions of the pool and the
// stream depend on.
func (s *Source) learn(ctx context.Context) error {
	connector, err := driver.NewConnector(s.driverConfig())
	if err != nil {
		return s.loginProblem(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return s.loginProblem(err)
	}
	defer conn.Close()
	// A hostile max_join_size stops even SHOW.
	if _, err := conn.ExecContext(ctx, "SET SESSION sql_big_selects = 1, SESSION sql_select_limit = "+noLimit); err != nil {
		return s.queryProblem("setting the session", err)
	}
	// MySQL does not know this one (1193), and its own limit is for SELECT only.
	if _, err := conn.ExecContext(ctx, "SET SESSION max_statement_time = 0"); err != nil && errorCode(err) != 1193 {
		return s.queryProblem("setting the session", err)
	}
	err = eachPair(ctx, conn, "SHOW GLOBAL VARIABLES", func(name, value string) { s.variables[name] = value })
	if err != nil {
		return s.queryProblem("SHOW GLOBAL VARIABLES", err)
	}
	encrypted := false
	err = eachPair(ctx, conn, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", func(_, value string) { encrypted = value != "" })
	if err != nil {
		return s.queryProblem("SHOW SESSION STATUS", err)
	}
	s.tls = s.packetsTLS(encrypted)
	s.server = s.serverInfo(encrypted)
	return s.learnCollations(ctx, conn)
}

func (s *Source) learnCollations(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, "SHOW COLLATION")
	if err != nil {
		return s.queryProblem("SHOW COLLATION", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return s.queryProblem("SHOW COLLATION", err)
	}
	s.collations, s.defaults = map[uint64]collation{}, map[string]string{}
	cells := make([]sql.RawBytes, len(columns))
	targets := make([]any, len(columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return s.queryProblem("SHOW COLLATION", err)
		}
		// MariaDB's context collations (uca1400_…) have no number of their own.
		if string(cells[3]) == "Yes" {
			s.defaults[string(cells[1])] = string(cells[0])
		}
		if id, err := strconv.ParseUint(string(cells[2]), 10, 64); err == nil {
			s.collations[id] = collation{name: string(cells[0]), charset: string(cells[1])}
		}
	}
	if err := rows.Err(); err != nil {
		return s.queryProblem("SHOW COLLATION", err)
	}
	return nil
}

// eachPair runs a statement whose answer begins with two columns, name and value.
func eachPair(ctx context.Context, conn querier, statement string, each func(name, value string)) error {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		each(name, value.String)
	}
	return rows.Err()
}

// querier is what *sql.DB and *sql.Conn have in common here.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
