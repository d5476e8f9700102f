package cells

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// slowNumber is appendSelectedNumber by the book.
func slowNumber(answer string, bits int) (string, bool) {
	v, err := strconv.ParseFloat(answer, 64)
	if err != nil || bits == 32 && float64(float32(v)) != v || math.IsInf(v, 0) || math.IsNaN(v) {
		return "", false
	}
	if v == 0 {
		return map[bool]string{false: "0", true: "-0"}[math.Signbit(v)], true
	}
	var scratch [400]byte
	text := strconv.AppendFloat(scratch[:0], v, 'e', -1, bits)
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	digits := string(text[0])
	i := 1
	if text[i] == '.' {
		for i++; text[i] != 'e'; i++ {
			digits += string(text[i])
		}
	}
	exponent, err := strconv.Atoi(string(text[i+1:]))
	if err != nil {
		return "", false
	}
	point := exponent + 1
	var found []byte
	if point < 1-maxPlain || point > maxPlain && len(digits) <= point {
		found = appendExponent(nil, []byte(digits), exponent)
	} else {
		found = appendPlain(nil, []byte(digits), point)
	}
	if negative {
		return "-" + string(found), true
	}
	return string(found), true
}

func checkNumber(t *testing.T, answer string, bits int) {
	t.Helper()
	got, err := appendSelectedNumber(nil, []byte(answer), bits)
	want, ok := slowNumber(answer, bits)
	if ok != (err == nil) || ok && string(got) != want {
		t.Fatalf("%q of %d bits: %q, %v; want %q", answer, bits, got, err, want)
	}
}

// Numbers are printed in all the ways that a server might, and read the short and the long
// way.
func TestSelectedNumbersByBothWays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 300_000 {
		v := math.Float64frombits(random.Uint64())
		switch i % 4 {
		case 1:
			v = (random.Float64() - 0.5) * math.Pow(10, float64(random.IntN(36)-18))
		case 2:
			v = float64(random.Int64N(1e17)) / math.Pow(10, float64(random.IntN(18)))
		case 3:
			v = float64(random.IntN(2000) - 1000)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		f := float64(math.Float32frombits(random.Uint32()))
		if i%2 == 0 {
			f = float64(float32(v))
		}
		format := byte('f')
		if i%5 == 0 {
			format = 'g'
		}
		checkNumber(t, strconv.FormatFloat(v, format, -1, 64), 64)
		checkNumber(t, strconv.FormatFloat(v, 'f', random.IntN(20), 64), 64)
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			checkNumber(t, strconv.FormatFloat(f, format, -1, 64), 32)
		}
	}
	for _, text := range []string{"0", "-0", "0.0", "00", "007", "1.", ".5", "-", "", "1e5", "100", "100.0", "0.1", "-0.10", "999999986991104", "1e15", "100000000376832",
		"12345678901234567890", "99999999999999999999", "0.00000000000001", "0.000000000000001", "16777217", "9007199254740993", "1.2.3", "nan", "123456789012345", "1234567890123456", "--1", "+1"} {
		checkNumber(t, text, 64)
	}
	for _, text := range []string{"16777216", "65.92418670654297", "999999986991104", "100000000376832", "0", "-0", "1e30", "340282346638528860000000000000000000000"} {
		checkNumber(t, text, 32)
	}
}
