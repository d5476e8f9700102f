package emulator

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFrontend(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, v STRING) PRIMARY KEY(id)", "CREATE USER u IDENTIFIED BY 'p'")
	url := "http://" + w.HTTPAddr() + "/api/d/t/_stream_load?x=1"
	for range 3 {
		res, body, err := put(url, "root", "", "1\ta\n")
		if err != nil {
			t.Fatal(err)
		}
		_, bePort, _ := net.SplitHostPort(w.BEHTTPAddr())
		if want := "http://localhost:" + bePort + "/api/d/t/_stream_load?x=1"; res.StatusCode != 307 || res.Header.Get("Location") != want || !res.Close || body != "" || res.Header.Get("Content-Type") != "text/html" {
			t.Fatalf("%s %v close=%v body=%q", res.Status, res.Header, res.Close, body)
		}
	}
	res, body, err := put(url, "root", "", "1\ta\n", "Expect:")
	if err != nil || res.StatusCode != 200 || !res.Close || body != `{"Status":"FAILED","Message":"class com.starrocks.common.DdlException: There is no 100-continue header"}` {
		t.Errorf("without Expect: %v %v %s", err, res, body)
	}
	for _, c := range []struct{ user, password, part string }{
		{"", "", "Need auth information."}, {"root", "wrong", "Access denied for root@127.0.0.1"}, {"nobody", "", "Access denied for nobody@"},
		{"u", "p", "Access denied; you need (at least one of) the INSERT privilege(s) on TABLE t"},
	} {
		res, body, err := put(url, c.user, c.password, "1\ta\n")
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != `Basic realm=""` || !strings.Contains(body, c.part) || !strings.Contains(body, `"code":"1"`) {
			t.Errorf("%s: %s %s", c.user, res.Status, body)
		}
	}
	if code, _ := w.get(http.MethodGet, "/nothing"); code != 404 {
		t.Errorf("unknown path: %d", code)
	}
}

// The frontend answers without 100 Continue, and HTTP/1.0 needs no Expect.
func TestFrontendRaw(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	for _, proto := range []string{"HTTP/1.0\r\n", "HTTP/1.1\r\nExpect: 100-continue\r\n"} {
		c, err := net.Dial("tcp", w.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "PUT /api/d/t/_stream_load %sHost: h:1\r\nContent-Length: 2\r\nAuthorization: Basic cm9vdDo=\r\n\r\n", proto)
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(line, " 307 ") {
			t.Errorf("%q: %q %v", proto, line, err)
		}
		_ = c.Close()
	}
}

func TestBackendAnswer(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, v STRING) PRIMARY KEY(id)", "CREATE USER u IDENTIFIED BY 'p'")
	r := w.load("d.t", "1,2", "label:same", "column_separator:,")
	last := -1
	for _, key := range strings.Fields("TxnId Label Status Message NumberTotalRows NumberLoadedRows NumberFilteredRows NumberUnselectedRows LoadBytes LoadTimeMs BeginTxnTimeMs StreamLoadPlanTimeMs ReadDataTimeMs WriteDataTimeMs CommitAndPublishTimeMs") {
		at := strings.Index(r.raw, "\n    \""+key+"\": ")
		if at <= last {
			t.Fatalf("%s out of order in %s", key, r.raw)
		}
		last = at
	}
	if r.Status != "Success" || r.Message != "OK" || r.NumberLoadedRows != 1 || r.TxnId <= 0 {
		t.Errorf("%s", r.raw)
	}
	if r := w.load("d.t", "1,3", "label:same", "column_separator:,"); r.TxnId != -1 || r.Status != "Label Already Exists" || r.ExistingJobStatus != "FINISHED" || r.Message != "Label [same] has already been used." {
		t.Errorf("%s", r.raw)
	}
	w.expect("SELECT * FROM d.t", "1|2")
	be := "http://" + w.BEHTTPAddr() + "/api/d/t/_stream_load"
	for _, c := range []struct{ user, password, path, part string }{
		{"", "", be, "no valid Basic authorization"}, {"root", "x", be, "Access denied for user 'root' (using password: YES)"},
		{"u", "p", be, "Access denied; you need (at least one of) the INSERT privilege(s) for this operation"},
		{"root", "", strings.Replace(be, "/d/", "/no/", 1), "unknown database, database=no"}, {"root", "", strings.Replace(be, "/t/", "/no/", 1), `unknown table \"d.no\"`},
	} {
		if _, body, err := put(c.path, c.user, c.password, "1\ta\n"); err != nil || !strings.Contains(body, c.part) || !strings.Contains(body, `"Status": "Fail"`) {
			t.Errorf("%s: %v %s", c.part, err, body)
		}
	}
}

