package emulator

import (
	"encoding/binary"
	"math/big"
	"strconv"
)

// appendKey appends one key cell so that encoded keys sort as their values do and have
// the sizes StarRocks counts against primary_key_limit_size.
func appendKey(key []byte, t dataType, cell []byte, last bool) []byte {
	switch t.kind {
	case tBoolean:
		return append(key, cell[0])
	case tTinyint, tSmallint, tInt, tBigint:
		n, _ := strconv.ParseInt(string(cell), 10, 64)
		u := uint64(n) ^ 1<<63
		switch t.kind {
		case tTinyint:
			return append(key, byte(uint8(n)^1<<7))
		case tSmallint:
			return binary.BigEndian.AppendUint16(key, uint16(n)^1<<15)
		case tInt:
			return binary.BigEndian.AppendUint32(key, uint32(n)^1<<31)
		}
		return binary.BigEndian.AppendUint64(key, u)
	case tLargeint:
		n, ok := new(big.Int).SetString(string(cell), 10)
		if !ok {
			n = new(big.Int)
		}
		var b [16]byte
		return append(key, new(big.Int).Sub(n, minLargeint).FillBytes(b[:])...)
	case tDate, tDatetime:
		return appendDateKey(key, t.kind, string(cell))
	}
	if last {
		return append(key, cell...)
	}
	for _, c := range cell {
		key = append(key, c)
		if c == 0 {
			key = append(key, 1)
		}
	}
	return append(key, 0, 0)
}

func appendDateKey(key []byte, kind typeKind, cell string) []byte {
	number := func(from, to int) (n uint64) {
		for i := from; i < to && i < len(cell); i++ {
			n = n*10 + uint64(cell[i]-'0')
		}
		return n
	}
	day := (number(0, 4)*13+number(5, 7))*32 + number(8, 10)
	if kind == tDate {
		return binary.BigEndian.AppendUint32(key, uint32(day))
	}
	second := ((day*24+number(11, 13))*60+number(14, 16))*60 + number(17, 19)
	return binary.BigEndian.AppendUint64(key, second*1_000_000+number(20, 26))
}
