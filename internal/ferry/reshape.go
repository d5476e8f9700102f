package ferry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
)

// Reshape is a change of a target table besides columns that are added: a column gets
// another name, type, nullability or comment, or goes.
type Reshape struct {
	Kind     SchemaKind
	From, To *change.Column // of the source; To is nil for one that goes
}

// CannotError is the error of a change that the target cannot do: it is as it was.
type CannotError struct{ Reasons []string }

func (e *CannotError) Error() string { return strings.Join(e.Reasons, "; ") }

// reshape has the target table changed. Doing it again changes nothing: after a crash it
// is asked for until a checkpoint knows that the table has carried the schema.
func (l *loop) reshape(t *table, schema, held *change.Table, changes []Reshape) {
	var did []string
	l.alter(t, func(ctx context.Context) (err error) {
		did, err = l.cfg.Target.Reshape(ctx, t.route.Target, held, changes)
		return err
	}, func() {
		t.reshaped, t.asks = schema, 0
		for _, what := range did {
			l.counts.SchemaChanges++
			l.notify(Info, t.route.Source, fmt.Sprintf("schema change: %s in %s", what, t.route.Target))
		}
	})
}

// alter has the target changed. It is described again whatever the answer: success is what
// the table looks like.
func (l *loop) alter(t *table, change func(context.Context) error, done func()) {
	t.altering = true
	l.forgetColumns(t)
	l.begin(func(ctx context.Context) func() {
		crashpoint.Here("alter-begins")
		err := change(ctx)
		crashpoint.Here("columns-added")
		return func() {
			t.altering, t.described = false, nil
			t.changes++
			var cannot *CannotError
			switch {
			case errors.As(err, &cannot):
				l.stopTable(t, refusal(t, cannot.Reasons))
			case err != nil:
				l.askAgain(t, err)
			default:
				done()
			}
		}
	})
}
