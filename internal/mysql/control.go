package mysql

import (
	"context"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"
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
	case "SAVEPOINT":
		r.group.undo.savepoint(rest)
		return nil
	case "RELEASE":
		return nil
	case "ROLLBACK":
		return r.rollback(ctx, rest, excerpt(string(e.Query)))
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
