package plan

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the words that Flink knows; all are powers of 1024.
var sizeUnits = map[string]int64{
	"": 1, "b": 1, "bytes": 1,
	"k": 1 << 10, "kb": 1 << 10, "kibibytes": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mebibytes": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gibibytes": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tebibytes": 1 << 40,
}

// ParseSize reads a size in bytes as Flink writes it: '16mb', '16 MB', '94371840'.
// It is never negative.
func ParseSize(text string) (int64, error) {
	number, unit := splitNumber(strings.TrimSpace(text))
	scale, ok := sizeUnits[strings.ToLower(unit)]
	if number == "" || !ok {
		return 0, errors.New("a size is a number and a unit: '16mb', '1 gb', '94371840'")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/scale {
		return 0, errors.New("the size is too large")
	}
	return n * scale, nil
}
