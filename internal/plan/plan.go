// Package plan turns the statements of a script into a Plan: which source tables
// go to which target tables, how, and with which options in force. It is pure: it
// opens no file and no connection.
package plan

import (
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/expression"
)

// Plan is what one script asks for. All its statements are one deployment with one
// source and one target.
type Plan struct {
	// Name names the deployment: the option pipeline.name, else the script's file
	// name without folder and ending.
	Name   string
	Source Source
	Target Target
	// Routes are those of statements that name their source table, Selections the other
	// statements: see Resolve.
	Routes     []Route
	Selections []Selection
	Delivery   Delivery
	Settings   Settings
	// Options are all options in force and where each came from, for EXPLAIN.
	Options []OptionInForce
}

// Source says how to reach and read MySQL.
type Source struct {
	Host     string
	Port     int
	User     string
	Password diag.Secret
	// ServerID is what the ferry registers as with the source; 0 lets it be derived
	// from the deployment's identity.
	ServerID uint32
	// TLS is one of "preferred", "disabled", "required", "verify-identity".
	TLS            string
	ConnectTimeout time.Duration
	// Failover are the servers that may take its place, FailoverWait how long one that
	// lacks delivered transactions is waited for.
	Failover     []Host
	FailoverWait time.Duration
	// Booleans, Zone and ZeroDates say what becomes of TINYINT(1), TIMESTAMP ("" is UTC)
	// and of dates that are none.
	Booleans  bool
	Zone      string
	ZeroDates change.ZeroDates
	Startup   Startup
	// Barrier is how a page's read view is made new enough: "auto", "lock".
	Barrier string
}

// Host is where a server listens.
type Host struct {
	Name string
	Port int
}

// Target says how to reach StarRocks.
type Target struct {
	Query    []string // host:port of FE query ports
	Load     []string // host:port of FE HTTP ports
	User     string
	Password diag.Secret
	// RedirectHosts maps the host (or host:port) that a load is redirected to, to
	// the one that is reachable from here.
	RedirectHosts  map[string]string
	ConnectTimeout time.Duration
}

// Delivery is the promise a deployment makes.
type Delivery uint8

const (
	AtLeastOnce Delivery = iota
	ExactlyOnce
)

func (d Delivery) String() string { return [...]string{"at-least-once", "exactly-once"}[d] }

// CreateMode says how a missing target table is created.
type CreateMode uint8

const (
	// Normal takes the user's suffix as it is.
	Normal CreateMode = iota
	// Simple makes the suffix: olap, MySQL's primary key, hash over all of it.
	Simple
)

func (m CreateMode) String() string { return [...]string{"normal", "simple"}[m] }

// Route is one target table and what flows into it.
type Route struct {
	Source change.Name
	Target change.Name
	// Merged: one of several source tables of this target, which all have routes of their
	// own: the rows are told apart by _db_name and _table_name.
	Merged bool
	// ByPattern: no statement names the source table, it only matches.
	ByPattern bool
	Mode      CreateMode
	// Properties is starrocks.create.table.properties as written.
	Properties string
	Shape      expression.Shape
	Flush      Flush
	Load       Load
	OnBadRow   string // stop, dead-letter
	Schema     Schema
	// Place is the statement the route comes from.
	File *diag.File
	Span diag.Span
}

// Flush says when a batch is sent, whichever comes first.
type Flush struct {
	Interval time.Duration
	MaxBytes int
	MaxRows  int
}

// Load says how batches are sent.
type Load struct {
	// ColumnSeparator and RowDelimiter as written in the script, for example \x01.
	ColumnSeparator string
	RowDelimiter    string
	// Timeout is that of a load; with exactly-once, of an open transaction.
	Timeout time.Duration
	// PreparedTimeout is how long a prepared transaction is kept.
	PreparedTimeout time.Duration
	LabelPrefix     string
	// Headers are the other sink.properties.* that are passed on to StarRocks.
	Headers map[string]string
}

// Settings are the deployment-wide SETs.
type Settings struct {
	CheckpointInterval time.Duration // 0 when not set; never with exactly-once
	CheckpointTimeout  time.Duration
	// CheckpointMinPause, with exactly-once, is the least time between the end of a
	// checkpoint and the begin of the next.
	CheckpointMinPause time.Duration
	// PositionInside: with exactly-once, the position is part of each transaction, one per
	// target database, instead of two phases.
	PositionInside bool
	// MaxOpenTransactions, in two phases, bounds the transactions open in a target database.
	MaxOpenTransactions int
	Memory              int // bytes for batches, queue and pages together
	PageBytes           int // bytes of one page of a copy
	Parallelism         int // pages read at a time
	// MaxLag is how far the stream may be behind while pages are read.
	MaxLag time.Duration
	// SnapshotBytesPerSecond bounds what pages read, VerifyBytesPerSecond what
	// comparisons read; 0: not at all.
	SnapshotBytesPerSecond int
	VerifyBytesPerSecond   int
	// PauseThreads is how many threads may run at the source while pages are read; 0:
	// any number.
	PauseThreads int
	RowLess      RowLess
	// MendCascades: what unlogged foreign key actions change is repaired, not only said.
	MendCascades bool
	// FollowNew: tables that are created later are followed too, where a selection has them.
	FollowNew bool
}

// RowLess says what happens when a statement changes rows without row events.
type RowLess uint8

const (
	// RepairRowLess repairs after TRUNCATE and partition maintenance, and stops at DML.
	RepairRowLess RowLess = iota
	// RepairAllRowLess repairs after DML in statement format too.
	RepairAllRowLess
	// StopRowLess stops at each.
	StopRowLess
)

func (r RowLess) String() string { return [...]string{"repair", "repair-all", "stop"}[r] }

// OptionInForce is one option's value and origin.
type OptionInForce struct {
	Key    string
	Value  string // masked when the option is secret
	Origin string // "WITH", "OPTIONS", "SET", "catalog sr", "default"
	Route  string // target table for options of one statement, "" for all
}
