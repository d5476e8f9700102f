package emulator

func init() { conformanceSets = append(conformanceSets, updateCases, jsonRootCases, loadHeaderCases) }

const (
	partial    = "partial_update: true"
	columnMode = "partial_update_mode: column"
	cities     = "id INT, name STRING, city STRING"
	versioned  = "k1 INT, k2 STRING, v1 INT, v2 INT"
)

// conditionTable is table t keyed by two columns, with one row.
var conditionTable = []step{
	runs("CREATE TABLE t (k1 INT, k2 VARCHAR(20), v1 INT, v2 INT, v3 INT) PRIMARY KEY(k1, k2) DISTRIBUTED BY HASH(k1) BUCKETS 1 {one}"),
	loads("t", "7,hull,40,41,42\n8,mast,90,91,92\n", commas).succeeds(),
}

func onConditionTable(id string, steps ...step) conformanceCase {
	return conformanceCase{id: id, steps: append(append([]step{}, conditionTable...), steps...)}
}

const missingCondition = "Merge condition column %s does not exist. If you are doing partial update with condition update, please check condition column is in the given update columns. Otherwise please check condition column is in table t"

// mergeSteps load three rows at once and then versions 0, 1 and 2 against 1.
func mergeSteps(headers ...string) []step {
	with := func(body string) step {
		return loads("t", body, append([]string{commas, "merge_condition: version"}, headers...)...).succeeds()
	}
	return []step{
		withTable("id INT, name STRING, score INT, version INT"), together(with("11,Ada,70,1\n"), with("12,Ben,71,1\n"), with("13,Cem,72,1\n")),
		with("11,Dag,80,0\n"), with("12,Eva,81,1\n"), with("13,Fay,82,2\n"), selects("SELECT * FROM t ORDER BY id", "11|Ada|70|1", "12|Eva|81|1", "13|Fay|82|2"),
	}
}

