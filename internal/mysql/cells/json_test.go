package cells

import (
	"encoding/hex"
	"math"
	"testing"
)

var jsonVectors = []struct{ document, want string }{
	{"", "null"},
	{"0400", "null"},
	{"0401", "true"},
	{"05ffff", "-1"},
	{"06ffff", "65535"},
	{"0900000000000000" + "80", "-9223372036854775808"},
	{"0b000000000000f03f", "1.0"},
	{"0b0000000000000080", "-0.0"},
	{"0c03612201", `"a\"\u0001"`},
	{"0000000400", "{}"},
	{"0200000400", "[]"},
	// {"a": 1, "bb": [null]}: keys at 18 and 19, the array at 21
	{"00" + "0200" + "1c00" + "12000100" + "13000200" + "050100" + "021500" + "61" + "6262" + "01000700040000", `{"a": 1, "bb": [null]}`},
	// the same array in the large format, and an int32 inline
	{"03" + "02000000" + "12000000" + "0400000000" + "07ffffffff", "[null, -1]"},
	{"0ff6070a028000000c22", "12.34"},
	{"0f0a08" + "0000000000bab219", `"2024-02-29"`},
	{"0ffc03010203", `"base64:type252:AQID"`},
}

func TestJSONPrintsAsSelectDoes(t *testing.T) {
	t.Parallel()
	for _, c := range jsonVectors {
		document, err := hex.DecodeString(c.document)
		if err != nil {
			t.Fatal(err)
		}
		text, err := appendJSON(nil, document)
		if err != nil || string(text) != c.want {
			t.Errorf("%s: %v %s, want %s", c.document, err, text, c.want)
		}
	}
}

// A chain of arrays whose two entries both point to the next one would print 2^n
// values.
func TestSharedJSONValuesDoNotExplode(t *testing.T) {
	t.Parallel()
	document := []byte{jsonLargeArray}
	const links, width = 100, 4
	for i := range links {
		rest := (links - i) * (2*width + 2*(width+1))
		next := []byte{2*width + 2*(width+1), 0, 0, 0}
		document = append(document, 2, 0, 0, 0, byte(rest), byte(rest>>8), 0, 0)
		document = append(append(document, jsonLargeArray), next...)
		document = append(append(document, jsonLargeArray), next...)
	}
	text, err := appendJSON(nil, document)
	if err == nil || len(text) > 20*len(document) {
		t.Errorf("%v: %d bytes became %d", err, len(document), len(text))
	}
}

func TestDoublesPrintAsMySQLPrintsThem(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{
		"100000000000000": 1e14, "1e15": 1e15, "123456789012345": 123456789012345, "123456789012345.67": 123456789012345.67,
		"1234567890123456.8": 1234567890123456.8, "1.234567891234567e15": 1234567891234567, "0.000001": 1e-6, "0.00000000000001": 1e-14, "0.000000000000001": 1e-15, "1e-16": 1e-16,
		"1.5e-20": 1.5e-20, "1.7976931348623157e308": math.MaxFloat64, "5e-324": math.SmallestNonzeroFloat64, "-2.5": -2.5,
		"0": 0, "-0": math.Copysign(0, -1),
	} {
		if got, err := appendShortest(nil, v, 64); err != nil || string(got) != want {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if got, err := appendShortest(nil, v, 64); err == nil {
			t.Errorf("%v became %s", v, got)
		}
	}
}
