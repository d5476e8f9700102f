package starrocks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// A load has one of three forms, each carrying more than the one before.
//
// plain is CSV without any quoting: StarRocks splits rows at the delimiter, then
// fields at the separator, and a field of exactly \N is NULL. What it cannot carry
// are cells with a byte of either and the text \N.
//
// quoted is CSV with an enclosing character, which protects separators. StarRocks
// looks for \N after un-enclosing, so that text it cannot carry either. The reader's
// rules for a quote within quotes differ between versions, and its unset escape
// character is NUL: cells with one of them go by JSON. An escape character is never
// set, for it would take the backslash out of \N. A transaction of one table does not
// know the enclosing character and would take it for a part of the value.
//
// jsonLines is one JSON object per row and carries every text.
//
// Bytes that are no text are hexadecimal digits in each of the forms, and StarRocks
// makes bytes of them (to_binary in the header "columns"). What it does with the field
// of a VARBINARY column by itself depends on its version, and on what the field looks
// like: hexadecimal digits, base64, or the text as it is. In a key, which StarRocks lets
// no VARBINARY be, the digits are the value.
const (
	plain ferry.Form = iota
	quoted
	jsonLines
)

const enclose = '"'

var nullField = []byte(`\N`)

// isNullText tells a text that a CSV reader takes for NULL.
func isNullText(cell []byte) bool { return len(cell) == 2 && cell[0] == '\\' && cell[1] == 'N' }

// cellKind is what the encoder has to know of a column.
type cellKind uint8

const (
	digits   cellKind = iota // numbers, dates and times: ASCII of a known alphabet
	anyText                  // any text
	document                 // JSON
	octets                   // any bytes; a load holds them as hexadecimal digits
	moment                   // DATE, DATETIME, TIMESTAMP: as digits
	truth                    // BOOLEAN: as digits
)

// isDigits tells the kinds whose bytes are of a known alphabet.
func (k cellKind) isDigits() bool { return k == digits || k == moment || k == truth }

// alphabet is every byte that a load holds of cells of kind digits and octets.
const alphabet = "0123456789+-.:eE " + hexUpper

const hexUpper = "0123456789ABCDEF"

// csvRules is what the separators allow, made once per table.
type csvRules struct {
	separator, delimiter []byte
	// special marks the bytes of both: a cell with one of them is not plain. For
	// separators of several bytes this is stricter than needed, but no cell can then
	// form a separator together with its neighbours.
	special [256]bool
	// single: each of the two is one byte of ASCII, which separators and delimiters has eight times.
	single                 bool
	separators, delimiters uint64
	// checkDigits: the separators have bytes of the alphabet.
	checkDigits bool
	// checkHex: the separators have hexadecimal digits.
	checkHex bool
	// impossible: the separators have bytes of \N, of __op, or of each other.
	impossible bool
	// enclosable: the separators have no enclosing character.
	enclosable bool
}

func newCSVRules(separator, delimiter []byte) *csvRules {
	r := &csvRules{separator: separator, delimiter: delimiter, single: len(separator) == 1 && len(delimiter) == 1 && max(separator[0], delimiter[0]) < utf8.RuneSelf, enclosable: true}
	if r.single {
		r.separators, r.delimiters = uint64(separator[0])*everyByte, uint64(delimiter[0])*everyByte
	}
	for _, b := range separator {
		r.special[b] = true
	}
	for _, b := range delimiter {
		r.impossible = r.impossible || r.special[b]
	}
	for _, b := range delimiter {
		r.special[b] = true
	}
	for _, b := range []byte(`01\N`) {
		r.impossible = r.impossible || r.special[b]
	}
	for _, b := range []byte(alphabet) {
		r.checkDigits = r.checkDigits || r.special[b]
	}
	for _, b := range []byte(hexUpper) {
		r.checkHex = r.checkHex || r.special[b]
	}
	r.enclosable = !r.special[enclose] && !r.special[0]
	return r
}

