// Package emulator is a StarRocks-compatible server in one process: the query port
// speaks MySQL's protocol, the frontend port redirects loads, the backend port runs
// them. It is strict: what StarRocks refuses, it refuses, and what it cannot do it says.
package emulator

import (
	"fmt"
	"net"
	"time"
)

// Config describes a server. The zero value is a one-backend StarRocks 3.5 in memory on
// the usual ports of 127.0.0.1, with user root and no password.
type Config struct {
	// Addresses to listen on, by default 127.0.0.1:9030, :8030 and :8040; port 0 takes
	// any free one.
	QueryAddr, HTTPAddr, BEHTTPAddr string

	// User and Password of the administrator; User defaults to root.
	User, Password string

	// DataDir keeps the state across restarts; "" keeps it in memory only.
	DataDir string
	// Discard counts loaded rows and keeps none, for benchmarks. CSV without quoting is
	// not even looked at.
	Discard bool
	// Keep are the names of tables whose rows are kept all the same.
	Keep []string

	// Version is the StarRocks version to be, 2.5 or later, by default 3.5. Without its
	// third part it is the newest of its line.
	Version string
	release release
	// Backends is the number of backends, by default 1. Creating a table with more
	// replicas is refused, so with the default of DefaultReplication, 3, a table needs
	// "replication_num".
	Backends           int
	DefaultReplication int

	// PublishDelay is how long a committed load takes to become visible: the given time
	// give or take half of it, 50 ms by default; negative is none.
	PublishDelay time.Duration
	// RedirectHost is the host in the redirect to the backend. By default it is another
	// name than the one that was dialled: localhost for 127.0.0.1 and the reverse.
	RedirectHost string

	// LabelKeep and LabelKeepNum limit what is remembered of finished loads, by age (72 h)
	// and by number per database (1000); both are applied every LabelCleanInterval (4 h).
	LabelKeep          time.Duration
	LabelKeepNum       int
	LabelCleanInterval time.Duration

	MaxRunningTxns int // per database, by default 1000, before 3.2 100
	MaxVersions    int // per table between compactions, by default 1000
	MaxKeyBytes    int // of an encoded primary key, by default 128
	// AlterInterval is how often the scheduler moves schema changes on, by default every
	// 10 s: one that is not fast takes two of its ticks at least.
	AlterInterval time.Duration
	// Now is the clock of schema changes and compaction, by default time.Now.
	Now func() time.Time
	// LoadTimeout is for loads without a timeout header, by default 600 s, and PreparedTimeout
	// for prepared transactions without one, by default 24 h.
	LoadTimeout, PreparedTimeout time.Duration
}

func (c Config) withDefaults() (Config, error) {
	text := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	number := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	span := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	text(&c.QueryAddr, "127.0.0.1:9030")
	text(&c.HTTPAddr, "127.0.0.1:8030")
	text(&c.BEHTTPAddr, "127.0.0.1:8040")
	text(&c.User, "root")
	text(&c.Version, "3.5")
	number(&c.Backends, 1)
	number(&c.DefaultReplication, 3)
	number(&c.LabelKeepNum, 1000)
	number(&c.MaxVersions, 1000)
	number(&c.MaxKeyBytes, 128)
	span(&c.PublishDelay, 50*time.Millisecond)
	span(&c.LabelKeep, 72*time.Hour)
	span(&c.LabelCleanInterval, 4*time.Hour)
	span(&c.LoadTimeout, 600*time.Second)
	span(&c.PreparedTimeout, 24*time.Hour)
	span(&c.AlterInterval, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.AlterInterval < 0 {
		return c, fmt.Errorf("interval of schema changes %s: want more than none", c.AlterInterval)
	}
	for _, addr := range []string{c.QueryAddr, c.HTTPAddr, c.BEHTTPAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return c, fmt.Errorf("address %q: %w", addr, err)
		}
	}
	var err error
	if c.release, err = parseRelease(c.Version); err != nil {
		return c, err
	}
	transactions := 100
	if c.has(featureManyTransactions) {
		transactions = 1000
	}
	number(&c.MaxRunningTxns, transactions)
	return c, nil
}
