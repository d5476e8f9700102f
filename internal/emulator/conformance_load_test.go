package emulator

import "strings"

const (
	jsonFormat = "format: json"
	commas     = "column_separator: ,"
	strictLoad = "strict_mode: true"
)

// streamLoadCases are StarRocks' own SQL tests of stream load.
var streamLoadCases = []conformanceCase{
	{id: "S1", steps: []step{
		withTable(twoInts), loads("t", "1,2\n", commas, "label: test_stream_load_label_already_exist").succeeds(),
		loads("t", "1,2\n", commas, "label: test_stream_load_label_already_exist").gives(`{"TxnId":-1,"Status":"Label Already Exists","ExistingJobStatus":"FINISHED","Message":"Label [test_stream_load_label_already_exist] has already been used."}`),
		selects("SELECT * FROM t", "1|2"),
	}},
	{id: "S2", steps: []step{
		withTable("id INT, seen DATETIME"), loads("t", "14\n", "columns: id, seen=now()").succeeds(),
		selects("SELECT id, seen FROM t", "14|20*-*-* *:*:*"),
	}},
	{id: "S4", steps: []step{withTable("id INT, note STRING"), loads("t", `{"note": "a\u000bb\u0001", "id": 9}`, jsonFormat).succeeds(), selects("SELECT id, hex(note) FROM t", "9|610B6201")}},
	{id: "S22", steps: []step{withTable("k INT, j JSON"), loads("t", "3\t{\"sail\": }\n4\t{\"sail\": \"jib\"}\n").succeeds(), selects("SELECT k, j FROM t ORDER BY k", "3|NULL", `4|{"sail": "jib"}`)}},
	{id: "S23", steps: []step{
		withTable("k INT, b BIGINT, i INT"), loads("t", numbersOverflow, "format: JSON").succeeds(),
		selects("SELECT k, b, i FROM t ORDER BY k", "1|9223372036854773760|2147483646", "2|NULL|NULL", "3|NULL|-2147483648", "4|-9223372036854774784|NULL",
			"5|-9223372036854775808|-7", "6|NULL|8", "7|NULL|9"),
		tableNamed("d", "k INT, a DOUBLE"), loads("d", `{"a": 4294967296.75, "k": 1}{"a": -4294967297.5, "k": 2}`, "format: JSON").succeeds(),
		selects("SELECT k FROM d WHERE a = 4294967296.75 OR a = -4294967297.5 ORDER BY k", "1", "2"),
	}},
	{id: "S24", steps: []step{
		withTable("k INT, d DATETIME, n DECIMAL(10,2)"), loads("t", "6,2017-08-19,-81.500000\n\n", commas).gives(`{"Status":"Success","NumberTotalRows":1}`),
		selects("SELECT k, d, n FROM t", "6|2017-08-19 00:00:00|-81.50"),
	}},
	{id: "S25", steps: []step{
		withTable("k INT, b VARBINARY"), loads("t", `[{"knot": "reef", "no": 3}]`, jsonFormat, "strip_outer_array: true", `jsonpaths: ["$.no", "$.knot"]`, "columns: k, b").succeeds(),
		selects("SELECT k, b FROM t", "3|reef"),
	}},
	{id: "S29a", steps: []step{
		withTable("k INT, v0 INT"), loads("t", "1\t1\n").succeeds(), runs(`ALTER TABLE t ADD COLUMN v1 INT DEFAULT "999"`, `ALTER TABLE t ADD COLUMN v2 INT NOT NULL DEFAULT "0"`),
		loads("t", "2\t2\t5\t6\n").succeeds(), selects("SELECT k, v0, v1, v2 FROM t ORDER BY k", "1|1|999|0", "2|2|5|6"),
		runs("ALTER TABLE t DROP COLUMN v0"), loads("t", "3\t7\t8\n").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|999|0", "2|5|6", "3|7|8"),
	}},
	{id: "S33", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-load", Table: "t", Count: 1, Message: "injected fault at memtable flush"}),
		loads("t", "1\t1\n", "label: flush").fails("injected fault at memtable flush"),
		selects("SELECT STATE FROM information_schema.loads WHERE LABEL = 'flush'", "CANCELLED"), selects("SELECT * FROM t"),
	}},
}

// numbersOverflow are the numbers at the ends of BIGINT and INT.
const numbersOverflow = `{"i": 2147483646.9, "b": 9223372036854773760.0, "k": 1}
{"i": 2147483650.5, "b": 9223372036854775807.0, "k": 2}
{"i": -2147483648.0, "b": 1e19, "k": 3}
{"i": -2147483650.0, "b": -9223372036854774784.0, "k": 4}
{"i": -7, "b": -9223372036854775808.0, "k": 5}
{"i": 8, "b": -9.3e18, "k": 6}
{"i": 9, "b": 9223372036854775809, "k": 7}`

// badHeader is a load that is refused for one header.
func badHeader(id, header, message string) conformanceCase {
	return conformanceCase{id: id, steps: []step{withTable(twoInts), loads("t", "1\t1\n", header).gives(jsonOf("Status", "Fail", "Message", message)), selects("SELECT * FROM t")}}
}

