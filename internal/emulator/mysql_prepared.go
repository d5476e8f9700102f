package emulator

import (
	"encoding/binary"
	"math"
	"time"
)

// prepared is a prepared statement: a SELECT, and nothing else.
type prepared struct {
	src    string
	params int
	types  []byte // as sent with the last execution that brought types
}

func (ss *session) commandPrepare(src string) error {
	p, columns, err := ss.prepare(src)
	if err != nil {
		return ss.writeError(err)
	}
	ss.last++
	ss.stmts[ss.last] = p
	b := binary.LittleEndian.AppendUint32([]byte{0}, ss.last)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(columns)))
	b = binary.LittleEndian.AppendUint16(b, uint16(p.params))
	if err := ss.conn.write(append(b, 0, 0, 0)); err != nil {
		return err
	}
	params := make([]resultColumn, p.params)
	for i := range params {
		params[i] = resultColumn{name: "?", typ: dataType{kind: tVarchar, length: 255}}
	}
	for _, list := range [][]resultColumn{params, columns} {
		for _, c := range list {
			if err := ss.conn.write(columnPacket(c)); err != nil {
				return err
			}
		}
		if len(list) > 0 {
			if err := ss.writeEOF(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ss *session) prepare(src string) (*prepared, []resultColumn, error) {
	st, params, err := parseOne(src)
	if err != nil {
		return nil, nil, err
	}
	sel, ok := st.(*selectStmt)
	if !ok {
		return nil, nil, newSQLError(1295, "HY000", analyzing+"This command is not supported in the prepared statement protocol yet.")
	}
	q, err := ss.bindSelect(sel, make([]value, params))
	if err != nil {
		return nil, nil, err
	}
	return &prepared{src: src, params: params}, q.columns, nil
}

func parseOne(src string) (statement, int, error) {
	all, err := splitStatements(src)
	if err != nil {
		return nil, 0, err
	}
	if len(all) != 1 {
		return nil, 0, syntaxErrorAt(src, 0, ";")
	}
	return parseStatement(src, all[0])
}

func (ss *session) commandExecute(arg []byte) error {
	f := &field{b: arg}
	id := f.uint32()
	f.take(5) // flags, iteration count
	p := ss.stmts[id]
	if p == nil {
		return ss.writeError(newSQLError(1243, "HY000", "Unknown prepared statement handler (%d) given to EXECUTE", id))
	}
	params, err := p.readParams(f)
	if err != nil {
		return ss.writeError(err)
	}
	// The tree is parsed again: binding writes into it, and the table may have changed.
	st, _, err := parseOne(p.src)
	if err != nil {
		return ss.writeError(err)
	}
	rows, err := ss.runSelect(st.(*selectStmt), params)
	if err != nil {
		return ss.writeError(err)
	}
	return ss.writeOutcome(outcome{rows: rows}, true)
}

func (p *prepared) readParams(f *field) ([]value, error) {
	params := make([]value, p.params)
	if p.params == 0 {
		return params, nil
	}
	nulls := f.take((p.params + 7) / 8)
	if !f.bad && f.byte() == 1 {
		p.types = append([]byte(nil), f.take(2*p.params)...)
	}
	if f.bad || len(p.types) != 2*p.params {
		return nil, newSQLError(1835, "HY000", "Malformed communication packet.")
	}
	for i := range params {
		if nulls[i/8]&(1<<(i%8)) == 0 {
			params[i] = readParam(f, p.types[2*i], p.types[2*i+1]&0x80 != 0)
		}
	}
	if f.bad {
		return nil, newSQLError(1835, "HY000", "Malformed communication packet.")
	}
	return params, nil
}

func readParam(f *field, typ byte, unsigned bool) value {
	whole := func(signed int64, raw uint64) value {
		if unsigned && raw > math.MaxInt64 {
			return numberLiteral(appendUint(raw))
		}
		if unsigned {
			return intValue(int64(raw))
		}
		return intValue(signed)
	}
	switch typ {
	case myNull:
		return null
	case myTiny:
		n := f.byte()
		return whole(int64(int8(n)), uint64(n))
	case myShort, 13:
		n := f.uint16()
		return whole(int64(int16(n)), uint64(n))
	case myLong, 9:
		n := f.uint32()
		return whole(int64(int32(n)), uint64(n))
	case myLongLong:
		n := f.uint64()
		return whole(int64(n), n)
	case myFloat:
		return floatValue(float64(math.Float32frombits(f.uint32())))
	case myDouble:
		return floatValue(math.Float64frombits(f.uint64()))
	case myDate, myDatetime, myTimestamp:
		return readDateParam(f)
	}
	return textValue(f.lenText())
}

func readDateParam(f *field) value {
	n := int(f.byte())
	d := &field{b: f.take(n)}
	if n < 4 {
		return null
	}
	year, month, day := int(d.uint16()), int(d.byte()), int(d.byte())
	var hour, minute, second, micro int
	if n >= 7 {
		hour, minute, second = int(d.byte()), int(d.byte()), int(d.byte())
	}
	if n >= 11 {
		micro = int(d.uint32())
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC)
	if micro == 0 {
		return textValue(t.Format(time.DateTime))
	}
	return textValue(t.Format("2006-01-02 15:04:05.000000"))
}
