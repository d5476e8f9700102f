package cells

import (
	"fmt"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// SelectExpression is what to ask a server for in a page so that AppendSelected can
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

// AppendSelected appends the cell of a column for what a server answered, in the
// text protocol, with character_set_results=utf8mb4, time_zone='+00:00' and
// sql_mode=”, to SelectExpression; nil is NULL.
func AppendSelected(rows *change.Rows, c *change.Column, key bool, answer []byte) error {
	if answer == nil {
		rows.AddNull()
		return nil
	}
	if key && converts(&c.Type) {
		e, start := encodings[c.Type.Charset], len(rows.Buffer())
		arena := e.append(rows.Buffer(), answer)
		if !e.exact(answer, arena[start:]) {
			return &diag.Problem{Code: CodeUnusableKey, Class: diag.Refused,
				Message: fmt.Sprintf("column `%s` (%s in %s), %x: %v", c.Name, c.Type, c.Type.Charset, answer, errInexact),
				Fix:     "give the row another key, or the column the charset utf8mb4"}
		}
		rows.AddCell(arena)
		return nil
	}
	arena := rows.Buffer()
	start := len(arena)
	var err error
	switch c.Type.Base {
	case change.Float:
		arena, err = appendSelectedNumber(arena, answer, 32)
	case change.Double:
		arena, err = appendSelectedNumber(arena, answer, 64)
	case change.Geometry:
		arena, err = appendGeometry(arena, answer)
	case change.Vector:
		arena, err = appendVector(arena, answer)
	case change.Year:
		if string(answer) == "0" { // MariaDB prints the year 0 so, MySQL as 0000
			answer = []byte("0000")
		}
		arena = append(arena, answer...)
	case change.Date, change.DateTime, change.Timestamp:
		arena = append(arena, answer...)
		clock := clockOf(&c.Type)
		if len(answer) < len("2006-01-02") || clock.zone != nil && len(answer) < len("2006-01-02 15:04:05") {
			return badAnswer(c, answer)
		}
		clock.inZone(arena[start:])
		if clock.zero != change.KeepZeroDates && !clock.date(arena[start:]) {
			rows.AddNull()
			return nil
		}
	default:
		arena = append(arena, answer...)
	}
	if err != nil {
		return badAnswer(c, answer)
	}
	rows.AddCell(arena)
	return nil
}

// converts tells text that is not stored in UTF-8. In a key it is asked for as the bytes
// it is stored in: the server's own conversion would not say that it made one text of two.
func converts(t *change.Type) bool { return t.IsText() && !encodings[t.Charset].isUTF8() }

func appendSelectedNumber(dst, answer []byte, bits int) ([]byte, error) {
	v, err := strconv.ParseFloat(string(answer), 64)
	if err != nil || bits == 32 && float64(float32(v)) != v {
		return dst, errFloat
	}
	return appendShortest(dst, v, bits)
}

func badAnswer(c *change.Column, answer []byte) error {
	return &diag.Problem{
		Code: CodeBadAnswer, Class: diag.Refused,
		Message: fmt.Sprintf("column `%s` (%s): the server answered %.60q", c.Name, c.Type, answer),
		Fix:     "report it with the version of the server and SHOW CREATE TABLE",
	}
}
