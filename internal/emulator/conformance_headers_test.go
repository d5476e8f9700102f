package emulator

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"io"

	"github.com/klauspost/compress/zstd"
)

// packed is a text compressed by a writer.
func packed(text string, open func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	w := open(&b)
	_, err := io.WriteString(w, text)
	if cerr := w.Close(); err != nil || cerr != nil {
		panic("a buffer does not fail")
	}
	return b.String()
}

func gzipped(text string) string {
	return packed(text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func zstded(text string) string {
	return packed(text, func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return z
	})
}

// bzipped is one row, 5 and e: the standard library only reads bzip2.
var bzipped = func() string {
	b, err := hex.DecodeString("425a683931415926535953d13b1200000149000030020002002000219a68334d32bc5dc914e142414f44ec48")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

// loadHeaderCases are the headers of a load that need more than a refusal.
var loadHeaderCases = []conformanceCase{
	{id: "FH.where", steps: []step{
		withTable(intString), loads("t", "1\ta\n2\tb\n3\t\\N\n4\tc\n", "where: k > 1 and v <> 'c'").gives(`{"Status":"Success","NumberTotalRows":4,"NumberLoadedRows":1,"NumberFilteredRows":0,"NumberUnselectedRows":3}`), selects("SELECT * FROM t", "2|b"),
		loads("t", "1\ta\n", "where: k > 1").check(wireWant{json: `{"Status":"Fail","NumberUnselectedRows":1,"Message":"No rows were imported from upstream.*"}`}),
	}},
	{id: "FH.where-expression", steps: []step{
		withTable(intString), loads("t", "1\ta\n2\tb\n", "columns: x, v, k = x * 10", "where: K = 20").succeeds(), selects("SELECT * FROM t", "20|b"),
		loads("t", "1\ta\n", "where: x = 1").fails("unknown column reference in where statement, reference=x"), loads("t", "1\ta\n", "where: k + 1").fails("where statement is not a valid statement return bool"),
	}},
	{id: "FH.where-before-null", steps: []step{
		withTable("k INT, v INT NOT NULL"), loads("t", "1\t\\N\n2\t2\n", "where: k > 1").gives(`{"Status":"Success","NumberFilteredRows":0,"NumberUnselectedRows":1}`), selects("SELECT * FROM t", "2|2"),
	}},
	{id: "FH.where-ratio", steps: []step{
		withTable(twoInts), loads("t", "1\tx\n2\t2\n3\t3\n4\t4\n", strictLoad, "where: k < 3", "max_filter_ratio: 0.4").gives(`{"Status":"Fail","Message":"too many filtered rows","NumberFilteredRows":1,"NumberUnselectedRows":2}`),
	}},
	{id: "FH.compressed-csv", steps: []step{
		withTable(intString), loads("t", gzipped("1\ta\n")+gzipped("2\tb\n"), "format: GZIP").succeeds(),
		loads("t", packed("3\tc\n", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }), "format: deflate").succeeds(),
		loads("t", zstded("4\td\n"), "format: zstd").succeeds(), loads("t", bzipped, "format: bzip2").succeeds(),
		loads("t", lz4ed("6\tf\n"), "format: lz4").succeeds(), loads("t", "1\ta\n", "format: lz4").fails("*"),
		selects("SELECT * FROM t ORDER BY k", "1|a", "2|b", "3|c", "4|d", "5|e", "6|f"), loads("t", "6\tf\n", "format: gzip").fails("*"), loads("t", gzipped("6\tf\n")[:12], "format: gzip").fails("*"),
	}},
	{id: "FH.compression-csv", steps: []step{withTable(intString), loads("t", "1\ta\n", "compression: gzip").succeeds(), selects("SELECT * FROM t", "1|a")}},
	{id: "FH.compression-json", since: "3.2.7", steps: []step{
		withTable(intString), loads("t", gzipped(`{"k":1,"v":"a"}`), jsonFormat, "compression: gzip").succeeds(), loads("t", zstded(`{"k":2,"v":"b"}`), jsonFormat, "Content-Encoding: zstd").succeeds(),
		loads("t", lz4ed(`{"k":2,"v":"c"}`), jsonFormat, "compression: lz4_frame").succeeds(),
		selects("SELECT * FROM t ORDER BY k", "1|a", "2|c"), loads("t", "{}", jsonFormat, "compression: gzip", "Content-Encoding: gzip").fails("Only one of http header content-encoding and compression can be set"),
		loads("t", "{}", jsonFormat, "compression: rar").fails("Unsupported compression type: rar"),
	}},
	{id: "FH.partitions", steps: []step{
		withTable(intString), loads("t", "1\ta\n", "partitions: t").succeeds(), loads("t", "1\ta\n", "partitions: p1").fails("Unknown partition 'p1' in table 't'*"),
		loads("t", "1\ta\n", "temporary_partitions: t").fails("Unknown partition 't' in table 't'*"), loads("t", "1\ta\n", "partitions: t", "temporary_partitions: t").fails("Can not specify both partitions and temporary partitions"),
	}},
	{id: "FH.after-begin", steps: []step{
		// What begin does not need is looked at when there is a transaction; it is rolled back.
		withTable(twoInts), loads("t", "1\t1\n", "label: {db}_a", "format: xml").gives(`{"TxnId":-1,"Status":"Fail"}`), labelState("{db}_a", `{"state":"UNKNOWN"}`),
		loads("t", "1\t1\n", "label: {db}_a", "timeout: 0").gives(jsonOf("Status", "Fail", "Message", "Invalid timeout. Timeout should between 1 and 259200 seconds*")), labelState("{db}_a", `{"state":"UNKNOWN"}`),
		loads("t", "1\t1\n", "label: {db}_a", "strict_mode: maybe").gives(jsonOf("Status", "Fail", "Label", "{db}_a")), labelState("{db}_a", jsonOf("state", "ABORTED", "reason", "Invalid strict mode format. Must be bool type")),
		loads("t", "1\t1\n", "label: {db}_a").succeeds(),
	}},
	{id: "FH.lenient", steps: []step{
		// Flags that are false whatever they say, numbers read as far as they go, and headers that are not looked at.
		withTable(twoInts), loads("t", `{"k":1,"v":1}`, jsonFormat, "strip_outer_array: maybe", "ignore_json_size: maybe", "transaction_type: multi").succeeds(),
		loads("t", "2\t2\n3\tx\n", strictLoad, "max_filter_ratio: 0.5 or so").succeeds(), loads("t", "4\t4\n5\tx\n", strictLoad, "max_filter_ratio: half").fails("too many filtered rows"), selects("SELECT k FROM t ORDER BY k", "1", "2"),
	}},
	badHeader("FH.load_dop-format", "load_dop: many", "Invalid load_dop format"),
	badHeader("FH.mem_limit-negative", "load_mem_limit: -1", "load_mem_limit must be equal or greater than 0"),
	{id: "FL.warehouse", private: "a cluster whose backends keep the data", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "warehouse: nix").staying().check(wireWant{status: 307}), loads("t", "1\t1\n", "warehouse: nix").succeeds(), selects("SELECT * FROM t", "1|1"),
	}},
	{id: "FM.lock-timeout", private: "faults", steps: []step{
		// What was prepared stays prepared; what a backend wanted to commit it rolls back.
		withTable(twoInts), faulty(Fault{Op: "fe-txn-commit", Count: 1, Message: LockTimeout}), faulty(Fault{Op: "be-txn-commit", Count: 1, Message: LockTimeout}), faulty(Fault{Op: "be-load", Count: 1, Message: LockTimeout}),
		begun("x"), txnLoaded("x", "1,1\n"), txn("prepare", "x").status("OK", ""), txn("commit", "x", "timeout: 7").status("FAILED", "class com.starrocks.common.*Exception: get database write lock timeout, database={db}, timeoutMillis=7000"),
		txnIs("x", "PREPARED"), selects("SELECT * FROM t"), txn("commit", "x").status("OK", ""), txnIs("x", "VISIBLE"), selects("SELECT * FROM t", "1|1"),
		begun("y"), txnLoaded("y", "2,2\n"), txn("commit", "y").direct().status("TIMEOUT", "get database write lock timeout, database={db}, timeout=45000ms"), txnIs("y", "ABORTED"),
		loads("t", "3\t3\n", "label: {db}_z").fails("get database write lock timeout, database={db}, timeout=45000ms"), labelState("{db}_z", `{"state":"ABORTED"}`), loads("t", "3\t3\n", "label: {db}_z").succeeds(), selects("SELECT k FROM t ORDER BY k", "1", "3"),
	}},
	{id: "FH.negative", steps: []step{withTable(twoInts), loads("t", "1\t1\n", "negative: true").fails("Primary key table does not support negative load")}},
	{id: "BL.enable_batch_write_wrong_argument", since: "3.4", steps: []step{withTable(twoInts), loads("t", "1\t1\n", "enable_merge_commit: abc").fails("Invalid parameter enable_merge_commit. The value must be bool type, but is abc")}},
	badHeader("FH.log_rejected_record_num", "log_rejected_record_num: x", "Invalid log_rejected_record_num format"),
	badHeader("FH.log_rejected_record_num-negative", "log_rejected_record_num: -2", "log_rejected_record_num must be equal or greater than -1"),
	badHeader("FP.op-text", "columns: k,v,__op='replace'", "load op type string not supported: replace"),
	badHeader("FP.op-constant", "columns: k,v,__op=1.5", "const load op type column should only be upsert(0)/delete(1)"),
	{id: "FP.computed-null", steps: []step{
		withTable(twoInts), loads("t", "1\tx\n", strictLoad, "columns: k,s,v=cast(s as int)").gives(`{"Status":"Success","NumberFilteredRows":0}`), selects("SELECT * FROM t", "1|NULL"),
		loads("t", "2\tx\n", strictLoad, "columns: k,s,v=concat(s,'y')").gives(`{"Status":"Success","NumberFilteredRows":0}`), selects("SELECT v FROM t WHERE k = 2", "NULL"),
	}},
	{id: "FP.computed-length", steps: []step{
		withTable("k INT, v VARCHAR(3)"), loads("t", "1\tabcd\n", "columns: k,s,v=upper(s)").check(wireWant{json: `{"Message":"too many filtered rows"}`, log: "Error: String 'ABCD'(length=4) is too long. The max length of 'v' is 3. Row: [1, 'ABCD', 0]\n"}),
	}},
	{id: "FP.case", steps: []step{
		withTable(intString), loads("t", "1\ta\n2\t\\N\n", "columns: k,s,v=case when s is null then concat('n', k) else if(k=1, upper(s), s) end").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|A", "2|n2"),
	}},
	{id: "FP.dates", steps: []step{
		withTable("k INT, y INT, d DATE, s STRING"), loads("t", "0\t2024-02-29 01:02:03\n", "timezone: UTC", "columns: k, x, y=year(x), d=to_date(x), s=from_unixtime(k)").succeeds(), selects("SELECT * FROM t", "0|2024|2024-02-29|1970-01-01 00:00:00"),
		loads("t", "0\t2024-02-29 01:02:03\n", "columns: k, x, y=month(x)+day(x), d=x, s=date_format(x, '%Y/%m/%d %H:%i:%s')").succeeds(), selects("SELECT * FROM t", "0|31|2024-02-29|2024/02/29 01:02:03"),
	}},
}