// headerCases are the headers of a load and the columns header in particular.
var headerCases = []conformanceCase{
	badHeader("FH.label", "label: a b", "Label format error. regex: ^[-\\w]{1,128}$, label: a b"),
	badHeader("FH.format", "format: xml", "unknown data format, format=xml"),
	badHeader("FH.timeout", "timeout: soon", "Invalid timeout format"),
	badHeader("FH.strict_mode", "strict_mode: maybe", "Invalid strict mode format. Must be bool type"),
	badHeader("FH.trim_space", "trim_space: maybe", "Invalid trim space format. Must be bool type"),
	badHeader("FH.skip_header-format", "skip_header: x", "Invalid csv load skip_header format"),
	badHeader("FH.skip_header-negative", "skip_header: -1", "skip_header must be equal or greater than 0"),
	badHeader("FH.separator-hex", `column_separator: \x0`, "Invalid delimiter*"),
	badHeader("FH.separator-length", "column_separator: "+strings.Repeat("s", 51), "The valid bytes length for 'column separator' is [1, 50]*"),
	badHeader("FH.row-delimiter-length", "row_delimiter: "+strings.Repeat("s", 51), "The valid bytes length for 'row delimiter' is [1, 50]*"),
	badHeader("FH.mem_limit", "load_mem_limit: much", "Invalid load mem limit format"),
	badHeader("FP.duplicate-column", "columns: k,k", "Duplicate column: k"),
	badHeader("FP.duplicate-mapping", "columns: k,v=1,v=2", "Duplicate column mapping: v"),
	badHeader("FP.unknown-target", "columns: k,c=1", "Mapping column is not in table. column: c"),
	badHeader("FP.no-source", "columns: k,v=c", "column has no source field, column=c"),
	{id: "FH.separator", steps: []step{
		withTable(intString), loads("t", "1\x01a\x02", `column_separator: \x01`, `row_delimiter: \x02`).succeeds(), loads("t", "2|@|b^^", "column_separator: |@|", "row_delimiter: ^^").succeeds(),
		loads("t", "3\x01\x02c\n", `column_separator: 0x0102`).succeeds(), loads("t", "4\td\n", `column_separator: \t`, `row_delimiter: \n`).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|a", "2|b", "3|c", "4|d"),
	}},
	{id: "FH.max_filter_ratio", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n2\tx\n3\t3\n4\t4\n", strictLoad, "max_filter_ratio: 0.25").gives(`{"Status":"Success","NumberTotalRows":4,"NumberLoadedRows":3,"NumberFilteredRows":1,"ErrorURL":"http://*/api/_load_error_log?file=error_log_*"}`),
		loads("t", "5\t5\n6\tx\n", strictLoad, "max_filter_ratio: 0.25").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows","NumberFilteredRows":1}`, log: "Error: *Row: 6\tx\n"}), selects("SELECT k FROM t ORDER BY k", "1", "3", "4"),
	}},
	{id: "FH.empty", steps: []step{
		withTable(twoInts), loads("t", "").fails("No rows were imported from upstream. Possible causes: 1) all rows were filtered by load conditions, *"), loads("t", "\n\n").fails("No rows were imported from upstream.*"),
	}},
	{id: "FH.uuid-label", steps: []step{withTable(twoInts), loads("t", "1\t1\n").gives(`{"Status":"Success","Label":"*-*-*-*-*"}`)}},
	{id: "FP.column-names", steps: []step{withTable(intString), loads("t", "a\t1\n", "columns: `V`, K").succeeds(), selects("SELECT * FROM t", "1|a")}},
	{id: "FP.expression", steps: []step{
		withTable("k INT, v STRING, b VARBINARY"), loads("t", "1\tx\t00ff\n", "columns: k, tmp, h, v=concat(upper(tmp), '!'), b=to_binary(h, 'hex')").succeeds(), selects("SELECT k, v, hex(b) FROM t", "1|X!|00FF"),
	}},
	{id: "FP.defaults", steps: []step{
		withTable(`k INT, a STRING NOT NULL DEFAULT "dd", n INT`), loads("t", "1\n", "columns: k").succeeds(), selects("SELECT * FROM t", "1|dd|NULL"),
		tableNamed("u", "k INT, v INT NOT NULL"), loads("u", "1\n", "columns: k").fails("Column has no default value. column: v"),
	}},
	{id: "FP.op", steps: []step{
		withTable(intString), loads("t", "1\ta\t0\n2\tb\t0\n3\tc\t0\n", "columns: k,v,__op").succeeds(), loads("t", "1\ta\t1\n2\tB\t0\n", "columns: k,v,__op").succeeds(), loads("t", "3\tx\n", "columns: k,v,__op='delete'").succeeds(),
		selects("SELECT * FROM t ORDER BY k", "2|B"), loads("t", `{"k": 2, "v": "", "__op": 1} {"k": 4, "v": "d"}`, jsonFormat).succeeds(), selects("SELECT * FROM t", "4|d"),
	}},
	{id: "FP.order", steps: []step{
		withTable(intString), loads("t", "1\ta\t0\n1\t\t1\n1\tb\t0\n2\tc\t0\n2\t\t1\n", "columns: k,v,__op").succeeds(), selects("SELECT * FROM t", "1|b"),
	}},
	{id: "FP.op-null", steps: []step{withTable(intString), loads("t", "1\ta\t\\N\n", "columns: k,v,__op").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: NULL value in non-nullable column '__op'*"})}},
}
