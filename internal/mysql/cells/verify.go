package cells

import (
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Verify checks a TABLE_MAP against the schema in force: number of columns, types
// with their lengths, precisions and fractions, and whatever else the map tells:
// signs, charsets, names, members of ENUM and SET. It returns a *diag.Problem that
// names the first difference.
func Verify(t *change.Table, m *replication.TableMapEvent) error {
	n := len(t.Columns)
	if uint64(n) != m.ColumnCount || n != len(m.ColumnType) || n != len(m.ColumnMeta) {
		return mismatch(t, fmt.Sprintf("it has %d columns in the log and %d in the schema known here", m.ColumnCount, n))
	}
	if n == 0 {
		return mismatch(t, "it has no columns")
	}
	v := verifier{
		unsigned:   m.UnsignedMap(),
		collations: collationsOf(m),
		names:      m.ColumnNameString(),
		enums:      m.EnumStrValueMap(),
		sets:       m.SetStrValueMap(),
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if err := Supported(c, t.IsKey(i)); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		if difference := v.column(i, c, wireAt(m, i)); difference != "" {
			return mismatch(t, difference)
		}
	}
	return nil
}

// verifier holds what a TABLE_MAP says beyond the types; what it does not say is nil.
type verifier struct {
	unsigned    map[int]bool
	collations  map[int]uint64
	names       []string
	enums, sets map[int][]string
}

// collationsOf is the collation of every character column, by column. (go-mysql's own
// CollationMap does not count VECTOR, as MySQL 9 does, and gives every column behind one
// the collation of another.)
func collationsOf(m *replication.TableMapEvent) map[int]uint64 {
	named := map[uint64]uint64{}
	for i := 1; i+1 < len(m.DefaultCharset); i += 2 {
		named[m.DefaultCharset[i]] = m.DefaultCharset[i+1]
	}
	collations := map[int]uint64{}
	n := uint64(0)
	for i := range m.ColumnType {
		if !m.IsCharacterColumn(i) && m.ColumnType[i] != mysql.MYSQL_TYPE_VECTOR {
			continue
		}
		if collation, ok := named[n]; ok {
			collations[i] = collation
		} else if len(m.DefaultCharset) > 0 {
			collations[i] = m.DefaultCharset[0]
		} else if n < uint64(len(m.ColumnCharset)) {
			collations[i] = m.ColumnCharset[n]
		}
		n++
	}
	return collations
}

// column says in what way column i differs, "" when it does not.
func (v *verifier) column(i int, c *change.Column, got wire) string {
	t := &c.Type
	want := wireOf(t)
	if got != want && (t.Fraction != 0 || got != wire{code: oldTemporal(t)}) {
		expected := t.String()
		if want.isVarSized() {
			expected += fmt.Sprintf(" (%d bytes)", want.a)
		}
		return fmt.Sprintf("column %d, `%s`, is %s in the log and %s in the schema known here", i+1, c.Name, got, expected)
	}
	if v.names != nil && !strings.EqualFold(v.names[i], c.Name) {
		return fmt.Sprintf("column %d is named `%s` in the log and `%s` in the schema known here", i+1, v.names[i], c.Name)
	}
	if unsigned, told := v.unsigned[i]; told && t.Base != change.Year && unsigned != (t.Unsigned || t.Zerofill) {
		return fmt.Sprintf("column `%s` is %s in the log and %s in the schema known here", c.Name, sign(unsigned), t)
	}
	if collation, told := v.collations[i]; told {
		if charset := charsetOf(collation); !sameCharset(charset, t) {
			return fmt.Sprintf("column `%s` has charset %s in the log and %s in the schema known here", c.Name, charset, charsetName(t))
		}
	}
	return v.members(i, c)
}

func (v *verifier) members(i int, c *change.Column) string {
	told, ok := v.enums[i]
	if !ok {
		if told, ok = v.sets[i]; !ok {
			return ""
		}
	}
	e := encodings[c.Type.Charset]
	if len(told) != len(c.Type.Members) {
		return fmt.Sprintf("column `%s` has %d members in the log and %d in the schema known here", c.Name, len(told), len(c.Type.Members))
	}
	for k, member := range told {
		if e == nil {
			break // members are logged in a charset that cannot be compared
		}
		if text := string(e.append(nil, []byte(member))); text != c.Type.Members[k] {
			return fmt.Sprintf("member %d of column `%s` is '%s' in the log and '%s' in the schema known here", k+1, c.Name, text, c.Type.Members[k])
		}
	}
	return ""
}

func sign(unsigned bool) string {
	if unsigned {
		return "unsigned"
	}
	return "signed"
}

func mismatch(t *change.Table, difference string) error {
	return &diag.Problem{
		Code: CodeSchemaMismatch, Class: diag.Refused,
		Message: fmt.Sprintf("table %s: the log does not fit the schema in force (version %d): %s; "+
			"it was changed by a statement that is not in the log (sql_log_bin=0, a replica of its own, a restored backup)", t.Name, t.Version, difference),
		Fix: "if it has temporal columns from before MySQL 5.6: ALTER TABLE … FORCE;",
	}
}
