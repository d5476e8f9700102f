package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql/cells"
)

// Invariant: a page is one plain SELECT in a session of known settings, behind the
// low barrier; its high mark is the end of the log as file and offset, asked after
// the rows were read (or the snapshot's own position), on the same connection as
// the server's identity. Keys are found and compared by the server only.

// ReadPage reads one page of a copy. A table that is not as asked gives a
// *ferry.SchemaError, with Page.High set; time limits and lost connections are
// diag.Transient.
func (s *Source) ReadPage(ctx context.Context, request ferry.PageRequest) (ferry.Page, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return ferry.Page{}, s.reconnectProblem(err)
	}
	defer conn.Close()
	view, err := s.readView(ctx, conn, request)
	if err != nil {
		if isSchemaChange(err) {
			return s.endPage(ctx, conn, ferry.Page{}, nil, &ferry.SchemaError{Cause: err})
		}
		discard(conn)
		return ferry.Page{}, err
	}
	page, err := s.selectPage(ctx, conn, request)
	var cut *cutError
	if errors.As(err, &cut) {
		return s.endCutPage(ctx, conn, page, view)
	}
	if err != nil && !isSchemaError(err) {
		discard(conn)
		return ferry.Page{}, err
	}
	if release := s.releaseView(ctx, conn); release != nil {
		discard(conn)
		return ferry.Page{}, release
	}
	return s.endPage(ctx, conn, page, view, err)
}

// endPage asks for the high mark and who answered.
func (s *Source) endPage(ctx context.Context, conn *sql.Conn, page ferry.Page, view *change.Position, schema error) (ferry.Page, error) {
	high, err := s.endOf(ctx, conn)
	if err == nil {
		page.Server, err = s.identityOf(ctx, conn)
	}
	if err != nil {
		discard(conn)
		return ferry.Page{}, err
	}
	page.High = high
	if view != nil && schema == nil {
		page.High = *view
	}
	return page, schema
}

// endCutPage ends a page whose answer was longer than the page may be: the rest of
// the answer is not read, the connection is given up, and the high mark comes from
// another one to the same server.
func (s *Source) endCutPage(ctx context.Context, conn *sql.Conn, page ferry.Page, view *change.Position) (ferry.Page, error) {
	discard(conn)
	conn.Close()
	other, err := s.db.Conn(ctx)
	if err != nil {
		return ferry.Page{}, s.reconnectProblem(err)
	}
	defer other.Close()
	return s.endPage(ctx, other, page, view, nil)
}

// reconnectProblem is loginProblem for a server that was reached before: that it
// cannot be reached now may pass.
func (s *Source) reconnectProblem(err error) error {
	problem := s.loginProblem(err)
	if p := diag.Find(problem); p != nil && p.Code == codeUnreachable {
		p.Class = diag.Transient
	}
	return problem
}

// discard keeps a connection in an unknown state out of the pool.
func discard(conn *sql.Conn) {
	// Raw's error is the ErrBadConn that the function returns to have it closed.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

func isSchemaError(err error) bool {
	var e *ferry.SchemaError
	return errors.As(err, &e)
}

// isSchemaChange tells errors that a DDL between the asked-for version and now
// explains.
func isSchemaChange(err error) bool {
	switch errorCode(err) {
	case 1054, 1146, 1412, 1109, 1049, 1072, 1176, 1347, 1356, 1615:
		return true
	}
	return false
}

// cutError ends a page that is full before the server's answer is.
type cutError struct{}

func (*cutError) Error() string { return "the page is full" }

// selectPage runs the SELECT of a page, or those of its keys.
func (s *Source) selectPage(ctx context.Context, conn *sql.Conn, request ferry.PageRequest) (ferry.Page, error) {
	if request.Keys != nil {
		return s.selectKeys(ctx, conn, request)
	}
	t := request.Table
	limit := s.sizes.next(t.Name, request.MaxBytes)
	if s.sizes.unknown(t.Name) {
		limit = min(limit, s.firstLimit(ctx, conn, request))
	}
	query := s.uncached(pageQuery(t, request.After, request.Until, limit))
	// The cut connection must not be drained: its context closes it.
	queryContext, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := conn.QueryContext(queryContext, query)
	if err != nil {
		return ferry.Page{}, s.pageProblem(t, limit, err)
	}
	page := ferry.Page{Rows: change.NewRows(len(t.Columns))}
	full, err := s.readRows(rows, t, page.Rows, request.MaxBytes)
	if full {
		s.sizes.saw(t.Name, page.Rows.Len(), page.Rows.Bytes())
		cancel()
		rows.Close()
		return page, &cutError{}
	}
	if closed := rows.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return ferry.Page{}, s.pageProblem(t, limit, err)
	}
	s.sizes.saw(t.Name, page.Rows.Len(), page.Rows.Bytes())
	return page, nil
}

