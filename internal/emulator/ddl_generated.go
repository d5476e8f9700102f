package emulator

import (
	"encoding/hex"
	"math/big"
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

// checkGenerated applies the analyzer's rules on AUTO_INCREMENT and generated columns
// and then says that they are not imitated: a load would have to fill them.
func checkGenerated(columns []columnDef) error {
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
	case auto > 0:
		return notEmulated("AUTO_INCREMENT columns")
	case generated > 0:
		return notEmulated("generated columns")
	}
	return nil
}
