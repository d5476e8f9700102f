package mysql

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/packets"
)

// Start is where a first stream begins. With GTIDs it is the executed set as read:
// what is in the log but not yet counted is then delivered, and what is counted is
// visible to every later page.
func (s *Source) Start(ctx context.Context) (change.Position, error) {
	set := ""
	if s.server.followsGTID() {
		if err := s.db.QueryRowContext(ctx, "SELECT @@global.gtid_executed").Scan(&set); err != nil {
			return change.Position{}, s.queryProblem("reading gtid_executed", err)
		}
	}
	position, err := s.End(ctx)
	if err != nil {
		return change.Position{}, err
	}
	if s.server.Flavor == MariaDB {
		if set, err = s.mariaPosition(ctx, position.File, position.Offset); err != nil {
			return change.Position{}, err
		}
	}
	position.GTIDs = compactSet(set)
	position.Begun, err = s.begun(ctx, position.File)
	return position, err
}

// compactSet takes the line breaks out of a GTID set.
func compactSet(set string) string {
	return strings.NewReplacer("\n", "", "\r", "", " ", "").Replace(set)
}

// End is the end of the source's log now, as file and offset.
func (s *Source) End(ctx context.Context) (change.Position, error) {
	var position change.Position
	err := s.pages.with(ctx, func(c *pageConn) (err error) {
		position, err = s.endOf(ctx, c)
		return err
	})
	position.Server = s.server.ID
	return position, err
}

// endOf is the end of the log. The GTID set in the answer is not looked at: rows become
// visible before their GTID is counted, so that set is no mark.
func (s *Source) endOf(ctx context.Context, conn *pageConn) (p change.Position, err error) {
	statement := s.statusStatement()
	row, err := conn.first(ctx, statement)
	switch {
	case err != nil:
		return p, s.queryProblem(statement, err)
	case len(row) < 2 || row[0] == "":
		return p, s.logOffProblem()
	}
	p.File = row[0]
	p.Offset, err = strconv.ParseUint(row[1], 10, 64)
	return p, s.queryProblem(statement, err)
}

// statusStatement asks for the end of the log.
func (s *Source) statusStatement() string {
	if s.server.Flavor == MySQL && s.server.atLeast(8, 2, 0) {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

// identityOf asks a connection which server it talks to.
func (s *Source) identityOf(ctx context.Context, conn *pageConn) (string, error) {
	row, err := conn.first(ctx, s.identityQuery())
	if err == nil && len(row) != 4 {
		err = packets.ErrMalformed
	}
	if err != nil {
		return "", s.queryProblem("asking the server who it is", err)
	}
	return identity(s.server.Flavor, row[0], row[1], row[2], row[3]), nil
}

// missing says which transactions of set the server has not executed, and which
// that set lacks it has purged from its log.
func (s *Source) missing(ctx context.Context, set string) (notExecuted, purged string, err error) {
	set = literal(set)
	query := "SELECT GTID_SUBTRACT(" + set + ", @@global.gtid_executed), GTID_SUBTRACT(@@global.gtid_purged, " + set + ")"
	if err := s.db.QueryRowContext(ctx, query).Scan(&notExecuted, &purged); err != nil {
		return "", "", s.queryProblem("comparing GTID sets", err)
	}
	return compactSet(notExecuted), compactSet(purged), nil
}

// opensByGTID tells how the log behind from is asked for: of MariaDB by file and
// offset on the server whose they are, as far as the command's offset goes.
func (s *Source) opensByGTID(from change.Position) bool {
	if s.server.Flavor == MariaDB {
		return from.GTIDs != "" && (from.Server != s.server.ID || from.Offset > math.MaxUint32)
	}
	return s.server.followsGTID() && from.GTIDs != ""
}

// executedAt is the set of transactions before a place in the log. A position has no
// set when there was none yet, or when gtid_mode was not ON yet: the server, asked for
// what comes behind the empty set, would leave out transactions without GTIDs.
func (s *Source) executedAt(ctx context.Context, place change.Position) (string, error) {
	d, err := s.dialDump(ctx)
	if err != nil {
		return "", s.reconnectProblem(err)
	}
	defer d.close()
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	if err := d.prepare(s, ""); err != nil {
		return "", err
	}
	if err := d.askFile(change.Position{File: place.File, Offset: 4}, 0); err != nil {
		return "", s.queryProblem("asking for the binary log", err)
	}
	d.parser.RowsUnread = true
	set := &gomysql.MysqlGTIDSet{}
	for at := uint64(4); at < place.Offset; {
		e, err := d.next()
		if err != nil {
			return "", s.dumpProblem(err, place)
		}
		switch e.Kind {
		case binlog.KindPreviousGTIDs:
			set, err = gomysql.DecodeMysqlGTIDSet(e.Body)
		case binlog.KindGTID, binlog.KindTaggedGTID:
			var g binlog.GTID
			if g, err = e.GTID(); err == nil {
				addGTID(set, g.ID, gomysql.NewTag(string(g.Tag)), g.Number)
			}
		}
		if err != nil {
			return "", s.dumpProblem(&parseError{err}, place)
		}
		if e.End != 0 && !e.Artificial() {
			at = endOffset(at, e.End)
		}
	}
	return set.String(), nil
}

// findFile looks for a file of the log: its size, and the name of the first there is.
func (s *Source) findFile(ctx context.Context, name string) (size uint64, first string, found bool, err error) {
	files, err := s.logFiles(ctx)
	for _, f := range files {
		if f.name == name {
			size, found = f.size, true
		}
	}
	if len(files) > 0 {
		first = files[0].name
	}
	return size, first, found, err
}

func (s *Source) purgedProblem(what string, cause error) error {
	return &diag.Problem{Code: codePurged, Class: diag.Refused, Cause: cause,
		Message: fmt.Sprintf("MySQL %s no longer has the log that comes next: %s", s.address(), what),
		Fix: "the changes in between cannot be had from this server. Either point the script at a server that still has them, " +
			"or start again with an empty data directory to copy the tables anew; then keep the log longer: SET GLOBAL binlog_expire_logs_seconds = 604800;"}
}

// lackError says which delivered transactions a server has not: it may get them yet.
type lackError struct{ transactions string }

func (e *lackError) Error() string { return "transactions " + e.transactions }

func (s *Source) lacksProblem(transactions string) error {
	return s.beyondProblem("it lacks transactions "+transactions, &lackError{transactions})
}

func (s *Source) beyondProblem(what string, cause error) error {
	return &diag.Problem{Code: codeBeyond, Class: diag.Refused, Cause: cause,
		Message: fmt.Sprintf("MySQL %s has less than what was already delivered: %s", s.address(), what),
		Fix: "this server lost transactions or is not the one that was followed. Point the script at a server that has them, " +
			"or start again with an empty data directory to copy the tables anew."}
}
