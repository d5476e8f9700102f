package cells

import (
	"fmt"
	"math"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/packets"
)

// SelectExpression is what to ask a server for in a page so that Selected can
// make the cell of the column from the answer; quoted is the name in back-quotes,
// qualified or not; key tells a column of the primary key. It must not get an alias that is the column's name: ORDER BY
// would then sort by the expression.
func SelectExpression(c *change.Column, key bool, quoted string) string {
	t := &c.Type
	switch {
	case key && converts(t):
		return "CAST(" + quoted + " AS BINARY)"
	case t.Base == change.Float, t.Base == change.Double && (t.Precision > 0 || t.Zerofill):
		// FLOAT prints six digits only, FLOAT(p,s) and DOUBLE(p,s) s decimals. A
		// product is a plain DOUBLE; a sum would turn -0 into 0.
		return quoted + "*1e0"
	case t.Base == change.Bit, t.IsInteger() && t.Zerofill:
		return "CAST(" + quoted + " AS UNSIGNED)"
	case t.Base == change.Decimal && t.Zerofill:
		return fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", quoted, t.Precision, t.Scale)
	}
	return quoted
}

// Selected makes rows of what a server answers, in the text protocol, with
// character_set_results=utf8mb4, time_zone='+00:00' and sql_mode=”, to the
// SelectExpressions of some columns. It may be used by one goroutine at a time.
type Selected struct{ columns []selectedColumn }

// selectedColumn is what becomes of the answers of one column; chosen once.
type selectedColumn struct {
	column *change.Column
	as     answered
	clock  clock
	// encoding is that of a key, whose answer is bytes to be converted.
	encoding *encoding
}

// answered says how an answer becomes a cell.
type answered uint8

const (
	asItIs answered = iota
	asFloat
	asDouble
	asGeometry
	asVector
	asYear
	asDate
	asKey
)

var answeredOf = map[change.Base]answered{
	change.Float: asFloat, change.Double: asDouble, change.Geometry: asGeometry, change.Vector: asVector,
	change.Year: asYear, change.Date: asDate, change.DateTime: asDate, change.Timestamp: asDate,
}

// NewSelected prepares for answers of these columns of a table.
func NewSelected(t *change.Table, columns []int) *Selected {
	s := &Selected{columns: make([]selectedColumn, len(columns))}
	for n, i := range columns {
		c := &t.Columns[i]
		s.columns[n] = selectedColumn{column: c, as: answeredOf[c.Type.Base], clock: clockOf(&c.Type)}
		one := &s.columns[n]
		switch {
		case t.IsKey(i) && converts(&c.Type):
			one.as, one.encoding = asKey, encodings[c.Type.Charset]
		}
	}
	return s
}

// AppendRow appends the cells of a row as it stands in a packet. Behind an error rows may
// hold a part of it.
func (s *Selected) AppendRow(rows *change.Rows, row []byte) error {
	for i := range s.columns {
		answer, rest, ok := packets.Value(row)
		if !ok {
			return packets.ErrMalformed
		}
		row = rest
		if answer != nil && s.columns[i].as == asItIs {
			rows.AddBytes(answer)
			continue
		}
		if err := s.Append(rows, i, answer); err != nil {
			return err
		}
	}
	if len(row) > 0 {
		return fmt.Errorf("%w: a row has more values than columns were asked for", packets.ErrMalformed)
	}
	return nil
}

// Append appends the cell of column n for an answer; nil is NULL.
func (s *Selected) Append(rows *change.Rows, n int, answer []byte) (err error) {
	if answer == nil {
		rows.AddNull()
		return nil
	}
	c := &s.columns[n]
	arena := rows.Buffer()
	start := len(arena)
	switch c.as {
	case asFloat:
		arena, err = appendSelectedNumber(arena, answer, 32)
	case asDouble:
		arena, err = appendSelectedNumber(arena, answer, 64)
	case asGeometry:
		arena, err = appendGeometry(arena, answer)
	case asVector:
		arena, err = appendVector(arena, answer)
	case asYear:
		if string(answer) == "0" { // MariaDB prints the year 0 so, MySQL as 0000
			arena = append(arena, "000"...)
		}
		arena = append(arena, answer...)
	case asDate:
		arena = append(arena, answer...)
		if len(answer) < len("2006-01-02") || c.clock.zone != nil && len(answer) < len("2006-01-02 15:04:05") {
			return badAnswer(c.column, answer)
		}
		c.clock.inZone(arena[start:])
		if c.clock.zero != change.KeepZeroDates && !c.clock.date(arena[start:]) {
			rows.AddNull()
			return nil
		}
	case asKey:
		arena = c.encoding.append(arena, answer)
		if !c.encoding.exact(answer, arena[start:]) {
			return inexactKey(c.column, answer)
		}
	default:
		arena = append(arena, answer...)
	}
	if err != nil {
		return badAnswer(c.column, answer)
	}
	rows.AddCell(arena)
	return nil
}

// converts tells text that is not stored in UTF-8. In a key it is asked for as the bytes
// it is stored in: the server's own conversion would not say that it made one text of two.
func converts(t *change.Type) bool { return t.IsText() && !encodings[t.Charset].isUTF8() }

// appendSelectedNumber appends the fewest digits for a number that the server prints as a
// float64: of bits 32 with those of the float32 that it is.
func appendSelectedNumber(dst, answer []byte, bits int) ([]byte, error) {
	if n, ok := readPlain(answer); ok && n.digits > 0 && n.fraction < len(exactPowers) {
		if bits == 64 && n.canonical && n.count <= 15 && n.fraction <= maxPlain {
			return append(dst, answer...), nil // no two numbers of so few digits are one float64
		}
		v, exact := n.value()
		// Between two float32 there is more room than the rounding of a float64 takes.
		if f := float64(float32(v)); bits == 32 && math.Abs(f-v) <= math.Abs(v)*0x1p-50 {
			return appendShortest(dst, f, 32)
		}
		if bits == 64 && exact {
			return appendShortest(dst, v, 64)
		}
	}
	v, err := strconv.ParseFloat(string(answer), 64)
	if err != nil || bits == 32 && float64(float32(v)) != v {
		return dst, errFloat
	}
	return appendShortest(dst, v, bits)
}

func inexactKey(c *change.Column, answer []byte) error {
	return &diag.Problem{Code: CodeUnusableKey, Class: diag.Refused,
		Message: fmt.Sprintf("column `%s` (%s in %s), %x: %v", c.Name, c.Type, c.Type.Charset, answer, errInexact),
		Fix:     "give the row another key, or the column the charset utf8mb4"}
}

func badAnswer(c *change.Column, answer []byte) error {
	return &diag.Problem{
		Code: CodeBadAnswer, Class: diag.Refused,
		Message: fmt.Sprintf("column `%s` (%s): the server answered %.60q", c.Name, c.Type, answer),
		Fix:     "report it with the version of the server and SHOW CREATE TABLE",
	}
}
