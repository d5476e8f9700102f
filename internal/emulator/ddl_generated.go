package emulator

import (
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Columns whose values the server makes up.

const (
	defaultUUID       = "uuid()"
	defaultUUIDNumber = "uuid_numeric()"

	uuidForm = "00000000-0000-0000-0000-000000000000"
)

// generate evaluates a DEFAULT function.
func (d columnDefault) generate(scope *rowScope) (value, error) {
	switch d.function {
	case defaultUUID:
		return textValue(newUUID()), nil
	case defaultUUIDNumber:
		b, err := hex.DecodeString(strings.ReplaceAll(newUUID(), "-", ""))
		return value{kind: vDecimal, n: new(big.Int).Rsh(new(big.Int).SetBytes(b), 1)}, err
	}
	return now(scope, nil)
}

// checkGenerated applies the analyzer's rules on AUTO_INCREMENT and generated columns; the
// latter are not imitated.
func (s *session) checkGenerated(columns []columnDef) error {
	auto, generated := 0, 0
	for _, d := range columns {
		switch {
		case d.autoIncrement && d.null == nullAllowed:
			return analysisError("AUTO_INCREMENT column %s must be NOT NULL", d.name)
		case d.autoIncrement && d.typ.kind != tBigint:
			return analysisError("The AUTO_INCREMENT column must be BIGINT")
		case d.generated != "" && (d.null == nullForbidden || d.key):
			return analysisError("Generated Column %s can not be KEY or NOT NULL", d.name)
		}
		if d.autoIncrement {
			auto++
		}
		if d.generated != "" {
			generated++
		}
	}
	switch {
	case auto > 1:
		return analysisError("More than one AUTO_INCREMENT column defined in CREATE TABLE Statement")
	case auto > 0 && !s.server.has(featureAutoIncrement):
		return notEmulated("AUTO_INCREMENT columns before 3.0")
	case generated > 0:
		return notEmulated("generated columns")
	}
	return nil
}

// An AUTO_INCREMENT column counts from 1, one by one, whatever values a load or a statement
// brings itself. A number that was given to a row that came to nothing is not given again
// before a restart. StarRocks gives every backend a range of numbers, so its numbers have
// larger gaps.

// nextAuto is the next number.
func (s *tableStore) nextAuto() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.autoUsed++
	return s.autoUsed
}

// reserveAutos keeps the numbers of a replayed load from being given again.
func (t *table) reserveAutos(d *delta) {
	at := slices.IndexFunc(t.columns, func(c *column) bool { return c.auto })
	if at < 0 {
		return
	}
	id := t.columns[at].id
	for _, op := range d.ops {
		if op.delete {
			continue
		}
		_, cells := t.store.rowCells(op.blob[op.key:])
		cell, isNull := decodeCell(cells[id])
		if n, err := strconv.ParseInt(cell, 10, 64); err == nil && !isNull {
			t.store.autoUsed = max(t.store.autoUsed, n)
		}
	}
}
