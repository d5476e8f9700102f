package emulator

import "strings"

const (
	enclosed  = `enclose: "`
	escaped   = `escape: \`
	trimmed   = "trim_space: true"
	pipes     = "column_separator: |"
	threeText = "k INT, a STRING, b STRING"
)

// csvCases follow BEtest/exec/file_scanner/csv_scanner_test.cpp; the rows are our own.
var csvCases = []conformanceCase{
	{id: "CSV.test_scalar_types", steps: []step{
		withTable("berth INT, draught DOUBLE, boat VARCHAR(12), built DATE, flag VARCHAR(4)"),
		loads("t", "7|3.25|heron|1987-06-30|kiel\n-2|-0.125|tern|2004-11-08|oslo\n40|\\N|oystercatcher|1979-03-17|bonn\n41|12|petrel|2011-12-24|genoa", pipes).succeeds(),
		selects("SELECT * FROM t ORDER BY berth", "-2|-0.125|tern|2004-11-08|oslo", "7|3.25|heron|1987-06-30|kiel", "40|NULL|NULL|1979-03-17|bonn", "41|12|petrel|2011-12-24|NULL"),
	}},
	{id: "CSV.test_adaptive_nullable_column2", steps: []step{
		withTable(threeText), loads("t", "31,~north quay~,9\n32,slip,~~\n34,,dry", commas, "enclose: ~", escaped, trimmed).succeeds(), selects("SELECT * FROM t ORDER BY k", "31|north quay|9", "32|slip|", "34||dry"),
	}},
	{id: "CSV.test_multi_seprator", steps: []step{
		withTable("k INT, s VARCHAR(10), d DATE"), loads("t", "12^^rope^^2016-05-02<br>-3^^buoy^<^2009-10-31<br>-4^^oar^^2009-10-31<br>", "column_separator: ^^", "row_delimiter: <br>", "max_filter_ratio: 0.4").gives(`{"Status":"Success","NumberFilteredRows":1}`),
		selects("SELECT * FROM t ORDER BY k", "-4|oar|2009-10-31", "12|rope|2016-05-02"),
	}},
	{id: "CSV.test_invalid_field_as_null", steps: []step{withTable(twoInts), loads("t", "4\tten\n5\t7knots\n6\t+-8\n7\t8\n").succeeds(), selects("SELECT * FROM t ORDER BY k", "4|NULL", "5|NULL", "6|NULL", "7|8")}},
	{id: "CSV.test_skip_header", steps: []step{withTable(twoInts), loads("t", "tide table\n\nhour|metres\n--|--|--\n6|41\n18|39\n", pipes, "skip_header: 4").succeeds(), selects("SELECT * FROM t ORDER BY k", "6|41", "18|39")}},
	{id: "CSV.test_skip_headers", steps: []step{withTable(twoInts), loads("t", "1,2\n3,4\n", commas, "skip_header: 3").fails("The parameter 'skip_header' is set to 3, but there are only 2 rows in the csv file")}},
	{id: "CSV.test_trim_space", steps: []step{withTable(intString), loads("t", "14|    \"  low tide\"\n15|\"ebb   \"      \n  16  |   slack water  \n", pipes, enclosed, trimmed).succeeds(), selects("SELECT * FROM t ORDER BY k", "14|  low tide", "15|ebb   ", "16|slack water")}},
	{id: "CSV.test_trim_space_with_ENCLOSE", steps: []step{
		withTable("k INT, s STRING, n INT"), loads("t", "51,  ~~,4\n52,~mate,\n\n bosun \\~Jib\\~ ~   , 12\n53, no  quotes , 8 \n", commas, "enclose: ~", escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", "51||4", "52|mate,\n\n bosun ~Jib~ |12", "53|no  quotes|8"),
	}},
	{id: "CSV.test_ENCLOSE", steps: []step{
		withTable(threeText), loads("t", "\"60\"|\"mast|boom\"|sail\n61|\"\"|\"\"\"jib\"\" and \"\"genoa\"\"\"\n62|stay|\"first line\n\nthird|line\"\n63|\"a\"\"\"|\"\"\n", pipes, enclosed, escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", "60|mast|boom|sail", `61||"jib" and "genoa"`, "62|stay|first line\n\nthird|line", `63|a"|`),
	}},
	{id: "CSV.test_ESCAPE", steps: []step{
		withTable(threeText), loads("t", `70|\"deck\"|hull\|keel`+"\n71|two\\\nlines|"+`"in \"side\""`+"\n"+`72|C:\\log|\\`+"\n"+`73|plain|"a\|b"`+"\n", pipes, enclosed, escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", `70|"deck"|hull|keel`, "71|two\nlines|in \"side\"", `72|C:\log|\`, "73|plain|a|b"),
	}},
	{id: "CSV.TEST_Pile_not_ended_with_record_delimiter", steps: []step{withTable(twoInts), loads("t", "80|-8\n81|0\n82|99", pipes).gives(`{"Status":"Success","NumberLoadedRows":3}`), selects("SELECT * FROM t ORDER BY k", "80|-8", "81|0", "82|99")}},
	{id: "CSV.test_large_record_size", steps: []step{
		withTable("k INT, a STRING, b STRING, c STRING"), loads("t", "90"+strings.Repeat("|"+strings.Repeat("foghorn", 9000), 3)+"\n91|short|er|row\n", pipes).succeeds(),
		selects("SELECT k, length(a), length(b), length(c) FROM t ORDER BY k", "90|63000|63000|63000", "91|5|2|3"),
	}},
	{id: "CSV.test_empty", steps: []step{withTable("k INT, d DATETIME"), loads("t", "").fails("No rows were imported from upstream.*")}},
	{id: "CSV.test_column_count_inconsistent", steps: []step{
		withTable("k INT, a STRING, b STRING"), loads("t", "17|cod|net|crate\n", pipes).check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: Target column count: 3 doesn't match source value column count: 4. Column separator: '|', Row delimiter: '\\n'. Row: 17|cod|net|crate\n"}),
		loads("t", "18|eel\n19|crab|pot\n", pipes, "max_filter_ratio: 0.5").gives(`{"Status":"Success","NumberFilteredRows":1}`), selects("SELECT * FROM t", "19|crab|pot"),
	}},
	{id: "CSV.blank-lines", steps: []step{withTable(twoInts), loads("t", "\n1\t1\n\n\n2\t2\n\n").gives(`{"Status":"Success","NumberTotalRows":2}`)}},
	{id: "CSV.quote-is-data", steps: []step{withTable(intString), loads("t", "1,\"a\"\n2,\\\"\r\n", commas).succeeds(), selects("SELECT * FROM t ORDER BY k", `1|"a"`, "2|\\\"\r")}},
	{id: "CSV.enclosed-null", steps: []step{withTable(intString), loads("t", "1,\"\\N\"\n2,\\N\n3,\"\"\n", commas, enclosed).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|NULL", "2|NULL", "3|")}},
	{id: "CSV.escaped-null", steps: []step{withTable(intString), loads("t", "1,\\\\N\n2,a\\\\N\n", commas, escaped).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|NULL", `2|a\N`)}},
	{id: "CSV.invalid-utf8", steps: []step{withTable(intString), loads("t", "1\t\xff\n").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: Invalid UTF-8 row. Row: *"})}},
}
