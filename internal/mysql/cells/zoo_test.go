package cells

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// species is one type and the literals of its edge values.
type species struct {
	typ      change.Type
	literals []string
}

func integers(base change.Base, bits uint) []species {
	low, high := -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1
	top := strconv.FormatUint(1<<bits-1, 10)
	if bits == 64 {
		low, high, top = math.MinInt64, math.MaxInt64, strconv.FormatUint(math.MaxUint64, 10)
	}
	return []species{
		{change.Type{Base: base}, []string{fmt.Sprint(low), fmt.Sprint(high), "0", "-1", "7"}},
		{change.Type{Base: base, Unsigned: true}, []string{"0", top, fmt.Sprint(high), "1"}},
		{change.Type{Base: base, Unsigned: true, Zerofill: true}, []string{"0", top, "42"}},
	}
}

func text(base change.Base, length int, charset string) change.Type {
	return change.Type{Base: base, Length: length, Charset: charset}
}

// asCharset is a literal whose bytes are in that charset.
func asCharset(charset string, bytes []byte) string {
	return "_" + charset + " x'" + hex.EncodeToString(bytes) + "'"
}

func zooTypes(flavor testbed.Flavor) []species {
	zoo := append(integers(change.TinyInt, 8), integers(change.SmallInt, 16)...)
	zoo = append(zoo, integers(change.MediumInt, 24)...)
	zoo = append(zoo, integers(change.Int, 32)...)
	zoo = append(zoo, integers(change.BigInt, 64)...)
	zoo = append(zoo, numbers()...)
	zoo = append(zoo, characters()...)
	zoo = append(zoo, asian(flavor)...)
	zoo = append(zoo, members()...)
	zoo = append(zoo, temporals()...)
	zoo = append(zoo, treated()...)
	zoo = append(zoo, geometries(flavor))
	if flavor == testbed.MySQLFlavor {
		return append(zoo, species{change.Type{Base: change.JSON}, jsonLiterals}, species{change.Type{Base: change.Vector, Length: 3}, vectors},
			species{change.Type{Base: change.Vector, Length: 2048}, append(vectors, "REPEAT(x'cdcccc3d', 2048)")})
	}
	return append(zoo, species{change.Type{Base: change.UUID}, uuids}, species{change.Type{Base: change.INET4}, inet4s}, species{change.Type{Base: change.INET6}, inet6s})
}

func numbers() []species {
	nines := strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)
	floats := []string{"0", "-0e0", "1", "0.1", "-2.5", "65.92419", "16777217", "3.4028234e38", "1e-45", "1.17549435e-38", "123456789", "1e15", "1e-5"}
	doubles := []string{"0", "-0e0", "0.1", "1e14", "1e15", "123456789012345678", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308",
		"-1e-14", "1e-15", "1.5e-20", "0.30000000000000004", "1e22", "1e23", "9007199254740993"}
	fixed := []string{"0", "-0.004", "1.005", "-99999.999", "12.5"}
	return []species{
		{change.Type{Base: change.Bit, Length: 1}, []string{"b'0'", "b'1'"}},
		{change.Type{Base: change.Bit, Length: 9}, []string{"b'0'", "b'111111111'", "b'100000000'"}},
		{change.Type{Base: change.Bit, Length: 64}, []string{"0", "18446744073709551615", "9223372036854775808"}},
		{change.Type{Base: change.Decimal, Precision: 65, Scale: 30}, []string{nines, "-" + nines, "0", "-0.000000000000000000000000000001", "1e34"}},
		{change.Type{Base: change.Decimal, Precision: 65}, []string{strings.Repeat("9", 65), "-" + strings.Repeat("8", 65), "-0.4"}},
		{change.Type{Base: change.Decimal, Precision: 5, Scale: 2}, []string{"-0.001", "'-0.00'", "-0e0", "0.005", "-999.99", "999.99", "0.10"}},
		{change.Type{Base: change.Decimal, Precision: 30, Scale: 30}, []string{"0.000000000000000000000000000001", "-0.5"}},
		{change.Type{Base: change.Decimal, Precision: 18, Scale: 9}, []string{"123456789.987654321", "-1.000000001", "100000000"}},
		{change.Type{Base: change.Decimal, Precision: 20, Scale: 4, Unsigned: true, Zerofill: true}, []string{"0", "1.5", "9999999999999999.9999"}},
		{change.Type{Base: change.Float}, floats},
		{change.Type{Base: change.Float, Unsigned: true, Zerofill: true}, []string{"0", "1.5", "16777217"}},
		{change.Type{Base: change.Float, Precision: 8, Scale: 3}, fixed},
		{change.Type{Base: change.Double}, doubles},
		{change.Type{Base: change.Double, Unsigned: true, Zerofill: true}, []string{"0", "1.5", "1e20"}},
		{change.Type{Base: change.Double, Precision: 10, Scale: 3}, fixed},
	}
}

