package mysql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Invariant: before anything is read from a server, its log was seen to hold every
// transaction that was delivered; and pages come from the server the stream comes
// from. So every stream has a Source of its own, which has read anew whatever depends
// on the server: an address may lead to another one after a failover, and the same
// one may have other settings after a restart. Rejected: swapping the parts of one
// Source, under pages and a reader that are at work with them.

// Host is where a server listens.
type Host struct {
	Name string
	Port int
}

func (h Host) String() string { return net.JoinHostPort(h.Name, strconv.Itoa(h.Port)) }

// Servers are the servers that may take each other's place, one of which is followed.
type Servers struct {
	config Config
	hosts  []Host

	mu      sync.Mutex
	current *Source
	at      int             // its host
	fresh   bool            // no stream was opened on it
	stream  *Stream         // the last one
	checked map[string]bool // servers that may be followed, by identity
	foreign int             // streams in a row whose pages another server would have answered
	failed  *Stream         // the last of them
}

var (
	_ ferry.Source = (*Servers)(nil)
	_ ferry.Pages  = (*Servers)(nil)
)

const (
	defaultFailoverWait = time.Minute
	failoverPause       = 500 * time.Millisecond
	foreignMax          = 3
)

// ConnectServers logs in to the first server of the list that can be reached.
func ConnectServers(ctx context.Context, config Config) (*Servers, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Servers{config: config, hosts: append([]Host{{config.Host, config.Port}}, config.Failover...), checked: map[string]bool{}}
	var problems []error
	for i := range g.hosts {
		source, err := g.connect(ctx, i)
		if err == nil {
			g.current, g.at, g.fresh = source, i, true
			for _, problem := range problems {
				config.Notify("warning: %v; going on with the next server, %s", problem, source.address())
			}
			return g, nil
		}
		problems = append(problems, err)
	}
	return nil, diag.Join(problems...)
}

func (g *Servers) connect(ctx context.Context, i int) (*Source, error) {
	config := g.config
	config.Host, config.Port = g.hosts[i].Name, g.hosts[i].Port
	return Connect(ctx, config)
}

func (g *Servers) source() *Source {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current
}

// RegisterAs has streams register under another server id than the configured one. No
// stream may have been opened.
func (g *Servers) RegisterAs(serverID uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.config.ServerID, g.current.config.ServerID = serverID, serverID
}

// Server says what is known of the server that is followed.
func (g *Servers) Server() ServerInfo { return g.source().Server() }

// Start is where a first stream begins, on the server that is followed.
func (g *Servers) Start(ctx context.Context) (change.Position, error) { return g.source().Start(ctx) }

// Place is where a first stream begins that begins elsewhere.
func (g *Servers) Place(ctx context.Context, b Begin) (change.Position, error) {
	return g.source().Place(ctx, b)
}

// ChangesSince says what became of tables behind a place of the log.
func (g *Servers) ChangesSince(ctx context.Context, from change.Position, tables []*change.Table) (Changes, error) {
	return g.source().ChangesSince(ctx, from, tables)
}

// End is the end of that server's log now.
func (g *Servers) End(ctx context.Context) (change.Position, error) { return g.source().End(ctx) }

// Describe reads the schemas of tables as they are now.
func (g *Servers) Describe(ctx context.Context, names []change.Name) ([]*change.Table, error) {
	return g.source().Describe(ctx, names)
}

// DescribeEach reads the schemas of tables: of each it, or what keeps it from being
// followed.
func (g *Servers) DescribeEach(ctx context.Context, names []change.Name) ([]*change.Table, []error, error) {
	return g.source().DescribeEach(ctx, names)
}

// Tables lists the tables and the views of databases, or of all.
func (g *Servers) Tables(ctx context.Context, databases []string) (tables, views []change.Name, err error) {
	return g.source().Tables(ctx, databases)
}

// Estimates are rough numbers of rows.
func (g *Servers) Estimates(ctx context.Context, names []change.Name) (map[change.Name]uint64, error) {
	return g.source().Estimates(ctx, names)
}

// Cascades are the foreign keys whose effects the server does not log.
func (g *Servers) Cascades(ctx context.Context, tables []change.Name) ([]ferry.Cascade, error) {
	return g.source().Cascades(ctx, tables)
}

