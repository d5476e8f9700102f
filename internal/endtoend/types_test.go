package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// typed is a column type and literals of its edge values, as MySQL reads them.
type typed struct {
	name, sql string
	values    []string
}

// longest is a text of the longest VARCHAR that StarRocks has, in bytes.
const longest = 1 << 20

// textValues hold what separators, quotes, NULL marks and escapes are made of.
var textValues = []string{
	`''`, `'plain'`, `'  spaces  '`, `'tab\tnewline\nreturn\r'`, `'single '' double " grave ` + "`" + `'`, `'back\\slash \\\\'`,
	`'\\N'`, `'\\\\N'`, `'NULL'`, `'null'`, `'\\n'`, `x'01'`, `x'02'`, `'a` + "\x01" + `b` + "\x02" + `c'`, `'` + "\x01\x02" + `"\\N"'`, `'\0'`, `'a\0b"'`,
	`_utf8mb4 x'f09f9880'`, `_utf8mb4 x'c3a9e282acf09f92a9'`, `'{"a": [1, "x"]}'`, `'"quoted"'`, `'[1'`, `','`, `x'7f'`, `x'0b0c0e1f'`,
	`_utf8mb4 x'efbbbf61'`, `_utf8mb4 x'e280a8'`, `_utf8mb4 x'efbfbd'`,
}

func integerTypes() (all []typed) {
	for _, i := range []struct{ base, low, high, top string }{
		{"TINYINT", "-128", "127", "255"}, {"SMALLINT", "-32768", "32767", "65535"}, {"MEDIUMINT", "-8388608", "8388607", "16777215"},
		{"INT", "-2147483648", "2147483647", "4294967295"}, {"BIGINT", "-9223372036854775808", "9223372036854775807", "18446744073709551615"},
	} {
		name := strings.ToLower(i.base)
		all = append(all, typed{name, i.base, []string{i.low, i.high, "0", "-1", "42"}},
			typed{name + "_u", i.base + " UNSIGNED", []string{"0", i.top, i.high, "1"}},
			typed{name + "_z", i.base + " ZEROFILL", []string{"0", i.top, "42"}})
	}
	return append(all,
		typed{"bool_c", "BOOL", []string{"TRUE", "FALSE", "2"}},
		typed{"bit_1", "BIT(1)", []string{"b'0'", "b'1'"}},
		typed{"bit_9", "BIT(9)", []string{"b'0'", "b'111111111'", "b'100000000'"}},
		typed{"bit_64", "BIT(64)", []string{"0", "18446744073709551615", "9223372036854775808"}},
		typed{"year_c", "YEAR", []string{"1901", "2155", "2000", "0"}})
}

func numberTypes() []typed {
	return []typed{
		{"dec_5_2", "DECIMAL(5,2)", []string{"0", "-0.01", "999.99", "-999.99", "0.10", "1.5"}},
		{"dec_38_0", "DECIMAL(38,0)", []string{strings.Repeat("9", 38), "-" + strings.Repeat("9", 38), "0"}},
		{"dec_38_10", "DECIMAL(38,10)", []string{strings.Repeat("9", 28) + "." + strings.Repeat("9", 10), "-0.0000000001", "1e20"}},
		{"dec_30_30", "DECIMAL(30,30)", []string{"0." + strings.Repeat("9", 30), "-0.000000000000000000000000000001"}},
		{"dec_65_30", "DECIMAL(65,30)", []string{strings.Repeat("9", 35) + "." + strings.Repeat("9", 30), "0", "-1"}},
		{"dec_u", "DECIMAL(18,4) UNSIGNED ZEROFILL", []string{"0", "1.5", "99999999999999.9999"}},
		{"float_c", "FLOAT", []string{"0", "0.1", "-2.5", "65.92419", "16777217", "3.4028234e38", "-3.4028234e38", "1.17549435e-38", "123456789", "1e15", "1e-5"}},
		{"float_u", "FLOAT UNSIGNED", []string{"0", "1.5", "16777217"}},
		{"double_c", "DOUBLE", []string{"0", "0.1", "1e14", "123456789012345678", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308",
			"0.30000000000000004", "1e22", "1e23", "9007199254740993", "-1e-14"}},
		{"double_u", "DOUBLE UNSIGNED", []string{"0", "1.5", "1e20"}},
	}
}

