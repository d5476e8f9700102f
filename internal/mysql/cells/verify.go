package cells

import (
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

// Verify checks a TABLE_MAP against the schema in force: number of columns, types
// with their lengths, precisions and fractions, and whatever else the map tells:
// signs, charsets, names, members of ENUM and SET. It returns a *diag.Problem that
// names the first difference.
func Verify(t *change.Table, m *binlog.TableMap) error {
	n := len(t.Columns)
	if n != len(m.Types) {
		return mismatch(t, fmt.Sprintf("it has %d columns in the log and %d in the schema known here", len(m.Types), n))
	}
	if n == 0 {
		return mismatch(t, "it has no columns")
	}
	v := verifierOf(m)
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

// verifier holds what a TABLE_MAP says beyond the types, by column; what it does not say is
// nil.
type verifier struct {
	unsigned    map[int]bool
	collations  map[int]uint64
	names       [][]byte
	enums, sets map[int][][]byte
}

// verifierOf deals out to the columns what the map says to those of a kind, in their order.
func verifierOf(m *binlog.TableMap) *verifier {
	v := &verifier{unsigned: map[int]bool{}, collations: collationsOf(m), names: m.Names, enums: map[int][][]byte{}, sets: map[int][][]byte{}}
	numbers, enums, sets := 0, m.Enums, m.Sets
	for i := range m.Types {
		switch code := wireAt(m, i).code; {
		case numeric[code]:
			if numbers/8 < len(m.Signs) {
				v.unsigned[i] = m.Signs[numbers/8]&(0x80>>(numbers%8)) != 0
			}
			numbers++
		case code == mysql.MYSQL_TYPE_ENUM && len(enums) > 0:
			v.enums[i], enums = enums[0], enums[1:]
		case code == mysql.MYSQL_TYPE_SET && len(sets) > 0:
			v.sets[i], sets = sets[0], sets[1:]
		}
	}
	return v
}

// numeric are the types that have a sign.
var numeric = map[byte]bool{
	mysql.MYSQL_TYPE_TINY: true, mysql.MYSQL_TYPE_SHORT: true, mysql.MYSQL_TYPE_INT24: true, mysql.MYSQL_TYPE_LONG: true, mysql.MYSQL_TYPE_LONGLONG: true,
	mysql.MYSQL_TYPE_DECIMAL: true, mysql.MYSQL_TYPE_NEWDECIMAL: true, mysql.MYSQL_TYPE_FLOAT: true, mysql.MYSQL_TYPE_DOUBLE: true, mysql.MYSQL_TYPE_YEAR: true,
}

// collationsOf is the collation of every character column, by column. VECTOR counts as one,
// and MariaDB's geometries do.
func collationsOf(m *binlog.TableMap) map[int]uint64 {
	named := map[uint64]uint64{}
	for i := 1; i+1 < len(m.DefaultCollation); i += 2 {
		named[m.DefaultCollation[i]] = m.DefaultCollation[i+1]
	}
	collations := map[int]uint64{}
	n := uint64(0)
	for i := range m.Types {
		switch code := wireAt(m, i).code; {
		case code == mysql.MYSQL_TYPE_STRING, code == mysql.MYSQL_TYPE_VARCHAR, code == mysql.MYSQL_TYPE_BLOB, code == mysql.MYSQL_TYPE_VECTOR:
		case code == mysql.MYSQL_TYPE_GEOMETRY && m.MariaDB:
		default:
			continue
		}
		if collation, ok := named[n]; ok {
			collations[i] = collation
		} else if len(m.DefaultCollation) > 0 {
			collations[i] = m.DefaultCollation[0]
		} else if n < uint64(len(m.Collations)) {
			collations[i] = m.Collations[n]
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
	if v.names != nil && !strings.EqualFold(string(v.names[i]), c.Name) {
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
		if text := string(e.append(nil, member)); text != c.Type.Members[k] {
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
