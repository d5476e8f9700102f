package starrocks

import (
	"bytes"
	"math/big"
	"regexp"
	"testing"

	"starferry/internal/change"
)

func TestValuesAreComparedByValue(t *testing.T) {
	t.Parallel()
	number, double, float := change.Type{Base: change.Decimal, Precision: 20, Scale: 4}, change.Type{Base: change.Double}, change.Type{Base: change.Float}
	moment, document, text := change.Type{Base: change.DateTime, Fraction: 3}, change.Type{Base: change.JSON}, change.Type{Base: change.VarChar, Length: 9, Charset: "utf8mb4"}
	for _, c := range []struct {
		typ  change.Type
		a, b string
		same bool
	}{
		{number, "1.50", "1.5", true}, {number, "-0.00", "0", true}, {number, "007", "7", true}, {number, "100", "1e2", true}, {number, "+1", "1", true}, {number, ".5", "0.50", true},
		{number, "1.50", "1.51", false}, {number, "1", "-1", false}, {number, "10", "1", false}, {number, "0.1", "0.01", false}, {number, "", "0", false}, {number, "1.2.3", "1.23", false},
		{number, "99999999999999999999999999999999999999", "99999999999999999999999999999999999998", false},
		{change.Type{Base: change.Year}, "0000", "0", true}, {change.Type{Base: change.Bit, Length: 64}, "18446744073709551615", "18446744073709551614", false},
		{double, "1e22", "10000000000000000000000", true}, {double, "0.1", "0.10000000000000001", true}, {double, "0.1", "0.10000000000000002", false}, {double, "-0", "0", true},
		{double, "1E10", "10000000000", true}, {float, "16777217", "16777216", true}, {float, "0.1", "0.10000000149011612", true}, {float, "0.1", "0.100000009", false}, {double, "nan", "nan", true}, {double, "inf", "-inf", false},
		{moment, "2020-01-02 03:04:05.000", "2020-01-02 03:04:05", true}, {moment, "2020-01-02 03:04:05.120", "2020-01-02 03:04:05.120000", true}, {moment, "2020-01-02 03:04:05.1", "2020-01-02 03:04:05.01", false}, {moment, "2020-01-02 03:04:00", "2020-01-02 03:04:0", false},
		{document, `{"b":1,"a":[1, 2]}`, `{"a": [1,2], "b": 1.0}`, true}, {document, `{"a":1}`, `{"a":"1"}`, false}, {document, `[1,2]`, `[2,1]`, false}, {document, `[1,2]`, `[12]`, false}, {document, `["a","b"]`, `["a\",\"b"]`, false},
		{document, `"\u00e9\/"`, `"é/"`, true}, {document, `{}`, `[]`, false}, {document, `null`, `{}`, false}, {document, `[null]`, `[]`, false}, {document, `[true]`, `[false]`, false},
		{document, `9007199254740993`, `9007199254740992`, false}, {document, `18446744073709551615`, `18446744073709551616`, false}, {document, `1e2`, `100`, true}, {document, `0.1`, `0.10000000000000001`, true},
		{document, `0.1234567890123456789`, `0.12345678901234568`, false}, {document, `1e999999999999`, `1e999999999998`, false}, {document, `{"a":1} x`, `{"a":1}`, false}, {document, `{"a":{"b":1}}`, `{"a":{},"b":1}`, false},
		{text, "1", "1.0", false}, {text, "a", "a ", false}, {text, "A", "a", false},
	} {
		if got := sameValue(&c.typ, []byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("%s: %q and %q: same %v", c.typ, c.a, c.b, got)
		}
		if got := sameValue(&c.typ, []byte(c.b), []byte(c.a)); got != c.same {
			t.Errorf("%s: %q and %q: same %v", c.typ, c.b, c.a, got)
		}
	}
}

func TestAnswersBecomeTheTextOfTheSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ          change.Type
		answer, want string
	}{
		{change.Type{Base: change.DateTime}, "2020-01-02 03:04:05", "2020-01-02 03:04:05"}, {change.Type{Base: change.DateTime, Fraction: 3}, "2020-01-02 03:04:05", "2020-01-02 03:04:05.000"},
		{change.Type{Base: change.Timestamp, Fraction: 3}, "2020-01-02 03:04:05.120000", "2020-01-02 03:04:05.120"}, {change.Type{Base: change.DateTime, Fraction: 3}, "2020-01-02 03:04:05.123456", "2020-01-02 03:04:05.123456"},
		{change.Type{Base: change.DateTime}, "2020-01-02 03:04:05.5", "2020-01-02 03:04:05.5"}, {change.Type{Base: change.Year}, "0", "0000"}, {change.Type{Base: change.Year}, "1999", "1999"}, {change.Type{Base: change.Int}, "7", "7"},
	} {
		if got := string(appendSourceText(nil, &c.typ, false, []byte(c.answer))); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.typ, c.answer, got, c.want)
		}
	}
}

// FuzzSameValue: comparing is an equivalence that no spelling of a document's spaces
// disturbs, and equal numbers are equal to the eye of big arithmetic.
func FuzzSameValue(f *testing.F) {
	for i, s := range [][2]string{{"1.50", "1.5"}, {`{"a": [1, 2.5e3]}`, `{"a":[1,2500]}`}, {"2020-01-02 03:04:05.100", "2020-01-02 03:04:05.1"}, {"-0", "0"}, {"1e-400", "0"}, {`"\ud800"`, `"x"`}} {
		f.Add(s[0], s[1], "x", uint8(i))
	}
	types := []change.Type{{Base: change.Decimal}, {Base: change.JSON}, {Base: change.DateTime}, {Base: change.Double}, {Base: change.Float}, {Base: change.VarChar}}
	f.Fuzz(func(t *testing.T, a, b, c string, kind uint8) {
		typ := &types[int(kind)%len(types)]
		x, y, z := []byte(a), []byte(b), []byte(c)
		if !sameValue(typ, x, x) {
			t.Fatalf("%s: %q is not itself", typ, a)
		}
		xy := sameValue(typ, x, y)
		if xy != sameValue(typ, y, x) {
			t.Fatalf("%s: %q and %q depend on their order", typ, a, b)
		}
		if xy && sameValue(typ, y, z) && !sameValue(typ, x, z) {
			t.Fatalf("%s: %q, %q, %q are not one value", typ, a, b, c)
		}
		if typ.Base == change.Decimal {
			checkNumbers(t, a, b, xy)
		}
		once := appendSourceText(nil, typ, false, x)
		if again := appendSourceText(nil, typ, false, once); !bytes.Equal(once, again) {
			t.Fatalf("%s: %q becomes %q, and that %q", typ, a, once, again)
		}
	})
}

// checkNumbers compares two plain numbers another way.
func checkNumbers(t *testing.T, a, b string, same bool) {
	t.Helper()
	if len(a)+len(b) > 100 || !plainNumber.MatchString(a) || !plainNumber.MatchString(b) {
		return
	}
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	if ok1 && ok2 && (x.Cmp(y) == 0) != same {
		t.Fatalf("%q and %q: same %v", a, b, same)
	}
}

var plainNumber = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$`)