func characters() []species {
	strange := []string{"''", "'plain'", "'  both  '", "'tab\\t nl\\n nul\\0 quote\\' back\\\\ sep\x01\x02 \\\\N'", "'NULL'"}
	accents := append([]string{"'é€ü'"}, strange...)
	emoji := append([]string{"_utf8mb4 x'f09f9880c3a9e282ac'"}, accents...)
	var every []byte
	for b := range 256 {
		every = append(every, byte(b))
	}
	large := "REPEAT('xyz é', 20000)"
	zoo := []species{
		{text(change.Char, 0, "utf8mb4"), []string{"''"}},
		{text(change.Char, 63, "utf8mb4"), emoji},
		{text(change.Char, 255, "utf8mb4"), append(emoji, "REPEAT('é', 255)")},
		{text(change.Char, 255, "latin1"), accents},
		{text(change.Char, 20, "utf16"), emoji[:3]},
		{text(change.VarChar, 63, "utf8mb4"), emoji},
		{text(change.VarChar, 64, "utf8mb4"), emoji},
		{text(change.VarChar, 300, "utf8mb3"), accents},
		{text(change.VarChar, 300, "ascii"), strange},
		{text(change.VarChar, 40, "utf16"), emoji},
		{text(change.VarChar, 40, "utf16le"), emoji},
		{text(change.VarChar, 40, "utf32"), emoji},
		{text(change.VarChar, 40, "ucs2"), accents},
		{text(change.TinyText, 0, "utf8mb4"), emoji},
		{text(change.Text, 0, "latin1"), append(accents, "REPEAT('é', 60000)")},
		{text(change.MediumText, 0, "utf8mb4"), append(emoji, large)},
		{text(change.LongText, 0, "utf8mb3"), append(accents, large)},
		{change.Type{Base: change.Binary, Length: 4}, []string{"''", "x'00'", "x'6100'", "x'ffffffff'", "'a '"}},
		{change.Type{Base: change.Binary, Length: 255}, []string{"''", "x'00ff'", "REPEAT('z', 255)"}},
		{change.Type{Base: change.VarBinary, Length: 300}, []string{"''", "x'00'", "x'610000'", asCharset("binary", every)}},
		{change.Type{Base: change.TinyBlob}, []string{"''", "x'00'"}},
		{change.Type{Base: change.Blob}, []string{"''", asCharset("binary", every)}},
		{change.Type{Base: change.MediumBlob}, []string{"REPEAT(x'00ff', 50000)"}},
		{change.Type{Base: change.LongBlob}, []string{"REPEAT(x'00ff', 50000)"}},
	}
	for _, charset := range slices.Sorted(maps.Keys(singleByte)) {
		bytes := every
		if charset == "ascii" {
			bytes = every[:128]
		}
		zoo = append(zoo, species{text(change.VarChar, 256, charset), []string{asCharset(charset, bytes), "'abc'"}})
	}
	return zoo
}

// asian is a column of each charset of several bytes, with codes from all over it.
func asian(flavor testbed.Flavor) (zoo []species) {
	r := rand.New(rand.NewPCG(9, 25))
	for _, charset := range slices.Sorted(maps.Keys(shapes)) {
		if charset == "gb18030" && flavor == testbed.MariaDBFlavor {
			continue
		}
		codes := repertoireOf(charset)
		literals := []string{"''", "'abc \\\\ ~'"}
		for range 4 {
			literals = append(literals, asCharset(charset, randomCodes(r, codes, 100)))
		}
		zoo = append(zoo, species{text(change.VarChar, 100, charset), literals}, species{text(change.Char, 100, charset), literals[:3]},
			species{text(change.MediumText, 0, charset), append(literals, asCharset(charset, randomCodes(r, codes, 20000)))})
	}
	return append(zoo, species{text(change.VarChar, 200, "swe7"), []string{asCharset("swe7", []byte("abc @[\\]^`{|}~ \x7f\x01"))}})
}

func randomCodes(r *rand.Rand, codes []string, count int) []byte {
	var text []byte
	for range count {
		text = append(text, codes[r.IntN(len(codes))]...)
	}
	return text
}