// updateCases are the SQL tests of partial update and merge_condition.
var updateCases = []conformanceCase{
	{id: "S5", steps: []step{
		withTable(cities), loads("t", "21\tInge\tOslo\n22\tJan\tKiel\n").succeeds(), loads("t", "22,\"Bonn\"\n", commas, partial, "columns: ID, city").succeeds(), selects("SELECT * FROM t ORDER BY id", "21|Inge|Oslo", `22|Jan|"Bonn"`),
	}},
	{id: "S6", steps: []step{
		withTable("id INT, name CHAR(20), city CHAR(20)"), loads("t", "21\tInge\tOslo\n").succeeds(), loads("t", `{"city":"Bonn","id":21}`, jsonFormat, partial, "columns: id, city").succeeds(), selects("SELECT * FROM t", "21|Inge|Bonn"),
	}},
	{id: "S7", steps: mergeSteps()},
	onConditionTable("S16", loads("t", "7,hull,50,1,1\n", commas, "merge_condition: k1").fails("Merge condition column k1 should not be primary key!")),
	onConditionTable("S17", loads("t", "7,hull,50,1,1\n", commas, "merge_condition: v6").fails(expand(missingCondition, "v6"))),
	onConditionTable("S18", loads("t", "7,hull,60,61,62\n8,mast,60,61,62\n", commas, "merge_condition: v1").succeeds(),
		selects("SELECT * FROM t ORDER BY k1", "7|hull|60|61|62", "8|mast|90|91|92")),
	onConditionTable("S19", loads("t", "7,hull,50\n", commas, partial, "columns: k1,k2,v1", "merge_condition: v2").fails(expand(missingCondition, "v2"))),
	onConditionTable("S20", loads("t", "7,hull,60,61,62\n", commas).succeeds(),
		loads("t", "7,hull,59\n8,mast,95\n", commas, partial, "columns: k1,k2,v1", "merge_condition: v1").succeeds(),
		selects("SELECT * FROM t ORDER BY k1", "7|hull|60|61|62", "8|mast|95|91|92")),
	{id: "S21", steps: []step{
		runs("CREATE TABLE t (id INT, week INT, edited INT, v INT) PRIMARY KEY(id, week) PARTITION BY (week) DISTRIBUTED BY HASH(id) BUCKETS 1 {one}"),
		loads("t", "5,40,900,17|5,40,899,18", commas, "row_delimiter: |", "merge_condition: edited").succeeds(), selects("SELECT * FROM t", "5|40|900|17"),
	}},
	{id: "S27", steps: []step{
		runs(`CREATE TABLE t (k INT, a INT, b INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES("replication_num"="1","storage_type"="column_with_row")`), loads("t", "1\t1\t1\n").succeeds(),
		loads("t", "1\t2\n", partial, columnMode, "columns: k,a").fails("column with row table only support row mode partial update"), loads("t", "1\t2\n", partial, "columns: k,a").succeeds(), selects("SELECT * FROM t", "1|2|1"),
	}},
	{id: "S28", steps: []step{
		withTable(`k INT, a INT, b INT, c STRING DEFAULT "dd"`), loads("t", "1\t1\t1\tx\n").succeeds(), loads("t", "1\t2\n2\t3\n1\t4\n", partial, columnMode, "columns: k,a").succeeds(),
		selects("SELECT * FROM t ORDER BY k", "1|4|1|x", "2|3|NULL|dd"),
		runs("CREATE TABLE s (k INT, a INT, b INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 ORDER BY(a) {one}"), loads("s", "1\t1\t1\n").succeeds(),
		loads("s", "1\t2\n", partial, columnMode, "columns: k,b").fails("*partial update on table with sort key *"), loads("s", "1\t2\n", partial, "columns: k,b").fails("partial update on table with sort key must provide all sort key columns"),
		loads("s", "1\t5\n", partial, "columns: k,a").succeeds(), selects("SELECT * FROM s", "1|5|1"),
	}},
	{id: "S29b", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n2\t2\n").succeeds(), runs(`ALTER TABLE t ADD COLUMN w INT DEFAULT "999"`),
		loads("t", "1\t5\n3\t6\n", partial, "columns: k,v").succeeds(), loads("t", "2\t7\n", partial, "columns: k,w").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|5|999", "2|2|7", "3|6|999"),
	}},
	{id: "FP.partial-key", steps: []step{withTable(cities), loads("t", "a\n", partial, "columns: city").fails("key column id not in partial update columns")}},
	{id: "FP.partial-model", steps: []step{
		runs("CREATE TABLE t (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}"), loads("t", "1\n", partial, "columns: k").fails("Only primary key table support partial update"),
		loads("t", "1\t1\n", "merge_condition: v").fails("Conditional update only support primary key table t"),
	}},
	{id: "FP.condition-type", steps: []step{withTable(cities), loads("t", "1\ta\tb\n", "merge_condition: city").fails("Merge condition column city has invalid type maybe bitmap/hll/percentile/json/varchar!")}},
	{id: "FP.condition-delete", steps: []step{
		withTable(versioned), loads("t", "1\ta\t1\t1\t1\n", "merge_condition: v1", "columns: k1,k2,v1,v2,__op").fails("memtable of tablet * delete with condition column v1"),
	}},
	{id: "FP.condition-null", steps: []step{
		withTable(twoInts), loads("t", "1\t\\N\n2\t5\n").succeeds(), loads("t", "1\t-1\n2\t\\N\n", "merge_condition: v").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|-1", "2|5"),
	}},
	{id: "FP.partial-after-delete", steps: []step{
		withTable(cities), loads("t", "1\ta\tb\n").succeeds(), loads("t", "1\tx\t1\n1\ty\t0\n", partial, "columns: id,city,__op").succeeds(), selects("SELECT * FROM t", "1|a|y"),
	}},
}

func expand(text, name string) string {
	return text[:len("Merge condition column ")] + name + text[len("Merge condition column %s"):]
}

func jsonRooted(id, body string, headers []string, want ...string) conformanceCase {
	return jsonLoad(id, "k INT, v STRING", body, allRows, headers, want...)
}

