package cells

import (
	"encoding/binary"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

const testTableID = 0x0102030405

// tableMap is the TABLE_MAP a server would write for a table, without metadata
// beyond the types.
func tableMap(t *change.Table) *binlog.TableMap {
	m := &binlog.TableMap{ID: testTableID}
	for i := range t.Columns {
		w := wireOf(&t.Columns[i].Type)
		code, meta := w.code, uint16(w.a)
		switch code {
		case mysql.MYSQL_TYPE_STRING:
			meta = (uint16(code)^uint16(w.a&0x300)>>4)<<8 | uint16(w.a&0xff)
		case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
			meta = uint16(code)<<8 | uint16(w.a)
			code = mysql.MYSQL_TYPE_STRING
		case mysql.MYSQL_TYPE_NEWDECIMAL:
			meta = uint16(w.a)<<8 | uint16(w.b)
		case mysql.MYSQL_TYPE_BIT:
			meta = uint16(w.a/8)<<8 | uint16(w.a%8)
		}
		m.Types = append(m.Types, code)
		m.Metas = append(m.Metas, meta)
	}
	return m
}

// rowsBody is the body of a version 2 rows event with these images.
func rowsBody(columns, bitmaps int, images ...byte) []byte {
	body := binary.LittleEndian.AppendUint64(nil, testTableID)
	body = append(body, 2, 0, byte(columns))
	for range bitmaps * ((columns + 7) / 8) {
		body = append(body, 0xff)
	}
	return append(body, images...)
}

func table(types ...change.Type) *change.Table {
	t := &change.Table{Name: change.Name{Database: "shop", Table: "orders"}, Version: 3}
	for i, typ := range types {
		t.Columns = append(t.Columns, change.Column{Name: "c" + string(rune('0'+i)), Type: typ, Nullable: true})
	}
	return t
}

func decoder(t testing.TB, types ...change.Type) *Decoder {
	t.Helper()
	shop := table(types...)
	d, err := NewDecoder(shop, tableMap(shop))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func utf8mb4(base change.Base, length int) change.Type {
	return change.Type{Base: base, Length: length, Charset: "utf8mb4", Collation: "utf8mb4_bin"}
}
