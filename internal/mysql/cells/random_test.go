package cells

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// fromEnvironment is a number that a longer run sets.
func fromEnvironment(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// compareRandomTables compares tables of random types, charsets, lengths and values.
// STARFERRY_PARITY_TABLES makes more of them, STARFERRY_PARITY_SEED others.
func compareRandomTables(t *testing.T, s *testbed.Server, compressed bool) {
	seed, tables := fromEnvironment("STARFERRY_PARITY_SEED", 1), fromEnvironment("STARFERRY_PARITY_TABLES", 16)
	for begin := seed; begin < seed+tables; begin += 100 {
		database := s.Database(t)
		conn := compressing(t, s, database, compressed)
		var zoos []*zoo
		for n := begin; n < min(begin+100, seed+tables); n++ {
			if z := randomZoo(database, s.Flavor, n, 12); z != nil {
				zoos = append(zoos, z)
			}
		}
		liveAndCompare(t, s, conn, zoos)
		for _, z := range zoos {
			s.Exec(t, "DROP TABLE "+z.table.Name.String())
		}
	}
}

// randomZoo makes a table of random types with random values, the same ones for the same
// seed and server every time.
func randomZoo(database string, flavor testbed.Flavor, seed, rowsEach int) *zoo {
	r := rand.New(rand.NewPCG(uint64(seed), 26))
	kinds := zooTypes(flavor)
	var chosen []species
	var types []change.Type
	bytes := 0
	for range 1 + r.IntN(20) {
		k := kinds[r.IntN(len(kinds))]
		if r.IntN(2) == 0 {
			k = randomSpecies(r, flavor)
		}
		if k.typ.IsText() && k.typ.Length > 0 {
			bytes += 4 * k.typ.Length
		}
		if bytes > 12000 { // the greatest row of InnoDB, of which CHAR takes most
			continue
		}
		chosen, types = append(chosen, k), append(types, k.typ)
	}
	if len(chosen) == 0 {
		return nil
	}
	var rows [][]string
	for range rowsEach {
		var row []string
		for _, k := range chosen {
			row = append(row, randomLiteral(r, k))
		}
		rows = append(rows, row)
	}
	return newZoo(database, fmt.Sprintf("random%d", seed), types, rows)
}

// randomSpecies is a type with random parameters; randomLiteral makes its values.
func randomSpecies(r *rand.Rand, flavor testbed.Flavor) species {
	charsets := slices.Sorted(maps.Keys(encodings))
	charset := charsets[r.IntN(len(charsets))]
	if charset == "gb18030" && flavor == testbed.MariaDBFlavor || charset == "utf8" {
		charset = "utf8mb4"
	}
	k := species{literals: []string{"''", "NULL"}}
	switch r.IntN(8) {
	case 0:
		k.typ = text(change.Char, r.IntN(100), charset)
	case 1, 2:
		k.typ = text(change.VarChar, r.IntN(800), charset)
	case 3:
		k.typ = text([]change.Base{change.TinyText, change.Text, change.MediumText, change.LongText}[r.IntN(4)], 0, charset)
	case 4:
		precision := 1 + r.IntN(65)
		k.typ = change.Type{Base: change.Decimal, Precision: precision, Scale: r.IntN(min(precision, 30) + 1)}
	case 5:
		k.typ, k.literals = change.Type{Base: change.Bit, Length: 1 + r.IntN(64)}, []string{"0", "1"}
	case 6:
		k.typ = change.Type{Base: change.VarBinary, Length: r.IntN(600)}
		if r.IntN(2) == 0 {
			k.typ = change.Type{Base: change.Binary, Length: r.IntN(256)}
		}
	case 7:
		members := make([]string, 1+r.IntN(64))
		for i := range members {
			members[i] = fmt.Sprintf("%s%d", []string{"m", "é", "a b", "Ω'"}[r.IntN(4)], i)
		}
		k.typ = change.Type{Base: change.Enum, Charset: "utf8mb4", Members: members}
		if r.IntN(2) == 0 {
			k.typ.Base = change.Set
		}
	}
	return k
}

// randomTextLiteral is text of random characters that the charset has.
func randomTextLiteral(r *rand.Rand, t *change.Type) string {
	length := t.Length
	if length == 0 || t.Base != change.Char && t.Base != change.VarChar {
		length = 200 / 4 // of TINYTEXT
	}
	length = r.IntN(min(length, 300) + 1)
	if _, ok := shapes[t.Charset]; ok {
		codes := repertoireOf(t.Charset)
		return asCharset(t.Charset, randomCodes(r, codes, length))
	}
	if singleByte[t.Charset] != "" {
		bytes := make([]byte, length)
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
			if t.Charset == "ascii" {
				bytes[i] &= 0x7f
			}
		}
		return asCharset(t.Charset, bytes)
	}
	var b strings.Builder
	for range length {
		switch r.IntN(4) {
		case 0:
			b.WriteRune(rune(1 + r.IntN(0x7e)))
		case 1:
			b.WriteRune(rune(0x80 + r.IntN(0xd800-0x80)))
		case 2:
			b.WriteRune(rune(0xe000 + r.IntN(0x2000)))
		case 3:
			b.WriteRune(rune(0x10000 + r.IntN(0x100000)))
		}
	}
	return asCharset("utf8mb4", []byte(b.String()))
}

