package emulator

const stripped = "strip_outer_array: true"

// jsonLoad is one JSON load into a fresh table and the rows that come out.
func jsonLoad(id, columns, body, query string, headers []string, want ...string) conformanceCase {
	return conformanceCase{id: id, steps: []step{withTable(columns), loads("t", body, append([]string{jsonFormat}, headers...)...).succeeds(), selects(query, want...)}}
}

// jsonRefused is one JSON load that fails and leaves nothing behind.
func jsonRefused(id, body, message string, headers ...string) conformanceCase {
	return conformanceCase{id: id, steps: []step{withTable(intString), loads("t", body, append([]string{jsonFormat}, headers...)...).fails(message), selects("SELECT * FROM t")}}
}

const allRows = "SELECT * FROM t ORDER BY k"

// jsonCases follow BEtest/exec/file_scanner/json_scanner_test.cpp; the documents are our own.
var jsonCases = []conformanceCase{
	jsonLoad("JSON.test_json_without_path", "k INT, ship STRING, tons DOUBLE", `[{"ship":"Anna","tons":61.5,"k":14},{"k":15,"crew":null,"ship":"Bertha"}]`, allRows, []string{stripped}, "14|Anna|61.5", "15|Bertha|NULL"),
	jsonLoad("JSON.test_json_with_path", "k INT, port STRING, depth INT", `[{"at":{"depth":"11","port":"Turku"},"k":30},{"at":{"port":"Gdynia","depth":9},"k":31}]`, allRows, []string{stripped, `jsonpaths: ["$.k","$.at.port","$.at.depth"]`}, "30|Turku|11", "31|Gdynia|9"),
	jsonLoad("JSON.test_json_with_long_string", "k INT, cargo STRING, holds STRING", `{"holds":[ 3 , "aft"],"k":8,"cargo":{"kind" : "salt", "sacks":[1, 2]}}`, allRows, nil, `8|{"kind":"salt","sacks":[1,2]}|[3,"aft"]`),
	jsonLoad("JSON.test_ndjson", "k INT, wind STRING, knots INT", "{\"wind\":\"NNE\",\"k\":41,\"gust\":{\"knots\":30}}\n\n{\"k\":42,\"knots\":12}\n{\"k\":43}\n", allRows, nil, "41|NNE|NULL", "42|NULL|12", "43|NULL|NULL"),
	jsonLoad("JSON.test_ndjson_with_jsonpath", "k INT, knots INT, wind STRING", "{\"gust\":{\"wind\":\"SW\",\"knots\":\"27\"},\"k\":51}\n{\"k\":52,\"gust\":{\"knots\":33}}", allRows, []string{`jsonpaths: ["$.k","$.gust.knots","$.gust.wind"]`}, "51|27|SW", "52|33|NULL"),
	jsonLoad("JSON.test_json_new_parser", "k INT, lamp STRING, range_nm INT", `{"range_nm":17,"lamp":"white","k":1}{"k":2,"range_nm":9} {"lamp":null,"height":{"m":31},"k":3,"range_nm":12}{"k":4,"lamp":"red"}`, allRows, nil, "1|white|17", "2|NULL|9", "3|NULL|12", "4|red|NULL"),
	jsonLoad("JSON.test_adaptive_nullable_column", "k INT, chart STRING, fathoms INT", `{"k":60,"chart":"D30"}{"fathoms":null,"k":61,"chart":null}{"k":62,"fathoms":4,"chart":"D31"}{"k":63,"fathoms":-1}`, allRows, nil, "60|D30|NULL", "61|NULL|NULL", "62|D31|4", "63|NULL|-1"),
	jsonLoad("JSON.test_multi_type", "k INT, b BOOLEAN, y TINYINT, s SMALLINT, g BIGINT, f FLOAT, d DOUBLE, c CHAR(20), dt DATE, ts DATETIME, n DECIMAL(38,9)",
		`{"ts":"1999-07-04 23:59:58","dt":"1996-02-29","n":"-40000000000000000000000000001.000000007","c":"capstan","d":-0.0625,"f":6.5,"g":-9007199254740993,"s":-20001,"y":-77,"b":false,"k":70}`,
		allRows, nil, "70|0|-77|-20001|-9007199254740993|6.5|-0.0625|capstan|1996-02-29|1999-07-04 23:59:58|-40000000000000000000000000001.000000007"),
	jsonLoad("JSON.test_cast_type", "k INT, f STRING, b STRING, i STRING, fs DOUBLE, n INT", `{"k":"71","f":-0.250,"b":false,"i":90210,"fs":"6.125","n":"-44"}`, allRows, nil, "71|-0.250|0|90210|6.125|-44"),
	jsonLoad("JSON.test_load_native_json", "k INT, a JSON, b JSON, c JSON, d JSON", `{"d":{"log":{"miles":7.5, "by":"mate"}},"c":"1987-06-30","b":[null,2 , "x"],"a":false,"k":72}`, allRows, nil, `72|false|[null, 2, "x"]|"1987-06-30"|{"log": {"by": "mate", "miles": 7.5}}`),
	jsonLoad("JSON.test_native_json_ndjson_with_jsonpath", "k INT, crew JSON", "{\"roll\":{\"crew\":[\"Ada\"]},\"k\":73}\n{\"k\":74,\"roll\":{\"crew\":12}}", allRows, []string{`jsonpaths: ["$.k","$.roll.crew"]`}, `73|["Ada"]`, "74|12"),
	jsonLoad("JSON.test_native_json_single_column", "k INT, j JSON", `{"k":75,"hafen":"Lübeck"}`, allRows, []string{`jsonpaths: ["$.k","$"]`}, `75|{"hafen": "Lübeck", "k": 75}`),
	jsonLoad("JSON.test_construct_row_in_object_order", "k INT, bow STRING, hull STRING, keel STRING, stern STRING", `{"stern":"oak","hull":0.5,"k":76}`, allRows, nil, "76|NULL|0.5|NULL|oak"),
	jsonLoad("JSON.test_repeated_jsonpaths", "k INT, a JSON, b JSON, c JSON", `{"tide":{"at":[6,18]},"k":77}`, allRows, []string{`jsonpaths: ["$.k","$.tide.at","$","$.tide.at"]`}, `77|[6, 18]|{"k": 77, "tide": {"at": [6, 18]}}|[6, 18]`),
	jsonLoad("JSON.file_stream", twoInts, `{"v": -5 ,"k" :80}{ "k": 81, "v": 0}`, allRows, nil, "80|-5", "81|0"),
	jsonLoad("JSON.test_duplicate_key", twoInts, `{"v":31,"k":82,"v":32}{"k":83,"k":84,"v":33,"v":34,"v":35}`, allRows, nil, "82|31", "83|33"),
	jsonLoad("JSON.case-sensitive-keys", twoInts, `{"k":1,"V":2}`, allRows, nil, "1|NULL"),
	jsonLoad("JSON.embedded-text", "k INT, j JSON", `{"k":1,"j":"{}"}`, allRows, nil, `1|"{}"`),
	jsonRefused("JSON.test_illegal_input", "ahoy {}", "parse error. illegal json started with [a]*"),
	jsonRefused("JSON.test_illegal_input_with_jsonpath", "ahoy {}", "parse error. illegal json started with [a]*", `jsonpaths: ["$.k","$.v"]`),
	jsonRefused("JSON.test_null_with_jsonpath", "null", "parse error. illegal json started with [n]*", `jsonpaths: ["$.k","$.v"]`),
	jsonRefused("JSON.test_invalid_json_path", `{"k":1}`, "*", `jsonpaths: ["k"]`),
	jsonRefused("JSON.array-without-strip", `[{"k":1}]`, "parse error. The value is array type in json document stream, you can set strip_outer_array=true to parse each element of the array as individual rows*"),
	jsonRefused("JSON.object-with-strip", `{"k":1}`, "the value should be array type with strip_outer_array=true, value: *", stripped),
	jsonRefused("JSON.truncated", `{"k":1,"v":"a"}{"k":2,`, "parse error.*"),
	{id: "JSON.size-limit", private: "a body of 100 MB is too much for somebody else's cluster", steps: []step{
		withTable(intString), wireRequest{method: "PUT", path: "/api/{db}/t/_stream_load", headers: []string{jsonFormat}, body: overJSONLimit(), toBE: true}.
			gives(`{"Status":"Fail","Message":"The size of this batch exceed the max size [104857600]  of json type data  data [ 104857601 ]. Set ignore_json_size to skip the check, although it may lead huge memory consuming."}`),
	}},
}

