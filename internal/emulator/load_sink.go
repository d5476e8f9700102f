package emulator

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// expressionCell is the cell of a computed value. A value that cannot be cast is NULL,
// in strict mode too: strict mode watches only columns that come from a field as it is.
// Text that is too long passes here and is refused by the sink.
func expressionCell(t dataType, v value) ([]byte, cellState, error) {
	if t.isText() || t.kind == tVarbinary {
		return []byte(v.text()), goodCell, nil
	}
	cell, ok := storeValue(t, v)
	if !ok {
		return nil, nullCell, nil
	}
	return cell, goodCell, nil
}

// hexCell reads a binary CSV field as StarRocks did before it took base64.
func hexCell(text []byte) ([]byte, cellState, error) {
	cell := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(cell, text); err != nil {
		return nil, badCell, nil
	}
	return cell, goodCell, nil
}

// nullRefusal is what the sink says to a NULL where none may be.
func (l *loader) nullRefusal() string {
	for i, c := range l.plan.columns {
		switch {
		case !l.builder.nulls[i] || c.nullable:
		case c.auto:
			return fmt.Sprintf("NULL value in auto increment column '%s'", c.name)
		default:
			return fmt.Sprintf("NULL value in non-nullable column '%s'", c.name)
		}
	}
	return ""
}

// sinkRefusal is what the sink says to a row whose text is too long for its column; only
// computed values come this far.
func (l *loader) sinkRefusal() string {
	for i, c := range l.plan.columns {
		if l.plan.targets[i].x == nil || l.builder.nulls[i] {
			continue
		}
		if cell := l.builder.cell(i); (c.typ.isText() || c.typ.kind == tVarbinary) && len(cell) > c.typ.length {
			return fmt.Sprintf("String '%s'(length=%d) is too long. The max length of '%s' is %d", clip(cell), len(cell), c.name, c.typ.length)
		}
	}
	return ""
}

// constantOperation checks an expression for __op: a constant must be upsert or delete,
// by name or by number.
func constantOperation(x expr) (expr, error) {
	lit, isLiteral := x.(*literal)
	switch {
	case !isLiteral:
		return x, nil
	case lit.v.kind == vText && strings.EqualFold(lit.v.s, "upsert"):
		return &literal{intValue(0)}, nil
	case lit.v.kind == vText && strings.EqualFold(lit.v.s, "delete"):
		return &literal{intValue(1)}, nil
	case lit.v.kind == vText:
		return nil, ddlError("load op type string not supported: %s", strings.ToLower(lit.v.s))
	case lit.v.kind != vInt:
		return nil, ddlError("const load op type column should only be upsert(0)/delete(1)")
	}
	return x, nil
}