// Close ends the connections; streams are closed by themselves.
func (g *Servers) Close() error { return g.source().Close() }

// Check tells whether the server can be a source for these tables, and whether
// others could take its place.
func (g *Servers) Check(ctx context.Context, tables []change.Name) error {
	source := g.source()
	return diag.Join(g.checkList(source), g.check(ctx, source, tables))
}

func (g *Servers) check(ctx context.Context, source *Source, tables []change.Name) error {
	if err := source.Check(ctx, tables); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checked[source.server.ID] = true
	return nil
}

// checkList: only GTIDs are the same on all servers.
func (g *Servers) checkList(source *Source) error {
	if len(g.hosts) == 1 || source.server.Flavor == MariaDB || source.server.followsGTID() {
		return nil
	}
	return &diag.Problem{Code: codeFailover, Class: diag.Refused,
		Message: fmt.Sprintf("'failover.hosts' names servers to go on with, and MySQL %s has gtid_mode=%s: without GTIDs no other server has its positions", source.address(), source.server.GTIDMode),
		Fix: "on every server, one after the other: SET GLOBAL enforce_gtid_consistency = ON; SET GLOBAL gtid_mode = OFF_PERMISSIVE; SET GLOBAL gtid_mode = ON_PERMISSIVE; " +
			"when SHOW STATUS LIKE 'Ongoing_anonymous_transaction_count' is 0 everywhere: SET GLOBAL gtid_mode = ON;  or take 'failover.hosts' out of the script."}
}

// Open starts a stream behind from: on the server that was followed, or else on the
// next one of the list that can be reached and has everything that was delivered.
// Where one lacks something it is waited for.
func (g *Servers) Open(ctx context.Context, from change.Position, follow ferry.Follow) (ferry.Stream, error) {
	said := false
	for began := time.Now(); ; {
		stream, err := g.openAny(ctx, from, follow)
		var lacks *lackError
		if err == nil {
			return stream, nil
		}
		left := g.config.FailoverWait - time.Since(began)
		if !errors.As(err, &lacks) || left <= 0 {
			return nil, err
		}
		if !said {
			g.config.Notify("%v; waiting up to %s for them", err, g.config.FailoverWait)
			said = true
		}
		if err := sleep(ctx, min(failoverPause, left)); err != nil {
			return nil, err
		}
	}
}

// openAny tries each server once. Its error is that of a server that lacks
// transactions, else a transient one, else all.
func (g *Servers) openAny(ctx context.Context, from change.Position, follow ferry.Follow) (ferry.Stream, error) {
	g.mu.Lock()
	first := g.at
	g.mu.Unlock()
	var lacking, passing error
	var final []error
	for k := range g.hosts {
		stream, err := g.openOn(ctx, (first+k)%len(g.hosts), from, follow)
		var lacks *lackError
		switch {
		case err == nil:
			return stream, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &lacks):
			lacking = firstOf(lacking, err)
		case diag.IsTransient(err):
			passing = firstOf(passing, err)
		default:
			final = append(final, err)
		}
	}
	if lacking = firstOf(lacking, passing); lacking != nil {
		return nil, lacking
	}
	return nil, diag.Join(final...)
}

func firstOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// openOn opens a stream on one server, by a Source that is made for it.
func (g *Servers) openOn(ctx context.Context, i int, from change.Position, follow ferry.Follow) (ferry.Stream, error) {
	source, err := g.sourceFor(ctx, i, follow)
	if err != nil {
		return nil, err
	}
	opened, err := g.openSeen(ctx, source, from, follow)
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.current
	if err != nil {
		if source != old {
			source.Close()
		}
		return nil, err
	}
	if source != old {
		g.sayMove(old, source)
		old.Close()
	}
	g.current, g.at, g.fresh = source, i, false
	g.stream = opened.(*Stream)
	return opened, nil
}