func members() []species {
	months := []string{"jan", "Feb", "it's", "é€", "", "a b"}
	many, bits := make([]string, 300), make([]string, 64)
	for i := range many {
		many[i] = fmt.Sprintf("m%d", i)
	}
	for i := range bits {
		bits[i] = fmt.Sprintf("b%d", i)
	}
	enum := func(charset string, m []string) change.Type {
		return change.Type{Base: change.Enum, Charset: charset, Members: m}
	}
	set := func(charset string, m []string) change.Type {
		return change.Type{Base: change.Set, Charset: charset, Members: m}
	}
	return []species{
		{enum("utf8mb4", months), []string{"'jan'", "'Feb'", "'it''s'", "'é€'", "''", "0", "'no member'"}},
		{enum("latin1", months), []string{"'é€'", "'a b'"}},
		{enum("utf8mb4", many[:255]), []string{"1", "255"}},
		{enum("utf8mb4", many[:256]), []string{"1", "256"}},
		{enum("utf8mb4", many), []string{"1", "300", "256"}},
		{set("utf8mb4", []string{"a", "b", "é"}), []string{"''", "'a'", "'b,a'", "7", "'é'"}},
		{enum("gbk", []string{"中文", "a"}), []string{"'中文'", "2"}},
		{set("latin1", []string{"a", "b", "é"}), []string{"'é'", "7"}},
		{set("utf8mb4", bits[:9]), []string{"511", "256"}},
		{set("utf8mb4", bits[:33]), []string{"4294967296", "1"}},
		{set("utf8mb4", bits), []string{"18446744073709551615", "9223372036854775808", "0"}},
	}
}

func temporals() []species {
	zoo := []species{
		{change.Type{Base: change.Date}, []string{"'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'0001-01-01'"}},
		{change.Type{Base: change.Year}, []string{"0", "1901", "2155", "2000"}},
	}
	for f := range 7 {
		part := ""
		if f > 0 {
			part = "." + "987654"[:f]
		}
		zoo = append(zoo,
			species{change.Type{Base: change.DateTime, Fraction: f}, []string{
				"'0000-00-00 00:00:00'", "'2024-00-00 00:00:00'", "'9999-12-31 23:59:59" + part + "'", "'1000-01-01 00:00:00'", "'2024-02-29 12:34:56.123456'",
			}},
			species{change.Type{Base: change.Timestamp, Fraction: f}, []string{
				"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'1970-01-01 00:00:00.5'", "'2038-01-19 03:14:07'", "'2024-02-29 23:59:59" + part + "'", "'2000-03-01 00:00:00.000001'", "'1999-12-31 23:59:59'",
			}},
			species{change.Type{Base: change.Time, Fraction: f}, []string{
				"'00:00:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:00" + part + "'", "'-00:00:01.1'", "'-00:00:59" + part + "'", "'100:00:00" + part + "'", "'-01:00:00'", "'23:59:59" + part + "'",
			}})
	}
	return zoo
}

// treated are dates and booleans of which the deployment makes something else.
func treated() []species {
	dates := []string{"'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'2024-00-10'", "'1000-01-01'", "'2024-02-29'", "'0000-01-01'"}
	times := []string{"'0000-00-00 00:00:00'", "'2024-00-10 01:02:03'", "'2024-02-29 12:34:56.123456'", "'9999-12-31 23:59:59'"}
	// Around the hours that Berlin and Shanghai (1986 to 1991) left out and had twice.
	moments := []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2024-03-31 00:59:59.999999'", "'2024-03-31 01:00:00'", "'2024-10-27 00:30:00'", "'2024-10-27 01:30:00.5'",
		"'1986-05-03 17:59:59'", "'1986-05-03 18:00:00'", "'1999-12-31 23:59:59.999999'", "'2038-01-19 03:14:07'"}
	zoo := []species{{change.Type{Base: change.Boolean}, []string{"0", "1", "-1", "2", "127", "-128"}}}
	for _, zero := range []change.ZeroDates{change.NullZeroDates, change.RoundZeroDates} {
		zoo = append(zoo, species{change.Type{Base: change.Date, ZeroDates: zero}, dates},
			species{change.Type{Base: change.DateTime, Fraction: 3, ZeroDates: zero}, times},
			species{change.Type{Base: change.Timestamp, Fraction: 6, ZeroDates: zero, Zone: "Europe/Berlin"}, moments})
	}
	for _, zone := range []string{"Asia/Shanghai", "America/St_Johns", "+05:45", "-11:00"} {
		zoo = append(zoo, species{change.Type{Base: change.Timestamp, Zone: zone}, moments}, species{change.Type{Base: change.Timestamp, Fraction: 6, Zone: zone}, moments})
	}
	return zoo
}