func textTypes() []typed {
	narrow := []string{`''`, `'plain'`, `_utf8mb4 x'c3a9e282ac'`, `'\\N'`, `'"'`}
	return []typed{
		{"char_c", "CHAR(60) CHARACTER SET utf8mb4", textValues},
		{"char_0", "CHAR(1) CHARACTER SET utf8mb4", []string{`''`, `'x'`, `_utf8mb4 x'f09f9880'`}},
		{"varchar_c", "VARCHAR(200) CHARACTER SET utf8mb4", textValues},
		{"varchar_3", "VARCHAR(200) CHARACTER SET utf8mb3", narrow},
		{"varchar_l", "VARCHAR(200) CHARACTER SET latin1", narrow},
		{"varchar_a", "VARCHAR(200) CHARACTER SET ascii", []string{`''`, `'\\N'`, `'a"b'`, `'` + "\x01" + `'`}},
		{"varchar_16", "VARCHAR(100) CHARACTER SET utf16", textValues[:6]},
		{"varchar_g", "VARCHAR(100) CHARACTER SET gbk", []string{"'中文 abc'", "_gbk x'a6a1fefe'", `'\\N'`, "''"}},
		{"text_s", "TEXT CHARACTER SET sjis", []string{"'日本 ｱｲｳ ~'", "_sjis x'815f835c'", "''"}},
		{"char_e", "CHAR(20) CHARACTER SET euckr", []string{"'한글'", "''"}},
		{"tinytext_c", "TINYTEXT CHARACTER SET utf8mb4", textValues},
		{"text_c", "TEXT CHARACTER SET utf8mb4", append(slices.Clone(textValues), "REPEAT('é', 30000)", "REPEAT('\\\\N', 30000)")},
		{"mediumtext_c", "MEDIUMTEXT CHARACTER SET utf8mb4", append(slices.Clone(textValues), fmt.Sprintf("REPEAT('x', %d)", longest), fmt.Sprintf("REPEAT(x'01', %d)", longest))},
		{"longtext_c", "LONGTEXT CHARACTER SET utf8mb4", append(slices.Clone(textValues), "REPEAT('\"', 100000)")},
		{"enum_c", "ENUM('jan', 'Feb', 'it''s', 'é€', 'a b', '\\\\N') CHARACTER SET utf8mb4", []string{"'jan'", "'Feb'", "'it''s'", "'é€'", "6"}},
		{"set_c", "SET('a', 'b', 'é') CHARACTER SET utf8mb4", []string{"''", "'a'", "'b,a'", "7"}},
	}
}

// every byte, and what reads like hexadecimal digits, base64 or NULL.
var binaryValues = []string{`''`, `x'00'`, `x'00ff80c328'`, `'\\N'`, `'QUJD'`, `'4142'`, `'\t\n"'`, `x'0102'`, `x'610000'`,
	"x'" + everyByte() + "'"}

func everyByte() string {
	var b strings.Builder
	for i := range 256 {
		fmt.Fprintf(&b, "%02x", i)
	}
	return b.String()
}

func binaryTypes() []typed {
	return []typed{
		{"binary_c", "BINARY(9)", binaryValues[:9]},
		{"varbinary_c", "VARBINARY(300)", binaryValues},
		{"tinyblob_c", "TINYBLOB", binaryValues[:9]},
		{"blob_c", "BLOB", append(slices.Clone(binaryValues), "REPEAT(x'00ff', 30000)")},
		{"mediumblob_c", "MEDIUMBLOB", append(slices.Clone(binaryValues), fmt.Sprintf("REPEAT(x'fe', %d)", longest))},
		{"longblob_c", "LONGBLOB", binaryValues},
		{"geometry_c", "GEOMETRY", []string{"ST_GeomFromText('POINT(1 2.5)')", "ST_GeomFromText('LINESTRING(0 0,10 -1)', 3857)", "ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0))')"}},
	}
}

func mariaTypes() []typed {
	return []typed{
		{"uuid_c", "UUID", []string{"'00112233-4455-6677-8899-aabbccddeeff'", "'00000000-0000-0000-0000-000000000000'"}},
		{"inet4_c", "INET4", []string{"'10.1.2.0'", "'0.0.0.0'"}},
		{"inet6_c", "INET6", []string{"'::'", "'2001:db8::1'", "'::ffff:1.2.3.0'"}},
	}
}

func timeTypes() (all []typed) {
	all = []typed{{"date_c", "DATE", []string{"'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'0001-01-01'"}}}
	for _, f := range []int{0, 3, 6} {
		part := map[int]string{0: "", 3: ".987", 6: ".987654"}[f]
		all = append(all,
			typed{fmt.Sprint("datetime_", f), fmt.Sprintf("DATETIME(%d)", f), []string{"'1000-01-01 00:00:00'", "'9999-12-31 23:59:59" + part + "'", "'2024-02-29 12:34:56" + part + "'"}},
			typed{fmt.Sprint("timestamp_", f), fmt.Sprintf("TIMESTAMP(%d) NULL", f), []string{"'1970-01-02 00:00:01'", "'2038-01-18 03:14:07" + part + "'", "'2024-03-31 02:30:00" + part + "'"}},
			typed{fmt.Sprint("time_", f), fmt.Sprintf("TIME(%d)", f), []string{"'00:00:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:01" + part + "'", "'23:59:59" + part + "'"}})
	}
	return all
}