// Every line is one load into a fresh table (id INT, v <type>): what is read back, or
// the message and error log when it must fail.
var loadValueCases = []struct {
	typ, body string
	headers   []string
	want      string // rows, or "! message", or "? error log"
}{
	{"INT", "1\t 7 \n2\t7.9\n3\t-0\n", nil, "1|7 2|7 3|0"},
	{"INT", "1\t2147483648\n2\tx\n3\t\\N\n4\t\n", nil, "1|NULL 2|NULL 3|NULL 4|NULL"},
	{"INT", "1\t2147483648\n", []string{strictMode}, "? Error: The field (name = v, pos = 1) is out of range. Type: INT, Value length: 10, Value: 2147483648. Row: 1\t2147483648"},
	{"INT", "1\t\n", []string{strictMode}, "! too many filtered rows"},
	{"TINYINT", "1\t127\n2\t128\n", nil, "1|127 2|NULL"},
	{"LARGEINT", "1\t170141183460469231731687303715884105727\n2\t170141183460469231731687303715884105728\n", nil, "1|170141183460469231731687303715884105727 2|NULL"},
	{"BOOLEAN", "1\tTrue\n2\t0\n3\t5\n4\tyes\n", nil, "1|1 2|0 3|1 4|NULL"},
	{"DECIMAL(5,2)", "1\t1.005\n2\t-1.005\n3\t999.99\n4\t1000\n5\t999.999\n", nil, "1|1.01 2|-1.01 3|999.99 4|NULL 5|NULL"},
	{"DOUBLE", "1\t0.1\n2\t1e100\n3\tnan\n", nil, "1|0.1 2|1e+100 3|NULL"},
	{"FLOAT", "1\t0.1\n2\t-2.5\n", nil, "1|0.1 2|-2.5"},
	{"DATE", "1\t2024-02-29\n2\t2023-02-29\n3\t20240102\n4\t0000-00-00\n", nil, "1|2024-02-29 2|NULL 3|2024-01-02 4|NULL"},
	{"DATETIME", "1\t2022-04-26\n2\t2022-04-26T01:02:03.5Z\n3\t2022-04-26 01:02:03+08:00\n4\t2022-04-26 24:00:00\n", nil, "1|2022-04-26 00:00:00 2|2022-04-26 01:02:03.500000 3|2022-04-26 01:02:03 4|NULL"},
	{"VARCHAR(3)", "1\tabc\n2\tabcd\n3\té!\n4\téé\n5\t\n", nil, "1|abc 2|NULL 3|é! 4|NULL 5|"},
	{"VARCHAR(3) NOT NULL", "1\tabcd\n", nil, "? Error: NULL value in non-nullable column 'v'. Row: [1, NULL, 0]"},
	{"VARCHAR(3)", "1\tabcd\n", []string{strictMode}, "? Error: The field (name = v, pos = 1) is out of range. Type: VARCHAR(3), Value length: 4, Value: abcd. Row: 1\tabcd"},
	{"VARBINARY", "1\tAQI=\n2\tnot base64!\n", nil, "1|\x01\x02 2|not base64!"},
	{"VARBINARY", "1\t0102\n", []string{"columns:id,tmp,v=to_binary(tmp,'hex')"}, "1|\x01\x02"},
	{"JSON", "1\t{\"b\":1,\"a\":[1,2.50]}\n2\tplain\n3\t{bad\n4\t7\n", nil, `1|{"a": [1, 2.5], "b": 1} 2|"plain" 3|NULL 4|7`},
	{"STRING", "1\ta\n\n2\tb", nil, "1|a 2|b"},
	{"STRING", "1\ta\r\n", nil, "1|a\r"},
	{"STRING", "1\ta\tb\n", nil, "? Error: Target column count: 2 doesn't match source value column count: 3. Column separator: '\\t', Row delimiter: '\\n'. Row: 1\ta\tb"},
	{"STRING", "1\t\xff\n", nil, "? Error: Invalid UTF-8 row. Row: 1\t?"},
	{"STRING", "1\x01a\x021\x01b\x02", []string{`column_separator:\x01`, `row_delimiter:\x02`}, "1|b"},
	{"STRING", "1|@|a^^2|@|b^^", []string{"column_separator:|@|", "row_delimiter:^^"}, "1|a 2|b"},
	{"STRING", `1,"a,""b""` + "\n" + `c"` + "\n2," + `"\N"` + "\n", []string{"column_separator:,", `enclose:"`}, "1|a,\"b\"\nc 2|NULL"},
	{"STRING", `1,\N` + "\n" + `2,\\N` + "\n" + `3,a\,b\` + "\nc\n", []string{"column_separator:,", `escape:\`}, "1|NULL 2|NULL 3|a,b\nc"},
	{"STRING", ` 1 ,  a b  ` + "\n" + `2,  " q "  ` + "\n", []string{"column_separator:,", `enclose:"`, "trim_space:true"}, "1|a b 2| q "},
	{"STRING", "h\nh\n1,a\n", []string{"column_separator:,", "skip_header:2"}, "1|a"},
	{"STRING", "h\nh", []string{"skip_header:3"}, "! The parameter 'skip_header' is set to 3, but there are only 2 rows in the csv file"},
	{"STRING", "a\t1\n", []string{"columns:V,ID"}, "1|a"},
	{"STRING", "1\n", []string{"columns:id,v='x'"}, "1|x"},
	{"STRING", "1\n", []string{"columns:id"}, "1|NULL"},
	{"STRING NOT NULL DEFAULT 'dd'", "1\n", []string{"columns:id"}, "1|dd"},
	{"STRING NOT NULL", "1\n", []string{"columns:id"}, "! Column has no default value. column: v"},
	{"STRING", "1\n", []string{"columns:id,id"}, "! Duplicate column: id"},
	{"STRING", "1\n", []string{"columns:id,v=1,v=2"}, "! Duplicate column mapping: v"},
	{"STRING", "1\n", []string{"columns:id,w=1"}, "! Mapping column is not in table. column: w"},
	{"STRING", "1\n", []string{"columns:id,v=nope"}, "! column has no source field, column=nope"},
	{"STRING", "1\ta\t0\n2\tb\t0\n1\ta\t1\n3\tc\t1\n3\td\t0\n", []string{"columns:id,v,__op"}, "2|b 3|d"},
	{"STRING", "1\ta\n", []string{"columns:id,v,__op='delete'"}, ""},
	{"STRING", "1\ta\t\\N\n", []string{"columns:id,v,__op"}, "! too many filtered rows"},
	{"STRING", "", nil, "! No rows were imported from upstream."},
	{"INT", "1\t1\n2\tx\n3\t3\n4\t4\n", []string{strictMode, "max_filter_ratio:0.25"}, "1|1 3|3 4|4"},
	{"INT", "1\t1\n2\tx\n3\t3\n", []string{strictMode, "max_filter_ratio:0.25"}, "! too many filtered rows"},
	{"INT", "1\t1\n", []string{"format:xml"}, "! unknown data format, format=xml"},
	{"INT", "1\t1\n", []string{"label:a b"}, "! Label format error."},
	{"INT", "1\t1\n", []string{"strict_mode:maybe"}, "! Invalid strict mode format. Must be bool type"},
	{"INT", "1\t1\n", []string{"timeout:soon"}, "! Invalid timeout format"},
	{"INT", "1\t1\n", []string{"column_separator:\\x0"}, "! Invalid delimiter"},
	{"INT", "1\t1\n", []string{"where:id>1"}, "! No rows were imported from upstream."},
	{"INT", "1\t1\n", []string{"partial_update:true"}, "! key column id not in partial update columns"},
	{"INT", "1\t1\n", []string{"compression:gzip"}, "1|1"},
	// JSON
	{"INT", `{"id":1,"v":2}{"id":2} {"id":3,"V":1,"x":1}`, []string{"format:JSON"}, "1|2 2|NULL 3|NULL"},
	{"INT", `[{"id":1,"v":"2"},{"id":2,"v":true},{"id":3,"v":2147483647.3},{"id":4,"v":2147483648.0}]`, []string{"format:json", "strip_outer_array:true"}, "1|2 2|NULL 3|2147483647 4|NULL"},
	{"BIGINT", `{"id":1,"v":9223372036854775000.0}{"id":2,"v":9223372036854775807.0}{"id":3,"v":-9223372036854775809.0}{"id":4,"v":-9223372036854778808.0}{"id":5,"v":9223372036854775808}`, []string{"format:json"}, "1|9223372036854774784 2|NULL 3|-9223372036854775808 4|NULL 5|NULL"},
	{"INT", `[{"id":1}]`, []string{"format:json"}, "! parse error. The value is array type in json document stream, you can set strip_outer_array=true"},
	{"INT", `{"id":1}`, []string{"format:json", "strip_outer_array:true"}, "! the value should be array type with strip_outer_array=true, value: "},
	{"INT", `x`, []string{"format:json"}, "! parse error. illegal json started with [x]"},
	{"INT", `{"id":1,"v":1}{"id":2,`, []string{"format:json"}, "! parse error."},
	{"INT", `{"id":1,"v":1,"v":2}`, []string{"format:json"}, "1|1"},
	{"INT", `{"id":1,"v":"x"}`, []string{"format:json", strictMode}, "? Error: Value '\"x\"' is out of range. The type of 'v' is INT. Row: {\"id\":1,\"v\":\"x\"}"},
	{"STRING", `{"id":1,"v":1.50}{"id":2,"v":true}{"id":3,"v":{"a" : 1}}{"id":4,"v":"\u000b"}{"id":5,"v":"\\N"}`, []string{"format:json"}, "1|1.50 2|1 3|{\"a\":1} 4|\x0b 5|\\N"},
	{"VARCHAR(2)", `{"id":1,"v":"abc"}`, []string{"format:json", strictMode}, "? Error: Value length is beyond the capacity. column=v. Row: {\"id\":1,\"v\":\"abc\"}"},
	{"JSON", `{"id":1,"v":{"b":[1, 2],"a":null}}{"id":2,"v":"{}"}`, []string{"format:json"}, `1|{"a": null, "b": [1, 2]} 2|"{}"`},
	{"VARBINARY", `{"id":1,"v":"1234"}`, []string{"format:json"}, "1|1234"},
	{"VARBINARY", `{"id":1,"t":"00ff"}`, []string{"format:json", "columns:id,t,v=to_binary(t,'hex')"}, "1|\x00\xff"},
	{"LARGEINT", `{"id":1,"v":170141183460469231731687303715884105727}`, []string{"format:json"}, "1|170141183460469231731687303715884105727"},
	{"DECIMAL(20,0)", `{"id":1,"v":18446744073709551615}`, []string{"format:json"}, "1|18446744073709551615"},
	{"STRING", `{"id":1,"v":"a"}{"id":2,"v":"b"}{"id":1,"__op":1}`, []string{"format:json"}, "2|b"},
	{"STRING", `{"a":{"id":1,"l":[5,6]}}`, []string{"format:json", `jsonpaths:["$.a.id","$.a.l[1]"]`}, "1|6"},
}

const strictMode = "strict_mode:true"

func TestLoadValues(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d")
	for i, c := range loadValueCases {
		table := fmt.Sprintf("d.t%d", i)
		w.exec("CREATE TABLE " + table + " (id INT, v " + c.typ + ") PRIMARY KEY(id)")
		r := w.load(table, c.body, c.headers...)
		got := strings.Join(w.rows("SELECT * FROM "+table+" ORDER BY id"), " ")
		switch {
		case strings.HasPrefix(c.want, "! "):
			if r.Status != "Fail" || !strings.HasPrefix(r.Message, c.want[2:]) || got != "" {
				t.Errorf("%s %q %q: %s %s, rows %q", c.typ, c.body, c.headers, r.Status, r.Message, got)
			}
		case strings.HasPrefix(c.want, "? "):
			if log := w.errorLog(r); r.Message != "too many filtered rows" || log != c.want[2:]+"\n" {
				t.Errorf("%s %q %q: %s\n got %q\nwant %q", c.typ, c.body, c.headers, r.Message, log, c.want[2:])
			}
		default:
			if r.Status != "Success" || got != c.want {
				t.Errorf("%s %q %q: %s %s %s\n got %q\nwant %q", c.typ, c.body, c.headers, r.Status, r.Message, w.errorLog(r), got, c.want)
			}
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	w := start(t, Config{LabelKeepNum: 2, MaxRunningTxns: 1})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	if r := w.load("d.t", "x\n", "label:bad", "strict_mode:true"); r.Status != "Fail" {
		t.Fatal(r.raw)
	}
	if _, body := w.get(http.MethodGet, "/api/d/get_load_state?label=bad"); body != `{"state":"ABORTED","reason":"too many filtered rows","status":"OK","code":"0","msg":"Success","message":"OK"}` {
		t.Error(body)
	}
	w.loaded("d.t", "1\n", "label:bad") // an aborted label is free
	if _, body := w.get(http.MethodGet, "/api/d/get_load_state?label=none"); body != `{"state":"UNKNOWN","status":"OK","code":"0","msg":"Success","message":"OK"}` {
		t.Error(body)
	}
	// A load whose body does not end holds its label in PREPARE.
	pr, pw := io.Pipe()
	req, err := http.NewRequest(http.MethodPut, "http://"+w.BEHTTPAddr()+"/api/d/t/_stream_load", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("root", "")
	req.Header.Set("label", "open")
	type answer struct {
		body string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		res, err := client.Do(req)
		if err != nil {
			done <- answer{err: err}
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		done <- answer{string(b), err}
	}()
	if _, err := pw.Write([]byte("5\n")); err != nil {
		t.Fatal(err)
	}
	for w.LabelState("d", "open") != "PREPARE" {
		time.Sleep(time.Millisecond) // the state is the server's; there is no signal on the wire
	}
	if r := w.load("d.t", "1\n", "label:open"); r.Status != "Label Already Exists" || r.ExistingJobStatus != "RUNNING" {
		t.Error(r.raw)
	}
	if r := w.load("d.t", "1\n", "label:more"); !strings.Contains(r.Message, "is 1, larger than limit 1") {
		t.Error(r.raw)
	}
	if _, body := w.get(http.MethodPost, "/api/d/t/_cancel?label=open"); body != `{"status":"OK","code":"0","msg":"Success","message":"OK"}` {
		t.Error(body)
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	if a := <-done; a.err != nil || !strings.Contains(a.body, "already aborted") {
		t.Error(a)
	}
	if _, body := w.get(http.MethodPost, "/api/d/t/_cancel?label=open"); !strings.Contains(body, "running transaction not found, label=open") {
		t.Error(body)
	}
	for i := range 4 {
		w.loaded("d.t", "1\n", fmt.Sprintf("label:l%d", i))
	}
	w.CleanLabels()
	for i, want := range []string{"UNKNOWN", "UNKNOWN", "VISIBLE", "VISIBLE"} {
		if got := w.LabelState("d", fmt.Sprintf("l%d", i)); got != want {
			t.Errorf("l%d is %s, want %s", i, got, want)
		}
	}
	w.loaded("d.t", "1\n", "label:l0") // forgotten, so free
}

func TestPublish(t *testing.T) {
	t.Parallel()
	w := start(t, Config{PublishDelay: 3 * time.Second})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	r := w.load("d.t", "1\n", "label:slow", "timeout:1")
	if r.Status != "Publish Timeout" {
		t.Fatal(r.raw)
	}
	w.expect("SELECT count(*) FROM d.t", "0")
	if got := w.LabelState("d", "slow"); got != "COMMITTED" {
		t.Error(got)
	}
	if err := w.Settle(t.Context(), "d", "t"); err != nil {
		t.Fatal(err)
	}
	w.expect("SELECT count(*) FROM d.t", "1")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := start(t, Config{MaxVersions: 3})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id VARCHAR(200), v INT) PRIMARY KEY(id)", "CREATE TABLE d.u (a INT, b VARCHAR(200)) PRIMARY KEY(a, b)")
	w.loaded("d.t", strings.Repeat("k", 128)+"\t1\n")
	if r := w.load("d.t", strings.Repeat("k", 129)+"\t1\n"); r.Message != "primary key size exceed the limit." {
		t.Error(r.raw)
	}
	if r := w.load("d.u", "1\t"+strings.Repeat("k", 125)+"\n"); r.Message != "primary key size exceed the limit." {
		t.Error(r.raw)
	}
	w.loaded("d.t", "a\t1\n")
	if r := w.load("d.t", "b\t1\n"); !strings.Contains(r.Message, "because of too many versions, current/limit: 3/3") {
		t.Error(r.raw)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	w.Fault(Fault{Op: "be-load", Table: "t", LabelPrefix: "a", Count: 1, DropAfter: true})
	w.Fault(Fault{Op: "be-load", LabelPrefix: "b", Count: 1, PublishTimeout: true})
	w.Fault(Fault{Op: "be-load", LabelPrefix: "c", Count: 1, Message: TooManyVersions})
	w.Fault(Fault{Op: "fe-load", LabelPrefix: "e", Count: 1, Status: 503, Body: "busy"})
	remove := w.Fault(Fault{Op: "query", Contains: "count(", Message: "injected"})
	be := "http://" + w.BEHTTPAddr() + "/api/d/t/_stream_load"
	if _, _, err := put(be, "root", "", "1\n", "label:a1"); err == nil {
		t.Error("the answer was not dropped")
	}
	if got := w.LabelState("d", "a1"); got != "VISIBLE" {
		t.Error(got)
	}
	if r := w.load("d.t", "2\n", "label:b1"); r.Status != "Publish Timeout" {
		t.Error(r.raw)
	}
	if r := w.load("d.t", "3\n", "label:c1"); r.Status != "Fail" || !strings.Contains(r.Message, "too many versions") {
		t.Error(r.raw)
	}
	if res, body, err := put("http://"+w.HTTPAddr()+"/api/d/t/_stream_load", "root", "", "4\n", "label:e1"); err != nil || res.StatusCode != 503 || body != "busy" {
		t.Error(res, body, err)
	}
	refused(t, w.db, "SELECT count(*) FROM d.t", 1064, "injected")
	remove()
	w.expect("SELECT id FROM d.t ORDER BY 1", "1", "2")
	if w.Loads() != 2 {
		t.Error(w.Loads())
	}
}
