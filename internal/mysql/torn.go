package mysql

import (
	"context"
	"fmt"

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

// torn tells whether a stream ended because a file ends in the middle of an event.
func (s *Source) torn(err error) bool {
	return s.server.Flavor == MariaDB && errorCode(err) == 1236 && anyOf(err.Error(), "truncated in the middle of event", "bogus data in log event")
}

// fileBehind is the file of the log that follows one; "" when none does.
func (s *Source) fileBehind(ctx context.Context, file string) (string, error) {
	files, err := s.logFiles(ctx)
	for i, f := range files {
		if f.name == file && i+1 < len(files) {
			return files[i+1].name, err
		}
	}
	return "", err
}

// tornEnd: the last file is torn, which may yet be written.
func (s *Source) tornEnd(at change.Position, cause error) error {
	return &diag.Problem{Code: codeLost, Class: diag.Transient, Cause: cause,
		Message: fmt.Sprintf("the log of MariaDB %s ends in the middle of an event behind %s", s.address(), at),
		Fix:     "nothing, if it passes; otherwise see the server's error log: its disk may be full."}
}

// passTorn goes on behind a torn file.
func (r *reader) passTorn(ctx context.Context, cause error) error {
	torn := r.at.File
	behind, err := r.source.fileBehind(ctx, torn)
	switch {
	case err != nil:
		return err
	case behind == "":
		return r.source.tornEnd(r.at, cause)
	case torn == r.torn || len(r.maria) == 0:
		return &diag.Problem{Code: codeLog, Class: diag.Refused, Cause: cause,
			Message: fmt.Sprintf("file %s of the log of MariaDB %s is damaged behind %s, and transactions are missing: the next file, %s, was begun when there were more", torn, r.source.address(), r.at, behind),
			Fix:     "start again with an empty data directory to copy the tables anew, or point the script at a server that has the whole log."}
	}
	if r.group.open {
		if err := r.abandoned(ctx); err != nil {
			return err
		}
	}
	r.dump.close()
	r.source.config.Notify("file %s of the log of MariaDB %s ends in the middle of an event behind %s, as it does when the server is killed: going on with file %s", torn, r.source.address(), r.at, behind)
	dump, err := r.source.openDump(ctx, change.Position{GTIDs: r.maria.String()})
	if err != nil {
		return r.source.reconnectProblem(err)
	}
	context.AfterFunc(ctx, dump.close)
	r.dump, r.torn, r.byFile, r.at = dump, torn, false, change.Position{}
	return nil
}