// jsonRootCases are json_root, wildcards and the path $.
var jsonRootCases = []conformanceCase{
	jsonLoad("JSON.test_string_single_column", "k INT, j STRING", `{ "hafen" :"Lübeck",  "k":75}`, allRows, []string{`jsonpaths: ["$.k","$"]`}, `75|{ "hafen" :"Lübeck",  "k":75}`),
	jsonRooted("JSON.test_json_path_with_asterisk_basic", `{"fleet":{"trawler":"Nora","tug":"Otto"},"k":85}`, []string{`jsonpaths: ["$.k","$.fleet.*"]`}, "85|Nora"),
	jsonRooted("JSON.test_json_path_with_asterisk_null", `{"fleet":{"tug":null},"k":86}{"k":87}`, []string{`jsonpaths: ["$.k","$.fleet.*"]`}, "86|NULL", "87|NULL"),
	jsonRooted("JSON.test_json_path_with_asterisk_record", `{"fleet":{"tug":{"home":"Rostock"}},"k":88}`, []string{`jsonpaths: ["$.k","$.fleet.*.home"]`}, "88|Rostock"),
	jsonRooted("JSON.test_json_path_with_asterisk_array", `{"fleet":{"calls":["Visby","Riga"]},"k":89}`, []string{`jsonpaths: ["$.k","$.fleet.*[1]"]`}, "89|Riga"),
	jsonRooted("JSON.test_expanded_with_json_root", `[{"d":[{"k":1,"v":"a"},{"k":2,"v":"b"}]},{"d":[{"k":3,"v":"c"}]}]`, []string{stripped, "json_root: $.d"}, "1|a", "2|b", "3|c"),
	jsonRooted("JSON.test_ndjson_expanded_with_json_root", `{"d":[{"k":1,"v":"a"},{"k":2,"v":"b"}]} {"d":[{"k":3,"v":"c"}]}`, []string{stripped, "json_root: $.d"}, "1|a", "2|b", "3|c"),
	jsonRooted("JSON.test_jsonroot_with_jsonpath", `{"d":{"i":1,"n":{"v":"a"}}}`, []string{"json_root: $.d", `jsonpaths: ["$.i","$.n.v"]`}, "1|a"),
	jsonRooted("JSON.test_expanded_with_jsonroot_and_extracted_by_jsonpath", `[{"d":[{"i":1,"n":{"v":"a"}}]}]`, []string{stripped, "json_root: $.d", `jsonpaths: ["$.i","$.n.v"]`}, "1|a"),
	jsonRooted("JSON.test_ndjson_expaned_with_jsonroot_and_extracted_by_jsonpath", `{"d":[{"i":1,"n":{"v":"a"}}]}{"d":[{"i":2,"n":{"v":"b"}}]}`, []string{stripped, "json_root: $.d", `jsonpaths: ["$.i","$.n.v"]`}, "1|a", "2|b"),
	jsonLoad("JSON.test_column_2x_than_columns_with_json_root", "k INT, a STRING, b STRING, c STRING", `{"page":{"b":"port","k":90}}`, allRows, []string{"json_root: $.page"}, "90|NULL|port|NULL"),
	jsonRooted("JSON.array-with-root", `[{"d":{"k":1,"v":"a"}},{"d":{"k":2,"v":"b"}}]`, []string{"json_root: $.d"}, "1|a", "2|b"),
	jsonRefused("JSON.root-missing", `{"d":{"k":1}}{"e":1}`, "parse error.*unable to find key*", "json_root: $.d"),
	jsonRefused("JSON.root-no-array", `{"d":{"k":1}}`, "*should be array type with strip_outer_array=true*", "json_root: $.d", stripped),
	jsonRefused("JSON.invalid-utf8", "{\"k\":1,\"v\":\"\xff\"}", "parse error.*"),
	jsonRooted("JSON.index-into-null", `{"k":1,"v":null}{"k":2,"v":["a"]}{"k":3,"v":["b","c"]}`, []string{`jsonpaths: ["$.k","$.v[1]"]`}, "1|NULL", "2|NULL", "3|c"),
	jsonRooted("JSON.index-into-any", `{"k":1,"v":["a","b"]}{"k":2,"v":[]}`, []string{`jsonpaths: ["$.k","$.v[*]"]`}, "1|NULL", "2|NULL"),
	{id: "JSON.index-into-no-array", steps: []step{
		withTable("k INT, v STRING"), loads("t", `{"k":1,"v":"x"}`, jsonFormat, `jsonpaths: ["$.k","$.v[0]"]`).check(wireWant{json: `{"Message":"too many filtered rows"}`, log: "Error: failed to access field as array, field: v*"}),
	}},
}
