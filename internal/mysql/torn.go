package mysql

import (
	"context"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// MariaDB that was killed while it wrote a transaction leaves what it had written at the
// end of that file for good, begins the next one, and tells every reader that comes there
// that it cannot go on. (MySQL cuts the file when it starts again.) The transaction was
// rolled back, so the log goes on in the next file.
//
// Invariant: nothing is passed over but that one transaction. So the log is asked for again
// by GTID: every file says at its beginning what was logged before it, and a server that
// misses anything of it here begins in the torn file again.
//
// Rejected: asking for the next file by name, which would also pass over what a damaged
// length in the middle of a file hides.

// torn tells of what a server sends in place of an event whether its file ends in the middle
// of one.
func (s *Source) torn(err error) bool {
	return s.server.Flavor == MariaDB && errorCode(err) == 1236 && diag.Find(err) == nil &&
		anyOf(err.Error(), "truncated in the middle of event", "bogus data in log event")
}

// fileBehind is the file that follows a torn one. That there is none may change: the torn
// one is still being written.
func (s *Source) fileBehind(ctx context.Context, at change.Position, cause error) (string, error) {
	files, err := s.logFiles(ctx)
	if err != nil {
		return "", err
	}
	switch i := slices.IndexFunc(files, func(f logFile) bool { return f.name == at.File }); i {
	case -1:
		return "", s.purgedProblem(at.String(), cause)
	case len(files) - 1:
		return "", &diag.Problem{Code: codeLost, Class: diag.Transient, Cause: cause,
			Message: fmt.Sprintf("the log of MariaDB %s ends in the middle of an event behind %s", s.address(), at),
			Fix:     "nothing, if it passes; otherwise see the server's error log: its disk may be full."}
	default:
		return files[i+1].name, nil
	}
}

// passTorn goes on behind a torn file.
func (r *reader) passTorn(ctx context.Context, cause error) error {
	next, err := r.source.fileBehind(ctx, r.at, cause)
	if err != nil {
		return err
	}
	if r.at.File == r.passed || len(r.maria) == 0 {
		why := "the next, " + next + ", was begun when there were more transactions"
		if len(r.maria) == 0 {
			why = "there was no transaction before, by which the next, " + next + ", could be told to lack nothing"
		}
		return &diag.Problem{Code: codeLog, Class: diag.Refused, Cause: cause,
			Message: fmt.Sprintf("a file of the log of MariaDB %s is damaged behind %s, and cannot be passed over: %s", r.source.address(), r.at, why),
			Fix:     "start again with an empty data directory to copy the tables anew, or point the script at a server that has the whole log."}
	}
	if r.group.open {
		if err := r.abandoned(ctx); err != nil {
			return err
		}
	}
	r.dump.close()
	r.source.config.Notify("a file of the log of MariaDB %s ends in the middle of an event behind %s, as it does when the server is killed: going on behind it", r.source.address(), r.at)
	dump, err := r.source.openDump(ctx, change.Position{GTIDs: r.maria.String()})
	if err != nil {
		return r.source.reconnectProblem(err)
	}
	context.AfterFunc(ctx, dump.close)
	// The server tells where it begins, and no place before that is one to begin at.
	r.dump, r.passed, r.byFile, r.owed, r.at = dump, r.at.File, false, false, change.Position{}
	return nil
}