var jsonType = typed{"json_c", "JSON", []string{
	`'{}'`, `'[]'`, `'{"b": 1, "a": [1, {"k": null}], "aa": "x", "B": false}'`, `'[1, -1, 1.5, 1e100, 18446744073709551615, -9223372036854775808]'`,
	`JSON_ARRAY('a"b', '\\N', '` + "\x01\x02" + `', 'tab\t', 'é😀')`, `'"text"'`, `'17'`, `'true'`, `'[[[[]]], {}]'`, `'{"k": "` + strings.Repeat("x", 20000) + `"}'`,
	`JSON_ARRAY(CAST('12.340' AS DECIMAL(10,3)), CAST('2024-02-29' AS DATE))`,
}}

// TestEveryTypeTravelsBothWays loads each edge value of each type by the copy, by an
// INSERT in the log and by an UPDATE in it, and compares cell by cell.
func TestEveryTypeTravelsBothWays(t *testing.T) {
	t.Parallel()
	compressed := map[string][]string{
		"MySQL":   {"--binlog-transaction-compression=ON", "--binlog-row-metadata=FULL"},
		"MariaDB": {"--log-bin-compress=ON", "--log-bin-compress-min-len=10", "--binlog-row-metadata=FULL"},
	}
	for name, options := range map[string][]string{"MySQL": nil, "MariaDB": nil, "MySQL, compressed": compressed["MySQL"], "MariaDB, compressed": compressed["MariaDB"]} {
		server, _, _ := strings.Cut(name, ",")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, bothServers[server](t, options...))
			z := zooOf(w.source.Flavor)
			w.exec(t, z.create(), z.insert(0))
			script := w.write(t, "types.sql", w.script("", route{from: "zoo", to: "zoo"}))
			w.catchUp(t, script)
			w.compare(t, "zoo", "zoo")
			w.exec(t, z.insert(1000), z.rotate())
			w.catchUp(t, script)
			if rows, _ := w.compare(t, "zoo", "zoo"); rows != 2*z.rows() {
				t.Errorf("%d rows, want %d", rows, 2*z.rows())
			}
		})
	}
}

// zoo is a table with a column of each type.
type zoo struct{ types []typed }

// rows is how many rows show every value once, and one of NULLs.
func (z zoo) rows() int {
	most := 0
	for _, k := range z.types {
		most = max(most, len(k.values))
	}
	return most + 1
}

// zooOf has every type that a server has.
func zooOf(flavor testbed.Flavor) zoo {
	types := slices.Concat(integerTypes(), numberTypes(), textTypes(), binaryTypes(), timeTypes())
	if flavor == testbed.MariaDBFlavor { // its JSON is LONGTEXT
		return zoo{types: append(types, mariaTypes()...)}
	}
	return zoo{types: append(types, jsonType, typed{"vector_c", "VECTOR(3)", []string{"STRING_TO_VECTOR('[1, 2.5, -1e-10]')"}})}
}

func (z zoo) create() string {
	columns := []string{"id INT PRIMARY KEY"}
	for _, k := range z.types {
		columns = append(columns, "`"+k.name+"` "+k.sql)
	}
	return "CREATE TABLE zoo (" + strings.Join(columns, ", ") + ") CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC"
}

func (z zoo) insert(from int) string {
	var rows []string
	for i := range z.rows() {
		cells := []string{fmt.Sprint(from + i)}
		for _, k := range z.types {
			value := "NULL"
			if i > 0 {
				value = k.values[(i-1)%len(k.values)]
			}
			cells = append(cells, value)
		}
		rows = append(rows, "("+strings.Join(cells, ", ")+")")
	}
	return "INSERT INTO zoo VALUES " + strings.Join(rows, ", ")
}

// rotate gives every copied row the values of its neighbour, so that each value
// comes as the after image of an update too.
func (z zoo) rotate() string {
	var sets []string
	for _, k := range z.types {
		sets = append(sets, fmt.Sprintf("a.`%s` = b.`%[1]s`", k.name))
	}
	return fmt.Sprintf("UPDATE zoo a JOIN zoo b ON b.id = 1000 + (a.id + 1) %% %d SET %s WHERE a.id < 1000", z.rows(), strings.Join(sets, ", "))
}