// openSeen opens a stream on a server that has what the last stream has read, which
// may be more than the position it is opened at.
func (g *Servers) openSeen(ctx context.Context, source *Source, from change.Position, follow ferry.Follow) (ferry.Stream, error) {
	g.mu.Lock()
	last := g.stream
	g.mu.Unlock()
	if last != nil {
		if seen := last.reached(); seen.File != "" && seen != from {
			if !source.server.followsGTID() { // that it cannot be asked for there does not matter
				seen.Offset = min(seen.Offset, math.MaxUint32)
			}
			if err := source.checkLog(ctx, seen); err != nil {
				return nil, err
			}
		}
	}
	return source.Open(ctx, from, follow)
}

// sayMove says that another server is followed.
func (g *Servers) sayMove(old, now *Source) {
	if old.server.ID == now.server.ID {
		return
	}
	g.config.Notify("following %s %s (server %s) from here, in place of %s (server %s): it has everything that was delivered",
		now.server.Flavor, now.address(), now.server.ID, old.address(), old.server.ID)
}

// sourceFor connects to a server and sees whether it may be followed.
func (g *Servers) sourceFor(ctx context.Context, i int, follow ferry.Follow) (*Source, error) {
	g.mu.Lock()
	old, unused := g.current, g.fresh && g.at == i
	g.mu.Unlock()
	if unused {
		return old, nil
	}
	source, err := g.connect(ctx, i)
	if err != nil {
		return nil, old.reconnectProblem(err)
	}
	source.sizes = old.sizes
	g.mu.Lock()
	checked := g.checked[source.server.ID]
	g.mu.Unlock()
	if err = alike(old, source); err == nil {
		err = g.checkList(source)
	}
	if err == nil && !checked {
		names := follow.Join
		for _, table := range follow.Known {
			names = append(names, table.Name)
		}
		err = g.check(ctx, source, names)
	}
	if err != nil {
		source.Close()
		return nil, err
	}
	return source, nil
}

// alike: what is kept of one server must mean the same on the other.
func alike(old, now *Source) error {
	differs := ""
	switch {
	case old.server.Flavor != now.server.Flavor:
		differs = fmt.Sprintf("it is %s, the one that was followed is %s", now.server.Flavor, old.server.Flavor)
	case old.server.FoldsNames != now.server.FoldsNames:
		differs = "its lower_case_table_names differs from that of the one that was followed"
	}
	if differs == "" {
		return nil
	}
	return &diag.Problem{Code: codeFailover, Class: diag.Refused,
		Message: fmt.Sprintf("%s cannot take the place of %s: %s", now.address(), old.address(), differs),
		Fix:     "take it out of 'failover.hosts', or start again with an empty data directory."}
}

// ReadPage reads a page from the server the stream comes from. Where the address
// leads to another one by now, the stream has to follow: it ends, to be opened again.
func (g *Servers) ReadPage(ctx context.Context, request ferry.PageRequest) (ferry.Page, error) {
	page, err := g.source().ReadPage(ctx, request)
	p := diag.Find(err)
	g.mu.Lock()
	defer g.mu.Unlock()
	if p == nil || p.Code != codeOtherServer {
		if err == nil {
			g.foreign = 0
		}
		return page, err
	}
	if g.stream == nil || g.stream == g.failed {
		return page, err // said already
	}
	if g.foreign++; g.foreign >= foreignMax {
		return page, &diag.Problem{Code: codeOtherServer, Class: diag.Refused, Cause: err,
			Message: fmt.Sprintf("two servers answer behind the address %s", g.current.address()),
			Fix:     "give the address of one server, not of a load balancer or a reader endpoint: the copy must be read from the server that the binlog comes from."}
	}
	g.failed = g.stream
	g.stream.fail(err)
	return page, err
}

// Split finds a key of the table about in the middle of a span.
func (g *Servers) Split(ctx context.Context, table *change.Table, after, until *change.Rows) (*change.Rows, error) {
	return g.source().Split(ctx, table, after, until)
}

// Retention looks at how long the log behind a resumable position will be kept.
func (g *Servers) Retention(ctx context.Context, from change.Position) (Retention, error) {
	return g.source().Retention(ctx, from)
}

// Busy says why the source is too busy for pages, "" when it is not.
func (g *Servers) Busy(ctx context.Context) (string, error) { return g.source().Busy(ctx) }