func randomLiteral(r *rand.Rand, k species) string {
	t := &k.typ
	if r.IntN(8) == 0 {
		return "NULL"
	}
	if r.IntN(4) == 0 {
		return k.literals[r.IntN(len(k.literals))]
	}
	switch {
	case t.IsInteger():
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case t.Base == change.Decimal:
		return fmt.Sprintf("%d%018de-%d", int64(r.Uint64())>>r.IntN(64), r.Uint64N(1e18), r.IntN(40))
	case t.Base == change.Float:
		return strconv.FormatFloat(float64(randomFloat32(r)), 'e', -1, 32)
	case t.Base == change.Double:
		return strconv.FormatFloat(randomFloat64(r), 'e', -1, 64)
	case t.Base == change.Date, t.Base == change.DateTime:
		return fmt.Sprintf("'%04d-%02d-%02d %02d:%02d:%02d.%06d'", 1000+r.IntN(9000), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
	case t.Base == change.Timestamp:
		return fmt.Sprintf("FROM_UNIXTIME(%d.%06d)", 1+r.IntN(math.MaxInt32-1), r.IntN(1e6))
	case t.Base == change.UUID:
		return fmt.Sprintf("'%08x-%04x-%04x-%04x-%012x'", r.Uint32(), uint16(r.Uint32()), uint16(r.Uint32()), uint16(r.Uint32()), r.Uint64()>>16)
	case t.Base == change.INET6:
		var groups []string
		for range 8 {
			groups = append(groups, fmt.Sprintf("%x", uint16(r.Uint32())>>r.IntN(16)*uint16(r.IntN(2))))
		}
		return "'" + strings.Join(groups, ":") + "'"
	case t.Base == change.Time:
		return fmt.Sprintf("'%s%02d:%02d:%02d.%06d'", []string{"", "-"}[r.IntN(2)], r.IntN(838), r.IntN(60), r.IntN(60), r.IntN(1e6))
	case t.IsText():
		return randomTextLiteral(r, t)
	case t.IsBinary() && t.Length > 0:
		bytes := make([]byte, r.IntN(t.Length+1))
		for i := range bytes {
			bytes[i] = byte(r.Uint32()) & byte(r.IntN(2)*0xff)
		}
		return asCharset("binary", bytes)
	case t.Base == change.Enum:
		return strconv.Itoa(r.IntN(len(t.Members) + 1))
	case t.Base == change.Set:
		return strconv.FormatUint(r.Uint64()>>(64-len(t.Members)), 10)
	case t.Base == change.Bit:
		return strconv.FormatUint(r.Uint64()>>(64-t.Length), 10)
	case t.Base == change.JSON:
		return "'" + strings.ReplaceAll(randomJSON(r, 4), `\`, `\\`) + "'"
	}
	return k.literals[r.IntN(len(k.literals))]
}

func randomFloat32(r *rand.Rand) float32 {
	for {
		if v := math.Float32frombits(r.Uint32()); v == v && !math.IsInf(float64(v), 0) {
			return v
		}
	}
}

func randomFloat64(r *rand.Rand) float64 {
	for {
		if v := math.Float64frombits(r.Uint64()); v == v && !math.IsInf(v, 0) {
			return v
		}
	}
}

func randomJSON(r *rand.Rand, depth int) string {
	switch n := r.IntN(8); {
	case depth > 0 && n < 2:
		var parts []string
		for range r.IntN(6) {
			parts = append(parts, randomJSON(r, depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case depth > 0 && n < 4:
		var parts []string
		for range r.IntN(6) {
			parts = append(parts, fmt.Sprintf("\"%s%d\":%s", strings.Repeat("k", r.IntN(5)), r.IntN(100), randomJSON(r, depth-1)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case n == 4:
		return strconv.FormatFloat(randomFloat64(r), 'e', -1, 64)
	case n == 5:
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case n == 6:
		return []string{"true", "false", "null"}[r.IntN(3)]
	}
	return `"` + strings.Repeat(`é\"\n\u0007x`, r.IntN(20)) + `"`
}
