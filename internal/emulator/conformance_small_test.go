package emulator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

func init() { conformanceSets = append(conformanceSets, smallCases) }

const onDuplicates = "CREATE TABLE t (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}"

// greeted reads the greeting of the query port.
func greeted(check func(version string, body []byte) error) step {
	return func(r *caseRun) error {
		conn, err := net.DialTimeout("tcp", r.query, 10*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		head := make([]byte, 4)
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, head); err != nil {
			return err
		}
		packet := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
		if _, err := io.ReadFull(conn, packet); err != nil {
			return err
		}
		version, rest, ok := strings.Cut(string(packet[1:]), "\x00")
		if head[3] != 0 || packet[0] != 10 || !ok || len(rest) < 31 {
			return fmt.Errorf("greeting % x % x", head, packet)
		}
		return check(version, []byte(rest))
	}
}

// capabilities of MySQL's protocol, by their bits.
var (
	offered    = map[string]uint{"CONNECT_WITH_DB": 3, "PROTOCOL_41": 9, "SECURE_CONNECTION": 15, "PLUGIN_AUTH": 19}
	notOffered = map[string]uint{"COMPRESS": 5, "LOCAL_FILES": 7, "TRANSACTIONS": 13, "MULTI_STATEMENTS": 16, "MULTI_RESULTS": 17, "SESSION_TRACK": 23, "DEPRECATE_EOF": 24}
)

func greeting(wantVersion string) step {
	return greeted(func(version string, b []byte) error {
		if version != wantVersion {
			return fmt.Errorf("version %s, want %s", version, wantVersion)
		}
		caps := uint32(binary.LittleEndian.Uint16(b[13:])) | uint32(binary.LittleEndian.Uint16(b[18:]))<<16
		var errs []error
		for name, bit := range offered {
			if caps>>bit&1 == 0 {
				errs = append(errs, fmt.Errorf("%s is not offered", name))
			}
		}
		for name, bit := range notOffered {
			if caps>>bit&1 == 1 {
				errs = append(errs, fmt.Errorf("%s is offered", name))
			}
		}
		if b[15] != 33 || b[16] != 0 || b[17] != 0 || !strings.HasSuffix(string(b), "\x00mysql_native_password\x00") {
			errs = append(errs, fmt.Errorf("charset %d, status % x, %q", b[15], b[16:18], b[31:]))
		}
		return errors.Join(errs...)
	})
}

// greetingCase is the greeting of one version.
func greetingCase(id, version, says string) conformanceCase {
	return conformanceCase{id: id, private: "version " + version, config: Config{Version: version}, steps: []step{greeting(says)}}
}

// loadedWith is a load whose header changes nothing.
func loadedWith(id string, headers ...string) conformanceCase {
	c := conformanceCase{id: id, steps: []step{withTable(twoInts)}}
	for i, h := range headers {
		c.steps = append(c.steps, loads("t", fmt.Sprintf("1\t%d\n1\t%d\n", i, i+100), h).succeeds(), selects("SELECT * FROM t", fmt.Sprintf("1|%d", i+100)))
	}
	return c
}

