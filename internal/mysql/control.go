package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/diag"
)

// query handles a statement that was logged as text.
func (r *reader) query(ctx context.Context, e *replication.QueryEvent) error {
	word, rest := firstWord(e.Query)
	switch word {
	case "BEGIN":
		r.group.open, r.group.transaction = true, true
		return nil
	case "COMMIT":
		return r.commit(ctx)
	case "SAVEPOINT", "RELEASE":
		return nil
	case "ROLLBACK":
		if next, _ := firstWord([]byte(rest)); r.group.delivered {
			return r.rolledBack(excerpt(string(e.Query)))
		} else if next == "TO" {
			return nil
		}
		return r.commit(ctx)
	case "XA":
		return r.xa(ctx, rest)
	}
	if err := r.statement(ctx, e); err != nil {
		return err
	}
	if r.group.transaction {
		return nil
	}
	return r.commit(ctx)
}

// xa follows XA transactions as far as to know whether one concerned a followed table.
func (r *reader) xa(ctx context.Context, rest string) error {
	what, id := firstWord([]byte(rest))
	// XA COMMIT 'id' ONE PHASE is never logged as such; names are printed alike.
	id = strings.ReplaceAll(id, " ", "")
	switch what {
	case "START", "BEGIN":
		r.group.open, r.group.transaction, r.group.xa = true, true, true
		r.xids[id] = true
		return nil
	case "END":
		return nil
	case "COMMIT":
		known := r.xids[id]
		delete(r.xids, id)
		if !known && r.tracker.blindXA && r.source.server.Flavor == MySQL {
			return &diag.Problem{Code: codeXA, Class: diag.Refused,
				Message: fmt.Sprintf("MySQL %s commits at %s an XA transaction that was prepared before it was followed; whether it changed a followed table is not known", r.source.address(), r.at),
				Fix: fmt.Sprintf("GRANT XA_RECOVER_ADMIN ON *.* TO '%s'@'%%'; then start again with an empty data directory: such transactions are then waited for.",
					r.source.config.User)}
		}
	case "ROLLBACK":
		delete(r.xids, id)
	}
	return r.commit(ctx)
}

// firstWord is the first word of a statement in upper case, and what follows.
func firstWord(statement []byte) (word, rest string) {
	s := strings.TrimLeft(string(statement[:min(len(statement), 512)]), " \t\r\n;")
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(s)
	}
	return strings.ToUpper(s[:end]), strings.TrimSpace(s[end:])
}
