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
	jsonLoad("JSON.test_json_without_path", "k INT, author STRING, price DOUBLE", `[{"k":1,"author":"NR","price":8.95},{"price":12.99,"k":2,"author":"EW","isbn":"x"}]`, allRows, []string{stripped}, "1|NR|8.95", "2|EW|12.99"),
	jsonLoad("JSON.test_json_with_path", "k INT, ip STRING, v INT", `[{"k":1,"n":{"ip":"10.0.0.1","v":"20"}},{"k":2,"n":{"ip":"10.0.0.2","v":21}}]`, allRows, []string{stripped, `jsonpaths: ["$.k","$.n.ip","$.n.v"]`}, "1|10.0.0.1|20", "2|10.0.0.2|21"),
	jsonLoad("JSON.test_json_with_long_string", "k INT, request STRING, ids STRING", `{"k":1,"request":{"area" : "b", "country":"c"},"ids":["4", "5"]}`, allRows, nil, `1|{"area":"b","country":"c"}|["4","5"]`),
	jsonLoad("JSON.test_ndjson", "k INT, kind STRING, ip STRING", "{\"k\":1,\"kind\":\"s\",\"n\":{\"ip\":\"x\"}}\n{\"k\":2,\"kind\":\"s\"}\n\n{\"k\":3}\n", allRows, nil, "1|s|NULL", "2|s|NULL", "3|NULL|NULL"),
	jsonLoad("JSON.test_ndjson_with_jsonpath", "k INT, ip STRING, v INT", "{\"k\":1,\"n\":{\"ip\":\"a\",\"v\":\"10\"}}\n{\"k\":2,\"n\":{\"ip\":\"b\",\"v\":\"20\"}}", allRows, []string{`jsonpaths: ["$.k","$.n.ip","$.n.v"]`}, "1|a|10", "2|b|20"),
	jsonLoad("JSON.test_json_new_parser", "k INT, kind STRING, v INT", `{"k":1,"kind":"s","v":10}{"v":20,"k":2}{"kind":"s","k":3} {"k":4,"v":50,"zz":1,"kind":null}`, allRows, nil, "1|s|10", "2|NULL|20", "3|s|NULL", "4|NULL|50"),
	jsonLoad("JSON.test_adaptive_nullable_column", "k INT, a STRING, v INT", `{"k":1,"a":null,"v":null}{"k":2,"a":"x"}{"k":3,"v":7}{"k":4,"a":"y","v":8}`, allRows, nil, "1|NULL|NULL", "2|x|NULL", "3|NULL|7", "4|y|8"),
	jsonLoad("JSON.test_multi_type", "k INT, b BOOLEAN, y TINYINT, s SMALLINT, g BIGINT, f FLOAT, d DOUBLE, c CHAR(20), dt DATE, ts DATETIME, n DECIMAL(38,9)",
		`{"k":1,"b":true,"y":127,"s":32767,"g":9223372036854775807,"f":3.14,"d":3.14,"c":"sr","dt":"2021-12-09","ts":"2021-12-09 10:00:00","n":"12345678901234567890123456789.123456789"}`,
		allRows, nil, "1|1|127|32767|9223372036854775807|3.14|3.14|sr|2021-12-09|2021-12-09 10:00:00|12345678901234567890123456789.123456789"),
	jsonLoad("JSON.test_cast_type", "k INT, f STRING, b STRING, i STRING, fs DOUBLE, n INT", `{"k":1,"f":3.14,"b":true,"i":123,"fs":"3.14","n":"123"}`, allRows, nil, "1|3.14|1|123|3.14|123"),
	jsonLoad("JSON.test_load_native_json", "k INT, a JSON, b JSON, c JSON, d JSON", `{"k":1,"a":true,"b":[1, 3,5],"c":"2021-12-09","d":{"n1":{"n2":1.1}}}`, allRows, nil, `1|true|[1, 3, 5]|"2021-12-09"|{"n1": {"n2": 1.1}}`),
	jsonLoad("JSON.test_native_json_ndjson_with_jsonpath", "k INT, ip JSON", "{\"k\":1,\"n\":{\"ip\":\"a\"}}\n{\"k\":2,\"n\":{\"ip\":7}}", allRows, []string{`jsonpaths: ["$.k","$.n.ip"]`}, `1|"a"`, "2|7"),
	jsonLoad("JSON.test_native_json_single_column", "k INT, j JSON", `{"k":1,"z":"中文"}`, allRows, []string{`jsonpaths: ["$.k","$"]`}, `1|{"k": 1, "z": "中文"}`),
	jsonLoad("JSON.test_construct_row_in_object_order", "k INT, d0 STRING, f STRING, d1 STRING, i STRING", `{"i":123,"f":3.14,"k":1}`, allRows, nil, "1|NULL|3.14|NULL|123"),
	jsonLoad("JSON.test_repeated_jsonpaths", "k INT, a JSON, b JSON, c JSON", `{"k":1,"l":{"m":"long"}}`, allRows, []string{`jsonpaths: ["$.k","$.l.m","$","$.l.m"]`}, `1|"long"|{"k": 1, "l": {"m": "long"}}|"long"`),
	jsonLoad("JSON.file_stream", twoInts, `{"k": 1, "v": 2 }{"k": 3, "v": 4 }`, allRows, nil, "1|2", "3|4"),
	jsonLoad("JSON.test_duplicate_key", twoInts, `{"k":1,"v":1,"v":2}{"k":2,"v":2,"v":3,"k":9}`, allRows, nil, "1|1", "2|2"),
	jsonLoad("JSON.case-sensitive-keys", twoInts, `{"k":1,"V":2}`, allRows, nil, "1|NULL"),
	jsonLoad("JSON.embedded-text", "k INT, j JSON", `{"k":1,"j":"{}"}`, allRows, nil, `1|"{}"`),
	jsonRefused("JSON.test_illegal_input", "illegal", "parse error. illegal json started with [i]*"),
	jsonRefused("JSON.test_illegal_input_with_jsonpath", "illegal", "parse error. illegal json started with [i]*", `jsonpaths: ["$.k","$.v"]`),
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
	valueCSV("CV.datetime", "DATETIME", "1\t2022-04-26\n2\t2022-04-26T01:02:03Z\n3\t2022-04-26 01:02:03+08:00\n4\t2022-04-26 24:00:00\n5\t20220426010203\n", "1|2022-04-26 00:00:00", "2|2022-04-26 01:02:03", "3|2022-04-26 01:02:03", "4|NULL", "5|2022-04-26 01:02:03"),
	valueCSV("CV.decimal", "DECIMAL(5,2)", "1\t1.005\n2\t-1.005\n3\t999.99\n4\tx\n5\t 1 \n", "1|1.01", "2|-1.01", "3|999.99", "4|NULL", "5|1.00"),
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