var smallCases = []conformanceCase{
	{id: "QC.commands", private: "a login without a password", steps: []step{
		commanded([]byte{comPing}, 0, 0), commanded([]byte{comInitDB, 's', 'f', '_', 'n', 'o'}, 0xff, 5501), commanded(append([]byte{comInitDB}, "information_schema"...), 0, 0),
		commanded(append([]byte{comQuery}, "SET @a = 1"...), 0, 0), commanded([]byte{comResetConnection}, 0, 0), commanded(append([]byte{comStmtPrepare}, "SELECT 1"...), 0, 0),
		// Statistics, process info, kill, debug, a dump of the binary log, register slave, and one that does not exist.
		commanded([]byte{9}, 0xff, 1047), commanded([]byte{10}, 0xff, 1047), commanded([]byte{12, 1, 0, 0, 0}, 0xff, 1047), commanded([]byte{13}, 0xff, 1047), commanded([]byte{18}, 0xff, 1047), commanded([]byte{21}, 0xff, 1047), commanded([]byte{99}, 0xff, 1047),
	}},
	{id: "BL.process_exit_abort", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-load", Table: "t", Count: 1, Message: ShuttingDown}),
		loads("t", "1\t1\n", "label: l").gives(jsonOf("Status", "Fail", "Message", ShuttingDown)), labelState("l", `{"state":"UNKNOWN"}`), loads("t", "1\t1\n", "label: l").succeeds(),
	}},
	{id: "BL.commit_try", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-load", Table: "t", Count: 1, Message: TooManyVersions}),
		loads("t", "1\t1\n", "label: l").fails(TooManyVersions), labelState("l", `{"state":"ABORTED"}`), loads("t", "1\t1\n", "label: l").succeeds(),
	}},
	{id: "BL.huge_malloc", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-load", Table: "t", Count: 1, Message: MemoryLimit}), loads("t", "1\t1\n", "label: l").fails(MemoryLimit), labelState("l", `{"state":"ABORTED"}`), selects("SELECT * FROM t"),
	}},
	{id: "BT.huge_malloc", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-txn-load", Table: "t", Count: 1, Message: MemoryLimit}), begun("x"), txnLoad("x", "1,1\n").status("MEM_LIMIT_EXCEEDED", MemoryLimit), txn("commit", "x").direct().status("TXN_NOT_EXISTS", "*"), txnIs("x", "ABORTED"),
	}},
	{id: "CSV.test_adaptive_nullable_column1", steps: []step{
		withTable(threeText), loads("t", "5,\\N,~ebb~\n6,\\x,\\N\n", commas, "enclose: ~", escaped).succeeds(), selects("SELECT * FROM t ORDER BY k", "5|NULL|ebb", `6|\x|NULL`),
	}},
	{id: "CSV.test_enclose_fanatics", steps: []step{
		withTable("k INT, a STRING, b STRING, c INT"), loads("t", "7,\"Salty\" Sue, the cook,3\n8,\"a,b\"c,\"d\"\"e\",4\n", commas, enclosed).succeeds(),
		selects("SELECT * FROM t ORDER BY k", `7|"Salty" Sue| the cook|3`, `8|"a,b"c|d"e|4`),
	}},
	{id: "DC.partition", steps: []step{
		partitioned("a", "PARTITION BY (d)"), partitioned("b", "PARTITION BY date_trunc('month', d)"),
		partitioned("c", `PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ("2030-01-01"))`), partitioned("e", `PARTITION BY LIST(d) (PARTITION p1 VALUES IN ("2021-02-03"))`),
		refuses("CREATE TABLE f (k INT, v INT) PRIMARY KEY(k) PARTITION BY (v) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}", "*", 1064),
	}},
	greetingCase("QC.handshake", "3.5", "8.0.33"),
	greetingCase("QC.handshake-5.1", "3.4", "5.1.0"),
	badHeader("FH.partial_update-flag", "partial_update: maybe", "Invalid partial update flag format. Must be bool type"),
	{id: "FH.compression", since: "3.2.7", steps: []step{
		withTable(twoInts), loads("t", gzipped(`{"k":1,"v":10}`), jsonFormat, "compression: gzip").succeeds(), loads("t", "2\t20\n", "compression: gzip").succeeds(), selects("SELECT * FROM t ORDER BY k", "1|10", "2|20"),
	}},
	{id: "FH.compression-both", since: "3.2.7", steps: []step{
		withTable(twoInts), loads("t", gzipped(`{"k":1,"v":10}`), jsonFormat, "compression: gzip", "Content-Encoding: gzip").fails("Only one of http header content-encoding and compression can be set"), selects("SELECT * FROM t"),
	}},
	{id: "FH.compression-unknown", since: "3.2.7", steps: []step{withTable(twoInts), loads("t", `{"k":1,"v":10}`, jsonFormat, "compression: x").fails("Unsupported compression type: x"), selects("SELECT * FROM t")}},
	{id: "FH.timezone", steps: []step{
		withTable("k INT, s STRING, d DATETIME"), loads("t", "0\t2020-06-01 12:00:00\n", "timezone: UTC", "columns: k, d, s=from_unixtime(k)").succeeds(), selects("SELECT * FROM t", "0|1970-01-01 00:00:00|2020-06-01 12:00:00"),
		loads("t", "0\t2020-06-01 12:00:00\n", "columns: k, d, s=from_unixtime(k)").succeeds(), selects("SELECT * FROM t", "0|1970-01-01 08:00:00|2020-06-01 12:00:00"),
		loads("t", "0\t2020-06-01 12:00:00\n", "timezone: America/New_York", "columns: k, d, s=from_unixtime(k)").succeeds(), selects("SELECT * FROM t", "0|1969-12-31 19:00:00|2020-06-01 12:00:00"),
	}},
	loadedWith("FH.transmission_compression_type", "transmission_compression_type: LZ4", "transmission_compression_type: ZSTD"),
	loadedWith("FH.load_dop", "load_dop: 1", "load_dop: 8"),
	{id: "FP.op-reserved", steps: []step{runs(onDuplicates), loads("t", "1\t1\n", "columns: k,v,__op='delete'").fails("Mapping column is not in table. column: __op"), selects("SELECT * FROM t")}},
	{id: "FP.partial-duplicate-table", steps: []step{runs(onDuplicates), loads("t", "1\n", partial, "columns: k").fails("Only primary key table support partial update"), selects("SELECT * FROM t")}},
	{id: "FP.show-stream-load", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n2\t2\n", "label: {db}_l").succeeds(), loads("t", "3\t3\n", "label: {db}_m").succeeds(),
		shows("SHOW STREAM LOAD FOR {db}_l FROM {db}", "Label", "{db}_l", "DbName", "{db}", "TableName", "t", "State", "FINISHED", "NumRowsNormal", "2", "NumRowsAbNormal", "0", "NumLoadBytes", "8", "TimeoutSecond", "600", "Type", "STREAM_LOAD"),
	}},
	{id: "QS.show-transaction", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: {db}_l", "timeout: 77").succeeds(),
		func(r *caseRun) error {
			rows, err := queryRows(r.conn, r.fill("SELECT JOB_ID FROM information_schema.loads WHERE LABEL = '{db}_l'"))
			if err != nil || len(rows) != 1 {
				return fmt.Errorf("%q %w", rows, err)
			}
			if r.double == nil { // there the job has a number of its own
				return shows("SHOW TRANSACTION FROM {db} WHERE label = '{db}_l'", "TransactionStatus", "VISIBLE")(r)
			}
			return shows("SHOW TRANSACTION FROM {db} WHERE id = "+rows[0], "TransactionId", rows[0], "Label", "{db}_l", "TransactionStatus", "VISIBLE", "LoadJobSourceType", "BACKEND_STREAMING", "TimeoutMs", "77000", "PreparedTimeoutMs", "86400000")(r)
		},
		refuses("SHOW TRANSACTION FROM {db} WHERE id = 4", "*transaction with id 4 does not exist*", 1064),
	}},
	{id: "QS.frontend-config", steps: []step{
		shows("ADMIN SHOW FRONTEND CONFIG LIKE 'max_running_txn_num_per_db'", "Key", "max_running_txn_num_per_db", "AliasNames", "[]", "Value", "1*", "Type", "int", "IsMutable", "true"),
		shows("ADMIN SHOW FRONTEND CONFIG LIKE 'PREPARED_transaction_default%'", "Key", "prepared_transaction_default_timeout_second", "Value", "86*"),
		selects("ADMIN SHOW FRONTEND CONFIG LIKE 'no_such_setting'"),
		runs("CREATE USER {db}_c IDENTIFIED BY 'p'"), asUser("{db}_c", "p", denied("ADMIN SHOW FRONTEND CONFIG")), runs("DROP USER {db}_c"),
	}},
	{id: "QS.show-proc", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: {db}_done").succeeds(), begun("open"),
		shows("SHOW PROC '/transactions/{db}/running'", "Label", "{db}_open", "TransactionStatus", "PREPARE"), shows("SHOW PROC '/transactions/{db}/finished'", "Label", "{db}_done", "TransactionStatus", "VISIBLE"),
		txn("rollback", "open").gives(`{}`), selects("SHOW PROC '/transactions/{db}/running'"),
	}},
	{id: "QP.stream-load-delete", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n2\t2\n").succeeds(), runs("CREATE USER {db}_d IDENTIFIED BY 'p'", "GRANT INSERT ON TABLE t TO {db}_d"),
		loads("t", "1\t1\t1\n", "columns: k,v,__op").as("{db}_d:p").succeeds(), selects("SELECT * FROM t", "2|2"),
		asUser("{db}_d", "p", refuses("DELETE FROM {db}.t WHERE k = 2", "*Access denied*", 5203, 1045, 1142, 1227)), selects("SELECT * FROM t", "2|2"), runs("DROP USER {db}_d"),
	}},
	{id: "QP.grants", steps: []step{
		withTable(twoInts), runs("CREATE TABLE u (k INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}", "CREATE USER {db}_g IDENTIFIED BY 'p'"),
		asUser("{db}_g", "p", denied("CREATE TABLE {db}.w (k INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}")),
		runs("GRANT CREATE TABLE ON DATABASE {db} TO {db}_g"), asUser("{db}_g", "p", runs("CREATE TABLE {db}.w (k INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}")),
		asUser("{db}_g", "p", denied("SELECT * FROM {db}.u")), runs("GRANT SELECT, ALTER ON ALL TABLES IN DATABASE {db} TO {db}_g"),
		asUser("{db}_g", "p", selects("SELECT * FROM {db}.u")), asUser("{db}_g", "p", runs("ALTER TABLE {db}.t ADD COLUMN w INT")), asUser("{db}_g", "p", denied("DROP TABLE {db}.t")), asUser("{db}_g", "p", denied("DROP DATABASE {db}")),
		runs("REVOKE ALTER ON ALL TABLES IN DATABASE {db} FROM {db}_g"), asUser("{db}_g", "p", denied("ALTER TABLE {db}.t DROP COLUMN w")), asUser("{db}_g", "p", selects("SELECT * FROM {db}.u")),
		runs("DROP USER {db}_g"),
	}},
}

