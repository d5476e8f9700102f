package starrocks

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/change"
)

// documented is a line of docs/types.md: types that are carried in one way.
type documented struct {
	name  string
	types []change.Type
	cell  string // what a value looks like at the target
}

func pageOfTypes() []documented {
	whole := func(base change.Base) []change.Type { return []change.Type{{Base: base}, {Base: base, Unsigned: true}} }
	text := func(base change.Base, length int, charset string) change.Type {
		return change.Type{Base: base, Length: length, Charset: charset}
	}
	return []documented{
		{"TINYINT, TINYINT UNSIGNED", whole(change.TinyInt), "the number; also of TINYINT(1), BOOL"},
		{"TINYINT(1), BOOL with `treat-tinyint1-as-boolean`", []change.Type{{Base: change.Boolean}}, "true or false"},
		{"SMALLINT, SMALLINT UNSIGNED", whole(change.SmallInt), "the number"},
		{"MEDIUMINT, MEDIUMINT UNSIGNED", whole(change.MediumInt), "the number"},
		{"INT, INT UNSIGNED", whole(change.Int), "the number, without the zeros of ZEROFILL"},
		{"BIGINT, BIGINT UNSIGNED, SERIAL", whole(change.BigInt), "the number"},
		{"BIT(1), BIT(2) to BIT(63), BIT(64)", []change.Type{{Base: change.Bit, Length: 1}, {Base: change.Bit, Length: 9}, {Base: change.Bit, Length: 64}}, "the bits as an unsigned number"},
		{"DECIMAL(18,4)", []change.Type{{Base: change.Decimal, Precision: 18, Scale: 4}}, "all digits"},
		{"DECIMAL(65,30)", []change.Type{{Base: change.Decimal, Precision: 65, Scale: 30}}, "all digits"},
		{"FLOAT, DOUBLE", []change.Type{{Base: change.Float}, {Base: change.Double}}, "exactly the bits of the source, not the rounded text that SELECT prints"},
		{"CHAR(20) and VARCHAR(20) in utf8mb4, latin1, ascii", []change.Type{text(change.Char, 20, "utf8mb4"), text(change.VarChar, 20, "latin1"), text(change.VarChar, 20, "ascii")},
			"UTF-8. StarRocks counts bytes: the length is that of the widest characters the charset has"},
		{"TINYTEXT, TEXT", []change.Type{text(change.TinyText, 0, "utf8mb4"), text(change.Text, 0, "utf8mb4")}, "UTF-8"},
		{"MEDIUMTEXT, LONGTEXT; JSON of MariaDB", []change.Type{text(change.MediumText, 0, "utf8mb4"), text(change.LongText, 0, "utf8mb4")}, "UTF-8"},
		{"BINARY(16), VARBINARY(16)", []change.Type{{Base: change.Binary, Length: 16}, {Base: change.VarBinary, Length: 16}}, "the bytes; of BINARY with the zeros that fill it up"},
		{"TINYBLOB, BLOB", []change.Type{{Base: change.TinyBlob}, {Base: change.Blob}}, "the bytes"},
		{"MEDIUMBLOB, LONGBLOB", []change.Type{{Base: change.MediumBlob}, {Base: change.LongBlob}}, "the bytes"},
		{"ENUM('a','bc')", []change.Type{{Base: change.Enum, Charset: "utf8mb4", Members: []string{"a", "bc"}}}, "the member, by the list in force when the row was written; empty for a value that was no member"},
		{"SET('a','bc')", []change.Type{{Base: change.Set, Charset: "utf8mb4", Members: []string{"a", "bc"}}}, "the members in their order, between commas"},
		{"JSON", []change.Type{{Base: change.JSON}}, "the document; StarRocks keeps fractions as DOUBLE"},
		{"DATE", []change.Type{{Base: change.Date}}, "the date"},
		{"DATETIME(0) to DATETIME(6)", []change.Type{{Base: change.DateTime, Fraction: 6}}, "date and time as written, with microseconds"},
		{"TIMESTAMP(0) to TIMESTAMP(6)", []change.Type{{Base: change.Timestamp, Fraction: 6}}, "date and time in `server-time-zone`, with microseconds; in a key always in UTC"},
		{"TIME(0) to TIME(6)", []change.Type{{Base: change.Time, Fraction: 6}}, "-838:59:59.000000 to 838:59:59.000000, with the digits of its type"},
		{"YEAR", []change.Type{{Base: change.Year}}, "the number, 0 for 0000"},
		{"GEOMETRY, POINT, LINESTRING, …", []change.Type{{Base: change.Geometry}}, "POINT(1 2.5)"},
		{"VECTOR (MySQL 9)", []change.Type{{Base: change.Vector, Length: 3}}, "[1,2.5,-0.1]"},
		{"UUID (MariaDB)", []change.Type{{Base: change.UUID}}, "00112233-4455-6677-8899-aabbccddeeff"},
		{"INET4, INET6 (MariaDB)", []change.Type{{Base: change.INET4}, {Base: change.INET6}}, "10.1.2.3, 2001:db8::1"},
	}
}