// uncached keeps the answer to a query out of the query cache of servers that have one.
func (s *Source) uncached(query string) string {
	if s.server.Flavor == MariaDB || !s.server.atLeast(8, 0, 0) {
		return strings.Replace(query, "SELECT ", "SELECT SQL_NO_CACHE ", 1)
	}
	return query
}

// selectKeys reads the rows of given keys, in as many statements as they need. All are
// behind the low barrier: where there is no snapshot, the later ones see more.
func (s *Source) selectKeys(ctx context.Context, conn *sql.Conn, request ferry.PageRequest) (ferry.Page, error) {
	t := request.Table
	page := ferry.Page{Rows: change.NewRows(len(t.Columns))}
	for begin := 0; begin < request.Keys.Len(); {
		query, end := keysQuery(t, request.Keys, begin)
		rows, err := conn.QueryContext(ctx, s.uncached(query))
		if err == nil {
			_, err = s.readRows(rows, t, page.Rows, math.MaxInt)
			if closed := rows.Close(); err == nil {
				err = closed
			}
		}
		if err != nil {
			return ferry.Page{}, s.tableProblem(t, err)
		}
		begin = end
	}
	return page, nil
}

// firstLimit asks the server's statistics how large rows are, so that the first page
// of a table of large rows does not ask for thousands of them. Its errors do not
// matter: the page ends by bytes anyhow.
func (s *Source) firstLimit(ctx context.Context, conn *sql.Conn, request ferry.PageRequest) int {
	var average sql.NullInt64
	err := conn.QueryRowContext(ctx, "SELECT AVG_ROW_LENGTH FROM information_schema.TABLES"+s.where(request.Table.Name)).Scan(&average)
	if err != nil || average.Int64 <= 0 {
		return firstLimit
	}
	return max(1, request.MaxBytes/int(average.Int64))
}

// readRows appends the answer until it ends or the page is full.
func (s *Source) readRows(rows *sql.Rows, t *change.Table, into *change.Rows, maxBytes int) (full bool, err error) {
	answers := make([]sql.RawBytes, len(t.Columns))
	targets, keys := make([]any, len(answers)), make([]bool, len(answers))
	for i := range answers {
		targets[i], keys[i] = &answers[i], t.IsKey(i)
	}
	for rows.Next() {
		if into.Len() > 0 && into.Bytes() >= maxBytes {
			return true, nil
		}
		if err := rows.Scan(targets...); err != nil {
			return false, err
		}
		for i := range answers {
			if err := cells.AppendSelected(into, &t.Columns[i], keys[i], answers[i]); err != nil {
				return false, &ferry.TableError{Cause: atTable(t.Name, err)}
			}
		}
	}
	return false, rows.Err()
}

func (s *Source) pageProblem(t *change.Table, limit int, err error) error {
	switch code := errorCode(err); {
	case code == 3024 || code == 1969 || code == 1317:
		s.sizes.slow(t.Name, limit)
		return &diag.Problem{Code: codeBusy, Class: diag.Transient, Cause: err,
			Message: fmt.Sprintf("a page of %d rows of table %s took longer than %s; trying %d", limit, t.Name, pageLimit, max(1, limit/2))}
	}
	return s.tableProblem(t, err)
}

func (s *Source) tableProblem(t *change.Table, err error) error {
	problem := s.queryProblem("reading rows of table "+t.Name.String(), err)
	if isSchemaChange(err) {
		return &ferry.SchemaError{Cause: problem}
	}
	return problem
}
