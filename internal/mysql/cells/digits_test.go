package cells

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	var exact [1]byte // no spare room behind it
	check := func(v uint64) {
		t.Helper()
		for _, dst := range [][]byte{exact[:1:1], make([]byte, 1, 64)} {
			dst[0] = '?'
			if got, want := string(appendUint(dst, v)), "?"+strconv.FormatUint(v, 10); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
			if got, want := string(appendInt(dst, int64(v))), "?"+strconv.FormatInt(int64(v), 10); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
			for n := 1; n <= 9; n++ {
				few := uint32(v % uint64(powers[n]))
				if got, want := string(appendDigits(dst, few, n)), fmt.Sprintf("?%0*d", n, few); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
		}
	}
	for power := uint64(1); ; power *= 10 {
		for _, v := range []uint64{power - 1, power, power + 1, 9 * power, -power, 1 - power} {
			check(v)
		}
		if power > math.MaxUint64/10 {
			break
		}
	}
	for v := range uint64(10_000) {
		check(v)
		check(v * 10_001)
	}
	random := rand.New(rand.NewPCG(3, 9))
	for range 20_000 {
		check(random.Uint64() >> random.IntN(64))
	}
}

// Numbers of few digits, and those next to them, are printed as strconv prints them.
func TestNumbersOfFewDigits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 9))
	check := func(v float64, bits int) {
		t.Helper()
		if size := math.Abs(v); !(size >= 1e-14 && size < 1e14) {
			return
		}
		got, err := appendShortest(nil, v, bits)
		if want := strconv.FormatFloat(v, 'f', -1, bits); err != nil || string(got) != want {
			t.Fatalf("%x of %d bits: %s, %v; want %s", v, bits, got, err, want)
		}
	}
	around := func(v float64) {
		t.Helper()
		for _, v := range []float64{v, -v, math.Nextafter(v, math.Inf(1)), math.Nextafter(v, 0)} {
			check(v, 64)
		}
		f := float32(v)
		for _, f := range []float32{f, -f, math.Nextafter32(f, float32(math.Inf(1))), math.Nextafter32(f, 0)} {
			check(float64(f), 32)
		}
	}
	for exponent := -46; exponent < 47; exponent++ {
		around(math.Ldexp(1, exponent))
		around(math.Ldexp(1-0x1p-24, exponent))
		around(math.Pow10(exponent / 3))
	}
	for range 400_000 {
		whole := random.Uint64N(1 << (1 + random.IntN(46)))
		around(float64(whole) / math.Pow10(random.IntN(11)))
		f := math.Float32frombits(random.Uint32())
		check(float64(f), 32)
		check(math.Ldexp(random.Float64(), random.IntN(92)-45), 64)
	}
}

func TestQuotedByBothWays(t *testing.T) {
	t.Parallel()
	check := func(text []byte, n int) {
		t.Helper()
		if got, want := appendQuoted([]byte("?"), text, n), appendEscaped([]byte("?"), text[:n]); !bytes.Equal(got, want) {
			t.Fatalf("%q: %s, want %s", text[:n], got, want)
		}
	}
	for b := range 256 {
		for length := range 20 {
			for at := range length {
				text := bytes.Repeat([]byte{'x'}, length)
				text[at] = byte(b)
				for n := range length + 1 {
					check(text, n)
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(7, 9))
	for range 100_000 {
		text := make([]byte, random.IntN(40))
		for i := range text {
			text[i] = byte(random.Uint32())
			if random.IntN(8) > 0 {
				text[i] |= 0x40
			}
		}
		check(text, random.IntN(len(text)+1))
	}
}
