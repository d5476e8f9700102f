package mysql

import (
	"errors"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// silentError: the server has not sent anything since it was asked for its log.
type silentError struct{ error }

func (e *silentError) Unwrap() error { return e.error }

// dumpProblem says why the log's stream ended.
func (s *Source) dumpProblem(err error, at change.Position) error {
	if diag.Find(err) != nil {
		return err
	}
	var parse *parseError
	var silent *silentError
	if errors.As(err, &parse) {
		return &diag.Problem{Code: codeDecode, Class: diag.Refused, Cause: err,
			Message: fmt.Sprintf("an event of the binary log of MySQL %s behind %s cannot be read", s.address(), at),
			Fix:     "if the server's disk or the network is not to blame, this is a defect: please report it with the output of mysqlbinlog at that position."}
	}
	message := err.Error()
	switch code := errorCode(err); {
	case s.server.Flavor == MariaDB && errors.As(err, &silent):
		return s.predecessorProblem(at, err)
	case code == 0, code == 1053, code == 1317, code == 1927, code == 2013:
		return &diag.Problem{Code: codeLost, Class: diag.Transient, Cause: err,
			Message: fmt.Sprintf("the binary log stream from MySQL %s broke at %s", s.address(), at)}
	case strings.Contains(message, "same server_uuid/server_id"):
		return &diag.Problem{Code: codeReplaced, Class: diag.Refused, Cause: err,
			Message: fmt.Sprintf("another reader with server id %d took over the binary log stream of MySQL %s", s.config.ServerID, s.address()),
			Fix:     "run a deployment only once; if the other one is not this deployment, give one of the two another 'server-id'."}
	case code == 1236 && anyOf(message, "anonymous transaction"):
		return &diag.Problem{Code: codeLog, Class: diag.Refused, Cause: err,
			Message: fmt.Sprintf("MySQL %s has transactions without GTIDs behind %s, from before gtid_mode was ON, and does not send them any more", s.address(), at),
			Fix:     "start again with an empty data directory; a deployment that is to go on must have caught up before gtid_mode is switched ON."}
	case code == 1236 && anyOf(message, "purged", "Could not find first log", "could not find next log", "missing from the source", "required binary log", "slave state is too old"):
		return s.purgedProblem(at.String(), err)
	case code == 1236 && anyOf(message, "position > file size", "impossible position", "more GTIDs than", "has transactions that", "not in the master's binlog", "diverged"):
		return s.beyondProblem(at.String(), err)
	case code == 1227 || code == 1045:
		return s.grantProblem("REPLICATION SLAVE", "*.*", err)
	}
	return &diag.Problem{Code: codeLog, Class: diag.Refused, Cause: err,
		Message: fmt.Sprintf("MySQL %s cannot send its binary log behind %s", s.address(), at),
		Fix:     "see the server's message and its error log."}
}

// predecessorProblem: MariaDB ends a reader before it serves another with the same server
// id, and one that writes to a connection nobody reads ends only with that connection.
func (s *Source) predecessorProblem(at change.Position, err error) error {
	return &diag.Problem{Code: codeLost, Class: diag.Transient, Cause: err,
		Message: fmt.Sprintf("MariaDB %s has not begun to send its binary log behind %s: it may wait for the end of this deployment's last connection, which was lost on the way and is still open at the server", s.address(), at),
		Fix:     fmt.Sprintf("nothing has to be done: the server gives it up after at most %d minutes. SHOW PROCESSLIST shows it as Killed, Writing to net; it ends at once when a proxy or firewall between is made to drop it.", mariaNetTimeout/60)}
}

func anyOf(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
			return true
		}
	}
	return false
}