const aboutTypes = `# Types

Written by a test from the table the program itself uses (internal/starrocks/types.go): ` + "`go test ./internal/starrocks -run TypesPage -update`" + `.

A row read by the copy and the same row in the log arrive as the same bytes. Tests compare them on real MySQL and
MariaDB, type by type and for random tables.

Types for StarRocks %s; where another version differs it says so. "In a key" is the type of a column of the primary key.

| MySQL, MariaDB | StarRocks | in a key | what arrives | to know |
|---|---|---|---|---|
`

const moreOfTypes = `
## Rules

- **NULL** stays NULL. Generated, invisible and expression-default columns are plain columns at the target, and so is a
  generated invisible primary key.
- **Text** of every charset the servers have (gbk, gb18030, sjis, cp932, big5, euckr, ujis, eucjpms, gb2312, utf16,
  utf32, ucs2 and the single-byte ones) arrives as the UTF-8 that the server itself makes of it; a code that has no
  character is a question mark, as in a SELECT. Text that is stored as UTF-8 and is none stops the table: StarRocks
  takes no such row.
- **Dates that are none** (0000-00-00, 2024-02-00, 2024-02-30) do not exist in StarRocks. ` + "`'zero-date.behavior'`" + ` says what
  becomes of them, on both paths: ` + "`exception`" + ` (the default) stops the table, ` + "`convert-to-null`, `round`" + `.
- **TIMESTAMP** is a moment; StarRocks keeps only what the clock of ` + "`'server-time-zone'`" + ` (UTC by default) showed. In the hour
  that a clock shows twice two moments look the same, so that in a key it is always UTC.
- **The JSON document null** arrives as NULL: StarRocks has no column that tells them apart.
- ` + "`treat-tinyint1-as-boolean`, `server-time-zone` and `zero-date.behavior`" + ` count for a table when it joins, that is at the first
  start that has it, and for columns that come later. With another value a table that is there goes on as it was, also
  after a resync, and every start says so; DROP TABLE in StarRocks and a new ` + "`--data-dir`" + ` change it. A table that is
  stopped takes them with its resync (unless another route of the same source table goes on).

## What StarRocks cannot hold

| what | when it is noticed | what helps |
|---|---|---|
| FLOAT, DOUBLE, JSON, GEOMETRY, VECTOR, BLOB in a key | explain and start refuse the table | another primary key |
| a key of more than 128 bytes | explain and start warn when the types allow it; a row with one stops the table or goes to its dead letters | ` + "`primary_key_limit_size`" + ` of the backends |
| text or bytes of more than 1 MiB | the row stops the table or goes to its dead letters | shorter values |
| a table without a primary key; NULL is in no key of MySQL | explain and start refuse the table | a primary key |
| bytes in a key | no loss: hexadecimal digits | |
| a key in cp932, sjis, big5, … with a code that has no character, or whose character has another code too | the row stops the table: in UTF-8 it could be the text of another key | a key in utf8mb4 |
| columns of MariaDB that are COMPRESSED, row images other than FULL, partial JSON in the log | start, or the first row | what the error says |

At run time a row that cannot be stored stops its table with the key and the reason, or, with
` + "`'on-bad-row' = 'dead-letter'`" + `, goes to the table's file of dead letters.
`

// TestTypesPage keeps docs/types.md in step with the code.
func TestTypesPage(t *testing.T) {
	t.Parallel()
	const version = "3.5"
	var page strings.Builder
	fmt.Fprintf(&page, aboutTypes, version)
	shown := map[change.Base]bool{}
	for _, line := range pageOfTypes() {
		var plain, keys, notes []string
		for _, typ := range line.types {
			shown[typ.Base] = true
			plain = appendNew(plain, targetType(typ, false, typesOf(version)).shown())
			key := targetType(typ, true, typesOf(version))
			keys = appendNew(keys, key.shown())
			notes = appendNew(appendNew(notes, targetType(typ, false, typesOf(version)).note), key.note)
			if newer := targetType(typ, false, typesOf("4.0")); newer.text != targetType(typ, false, typesOf(version)).text {
				notes = appendNew(notes, "from StarRocks 4.0 on "+newer.text)
			}
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", line.name, strings.Join(plain, ", "), strings.Join(keys, ", "), line.cell, strings.Join(notes, "; "))
	}
	for base := change.Unknown + 1; !strings.HasPrefix(base.String(), "base("); base++ {
		if !shown[base] {
			t.Errorf("docs/types.md does not show %s", base)
		}
	}
	page.WriteString(moreOfTypes)
	golden(t, "../../../docs/types.md", page.String())
}

func (t typed) shown() string {
	if t.refusal != "" {
		return "refused"
	}
	return t.text
}

func appendNew(list []string, text string) []string {
	for _, have := range list {
		if have == text {
			return list
		}
	}
	if text == "" {
		return list
	}
	return append(list, text)
}
