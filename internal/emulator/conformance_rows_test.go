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
		withTable("k INT, f DOUBLE, s VARCHAR(10), d DATE, l VARCHAR(6)"),
		loads("t", "1|1.5|apple|2020-01-01|apple\n-1|-0.5|banana|1998-09-01|banana\n10|\\N|grapefruit|2021-02-19|grapefruit\n11|10.5|orange|2021-01-01|oranges", pipes).succeeds(),
		selects("SELECT * FROM t ORDER BY k", "-1|-0.5|banana|1998-09-01|banana", "1|1.5|apple|2020-01-01|apple", "10|NULL|grapefruit|2021-02-19|NULL", "11|10.5|orange|2021-01-01|NULL"),
	}},
	{id: "CSV.test_adaptive_nullable_column2", steps: []step{
		withTable(threeText), loads("t", "1,'Julia',20\n2,Andy,21\n4,,25", commas, "enclose: '", escaped, trimmed).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|Julia|20", "2|Andy|21", "4||25"),
	}},
	{id: "CSV.test_multi_seprator", steps: []step{
		withTable("k INT, s VARCHAR(10), d DATE"), loads("t", "1^^ap^^2020-01-01<br>-1^^br^^1998-09-01<br>", "column_separator: ^^", "row_delimiter: <br>").succeeds(),
		selects("SELECT * FROM t ORDER BY k", "-1|br|1998-09-01", "1|ap|2020-01-01"),
	}},
	{id: "CSV.test_invalid_field_as_null", steps: []step{withTable(twoInts), loads("t", "1\tx\n2\t1.x\n3\t--\n").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|NULL", "2|NULL", "3|NULL")}},
	{id: "CSV.test_skip_header", steps: []step{withTable(twoInts), loads("t", "a|b\nc|d\ne\n\n1|2\n3|4\n", pipes, "skip_header: 4").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|2", "3|4")}},
	{id: "CSV.test_skip_headers", steps: []step{withTable(twoInts), loads("t", "1,2\n3,4\n", commas, "skip_header: 3").fails("The parameter 'skip_header' is set to 3, but there are only 2 rows in the csv file")}},
	{id: "CSV.test_trim_space", steps: []step{withTable(intString), loads("t", "1|  \"aa  \"    \n3|\" bb\"   \n", pipes, enclosed, trimmed).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|aa  ", "3| bb")}},
	{id: "CSV.test_trim_space_with_ENCLOSE", steps: []step{
		withTable("k INT, s STRING, n INT"), loads("t", "1,'  L,  a\n\nb\\'1  ',24\n2, ' Ro \\'se'   ,23\n3,Al  i   ce,24\n", commas, "enclose: '", escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", "1|  L,  a\n\nb'1  |24", "2| Ro 'se|23", "3|Al  i   ce|24"),
	}},
	{id: "CSV.test_ENCLOSE", steps: []step{
		withTable(threeText), loads("t", "1|\"aa\"|abc\n3|\"bb|BB\"|\"\"\n5|\"cc\nadf,1\"|e\n\"7\"|dd|\"abc|ef\ngh\"\n11|\"\"|ab\n13|\"\"\"cd\"\"\"|\"ab\"\"c\"\n", pipes, enclosed, escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", "1|aa|abc", "3|bb|BB|", "5|cc\nadf,1|e", "7|dd|abc|ef\ngh", "11||ab", `13|"cd"|ab"c`),
	}},
	{id: "CSV.test_ESCAPE", steps: []step{
		withTable(threeText), loads("t", `1|\"aa\"|abc\"`+"\n"+`3|bb\|BB|""`+"\n5|cc\\\nadf,1|\"\"\"e\"\n"+`"7"|dd|abc\|ef`+"\\\ngh\n"+`9|\\ee|""`+"\n", pipes, enclosed, escaped, trimmed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", `1|"aa"|abc"`, "3|bb|BB|", "5|cc\nadf,1|\"e", "7|dd|abc|ef\ngh", `9|\ee|`),
	}},
	{id: "CSV.TEST_Pile_not_ended_with_record_delimiter", steps: []step{withTable(twoInts), loads("t", "1|2\n3|4\n5|6", pipes).gives(`{"Status":"Success","NumberLoadedRows":3}`), selects("SELECT * FROM t ORDER BY k", "1|2", "3|4", "5|6")}},
	{id: "CSV.test_large_record_size", steps: []step{
		withTable("k INT, a STRING, b STRING, c STRING, d STRING, e STRING"), loads("t", "1"+strings.Repeat("|"+strings.Repeat("x", 65533), 5)+"\n", pipes).succeeds(),
		selects("SELECT length(a), length(b), length(c), length(d), length(e) FROM t", "65533|65533|65533|65533|65533"),
	}},
	{id: "CSV.test_empty", steps: []step{withTable("k INT, d DATETIME"), loads("t", "").fails("No rows were imported from upstream.*")}},
	{id: "CSV.test_column_count_inconsistent", steps: []step{
		withTable("k INT, a STRING, b STRING"), loads("t", "1|a|b|c\n", pipes).check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: Target column count: 3 doesn't match source value column count: 4. Column separator: '|', Row delimiter: '\\n'. Row: 1|a|b|c\n"}),
		loads("t", "1|a\n2|a|b\n", pipes, "max_filter_ratio: 0.5").gives(`{"Status":"Success","NumberFilteredRows":1}`), selects("SELECT * FROM t", "2|a|b"),
	}},
	{id: "CSV.blank-lines", steps: []step{withTable(twoInts), loads("t", "\n1\t1\n\n\n2\t2\n\n").gives(`{"Status":"Success","NumberTotalRows":2}`)}},
	{id: "CSV.quote-is-data", steps: []step{withTable(intString), loads("t", "1,\"a\"\n2,\\\"\r\n", commas).succeeds(), selects("SELECT * FROM t ORDER BY k", `1|"a"`, "2|\\\"\r")}},
	{id: "CSV.enclosed-null", steps: []step{withTable(intString), loads("t", "1,\"\\N\"\n2,\\N\n3,\"\"\n", commas, enclosed).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|NULL", "2|NULL", "3|")}},
	{id: "CSV.escaped-null", steps: []step{withTable(intString), loads("t", "1,\\\\N\n2,a\\\\N\n", commas, escaped).succeeds(), selects("SELECT * FROM t ORDER BY k", "1|NULL", `2|a\N`)}},
	{id: "CSV.invalid-utf8", steps: []step{withTable(intString), loads("t", "1\t\xff\n").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: Invalid UTF-8 row. Row: *"})}},
}