// overJSONLimit is a JSON body one byte over the limit.
func overJSONLimit() string {
	b := make([]byte, maxJSONBody+1)
	for i := range b {
		b[i] = ' '
	}
	return string(b)
}

// valueCSV loads k and one value per row into a nullable column of a type, not strictly.
func valueCSV(id, typ, body string, want ...string) conformanceCase {
	return conformanceCase{id: id, steps: []step{withTable("k INT, v " + typ), loads("t", body).succeeds(), selects(allRows, want...)}}
}

// valueCases follow BEtest/formats/csv: what every type takes, and what it does not.
var valueCases = []conformanceCase{
	valueCSV("CV.boolean", "BOOLEAN", "1\tTrue\n2\tFALSE\n3\t1\n4\t0\n5\t5\n6\tyes\n", "1|1", "2|0", "3|1", "4|0", "5|1", "6|NULL"),
	valueCSV("CV.date", "DATE", "1\t2024-02-29\n2\t2023-02-29\n3\t20240102\n4\t0000-00-00\n5\t2024-00-01\n6\tx\n", "1|2024-02-29", "2|NULL", "3|2024-01-02", "4|NULL", "5|NULL", "6|NULL"),
	valueCSV("CV.datetime", "DATETIME", "1\t2018-08-14\n2\t2018-08-14T01:02:03Z\n3\t2018-08-14 01:02:03+08:00\n4\t2018-08-14 24:00:00\n5\t20180814010203\n", "1|2018-08-14 00:00:00", "2|2018-08-14 01:02:03", "3|2018-08-14 01:02:03", "4|NULL", "5|2018-08-14 01:02:03"),
	valueCSV("CV.decimal", "DECIMAL(5,2)", "1\t1.005\n2\t-1.005\n3\t999.99\n4\tx\n5\t 1 \n", "1|1.01", "2|-1.01", "3|999.99", "4|NULL", "5|1.00"),
	{id: "CV.decimalv2", steps: []step{
		// Nine digits first, those of the column then; the zeros at the end are not printed.
		withTable("k INT, v DECIMALV2(20,9), w DECIMALV2(5,2)"), loads("t", "1\t70000000001.000000009\t1.500\n2\t-70000000001.000000009\t-1.005\n3\t\t999.99\n4\tten\t7\n5\t'10'\t\\N\n6\t0.0000000015\t0\n").succeeds(),
		selects("SELECT * FROM t ORDER BY k", "1|70000000001.000000009|1.5", "2|-70000000001.000000009|-1.01", "3|NULL|999.99", "4|NULL|7", "5|NULL|NULL", "6|0.000000002|0"),
		loads("t", "7\tx\t1\n", strictLoad).fails("too many filtered rows"), shows("SHOW COLUMNS FROM t LIKE 'w'", "Type", "decimal(5, 2)"),
		refuses("CREATE TABLE u (k INT, v DECIMALV2(28,9)) PRIMARY KEY(k) {one}", "*Precision of decimal must between 1 and 27. Precision was set to: 28.", 1064),
		refuses("CREATE TABLE u (k INT, v DECIMALV2(20,10)) PRIMARY KEY(k) {one}", "*Scale of decimal must between 0 and 9. Scale was set to: 10.", 1064),
	}},
	valueCSV("CV.float", "DOUBLE", "1\t0.5\n2\t-2.25\n3\tx\n4\t1.5e3\n", "1|0.5", "2|-2.25", "3|NULL", "4|1500"),
	valueCSV("CV.numeric", "TINYINT", "1\t127\n2\t128\n3\t-128\n4\t-129\n5\t 7 \n6\t7.9\n7\tx\n8\t\n", "1|127", "2|NULL", "3|-128", "4|NULL", "5|7", "6|7", "7|NULL", "8|NULL"),
	valueCSV("CV.numeric-largeint", "LARGEINT", "1\t170141183460469231731687303715884105727\n2\t170141183460469231731687303715884105728\n", "1|170141183460469231731687303715884105727", "2|NULL"),
	valueCSV("CV.string", "VARCHAR(3)", "1\tabc\n2\tabcd\n3\té!\n4\téé\n5\t\n", "1|abc", "2|NULL", "3|é!", "4|NULL", "5|"),
	valueCSV("CV.varbinary", "VARBINARY", "1\tQUI=\n2\tnot base64!\n", "1|AB", "2|not base64!"),
	valueCSV("CV.nullable", "INT", "1\t\\N\n2\t3\n", "1|NULL", "2|3"),
	valueCSV("CV.json", "JSON", "1\t{\"b\":1,\"a\":[1,2]}\n2\tplain\n3\t{bad\n4\t7\n", `1|{"a": [1, 2], "b": 1}`, `2|"plain"`, "3|NULL", "4|7"),
	{id: "CV.strict", steps: []step{
		withTable(twoInts), loads("t", "1\t2147483648\n", strictLoad).check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: The field (name = v, pos = 1) is out of range. Type: INT, Value length: 10, Value: 2147483648. Row: 1\t2147483648\n"}),
		loads("t", `{"k":1,"v":"x"}`, jsonFormat, strictLoad).check(wireWant{json: `{"Message":"too many filtered rows"}`, log: "Error: Value '*x*' is out of range. The type of 'v' is INT. Row: *"}), selects("SELECT * FROM t"),
	}},
	{id: "CV.not-null", steps: []step{
		withTable("k INT, v VARCHAR(3) NOT NULL"), loads("t", "1\tabcd\n").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: NULL value in non-nullable column 'v'. Row: [1, NULL, 0]\n"}),
	}},
}