// commanded logs in as root, sends one command and expects how its answer begins.
func commanded(command []byte, first byte, code uint16) step {
	return func(r *caseRun) error {
		conn, err := net.DialTimeout("tcp", r.query, 10*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
		c := newPacketConn(conn)
		login := binary.LittleEndian.AppendUint32(nil, 1<<offered["PROTOCOL_41"]|1<<offered["SECURE_CONNECTION"]|1<<offered["PLUGIN_AUTH"])
		login = append(append(append(login, 0, 0, 0, 1, 33), make([]byte, 23)...), "root\x00\x00mysql_native_password\x00"...)
		for _, packet := range [][]byte{login, command} {
			if _, err := c.read(); err != nil {
				return err
			}
			if len(packet) == len(command) {
				c.seq = 0
			}
			if err := errors.Join(c.write(packet), c.w.Flush()); err != nil {
				return err
			}
		}
		answer, err := c.read()
		if err != nil || len(answer) < 3 || answer[0] != first {
			return fmt.Errorf("command %d: % x %w", command[0], answer, err)
		}
		if got := binary.LittleEndian.Uint16(answer[1:]); first == 0xff && got != code {
			return fmt.Errorf("command %d: error %d %q, want %d", command[0], got, answer, code)
		}
		return nil
	}
}

// partitioned creates a table with that clause and loads a row.
func partitioned(name, clause string) step {
	return func(r *caseRun) error {
		return errors.Join(
			runs("CREATE TABLE "+name+" (k INT, d DATE, v INT) PRIMARY KEY(k, d) "+clause+" DISTRIBUTED BY HASH(k) BUCKETS 1 {one}")(r),
			loads(name, "1\t2021-02-03\t4\n").succeeds()(r), selects("SELECT * FROM "+name, "1|2021-02-03|4")(r))
	}
}

func denied(statement string) step {
	return refuses(statement, "*Access denied*", 5203, 1044, 1045, 1142, 1227)
}

// shows expects one row with these values, names and values in turn.
func shows(statement string, pairs ...string) step {
	return func(r *caseRun) error {
		rows, err := queryMaps(r.conn, r.fill(statement))
		if err != nil || len(rows) != 1 {
			return fmt.Errorf("%s: %d rows, want 1 (%w)", statement, len(rows), err)
		}
		for i := 0; i < len(pairs); i += 2 {
			if got := rows[0][pairs[i]]; !globMatch(r.fill(pairs[i+1]), got) {
				return fmt.Errorf("%s: %s is %q, want %s", statement, pairs[i], got, pairs[i+1])
			}
		}
		return nil
	}
}