func geometries(flavor testbed.Flavor) species {
	var literals []string
	for _, wkt := range []string{"POINT(1 2.5)", "POINT(-0.1 1e-300)", "LINESTRING(0 0,1 1e100)", "POLYGON((0 0,10 0,10 10,0 0),(1 1,2 1,2 2,1 1))",
		"MULTIPOINT(1 1,0.30000000000000004 5)", "MULTILINESTRING((0 0,1 1),(2 2,3 3))", "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))",
		"GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1),GEOMETRYCOLLECTION(POINT(2 2)))", "GEOMETRYCOLLECTION EMPTY"} {
		if flavor == testbed.MariaDBFlavor && strings.HasPrefix(wkt, "GEOMETRYCOLLECTION(") {
			wkt = "GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))"
		}
		literals = append(literals, "ST_GeomFromText('"+wkt+"')", "ST_GeomFromText('"+wkt+"', 3857)")
	}
	return species{change.Type{Base: change.Geometry}, append(literals, "ST_GeomFromText('POINT(10 20)', 4326)")}
}

var (
	vectors = []string{"STRING_TO_VECTOR('[1, 2.5, -1e-10]')", "STRING_TO_VECTOR('[0, -0.0, 3.4028234e38]')", "STRING_TO_VECTOR('[0.1, 1.5e-38, 16777217]')"}
	uuids   = []string{"'00112233-4455-6677-8899-aabbccddeeff'", "'00112233-4455-1677-8899-aabbccddee00'", "'018f2b2e-0000-7000-8000-000000000000'",
		"'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "'00112233-4455-1677-0899-000000000000'"}
	inet4s = []string{"'0.0.0.0'", "'10.1.2.0'", "'255.255.255.255'", "'1.0.0.0'", "'0.0.0.1'"}
	inet6s = []string{"'::'", "'::1'", "'1::'", "'::ffff:1.2.3.0'", "'::ffff:0.0.0.0'", "'::1.2.3.4'", "'::0.1.0.2'", "'::0.0.1.2'", "'2001:db8::1'", "'1:0:0:2::3:0'", "'1:0:2:3:4:5:6:7'",
		"'0:0:1:0:0:0:1:0'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", "'::ffff:ffff:1'", "'0:1:2:3:4:5:6:7'", "'1:2:3:4:5:6:7:0'", "'0:0:0:1:ffff:0:0:1'", "'::1:ffff:1.2.3.4'"}
)

var jsonLiterals = []string{
	`'null'`, `'true'`, `'[]'`, `'{}'`, `'1'`, `'-1'`, `'65535'`, `'-32769'`, `'4294967295'`, `'-9223372036854775808'`, `'18446744073709551615'`,
	`'1.0'`, `'-0.0'`, `'1e-14'`, `'1e-15'`, `'1e-16'`, `'1.5e-15'`, `'1e16'`, `'123456789012345.67'`, `'1234567890123456.8'`, `'0.000001'`,
	`'1e15'`, `'1e14'`, `'1.5e-20'`, `'1e100'`, `'1.7976931348623157e308'`, `'5e-324'`, `'0.1'`, `'123456789012345680000'`,
	`'""'`, `JSON_QUOTE('a"b\\c/ \b\f\n\r\t \Z\0 é😀')`, `JSON_QUOTE(CHAR(1,31,127 USING utf8mb4))`,
	`'{"b": 1, "a": [1, {"": null}], "aa": "x", "B": false}'`, `'[[[[]]], {}]'`,
	`JSON_ARRAY(CAST('12.340' AS DECIMAL(10,3)), CAST('-0.5' AS DECIMAL(65,30)), CAST(0 AS DECIMAL(5,0)))`,
	`JSON_ARRAY(CAST('2024-02-29' AS DATE), CAST('-12:34:56.7' AS TIME(1)), CAST('838:59:59' AS TIME), CAST('2024-02-29 01:02:03.456' AS DATETIME(6)))`,
	`JSON_ARRAY(CAST('00:00:00' AS TIME), CAST('0000-00-00' AS DATE), CAST('0000-00-00 00:00:00' AS DATETIME))`,
	`JSON_ARRAY(TIMESTAMP('2024-02-29 01:02:03'), CAST(x'00ff' AS BINARY), CAST('' AS BINARY), b'101', CAST(2024 AS YEAR))`,
	`JSON_ARRAY(CAST(REPEAT('b', 56) AS BINARY), CAST(REPEAT('b', 57) AS BINARY), CAST(REPEAT('b', 58) AS BINARY), CAST(REPEAT('b', 300) AS BINARY))`,
	`JSON_OBJECT('long', REPEAT('é', 40000), 'i', 100000, 'u', 4000000000, 'n', -100000)`,
	`JSON_OBJECT('k', REPEAT('x', 127), 'l', REPEAT('x', 128), 'm', REPEAT('x', 20000))`,
	`CONCAT('[', REPEAT('{"key": [1, 2.5, "text", null]}, ', 3000), '0]')`,
	`CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99))`,
	`JSON_SET('{"a": "` + strings.Repeat("x", 100) + `", "b": 2}', '$.a', 'short')`,
}
