package mysql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql/cells"
	"starferry/internal/mysql/packets"
)

// Invariant: a page is one plain SELECT in a session of known settings, behind the
// low barrier; its high mark is the end of the log as file and offset, asked after
// the rows were read (or the snapshot's own position), on the same connection as
// the server's identity. Keys are found and compared by the server only.

// ReadPage reads one page of a copy. A table that is not as asked gives a
// *ferry.SchemaError, with Page.High set; time limits and lost connections are
// diag.Transient.
func (s *Source) ReadPage(ctx context.Context, request ferry.PageRequest) (ferry.Page, error) {
	p := pageReader{source: s, request: request, page: ferry.Page{Rows: request.Into}}
	if p.page.Rows == nil {
		p.page.Rows = &change.Rows{}
	}
	p.page.Rows.Reset(len(request.Table.Columns))
	err := s.pages.with(ctx, func(conn *pageConn) error { return p.read(ctx, conn) })
	if err == nil && !p.ended {
		err = s.pages.with(ctx, func(conn *pageConn) error { return p.end(ctx, conn) })
	}
	switch {
	case err != nil:
		return ferry.Page{}, err
	case p.schema != nil:
		return ferry.Page{High: p.page.High, Server: p.page.Server}, p.schema
	}
	return p.page, nil
}

// pageReader reads one page.
type pageReader struct {
	source  *Source
	request ferry.PageRequest
	page    ferry.Page
	view    *change.Position // what the rows are of, where the server tells it
	schema  error            // the table is another
	ended   bool             // the high mark is known
}

// read reads the rows, and asks for the high mark if the connection can still be used: of
// an answer that is much longer than the page it is given up.
func (p *pageReader) read(ctx context.Context, conn *pageConn) (err error) {
	s := p.source
	p.view, err = s.readView(ctx, conn, p.request)
	if err == nil {
		err = p.selectRows(ctx, conn)
	}
	switch {
	case isSchemaError(err):
		p.schema = err
	case isSchemaChange(err): // of the barrier
		p.schema = &ferry.SchemaError{Cause: err}
	case err != nil:
		return err
	}
	if conn.broken {
		return nil
	}
	if err := s.releaseView(ctx, conn); err != nil {
		return err
	}
	return p.end(ctx, conn)
}

// end asks for the high mark and who answered.
func (p *pageReader) end(ctx context.Context, conn *pageConn) (err error) {
	if p.page.High, err = p.source.endOf(ctx, conn); err != nil {
		return err
	}
	if p.view != nil && p.schema == nil {
		p.page.High = *p.view
	}
	p.page.Server, err = p.source.identityOf(ctx, conn)
	p.ended = err == nil
	return err
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

// shortPage is how much is read before the page is believed to become a full one.
const shortPage = 1 << 20

// errFull ends a page before the server's answer ends.
var errFull = errors.New("the page is full")

// selectRows runs the SELECT of a page, or those of its keys.
func (p *pageReader) selectRows(ctx context.Context, conn *pageConn) error {
	s, t, rows := p.source, p.request.Table, p.page.Rows
	if p.request.Keys != nil {
		return p.selectKeys(ctx, conn)
	}
	limit := s.sizes.next(t.Name, p.request.MaxBytes)
	if s.sizes.unknown(t.Name) {
		limit = min(limit, s.firstLimit(ctx, conn, p.request))
	}
	err := p.answer(ctx, conn, pageQuery(t, p.request.After, p.request.Until, limit), p.request.MaxBytes)
	if err != nil && err != errFull {
		return s.pageProblem(t, limit, err)
	}
	s.sizes.saw(t.Name, rows.Len(), rows.Bytes())
	p.page.Last = err == nil && rows.Len() < limit
	return nil
}

// answer appends the rows that the server answers with until the page is full.
func (p *pageReader) answer(ctx context.Context, conn *pageConn, query string, maxBytes int) error {
	t, rows := p.request.Table, p.page.Rows
	selected := cells.NewSelected(t, allColumns(t))
	grown := maxBytes == math.MaxInt
	return conn.query(ctx, p.source.uncached(query), func(columns int, row []byte) error {
		if columns != len(t.Columns) {
			return packets.ErrMalformed
		}
		if rows.Bytes() >= maxBytes && rows.Len() > 0 {
			return errFull
		}
		if !grown && rows.Bytes() >= shortPage {
			grown = true
			rows.Grow(maxBytes + maxBytes/16 - rows.Bytes()) // at once, not in a dozen steps
		}
		if err := selected.AppendRow(rows, row); err != nil {
			return tableError(t, err)
		}
		return nil
	})
}

// tableError is what is wrong with a cell; an answer that breaks the protocol is no fault
// of the table.
func tableError(t *change.Table, err error) error {
	if errors.Is(err, packets.ErrMalformed) {
		return err
	}
	return &ferry.TableError{Cause: atTable(t.Name, err)}
}

func allColumns(t *change.Table) []int {
	all := make([]int, len(t.Columns))
	for i := range all {
		all[i] = i
	}
	return all
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
func (p *pageReader) selectKeys(ctx context.Context, conn *pageConn) error {
	for begin := 0; begin < p.request.Keys.Len(); {
		query, end := keysQuery(p.request.Table, p.request.Keys, begin)
		if err := p.answer(ctx, conn, query, math.MaxInt); err != nil {
			return p.source.tableProblem(p.request.Table, err)
		}
		begin = end
	}
	return nil
}

// firstLimit takes or asks the server's statistics how large rows are, so that the first page
// of a table of large rows does not ask for thousands of them. Its errors do not
// matter: the page ends by bytes anyhow.
func (s *Source) firstLimit(ctx context.Context, conn *pageConn, request ferry.PageRequest) int {
	average, told := s.sizes.average(request.Table.Name)
	if !told {
		row, err := conn.first(ctx, "SELECT AVG_ROW_LENGTH FROM information_schema.TABLES"+s.where(request.Table.Name))
		if err != nil || len(row) == 0 {
			return firstLimit
		}
		average, _ = strconv.Atoi(row[0]) // NULL where there is none
	}
	if average <= 0 {
		return firstLimit
	}
	return max(1, request.MaxBytes/average)
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