// asItIs tells what most cells are: they go into a plain load as they are. What it does not
// say that of has to be looked at more closely.
func (r *csvRules) asItIs(kind cellKind, cell []byte) bool {
	switch kind {
	case digits:
		return !r.checkDigits
	case anyText:
		return r.isEasy(cell) && !isNullText(cell)
	case document:
		return len(cell) > 0 && (cell[0] == '{' || cell[0] == '[') && r.isEasy(cell)
	}
	return false
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// isEasy tells that a cell is text without a byte of the separators, as most is: it is looked
// at once, eight bytes of ASCII at a time. False may also mean that it was not looked at.
func (r *csvRules) isEasy(cell []byte) bool {
	if !r.single {
		return false
	}
	separators, delimiters := r.separators, r.delimiters
	for len(cell) >= 8 {
		found := hard(binary.LittleEndian.Uint64(cell), separators, delimiters)
		if found == 0 {
			cell = cell[8:]
			continue
		}
		cell = cell[bits.TrailingZeros64(found)/8:]
		for len(cell) > 0 && cell[0] >= utf8.RuneSelf { // what is not of ASCII stands together
			c, size := utf8.DecodeRune(cell)
			if c == utf8.RuneError && size == 1 {
				return false
			}
			cell = cell[size:]
		}
		if len(cell) > 0 && r.special[cell[0]] {
			return false
		}
	}
	for i, b := range cell {
		switch {
		case b >= utf8.RuneSelf:
			return utf8.Valid(cell[i:]) && !r.hasSpecial(cell[i:])
		case r.special[b]:
			return false
		}
	}
	return true
}

// hard is not 0 for a word with a byte that is no ASCII, or of the separators, and its lowest
// bit is the high bit of the first of them: of the bytes that are 0, the first has its high bit
// in (x-1)&^x, and none has if there is none.
func hard(word, separators, delimiters uint64) uint64 {
	s, d := word^separators, word^delimiters
	return (word | (s-everyByte)&^s | (d-everyByte)&^d) & highBits
}

// hasSpecial tells whether a cell holds a byte of the separators.
func (r *csvRules) hasSpecial(cell []byte) bool {
	if r.single {
		return bytes.IndexByte(cell, r.separator[0]) >= 0 || bytes.IndexByte(cell, r.delimiter[0]) >= 0
	}
	for _, b := range cell {
		if r.special[b] {
			return true
		}
	}
	return false
}

// columnPlan is a column of a layout, ready for encoding.
type columnPlan struct {
	from int
	// constant is what every row has, where it is not nil.
	constant []byte
	kind     cellKind
	key      bool
	// kept tells that a delete has the value too: it is of the key, or decides it.
	kept bool
	// nullable tells that the target's column takes NULL.
	nullable bool
	// field is the name the value has in a load: that of the column, unless StarRocks
	// makes the column's value from it.
	field string
	// jsonKey is the text before the value in an object: ,"name":
	jsonKey []byte
}

// layoutPlan is a layout ready for encoding.
type layoutPlan struct {
	layout  *ferry.Layout
	columns []columnPlan
	header  string // of "columns"
	// csvRoom and jsonRoom are about how many bytes a load has beside a row's cells.
	csvRoom, jsonRoom int
	// volatile: some column depends on the time of the load.
	volatile bool
}

// newLayoutPlan makes a layout ready; computed are the columns that StarRocks computes.
func newLayoutPlan(layout *ferry.Layout, computed []computedColumn) *layoutPlan {
	p := &layoutPlan{layout: layout}
	names := make([]string, 0, len(layout.Columns)+1)
	decoded := ""
	for i := range layout.Columns {
		column := &layout.Columns[i]
		lead := byte(',')
		if i == 0 {
			lead = '{'
		}
		c := columnPlan{from: column.From, constant: column.Constant, kind: kindOf(column.Type), key: column.Key, nullable: column.Nullable, field: column.Name}
		c.kept = c.key || slices.Contains(layout.KeyInputs, c.from)
		if c.kind == octets && !c.key {
			c.field = freeName(layout, i)
			decoded += "," + quoteName(column.Name) + "=to_binary(" + quoteName(c.field) + ",'hex')"
		}
		c.jsonKey = append(appendJSONText([]byte{lead}, []byte(c.field)), ':')
		p.csvRoom += len(c.constant) + 4
		p.jsonRoom += len(c.constant) + len(c.jsonKey) + 4
		p.columns = append(p.columns, c)
		names = append(names, c.field)
	}
	for _, c := range computed {
		decoded += "," + quoteName(c.name) + "=" + c.sql
		p.volatile = p.volatile || c.volatile
	}
	p.csvRoom, p.jsonRoom = p.csvRoom+2*maxSeparator, p.jsonRoom+16
	p.header = quoteNames(append(names, "__op")) + decoded
	return p
}

// freeName is a name that no column has, for the digits of column i.
func freeName(layout *ferry.Layout, i int) string {
	name := fmt.Sprintf("__hex_%d", i)
	for slices.ContainsFunc(layout.Columns, func(c ferry.LayoutColumn) bool { return strings.EqualFold(c.Name, name) }) {
		name = "_" + name
	}
	return name
}

// appendHex appends bytes as MySQL's HEX() prints them.
func appendHex(dst, cell []byte) []byte {
	start := len(dst)
	dst = slices.Grow(dst, 2*len(cell))[:start+2*len(cell)]
	out := dst[start:]
	for i, b := range cell {
		out[2*i], out[2*i+1] = hexUpper[b>>4], hexUpper[b&15]
	}
	return dst
}

// appendField appends a cell as a load holds it.
func (c *columnPlan) appendField(dst, cell []byte) []byte {
	if c.kind == octets {
		return appendHex(dst, cell)
	}
	return append(dst, cell...)
}

// sent is what a load holds of a cell. StarRocks reads the key of a delete and nothing
// else, so the rest stays behind: it may well be what the row was refused for when it
// came.
func (c *columnPlan) sent(op ferry.Op, rows *change.Rows, row int) (cell []byte, null bool) {
	if c.constant != nil {
		return c.constant, false
	}
	if c.from < 0 || rows.Null(row, c.from) {
		return nil, true
	}
	if op == ferry.Delete && !c.kept {
		if c.nullable {
			return nil, true
		}
		if c.kind == anyText {
			return nil, false
		}
	}
	return rows.Cell(row, c.from), false
}

func kindOf(t change.Type) cellKind {
	switch t.Base {
	case change.JSON:
		return document
	case change.Date, change.DateTime, change.Timestamp:
		return moment
	case change.Boolean:
		return truth
	case change.Time, change.Year, change.Bit, change.Decimal, change.Float, change.Double:
		return digits
	}
	switch {
	case t.IsInteger():
		return digits
	case t.IsBinary():
		return octets
	}
	return anyText
}

// narrowest is the first form that carries the row.
func narrowest(p *layoutPlan, r *csvRules, rows *change.Rows, row int) ferry.Form {
	f := plain
	if r.impossible {
		return jsonLines
	}
	for i := range p.columns {
		c := &p.columns[i]
		if cell, null := c.sent(ferry.Upsert, rows, row); !null {
			f = max(f, r.needs(c.kind, cell))
		}
	}
	if f != quoted {
		return f
	}
	// In the quoted form every cell must do without the enclosing character, not only
	// those that need enclosing.
	for i := range p.columns {
		c := &p.columns[i]
		if cell, null := c.sent(ferry.Upsert, rows, row); !null && !r.fitsQuoted(c.kind, cell) {
			return jsonLines
		}
	}
	return quoted
}

// needs is the form that one cell needs. An empty JSON document and one that is not
// an object or array would be stored as a string by the CSV reader.
func (r *csvRules) needs(kind cellKind, cell []byte) ferry.Form {
	switch {
	case kind.isDigits() && !r.checkDigits:
		return plain
	case kind == octets && r.checkHex:
		return jsonLines
	case kind == octets:
		return plain
	case kind == document && (len(cell) == 0 || cell[0] != '{' && cell[0] != '['), isNullText(cell):
		return jsonLines
	case r.hasSpecial(cell):
		return quoted
	}
	return plain
}

func (r *csvRules) fitsQuoted(kind cellKind, cell []byte) bool {
	if !r.enclosable {
		return false
	}
	if kind.isDigits() || kind == octets {
		return true
	}
	return bytes.IndexByte(cell, enclose) < 0 && bytes.IndexByte(cell, 0) < 0
}

const notJSON = "is not a JSON document"

// refuses says why no form can carry a cell, "" when one can: text that is not UTF-8, and a
// date that is none, which StarRocks refuses; a document that is not JSON and would spoil
// the object around it; a number that it would take for true.
func (c *columnPlan) refuses(cell []byte) string {
	switch c.kind {
	case digits, octets:
	case moment:
		if !change.IsDate(cell) {
			return "is no date of the calendar"
		}
	case truth:
		if len(cell) != 1 || cell[0] != '0' && cell[0] != '1' {
			return "is neither 0 nor 1"
		}
	default:
		if !utf8.Valid(cell) {
			return "is not valid UTF-8"
		}
		if c.kind == document && len(cell) == 0 {
			return notJSON
		}
	}
	return ""
}

// badText finds the first cell of a row, from a column on, that no form can carry.
func (p *layoutPlan) badText(op ferry.Op, rows *change.Rows, row, from int) fault {
	for i := from; i < len(p.columns); i++ {
		c := &p.columns[i]
		if cell, null := c.sent(op, rows, row); !null {
			if why := c.refuses(cell); why != "" {
				return fault{i, why}
			}
		}
	}
	return carried
}

// room is about how many bytes a row will have in a load.
func (p *layoutPlan) room(f ferry.Form, cells int) int {
	if f == jsonLines {
		return cells + cells/8 + p.jsonRoom
	}
	return cells + p.csvRoom
}
