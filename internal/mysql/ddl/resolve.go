package ddl

import (
	"starferry/internal/change"
)

// resolve gives the type that the server makes of a written one in a table whose
// default order is outer.
func (d *dataType) resolve(outer textOrder, s *Session) change.Type {
	t := change.Type{Base: d.base, Unsigned: d.unsigned, Zerofill: d.zerofill, Members: d.members}
	switch t.Base {
	case change.TinyInt, change.SmallInt, change.MediumInt, change.Int, change.BigInt:
		t.Length = displayWidth(&t, d.argument(0, 0))
	case change.Decimal:
		t.Precision, t.Scale = d.argument(0, 10), d.argument(1, 0)
		if t.Precision == 0 {
			t.Precision = 10
		}
	case change.Float, change.Double:
		resolveFloat(&t, d)
	case change.Bit:
		t.Length = max(1, d.argument(0, 1))
	case change.Time, change.DateTime, change.Timestamp:
		t.Fraction = d.argument(0, 0)
	case change.Char, change.Binary:
		t.Length = d.argument(0, 1)
	case change.VarChar, change.VarBinary:
		t.Length = d.argument(0, 0)
	case change.Vector:
		t.Length = d.argument(0, 2048)
	}
	if t.IsText() || t.Base == change.Enum || t.Base == change.Set {
		d.resolveText(&t, outer, s)
	}
	resolveSize(&t, d, s.MariaDB)
	return t
}

// displayWidth keeps of a width only what has a meaning: TINYINT(1), and the
// zeros that ZEROFILL pads with.
func displayWidth(t *change.Type, given int) int {
	if t.Zerofill {
		if given > 0 {
			return given
		}
		return [...]int{change.TinyInt: 3, change.SmallInt: 5, change.MediumInt: 8, change.Int: 10, change.BigInt: 20}[t.Base]
	}
	if t.Base == change.TinyInt && given == 1 && !t.Unsigned {
		return 1
	}
	return 0
}

// resolveFloat: FLOAT(p) only chooses between the two types, (p,s) is kept.
func resolveFloat(t *change.Type, d *dataType) {
	switch {
	case len(d.arguments) >= 2:
		t.Precision, t.Scale = d.arguments[0], d.arguments[1]
	case len(d.arguments) == 1 && t.Base == change.Float && d.arguments[0] > 24:
		t.Base = change.Double
	}
}

func (d *dataType) resolveText(t *change.Type, outer textOrder, s *Session) {
	order := s.order(d.charset, d.collation, outer)
	if d.binary && d.collation == "" && order.charset != "binary" {
		order.collation = order.charset + "_bin"
	}
	t.Charset, t.Collation = order.charset, order.collation
	if order.charset != "binary" || t.Base == change.Enum || t.Base == change.Set {
		return
	}
	t.Base = map[change.Base]change.Base{
		change.Char: change.Binary, change.VarChar: change.VarBinary, change.TinyText: change.TinyBlob,
		change.Text: change.Blob, change.MediumText: change.MediumBlob, change.LongText: change.LongBlob,
	}[t.Base]
	t.Charset, t.Collation = "", ""
}

// resolveSize chooses the size of TEXT(n) and BLOB(n), and of a VARCHAR too long
// to be one, which servers without strict mode turn into a TEXT.
func resolveSize(t *change.Type, d *dataType, mariaDB bool) {
	width := maxBytes(t.Charset)
	switch t.Base {
	case change.VarChar, change.VarBinary:
		if t.Length*width > 65535 {
			setSize(t, t.Length*width)
		}
	case change.Text, change.Blob:
		if n := d.argument(0, -1); n > 0 || n == 0 && !mariaDB {
			setSize(t, n*width)
		}
	}
	if t.IsText() && t.Base > change.VarChar || t.IsBinary() && t.Base > change.VarBinary {
		t.Length = 0
	}
}

// setSize makes t the smallest TEXT or BLOB that holds so many bytes.
func setSize(t *change.Type, bytes int) {
	sizes := [...]change.Base{change.TinyText, change.Text, change.MediumText, change.LongText}
	if t.IsBinary() {
		sizes = [...]change.Base{change.TinyBlob, change.Blob, change.MediumBlob, change.LongBlob}
	}
	for i, limit := range [...]int{1<<8 - 1, 1<<16 - 1, 1<<24 - 1} {
		if bytes <= limit {
			t.Base = sizes[i]
			return
		}
	}
	t.Base = sizes[3]
}

// textSize is the most bytes a TEXT or BLOB holds, 0 for another type.
func textSize(b change.Base) int {
	switch b {
	case change.TinyText, change.TinyBlob:
		return 1<<8 - 1
	case change.Text, change.Blob:
		return 1<<16 - 1
	case change.MediumText, change.MediumBlob:
		return 1<<24 - 1
	case change.LongText, change.LongBlob:
		return 1<<32 - 1
	}
	return 0
}

// convert gives the type that CONVERT TO CHARACTER SET makes of t: as many
// characters as before must fit, so that a TEXT may become a larger one. It is
// false where servers do not agree: a VARCHAR too long to stay one, and the members
// of an ENUM or SET in a charset that does not contain ASCII's bytes, which come
// out damaged.
func convert(t change.Type, to textOrder, s *Session) (change.Type, bool) {
	from, width := maxBytes(t.Charset), maxBytes(to.charset)
	members := t.Base == change.Enum || t.Base == change.Set
	if !t.IsText() && !members || t.Charset == "binary" {
		return t, true
	}
	same := t.Charset == to.charset
	t.Charset, t.Collation = to.charset, to.collation
	switch t.Base {
	case change.Enum, change.Set:
		return t, same || containsASCII(to.charset)
	case change.VarChar:
		if t.Length*width > 65535 {
			setSize(&t, t.Length*width)
			t.Length = 0
			return t, s.MariaDB
		}
	case change.TinyText, change.Text, change.MediumText:
		setSize(&t, textSize(t.Base)/from*width)
	}
	return t, true
}

func containsASCII(charset string) bool {
	switch charset {
	case "ucs2", "utf16", "utf16le", "utf32":
		return false
	}
	return true
}

// ParseType reads a column type as information_schema.columns.COLUMN_TYPE prints
// it, for example "int(10) unsigned zerofill" or "enum('a','b')". charset and
// collation are those of the column there, "" when it has none.
func ParseType(columnType, charset, collation string) (change.Type, error) {
	c := newCursor(columnType, &Session{})
	d, ok := c.dataType()
	if !ok || !c.done() || c.peek(0).kind == broken {
		return change.Type{}, unknownType(columnType)
	}
	if charset == "" && (d.base == change.Enum || d.base == change.Set) {
		charset, collation = "binary", "binary" // which MySQL prints as NULL
	}
	return d.resolve(textOrder{canonicalCharset(charset), canonicalCollation(collation)}, c.session), nil
}
