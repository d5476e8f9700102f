package mysql

import (
	"context"
	"strings"

	"starferry/internal/mysql/binlog"
)

// query handles a statement that was logged as text.
func (r *reader) query(ctx context.Context, q *binlog.Query) error {
	if string(q.Text) == "BEGIN" { // as every transaction of MySQL begins
		r.group.open, r.group.transaction = true, true
		return nil
	}
	word, rest := firstWord(q.Text)
	switch word {
	case "BEGIN":
		r.group.open, r.group.transaction = true, true
		return nil
	case "COMMIT":
		return r.commit(ctx)
	case "SAVEPOINT":
		r.group.rows = nil // what follows is not of the events before
		r.group.undo.savepoint(rest)
		return nil
	case "RELEASE":
		return nil
	case "ROLLBACK":
		r.group.rows = nil
		return r.rollback(ctx, rest, excerpt(string(q.Text)))
	case "XA":
		return r.xa(ctx, rest)
	}
	if err := r.statement(ctx, q); err != nil {
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
